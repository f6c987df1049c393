"""The formats that tables are read in: how each is recognised, read, and streamed.

A new format is one entry of ``READERS`` (and a name in ``config.Format``) and one function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import pyarrow as pa

from mfcli.codes import WarningCode
from mfcli.config.fetch import FetchConfig, Format
from mfcli.events import OnEvent, Warned
from mfcli.sources.readers import (
    adjacency,
    columnar,
    delimited,
    detect,
    foreign,
    jsonl,
    matrices,
    netflix,
)
from mfcli.sources.readers.cells import NotUtf8Error
from mfcli.sources.readers.dialect import TEXT_LAYOUTS
from mfcli.sources.readers.encodings import encoding_of, likeliest_encoding, recoded
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.tidy import find_tidying
from mfcli.system import capacity

PairBatch = tuple[pa.Array, pa.Array]  # users, items: strings


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How a format is read.

    description: what it looks like, in a few words.
    read:        collects all rows of a source; raises InputError that names file and line.
    recognises:  tells a file of this format by its head; None: only by what it resembles
                 (detect.guess_text_table), or where --format names it.
    is_text:     lines of text; a recogniser may then rely on a first line.
    count_rows:  about how many rows the head of a text has; None: ``read`` looks after memory.
    stream_pairs: yields the user and item ids of a stream in small batches; None: not streamed.
    needs_file:  ``stream_pairs`` jumps about in the stream, which cannot be a pipe.
    """

    description: str
    read: Callable[[Source, Format, FetchConfig, OnEvent], TableBuilder]
    recognises: Callable[[Head], bool] | None = None
    is_text: bool = True
    count_rows: Callable[[bytes], int] | None = delimited.count_lines
    stream_pairs: Callable[[IO[bytes], Head, Format], Iterator[PairBatch]] | None = None
    needs_file: bool = False


# In the order in which they are tried: binary formats first, then text.
READERS: dict[Format, Reader] = {
    Format.parquet: Reader(
        description="Apache Parquet",
        read=columnar.read_columnar,
        recognises=columnar.is_parquet,
        is_text=False,
        count_rows=None,  # a file says how many rows it has
        stream_pairs=columnar.stream_pairs,
        needs_file=True,
    ),
    Format.feather: Reader(
        description="Feather and Arrow IPC, files and streams",
        read=columnar.read_columnar,
        recognises=columnar.is_feather,
        is_text=False,
        count_rows=None,
        stream_pairs=columnar.stream_pairs,
        needs_file=True,
    ),
    Format.orc: Reader(
        description="Apache ORC",
        read=columnar.read_columnar,
        recognises=columnar.is_orc,
        is_text=False,
        count_rows=None,
        stream_pairs=columnar.stream_pairs,
        needs_file=True,
    ),
    Format.npz: Reader(
        description="a sparse matrix of SciPy (save_npz), or one of mfcli",
        read=matrices.read_npz,
        recognises=matrices.is_npz,
        is_text=False,
        count_rows=None,
    ),
    Format.mtx: Reader(
        description="Matrix Market, coordinates",
        read=matrices.read_mtx,
        recognises=matrices.is_mtx,
    ),
    Format.netflix: Reader(
        description="the Netflix Prize's: item: above lines of user,rating,date",
        read=netflix.read_netflix,
        recognises=netflix.is_netflix,
    ),
    Format.jsonl: Reader(
        description="JSON lines: one object a line",
        read=jsonl.read_jsonl,
        recognises=detect.is_jsonl,
    ),
    Format.negatives: Reader(
        description="negatives of a test set: (user,positive) item item … a line",
        read=adjacency.read_negatives,
        recognises=detect.is_negatives,
        count_rows=adjacency.count_items,
    ),
    Format.recbole: Reader(
        description="RecBole's .inter: tabs, a header of name:type",
        read=delimited.read_delimited,
        recognises=detect.is_recbole,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.dat: Reader(
        description="user::item::rating::time, no header",
        read=delimited.read_delimited,
        recognises=detect.is_dat,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.udata: Reader(
        description="user item rating time, tabs, no header",
        read=delimited.read_delimited,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.tsv: Reader(
        description="tabs between columns",
        read=delimited.read_delimited,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.csv: Reader(
        description="commas, semicolons or bars between columns, cells may be quoted",
        read=delimited.read_delimited,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.space: Reader(
        description="runs of blanks between columns",
        read=delimited.read_delimited,
        stream_pairs=delimited.stream_pairs,
    ),
    Format.adjacency: Reader(
        description="user item item item … a line",
        read=adjacency.read_adjacency,
        count_rows=adjacency.count_items,
    ),
}


def is_binary(head: Head) -> bool:
    """Tell a file of a format that is no text."""
    readers = (reader for reader in READERS.values() if not reader.is_text)
    return any(reader.recognises is not None and reader.recognises(head) for reader in readers)


def find_format(head: Head) -> Format:
    """Return the format that the first bytes of a file show; raises InputError if none does."""
    for is_text in (False, True):
        if is_text:
            foreign.refuse_foreign(head)
            foreign.refuse_foreign_text(head)
        for kind, reader in READERS.items():
            if reader.is_text is is_text and reader.recognises and reader.recognises(head):
                return kind
    return detect.guess_text_table(head)


def read_part(
    source: Source, config: FetchConfig, on_event: OnEvent
) -> tuple[TableBuilder, Format]:
    """Read all rows of a source: ``(rows, format)``; the format is found unless it is chosen.

    Raises InputError that names file and line for what cannot be read.
    """
    head = source.head()
    encoding = config.encoding or encoding_of(head.content)
    if encoding is not None and not is_binary(head):
        return _read_text(recoded(source, encoding), config, on_event)
    try:
        return _read_text(source, config, on_event)
    except NotUtf8Error:
        encoding = likeliest_encoding(source)
    on_event(
        Warned(
            WarningCode.encoding,
            f"{source.name}: is not UTF-8; read as Windows-1252 (--encoding names another)",
        )
    )
    return _read_text(recoded(source, encoding), config, on_event)


def _read_text(
    source: Source, config: FetchConfig, on_event: OnEvent
) -> tuple[TableBuilder, Format]:
    head = source.head()
    if config.format is None or config.format in TEXT_LAYOUTS:
        tidying = find_tidying(head)
        source, head = tidying.source(source), tidying.head(head)
        if tidying.remark:
            on_event(Warned(WarningCode.lines, f"{source.name}: {tidying.remark}"))
    kind = config.format or find_format(head)
    reader = READERS[kind]
    if config.format and reader.is_text:
        foreign.refuse_foreign(head)
    if reader.count_rows and source.size is not None:
        rows = reader.count_rows(head.content)
        if not head.whole:
            rows = int(rows / len(head.content) * source.size)
        capacity.require_rows(source.name, rows, on_event)
    return reader.read(source, kind, config, on_event), kind
