"""Pairs of user and item ids, batch by batch and in their order: memory stays the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from mfcli.artifacts import open_input
from mfcli.config.stages import FetchConfig, Format
from mfcli.errors import InputError
from mfcli.results import ignore
from mfcli.sources.readers.columns import by_name
from mfcli.sources.readers.delimited import batches
from mfcli.sources.readers.detect import find_dialect, find_format
from mfcli.sources.readers.source import HEAD_BYTES, Lines
from mfcli.system.streams import standard_input

BATCH_ROWS = 1 << 16
_TEXT = pa.string()
_TABLES = (Format.csv, Format.tsv, Format.space, Format.dat, Format.udata, Format.recbole)

PairBatch = tuple[pa.Array, pa.Array]  # users, items: strings


def pair_batches(source: str) -> Iterator[PairBatch]:
    """Yield the pairs of a table of text (a file, or ``-``) or of a Parquet file.

    Raises InputError that says what cannot be read, and after which row.
    """
    name = "stdin" if source == "-" else source
    with contextlib.ExitStack() as stack:
        stream: IO[bytes]
        if source == "-":
            stream = standard_input()
        else:
            stream = stack.enter_context(open_input(Path(source)))
        head = _head(stream)
        whole = len(head) <= HEAD_BYTES
        kind = find_format(head[:HEAD_BYTES], whole, name)
        if kind is Format.parquet and source != "-":
            stream.seek(0)
            found = _parquet(stream, name)
        elif kind in _TABLES:
            dialect = find_dialect(head[:HEAD_BYTES], whole, kind, FetchConfig(), name)
            rejoined = cast(IO[bytes], _Rejoined(head, stream))
            lines = Lines(rejoined, dialect.change, ignore, None, name)
            found = _text(lines, dialect, name)
        else:
            raise InputError(
                f"{name}: pairs are read from CSV, TSV, or a Parquet file with a name, not from "
                f"{kind}"
            )
        done = 0
        for users, items in found:
            for at in range(0, len(users), BATCH_ROWS):
                batch = users.slice(at, BATCH_ROWS), items.slice(at, BATCH_ROWS)
                for what, column in zip(("user", "item"), batch, strict=True):
                    _refuse_blank(column, what, name, done)
                done += len(batch[0])
                yield batch


def _head(stream: IO[bytes]) -> bytes:
    parts, missing = [], HEAD_BYTES + 1
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


class _Rejoined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        if not self._head:
            return self._rest.read(size)
        taken, self._head = self._head[:size], self._head[size:]
        return taken

    def close(self) -> None:
        """Leave the stream to whoever opened it."""


def _text(stream: Lines, dialect: Any, name: str) -> Iterator[PairBatch]:
    user, item = str(dialect.places["user"]), str(dialect.places["item"])
    done = 0
    try:
        for batch in batches(
            stream,
            dialect.width,
            dialect.header,
            dialect.delimiter,
            dialect.quoted,
            {user: _TEXT, item: _TEXT},
        ):
            yield batch.column(user), batch.column(item)
            done += len(batch)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{name}, after row {done}: cannot be read ({reason})") from None


def _parquet(stream: IO[bytes], name: str) -> Iterator[PairBatch]:
    try:
        with pyarrow.parquet.ParquetFile(stream) as file:
            names = file.schema_arrow.names
            places = by_name(names, {}, name)
            user, item = names[places["user"]], names[places["item"]]
            for batch in file.iter_batches(BATCH_ROWS, columns=[user, item]):
                yield batch.column(user).cast(_TEXT), batch.column(item).cast(_TEXT)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{name}: is no whole Parquet file of ids ({reason})") from None


def _refuse_blank(column: pa.Array, what: str, name: str, before: int) -> None:
    blank = pc.fill_null(pc.equal(pc.utf8_length(column), 0), fill_value=True)
    at = pc.index(blank, value=True).as_py()
    if at >= 0:
        raise InputError(f"{name}, row {before + at + 1}: the {what} is missing")
