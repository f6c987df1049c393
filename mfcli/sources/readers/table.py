"""What the readers fill, chunk by chunk: ids as codes of distinct tokens, ratings, times.

Memory is 4 bytes a row for each id column and the rating, and 8 for the time, plus the distinct
ids: strings are never held a row each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.codes import WarningCode
from mfcli.config import Duplicates, FetchConfig
from mfcli.data.building import RawRows, from_codes
from mfcli.data.ids import name_items
from mfcli.data.interactions import Catalog, Floats, Interactions
from mfcli.errors import InputError
from mfcli.events import Warned
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.id_columns import CodedColumn, IdColumnBuilder
from mfcli.sources.readers.times import TimeColumnBuilder
from mfcli.sources.readers.values import read_ratings


@dataclass(frozen=True, eq=False)
class ParsedTable:
    """All rows of a source.

    remarks: worth telling the user. columns: role → name of the column. warnings: what was found
    that the user should know.
    """

    users: CodedColumn
    items: CodedColumn
    ratings: Floats | None
    times: NDArray[np.int64] | None
    remarks: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()

    def rows(self, item_names: dict[Any, str]) -> RawRows:
        """Return the rows with an id each."""
        return RawRows(self.users.ids(), self.items.ids(), self.ratings, self.times, item_names)

    def interactions(
        self, item_names: Mapping[Any, str], duplicates: Duplicates
    ) -> tuple[Interactions, int]:
        """Return the rows as a matrix, and how many were merged into others; as ``from_rows``."""
        items = self.items.values
        catalog = Catalog(self.users.values, items, name_items(items, item_names))
        return from_codes(
            self.users.codes, self.items.codes, self.ratings, self.times, catalog, duplicates
        )


Where = Callable[[int], str]  # row, from 0 → "ratings.csv, line 7"


class TableBuilder:
    """Collects chunks of Arrow columns. A missing rating column means interactions of 1."""

    def __init__(
        self,
        config: FetchConfig | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        where: Where | None = None,
    ) -> None:
        """Start empty.

        config: how columns are read. columns: role → what the source calls the column: parts of
        one table agree on it. where: tells on which line of the source a row stands, for what is
        found wrong at the end.
        """
        config = config or FetchConfig()
        self.n_rows = 0
        self.columns = dict(columns or {})
        self._parts: list[tuple[int, Where]] = [(0, where or _row_number)]
        self._users, self._items = IdColumnBuilder("user"), IdColumnBuilder("item")
        self._ratings: list[Floats] = []
        self._times = TimeColumnBuilder(config.time_format)

    def add(
        self,
        users: pa.Array,
        items: pa.Array,
        ratings: pa.Array | None = None,
        times: pa.Array | None = None,
    ) -> None:
        """Add a chunk; raises CellError for the first cell that cannot be used.

        users, items: strings, plain or dictionary-encoded. ratings: those or any number type.
        times: strings, numbers (seconds), dates or timestamps.
        """
        self._users.add(users, self.n_rows)
        self._items.add(items, self.n_rows)
        if ratings is not None:
            self._ratings.append(read_ratings(ratings, self.n_rows))
        if times is not None:
            self._times.add(times, self.n_rows)
        self.n_rows += len(users)

    def extend(self, other: TableBuilder) -> None:
        """Append the rows of another part of the table; ``other`` is used up."""
        self._parts += [(self.n_rows + first, where) for first, where in other._parts]
        self._users.extend(other._users)
        self._items.extend(other._items)
        self._ratings += other._ratings
        self._times.extend(other._times)
        self.n_rows += other.n_rows

    def where(self, row: int) -> str:
        """Return the file and line of a row, from 0."""
        first, where = next(part for part in reversed(self._parts) if part[0] <= row)
        return where(row - first)

    def finish(self) -> ParsedTable:
        """Return the table; the builder is used up.

        Raises InputError for a time that does not fit the others, with its line.
        """
        users, items = self._users.finish(), self._items.finish()
        try:
            times = self._times.finish()
        except CellError as error:
            raise InputError(f"{self.where(error.row)}: {error}: {error.mend}") from None
        columns = (self._users, self._items, self._times)
        remarks = tuple(column.remark for column in columns if column.remark)
        doubts = [Warned(WarningCode.time, self._times.doubt)] if self._times.doubt else []
        return ParsedTable(
            users, items, _joined(self._ratings), times, remarks, self.columns, tuple(doubts)
        )


def _row_number(row: int) -> str:
    return f"row {row + 1}"


def _joined(parts: list[Any]) -> Any:
    if not parts:
        return None
    whole = np.concatenate(parts)
    parts.clear()
    return whole
