"""CSV (RFC 4180), the same with tabs, and JSON lines: a row is one join of columns of text."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mfcli.artifacts.tables.table import (
    Cells,
    CodedCells,
    Column,
    Encoded,
    Vocabularies,
    arrow_array,
)

FORMULA = "^[=+\\-@\t\r]"  # what a spreadsheet may run (OWASP: CSV injection)


class _LineWriter:
    """Joins columns of text, with what stands before, between and behind them."""

    def __init__(self, stream: IO[bytes], marks: list[str], encode: Callable[[Any], Any]) -> None:
        """Keep the marks: one before each column and one behind the last."""
        self.stream, self.n_rows = stream, 0
        self._marks = [pa.scalar(mark, pa.large_string()) for mark in marks]
        self._vocabularies = Vocabularies(encode)
        self._encode = encode

    def encode(self, cells: Sequence[Cells]) -> Encoded:
        """Return the rows' text."""
        parts: list[Any] = []
        for at, (mark, column) in enumerate(zip(self._marks, cells, strict=False)):
            parts += [
                mark,
                self._vocabularies.take(at, column)
                if isinstance(column, CodedCells)
                else self._encode(column),
            ]
        nothing = pa.scalar("", pa.large_string())
        lines = pc.binary_join_element_wise(*parts, self._marks[-1], nothing)
        return Encoded(len(lines), _bytes_of(lines))

    def append(self, rows: Encoded) -> None:
        """Write rows."""
        self.stream.write(rows.content)
        self.n_rows += rows.n_rows

    def describe(self, text: bytes) -> None:
        """Do nothing: there is no place for it."""

    def close(self) -> None:
        """Do nothing: text has no end of its own."""

    def abandon(self) -> None:
        """Do nothing."""


class CsvWriter(_LineWriter):
    """CSV with a header, UTF-8, lines ended by a newline, fields quoted only where they must be."""

    def __init__(
        self,
        stream: IO[bytes],
        columns: Sequence[Column],
        safe: bool = False,
        *,
        between: str = ",",
    ) -> None:
        """Write the header.

        safe: puts an apostrophe before what looks like a formula. between: stands between fields.
        """
        marks = ["", *[between] * (len(columns) - 1), "\n"]
        super().__init__(
            stream, marks, functools.partial(delimited_tokens, between=between, safe=safe)
        )
        header = delimited_tokens(np.array([column.name for column in columns]), between=between)
        stream.write((between.join(header.to_pylist()) + "\n").encode())


class JsonLinesWriter(_LineWriter):
    """One JSON object a line, UTF-8."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        """Prepare the keys."""
        keys = [f"{json.dumps(column.name)}:" for column in columns]
        super().__init__(
            stream, ["{" + keys[0], *("," + key for key in keys[1:]), "}\n"], json_tokens
        )


@contextmanager
def gzipped(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield a stream that packs into ``stream``, without a time or a name in it."""
    with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
        yield packed  # type: ignore[misc]


def delimited_tokens(values: Any, *, between: str = ",", safe: bool = False) -> Any:
    """Return values as fields (RFC 4180), quoted only where they must be; NaN is empty.

    safe: text that looks like a formula stands behind an apostrophe.
    """
    if not _are_texts(values):
        return _number_tokens(values, "")
    text = arrow_array(values, pa.large_string())
    if safe:
        empty = pa.scalar("", pa.large_string())
        marked = pc.binary_join_element_wise(pa.scalar("'", pa.large_string()), text, empty)
        text = pc.if_else(pc.match_substring_regex(text, FORMULA), marked, text)
    return _quoted(text, between)


def json_tokens(values: Any) -> Any:
    """Return values as JSON; NaN is null."""
    if not _are_texts(values):
        return _number_tokens(values, "null")
    texts = values.to_pylist() if isinstance(values, pa.Array) else values.tolist()
    return pa.array([json.dumps(text, ensure_ascii=False) for text in texts], pa.large_string())


def _are_texts(values: Any) -> bool:
    """Tell columns of text from columns of numbers, NumPy's and Arrow's."""
    if isinstance(values, pa.Array):
        return pa.types.is_string(values.type)
    return bool(values.dtype.kind == "U")


def _number_tokens(values: Any, nothing: str) -> Any:
    if isinstance(values, pa.Array):
        return values.cast(pa.large_string())
    return pa.array(values, from_pandas=True).cast(pa.large_string()).fill_null(nothing)


def _quoted(text: Any, between: str) -> Any:
    marks, empty = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
    quoted = pc.binary_join_element_wise(marks, pc.replace_substring(text, '"', '""'), marks, empty)
    return pc.if_else(pc.match_substring_regex(text, f'["{between}\r\n]|^$'), quoted, text)


def _bytes_of(lines: Any) -> memoryview:
    """Return the text of a string array: its values lie one behind the other."""
    if not len(lines):
        return memoryview(b"")
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(data)[ends[0] : ends[-1]]
