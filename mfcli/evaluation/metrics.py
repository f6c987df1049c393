"""The metrics: what was predicted or ranked goes in, one value a user comes out.

Each function stands in ``RATING_METRICS`` or ``RANKING_METRICS`` under the name of its entry in
``mfcli.config.metrics``, which describes it; a new metric is one entry there and one function here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.evaluation.confidence import Floats64, Statistic, mean_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Errors:
    """The errors of the predictions of T users' test rows, summed by user.

    squares, absolutes: (T,) sums of squared and of absolute errors; rows: (T,) how many there are.
    """

    squares: Floats64
    absolutes: Floats64
    rows: Floats64


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranked:
    """The ranked lists of Q users, in the matrix's order.

    users:       (Q,) rows of the matrix.
    positives:   (Q,) how many test items the user has.
    items:       (Q, k) the list, best first; −1 where there are fewer candidates than places.
    hits:        (Q, k) whether the list holds a positive at this place.
    auc:         (Q,) area under the ROC curve; NaN where every candidate is a positive.
    first:       (Q,) rank from 1 of the first positive among all candidates; 0 if there is none.
    inside:      (Q,) how many positives have a rank of at most ``positives``.
    candidates:  (Q,) how many items were ranked, positives included.
    item_counts: (I,) train rows of every item of the catalogue.
    """

    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    items: NDArray[np.int32]
    hits: NDArray[np.bool_]
    auc: Floats64
    first: NDArray[np.int64]
    inside: NDArray[np.int64]
    candidates: NDArray[np.int64]
    item_counts: NDArray[np.int64]

    @property
    def k(self) -> int:
        """Return the length of the lists; a shorter list counts its missing places as misses."""
        return self.hits.shape[1]

    def cut(self, k: int) -> Ranked:
        """Return the same with lists of the first k items, views on the longer ones."""
        return dataclasses.replace(self, items=self.items[:, :k], hits=self.hits[:, :k])


def rmse(errors: Errors) -> Statistic:
    """Square root of the mean squared error over rows."""
    return Statistic(errors.squares, errors.rows, root=True)


def mae(errors: Errors) -> Statistic:
    """Mean absolute error over rows."""
    return Statistic(errors.absolutes, errors.rows)


def rmse_user(errors: Errors) -> Statistic:
    """Mean over users of the user's own rmse."""
    return mean_of(np.sqrt(errors.squares / errors.rows))


def mae_user(errors: Errors) -> Statistic:
    """Mean over users of the user's own mean absolute error."""
    return mean_of(errors.absolutes / errors.rows)


RATING_METRICS: dict[str, Callable[[Errors], Statistic]] = {
    "rmse": rmse,
    "mae": mae,
    "rmse_user": rmse_user,
    "mae_user": mae_user,
}


def auc(ranked: Ranked) -> Floats64:
    """Area under the ROC curve over all candidates, ties counted half (Mann-Whitney U / pairs)."""
    return ranked.auc


def reciprocal_rank(ranked: Ranked) -> Floats64:
    """1 / rank of the first positive among all candidates (Voorhees 1999); not cut at k.

    0 where no positive is a candidate.
    """
    return np.where(ranked.first > 0, 1.0 / np.maximum(ranked.first, 1), 0.0)


def r_precision(ranked: Ranked) -> Floats64:
    """Positives among the first R items / R, where R is the user's number of positives (TREC)."""
    return np.asarray(ranked.inside / ranked.positives, np.float64)


def precision(ranked: Ranked) -> Floats64:
    """Hits in the list / k, even where fewer than k positives or candidates exist.

    Follows TREC's P_k and LightFM's ``precision_at_k``. Variants: ``precision_listed`` and, for
    implicit's, ``recall_capped``.
    """
    return ranked.hits.mean(axis=1, dtype=np.float64)


def precision_listed(ranked: Ranked) -> Floats64:
    """Hits in the list / items in the list, min(k, candidates); follows LensKit."""
    listed = np.clip(ranked.candidates, 1, ranked.k)
    return np.asarray(ranked.hits.sum(axis=1) / listed, np.float64)


def recall(ranked: Ranked) -> Floats64:
    """Hits in the list / number of positives, not capped at k; follows TREC's recall_k."""
    return np.asarray(ranked.hits.sum(axis=1) / ranked.positives, np.float64)


def recall_capped(ranked: Ranked) -> Floats64:
    """Hits in the list / min(k, positives), so that 1 can be reached.

    Follows Liang et al. 2018 (Mult-VAE). The denominator of implicit's ``precision_at_k`` is the
    same, but there hits and denominators are summed over all users before they are divided.
    """
    most = np.minimum(ranked.positives, ranked.k)
    return np.asarray(ranked.hits.sum(axis=1) / most, np.float64)


def ndcg(ranked: Ranked) -> Floats64:
    """Σ hit/log2(rank + 1) over that of an ideal list, which has min(k, positives) hits.

    Järvelin & Kekäläinen 2002, with binary gains.
    """
    discount = 1.0 / np.log2(np.arange(2, ranked.k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    best: Floats64 = ideal[np.minimum(ranked.positives, ranked.k)]
    return (ranked.hits @ discount) / best


def _sum_precisions(ranked: Ranked) -> Floats64:
    """Return Σ precision@rank over the ranks of hits, (Q,)."""
    hits, ranks = ranked.hits, np.arange(1, ranked.k + 1)
    return np.asarray(np.sum(np.cumsum(hits, axis=1) * hits / ranks, axis=1), np.float64)


def average_precision(ranked: Ranked) -> Floats64:
    """Σ precision@rank over the ranks of hits / min(k, positives); follows implicit and RecBole."""
    return _sum_precisions(ranked) / np.minimum(ranked.positives, ranked.k)


def average_precision_full(ranked: Ranked) -> Floats64:
    """Σ precision@rank over the ranks of hits / positives; follows TREC's map_cut."""
    return _sum_precisions(ranked) / ranked.positives


def average_precision_hits(ranked: Ranked) -> Floats64:
    """Σ precision@rank over the ranks of hits / number of hits, 0 without one.

    It does not fall for positives that are missed, so it does not measure how much was found.
    """
    return _sum_precisions(ranked) / np.maximum(ranked.hits.sum(axis=1), 1)


def hit_rate(ranked: Ranked) -> Floats64:
    """1 where the list holds a positive, else 0 (Deshpande & Karypis 2004)."""
    return np.asarray(ranked.hits.any(axis=1), np.float64)


def reciprocal_rank_cut(ranked: Ranked) -> Floats64:
    """1 / rank of the first positive where it stands in the list, else 0; follows RecBole's MRR."""
    hits = ranked.hits
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)


def popularity(ranked: Ranked) -> Floats64:
    """Mean number of train rows of the items in the user's list; NaN for an empty list.

    Missing places (−1) do not count. Follows the "average recommendation popularity" of Yin et al.
    2012.
    """
    listed = ranked.items >= 0
    total = np.where(listed, ranked.item_counts[ranked.items], 0).sum(axis=1)
    return np.where(listed.any(axis=1), total / np.maximum(listed.sum(axis=1), 1), np.nan)


def coverage(ranked: Ranked) -> float:
    """Share of the items of the catalogue that stand in at least one list."""
    n_items = len(ranked.item_counts)
    shown = np.zeros(n_items, bool)
    shown[ranked.items[ranked.items >= 0]] = True
    return float(shown.sum() / n_items)


# A function of one ranking: (Q,) values, one a user, NaN where the metric is not defined; or a
# single float, which is no mean over users and so has no interval. A list metric gets the lists
# cut at its k.
RANKING_METRICS: dict[str, Callable[[Ranked], Floats64 | float]] = {
    "auc": auc,
    "mrr": reciprocal_rank,
    "r_precision": r_precision,
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "map": average_precision,
    "hit_rate": hit_rate,
    "coverage": coverage,
    "popularity": popularity,
    "precision_listed": precision_listed,
    "recall_capped": recall_capped,
    "map_full": average_precision_full,
    "map_hits": average_precision_hits,
    "mrr_cut": reciprocal_rank_cut,
}
