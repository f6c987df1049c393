"""What the readers fill, chunk by chunk: ids as codes of distinct tokens, ratings, times.

Memory is 4 bytes a row for each id column and the rating, and 8 for the time, plus the distinct
ids: strings are never held a row each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.codes import WarningCode
from mfcli.config import Duplicates, FetchConfig
from mfcli.config.fetch import parse_id_types
from mfcli.data.building import RawRows, from_codes
from mfcli.data.ids import name_items, trimmed
from mfcli.data.interactions import Catalog, Floats, Interactions
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.gaps import Gaps
from mfcli.sources.readers.id_columns import (
    ABSENT,
    DROPPED,
    CodedColumn,
    IdColumnBuilder,
    Remark,
    Where,
)
from mfcli.sources.readers.times import TimeColumnBuilder
from mfcli.sources.readers.values import RatingColumnBuilder
from mfcli.wording import part_of


@dataclass(frozen=True, eq=False)
class ParsedTable:
    """All rows of a source.

    remarks: worth telling the user. columns: role → name of the column. warnings: what was found
    that the user should know. missing, dropped, valueless: rows left out as they have no user or
    item, by --drop-id, and as they have no rating or no time. item_names: id as text → name, where
    the source itself holds names.
    """

    users: CodedColumn
    items: CodedColumn
    ratings: Floats | None
    times: NDArray[np.int64] | None
    remarks: tuple[Remark, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()
    missing: int = 0
    dropped: int = 0
    valueless: int = 0
    item_names: Mapping[str, str] = field(default_factory=dict)

    def tell(self, name: str, on_event: OnEvent) -> None:
        """Say what is worth telling, of a source that is called ``name``."""
        for remark in self.remarks:
            text = f"{name}: {remark.text}"
            on_event(Warned(remark.code, text) if remark.code else Noted(text))
        for warned in self.warnings:
            on_event(Warned(warned.code, f"{name}: {warned.message}"))

    def keep(self, rows: NDArray[np.bool_]) -> ParsedTable:
        """Return the rows of a mask, (R,); ids without a row stay."""
        return replace(
            self,
            users=CodedColumn(self.users.codes[rows], self.users.values),
            items=CodedColumn(self.items.codes[rows], self.items.values),
            ratings=None if self.ratings is None else self.ratings[rows],
            times=None if self.times is None else self.times[rows],
        )

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


_NO_IDS = CodedColumn(np.zeros(0, np.int32), np.zeros(0, np.int64))
EMPTY_TABLE = ParsedTable(_NO_IDS, _NO_IDS, None, None)


class TableBuilder:
    """Collects chunks of Arrow columns. A missing rating column means interactions of 1."""

    def __init__(
        self,
        config: FetchConfig | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
        header: tuple[str, ...] | None = None,
        where: Where | None = None,
    ) -> None:
        """Start empty; ``config`` says how ids are read.

        config: how columns are read. columns: role → what the source calls the column: parts of
        one table agree on it. constants: role → the value of all rows, where no column holds it.
        header: the names of all columns, where the source has them. where: tells on which line of
        the source a row stands, for what is found wrong at the end.
        """
        config = config or FetchConfig()
        self.n_rows = 0
        self.columns = dict(columns or {})
        self.header = header
        self.item_names: dict[str, str] = {}
        self._constants = dict(constants or {})
        self._parts: list[tuple[int, Where]] = [(0, where or _row_number)]
        kinds, drop = parse_id_types(config.id_type), frozenset(map(trimmed, config.drop_id))
        self._drop_missing = config.drop_missing
        self._users = IdColumnBuilder("user", kinds["user"], drop)
        self._items = IdColumnBuilder("item", kinds["item"], drop)
        self._ratings = RatingColumnBuilder()
        self._gaps = Gaps()
        self._times = TimeColumnBuilder(config.time_format)

    def add(
        self,
        user: pa.Array | None = None,
        item: pa.Array | None = None,
        rating: pa.Array | None = None,
        time: pa.Array | None = None,
    ) -> None:
        """Add a chunk; raises CellError for the first cell that cannot be used.

        user, item: strings, plain or dictionary-encoded. rating: those or any number type. time:
        strings, numbers (seconds), dates or timestamps. One that is None is the same in all rows
        (``constants``), or is not there.
        """
        length = next(len(column) for column in (user, item) if column is not None)
        absent = [
            self._users.add(self._column("user", user, length), self.n_rows),
            self._items.add(self._column("item", item, length), self.n_rows),
        ]
        lost = [mask for mask in absent if mask is not None]
        there = ~np.logical_or.reduce(lost) if lost else None
        rating, time = self._column("rating", rating, length), self._column("time", time, length)
        if rating is not None:
            self._gaps.note("rating", rating, self.n_rows, self._ratings.add(rating, there))
        if time is not None:
            self._gaps.note("time", time, self.n_rows, self._times.add(time, self.n_rows, there))
        self.n_rows += length

    def _column(self, role: str, column: pa.Array | None, length: int) -> Any:
        if column is not None or role not in self._constants:
            return column
        value = pa.array([self._constants[role]], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), value)

    def extend(self, other: TableBuilder) -> None:
        """Append the rows of another part of the table; ``other`` is used up."""
        self._parts += [(self.n_rows + first, where) for first, where in other._parts]
        self._users.extend(other._users)
        self._items.extend(other._items)
        self._ratings.extend(other._ratings)
        self._gaps.extend(other._gaps, self.n_rows)
        self._times.extend(other._times)
        self.item_names = other.item_names | self.item_names
        self.n_rows += other.n_rows

    def where(self, row: int) -> str:
        """Return the file and line of a row, from 0."""
        first, where = next(part for part in reversed(self._parts) if part[0] <= row)
        return where(row - first)

    def finish(self) -> ParsedTable:
        """Return the table; the builder is used up.

        Raises InputError for a row without an id unless such rows are left out, and for a time
        that does not fit the others.
        """
        try:
            users, items = self._users.finish(self.where), self._items.finish(self.where)
            ratings, times = self._ratings.finish(), self._times.finish()
            table = self._without_lost_rows(ParsedTable(users, items, ratings, times))
        except CellError as error:
            raise InputError(f"{self.where(error.row)}: {error}: {error.mend}") from None
        doubts = [Warned(WarningCode.time, self._times.doubt)] if self._times.doubt else []
        remarks = [*self._users.remarks, *self._items.remarks, *table.remarks]
        values = (self._ratings, self._times)
        remarks += [Remark(column.remark) for column in values if column.remark]
        return replace(
            table,
            remarks=tuple(remarks),
            columns=self.columns,
            warnings=tuple(doubts),
            item_names=self.item_names,
        )

    def _without_lost_rows(self, table: ParsedTable) -> ParsedTable:
        """Return the rows that have both ids and all values, and remarks on the others."""
        columns = (table.users, table.items)
        valueless = self._gaps.mask(len(table.users.codes))
        lost = any(len(column.codes) and column.codes.min() < 0 for column in columns)
        if valueless is None and not lost:
            nothing = (Remark("no row has an id of --drop-id"),) if self._users.drop else ()
            return replace(table, remarks=nothing)
        dropped = np.logical_or(*(column.codes == DROPPED for column in columns))
        absent = np.logical_or(*(column.codes == ABSENT for column in columns)) & ~dropped
        n_dropped, n_absent, n_rows = int(dropped.sum()), int(absent.sum()), len(absent)
        if n_absent and not self._drop_missing:
            raise self._missing(int(absent.argmax()), n_absent, n_rows)
        kept = ~(dropped | absent)
        n_valueless = 0 if valueless is None else int((valueless & kept).sum())
        if valueless is not None and n_valueless:
            if not self._drop_missing:
                raise self._gaps.error(valueless & kept)
            kept &= ~valueless
        remarks = []
        if n_absent:
            remarks.append(
                f"{part_of(n_absent, n_rows, 'row', 'has', 'have')} no user or no item: left out "
                "(--drop-missing)"
            )
        if n_dropped:
            remarks.append(f"{part_of(n_dropped, n_rows, 'row', 'is', 'are')} left out (--drop-id)")
        if n_valueless:
            remarks.append(
                f"{part_of(n_valueless, n_rows, 'row', 'has', 'have')} no rating or no time: "
                "left out (--drop-missing)"
            )
        return ParsedTable(
            _rows_of(table.users, kept),
            _rows_of(table.items, kept),
            None if table.ratings is None else table.ratings[kept],
            None if table.times is None else table.times[kept],
            tuple(map(Remark, remarks)),
            missing=n_absent,
            dropped=n_dropped,
            valueless=n_valueless,
        )

    def _missing(self, row: int, number: int, n_rows: int) -> CellError:
        """Return the error for rows without an id: the first one, and how many there are."""
        firsts = {column.first_absent: column.what for column in (self._items, self._users)}
        found = next((first for first in firsts if first and first[0] == row), None)
        what = firsts.get(found, "user or item")
        written = f" ({found[1]!r})" if found and found[1] else ""
        others = (
            f", and {part_of(number, n_rows, 'row', 'has', 'have')} no user or no item"
            if number > 1
            else ""
        )
        return CellError(
            row,
            f"the {what} is missing{written}{others}",
            "mend them, or leave such rows out with fetch --drop-missing",
        )


def _row_number(row: int) -> str:
    return f"row {row + 1}"


def _rows_of(column: CodedColumn, kept: NDArray[np.bool_]) -> CodedColumn:
    """Return some rows of a column, and the ids that stand in them."""
    codes = column.codes[kept]
    used = np.zeros(len(column.values), dtype=bool)
    used[codes] = True
    return CodedColumn((np.cumsum(used) - 1)[codes].astype(np.int32), column.values[used])
