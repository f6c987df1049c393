"""File formats → rows.

detect.py     what a file is, by its first bytes
columns.py    which column is the user, the item, the rating, the time
delimited.py  u.data, ratings.dat, csv, tsv, space, recbole, adjacency, negatives
typed.py      parquet, jsonl
table.py      what readers fill, chunk by chunk: ids as codes, ratings, times; checks every cell
lines.py      after an error: the line it stands on
names.py      item names
layouts.py    which files of a folder or a zip are the data set
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mfcli.config.stages import FetchConfig, Format
from mfcli.results import Noted, OnEvent
from mfcli.system import capacity

if TYPE_CHECKING:
    from mfcli.sources.readers.source import Source
    from mfcli.sources.readers.table import ParsedTable


def read_table(source: Source, config: FetchConfig, on_event: OnEvent) -> tuple[ParsedTable, str]:
    """Read all rows of a source: ``(table, format)``; the format is found unless it is chosen.

    Raises InputError that names file and line for what cannot be read.
    """
    from mfcli.sources.readers import delimited, typed
    from mfcli.sources.readers.columns import describe
    from mfcli.sources.readers.detect import find_dialect, find_format, refuse_foreign

    head, whole = source.head()
    if config.format is None:
        kind = find_format(head, whole, source.name)
    else:
        kind = config.format
        if kind is not Format.parquet:
            refuse_foreign(head, source.name)
    _require_memory(source, kind, head, whole, on_event)
    if kind in (Format.adjacency, Format.negatives):
        table = delimited.read_adjacency(source, on_event, kind is Format.negatives)
    elif kind is Format.parquet:
        table = typed.read_parquet(source, config, on_event)
    elif kind is Format.jsonl:
        table = typed.read_jsonl(source, config, on_event)
    else:
        dialect = find_dialect(head, whole, kind, config, source.name)
        on_event(Noted(f"{source.name}: read as {kind}, {describe(dialect.places, dialect.names)}"))
        table = delimited.read_delimited(source, dialect, on_event)
    for remark in table.remarks:
        on_event(Noted(f"{source.name}: {remark}"))
    return table, str(kind)


def _require_memory(
    source: Source, kind: Format, head: bytes, whole: bool, on_event: OnEvent
) -> None:
    """Say no before a table is read that memory cannot hold; its rows are guessed by its head."""
    if source.size is None or kind is Format.parquet:  # which has a figure of its own
        return
    rows = head.count(b"\n") + 1
    if kind is Format.adjacency:
        rows = max(1, len(head.split()) - rows)
    if not whole:
        rows = int(rows / len(head) * source.size)
    capacity.require_rows(source.name, rows, on_event)
