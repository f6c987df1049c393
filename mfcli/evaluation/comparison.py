"""Measured models side by side: intervals, paired differences, gates, a table by user."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mfcli.config import EvaluateConfig
from mfcli.config.metrics import Better, better_of, expand_metrics, is_rating_metric
from mfcli.data.interactions import Interactions
from mfcli.errors import GateError, UsageError
from mfcli.evaluation.confidence import difference, interval, resampled
from mfcli.evaluation.measuring import Measured
from mfcli.evaluation.protocol import sampled_label


@dataclass(frozen=True, eq=False)
class Subject:
    """A model that was measured, or a baseline."""

    name: str
    sha256: str | None
    measured: Measured
    protocol: dict[str, Any]
    counts: dict[str, int]
    meta: dict[str, Any]
    base: str | None = None  # of a baseline: the name of the model that should beat it


def compare(
    subjects: list[Subject], config: EvaluateConfig
) -> tuple[list[dict[str, dict[str, float]]], list[dict[str, Any]]]:
    """Return each subject's intervals, and the differences to the first model and to baselines.

    All are computed on the same resamples of the users.
    """
    every = [
        (at, name, statistic)
        for at, subject in enumerate(subjects)
        for name, statistic in subject.measured.statistics.items()
    ]
    draws = resampled([each for *_, each in every], config.resamples, config.seed)
    column = {(at, name): draws[:, place] for place, (at, name, _) in enumerate(every)}
    intervals: list[dict[str, dict[str, float]]] = [{} for _ in subjects]
    for at, name, statistic in every:
        intervals[at][name] = interval(statistic, column[at, name])
    differences = []
    number = {each.name: at for at, each in enumerate(subjects) if each.base is None}
    for at, subject in enumerate(subjects[1:], 1):
        this, base = (at, 0) if subject.base is None else (number[subject.base], at)
        ours, theirs = (subjects[each].measured.statistics for each in (this, base))
        differences.append(
            {
                "model": subjects[this].name,
                "base": subjects[base].name,
                "metrics": {
                    name: difference(
                        ours[name], theirs[name], column[this, name], column[base, name]
                    )
                    for name in ours
                    if name in theirs
                },
            }
        )
    return intervals, differences


def user_columns(
    subjects: list[Subject], rows: Interactions, config: EvaluateConfig
) -> dict[str, Any]:
    """Return the columns of --per-user: one entry a user with a test row."""
    users, label = subjects[0].measured.users, sampled_label(config)
    columns: dict[str, Any] = {
        "user_id": rows.catalog.user_ids[users],
        "test_rows": rows.user_counts[users],
    }
    for at, subject in enumerate(subjects):
        for name, statistic in subject.measured.statistics.items():
            notes = [label] if label and not is_rating_metric(name) else []
            if at:
                notes.append(
                    subject.name
                    if subject.base is None or len(subjects) == 2
                    else f"{subject.name} of {subject.base}"
                )
            full = f"{name} ({', '.join(notes)})" if notes else name
            columns[full] = statistic.per_user
    return columns


def read_gate(text: str, config: EvaluateConfig) -> tuple[str, float]:
    """Read NAME=VALUE; raises UsageError."""
    name, equals, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        bound = math.nan
    if not equals or math.isnan(bound):
        raise UsageError(f"--fail-under {text!r} should look like ndcg@10=0.2")
    full = expand_metrics([name], config.k[:1])
    if better_of(name) is Better.lower:
        raise UsageError(f"--fail-under {text!r}: less is better for {name}")
    return full[0], bound


def check_gates(
    gates: list[tuple[str, float]],
    subjects: list[Subject],
    differences: list[dict[str, Any]],
    config: EvaluateConfig,
) -> None:
    """Raise GateError with the figure of the first gate that a model does not meet."""
    models = [each for each in subjects if each.base is None]
    label = f" ({sampled_label(config)})" if config.sampled else ""
    for name, bound in gates:
        for model in models:
            value = model.measured.metrics[name]
            if not value >= bound:
                of = f"{model.name}: " if len(models) > 1 else ""
                raise GateError(f"{of}{name}{label} is {value:.6f}, below the gate of {bound:g}")
    for baseline in (each for each in subjects if each.base is not None):
        name = config.beat_metric
        ours = next(each for each in models if each.name == baseline.base).measured.metrics[name]
        theirs = baseline.measured.metrics[name]
        if not ours > theirs:
            of = f"{baseline.base}: " if len(models) > 1 else ""
            raise GateError(
                f"{of}{name}{label} is {ours:.6f}, not above the {theirs:.6f} of {baseline.name}"
                f"{_spread(baseline, differences, name)}"
            )


def _spread(baseline: Subject, differences: list[dict[str, Any]], name: str) -> str:
    """Return the interval of the difference to a baseline, as an error shows it."""
    for each in differences:
        if (each["model"], each["base"]) == (baseline.base, baseline.name):
            found = each["metrics"].get(name)
            if found and not math.isnan(found["low"]):
                return f" (difference {found['low']:+.6f} to {found['high']:+.6f})"
    return ""
