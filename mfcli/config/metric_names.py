"""The names of the metrics, and how ``name@k`` is read."""

from __future__ import annotations

from collections.abc import Iterable

from mfcli.config.options import nearest
from mfcli.errors import UsageError

RATING_METRICS = ("rmse", "mae", "rmse_user", "mae_user")
PLAIN_METRICS = ("auc", "mrr", "r_precision")
LIST_METRICS = ("precision", "recall", "ndcg", "map", "hit_rate", "coverage", "popularity")
# The same under other definitions of the field: measured where they are asked for.
VARIANT_METRICS = ("precision_listed", "recall_capped", "map_full", "map_hits", "mrr_cut")
LONGEST_LIST = 100_000  # the largest k: lists of all users are held at once
# What is measured where no metric is asked for.
DEFAULT_RATING_METRICS = ("rmse", "mae")
DEFAULT_RANKING_METRICS = PLAIN_METRICS + LIST_METRICS

# Metrics of which less is better; of all others, more is.
LOWER_IS_BETTER = frozenset({"rmse", "mae", "rmse_user", "mae_user", "loss"})


def expand_metrics(names: Iterable[str], ks: Iterable[int]) -> list[str]:
    """Return full names: a list metric without ``@k`` stands for one a k; order kept, no doubles.

    Raises UsageError for a name that is no metric.
    """
    full: dict[str, None] = {}
    listed = LIST_METRICS + VARIANT_METRICS
    for text in names:
        name, at, k = text.partition("@")
        if name in RATING_METRICS + PLAIN_METRICS and not at:
            full[name] = None
        elif name in listed and at and _is_length(k):
            full[f"{name}@{int(k)}"] = None
        elif name in listed and not at:
            full.update(dict.fromkeys(f"{name}@{each}" for each in ks))
        else:
            known = [*RATING_METRICS, *PLAIN_METRICS, *(f"{each}@k" for each in listed)]
            raise UsageError(
                f"{text!r} is no metric{nearest(text, known)}; there are: {', '.join(known)}, "
                f"with k from 1 to {LONGEST_LIST}"
            )
    return list(full)


def _is_length(k: str) -> bool:
    # The number of digits first: Python refuses to read thousands of them.
    return k.isascii() and k.isdigit() and len(k) < 10 and 0 < int(k) <= LONGEST_LIST


def check_metrics(names: Iterable[str]) -> None:
    """Raise UsageError if one of the names is no metric."""
    expand_metrics(names, [10])
