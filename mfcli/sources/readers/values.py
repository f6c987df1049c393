"""Columns of ratings and times, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.interactions import Floats
from mfcli.sources.readers.cells import CellError, first_true, is_string
from mfcli.sources.readers.text import NUMBER, WHOLE_NUMBER, whole_cell


def read_ratings(column: pa.Array, offset: int) -> Floats:
    """Return finite float32; strings are converted once for each distinct one."""
    if column.null_count:
        raise CellError(offset + first_true(column.is_null()), "the rating is missing")
    if is_string(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    else:
        tokens = column.dictionary
        if is_string(tokens.type):
            number = pc.match_substring_regex(tokens, whole_cell(NUMBER))
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
        raise CellError(offset + row, f"the rating {str(cell)[:40]!r} is not a finite number")
    return ratings


def read_times(column: pa.Array, offset: int) -> NDArray[np.int64]:
    """Return seconds: integers as they are, floats cut to integers, dates and date-times as UTC."""
    if column.null_count:
        raise CellError(offset + first_true(column.is_null()), "the time is missing")
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
    if not is_string(kind):
        return _whole(
            column.cast(pa.float64(), safe=False).to_numpy(), offset, np.arange(len(column))
        )
    return _text_times(column, offset)


def _whole(values: NDArray[np.float64], offset: int, rows: NDArray[Any]) -> NDArray[np.int64]:
    bad = ~(np.abs(values) < 2.0**63)  # NaN and infinity too
    if bad.any():
        at = int(np.argmax(bad))
        raise CellError(offset + int(rows[at]), f"the time {values[at]} is not a number of seconds")
    return values.astype(np.int64)  # toward zero


def _text_times(column: pa.Array, offset: int) -> NDArray[np.int64]:
    column = pc.utf8_trim_whitespace(column)
    is_integer = pc.match_substring_regex(column, whole_cell(WHOLE_NUMBER)).to_numpy(
        zero_copy_only=False
    )
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
    is_float = pc.match_substring_regex(others, whole_cell(NUMBER)).to_numpy(zero_copy_only=False)
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
