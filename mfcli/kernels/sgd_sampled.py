"""The SGD passes of the hogwild engine over positives and sampled negatives.

They go through tiles as those of `sgd`, whose docstring says how.
"""

# ruff: noqa: C901 - a kernel is one loop: calls that hand over arrays cost more than they tidy up

from __future__ import annotations

import math

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int, PassArguments, PassScratch
from mfcli.kernels.compilation import FAST, compiled, inlined
from mfcli.kernels.memory import prefetch
from mfcli.kernels.negatives import LOW, draw_negative, is_seen
from mfcli.kernels.slopes import bpr, bpr_squared, logistic, warp
from mfcli.kernels.tiles import GOLDEN, advance, below, entry, mixed
from mfcli.kernels.turns import end_turn, next_turn, strips_of, tiles_of

BPR, BPR_SQUARED, WARP = 0, 1, 2  # what `pairwise_pass` minimises
BATCH = 32  # negatives of a tile that are drawn, and their rows prefetched, before any is used


def pass_scratch(factors: int) -> PassScratch:
    """Return what a thread needs for passes over so many factors."""
    spots, others, rivals = np.empty((3, BATCH), np.int64)
    return PassScratch(spots, others, rivals, np.empty(factors, np.float32))


@inlined
def _walk(tile: Int, strip: Int, repeat: Int, job: PassArguments, visited: Int) -> tuple[Int, ...]:
    """Enter a tile whose negatives come from a strip: (positives left, …, place, step).

    None are left where it is not to be ``visited``.
    """
    first = job.tiles.bounds[tile]
    size = job.tiles.bounds[tile + 1] - first
    state, offset, step = entry(job.key ^ (GOLDEN * np.uint64(repeat)), tile, size)
    return size * visited, tile, strip, job.proposal.shares[strip], state, first + offset, step


@inlined
def _draw_batch(
    state: Int,
    at: Int,
    step: Int,
    tile: Int,
    strip: Int,
    job: PassArguments,
    spots: Array,
    others: Array,
) -> tuple[Int, Int]:
    """Fill spots with the walk's next positions and others with a negative for each.

    The first try of `draw_negative` stands here once more: a call costs more than the draw, for
    numba counts references to the arrays that it hands over. Rows are prefetched.
    """
    users, items, words, starts = job.tiles.users, job.tiles.items, job.seen.words, job.seen.starts
    _, accept, alias, dealt, _, _ = job.proposal
    low, high = job.proposal.bounds[strip], job.proposal.bounds[strip + 1]
    user_factors, item_factors = job.weights.user_factors, job.weights.item_factors
    factors = item_factors.shape[1]
    first, last = job.tiles.bounds[tile], job.tiles.bounds[tile + 1]
    for s in range(len(spots)):
        user = users[at]
        bits = mixed(state + GOLDEN)
        place = low + below(bits, high - low)
        if len(accept) and np.uint32(bits & LOW) >= accept[place]:
            place = np.int64(alias[place])
        item = np.int64(dealt[place])
        start = starts[user]
        slot = item & (((starts[user + 1] - start) << 6) - 1)
        if (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1):
            state, item = draw_negative(state, user, strip, job.seen, job.proposal)
        else:
            state += GOLDEN
        spots[s], others[s] = at, item
        for column in range(0, factors, 16):
            prefetch(item_factors, max(item, 0), column)
            prefetch(item_factors, items[at], column)
            prefetch(user_factors, user, column)
        at = advance(at, step, first, last)
    return state, at


@inlined
def _draw_rivals(state: Int, strip: Int, job: PassArguments, rivals: Array) -> Int:
    """Fill rivals with draws, seen or not, and ask for their rows."""
    _, accept, alias, dealt, _, _ = job.proposal
    low, high = job.proposal.bounds[strip], job.proposal.bounds[strip + 1]
    item_factors = job.weights.item_factors
    for c in range(len(rivals)):
        state += GOLDEN
        bits = mixed(state)
        place = low + below(bits, high - low)
        if len(accept) and np.uint32(bits & LOW) >= accept[place]:
            place = np.int64(alias[place])
        rivals[c] = dealt[place]
        for column in range(0, item_factors.shape[1], 16):
            prefetch(item_factors, np.int64(dealt[place]), column)
    return state


@compiled(fastmath=FAST, allocates=False)
def pairwise_pass(
    order: Array, begin: Int, end: Int, job: PassArguments, scratch: PassScratch
) -> Int:
    """SGD on the margins x_ui − x_uj of each positive i and `negatives` draws j.

    User biases cancel and are left alone. A negative is the one of highest score of `hardest_of`
    draws, less those that the user has seen (Zhang et al. 2013, dynamic negative sampling). WARP
    draws on, up to `negatives` in all, where none of these has a margin below 1, and learns nothing
    from a positive that has none.
    """
    _, users, items, values, losses, skipped = job.tiles
    user_factors, item_factors, _, item_bias, _, _ = job.weights
    _, rate, decay, bias_decay = job.rates
    indptr, objective = job.seen.indptr, job.objective
    n_items, factors = item_factors.shape
    biased, fixed = len(item_bias) > 0, job.fixed
    draws = job.negatives if objective == WARP else 1
    candidates = job.hardest_of
    counted = F32(1 if objective == WARP else -math.inf)  # margins that are violations
    spots, others, rivals, _ = scratch
    position = begin
    while position < end:
        place, position = next_turn(order, position, end, job)
        if place < 0:
            return position
        tile, other_tile = tiles_of(place, job.grid)
        strip, other_strip = strips_of(place, job.grid)
        total, missed = 0.0, 0
        for repeat in range(job.negatives // draws):
            walk = _walk(tile, strip, repeat, job, 1)
            beside = _walk(other_tile, other_strip, repeat, job, int(other_tile != tile))
            while walk[0] + beside[0] > 0:  # positives of both tiles by turns
                left, here, source, share, state, at, step = walk
                size = min(BATCH, left)
                state, at = _draw_batch(state, at, step, here, source, job, spots[:size], others)
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
                    violations = int(margin < F32(1))
                    more = candidates - 1
                    while more > 0:
                        tried = min(BATCH, more)
                        more -= tried
                        state = _draw_rivals(state, source, job, rivals[:tried])
                        for c in range(tried):
                            rival = rivals[c]
                            z = item_factors[rival]
                            closer = item_bias[item] - item_bias[rival] if biased else F32(0)
                            for k in range(factors):
                                closer += p[k] * (q[k] - z[k])
                            if closer < max(margin, counted) and not is_seen(rival, user, job.seen):
                                violations += int(closer < F32(1))
                                if closer < margin:
                                    margin, other = closer, rival
                    z = item_factors[other]
                    draw = candidates
                    while draw < draws and margin >= F32(1):
                        draw += 1
                        state, other = draw_negative(state, user, source, job.seen, job.proposal)
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
                        loss, slope = warp(margin, unseen, max(violations, 1), draw)
                    else:
                        continue
                    weight = share
                    if len(values):
                        weight *= values[spot]
                    total += loss * weight
                    move = rate * slope * weight
                    if biased and not fixed:
                        item_bias[item] = item_bias[item] * bias_decay - move
                        item_bias[other] = item_bias[other] * bias_decay + move
                    for k in range(factors):
                        x, y, w = p[k], q[k], z[k]
                        p[k] = x * decay - move * (y - w)
                        if not fixed:
                            q[k] = y * decay - move * x
                            z[k] = w * decay + move * x
                walk, beside = beside, (left - size, here, source, share, state, at, step)
        losses[tile], skipped[tile] = total, missed
        end_turn(place, job)
    return end


@compiled(fastmath=FAST, allocates=False)
def logistic_pass(
    order: Array, begin: Int, end: Int, job: PassArguments, scratch: PassScratch
) -> Int:
    """SGD on the log loss of each positive (label 1) and of `negatives` draws (label 0) for it.

    Values weigh the positive's loss alone: play counts say nothing of what was not played. A
    positive whose user has seen every item is learnt from nevertheless.
    """
    _, users, items, values, losses, skipped = job.tiles
    user_factors, item_factors, user_bias, item_bias, _, _ = job.weights
    mean, rate, decay, bias_decay = job.rates
    factors, biased, fixed = item_factors.shape[1], len(user_bias) > 0, job.fixed
    spots, others, _, _ = scratch
    position = begin
    while position < end:
        place, position = next_turn(order, position, end, job)
        if place < 0:
            return position
        tile, other_tile = tiles_of(place, job.grid)
        strip, other_strip = strips_of(place, job.grid)
        total, missed = 0.0, 0
        for repeat in range(job.negatives):
            walk = _walk(tile, strip, repeat, job, 1)
            beside = _walk(other_tile, other_strip, repeat, job, int(other_tile != tile))
            while walk[0] + beside[0] > 0:  # positives of both tiles by turns
                left, here, source, share, state, at, step = walk
                size = min(BATCH, left)
                state, at = _draw_batch(state, at, step, here, source, job, spots[:size], others)
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
                    weight = F32(1) if label else share
                    if label and len(values):
                        weight = values[spot]
                    total += loss * weight
                    move = rate * slope * weight
                    if biased:
                        user_bias[user] = user_bias[user] * bias_decay - move
                        if not fixed:
                            item_bias[item] = item_bias[item] * bias_decay - move
                    for k in range(factors):
                        x, y = p[k], q[k]
                        p[k] = x * decay - move * y
                        if not fixed:
                            q[k] = y * decay - move * x
                walk, beside = beside, (left - size, here, source, share, state, at, step)
        losses[tile], skipped[tile] = total, missed
        end_turn(place, job)
    return end
