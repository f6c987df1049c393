"""Compiled loops: best-k selection, AUC counts, and the SGD passes of the hogwild engine.

The only file that touches numba. Every function takes numpy arrays and plain scalars, releases
the GIL, and is compiled at its first use, then loaded from numba's on-disk cache. The cache does
not notice edits in other files, so everything the kernels need lives here.
"""

# ruff: noqa: C901 - a kernel is one loop: calls that hand over arrays cost more than they tidy up

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])

Array = NDArray[Any]
Int = Any  # Python or NumPy integers and floats: kernels take either
Float = Any
_intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], intrinsic)
F32 = np.float32
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's step
LOW = np.uint64(0xFFFFFFFF)
BPR, BPR_SQUARED, WARP = 0, 1, 2
PATIENCE = 20_000  # looks at another thread's progress before the thread gives way
TRIES = 16  # rejected negatives before one is found by counting
BATCH = 32  # negatives drawn, and their rows prefetched, before any is used
# Minimax polynomials (fitted here by reweighted least squares): 2^−r and ln(1 + r)/r on [0, 1].
EXP2 = tuple(
    map(F32, (0.99999993, -0.69314225, 0.24017217, -0.055279695, 0.0091885927, -0.00093878434))
)
LOG1P = (
    *map(F32, (0.99999981, -0.49997404, 0.33275465, -0.24495397)),
    *map(F32, (0.17745101, -0.10768014, 0.04408877, -0.00853903)),
)
POWERS = F32(2) ** -np.arange(128, dtype=np.float32)
LOG2_E = F32(1.4426950408889634)
# Sums may be reordered into vectors; NaN and infinity keep their meaning, so divergence shows.
FAST = {"reassoc", "contract", "nsz", "arcp"}
CHUNK = 16  # scores compared at once with the worst of the best k
NO_MASK = np.zeros(0, np.bool_)


class Weights(NamedTuple):
    """The learnt arrays, float32, updated in place; a model without biases has them of length 0."""

    user_factors: Array  # (U, F)
    item_factors: Array  # (I, F)
    user_bias: Array  # (U,)
    item_bias: Array  # (I,)


class Tiles(NamedTuple):
    """The shuffled copy of the ratings, tile t at bounds[t]:bounds[t + 1], and sums per tile."""

    bounds: Array  # (T + 1,) int64
    users: Array  # (n,) int32
    items: Array  # (n,) int32
    values: Array  # (n,) float32: ratings (mse), or weights of the loss; length 0 for 1
    losses: Array  # (T,) float64, written: sum of the samples' losses
    skipped: Array  # (T,) int64, written: samples without a negative, as their user has seen all


class Seen(NamedTuple):
    """What each user has seen: CSR rows, sorted, and the filter in front (`fill_filter`)."""

    indptr: Array  # (U + 1,)
    indices: Array  # (n,)
    words: Array  # uint64
    starts: Array  # (U + 1,) int64


class Proposal(NamedTuple):
    """Where negatives are drawn from: an alias table, or uniformly from slices of all items.

    Uniform draws of a tile come from one of `slices` equal parts of the items, which are dealt
    anew in each epoch: every unseen item is as likely as any other, but the rows in use at a time
    fit the cache, and threads seldom fight over one.
    """

    popularity: Array  # (I,) float64, weights; the three are empty for uniform draws
    accept: Array  # (I,) uint32
    alias: Array  # (I,) int32
    dealt: Array  # (I,) int32, the items in this epoch's order
    slices: Int


class Rates(NamedTuple):
    """Step sizes of an epoch as float32: `decay` is 1 − rate · regularization, biases apart."""

    mean: Float
    rate: Float
    decay: Float
    bias_decay: Float


class Job(NamedTuple):
    """All that a pass needs but its tiles' order; `seen` and `proposal` are unused for mse."""

    key: Int  # uint64, a hash of seed and epoch
    objective: Int  # BPR, BPR_SQUARED or WARP for pairwise_pass
    negatives: Int  # draws for a positive; for warp the most draws
    ahead: Int  # ratings to look ahead when asking for rows (mse); 0 where they are cached anyway
    tiles: Tiles
    seen: Seen
    proposal: Proposal
    weights: Weights
    rates: Rates


def _compiled(fastmath: bool | set[str] = False) -> Callable[[_Function], _Function]:
    """Make a kernel: `numba.njit`, GIL released, cached on disk wherever a folder can be written.

    numba looks for a writable folder itself (NUMBA_CACHE_DIR, `__pycache__`, the user's cache)
    and raises where there is none; a read-only install then compiles in each process instead.
    A cache that cannot be written later on (disk full) is no reason to stop either.
    """

    def decorate(function: _Function) -> _Function:
        try:
            kernel: Any = numba.njit(cache=True, nogil=True, fastmath=fastmath)(function)
        except RuntimeError:
            return cast(_Function, numba.njit(nogil=True, fastmath=fastmath)(function))
        cache = kernel._cache
        save, load = cache.save_overload, cache.load_overload

        def quiet_save(signature: Any, compiled: Any) -> None:
            try:
                save(signature, compiled)
            except OSError:
                cache.disable()

        def quiet_load(signature: Any, target: Any) -> Any:
            try:
                return load(signature, target)
            except Exception:  # a damaged cache file raises whatever pickle raises
                cache.disable()
                return None

        cache.save_overload, cache.load_overload = quiet_save, quiet_load
        return cast(_Function, kernel)

    return decorate


def _inlined(function: _Function) -> _Function:
    """Make a part of a kernel: compiled into its callers, it needs no cache entry of its own."""
    return cast(_Function, numba.njit(nogil=True, fastmath=FAST)(function))


# --- best k items of a block of users -------------------------------------------------------


def topk_block(
    scores: NDArray[np.float32],
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    k: int,
    out_items: NDArray[np.int32],
    out_scores: NDArray[np.float32],
    item_mask: NDArray[np.bool_] | None = None,
) -> None:
    """Find the k best unseen items of each row, best first; equal scores go by lower item index.

    scores: (B, I) float32, C-contiguous, no NaN; read only.
    indptr, indices: (B + 1,) and seen items of the block's rows, sorted within a row; a slice
        `matrix.indptr[a : b + 1]` with the whole `matrix.indices` is fine.
    out_items, out_scores: (B, k) int32 and float32, overwritten; a row with fewer than k
        qualifying items ends in item -1, score -inf.
    item_mask: (I,) bool, True where an item may be returned; None lets all through.

    One pass over a row with a heap of k: a score below the heap's worst costs a comparison in a
    vector, so the row is never sorted. Threads may call it on disjoint blocks.
    """
    if not scores.shape[0] == len(indptr) - 1 == len(out_items) == len(out_scores):
        raise ValueError("scores, indptr and outputs disagree about the number of rows")
    if out_items.shape[1] != k or out_scores.shape[1] != k:
        raise ValueError(f"outputs must have k={k} columns")
    if k == 0:
        return
    _topk(scores, indptr, indices, out_items, out_scores, _checked_mask(item_mask, scores))


def auc_block(
    scores: NDArray[np.float32],
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    positive_indptr: NDArray[np.integer[Any]],
    positive_indices: NDArray[np.integer[Any]],
    item_mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Area under the ROC curve of each row, ties counted half. Returns (B,) float64.

    The candidates are all items that are not seen (and let through by `item_mask`); the row's
    positives among them are held against the rest: the share of (positive, other) pairs that the
    scores put in the right order (Mann-Whitney U / pairs). NaN where there is no such pair.

    scores: (B, I) float32, C-contiguous, no NaN.
    indptr, indices; positive_indptr, positive_indices: CSR rows as in `topk_block`, without
        duplicates.
    """
    rows = scores.shape[0]
    if not rows == len(indptr) - 1 == len(positive_indptr) - 1:
        raise ValueError("scores, indptr and positive_indptr disagree about the number of rows")
    out = np.empty(rows, np.float64)
    mask = _checked_mask(item_mask, scores)
    _auc(scores, indptr, indices, positive_indptr, positive_indices, mask, out)
    return out


def _checked_mask(mask: NDArray[np.bool_] | None, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    if mask is None:
        return NO_MASK
    if mask.shape != (scores.shape[1],):
        raise ValueError(f"item_mask must have shape ({scores.shape[1]},), not {mask.shape}")
    return mask


@_inlined
def _sink(heap_scores: Array, heap_items: Array, at: Int, size: Int) -> None:
    """Restore the heap below `at`: the worst (lowest score, then highest item) on top."""
    score, item = heap_scores[at], heap_items[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            heap_scores[other] < heap_scores[child]
            or (heap_scores[other] == heap_scores[child] and heap_items[other] > heap_items[child])
        ):
            child = other
        if heap_scores[child] > score or (heap_scores[child] == score and heap_items[child] < item):
            break
        heap_scores[at], heap_items[at] = heap_scores[child], heap_items[child]
        at = child
    heap_scores[at], heap_items[at] = score, item


@_compiled()
def _topk(
    scores: Array, indptr: Array, indices: Array, out_items: Array, out_scores: Array, mask: Array
) -> None:
    n_items, k = scores.shape[1], out_items.shape[1]
    for row in range(scores.shape[0]):
        line, items, best = scores[row], out_items[row], out_scores[row]
        seen, seen_end = indptr[row], indptr[row + 1]
        size = 0
        worst = -F32(np.inf)
        for start in range(0, n_items, CHUNK):
            stop = min(start + CHUNK, n_items)
            if size == k and stop - start == CHUNK:
                above = False
                for offset in range(CHUNK):  # fixed length and no branch: vector code
                    above |= line[start + offset] > worst
                if not above:
                    continue
            for item in range(start, stop):
                score = line[item]
                if size == k and score <= worst:
                    continue
                while seen < seen_end and indices[seen] < item:
                    seen += 1
                if (seen < seen_end and indices[seen] == item) or (len(mask) and not mask[item]):
                    continue
                if size < k:
                    best[size], items[size] = score, item
                    size += 1
                    if size == k:
                        for at in range(k // 2 - 1, -1, -1):
                            _sink(best, items, at, k)
                else:
                    best[0], items[0] = score, item
                    _sink(best, items, 0, k)
                if size == k:
                    worst = best[0]
        if size < k:
            for at in range(size // 2 - 1, -1, -1):
                _sink(best, items, at, size)
            for at in range(size, k):
                best[at], items[at] = -np.inf, -1
        for last in range(size - 1, 0, -1):  # heap sort: the worst goes to the end
            best[0], best[last] = best[last], best[0]
            items[0], items[last] = items[last], items[0]
            _sink(best, items, 0, last)


@_compiled()
def _auc(
    scores: Array,
    indptr: Array,
    indices: Array,
    positive_indptr: Array,
    positive_indices: Array,
    mask: Array,
    out: Array,
) -> None:
    n_items = scores.shape[1]
    rest = np.empty(n_items, np.float32)  # the row, NaN where an item is no negative
    own = np.empty(n_items, np.float32)  # scores of the row's positives
    for row in range(scores.shape[0]):
        others, positives = n_items, 0
        for item in range(n_items):
            rest[item] = scores[row, item]
        if len(mask):
            for item in range(n_items):
                if not mask[item]:
                    rest[item] = np.nan
                    others -= 1
        for at in range(indptr[row], indptr[row + 1]):
            others -= not np.isnan(rest[indices[at]])
            rest[indices[at]] = np.nan
        for at in range(positive_indptr[row], positive_indptr[row + 1]):
            item = positive_indices[at]
            if not np.isnan(rest[item]):
                own[positives] = rest[item]
                positives += 1
                rest[item] = np.nan
        others -= positives
        if not positives or not others:
            out[row] = np.nan
            continue
        twice = np.int64(0)  # 2 for a pair in the right order, 1 for a tie
        for at in range(positives):
            score = own[at]
            below = np.int32(0)
            for item in range(n_items):  # a comparison with NaN is False
                below += np.int32(rest[item] < score) + np.int32(rest[item] <= score)
            twice += below
        out[row] = twice / (2.0 * positives * others)


# --- parts of the SGD passes ----------------------------------------------------------------
#
# Slopes: the loss of one sample and its derivative, closed form, of scores as float32.


@_inlined
def mse(score: Float, rating: Float) -> tuple[Float, Float]:
    """(rating − score)² and the slope of half of it: LIBMF's and Funk's convention."""
    error = score - rating
    return error * error, error


@_inlined
def exp_minus(x: Float) -> Float:
    """exp(−x) of a float32 x ≥ 0 to a relative 2e-7, five times as fast as the C library's."""
    if not x < F32(87):  # NaN must not become an index
        return F32(1.6e-38) if x >= F32(87) else x
    scaled = x * LOG2_E  # exp(−x) = 2^−whole · 2^−rest
    whole = np.int32(scaled)
    r = scaled - F32(whole)
    c = EXP2
    return POWERS[whole] * (c[0] + r * (c[1] + r * (c[2] + r * (c[3] + r * (c[4] + r * c[5])))))


@_inlined
def log1p_unit(x: Float) -> Float:
    """ln(1 + x) of a float32 x in [0, 1] to a relative 3e-7."""
    c = LOG1P
    low = c[0] + x * (c[1] + x * (c[2] + x * c[3]))
    high = c[4] + x * (c[5] + x * (c[6] + x * c[7]))
    return x * (low + (x * x) * (x * x) * high)


@_inlined
def bpr(margin: Float) -> tuple[Float, Float]:
    """−ln σ(margin), margin = x_positive − x_negative (Rendle et al. 2009), and its slope."""
    small = exp_minus(abs(margin))  # never overflows
    loss = log1p_unit(small) + (-margin if margin < 0 else F32(0))
    return loss, -(F32(1) if margin < 0 else small) / (F32(1) + small)


@_inlined
def bpr_squared(margin: Float) -> tuple[Float, Float]:
    """(1 − σ(margin))² and its slope −2 (1 − σ)² σ, which dies where the order is most wrong."""
    small = exp_minus(abs(margin))
    wrong = (F32(1) if margin < 0 else small) / (F32(1) + small)  # 1 − σ
    right = (small if margin < 0 else F32(1)) / (F32(1) + small)  # σ, where 1 − wrong cancels
    loss = wrong * wrong
    return loss, F32(-2) * loss * right


@_inlined
def logistic(score: Float, label: Float) -> tuple[Float, Float]:
    """Log loss of a score against a label of 1 or 0, −ln σ(±score), and its slope σ − label."""
    loss, slope = bpr(score if label > 0 else -score)
    return loss, slope if label > 0 else -slope


@_inlined
def warp(margin: Float, candidates: Int, draws: Int) -> tuple[Float, Float]:
    """ln(1 + ⌊candidates / draws⌋) · (1 − margin) for a violating margin < 1, and its slope.

    WARP (Weston et al. 2011): the draws needed to find a violating negative among the user's
    unseen items estimate the positive's rank, whose logarithm weighs the hinge (as in LightFM).
    """
    weight = F32(math.log(1.0 + candidates // draws))
    return weight * (F32(1) - margin), -weight


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, dimensions: int) -> Any:
    """Emit the address of array[index, …]: the first argument is the array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    at: Callable[..., Any] = cgutils.get_item_pointer
    indices = list(arguments[1 : 1 + dimensions])
    return at(context, builder, signature.args[0], array, indices, wraparound=False)


@_intrinsic
def _prefetch(_context: Any, matrix: Any, _row: Any, _column: Any) -> Any:
    """Ask for the cache line of matrix[row, column], which is read and written soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, 2)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.globals.get("llvm.prefetch.p0")
        prefetch = prefetch or ir.Function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, number(1), number(3), number(1)])  # write, keep, data
        return context.get_dummy_value()

    return types.none(matrix, types.intp, types.intp), generate


@_intrinsic
def _load_turn(_context: Any, array: Any, _index: Any) -> Any:
    """Read array[index], and see all that was written before the number was stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(
            _pointer(context, builder, signature, arguments, 1), "acquire", 8
        )

    return types.int64(array, types.intp), generate


@_intrinsic
def _store_turn(_context: Any, array: Any, _index: Any, _value: Any) -> Any:
    """Set array[index] = value, for other threads to see after all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, 1)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, types.int64), generate


@_inlined
def _mixed(state: Int) -> Int:
    """64 random bits of a counter: splitmix64 (Steele, Lea and Flood 2014)."""
    z = np.uint64(state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_inlined
def _below(bits: Int, limit: Int) -> Int:
    """Turn the upper 32 of 64 random bits into a number in [0, limit)."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@_inlined
def _lower_bound(items: Array, first: Int, last: Int, item: Int) -> Int:
    """Find the first position in items[first:last] (sorted) whose item is not below `item`."""
    while first < last:
        middle = (first + last) >> 1
        if items[middle] < item:
            first = middle + 1
        else:
            last = middle
    return first


@_inlined
def _last_resort(
    bits: Int, indices: Array, first: Int, last: Int, n_items: Int, popularity: Array
) -> Int:
    """Find an unseen item by counting, for a user whose seen items swallow nearly every draw."""
    if len(popularity) == 0:  # the rank-th unseen item: indices[at] − at is non-decreasing
        rank = _below(bits, n_items - (last - first))
        low, high = first, last
        while low < high:
            middle = (low + high) >> 1
            if indices[middle] - (middle - first) <= rank:
                low = middle + 1
            else:
                high = middle
        return rank + (low - first)
    mass = 0.0
    at = first
    for item in range(n_items):
        if at < last and indices[at] == item:
            at += 1
        else:
            mass += popularity[item]
    mass *= (bits >> np.uint64(11)) * 2.0**-53
    at, found = first, -1
    for item in range(n_items):
        if at < last and indices[at] == item:
            at += 1
            continue
        found = item
        mass -= popularity[item]
        if mass < 0.0:
            break
    return found


@_inlined
def _slice(part: Int, slices: Int, n_items: Int) -> tuple[Int, Int]:
    """Return the bounds of a slice of `Proposal.dealt`."""
    return part * n_items // slices, (part + 1) * n_items // slices


@_inlined
def _part(tile: Int, job: Job) -> Int:
    """Return a tile's slice: neighbours in a round differ, and a user strip meets all of them."""
    strips = np.int64(math.sqrt(len(job.tiles.losses)))  # 1 or the square root where it is a grid
    return (tile // strips + tile % strips) % job.proposal.slices


@_inlined
def draw_negative(
    state: Int, user: Int, part: Int, seen: Seen, proposal: Proposal
) -> tuple[Int, Int]:
    """Return (new state, an item that the user has not seen); item −1 if there is none.

    seen: the CSR rows `indptr, indices` and the filter `words, starts` of `fill_filter`; most
        unseen items pass the filter with one lookup, the rest takes a binary search.
    part: the slice that uniform draws come from. After `TRIES` rejected draws an unseen item is
    found by counting, in the whole catalogue.
    """
    indptr, indices, words, starts = seen
    popularity, accept, alias, dealt, slices = proposal
    n_items = len(dealt)
    low, high = _slice(part, slices, n_items)
    first, last = indptr[user], indptr[user + 1]
    if last - first >= n_items:
        return state, -1
    start = starts[user]
    mask = ((starts[user + 1] - start) << 6) - 1
    exact = mask >= n_items - 1
    for _ in range(TRIES):
        state += GOLDEN
        bits = _mixed(state)
        if len(accept):
            item = _below(bits, n_items)
            item = item if np.uint32(bits & LOW) < accept[item] else np.int64(alias[item])
        else:
            item = np.int64(dealt[low + _below(bits, high - low)])
        slot = item & mask
        if not (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1):
            return state, item
        if not exact:
            at = _lower_bound(indices, first, last, item)
            if at == last or indices[at] != item:
                return state, item
    state += GOLDEN
    return state, np.int64(_last_resort(_mixed(state), indices, first, last, n_items, popularity))


@_inlined
def _advance(at: Int, step: Int, first: Int, last: Int) -> Int:
    """Return the next position of a walk that goes round the stretch [first, last)."""
    at += step
    if at == last:
        return first
    return last - 1 if at < first else at


@_inlined
def _draw_batch(
    state: Int, at: Int, step: Int, tile: Int, job: Job, spots: Array, others: Array
) -> tuple[Int, Int]:
    """Fill spots with the walk's next positions and others with a negative for each.

    The first try of `draw_negative` stands here once more: a call costs more than the draw, for
    numba counts references to the arrays that it hands over. Rows are prefetched.
    """
    users, items, words, starts = job.tiles.users, job.tiles.items, job.seen.words, job.seen.starts
    _, accept, alias, dealt, slices = job.proposal
    user_factors, item_factors = job.weights.user_factors, job.weights.item_factors
    n_items, factors = item_factors.shape
    first, last = job.tiles.bounds[tile], job.tiles.bounds[tile + 1]
    part = _part(tile, job)
    low, high = _slice(part, slices, n_items)
    for s in range(len(spots)):
        user = users[at]
        bits = _mixed(state + GOLDEN)
        if len(accept):
            item = _below(bits, n_items)
            item = item if np.uint32(bits & LOW) < accept[item] else np.int64(alias[item])
        else:
            item = np.int64(dealt[low + _below(bits, high - low)])
        start = starts[user]
        slot = item & (((starts[user + 1] - start) << 6) - 1)
        if (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1):
            state, item = draw_negative(state, user, part, job.seen, job.proposal)
        else:
            state += GOLDEN
        spots[s], others[s] = at, item
        for column in range(0, factors, 16):
            _prefetch(item_factors, max(item, 0), column)
            _prefetch(item_factors, items[at], column)
            _prefetch(user_factors, user, column)
        at = _advance(at, step, first, last)
    return state, at


@_compiled()
def fill_tiles(
    indptr: Array,
    indices: Array,
    data: Array,
    user_strips: Array,
    item_strips: Array,
    strips: Int,
    key: Int,
    tiles: Tiles,
) -> None:
    """Copy CSR ratings into their tiles and shuffle each tile; tiles.bounds is written as well.

    user_strips, item_strips: (U,) and (I,) int64; a rating's tile is user strip · strips + item
    strip. With strips = 0 each rating goes to a random tile. data: (n,) or length 0 for none.
    """
    bounds, users, items, values, _, _ = tiles
    count = len(bounds) - 1
    bounds[:] = 0
    cursor = np.zeros(count, np.int64)
    for write in range(2):  # count the tiles' ratings, then put them there
        for user in range(len(indptr) - 1):
            for at in range(indptr[user], indptr[user + 1]):
                if strips:
                    tile = user_strips[user] * strips + item_strips[indices[at]]
                else:
                    tile = _below(_mixed(key ^ (GOLDEN * np.uint64(at + 1))), count)
                if write:
                    to = cursor[tile]
                    cursor[tile] = to + 1
                    users[to], items[to] = user, indices[at]
                    if len(values):
                        values[to] = data[at]
                else:
                    bounds[tile + 1] += 1
        if not write:
            for tile in range(count):
                bounds[tile + 1] += bounds[tile]
                cursor[tile] = bounds[tile]
    for tile in range(count):  # Fisher and Yates
        state = _mixed(key + GOLDEN * np.uint64(tile + 1))
        for last in range(bounds[tile + 1] - 1, bounds[tile], -1):
            state += GOLDEN
            other = bounds[tile] + _below(_mixed(state), last + 1 - bounds[tile])
            users[last], users[other] = users[other], users[last]
            items[last], items[other] = items[other], items[last]
            if len(values):
                values[last], values[other] = values[other], values[last]


@_compiled()
def fill_filter(seen: Seen) -> None:
    """Set a bit per seen item, at the item's lowest bits, in the user's words[starts[u]:].

    Each user owns a power of two of 64-bit words, at least 16 bits a seen item, so that nineteen
    unseen items in twenty meet a zero (and all of them where the words span all items).
    """
    indptr, indices, words, starts = seen
    for user in range(len(indptr) - 1):
        start = starts[user]
        mask = ((starts[user + 1] - start) << 6) - 1
        for at in range(indptr[user], indptr[user + 1]):
            slot = np.int64(indices[at]) & mask
            words[start + (slot >> 6)] |= np.uint64(1) << np.uint64(slot & 63)


@_compiled()
def fill_alias(proposal: Proposal) -> None:
    """Vose's alias table of float64 weights: `accept` uint32, of 2³², and `alias` int32."""
    popularity, accept, alias, _, _ = proposal
    n = len(popularity)
    scaled = popularity * (n / popularity.sum())
    stack = np.empty(n, np.int64)  # the poor from the left, the rich from the right
    poor, rich = 0, n
    for item in range(n):
        alias[item] = item
        accept[item] = 0xFFFFFFFF
        if scaled[item] < 1.0:
            stack[poor] = item
            poor += 1
        else:
            rich -= 1
            stack[rich] = item
    while poor > 0 and rich < n:
        poor -= 1
        taker, giver = stack[poor], stack[rich]
        accept[taker] = np.uint32(min(scaled[taker] * 4294967296.0, 4294967295.0))
        alias[taker] = giver
        scaled[giver] -= 1.0 - scaled[taker]
        if scaled[giver] < 1.0:
            rich += 1
            stack[poor] = giver
            poor += 1


# --- the SGD passes -------------------------------------------------------------------------
#
# A pass visits the tiles order[begin:end] and returns where it stopped. Where a tile is entered, in
# which direction it is walked and what is drawn follow from (key, tile) alone; sums are kept by
# tile, to be added up in one order whoever ran it. Rates: the loss of a sample is as the slopes
# say plus regularization / 2 · ‖touched rows‖². Loops over factors stay in one function with the
# rows, which LLVM then keeps in vector registers.


@_inlined
def _entry(key: Int, tile: Int, size: Int) -> tuple[Int, Int, Int]:
    """(random state, where to start, step of 1 or −1) of a tile in this epoch."""
    state = _mixed(key + GOLDEN * np.uint64(tile + 1))
    bits = _mixed(state)
    return state, _below(bits, size), np.int64(bits & np.uint64(1)) * 2 - 1


@_compiled(fastmath=FAST)
def mse_pass(order: Array, begin: Int, end: Int, turns: Array, job: Job) -> Int:
    """SGD on squared errors.

    turns: (8 · strips,) int64 zeros, a number every cache line: how many tiles of an item strip
    are done, shared by the workers; length 0 for the free order. `order` then holds this worker's
    tiles of round 0, of round 1, …; a tile of round r waits until its item strip has seen r tiles,
    so that tiles which share items run in one order at any number of workers. After a while the
    pass returns where it waits: the caller may stop, or sleep.
    """
    bounds, users, items, values, losses, _ = job.tiles
    user_factors, item_factors, user_bias, item_bias = job.weights
    mean, rate, decay, bias_decay = job.rates
    factors, biased, ahead = user_factors.shape[1], len(user_bias) > 0, job.ahead
    strips = max(len(turns) // 8, 1)
    width = max(len(order) // strips, 1)  # tiles of a round in this worker's order
    for position in range(begin, end):
        tile = order[position]
        if len(turns):
            patience = PATIENCE
            while _load_turn(turns, (tile % strips) * 8) < position // width:
                patience -= 1
                if patience == 0:
                    return position
        first, last = bounds[tile], bounds[tile + 1]
        total = 0.0
        _, offset, step = _entry(job.key, tile, last - first)
        at = first + offset
        for _ in range(last - first):
            user, item = users[at], items[at]
            if ahead:
                soon = min(max(at + step * ahead, first), last - 1)
                for column in range(0, factors, 16):
                    _prefetch(user_factors, users[soon], column)
                    _prefetch(item_factors, items[soon], column)
            p, q = user_factors[user], item_factors[item]
            score = mean
            if biased:
                score += user_bias[user] + item_bias[item]
            for k in range(factors):
                score += p[k] * q[k]
            loss, slope = mse(score, values[at])
            total += loss
            move = rate * slope
            if biased:
                user_bias[user] = user_bias[user] * bias_decay - move
                item_bias[item] = item_bias[item] * bias_decay - move
            for k in range(factors):
                x, y = p[k], q[k]
                p[k] = x * decay - move * y
                q[k] = y * decay - move * x
            at = _advance(at, step, first, last)
        losses[tile] = total
        if len(turns):
            _store_turn(turns, (tile % strips) * 8, position // width + 1)
    return end


@_compiled(fastmath=FAST)
def pairwise_pass(order: Array, begin: Int, end: Int, job: Job) -> Int:
    """SGD on the margins x_ui − x_uj of each positive i and `negatives` draws j.

    User biases cancel and are left alone. WARP takes the first of `negatives` draws whose margin
    is below 1, and learns nothing from a positive that has none.
    """
    bounds, users, items, values, losses, skipped = job.tiles
    user_factors, item_factors, _, item_bias = job.weights
    _, rate, decay, bias_decay = job.rates
    indptr, objective = job.seen.indptr, job.objective
    n_items, factors = item_factors.shape
    biased = len(item_bias) > 0
    draws = job.negatives if objective == WARP else 1
    spots, others = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    for position in range(begin, end):
        tile = order[position]
        first, last = bounds[tile], bounds[tile + 1]
        total, missed, part = 0.0, 0, _part(tile, job)
        for repeat in range(job.negatives // draws):
            state, offset, step = _entry(job.key ^ (GOLDEN * np.uint64(repeat)), tile, last - first)
            at = first + offset
            for base in range(0, last - first, BATCH):
                size = min(BATCH, last - first - base)
                state, at = _draw_batch(state, at, step, tile, job, spots[:size], others)
                for s in range(size):
                    spot, other = spots[s], others[s]
                    user, item = users[spot], items[spot]
                    if other < 0:
                        missed += 1
                        continue
                    p, q, z = user_factors[user], item_factors[item], item_factors[other]
                    margin = item_bias[item] - item_bias[other] if biased else F32(0)
                    for k in range(factors):
                        margin += p[k] * (q[k] - z[k])
                    draw = 1
                    while draw < draws and margin >= F32(1):
                        draw += 1
                        state, other = draw_negative(state, user, part, job.seen, job.proposal)
                        z = item_factors[other]
                        margin = item_bias[item] - item_bias[other] if biased else F32(0)
                        for k in range(factors):
                            margin += p[k] * (q[k] - z[k])
                    if objective == BPR:
                        loss, slope = bpr(margin)
                    elif objective == BPR_SQUARED:
                        loss, slope = bpr_squared(margin)
                    elif not margin >= F32(1):  # NaN is to show
                        unseen = n_items - np.int64(indptr[user + 1] - indptr[user])
                        loss, slope = warp(margin, unseen, draw)
                    else:
                        continue
                    if len(values):
                        loss *= values[spot]
                        slope *= values[spot]
                    total += loss
                    move = rate * slope
                    if biased:
                        item_bias[item] = item_bias[item] * bias_decay - move
                        item_bias[other] = item_bias[other] * bias_decay + move
                    for k in range(factors):
                        x, y, w = p[k], q[k], z[k]
                        p[k] = x * decay - move * (y - w)
                        q[k] = y * decay - move * x
                        z[k] = w * decay + move * x
        losses[tile], skipped[tile] = total, missed
    return end


@_compiled(fastmath=FAST)
def logistic_pass(order: Array, begin: Int, end: Int, job: Job) -> Int:
    """SGD on the log loss of each positive (label 1) and of `negatives` draws (label 0) for it.

    Values weigh the positive's loss alone: play counts say nothing of what was not played. A
    positive whose user has seen every item is learnt from nevertheless.
    """
    bounds, users, items, values, losses, skipped = job.tiles
    user_factors, item_factors, user_bias, item_bias = job.weights
    mean, rate, decay, bias_decay = job.rates
    factors, biased = item_factors.shape[1], len(user_bias) > 0
    spots, others = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    for position in range(begin, end):
        tile = order[position]
        first, last = bounds[tile], bounds[tile + 1]
        total, missed = 0.0, 0
        for repeat in range(job.negatives):
            state, offset, step = _entry(job.key ^ (GOLDEN * np.uint64(repeat)), tile, last - first)
            at = first + offset
            for base in range(0, last - first, BATCH):
                size = min(BATCH, last - first - base)
                state, at = _draw_batch(state, at, step, tile, job, spots[:size], others)
                for s in range(2 * size):
                    spot, label = spots[s >> 1], s & 1
                    user, item = users[spot], np.int64(items[spot]) if label else others[s >> 1]
                    if label and repeat:
                        continue
                    if item < 0:
                        missed += 1
                        continue
                    p, q = user_factors[user], item_factors[item]
                    score = mean
                    if biased:
                        score += user_bias[user] + item_bias[item]
                    for k in range(factors):
                        score += p[k] * q[k]
                    loss, slope = logistic(score, label)
                    if label and len(values):
                        loss *= values[spot]
                        slope *= values[spot]
                    total += loss
                    move = rate * slope
                    if biased:
                        user_bias[user] = user_bias[user] * bias_decay - move
                        item_bias[item] = item_bias[item] * bias_decay - move
                    for k in range(factors):
                        x, y = p[k], q[k]
                        p[k] = x * decay - move * y
                        q[k] = y * decay - move * x
        losses[tile], skipped[tile] = total, missed
    return end
