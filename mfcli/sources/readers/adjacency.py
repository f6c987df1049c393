"""Lines of a user and items: adjacency lists, and the negatives of test sets."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mfcli.config.fetch import FetchConfig, Format
from mfcli.errors import InputError
from mfcli.events import OnEvent
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.delimited import (
    NotUtf8Error,
    as_latin1,
    count_lines,
    read_batches,
    read_either_encoding,
    says_not_utf8,
)
from mfcli.sources.readers.dialect import Change
from mfcli.sources.readers.source import Lines, Source
from mfcli.sources.readers.table import TableBuilder

_NO_SEPARATOR = "\x1f"
_PAIR = re.compile(rb"(?m)^[ \t]*\(([^,()\s]+),\s*[^,()\s]+\)")


def read_adjacency(
    source: Source, _kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read ``user item item item …`` lines: every item an interaction of 1.

    Raises InputError with the line of what cannot be used.
    """
    return read_either_encoding(
        lambda latin1: _read_lists(source, config, on_event, latin1, None), source, on_event
    )


def read_negatives(
    source: Source, _kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read ``(user,positive) item item …`` lines: the user and each item, without the positive.

    Raises InputError with the line of what cannot be used.
    """
    return read_either_encoding(
        lambda latin1: _read_lists(source, config, on_event, latin1, _leave_out_positives),
        source,
        on_event,
    )


def count_items(head: bytes) -> int:
    """Return how many items stand in the beginning of a file of such lines."""
    return max(1, len(head.split()) - count_lines(head))


def _leave_out_positives(text: bytes) -> bytes:
    """Turn ``(user,item)`` at the beginning of lines into the user."""
    return _PAIR.sub(rb"\1", text)


def _read_lists(
    source: Source, config: FetchConfig, on_event: OnEvent, latin1: bool, change: Change | None
) -> TableBuilder:
    builder = TableBuilder(
        config,
        columns={"user": "first on the line", "item": "all behind it"},
        where=lambda row: f"{source.name}, line {lines.line_of(source, row, _count_items_of_line)}",
    )
    change = as_latin1(change) if latin1 else change
    with contextlib.closing(
        Lines(source.open(), change, on_event, source.size, source.name)
    ) as stream:
        try:
            for batch in read_batches(
                stream,
                width=1,
                header=False,
                delimiter=_NO_SEPARATOR,
                quoted=False,
                kinds={"0": pa.string()},
            ):
                builder.add(*_pairs(batch.column(0)))
        except CellError as error:
            line = lines.line_of(source, error.row, _count_items_of_line)
            raise InputError(f"{source.name}, line {line}: {error}: {error.mend}") from None
        except pa.ArrowInvalid as error:
            if says_not_utf8(error):
                raise NotUtf8Error from None
            raise InputError(f"{source.name}: cannot be read: {str(error)[:200]}") from None
    return builder


def _count_items_of_line(line: bytes) -> int:
    return max(len(line.split()) - 1, 0)


def _pairs(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Turn lines ``user item item …`` into users and items, one pair an item."""
    texts = pc.ascii_trim_whitespace(texts)
    tokens = pc.ascii_split_whitespace(texts.filter(pc.not_equal(texts, "")))
    counts = pc.list_value_length(tokens).to_numpy()
    flat = tokens.flatten()
    is_user = np.zeros(len(flat), dtype=bool)
    starts = np.cumsum(counts) - counts
    is_user[starts] = True
    users = flat.take(pa.array(np.repeat(starts, counts - 1)))
    return users, flat.filter(pa.array(~is_user))
