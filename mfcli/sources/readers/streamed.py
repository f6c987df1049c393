"""Pairs of user and item ids, batch by batch and in their order: memory stays the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pyarrow as pa
import pyarrow.compute as pc

from mfcli.artifacts import open_input
from mfcli.errors import InputError
from mfcli.sources.readers.encodings import UTF_8, encoding_of_head, recoded_stream
from mfcli.sources.readers.formats import READERS, PairBatch, find_format, is_binary
from mfcli.sources.readers.id_tokens import missing_among_numbers, surely_missing, trim_ids
from mfcli.sources.readers.source import HEAD_BYTES, read_head
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.tidy import find_tidying
from mfcli.system.streams import standard_input

BATCH_ROWS = 1 << 16


def pair_batches(
    source: str, *, allow_empty: bool = False, integers: tuple[bool, bool] = (False, False)
) -> Iterator[PairBatch]:
    """Yield the pairs of a table in a format that can be streamed: a file, or ``-``.

    Blanks around ids are no part of them. ``allow_empty``: a source without a byte has no pairs.
    ``integers``: whether the users and the items that are meant are numbers: ``nan`` is none then.

    Raises InputError that says what cannot be read, and after which row.
    """
    name = "stdin" if source == "-" else source
    with contextlib.ExitStack() as stack:
        stream: IO[bytes]
        if source == "-":
            stream = standard_input()
        else:
            stream = stack.enter_context(open_input(Path(source)))
        head, stream, begun = _as_utf8(stream, name)
        if allow_empty and not begun.strip():
            return
        tidying = find_tidying(head)
        head = tidying.head(head)
        kind = find_format(head)
        reader = READERS[kind]
        if reader.stream_pairs is None or (reader.needs_file and source == "-"):
            streamed = ", ".join(kind for kind, reader in READERS.items() if reader.stream_pairs)
            raise InputError(
                f"{name}: pairs are read from {streamed}"
                f"{' (parquet by a name, not through a pipe)' if reader.needs_file else ''}, "
                f"not from {kind}"
            )
        if not reader.needs_file:
            stream = tidying.stream(cast(IO[bytes], _Rejoined(begun, stream)))
        done = 0
        for users, items in reader.stream_pairs(stream, head, kind):
            for at in range(0, len(users), BATCH_ROWS):
                batch = (
                    trim_ids(pc.fill_null(users.slice(at, BATCH_ROWS), "")),
                    trim_ids(pc.fill_null(items.slice(at, BATCH_ROWS), "")),
                )
                for what, column, numbers in zip(("user", "item"), batch, integers, strict=True):
                    _refuse_missing(column, what, name, done, numbers=numbers)
                done += len(batch[0])
                yield batch


def _as_utf8(stream: IO[bytes], name: str) -> tuple[Head, IO[bytes], bytes]:
    """Return the head of a stream, the stream as UTF-8, and what was read of it already."""
    begun = read_head(stream)
    head = Head(name, begun[:HEAD_BYTES], len(begun) <= HEAD_BYTES)
    if is_binary(head):
        return head, stream, begun
    try:
        encoding = encoding_of_head(head)
    except InputError:  # perhaps in a column that is not read
        encoding = UTF_8
    if encoding == UTF_8:
        return head, stream, begun
    stream = recoded_stream(cast(IO[bytes], _Rejoined(begun, stream)), encoding, name)
    begun = read_head(stream)
    return Head(name, begun[:HEAD_BYTES], len(begun) <= HEAD_BYTES), stream, begun


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


def _refuse_missing(column: pa.Array, what: str, name: str, before: int, *, numbers: bool) -> None:
    missing = missing_among_numbers(column) if numbers else surely_missing(column)
    if missing is not None and missing.any():
        place = int(missing.argmax())
        written = f" ({column[place].as_py()!r})" if column[place].as_py() else ""
        raise InputError(
            f"{name}, row {before + place + 1}: the {what} is missing{written}: mend or remove "
            "that row"
        )
