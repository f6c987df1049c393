"""A model against a test set: predictions of its rows, and ranked lists of its users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfcli.config.metrics import expand_metrics, is_rating_metric, usual_metrics
from mfcli.data.interactions import Indices, Interactions
from mfcli.data.rows import CsrRows
from mfcli.evaluation import metrics
from mfcli.evaluation.confidence import Statistic, mean_of
from mfcli.kernels import rank_block
from mfcli.models.arrays import ScoreArrays
from mfcli.ranking.candidates import Pool
from mfcli.ranking.catalogue import Block, BlockScorer, best_items

PREDICTION_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Ranked:
    """The ranked lists of Q users, in the matrix's order.

    users: (Q,) rows; positives: (Q,) test items a user; items: (Q, k) best first, −1 for none;
    hits: (Q, k); auc: (Q,), NaN where every candidate is a positive; first: (Q,) rank from 1 of
    the first positive among all candidates; inside: (Q,) positives of a rank up to ``positives``;
    candidates: (Q,) items that were ranked, positives included.
    """

    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    items: NDArray[np.int32]
    hits: NDArray[np.bool_]
    auc: NDArray[np.float64]
    first: NDArray[np.int64]
    inside: NDArray[np.int64]
    candidates: NDArray[np.int64]


RANKED = ("users", "positives", "items", "hits", "auc", "first", "inside", "candidates")


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model is worth: ``metrics`` by full name, and their statistics over the users.

    users: (T,) rows with a test row; a statistic has an entry for each of them, left out of its sum
    where the user has no such value. coverage has none: it is no mean over users.
    """

    users: NDArray[np.int64]
    metrics: dict[str, float]
    statistics: dict[str, Statistic] = field(default_factory=dict)
    ranked: Ranked | None = None


def predict(
    scoring: ScoreArrays,
    users: Indices,
    items: Indices,
    clip: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Score pairs (N,), (N,) in blocks; ``clip`` bounds the predictions. Returns (N,) float64."""
    out = np.empty(len(users), np.float64)
    for start in range(0, len(users), PREDICTION_BLOCK):
        part = slice(start, start + PREDICTION_BLOCK)
        out[part] = scoring.pairs(users[part], items[part])
    return out if clip is None else np.clip(out, *clip)


def rank_users(
    scoring: ScoreArrays,
    seen: CsrRows,
    test: Interactions,
    k: int,
    include_seen: bool,
    workers: int,
    pool: Pool | None = None,
) -> Ranked:
    """Rank the candidates of every user with a test row: by default, all items but ``seen``."""
    if pool is None:
        pool = Pool(test.n_items, None if include_seen else seen)
    users = pool.users(np.flatnonzero(test.user_counts))
    scorer = BlockScorer(scoring)

    def work(block: Block) -> Ranked:
        wanted = test.rows.cut(block.users)
        mask = pool.masked(block.users, wanted)
        items, _ = best_items(block, mask, k)
        ranks, auc, candidates = rank_block(block.scores, *mask, *wanted)
        return Ranked(
            block.users, np.diff(wanted[0]), items, *_from_ranks(ranks, wanted, auc, k), candidates
        )

    parts = list(scorer.blocks(users, work, workers))
    if not parts:
        empty, none = np.zeros((0, k)), np.zeros(0, np.int64)
        return Ranked(none, none, empty.astype(np.int32), empty > 0, np.zeros(0), none, none, none)
    return Ranked(*(np.concatenate([getattr(part, name) for part in parts]) for name in RANKED))


def _from_ranks(
    ranks: NDArray[np.int32], wanted: CsrRows, auc: NDArray[np.float64], k: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return hits (B, k), auc, first (B,) and inside (B,) of the ranks of all positives (P,)."""
    counts = np.diff(wanted[0])
    row = np.repeat(np.arange(len(counts)), counts)
    hits = np.zeros((len(counts), k), bool)
    shown = (ranks > 0) & (ranks <= k)
    hits[row[shown], ranks[shown] - 1] = True
    none = np.iinfo(np.int64).max
    first = np.minimum.reduceat(np.where(ranks > 0, ranks, none), wanted[0][:-1])
    inside = np.add.reduceat((ranks > 0) & (ranks <= counts[row]), wanted[0][:-1], dtype=np.int64)
    return hits, auc, np.where(first == none, 0, first), inside


def ranking_values(
    ranked: Ranked, full: str, item_counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return one ranking metric of each user, (Q,); NaN where it is not defined."""
    name, _, k = full.partition("@")
    if name == "auc":
        return ranked.auc
    if name == "mrr":
        return metrics.reciprocal_rank(ranked.first)
    if name == "r_precision":
        return metrics.r_precision(ranked.inside, ranked.positives)
    if name == "popularity":
        return metrics.popularity(ranked.items[:, : int(k)], item_counts)
    function = metrics.LIST_FUNCTIONS[name]
    return function(ranked.hits[:, : int(k)], ranked.positives, ranked.candidates)


def rating_statistics(
    predicted: NDArray[np.float64], test: Interactions, users: NDArray[np.int64]
) -> dict[str, Statistic]:
    """Return rmse and mae over rows, and the means over users of each user's own."""
    errors = predicted - test.data
    rows = test.user_counts[users].astype(np.float64)
    squares, absolutes = (
        np.bincount(test.users, values, minlength=test.n_users)[users].astype(np.float64)
        for values in (errors**2, np.abs(errors))
    )
    return {
        "rmse": Statistic(squares, rows, root=True),
        "mae": Statistic(absolutes, rows),
        "rmse_user": mean_of(np.sqrt(squares / rows)),
        "mae_user": mean_of(absolutes / rows),
    }


def measure(
    scoring: ScoreArrays,
    seen: CsrRows,
    test: Interactions,
    names: Sequence[str],
    *,
    clip: tuple[float, float] | None,
    include_seen: bool,
    workers: int,
    pool: Pool | None = None,
) -> Measured:
    """Measure the metrics of full ``names``, in their order.

    ``clip`` bounds predictions for rmse and mae: the range of train's ratings. ``pool`` holds the
    candidates; by default all items but, unless ``include_seen``, the ``seen``.
    """
    users = np.flatnonzero(test.user_counts)
    found: dict[str, float] = {}
    statistics: dict[str, Statistic] = {}
    if any(map(is_rating_metric, names)):
        predicted = predict(scoring, test.users, test.indices, clip)
        statistics |= rating_statistics(predicted, test, users)
    ranked = None
    listed = [name for name in names if not is_rating_metric(name)]
    if listed:
        ks = [int(name.partition("@")[2] or 1) for name in listed]
        ranked = rank_users(scoring, seen, test, max(ks), include_seen, workers, pool)
        place = np.searchsorted(users, ranked.users)
        item_counts = np.bincount(seen[1], minlength=test.n_items)
        for name in listed:
            if name.startswith("coverage@"):
                lists = ranked.items[:, : int(name.partition("@")[2])]
                found[name] = metrics.coverage(lists, test.n_items)
                continue
            values = np.full(len(users), np.nan)
            values[place] = ranking_values(ranked, name, item_counts)
            statistics[name] = mean_of(values)
    statistics = {name: statistics[name] for name in names if name in statistics}
    found |= {name: each.value for name, each in statistics.items()}
    return Measured(users, {name: found[name] for name in names}, statistics, ranked)


def metric_list(asked: list[str], ks: list[int], predicts_ratings: bool) -> list[str]:
    """Return the full names of the metrics to compute; the usual ones where none is asked for."""
    return expand_metrics(asked or usual_metrics(predicts_ratings), ks)
