"""Lines of a user and items: adjacency lists, and the negatives of test sets."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mfcli.config.fetch import FetchConfig, Format
from mfcli.events import OnEvent
from mfcli.sources.readers import lines
from mfcli.sources.readers.blocks import Blocks
from mfcli.sources.readers.delimited import count_lines, explained
from mfcli.sources.readers.dialect import Change
from mfcli.sources.readers.parsing import parse_rows
from mfcli.sources.readers.source import Source, cut_pieces, whole_lines
from mfcli.sources.readers.table import TableBuilder

_NO_SEPARATOR = "\x1f"
_PAIR = re.compile(rb"(?m)^[ \t]*\(([^,()\s]+),\s*[^,()\s]+\)")


def read_adjacency(
    source: Source, _kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read ``user item item item …`` lines: every item an interaction of 1.

    Raises InputError with the line of what cannot be used.
    """
    return _read_lists(source, config, on_event, None)


def read_negatives(
    source: Source, _kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read ``(user,positive) item item …`` lines: the user and each item, without the positive.

    Raises InputError with the line of what cannot be used.
    """
    return _read_lists(source, config, on_event, _leave_out_positives)


def count_items(head: bytes) -> int:
    """Return how many items stand in the beginning of a file of such lines."""
    return max(1, len(head.split()) - count_lines(head))


def _leave_out_positives(text: bytes) -> bytes:
    """Turn ``(user,item)`` at the beginning of lines into the user."""
    return _PAIR.sub(rb"\1", text)


def _read_lists(
    source: Source, config: FetchConfig, on_event: OnEvent, change: Change | None
) -> TableBuilder:
    def open_pieces(report: OnEvent) -> Generator[bytes]:
        with source.open() as stream:
            for piece in cut_pieces(stream, whole_lines, report, source.size, source.name):
                yield change(piece) if change else piece

    line_of_row = partial(lines.line_of, source, count_rows=_count_items_of_line)
    builder = TableBuilder(
        config,
        columns={"user": "first on the line", "item": "all behind it"},
        where=lambda row: f"{source.name}, line {line_of_row(row)}",
    )
    taken = closing(Blocks(open_pieces, _parse, on_event).taken())
    with explained(source.name, line_of_row), taken as batches:
        for batch in batches:
            builder.add(*_pairs(batch.column(0)))
    return builder


def _parse(piece: bytes, _first: bool) -> pa.RecordBatch:
    """Return the lines of a piece of text, a string each."""
    return parse_rows(
        piece,
        width=1,
        delimiter=_NO_SEPARATOR,
        quoted=False,
        kinds={"0": pa.string()},
    )


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
