"""Tiles of ratings: filled and shuffled, entered and walked; and the random bits for it.

Everything random comes from splitmix64, a hash of a counter: a state is a number, which a kernel
keeps in a register.
"""

# ruff: noqa: C901 - a kernel is one loop: calls that hand over arrays cost more than they tidy up

from __future__ import annotations

import numpy as np

from mfcli.kernels.arrays import Array, Int, Tiles
from mfcli.kernels.compilation import compiled, pasted

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's step


@pasted
def mixed(state: Int) -> Int:
    """64 random bits of a counter: splitmix64 (Steele, Lea and Flood 2014)."""
    z = np.uint64(state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@pasted
def below(bits: Int, limit: Int) -> Int:
    """Turn the upper 32 of 64 random bits into a number in [0, limit)."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@pasted
def entry(key: Int, tile: Int, size: Int) -> tuple[Int, Int, Int]:
    """(random state, where to start, step of 1 or −1) of a tile in this epoch."""
    state = mixed(key + GOLDEN * np.uint64(tile + 1))
    bits = mixed(state)
    return state, below(bits, size), np.int64(bits & np.uint64(1)) * 2 - 1


@pasted
def advance(at: Int, step: Int, first: Int, last: Int) -> Int:
    """Return the next position of a walk that goes round the stretch [first, last)."""
    at += step
    if at == last:
        return first
    return last - 1 if at < first else at


@compiled()
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
    # Loops: a slice, and an array of its own, take as long to compile as all the rest.
    for tile in range(count + 1):
        bounds[tile] = 0
    for write in range(2):  # count the tiles' ratings, then put them there
        for user in range(len(indptr) - 1):
            for at in range(indptr[user], indptr[user + 1]):
                if strips:
                    tile = user_strips[user] * strips + item_strips[indices[at]]
                else:
                    tile = below(mixed(key ^ (GOLDEN * np.uint64(at + 1))), count)
                if write:
                    to = bounds[tile]
                    bounds[tile] = to + 1  # while they are put there, where the next one goes
                    users[to], items[to] = user, indices[at]
                    if len(values):
                        values[to] = data[at]
                else:
                    bounds[tile + 1] += 1
        if not write:
            for tile in range(count):
                bounds[tile + 1] += bounds[tile]
    for tile in range(count, 0, -1):  # each has ended where the next one begins
        bounds[tile] = bounds[tile - 1]
    bounds[0] = 0
    for tile in range(count):  # Fisher and Yates
        state = mixed(key + GOLDEN * np.uint64(tile + 1))
        for last in range(bounds[tile + 1] - 1, bounds[tile], -1):
            state += GOLDEN
            other = bounds[tile] + below(mixed(state), last + 1 - bounds[tile])
            users[last], users[other] = users[other], users[last]
            items[last], items[other] = items[other], items[last]
            if len(values):
                values[last], values[other] = values[other], values[last]
