"""After an error: which line of a piece of text it stands on, found by reading it once more."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from mfcli.sources.readers.cells import MEND as MEND
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.text import QUOTING


def line_of_row(piece: bytes, row: int, delimiter: str, *, quoted: bool) -> int:
    """Return the line, from 0, on which row ``row`` (from 0) of a piece begins."""
    line = 0
    for number, (line, _) in enumerate(numbered_records(piece, delimiter, quoted=quoted)):
        if number == row:
            return line
    return line


def ragged_line(
    piece: bytes, width: int, delimiter: str, *, quoted: bool
) -> tuple[int, int] | None:
    """Return the first line, from 0, with another number of columns, and that number."""
    for line, record in numbered_records(piece, delimiter, quoted=quoted):
        if len(record) != width:
            return line, len(record)
    return None


def line_of(source: Source, row: int, count_rows: Callable[[bytes], int]) -> int:
    """Return the line, from 1, that holds row ``row`` (from 0); a line has ``count_rows`` rows."""
    line = 0
    with source.open() as stream:
        for text in stream:
            line += 1
            row -= count_rows(text)
            if row < 0:
                break
    return line


def numbered_records(
    piece: bytes, delimiter: str, *, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line each record begins on, and the record; blank lines count but are left out."""
    text = io.StringIO(piece.decode("utf-8", "replace"), newline="")
    reader = csv.reader(text, delimiter=delimiter, quoting=QUOTING[quoted])
    begin = 0
    try:
        for record in reader:
            if record:
                yield begin, record
            begin = reader.line_num
    except csv.Error:
        return
