"""Negative sampling inside a kernel: items that a user has not seen."""

from __future__ import annotations

import numpy as np

from mfcli.kernels.arrays import Array, Int, Proposal, SeenFilter
from mfcli.kernels.compilation import called, compiled, inlined
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


@called
def is_seen(item: Int, user: Int, seen: SeenFilter) -> bool:
    """Look an item up in the user's bits, and where they are not exact in the CSR row."""
    indptr, indices, words, starts = seen
    start = starts[user]
    mask = ((starts[user + 1] - start) << 6) - 1
    slot = item & mask
    if not (words[start + (slot >> 6)] >> np.uint64(slot & 63)) & np.uint64(1):
        return False
    last = indptr[user + 1]
    at = _lower_bound(indices, indptr[user], last, item)
    return at < last and indices[at] == item


@called
def _last_resort(bits: Int, user: Int, strip: Int, seen: SeenFilter, proposal: Proposal) -> Int:
    """Find an unseen item by counting, for a user whose seen items swallow nearly every draw."""
    popularity, dealt, bounds = proposal.popularity, proposal.dealt, proposal.bounds
    mass = 0.0
    for at in range(bounds[strip], bounds[strip + 1]):
        item = np.int64(dealt[at])
        if not is_seen(item, user, seen):
            mass += popularity[item] if len(popularity) else 1.0
    mass *= (bits >> np.uint64(11)) * 2.0**-53
    found = np.int64(-1)
    for at in range(bounds[strip], bounds[strip + 1]):
        item = np.int64(dealt[at])
        if is_seen(item, user, seen):
            continue
        found = item
        mass -= popularity[item] if len(popularity) else 1.0
        if mass < 0.0:
            break
    return found


@called
def draw_negative(
    state: Int, user: Int, strip: Int, seen: SeenFilter, proposal: Proposal
) -> tuple[Int, Int]:
    """Return (new state, an item of a strip that the user has not seen); item −1 for none.

    seen: the CSR rows `indptr, indices` and the filter `words, starts` of `fill_filter`; most
        unseen items pass the filter with one lookup, the rest takes a binary search.
    After `TRIES` rejected draws an unseen item is found by counting.
    """
    low, high = proposal.bounds[strip], proposal.bounds[strip + 1]
    for _ in range(TRIES):
        state += GOLDEN
        bits = mixed(state)
        at = low + below(bits, high - low)
        if len(proposal.accept) and np.uint32(bits & LOW) >= proposal.accept[at]:
            at = np.int64(proposal.alias[at])
        item = np.int64(proposal.dealt[at])
        if not is_seen(item, user, seen):
            return state, item
    state += GOLDEN
    return state, np.int64(_last_resort(mixed(state), user, strip, seen, proposal))


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
    """Vose's alias table of each strip's float64 weights: `accept` of 2³², and `alias`."""
    popularity, accept, alias, dealt, bounds, _ = proposal
    stack = np.empty(len(dealt), np.int64)  # the poor from the left, the rich from the right
    scaled = popularity[dealt]
    for strip in range(len(bounds) - 1):
        low, high = bounds[strip], bounds[strip + 1]
        scaled[low:high] *= (high - low) / scaled[low:high].sum()
        poor, rich = low, high
        for at in range(low, high):
            alias[at] = at
            accept[at] = 0xFFFFFFFF
            if scaled[at] < 1.0:
                stack[poor] = at
                poor += 1
            else:
                rich -= 1
                stack[rich] = at
        while poor > low and rich < high:
            poor -= 1
            taker, giver = stack[poor], stack[rich]
            accept[taker] = np.uint32(min(scaled[taker] * 4294967296.0, 4294967295.0))
            alias[taker] = giver
            scaled[giver] -= 1.0 - scaled[taker]
            if scaled[giver] < 1.0:
                rich += 1
                stack[poor] = giver
                poor += 1
