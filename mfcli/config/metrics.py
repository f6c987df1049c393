"""The metrics as a table: what each is called, how it is computed, whether more of it is better.

A new metric is one entry here and one function in ``mfcli.evaluation.metrics``, under the same
name. What is asked for is a full name: ``rmse``, ``auc``, or ``ndcg@10`` for a list of ten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from mfcli.config.options import nearest
from mfcli.errors import UsageError

LONGEST_LIST = 100_000  # the largest k: lists of all users are held at once


class MetricKind(Enum):
    """What a metric is computed from."""

    rating = "rating"  # the predictions of the test rows
    ranking = "ranking"  # the ranks of a user's test items among all candidates
    list = "list"  # the first k items of the ranking: the full name ends in @k


class Better(Enum):
    """Which of two values of a metric is the better one."""

    higher = "higher"
    lower = "lower"
    neither = "neither"


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    """What a metric says of itself.

    label: its name in words; formula: what is computed, for one user where it is a mean over users.
    usual: whether it is measured where no metric is asked for.
    """

    label: str
    formula: str
    kind: MetricKind
    better: Better = Better.higher
    usual: bool = True


# In the order in which they are printed and stored.
METRICS: dict[str, MetricEntry] = {
    "rmse": MetricEntry(
        label="root mean square error",
        formula="√(Σ (prediction − rating)² / test rows)",
        kind=MetricKind.rating,
        better=Better.lower,
    ),
    "mae": MetricEntry(
        label="mean absolute error",
        formula="Σ |prediction − rating| / test rows",
        kind=MetricKind.rating,
        better=Better.lower,
    ),
    "rmse_user": MetricEntry(
        label="root mean square error of a user",
        formula="√(Σ (prediction − rating)² / the user's test rows)",
        kind=MetricKind.rating,
        better=Better.lower,
        usual=False,
    ),
    "mae_user": MetricEntry(
        label="mean absolute error of a user",
        formula="Σ |prediction − rating| / the user's test rows",
        kind=MetricKind.rating,
        better=Better.lower,
        usual=False,
    ),
    "auc": MetricEntry(
        label="area under the ROC curve",
        formula="share of pairs of a test item and another candidate in the right order, ties half",
        kind=MetricKind.ranking,
    ),
    "mrr": MetricEntry(
        label="mean reciprocal rank",
        formula="1 / rank of the first test item among all candidates",
        kind=MetricKind.ranking,
    ),
    "r_precision": MetricEntry(
        label="R-precision",
        formula="test items among the first R / R, where the user has R test items",
        kind=MetricKind.ranking,
    ),
    "precision": MetricEntry(label="precision", formula="hits / k", kind=MetricKind.list),
    "recall": MetricEntry(label="recall", formula="hits / test items", kind=MetricKind.list),
    "ndcg": MetricEntry(
        label="normalised discounted cumulative gain",
        formula="Σ hit / log₂(rank + 1), over that of an ideal list",
        kind=MetricKind.list,
    ),
    "map": MetricEntry(
        label="mean average precision",
        formula="Σ precision at the ranks of hits / min(k, test items)",
        kind=MetricKind.list,
    ),
    "hit_rate": MetricEntry(
        label="hit rate", formula="1 where the list holds a test item, else 0", kind=MetricKind.list
    ),
    "coverage": MetricEntry(
        label="coverage of the catalogue",
        formula="items that stand in any user's list / items",
        kind=MetricKind.list,
    ),
    "popularity": MetricEntry(
        label="popularity of what is listed",
        formula="mean number of train rows of the items in the list",
        kind=MetricKind.list,
        better=Better.neither,
    ),
    # The same under other definitions of the field.
    "precision_listed": MetricEntry(
        label="precision over what is listed",
        formula="hits / min(k, candidates)",
        kind=MetricKind.list,
        usual=False,
    ),
    "recall_capped": MetricEntry(
        label="recall that can reach 1",
        formula="hits / min(k, test items)",
        kind=MetricKind.list,
        usual=False,
    ),
    "map_full": MetricEntry(
        label="mean average precision over all test items",
        formula="Σ precision at the ranks of hits / test items",
        kind=MetricKind.list,
        usual=False,
    ),
    "map_hits": MetricEntry(
        label="mean average precision over hits",
        formula="Σ precision at the ranks of hits / hits, 0 without one",
        kind=MetricKind.list,
        usual=False,
    ),
    "mrr_cut": MetricEntry(
        label="mean reciprocal rank within the list",
        formula="1 / rank of the first test item where it is in the list, else 0",
        kind=MetricKind.list,
        usual=False,
    ),
}


def split_metric(full: str) -> tuple[str, int | None]:
    """Return the name and the k of a full name: ``("ndcg", 10)``, or ``("auc", None)``."""
    name, at, k = full.partition("@")
    return name, int(k) if at else None


def entry_of(full: str) -> MetricEntry | None:
    """Return what a metric says of itself, None where there is no such metric."""
    return METRICS.get(full.partition("@")[0])


def is_rating_metric(full: str) -> bool:
    """Tell whether a metric needs a model that predicts ratings."""
    entry = entry_of(full)
    return entry is not None and entry.kind is MetricKind.rating


def better_of(full: str) -> Better:
    """Return the direction of a metric, or of a loss; higher for a name that is not known."""
    entry = entry_of(full)
    if entry is None:
        return Better.lower if full == "loss" else Better.higher
    return entry.better


# What a difference beyond noise means: above 0, and below.
_WORDS: dict[Better, tuple[str, str]] = {
    Better.higher: ("better", "worse"),
    Better.lower: ("worse", "better"),
    Better.neither: ("higher", "lower"),
}


def word_of(full: str, difference: float) -> str:
    """Return what a difference of a metric that is more than noise means, in a word."""
    above, below = _WORDS[better_of(full)]
    return above if difference > 0 else below


def usual_metrics(predicts_ratings: bool) -> list[str]:
    """Return the names of what is measured where no metric is asked for."""
    return [
        name
        for name, entry in METRICS.items()
        if entry.usual and (predicts_ratings or entry.kind is not MetricKind.rating)
    ]


def expand_metrics(names: Iterable[str], ks: Iterable[int]) -> list[str]:
    """Return full names: a list metric without ``@k`` stands for one a k; order kept, no doubles.

    Raises UsageError for a name that is not a metric.
    """
    full: dict[str, None] = {}
    for text in names:
        name, at, k = text.partition("@")
        entry = METRICS.get(name)
        listed = entry is not None and entry.kind is MetricKind.list
        if entry is not None and not listed and not at:
            full[name] = None
        elif listed and not at:
            full.update(dict.fromkeys(f"{name}@{length}" for length in ks))
        elif listed and _is_length(k):
            full[f"{name}@{int(k)}"] = None
        else:
            raise UsageError(
                f"{text!r} is not a metric{nearest(text, metric_words())}; there are: "
                f"{', '.join(metric_words())}, with k from 1 to {LONGEST_LIST}"
            )
    return list(full)


def metric_words() -> list[str]:
    """Return what can be asked for, in the order of the table: ``name``, or ``name@k``."""
    return [
        f"{name}@k" if entry.kind is MetricKind.list else name for name, entry in METRICS.items()
    ]


def _is_length(k: str) -> bool:
    # The number of digits first: Python refuses to read thousands of them.
    return k.isascii() and k.isdigit() and len(k) < 10 and 0 < int(k) <= LONGEST_LIST


def check_metrics(names: Iterable[str]) -> None:
    """Raise UsageError if one of the names is not a metric."""
    expand_metrics(names, [10])
