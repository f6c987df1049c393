"""The scores of a model against a test set: its rows are predicted, its users' lists ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config.metrics import is_rating_metric, split_metric
from mfcli.data.interactions import Indices, Interactions
from mfcli.data.rows import CsrRows
from mfcli.evaluation.confidence import Statistic, mean_of
from mfcli.evaluation.metrics import RANKING_METRICS, RATING_METRICS, Errors, Ranked
from mfcli.kernels import rank_block, rank_common
from mfcli.models.arrays import CatalogueScores, ScoreArrays
from mfcli.ranking.candidates import Pool
from mfcli.ranking.catalogue import Block, best_items
from mfcli.ranking.serving import ListScorer, Trained

PREDICTION_BLOCK = 1 << 18
USERS_ALIKE = 256  # users at a time: given and sampled candidates take a row of the catalogue each

# The arrays of Ranked that have a row a user.
BY_USER = ("users", "positives", "items", "hits", "auc", "first", "inside", "candidates")


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model is worth: ``metrics`` by full name, and their statistics over the users.

    users: (T,) rows of the matrix with a test row. A statistic has an entry for each of them, which
    adds nothing to its sums where the user has no such value. coverage has no statistic: it is no
    mean over users.
    """

    users: NDArray[np.int64]
    metrics: dict[str, float]
    statistics: dict[str, Statistic] = field(default_factory=dict)
    ranked: Ranked | None = None


def measure(
    scores: ScoreArrays,
    seen: CsrRows,
    test: Interactions,
    names: Sequence[str],
    *,
    clip: tuple[float, float] | None = None,
    workers: int = 1,
    pool: Pool | None = None,
    relevant: Interactions | None = None,
    trained: Trained | None = None,
) -> Measured:
    """Measure the metrics of full ``names``, in their order.

    seen: what each user has in train. ``clip`` bounds the predictions for rmse and mae: the range
    of train's ratings. ``pool`` holds the candidates; by default all items but the ``seen``.
    ``relevant`` holds the rows of ``test`` that are positives; by default all of them.
    ``trained`` says how lists are made of the scores; by default by the scores as they are.
    """
    relevant = test if relevant is None else relevant
    users = np.flatnonzero(test.user_counts)
    rated = [name for name in names if is_rating_metric(name)]
    listed = [name for name in names if not is_rating_metric(name)]
    found: dict[str, Statistic | float] = {}
    ranked = None
    if rated:
        errors = sum_errors(predict(scores, test.users, test.indices, clip), test, users)
        found |= {name: RATING_METRICS[name](errors) for name in rated}
    if listed:
        longest = max(split_metric(name)[1] or 1 for name in listed)
        ranked = rank_users(
            scores, seen, relevant, longest, workers=workers, pool=pool, trained=trained
        )
        found |= {name: _over_users(ranked, name, users) for name in listed}
    return _measured(users, names, found, ranked)


def measure_common(
    scores: NDArray[np.float32],
    seen: CsrRows,
    test: Interactions,
    names: Sequence[str],
    *,
    pool: Pool | None = None,
    relevant: Interactions | None = None,
    item_counts: NDArray[np.int64] | None = None,
) -> Measured:
    """Measure ranking metrics of scores (I,) that are the same for all users, as ``measure``.

    item_counts: (I,) ratings of each item in train, where ``seen`` holds more than train.
    """
    relevant = test if relevant is None else relevant
    users = np.flatnonzero(test.user_counts)
    longest = max(split_metric(name)[1] or 1 for name in names)
    ranked = rank_users_alike(scores, seen, relevant, longest, pool=pool, item_counts=item_counts)
    return _measured(
        users, names, {name: _over_users(ranked, name, users) for name in names}, ranked
    )


def _measured(
    users: NDArray[np.int64],
    names: Sequence[str],
    found: dict[str, Statistic | float],
    ranked: Ranked | None,
) -> Measured:
    statistics = {name: of for name in names if isinstance(of := found[name], Statistic)}
    metrics = {
        name: of.value if isinstance(of, Statistic) else of
        for name, of in ((name, found[name]) for name in names)
    }
    return Measured(users, metrics, statistics, ranked)


def _over_users(ranked: Ranked, full: str, users: NDArray[np.int64]) -> Statistic | float:
    """Return a ranking metric of ``users`` (T,), not defined for those who were not ranked."""
    name, k = split_metric(full)
    values = RANKING_METRICS[name](ranked if k is None else ranked.cut(k))
    if isinstance(values, float):
        return values
    by_user = np.full(len(users), np.nan)
    by_user[np.searchsorted(users, ranked.users)] = values
    return mean_of(by_user)


def predict(
    scores: ScoreArrays,
    users: Indices,
    items: Indices,
    clip: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Score pairs (N,), (N,) in blocks; ``clip`` bounds the predictions. Returns (N,) float64."""
    out = np.empty(len(users), np.float64)
    for start in range(0, len(users), PREDICTION_BLOCK):
        part = slice(start, start + PREDICTION_BLOCK)
        out[part] = scores.pairs(users[part], items[part])
    return out if clip is None else np.clip(out, *clip)


def sum_errors(
    predicted: NDArray[np.float64], test: Interactions, users: NDArray[np.int64]
) -> Errors:
    """Sum the errors of predictions (N,) of the test rows by user, for ``users`` (T,)."""
    errors = predicted - test.data

    def by_user(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(test.users, values, minlength=test.n_users)
        return sums[users].astype(np.float64)

    return Errors(
        squares=by_user(errors**2),
        absolutes=by_user(np.abs(errors)),
        rows=test.user_counts[users].astype(np.float64),
    )


def rank_users(
    scores: CatalogueScores,
    seen: CsrRows,
    test: Interactions,
    k: int,
    *,
    workers: int = 1,
    pool: Pool | None = None,
    trained: Trained | None = None,
) -> Ranked:
    """Rank the candidates of every user with a test row, as recommend makes lists.

    The arguments are those of ``measure``.
    """
    if pool is None:
        pool = Pool(test.n_items, seen)
    if trained is None:
        trained = Trained(seen=seen, item_counts=seen.item_counts(test.n_items))
    users = pool.users(np.flatnonzero(test.user_counts))
    scorer = ListScorer(scores, trained)

    def work(block: Block) -> dict[str, NDArray[Any]]:
        wanted = test.rows.cut(block.users)
        mask = pool.masked(block.users, wanted)
        items, _ = best_items(block, mask, k)
        ranks, auc, candidates = rank_block(block.scores, *mask, *wanted)
        return {
            "users": block.users,
            "positives": wanted.lengths,
            "items": items,
            "auc": auc,
            "candidates": candidates,
            **_place_hits(ranks, wanted, k),
        }

    parts = list(scorer.blocks(users, work, workers)) or [_empty(k)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in BY_USER}
    return Ranked(**arrays, item_counts=trained.item_counts)


def rank_users_alike(
    scores: NDArray[np.float32],
    seen: CsrRows,
    test: Interactions,
    k: int,
    *,
    pool: Pool | None = None,
    item_counts: NDArray[np.int64] | None = None,
) -> Ranked:
    """Rank as ``rank_users`` does, by scores (I,) that are the same for all users: much faster."""
    pool = pool or Pool(test.n_items, seen)
    users = pool.users(np.flatnonzero(test.user_counts))
    order = np.argsort(-scores, kind="stable")
    parts: list[dict[str, NDArray[Any]]] = []
    for start in range(0, len(users), USERS_ALIKE):
        some = users[start : start + USERS_ALIKE]
        wanted = test.rows.cut(some)
        mask = pool.masked(some, wanted)
        ranks, auc, candidates, items = rank_common(scores, order, *mask, *wanted, k)
        parts.append(
            {
                "users": some,
                "positives": wanted.lengths,
                "items": items,
                "auc": auc,
                "candidates": candidates,
                **_place_hits(ranks, wanted, k),
            }
        )
    parts = parts or [_empty(k)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in BY_USER}
    if item_counts is None:
        item_counts = seen.item_counts(test.n_items)
    return Ranked(**arrays, item_counts=item_counts)


def _place_hits(ranks: NDArray[np.int32], wanted: CsrRows, k: int) -> dict[str, NDArray[Any]]:
    """Return hits (B, k), first (B,) and inside (B,), from the ranks (P,) of all positives."""
    counts, starts = wanted.lengths, wanted.indptr[:-1]
    row = np.repeat(np.arange(len(counts)), counts)
    hits = np.zeros((len(counts), k), bool)
    shown = (ranks > 0) & (ranks <= k)
    hits[row[shown], ranks[shown] - 1] = True
    none = np.iinfo(ranks.dtype).max  # of the ranks' own type: a larger one would wrap around
    first = np.minimum.reduceat(np.where(ranks > 0, ranks, none), starts)
    inside = np.add.reduceat((ranks > 0) & (ranks <= counts[row]), starts, dtype=np.int64)
    return {"hits": hits, "first": np.where(first == none, 0, first), "inside": inside}


def _empty(k: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of no user at all."""
    none = np.zeros(0, np.int64)
    lists = {"items": np.zeros((0, k), np.int32), "hits": np.zeros((0, k), bool)}
    return dict.fromkeys(BY_USER, none) | {"auc": np.zeros(0)} | lists
