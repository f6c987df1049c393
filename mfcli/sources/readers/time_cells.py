"""Cells of a column of times: which are missing, which are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.ids import MISSING_NUMBERS
from mfcli.sources.readers.cells import CellError, is_string
from mfcli.sources.readers.text import WHOLE_NUMBER, whole_cell

Seconds = NDArray[np.int64]
Mask = NDArray[np.bool_]
# What stands for a missing time: what does for any number, and MySQL's zero dates.
_MISSING = pa.array(sorted(MISSING_NUMBERS | {"0000-00-00", "0000-00-00 00:00:00"}))


def plain_column(column: pa.Array) -> pa.Array:
    """Return a column without a dictionary, and strings of any width as one type."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string()) if is_string(column.type) else column


def missing_times(column: pa.Array) -> Mask | None:
    """Return which rows have no time: null, NaN, or a text such as NULL; None where all have."""
    if is_string(column.type):
        words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(column, "")))
        missing = as_mask(pc.is_in(words, _MISSING))
    else:
        missing = as_mask(column.is_null(nan_is_null=True))
    return missing if missing.any() else None


def as_mask(array: pa.Array) -> Mask:
    """Return an Arrow array of truth values as NumPy's."""
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def plain_integers(texts: pa.Array) -> Seconds | None:
    """Return texts that are all integers of 64 bits, by one cast; None for anything else."""
    if not is_string(texts.type) or texts.null_count or not len(texts):
        return None
    content = texts.buffers()[2]
    if content is None:
        return None
    letters = content.to_pybytes()
    if b"x" in letters or b"X" in letters:  # the cast would take hexadecimal numbers
        return None
    try:
        # A copy, so that Arrow's memory is free for the next chunk.
        return np.array(texts.cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid:
        return None


def any_numbers(column: pa.Array, row: int) -> NDArray[Any]:
    """Return int64 of whole numbers, float64 of others; raises CellError for what is too large."""
    if is_string(column.type):
        column = pc.utf8_ltrim(column, "+")
        whole = pc.all(pc.match_substring_regex(column, whole_cell(WHOLE_NUMBER))).as_py()
    else:
        whole = pa.types.is_integer(column.type)
    if whole:
        try:
            return np.asarray(column.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            pass
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy())
    bad = ~(np.abs(values) < 2.0**63)  # NaN and infinity too
    if bad.any():
        at = int(np.argmax(bad))
        raise CellError(row + at, f"the time {values[at]} is not a number of seconds")
    return values
