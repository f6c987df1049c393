"""A piece of a table of text → its rows, in C."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.csv

from mfcli.artifacts.native import native_buffer
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import LineError, NotUtf8Error
from mfcli.sources.readers.source import count_line_ends
from mfcli.wording import counted

_LINE_END = re.compile(rb"\r\n|\n|\r")


def blank_lines(piece: bytes, number: int) -> bytes:
    """Return the piece with its first lines empty."""
    ends: list[bytes] = []
    at = 0
    for _ in range(number):
        end = _LINE_END.search(piece, at)
        if end is None:
            return b"".join(ends)
        ends.append(end[0])
        at = end.end()
    return b"".join([*ends, piece[at:]]) if number else piece


def parse_rows(
    piece: bytes, *, width: int, delimiter: str, quoted: bool, kinds: dict[str, pa.DataType]
) -> pa.RecordBatch:
    """Return the rows of a piece of text, its columns named 0, 1, 2 …; those of ``kinds`` only.

    Raises LineError for a row of another width, NotUtf8Error.
    """
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(native_buffer(piece)),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                column_names=[str(place) for place in range(width)],
                block_size=len(piece) + 1,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error) or "UTF-8" in str(error):
            raise _encoding_error(piece) from None
        if not piece.strip():
            return _no_rows(pa.schema(list(kinds.items())))
        raise _line_error(piece, width, delimiter, quoted, str(error)) from None
    return table.combine_chunks().to_batches()[0] if len(table) else _no_rows(table.schema)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema)


def _encoding_error(piece: bytes) -> NotUtf8Error:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = count_line_ends(piece[: error.start]), piece[error.start]
        return NotUtf8Error(line, f"holds a byte that is not UTF-8 (0x{byte:02x})")
    return NotUtf8Error(0, "is not UTF-8")


def _line_error(piece: bytes, width: int, delimiter: str, quoted: bool, reason: str) -> LineError:
    """Return what is wrong with a piece that Arrow does not take."""
    ragged = lines.ragged_line(piece, width, delimiter, quoted=quoted)
    if ragged is None:
        reason = reason.partition("\n")[0][:200]
        return LineError(0, f"cannot be read ({reason}): {lines.MEND}")
    line, found = ragged
    return LineError(
        line,
        f"has {counted(found, 'column')}, and the table has {width}: {lines.MEND}, or choose "
        "another --format or --quoting",
    )
