"""What the readers fill, chunk by chunk: ids as codes of distinct tokens, ratings, times.

Memory is 4 bytes a row for each id column and the rating, and 8 for the time, plus the distinct
ids: strings are never held a row each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.building import RawRows
from mfcli.data.ids import MAX_ID_LENGTH
from mfcli.data.interactions import Floats, Ids

_INTEGER = "^(0|-?[1-9][0-9]{0,18})$"
_DIGITS = "^[+-]?[0-9]{1,19}$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


class CellError(Exception):
    """A cell that cannot be used: ``row`` counts data rows of the source from 0."""

    def __init__(self, row: int, reason: str) -> None:
        """Keep where and why; the reader adds the file and the line."""
        super().__init__(reason)
        self.row = row


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column of ids: codes (R,) int32 into values (V,), sorted, int64 or unicode."""

    codes: NDArray[np.int32]
    values: Ids

    def ids(self) -> Ids:
        """Return the id of every row, (R,)."""
        return self.values[self.codes]


@dataclass(frozen=True, eq=False)
class ParsedTable:
    """All rows of a source; ``remarks`` are worth telling the user."""

    users: CodedColumn
    items: CodedColumn
    ratings: Floats | None
    times: NDArray[np.int64] | None
    remarks: tuple[str, ...] = ()

    def rows(self, item_names: dict[Any, str]) -> RawRows:
        """Return the rows with an id each."""
        return RawRows(self.users.ids(), self.items.ids(), self.ratings, self.times, item_names)


class TableBuilder:
    """Collects chunks of Arrow columns. A missing rating column means interactions of 1."""

    def __init__(self) -> None:
        """Start empty."""
        self.n_rows = 0
        self._users, self._items = _IdColumn("user"), _IdColumn("item")
        self._ratings: list[Floats] = []
        self._times: list[NDArray[np.int64]] = []

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
            self._ratings.append(_ratings(ratings, self.n_rows))
        if times is not None:
            self._times.append(_times(times, self.n_rows))
        self.n_rows += len(users)

    def finish(self) -> ParsedTable:
        """Return the table; the builder is used up."""
        users, items = self._users.finish(), self._items.finish()
        remarks = tuple(each.remark for each in (self._users, self._items) if each.remark)
        return ParsedTable(users, items, _joined(self._ratings), _joined(self._times), remarks)


def _joined(parts: list[Any]) -> Any:
    if not parts:
        return None
    whole = np.concatenate(parts)
    parts.clear()
    return whole


class _IdColumn:
    """Codes by chunk, each with its own dictionary, made one at the end."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.remark = ""
        self._codes: list[NDArray[np.int32]] = []
        self._dictionaries: list[pa.Array] = []

    def add(self, column: pa.Array, offset: int) -> None:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        if encoded.null_count:
            raise CellError(offset + _first(encoded.is_null()), f"the {self.what} is missing")
        tokens = encoded.dictionary
        bad, reason = _bad_token(tokens, self.what)
        if bad is not None:
            hits = pc.is_in(encoded.indices, pa.array(np.flatnonzero(bad), encoded.indices.type))
            if pc.any(hits).as_py():  # a dictionary of a file may hold what no row uses
                raise CellError(offset + _first(hits), reason)
        self._codes.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32))
        self._dictionaries.append(tokens.cast(pa.string()))

    def finish(self) -> CodedColumn:
        if not sum(map(len, self._codes)):  # no chunk, or users without an item
            return CodedColumn(np.zeros(0, np.int32), np.zeros(0, np.int64))
        sizes = [len(each) for each in self._dictionaries]
        merged = pa.chunked_array(self._dictionaries).combine_chunks().dictionary_encode()
        self._dictionaries.clear()
        used = np.zeros(len(merged), dtype=bool)
        starts = np.cumsum([0, *sizes])
        for start, codes in zip(starts[:-1], self._codes, strict=True):
            used[start + codes] = True
        slot = merged.indices.to_numpy()
        tokens = merged.dictionary
        if not used.all():
            kept = np.zeros(len(tokens), dtype=bool)
            kept[slot[used]] = True
            slot = (np.cumsum(kept) - 1)[slot]
            tokens = tokens.filter(pa.array(kept))
        values, rank = self._sorted_values(tokens)
        table = rank[slot].astype(np.int32)
        joined = np.empty(sum(len(each) for each in self._codes), dtype=np.int32)
        row = 0
        for start, codes in zip(starts[:-1], self._codes, strict=True):
            joined[row : row + len(codes)] = table[start + codes]
            row += len(codes)
        self._codes.clear()
        return CodedColumn(joined, values)

    def _sorted_values(self, tokens: pa.Array) -> tuple[Ids, NDArray[np.int64]]:
        """Return distinct ids in order, and the rank of every token."""
        canonical = pc.match_substring_regex(tokens, _INTEGER)
        values: Ids | None = None
        if pc.all(canonical).as_py():
            try:
                values = tokens.cast(pa.int64()).to_numpy()
            except pa.ArrowInvalid:
                self.remark = f"{self.what} ids are kept as text: one does not fit in 64 bits"
            else:
                order = np.argsort(values, kind="stable")
        elif pc.mean(canonical).as_py() > 0.5:
            example = tokens.filter(pc.invert(canonical))[0].as_py()
            self.remark = f"{self.what} ids are kept as text: {example!r} is no canonical integer"
        if values is None:
            order = pc.sort_indices(tokens).to_numpy().astype(np.int64)  # by code point
            values = np.array(tokens.to_pylist(), dtype=np.str_)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return values[order], rank


def _bad_token(tokens: pa.Array, what: str) -> tuple[NDArray[np.bool_] | None, str]:
    """Return a mask of the distinct ids that are refused for one reason, or None."""
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(tokens)), 0)
    nul = pc.match_substring(tokens, "\0")
    long = pc.greater(pc.utf8_length(tokens), MAX_ID_LENGTH)
    for bad, reason in (
        (blank, f"the {what} is missing"),
        (nul, f"the {what} id holds a NUL character"),
        (long, f"the {what} id is longer than {MAX_ID_LENGTH} characters"),
    ):
        if pc.any(bad).as_py():
            return bad.to_numpy(zero_copy_only=False), reason
    return None, ""


def _first(mask: pa.Array) -> int:
    """Return the position of the first true value."""
    return int(pc.index(mask, value=True).as_py())


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _ratings(column: pa.Array, offset: int) -> Floats:
    """Return finite float32; strings are converted once for each distinct one."""
    if column.null_count:
        raise CellError(offset + _first(column.is_null()), "the rating is missing")
    if _is_text(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    else:
        tokens = column.dictionary
        if _is_text(tokens.type):
            number = pc.match_substring_regex(tokens, _NUMBER)
            safe = pc.if_else(number, pc.utf8_ltrim(tokens, "+"), "nan")
            distinct = safe.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            distinct = tokens.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values = distinct[column.indices.to_numpy(zero_copy_only=False)]
    with np.errstate(over="ignore"):
        ratings = values.astype(np.float32)
    finite = np.isfinite(ratings)
    if not finite.all():
        row = int(np.argmin(finite))
        cell = column[row].as_py()
        if isinstance(cell, str) and not cell.strip():
            raise CellError(offset + row, "the rating is missing")
        raise CellError(offset + row, f"the rating {str(cell)[:40]!r} is no finite number")
    return ratings


def _times(column: pa.Array, offset: int) -> NDArray[np.int64]:
    """Return seconds: integers as they are, floats cut to integers, dates and date-times as UTC."""
    if column.null_count:
        raise CellError(offset + _first(column.is_null()), "the time is missing")
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s", getattr(kind, "tz", None)), safe=False)
        return column.cast(pa.int64()).to_numpy().copy()
    if pa.types.is_integer(kind):
        try:
            return column.cast(pa.int64()).to_numpy().copy()
        except pa.ArrowInvalid:
            raise CellError(offset, "a time does not fit in 64 bits") from None
    if not _is_text(kind):
        return _whole(
            column.cast(pa.float64(), safe=False).to_numpy(), offset, np.arange(len(column))
        )
    return _text_times(column, offset)


def _whole(values: NDArray[np.float64], offset: int, rows: NDArray[Any]) -> NDArray[np.int64]:
    bad = ~(np.abs(values) < 2.0**63)  # NaN and infinity too
    if bad.any():
        at = int(np.argmax(bad))
        raise CellError(offset + int(rows[at]), f"the time {values[at]} is no number of seconds")
    return values.astype(np.int64)  # toward zero


def _text_times(column: pa.Array, offset: int) -> NDArray[np.int64]:
    column = pc.utf8_trim_whitespace(column)
    is_integer = pc.match_substring_regex(column, _DIGITS).to_numpy(zero_copy_only=False)
    seconds = np.zeros(len(column), dtype=np.int64)
    rest = np.flatnonzero(~is_integer)
    try:
        if not len(rest):
            return pc.utf8_ltrim(column, "+").cast(pa.int64()).to_numpy().copy()
        integers = column.filter(pa.array(is_integer))
        seconds[is_integer] = pc.utf8_ltrim(integers, "+").cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        raise CellError(offset, "a time does not fit in 64 bits") from None
    others = column.take(pa.array(rest))
    is_float = pc.match_substring_regex(others, _NUMBER).to_numpy(zero_copy_only=False)
    floats = pc.utf8_ltrim(others.filter(pa.array(is_float)), "+").cast(pa.float64()).to_numpy()
    seconds[rest[is_float]] = _whole(floats, offset, rest[is_float])
    dates = rest[~is_float]
    if len(dates):
        seconds[dates] = _iso_seconds(column.take(pa.array(dates)), offset, dates)
    return seconds


def _iso_seconds(texts: pa.Array, offset: int, rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return seconds since 1970 of ISO 8601 texts, UTC unless they name a zone."""
    import pandas as pd

    parsed = pd.to_datetime(
        pd.Series(texts.to_pylist(), dtype=object), format="ISO8601", utc=True, errors="coerce"
    )
    bad = parsed.isna().to_numpy()
    if bad.any():
        at = int(np.argmax(bad))
        cell = str(texts[at].as_py())[:40]
        reason = f"the time {cell!r} is neither seconds since 1970 nor a date and time (ISO 8601)"
        raise CellError(offset + int(rows[at]), reason if cell else "the time is missing")
    return np.asarray(parsed.dt.as_unit("s").astype("int64"), dtype=np.int64)
