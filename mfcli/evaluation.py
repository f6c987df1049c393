"""A model against a test set: predictions of its rows, and ranked lists of its users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli import metrics
from mfcli.config.metric_names import LIST_METRICS, RATING_METRICS, expand_metrics
from mfcli.engines.kernels import auc_block
from mfcli.interactions import Indices, Interactions
from mfcli.models import Scoring
from mfcli.ranking import Block, Scorer, best_items, nothing_seen, rows_of

PREDICTION_BLOCK = 1 << 18

Seen = tuple[Indices, Indices]  # CSR indptr and indices of what each user has in train


@dataclass(frozen=True, eq=False)
class Ranked:
    """The ranked lists of Q users, in the matrix's order.

    users: (Q,) rows; positives: (Q,) test items a user; items: (Q, k) best first, −1 for none;
    hits: (Q, k); auc: (Q,), NaN where every candidate is a positive; first: (Q,) rank from 1 of
    the first positive among all candidates.
    """

    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    items: NDArray[np.int32]
    hits: NDArray[np.bool_]
    auc: NDArray[np.float64]
    first: NDArray[np.int64]


def predict(
    scoring: Scoring,
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
    scoring: Scoring, seen: Seen, test: Interactions, k: int, include_seen: bool, workers: int
) -> Ranked:
    """Rank the whole catalogue for every user with a test row; ``seen`` items are left out."""
    users = np.flatnonzero(test.user_counts)
    scorer = Scorer(scoring)

    def work(block: Block) -> Ranked:
        mask = nothing_seen(len(block.users)) if include_seen else rows_of(*seen, block.users)
        wanted = rows_of(test.indptr, test.indices, block.users)
        items, _ = best_items(block, mask, k)
        hits = _hits(items, wanted, scorer.n_items)
        auc = auc_block(block.scores, mask[0], mask[1], wanted[0], wanted[1])
        first = _first_ranks(block.scores, mask, wanted, hits)
        return Ranked(block.users, np.diff(wanted[0]), items, hits, auc, first)

    parts = list(scorer.blocks(users, work, workers))
    if not parts:
        empty = np.zeros((0, k))
        none = np.zeros(0, np.int64)
        return Ranked(none, none, empty.astype(np.int32), empty > 0, np.zeros(0), none)
    return Ranked(*(
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("users", "positives", "items", "hits", "auc", "first")
    ))  # fmt: skip


def _hits(
    items: NDArray[np.int32], wanted: tuple[NDArray[np.int64], Indices], n_items: int
) -> NDArray[np.bool_]:
    """Mark the places of (B, k) lists that hold one of the row's wanted items."""
    rows = np.arange(len(items), dtype=np.int64)
    keys = np.repeat(rows, np.diff(wanted[0])) * n_items + wanted[1]  # sorted
    asked = rows[:, None] * n_items + items
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return (keys[place] == asked) & (items >= 0)


def _first_ranks(
    scores: NDArray[np.float32],
    mask: tuple[NDArray[np.int64], Indices],
    wanted: tuple[NDArray[np.int64], Indices],
    hits: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return the rank from 1 of each row's first positive, ties by item order."""
    first = hits.argmax(axis=1).astype(np.int64) + 1
    deep = np.flatnonzero(~hits.any(axis=1))  # below the lists: count what stands before it
    if not len(deep):
        return first
    lines = scores[deep]  # (D, I), a copy
    indptr, seen = rows_of(*mask, deep)
    lines[np.repeat(np.arange(len(deep)), np.diff(indptr)), seen] = -np.inf
    indptr, own = rows_of(*wanted, deep)
    row = np.repeat(np.arange(len(deep)), np.diff(indptr))
    found = lines[row, own]
    best = np.maximum.reduceat(found, indptr[:-1])  # (D,)
    item = np.minimum.reduceat(np.where(found == best[row], own, lines.shape[1]), indptr[:-1])
    before = lines > best[:, None]
    before |= (lines == best[:, None]) & (np.arange(lines.shape[1]) < item[:, None])
    first[deep] = 1 + before.sum(axis=1)
    return first


def ranking_metrics(ranked: Ranked, names: list[str], n_items: int) -> dict[str, float]:
    """Return the mean over users of each ranking metric of ``names``, as full names."""
    found: dict[str, float] = {}
    for full in names:
        name, _, k = full.partition("@")
        if name == "auc":
            found[full] = _mean(ranked.auc[np.isfinite(ranked.auc)])
        elif name == "mrr":
            found[full] = _mean(1.0 / ranked.first)
        elif name == "coverage":
            found[full] = metrics.coverage(ranked.items[:, : int(k)], n_items)
        elif name in LIST_METRICS:
            function = metrics.LIST_FUNCTIONS[name]
            found[full] = _mean(function(ranked.hits[:, : int(k)], ranked.positives))
    return found


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def measure(
    scoring: Scoring,
    seen: Seen,
    test: Interactions,
    names: list[str],
    *,
    clip: tuple[float, float] | None,
    include_seen: bool,
    workers: int,
) -> tuple[dict[str, float], Ranked | None]:
    """Return the metrics of full ``names``, in their order, and the ranked lists if any was made.

    ``clip`` bounds predictions for rmse and mae: the range of train's ratings.
    """
    found: dict[str, float] = {}
    if any(name in RATING_METRICS for name in names):
        predicted = predict(scoring, test.users, test.indices, clip)
        ratings = test.data.astype(np.float64)
        found |= {"rmse": metrics.rmse(predicted, ratings), "mae": metrics.mae(predicted, ratings)}
    ranked = None
    listed = [name for name in names if name not in RATING_METRICS]
    if listed:
        ks = [int(name.partition("@")[2] or 1) for name in listed]
        ranked = rank_users(scoring, seen, test, max(ks), include_seen, workers)
        found |= ranking_metrics(ranked, listed, test.n_items)
    return {name: found[name] for name in names}, ranked


def metric_list(asked: list[str], ks: list[int], predicts_ratings: bool) -> list[str]:
    """Return the full names of the metrics to compute; all that make sense where none is asked."""
    if asked:
        return expand_metrics(asked, ks)
    everything: list[Any] = ["auc", "mrr", *LIST_METRICS]
    return expand_metrics([*RATING_METRICS, *everything] if predicts_ratings else everything, ks)
