"""Ranked lists of many rows, whatever ranks them: users' best items, or nearest neighbours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.tables import CodedCells, Column
from mfcli.artifacts.tables.table import Cells
from mfcli.data.interactions import Ids
from mfcli.ranking.catalogue import Block, BlockScorer

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class RankedLists:
    """Lists of the k best, best first, of B rows.

    rows:   (B,) whose list it is, ascending rows of the matrix.
    items:  (B, k) int32, what is in it; a list that has fewer than k ends in −1.
    scores: (B, k) float32; what stands where ``items`` is −1 means nothing.
    """

    rows: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return how many items each list has, (B,)."""
        return (self.items >= 0).sum(axis=1)

    def head(self, n_rows: int) -> RankedLists:
        """Return the lists of the first rows."""
        few = slice(n_rows)
        return RankedLists(self.rows[few], self.items[few], self.scores[few])


class Ranker(ABC):
    """Ranks a catalogue for rows of a matrix, block by block; any number of calls may share one.

    rows: (N,) all rows that get a list; k: the length of a list; workers: threads that score.
    """

    rows: NDArray[np.int64]
    k: int
    workers: int
    scorer: BlockScorer

    @abstractmethod
    def columns(self) -> list[Column]:
        """Return the columns of a table of lists."""

    @abstractmethod
    def cells(self, lists: RankedLists) -> list[Cells]:
        """Return the cells of a table of lists, a row an item, best first within a list."""

    @abstractmethod
    def rank(self, block: Block) -> RankedLists:
        """Return the lists of a block's rows; its scores are used up. Threads may call it."""

    def blocks(self, rows: NDArray[np.int64], work: Callable[[Block], Made]) -> Iterator[Made]:
        """Yield ``work(block)`` of the blocks that hold ``rows``, in order; it runs in threads."""
        return self.scorer.blocks(rows, work, self.workers)

    def rank_all(self) -> RankedLists:
        """Return the lists of all rows at once: N · k items and scores in memory."""
        lists = list(self.blocks(self.rows, self.rank))
        if not lists:
            return RankedLists(
                np.zeros(0, np.int64),
                np.zeros((0, self.k), np.int32),
                np.zeros((0, self.k), np.float32),
            )
        return RankedLists(
            np.concatenate([part.rows for part in lists]),
            np.concatenate([part.items for part in lists]),
            np.concatenate([part.scores for part in lists]),
        )

    def table(self, lists: RankedLists) -> dict[str, NDArray[Any]]:
        """Return lists as columns of a table, name → one value a row (R,)."""
        names = [column.name for column in self.columns()]
        return dict(zip(names, map(_values, self.cells(lists)), strict=True))


def _values(cells: Cells) -> NDArray[Any]:
    values = cells.values[cells.codes] if isinstance(cells, CodedCells) else cells
    return np.asarray(values)


def shown_names(names: Ids | None, asked: bool | None, n: int) -> Ids | None:
    """Return the names (N,) that have a column, None where there is none.

    asked: --names, which gives a column of empty names where none are known, and --no-names.
    """
    if asked is False:
        return None
    return np.zeros(n, "<U1") if names is None and asked else names
