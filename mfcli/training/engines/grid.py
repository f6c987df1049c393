"""The grid of user strips × item strips: which rows lie where, and who runs which tile when.

An epoch goes through rounds of turns that share no row and no column. The rows of a strip meet
their turns in one order whoever computes them, so that the results are the same bits at any number
of workers (for mse the scheme of Gemulla et al. 2011, DSGD, without its barriers). A turn of a
sampled objective holds two item strips, and goes through the positives of both by turns, with
negatives from the other: what one strip's items rise by as positives they fall by as negatives.
Each worker owns some user strips, whose rows stay in its cache, and takes over a turn of another's
only where it would have to wait for it (`kernels.turns`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.kernels import Grid

Array = NDArray[Any]
LEAST_DRAWN = 32  # items of a strip that negatives come from
ROW_GROUP = 16  # neighbouring rows that stay together: whole cache lines at any width
NO_GRID = Grid(*(np.zeros(0, np.int64) for _ in Grid._fields))


def grid_shape(
    ratings: int, n_users: int, n_items: int, paired: bool, least: int = LEAST_DRAWN
) -> tuple[int, int]:
    """Choose the user strips and item strips of the grid: (S, S), or ``paired`` (S, 2 S) or (1, 1).

    By the data and the objective, never by the workers: it decides the bits. ``least``: items of a
    strip that negatives come from.
    """
    wanted = 32 if ratings >= 1 << 23 else min(16, int((ratings / 256) ** 0.5))
    if not paired:
        strips = max(1, min(wanted, n_users, n_items))
        return strips, strips
    # A turn's rows of two item strips and a user strip are to fit the second-level cache.
    wanted = 64 if ratings >= 1 << 23 else wanted
    strips = min(wanted, n_users, n_items // (2 * least))
    return (strips, 2 * strips) if strips > 1 else (1, 1)


def strips_of(counts: Array, strips: int, rng: np.random.Generator) -> Array:
    """Return each row's strip, int64: groups of rows at random, strips about equal in ratings."""
    group = ROW_GROUP if len(counts) >= 4 * ROW_GROUP * strips else 1
    groups = np.add.reduceat(counts, np.arange(0, len(counts), group)) if len(counts) else counts
    order = rng.permutation(len(groups))
    before = np.cumsum(groups[order]) - groups[order] / 2  # a group's middle decides
    strip = np.empty(len(groups), np.int64)
    strip[order] = np.minimum(before * strips / max(groups.sum(), 1), strips - 1).astype(np.int64)
    return np.repeat(strip, group)[: len(counts)]


def items_by_strip(counts: Array, strips: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the items strip by strip (I,) int32, and the strips' bounds (K + 1,) int64.

    The strips are as large as each other, and hold about as many ratings: groups of items come in
    the order of their ratings, forth and back over the strips.
    """
    n_items = len(counts)
    group = ROW_GROUP if n_items >= 2 * LEAST_DRAWN * ROW_GROUP * strips else 1
    groups = np.add.reduceat(counts, np.arange(0, n_items, group)) if n_items else counts
    order = rng.permutation(len(groups))
    order = order[np.argsort(-groups[order], kind="stable")]
    place = np.arange(len(order)) % (2 * strips)
    strip = np.minimum(place, 2 * strips - 1 - place)
    order = order[np.argsort(strip, kind="stable")]
    dealt = (order[:, None] * group + np.arange(group)).ravel()
    bounds = np.arange(strips + 1) * n_items // strips
    return dealt[dealt < n_items].astype(np.int32), bounds


class Rounds:
    """The epochs of a grid of user strips × item strips; sizes (S, K) are its tiles' ratings.

    In each of S rounds a user strip holds one item strip (K = S), or two of them (K = 2 S), one of
    each half of the item strips, which are drawn anew in each epoch. The halves go round in
    opposite directions, so that other strips meet each time. Over an epoch each user strip meets
    each item strip once.
    """

    def __init__(self, sizes: Array, workers: int) -> None:
        """Share the user strips out: neighbours to each worker, about equal in ratings.

        A worker's own turns come round by round. It keeps all item strips but one, or two, from a
        round to the next, in its cache; it goes through them forth and back, so that what it had
        last comes first. Then it sees to the last turn of each user strip of the others.
        """
        self.sizes = sizes
        self.strips = strips = len(sizes)
        workers = min(workers, strips)
        totals = sizes.sum(axis=1)
        middle = np.cumsum(totals) - totals / 2
        owner = np.minimum(middle * workers / max(totals.sum(), 1), workers - 1).astype(np.int64)
        every = np.arange(strips)
        self.orders = []  # of each worker: the turns that it sees to, int32
        for own in np.split(every, np.searchsorted(owner, range(1, workers))):
            strip = np.tile(own, (strips, 1))  # (round, own strip)
            strip[1::2] = strip[1::2, ::-1].copy()
            others = np.setdiff1d(every, own)[:: 1 if strips % 2 == 0 else -1]
            turns = [(strip * strips + every[:, None]).ravel(), others * strips + strips - 1]
            self.orders.append(np.concatenate(turns).astype(np.int32))

    def begin(self, rng: np.random.Generator) -> Grid:
        """Draw the next epoch's grid."""
        strips, columns = self.sizes.shape
        items = rng.permutation(columns)
        row, turn = np.arange(strips)[:, None], np.arange(strips)
        first = second = items[(row + turn) % strips]
        own = np.ones(strips, np.int64)
        if columns > strips:
            second = items[strips + (row - turn) % strips]
            # Negatives of the own strip are as likely as any others.
            own = (rng.random(strips) < 1 / columns).astype(np.int64)
        holders = np.empty((strips, columns), np.int64)
        for held in (first, second):
            holders[turn, held] = row
        return Grid(
            first=first.ravel(),
            second=second.ravel(),
            own=own,
            holders=holders.ravel(),
            user_turns=np.zeros(8 * strips, np.int64),
            item_turns=np.zeros(8 * columns, np.int64),
            claims=np.zeros(strips**2, np.int64),
        )

    def turn_sizes(self, grid: Grid) -> Array:
        """Return the ratings of each turn, (S, S)."""
        rows, shape = np.arange(self.strips)[:, None], (self.strips, self.strips)
        sizes = self.sizes[rows, grid.first.reshape(shape)]
        if self.sizes.shape[1] > self.strips:
            sizes = sizes + self.sizes[rows, grid.second.reshape(shape)]
        return sizes

    def visited(self, grid: Grid) -> int:
        """Return the ratings of the turns that are done."""
        done = grid.user_turns[::8, None] > np.arange(self.strips)
        return int(self.turn_sizes(grid)[done].sum())
