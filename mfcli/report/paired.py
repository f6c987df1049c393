"""Differences between runs, paired by user, as evaluate computes them for several models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mfcli.evaluation.baseline import RESAMPLES
from mfcli.evaluation.confidence import difference, resampled
from mfcli.report.data import Run

Differences = dict[str, dict[str, Any]]  # metric → difference, low, high, beyond_noise


@dataclass(frozen=True)
class Pairing:
    """Runs held against the first that was measured.

    users:       how many they are paired over.
    differences: place of a run → its differences to the base. A run with metrics is in here or in
                 ``reasons``, which says what is missing.
    """

    base: Run
    users: int = 0
    differences: dict[int, Differences] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


def pair_runs(runs: Sequence[Run]) -> Pairing | None:
    """Hold each run against the first one with metrics; None where fewer than two have any.

    Base and runs are computed on the same resamples, as many and from the seed that the base's
    evaluation had, so the figures are those of ``mfcli evaluate`` on all models at once.
    """
    measured = [at for at, run in enumerate(runs) if run.metrics]
    if len(measured) < 2:
        return None
    base = runs[measured[0]]
    pairing = Pairing(base, len(base.by_user.users) if base.by_user else 0)
    there = []
    for at in measured[1:]:
        reason = _why_not(base, runs[at])
        if reason:
            pairing.reasons[at] = reason
        else:
            there.append(at)
    if not there or base.by_user is None:
        return pairing
    statistics = {
        (at, name): by_user.statistic(name)
        for at in (measured[0], *there)
        if (by_user := runs[at].by_user) is not None
        for name in by_user.metrics
        if name in base.by_user.metrics
    }
    if not statistics:
        pairing.reasons.update(dict.fromkeys(there, "no metric is known by user in both runs"))
        return pairing
    options = base.options_of("evaluate")
    resamples, seed = options.get("resamples", RESAMPLES), options.get("seed", 0)
    draws = resampled(list(statistics.values()), resamples, seed)
    column = {key: draws[:, place] for place, key in enumerate(statistics)}
    for at, name in statistics:
        if at != measured[0]:
            ours, theirs = (at, name), (measured[0], name)
            found = difference(statistics[ours], statistics[theirs], column[ours], column[theirs])
            pairing.differences.setdefault(at, {})[name] = found
    return pairing


def _why_not(base: Run, run: Run) -> str:
    """Say why a run is not held against the base, nothing where it is."""
    if base.test != run.test:
        return "it was measured on another test set"
    if not run.measured_like(base):
        return "it was measured in another way"
    for one in (base, run):
        if one.by_user is None:
            return one.by_user_problem or f"{one.name} keeps no metrics by user"
    users, others = base.by_user, run.by_user
    if users is not None and others is not None and users.users != others.users:
        return "its per-user.csv is of other users"
    return ""
