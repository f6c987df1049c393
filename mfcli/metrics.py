"""The metrics: arrays in, one number a user (or a row) out.

Throughout, Q users are evaluated, each with its test items as positives; ``hits`` is (Q, k) bool,
True where the ranked list holds a positive; ``positives`` is (Q,) the number of test items.
A list shorter than k (few candidates) counts its missing places as misses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Floats64 = NDArray[np.float64]


def precision(hits: Hits, positives: Counts) -> Floats64:  # noqa: ARG001
    """Hits in the list / k; the denominator is k even where fewer than k positives exist."""
    return hits.mean(axis=1, dtype=np.float64)


def recall(hits: Hits, positives: Counts) -> Floats64:
    """Hits in the list / number of positives (not capped at k)."""
    return hits.sum(axis=1) / positives


def ndcg(hits: Hits, positives: Counts) -> Floats64:
    """Σ hit/log2(rank + 1) over that of an ideal list, which has min(k, positives) hits.

    Järvelin & Kekäläinen 2002, with binary gains.
    """
    discount = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best: Floats64 = ideal[np.minimum(positives, hits.shape[1])]
    return (hits @ discount) / best


def average_precision(hits: Hits, positives: Counts) -> Floats64:
    """Σ precision@rank over the ranks of hits / min(k, positives)."""
    ranks = np.arange(1, hits.shape[1] + 1)
    total = np.sum(np.cumsum(hits, axis=1) * hits / ranks, axis=1)
    return np.asarray(total / np.minimum(positives, hits.shape[1]), dtype=np.float64)


def hit_rate(hits: Hits, positives: Counts) -> Floats64:  # noqa: ARG001
    """1 where the list holds a positive, else 0."""
    return np.asarray(hits.any(axis=1), np.float64)


# name → per-user metric of a ranked list; a new one is one function and one entry here, and its
# name in config.metric_names.
LIST_FUNCTIONS: dict[str, Callable[[Hits, Counts], Floats64]] = {
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "map": average_precision,
    "hit_rate": hit_rate,
}


def coverage(lists: NDArray[np.int32], n_items: int) -> float:
    """Share of the n_items of the catalogue that stand in at least one list; −1 is no item."""
    shown = np.zeros(n_items, bool)
    shown[lists[lists >= 0]] = True
    return float(shown.sum() / n_items)


def rmse(predicted: Floats64, ratings: Floats64) -> float:
    """Square root of the mean squared error over rows."""
    return float(np.sqrt(np.mean((predicted - ratings) ** 2)))


def mae(predicted: Floats64, ratings: Floats64) -> float:
    """Mean absolute error over rows."""
    return float(np.mean(np.abs(predicted - ratings)))
