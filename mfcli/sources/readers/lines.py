"""After an error: which line of the file it stands on, found by reading it once more."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from mfcli.events import ignore
from mfcli.sources.readers.cells import MEND as MEND
from mfcli.sources.readers.dialect import Change, Dialect
from mfcli.sources.readers.source import Lines, Source
from mfcli.sources.readers.text import QUOTING


def line_of_row(source: Source, dialect: Dialect, change: Change | None, row: int) -> int:
    """Return the line, from 1, on which data row ``row`` (from 0) begins."""
    wanted = row + int(dialect.header)
    line = 0
    for number, (line, _) in enumerate(_numbered_records(source, dialect, change)):
        if number == wanted:
            return line
    return line


def ragged_line(source: Source, dialect: Dialect, change: Change | None) -> tuple[int, int] | None:
    """Return the first line with another number of columns, and that number."""
    for line, record in _numbered_records(source, dialect, change):
        if len(record) != dialect.width:
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


def _numbered_records(
    source: Source, dialect: Dialect, change: Change | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line each record begins on, and the record; blank lines count but are left out."""
    csv.field_size_limit(1 << 30)
    binary = io.BufferedReader(Lines(source.open(), change, ignore, source.size, source.name))
    with io.TextIOWrapper(binary, "utf-8", errors="replace", newline="") as text:
        reader = csv.reader(
            text,
            delimiter=dialect.delimiter,
            quoting=QUOTING[dialect.quoted],
        )
        begin = 1
        try:
            for record in reader:
                if record:
                    yield begin, record
                begin = reader.line_num + 1
        except csv.Error:
            return
