"""The metrics: arrays in, one number a user (or a row) out.

Throughout, Q users are evaluated, each with its test items as positives; ``hits`` is (Q, k) bool,
True where the ranked list holds a positive; ``positives`` is (Q,) the number of test items,
``candidates`` (Q,) how many items were ranked, positives included.
A list shorter than k (few candidates) counts its missing places as misses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Floats64 = NDArray[np.float64]


def precision(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Hits in the list / k, even where fewer than k positives or candidates exist.

    Follows TREC's P_k and LightFM's ``precision_at_k``. Variants: ``precision_listed`` and, for
    implicit's, ``recall_capped``.
    """
    return hits.mean(axis=1, dtype=np.float64)


def precision_listed(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Hits in the list / items in the list, min(k, candidates); follows LensKit."""
    return np.asarray(hits.sum(axis=1) / np.clip(candidates, 1, hits.shape[1]), np.float64)


def recall(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Hits in the list / number of positives, not capped at k; follows TREC's recall_k."""
    return np.asarray(hits.sum(axis=1) / positives, np.float64)


def recall_capped(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Hits in the list / min(k, positives), so that 1 can be reached.

    Follows Liang et al. 2018 (Mult-VAE). The denominator of implicit's ``precision_at_k`` is the
    same, but there hits and denominators are summed over all users before they are divided.
    """
    return np.asarray(hits.sum(axis=1) / np.minimum(positives, hits.shape[1]), np.float64)


def ndcg(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Σ hit/log2(rank + 1) over that of an ideal list, which has min(k, positives) hits.

    Järvelin & Kekäläinen 2002, with binary gains.
    """
    discount = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best: Floats64 = ideal[np.minimum(positives, hits.shape[1])]
    return (hits @ discount) / best


def _precisions(hits: Hits) -> Floats64:
    """Return Σ precision@rank over the ranks of hits, (Q,)."""
    ranks = np.arange(1, hits.shape[1] + 1)
    return np.asarray(np.sum(np.cumsum(hits, axis=1) * hits / ranks, axis=1), np.float64)


def average_precision(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Σ precision@rank over the ranks of hits / min(k, positives); follows implicit and RecBole."""
    return _precisions(hits) / np.minimum(positives, hits.shape[1])


def average_precision_full(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Σ precision@rank over the ranks of hits / positives; follows TREC's map_cut."""
    return _precisions(hits) / positives


def average_precision_hits(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """Σ precision@rank over the ranks of hits / number of hits, 0 without one.

    It does not fall for positives that are missed, so it is no measure of what was found.
    """
    return _precisions(hits) / np.maximum(hits.sum(axis=1), 1)


def hit_rate(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """1 where the list holds a positive, else 0 (Deshpande & Karypis 2004)."""
    return np.asarray(hits.any(axis=1), np.float64)


def reciprocal_rank_cut(hits: Hits, positives: Counts, candidates: Counts) -> Floats64:  # noqa: ARG001
    """1 / rank of the first positive where it stands in the list, else 0; follows RecBole's MRR."""
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)


# name → per-user metric of a ranked list; a new one is one function and one entry here, and one
# in config.metrics.
LIST_FUNCTIONS: dict[str, Callable[[Hits, Counts, Counts], Floats64]] = {
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "map": average_precision,
    "hit_rate": hit_rate,
    "precision_listed": precision_listed,
    "recall_capped": recall_capped,
    "map_full": average_precision_full,
    "map_hits": average_precision_hits,
    "mrr_cut": reciprocal_rank_cut,
}


def reciprocal_rank(first: Counts) -> Floats64:
    """1 / rank of the first positive among all candidates (Voorhees 1999); not cut at k.

    first: (Q,) ranks from 1; 0, where no positive is a candidate, gives 0.
    """
    return np.where(first > 0, 1.0 / np.maximum(first, 1), 0.0)


def r_precision(inside: Counts, positives: Counts) -> Floats64:
    """Positives among the first R items / R, where R is the user's number of positives (TREC).

    inside: (Q,) how many of the positives have a rank of at most R.
    """
    return np.asarray(inside / positives, np.float64)


def popularity(lists: NDArray[np.int32], counts: Counts) -> Floats64:
    """Mean number of train ratings of the items in the user's list (Q, k); NaN for an empty one.

    counts: (I,) ratings an item in train. Missing places (−1) do not count. Follows the "average
    recommendation popularity" of Yin et al. 2012.
    """
    there = lists >= 0
    total = np.where(there, counts[lists], 0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)


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
