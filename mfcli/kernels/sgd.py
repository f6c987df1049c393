"""The SGD passes of the hogwild engine over ratings: squared errors.

A pass sees to it that order[begin:end] gets done (`turns`), and returns where it stopped: before
the end where another thread is late with what it has begun. Where a tile is entered, in
which direction it is walked and what is drawn follow from (key, tile) alone; sums are kept by
tile, to be added up in one order whoever ran it. Rates: the loss of a sample is as the slopes
say plus regularization / 2 · ‖touched rows‖². Loops over factors stay in one function with the
rows, which LLVM then keeps in vector registers.
"""

from __future__ import annotations

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int, PassArguments, PassScratch
from mfcli.kernels.compilation import FAST, compiled, inlined
from mfcli.kernels.memory import prefetch
from mfcli.kernels.slopes import mse
from mfcli.kernels.tiles import advance, entry
from mfcli.kernels.turns import end_turn, next_turn, tiles_of


@compiled(fastmath=FAST, allocates=False)
def mse_pass(
    order: Array,
    begin: Int,
    end: Int,
    job: PassArguments,
    scratch: PassScratch,  # noqa: ARG001 - all passes are called alike
) -> Int:
    """SGD on squared errors."""
    bounds, users, items, values, losses, _ = job.tiles
    user_factors, item_factors, user_bias, item_bias, _, _ = job.weights
    mean, rate, decay, bias_decay = job.rates
    factors, biased, ahead = user_factors.shape[1], len(user_bias) > 0, job.ahead
    position = begin
    while position < end:
        place, position = next_turn(order, position, end, job)
        if place < 0:
            return position
        tile, _ = tiles_of(place, job.grid)
        first, last = bounds[tile], bounds[tile + 1]
        total = 0.0
        _, offset, step = entry(job.key, tile, last - first)
        at = first + offset
        for _ in range(last - first):
            user, item = users[at], items[at]
            if ahead:
                soon = min(max(at + step * ahead, first), last - 1)
                for column in range(0, factors, 16):
                    prefetch(user_factors, users[soon], column)
                    prefetch(item_factors, items[soon], column)
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
            at = advance(at, step, first, last)
        losses[tile] = total
        end_turn(place, job)
    return end


@compiled(fastmath=FAST, allocates=False)
def svdpp_pass(order: Array, begin: Int, end: Int, job: PassArguments, scratch: PassScratch) -> Int:
    """SGD on squared errors of SVD++ (Koren 2008), where a tile is a user with all its ratings.

    The score has ⟨p_u + h_u, q_i⟩ with h_u = |N(u)|^-½ Σ y_j over the user's items N(u). h_u is
    summed up once a visit and the slopes of the y_j are gathered, as each needs all of them; the
    penalty on them is λ |N(u)|^½ ‖y_j‖² a visit, between the λ |N(u)| ‖y_j‖² of one a rating, which
    leaves nothing of them where users have rated much, and one a user.
    """
    bounds, _, items, values, losses, _ = job.tiles
    user_factors, item_factors, user_bias, item_bias, user_implicit, item_implicit = job.weights
    mean, rate, decay, bias_decay = job.rates
    factors = user_factors.shape[1]
    gathered = scratch.slopes
    for position in range(begin, end):
        user = order[position]
        first, last = bounds[user], bounds[user + 1]
        if first == last:
            continue
        share = F32(1 / np.sqrt(last - first))
        held = F32(max(0.0, 1 - (1 - decay) / share))
        p, h = user_factors[user], user_implicit[user]
        _sum_rows(h, item_implicit, items, first, last, share)
        gathered[:] = F32(0)
        total = 0.0
        _, offset, step = entry(job.key, user, last - first)
        at = first + offset
        for _ in range(last - first):
            item = items[at]
            q = item_factors[item]
            score = mean + user_bias[user] + item_bias[item]
            for k in range(factors):
                score += (p[k] + h[k]) * q[k]
            loss, slope = mse(score, values[at])
            total += loss
            move = rate * slope
            user_bias[user] = user_bias[user] * bias_decay - move
            item_bias[item] = item_bias[item] * bias_decay - move
            for k in range(factors):
                x, y = p[k], q[k]
                p[k] = x * decay - move * y
                q[k] = y * decay - move * (x + h[k])
                gathered[k] -= move * share * y
            at = advance(at, step, first, last)
        for at in range(first, last):
            y_j = item_implicit[items[at]]
            for k in range(factors):
                y_j[k] = y_j[k] * held + gathered[k]
        losses[user] = total
    return end


@inlined
def _sum_rows(out: Array, table: Array, rows: Array, first: Int, last: Int, share: Int) -> None:
    out[:] = F32(0)
    for at in range(first, last):
        row = table[rows[at]]
        for k in range(len(out)):
            out[k] += row[k]
    for k in range(len(out)):
        out[k] *= share


@compiled(fastmath=FAST)
def sum_histories(
    indptr: Array, indices: Array, begin: Int, end: Int, table: Array, out: Array
) -> None:
    """Set out[u] = |N(u)|^-½ Σ table[j] over the entries j of CSR rows begin to end; 0 of none."""
    for user in range(begin, end):
        first, last = indptr[user], indptr[user + 1]
        share = F32(1 / np.sqrt(max(last - first, 1)))
        _sum_rows(out[user], table, indices, first, last, share)
