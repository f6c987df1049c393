"""Negative sampling inside a kernel: items that a user has not seen."""

from __future__ import annotations

import math

import numpy as np

from mfcli.kernels.arrays import Array, Int, PassArguments, Proposal, SeenFilter
from mfcli.kernels.compilation import compiled, inlined
from mfcli.kernels.tiles import GOLDEN, below, mixed

LOW = np.uint64(0xFFFFFFFF)
TRIES = 16  # rejected negatives before one is found by counting


@inlined
def _lower_bound(items: Array, first: Int, last: Int, item: Int) -> Int:
    """Find the first position in items[first:last] (sorted) whose item is not below `item`."""
    while first < last:
        middle = (first + last) >> 1
        if items[middle] < item:
            first = middle + 1
        else:
            last = middle
    return first


@inlined
def _last_resort(
    bits: Int, indices: Array, first: Int, last: Int, n_items: Int, popularity: Array
) -> Int:
    """Find an unseen item by counting, for a user whose seen items swallow nearly every draw."""
    if len(popularity) == 0:  # the rank-th unseen item: indices[at] − at is non-decreasing
        rank = below(bits, n_items - (last - first))
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


@inlined
def slice_of(part: Int, slices: Int, n_items: Int) -> tuple[Int, Int]:
    """Return the bounds of a slice of `Proposal.dealt`."""
    return part * n_items // slices, (part + 1) * n_items // slices


@inlined
def part_of(tile: Int, job: PassArguments) -> Int:
    """Return a tile's slice: neighbours in a round differ, and a user strip meets all of them."""
    strips = np.int64(math.sqrt(len(job.tiles.losses)))  # 1 or the square root where it is a grid
    return (tile // strips + tile % strips) % job.proposal.slices


@inlined
def draw_negative(
    state: Int, user: Int, part: Int, seen: SeenFilter, proposal: Proposal
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
    low, high = slice_of(part, slices, n_items)
    first, last = indptr[user], indptr[user + 1]
    if last - first >= n_items:
        return state, -1
    start = starts[user]
    mask = ((starts[user + 1] - start) << 6) - 1
    exact = mask >= n_items - 1
    for _ in range(TRIES):
        state += GOLDEN
        bits = mixed(state)
        if len(accept):
            item = below(bits, n_items)
            item = item if np.uint32(bits & LOW) < accept[item] else np.int64(alias[item])
        else:
            item = np.int64(dealt[low + below(bits, high - low)])
        slot = item & mask
        if not (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1):
            return state, item
        if not exact:
            at = _lower_bound(indices, first, last, item)
            if at == last or indices[at] != item:
                return state, item
    state += GOLDEN
    return state, np.int64(_last_resort(mixed(state), indices, first, last, n_items, popularity))


@compiled()
def fill_filter(seen: SeenFilter) -> None:
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


@compiled()
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
