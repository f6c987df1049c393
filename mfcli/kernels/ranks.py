"""Best-k selection, and counts for the area under the ROC curve, of blocks of users."""

# ruff: noqa: C901 - a kernel is one loop: calls that hand over arrays cost more than they tidy up

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import compiled, inlined
from mfcli.kernels.heaps import kth_best, sink

LANES = 16  # longer runs are multiples of it, so that a maximum is found in whole vectors
_LEAST = np.finfo(np.float32).min  # of finite scores
_MAXIMA = {"nnan", "nsz", "reassoc"}  # no NaN is scored, so a maximum may be found in vectors


def topk_block(
    scores: NDArray[np.float32],
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    k: int,
    out_items: NDArray[np.int32],
    out_scores: NDArray[np.float32],
) -> None:
    """Find the k best unseen items of each row, best first; equal scores go by lower item index.

    scores: (B, I) float32, C-contiguous, no NaN; seen items become -inf in it. An item of score
        -inf does not qualify.
    indptr, indices: (B + 1,) and seen items of the block's rows; a slice
        `matrix.indptr[a : b + 1]` with the whole `matrix.indices` is fine.
    out_items, out_scores: (B, k) int32 and float32, overwritten; a row with fewer than k
        qualifying items ends in item -1, score -inf.

    A row is never sorted: it falls into runs of neighbours whose maxima are found in vectors, the
    k-th best maximum is a bound that the k best items reach, and only runs that reach it are looked
    into, with a heap of k. Threads may call it on disjoint blocks.
    """
    if not scores.shape[0] == len(indptr) - 1 == len(out_items) == len(out_scores):
        raise ValueError("scores, indptr and outputs disagree about the number of rows")
    if out_items.shape[1] != k or out_scores.shape[1] != k:
        raise ValueError(f"outputs must have a column for each of the k={k} places")
    if k == 0:
        return
    per_place = scores.shape[1] // k  # twice as many runs as places give a bound that is close
    length = max(1, math.isqrt(per_place))
    if per_place >= 2 * LANES:
        length = -(-length // LANES) * LANES
    _topk(scores, *_typed(indptr, indices), out_items, out_scores, length)


def _typed(
    indptr: NDArray[np.integer[Any]], indices: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return CSR rows in the one pair of types that kernels are compiled for."""
    return indptr.astype(np.int64, copy=False), indices.astype(np.int32, copy=False)


def rank_block(
    scores: NDArray[np.float32],
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    positive_indptr: NDArray[np.integer[Any]],
    positive_indices: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Rank each row's positives, without sorting: ``(ranks, auc, candidates)``.

    The candidates are all items that are not seen.

    scores: (B, I) float32, C-contiguous, no NaN.
    indptr, indices; positive_indptr, positive_indices: CSR rows as in `topk_block`, sorted
        and without duplicates.
    ranks: (P,) int32, one an entry of `positive_indices`: from 1 among the row's candidates, best
        first, ties by item order; 0 for a positive that is no candidate.
    auc: (B,) float64, area under the ROC curve: the share of (positive, other candidate) pairs that
        the scores put in the right order, ties half (Mann-Whitney U / pairs); NaN without a pair.
    candidates: (B,) number of candidates, positives included.
    """
    rows = scores.shape[0]
    if not rows == len(indptr) - 1 == len(positive_indptr) - 1:
        raise ValueError("scores, indptr and positive_indptr disagree about the number of rows")
    ranks = np.zeros(len(positive_indices), np.int32)
    auc, candidates = np.empty(rows, np.float64), np.empty(rows, np.int64)
    seen, positive = _typed(indptr, indices), _typed(positive_indptr, positive_indices)
    _rank(scores, *seen, *positive, ranks, auc, candidates)
    return ranks, auc, candidates


def rank_common(
    scores: NDArray[np.float32],
    order: NDArray[np.int64],
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    positive_indptr: NDArray[np.integer[Any]],
    positive_indices: NDArray[np.integer[Any]],
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64], NDArray[np.int32]]:
    """Do what `rank_block` and `topk_block` do where all rows have the same scores.

    Costs a walk down the common order and a look at what a row has seen, not one at the catalogue.

    scores: (I,) float32, no NaN; -inf for an item that is in no list.
    order: (I,) the items, best first, ties by item order.
    indptr, indices; positive_indptr, positive_indices: CSR rows as in `rank_block`.
    Returns ranks (P,), auc (B,) and candidates (B,) as `rank_block`, and items (B, k): -1 where
    fewer qualify.
    """
    rows, n_items = len(indptr) - 1, len(scores)
    place = np.empty(n_items, np.int64)
    place[order] = np.arange(n_items)
    falling = -scores[order]
    # How many items have a higher score, and how many a score that is as high or higher.
    above = np.searchsorted(falling, -scores, side="left")
    reached = np.searchsorted(falling, -scores, side="right")
    ranks = np.zeros(len(positive_indices), np.int32)
    auc, candidates = np.empty(rows, np.float64), np.empty(rows, np.int64)
    items = np.full((rows, k), -1, np.int32)
    _common(
        scores,
        order,
        place,
        above,
        reached,
        *_typed(indptr, indices),
        *_typed(positive_indptr, positive_indices),
        ranks,
        auc,
        candidates,
        items,
    )
    return ranks, auc, candidates, items


@partial(inlined, fastmath=_MAXIMA)
def _run_maxima(line: Array, length: Int, maxima: Array) -> None:
    """Find the maximum of each run of ``length`` neighbours of a row (I,); the last is shorter."""
    for run in range(len(maxima)):
        part = line[run * length : (run + 1) * length]
        most = part[0]
        for at in range(len(part)):  # the first again: whole vectors and no rest
            most = max(most, part[at])
        maxima[run] = most


@compiled()
def _topk(
    scores: Array, indptr: Array, indices: Array, out_items: Array, out_scores: Array, length: Int
) -> None:
    n_items, k = scores.shape[1], out_items.shape[1]
    nothing = -F32(np.inf)
    runs = -(-n_items // length)
    maxima = np.empty(runs, np.float32)
    for row in range(scores.shape[0]):
        line, items, best = scores[row], out_items[row], out_scores[row]
        for at in range(indptr[row], indptr[row + 1]):
            line[indices[at]] = nothing
        _run_maxima(line, length, maxima)
        worst = F32(_LEAST)
        if runs >= k:
            worst = max(worst, kth_best(maxima, best, k))
        size = 0
        for run in range(runs):
            if maxima[run] < worst:
                continue
            first = run * length
            part = line[first : first + length]
            for at in range(len(part)):
                score = part[at]
                if score < worst:
                    continue
                if size < k:
                    best[size], items[size] = score, first + at
                    size += 1
                    if size == k:
                        for top in range(k // 2 - 1, -1, -1):
                            sink(best, items, top, k)
                        worst = best[0]
                elif score > worst:  # items come in their order, so of equal scores the first stays
                    best[0], items[0] = score, first + at
                    sink(best, items, 0, k)
                    worst = best[0]
        if size < k:
            for at in range(size // 2 - 1, -1, -1):
                sink(best, items, at, size)
            for at in range(size, k):
                best[at], items[at] = nothing, -1
        for last in range(size - 1, 0, -1):  # heap sort: the worst goes to the end
            best[0], best[last] = best[last], best[0]
            items[0], items[last] = items[last], items[0]
            sink(best, items, 0, last)


@compiled()
def _rank(
    scores: Array,
    indptr: Array,
    indices: Array,
    positive_indptr: Array,
    positive_indices: Array,
    ranks: Array,
    auc: Array,
    candidates: Array,
) -> None:
    n_items = scores.shape[1]
    rest = np.empty(n_items, np.float32)  # the row, NaN where an item is no negative
    own = np.empty(n_items, np.float32)  # scores of the row's positives that are candidates
    places = np.empty(n_items, np.int64)  # where they stand in positive_indices
    for row in range(scores.shape[0]):
        others, positives = n_items, 0
        for item in range(n_items):
            rest[item] = scores[row, item]
        for at in range(indptr[row], indptr[row + 1]):
            others -= not np.isnan(rest[indices[at]])
            rest[indices[at]] = np.nan
        for at in range(positive_indptr[row], positive_indptr[row + 1]):
            item = positive_indices[at]
            if not np.isnan(rest[item]):
                own[positives], places[positives] = rest[item], at
                positives += 1
                rest[item] = np.nan
        candidates[row] = others
        others -= positives
        twice = np.int64(0)  # 2 for a pair in the right order, 1 for a tie
        for at in range(positives):
            score, item = own[at], positive_indices[places[at]]
            below, most = np.int32(0), np.int32(0)
            for other in range(n_items):  # a comparison with NaN is False
                # A sum of two int32 is an int64 to numba: kept narrow, twice as many fit a vector.
                below = np.int32(below + np.int32(rest[other] < score))
                most = np.int32(most + np.int32(rest[other] <= score))
            twice += np.int64(below) + np.int64(most)
            rank = 1 + others - most
            if most > below:  # ties: those that stand first in the matrix come before
                for other in range(item):
                    rank += rest[other] == score
            for other in range(positives):
                rank += own[other] > score or (
                    own[other] == score and positive_indices[places[other]] < item
                )
            ranks[places[at]] = rank
        auc[row] = twice / (2.0 * positives * others) if positives and others else np.nan


@compiled()
def _common(
    scores: Array,
    order: Array,
    place: Array,
    above: Array,
    reached: Array,
    indptr: Array,
    indices: Array,
    positive_indptr: Array,
    positive_indices: Array,
    ranks: Array,
    auc: Array,
    candidates: Array,
    items: Array,
) -> None:
    n_items, k = len(scores), items.shape[1]
    barred = np.zeros(n_items, np.bool_)
    for row in range(len(indptr) - 1):
        start, end = indptr[row], indptr[row + 1]
        first, last = positive_indptr[row], positive_indptr[row + 1]
        masked = 0
        for at in range(start, end):
            masked += not barred[indices[at]]
            barred[indices[at]] = True
        candidates[row] = n_items - masked
        listed, walked = 0, 0
        while listed < k and walked < n_items:
            item = order[walked]
            if scores[item] == -np.inf:
                break
            if not barred[item]:
                items[row, listed] = item
                listed += 1
            walked += 1
        positives = 0
        for at in range(first, last):
            positives += not barred[positive_indices[at]]
        others = n_items - masked - positives
        twice = np.int64(0)  # 2 for a pair in the right order, 1 for a tie
        for at in range(first, last):
            item = positive_indices[at]
            if barred[item]:
                continue
            # The whole catalogue, less what is no other candidate: the masked, the own positives.
            higher, as_high, before = above[item], reached[item], place[item]
            score, own = scores[item], place[item]
            for seen in range(start, end):
                other = indices[seen]
                higher -= scores[other] > score
                as_high -= scores[other] >= score
                before -= place[other] < own
            for mine in range(first, last):
                other = positive_indices[mine]
                if not barred[other]:
                    higher -= scores[other] > score
                    as_high -= scores[other] >= score
            twice += (others - higher) + (others - as_high)
            ranks[at] = 1 + before
        auc[row] = twice / (2.0 * positives * others) if positives and others else np.nan
        for at in range(start, end):
            barred[indices[at]] = False
