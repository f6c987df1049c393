"""What goes wrong in a cell, and small helpers for columns of Arrow."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mfcli.errors import InputError

MEND = "mend or remove that line"


class NoRowsError(InputError):
    """A file without rows, which may be one of several parts."""


class CellError(Exception):
    """A cell that cannot be used: ``row`` counts data rows of the source from 0.

    mend: what to do about it, for the end of the message.
    """

    def __init__(self, row: int, reason: str, mend: str = MEND) -> None:
        """Keep where and why; the reader adds the file and the line."""
        super().__init__(reason)
        self.row, self.mend = row, mend


class LineError(Exception):
    """A line that cannot be used: ``line`` counts the lines of a text, or of a piece of it."""

    def __init__(self, line: int, reason: str) -> None:
        """Keep where and why; the reader adds the file and what mends it."""
        super().__init__(reason)
        self.line, self.reason = line, reason


class StrayQuoteError(LineError):
    """A quoted cell that does not end as it should."""


class NotUtf8Error(LineError):
    """A line of which a cell that is read is not UTF-8."""


def first_true(mask: pa.Array) -> int:
    """Return the position of the first true value, −1 without one."""
    return int(pc.index(mask, value=True).as_py())


def is_string(kind: pa.DataType) -> bool:
    """Tell whether a type is one of strings."""
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
