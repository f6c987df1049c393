"""Columns of ratings, as numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mfcli.data.interactions import Floats
from mfcli.sources.readers.cells import CellError, first_true, is_string
from mfcli.sources.readers.text import NUMBER, whole_cell


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
            tokens = pc.utf8_trim_whitespace(tokens)
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
