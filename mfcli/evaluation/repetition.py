"""Several trainings, each measured in the same way: the mean and the spread of their metrics.

Folds cut one matrix into K parts, each of which is tested once, or into windows of time; repeats
make N splits and trainings, of seeds that follow each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfcli.results import EvaluateResult


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """A kind of repetition: its names in metrics.json, and the words of its protocol.

    one, many:  what one training is called, and all of them.
    stage:      the name of the step in the lineage.
    shared:     the earlier steps of the lineage that all trainings have in common.
    protocol:   the protocol's key; words: its text, with ``{n}`` and ``{seeds}`` to be filled in.
    """

    one: str
    many: str
    stage: str
    shared: tuple[str, ...]
    protocol: str
    words: str


FOLDS = Repetition(
    one="fold",
    many="folds",
    stage="cross-validate",
    shared=("fetch", "split"),
    protocol="cross_validation",
    words="{n} folds; metrics: mean over folds; sd: sample standard deviation over folds (n − 1), "
    "not a standard error: folds share train rows",
)
WINDOWS = Repetition(
    one="fold",
    many="folds",
    stage="backtest",
    shared=("fetch", "split"),
    protocol="backtest",
    words="{n} windows of time, fold1 the oldest, each tested by a model of all that is older; "
    "metrics: mean over windows; sd: sample standard deviation over windows (n − 1), not a "
    "standard error: later windows train on the rows of earlier ones",
)
REPEATS = Repetition(
    one="repeat",
    many="repeats",
    stage="repeat",
    shared=("fetch",),  # each repeat has a split of its own
    protocol="repeats",
    words="{n} splits and trainings of seeds {seeds}; metrics: mean over repeats; sd: sample "
    "standard deviation over repeats (n − 1), not a standard error: the splits are of the same "
    "ratings",
)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is said of several trainings.

    runs: name, metrics, intervals and counts of each. mean, sd: of each metric over all.
    protocol: that of the first training, and how many there were.
    """

    runs: list[dict[str, Any]]
    mean: dict[str, float]
    sd: dict[str, float]
    protocol: dict[str, Any]


def summarize(kind: Repetition, results: Mapping[str, EvaluateResult], seeds: str = "") -> Summary:
    """Summarize the results of several trainings, name → what evaluate measured."""
    measured = list(results.values())
    mean, sd = mean_and_sd([result.metrics for result in measured])
    words = kind.words.format(n=len(measured), seeds=seeds)
    return Summary(
        runs=[
            {
                kind.one: name,
                "metrics": result.metrics,
                "intervals": result.intervals,
                "counts": result.counts,
            }
            for name, result in results.items()
        ],
        mean=mean,
        sd=sd,
        protocol=measured[0].protocol | {kind.protocol: words},
    )


def mean_and_sd(runs: Sequence[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean and the sample standard deviation (n − 1) of each metric over runs."""
    mean, sd = {}, {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        mean[name], sd[name] = float(values.mean()), float(values.std(ddof=1))
    return mean, sd
