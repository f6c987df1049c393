"""The SGD pass of the hogwild engine over blocks of positives that share their negatives.

A block is up to ``BLOCK`` positives of one tile, and some hundred items of the strip that its
negatives come from. All cosines of the block's users and those items are one small product, and so
are the slopes of both sides; then every row takes its step. The turns are those of `sgd_sampled`.
"""

from __future__ import annotations

import math

import numpy as np

from mfcli.kernels.arrays import F32, Array, Float, Int, PassArguments, SharedScratch
from mfcli.kernels.compilation import FAST, compiled, inlined
from mfcli.kernels.negatives import LOW, is_seen
from mfcli.kernels.products import exp_line, line_top, padded, product
from mfcli.kernels.tiles import GOLDEN, advance, below, entry, mixed
from mfcli.kernels.turns import end_turn, next_turn, strips_of, tiles_of
from mfcli.kernels.vectors import WIDE

SOFTMAX, CCL = 0, 1  # what `shared_pass` minimises
BLOCK = 64  # positives; a multiple of the rows of a product's tile
HIDDEN = F32(-1e30)  # the score of a negative that is none


def shared_scratch(factors: int, negatives: int) -> SharedScratch:
    """Return what a thread needs for blocks with so many factors and negatives."""
    wide, many, block = padded(factors), padded(negatives), padded(BLOCK)
    rows = many  # columns of a block in whole vectors are rows of what is turned over
    return SharedScratch(
        spots=np.zeros(BLOCK, np.int64),
        picked=np.zeros(many, np.int64),
        shifts=np.zeros(many, np.float32),
        slopes=np.zeros(BLOCK, np.float32),
        users=np.zeros((BLOCK, wide), np.float32),
        users_across=np.zeros((wide, block), np.float32),
        others=np.zeros((rows, wide), np.float32),
        others_across=np.zeros((wide, many), np.float32),
        scores=np.zeros((BLOCK, many), np.float32),
        scores_across=np.zeros((rows, block), np.float32),
        user_slopes=np.zeros((BLOCK, wide), np.float32),
        other_slopes=np.zeros((rows, wide), np.float32),
    )


@inlined
def _turn_over(to: Array, lines: Array, rows: Int, columns: Int) -> None:
    """Set to[:columns, :rows] to lines[:rows, :columns], turned over."""
    for row in range(rows):
        for column in range(columns):
            to[column, row] = lines[row, column]


@inlined
def _enter(tile: Int, strip: Int, visited: Int, job: PassArguments) -> tuple[Int, ...]:
    """Enter a tile whose negatives come from a strip: (positives left, …, place, step).

    None are left where it is not to be ``visited``.
    """
    first = job.tiles.bounds[tile]
    size = job.tiles.bounds[tile + 1] - first
    state, offset, step = entry(job.key, tile, size)
    return size * visited, tile, strip, state, first + offset, step


@inlined
def _pick(state: Int, strip: Int, job: PassArguments, scratch: SharedScratch) -> tuple[Int, Int]:
    """Pick a block's negatives from a strip, and copy their rows: (new state, how many).

    Where the strip has no more items than are asked for, all of them. What is added to the score
    of a drawn one is the logarithm of how many items of the catalogue it stands for: one in M q of
    its strip's, which is a random part (the correction of Bengio and Senécal 2008, logQ).
    """
    _, accept, alias, dealt, bounds, _ = job.proposal
    low, high = bounds[strip], bounds[strip + 1]
    table = job.weights.item_factors
    n_items, factors = table.shape
    count = min(job.negatives, high - low)
    for m in range(count):
        place: Int = low + m
        shift: Float = F32(math.log(n_items / count))
        if count < high - low:
            state += GOLDEN
            bits = mixed(state)
            place = low + below(bits, high - low)
            if len(accept) and np.uint32(bits & LOW) >= accept[place]:
                place = np.int64(alias[place])
            if len(job.shared.shifts):
                shift += job.shared.shifts[dealt[place]]
        item = np.int64(dealt[place])
        scratch.picked[m] = item
        scratch.shifts[m] = F32(0) if job.objective == CCL else shift
        for k in range(factors):
            scratch.others[m, k] = table[item, k]
    for m in range(count, -(-count // WIDE) * WIDE):
        scratch.shifts[m] = HIDDEN
        for k in range(factors):
            scratch.others[m, k] = F32(0)
    _turn_over(scratch.others_across, scratch.others, -(-count // WIDE) * WIDE, factors)
    return state, count


@inlined
def _hide(row: Int, user: Int, count: Int, job: PassArguments, scratch: SharedScratch) -> Int:
    """Set the scores of what a user has seen to ``HIDDEN``: how many are left.

    The filter is asked here, as in `sgd_sampled`: a call costs more than the answer.
    """
    words, starts = job.seen.words, job.seen.starts
    start = starts[user]
    mask = ((starts[user + 1] - start) << 6) - 1
    left = count
    for m in range(count):
        item = scratch.picked[m]
        slot = item & mask
        passed = (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1)
        if passed and is_seen(item, user, job.seen):
            scratch.scores[row, m] = HIDDEN
            left -= 1
    return left


@inlined
def _softmax(
    row: Int, positive: Float, weight: Float, many: Int, job: PassArguments, scratch: SharedScratch
) -> tuple[Float, Float]:
    """(−ln of the positive's part of all, its slope); the negatives' slopes replace their scores.

    All slopes are of the scores before they are divided by the temperature.
    """
    inverse = F32(1) / job.shared.temperature
    line, shifts = scratch.scores[row], scratch.shifts
    positive *= inverse
    for m in range(many):
        if line[m] > HIDDEN or line[m] != line[m]:
            line[m] = line[m] * inverse + shifts[m]
    top = max(positive, line_top(scratch.scores, row, many))
    own = F32(math.exp(positive - top))
    total = exp_line(scratch.scores, row, many, top) + own
    scale = weight * inverse / total
    for m in range(many):
        line[m] *= scale
    loss = F32(math.log(total)) + top - positive
    return loss * weight, -weight * inverse * (total - own) / total


@inlined
def _contrast(
    row: Int,
    positive: Float,
    weight: Float,
    share: Float,
    unseen: Int,
    many: Int,
    job: PassArguments,
    scratch: SharedScratch,
) -> tuple[Float, Float]:
    """1 − x + w · the mean of max(0, x⁻ − margin) (Mao et al. 2021), and slopes as `_softmax`."""
    margin, each = job.shared.margin, weight * share * job.shared.weight / F32(max(unseen, 1))
    line, shifts = scratch.scores[row], scratch.shifts
    above = F32(0)
    for m in range(many):
        over = line[m] + shifts[m] - margin
        above += F32(0) if over < 0 else over  # NaN is to show
        line[m] = F32(0) if over < 0 else each
    return weight * (F32(1) - positive) + each * above, -weight


@inlined
def _step(table: Array, row: Int, slopes: Array, line: Int, rate: Float) -> None:
    """Move a row of length 1 along the sphere, down its slopes, and back onto it.

    What points outwards of the slopes changes no cosine, and is left out. A row of zeros takes the
    direction of its first step.
    """
    factors = table.shape[1]
    outwards = F32(0)
    for k in range(factors):
        outwards += table[row, k] * slopes[line, k]
    stays, size = F32(1) + rate * outwards, F32(0)
    for k in range(factors):
        moved = table[row, k] * stays - rate * slopes[line, k]
        size += moved * moved
        table[row, k] = moved
    if size != F32(0):
        scale = F32(1) / np.sqrt(size)
        for k in range(factors):
            table[row, k] *= scale


@inlined
def _score_block(
    size: Int, many: Int, users: Array, job: PassArguments, scratch: SharedScratch
) -> None:
    """Set the cosines of a block's users and negatives; rows of no positive are zero."""
    table = job.weights.user_factors
    factors = table.shape[1]
    for b in range(BLOCK):
        for k in range(factors):
            scratch.users[b, k] = F32(0)
        for m in range(many):
            scratch.scores[b, m] = F32(0)
    for b in range(size):
        row = table[users[scratch.spots[b]]]
        for k in range(factors):
            scratch.users[b, k] = row[k]
    _turn_over(scratch.users_across, scratch.users, BLOCK, factors)
    product(scratch.scores, size, many, scratch.users_across, scratch.others_across, factors)


@inlined
def _move(size: Int, count: Int, many: Int, job: PassArguments, scratch: SharedScratch) -> None:
    """Take the steps of a block, of whose scores the slopes are known."""
    users, items, rate = job.tiles.users, job.tiles.items, job.rates.rate
    user_factors, item_factors = job.weights.user_factors, job.weights.item_factors
    factors = item_factors.shape[1]
    _turn_over(scratch.scores_across, scratch.scores, BLOCK, many)
    product(scratch.user_slopes, size, factors, scratch.scores_across, scratch.others, many)
    if not job.fixed:
        product(scratch.other_slopes, count, factors, scratch.scores, scratch.users, size)
    for b in range(size):
        item, slope = items[scratch.spots[b]], scratch.slopes[b]
        for k in range(factors):
            scratch.user_slopes[b, k] += slope * item_factors[item, k]
            scratch.users[b, k] *= slope  # now what the positive's own row moves by
    for b in range(size):
        spot = scratch.spots[b]
        _step(user_factors, np.int64(users[spot]), scratch.user_slopes, b, rate)
        if not job.fixed:
            _step(item_factors, np.int64(items[spot]), scratch.users, b, rate)
    if not job.fixed:
        for m in range(count):
            _step(item_factors, scratch.picked[m], scratch.other_slopes, m, rate)


@compiled(fastmath=FAST, allocates=False)
def shared_pass(
    order: Array, begin: Int, end: Int, job: PassArguments, scratch: SharedScratch
) -> Int:
    """SGD on blocks of positives, whose users' cosines with the same negatives are one product.

    Rows have length 1, and keep it.
    """
    _, users, items, values, losses, skipped = job.tiles
    item_factors, bounds = job.weights.item_factors, job.tiles.bounds
    position = begin
    while position < end:
        place, position = next_turn(order, position, end, job)
        if place < 0:
            return position
        tile, other_tile = tiles_of(place, job.grid)
        strip, other_strip = strips_of(place, job.grid)
        total, missed = 0.0, 0
        walk = _enter(tile, strip, 1, job)
        beside = _enter(other_tile, other_strip, int(other_tile != tile), job)
        while walk[0] + beside[0] > 0:  # positives of both tiles by turns
            left, here, source, state, at, step = walk
            size = min(BLOCK, left)
            if size > 0:
                state, count = _pick(state, source, job, scratch)
                many = -(-count // WIDE) * WIDE
                for b in range(size):
                    scratch.spots[b] = at
                    at = advance(at, step, bounds[here], bounds[here + 1])
                _score_block(size, many, users, job, scratch)
                for b in range(size):
                    spot = scratch.spots[b]
                    user, item = users[spot], items[spot]
                    unseen = _hide(b, user, count, job, scratch)
                    positive = F32(0)
                    for k in range(item_factors.shape[1]):
                        positive += scratch.users[b, k] * item_factors[item, k]
                    weight = values[spot] if len(values) else F32(1)
                    if unseen == 0:  # there is nothing to tell the positive from
                        missed += 1
                        weight = F32(0)
                    if job.objective == SOFTMAX:
                        loss, slope = _softmax(b, positive, weight, many, job, scratch)
                    else:
                        share = job.proposal.shares[source]
                        loss, slope = _contrast(
                            b, positive, weight, share, unseen, many, job, scratch
                        )
                    total += loss
                    scratch.slopes[b] = slope
                _move(size, count, many, job, scratch)
            walk, beside = beside, (left - size, here, source, state, at, step)
        losses[tile], skipped[tile] = total, missed
        end_turn(place, job)
    return end
