"""The grid of user strips × item strips: which rows lie where, and who runs which tile when.

An epoch goes through rounds of tiles that share no row and no column. The rows of a strip meet
their tiles in one order whoever computes them, so that the results are the same bits at any number
of workers. Each worker owns some user strips, whose rows stay in its cache, and takes over a tile
of another's only where it would have to wait for it (`kernels.sgd`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.kernels import Grid

Array = NDArray[Any]
ROW_GROUP = 16  # neighbouring rows that stay together: whole cache lines at any width
NO_GRID = Grid(*(np.zeros(0, np.int64) for _ in Grid._fields))


def strip_count(ratings: int, n_users: int, n_items: int) -> int:
    """Choose the strips of the grid by the data alone, never the workers: it decides the bits."""
    wanted = 32 if ratings >= 1 << 23 else min(16, int((ratings / 256) ** 0.5))
    return max(1, min(wanted, n_users, n_items))


def strips_of(counts: Array, strips: int, rng: np.random.Generator) -> Array:
    """Return each row's strip, int64: groups of rows at random, strips about equal in ratings."""
    group = ROW_GROUP if len(counts) >= 4 * ROW_GROUP * strips else 1
    groups = np.add.reduceat(counts, np.arange(0, len(counts), group)) if len(counts) else counts
    order = rng.permutation(len(groups))
    before = np.cumsum(groups[order]) - groups[order] / 2  # a group's middle decides
    strip = np.empty(len(groups), np.int64)
    strip[order] = np.minimum(before * strips / max(groups.sum(), 1), strips - 1).astype(np.int64)
    return np.repeat(strip, group)[: len(counts)]


class Rounds:
    """The epochs of a grid: sizes (S²,) are the ratings of its tiles, user strip by user strip."""

    def __init__(self, sizes: Array, workers: int) -> None:
        """Share the user strips out: neighbours to each worker, about equal in ratings.

        A worker's own tiles come round by round. It keeps all item strips but one from a round to
        the next, in its cache; it goes through them forth and back, so that what it had last comes
        first. Then it sees to the last tile of each user strip of the others.
        """
        self.sizes = sizes
        self.strips = strips = round(len(sizes) ** 0.5)
        workers = min(workers, strips)
        totals = sizes.reshape(strips, strips).sum(axis=1)
        middle = np.cumsum(totals) - totals / 2
        owner = np.minimum(middle * workers / max(totals.sum(), 1), workers - 1).astype(np.int64)
        rounds = np.arange(strips)
        self._places = (rounds[:, None] + rounds) % strips  # of item strips: (user strip, round)
        self._tiles = []  # of each worker: the user strips of its tiles, and the places
        for own in np.split(rounds, np.searchsorted(owner, range(1, workers))):
            strip, place = np.tile(own, (strips, 1)), self._places[own].T  # (round, own strip)
            strip[1::2], place[1::2] = strip[1::2, ::-1].copy(), place[1::2, ::-1].copy()
            others = np.setdiff1d(rounds, own)[:: 1 if strips % 2 == 0 else -1]
            strip = np.concatenate([strip.ravel(), others])
            place = np.concatenate([place.ravel(), self._places[others, -1]])
            self._tiles.append((strip * strips, place))

    def begin(self, rng: np.random.Generator) -> tuple[Grid, list[Array]]:
        """Draw the next epoch: its grid, and the tiles (int32) that each worker sees to."""
        strips = self.strips
        items = rng.permutation(strips)
        user_turns, item_turns = np.zeros((2, 8 * strips), np.int64)
        claims = np.zeros(strips**2, np.int64)
        orders = [(first + items[place]).astype(np.int32) for first, place in self._tiles]
        return Grid(items, np.argsort(items), user_turns, item_turns, claims), orders

    def visited(self, grid: Grid) -> int:
        """Return the ratings of the tiles that are done."""
        rows = np.arange(self.strips)[:, None]
        sizes = self.sizes[rows * self.strips + grid.items[self._places]]  # (user strip, round)
        return int(sizes[grid.user_turns[::8, None] > rows.T].sum())
