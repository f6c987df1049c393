"""Tables of results: CSV (also gzipped), Parquet, JSON lines, behind one small interface.

table.py    columns, cells, and what a writer is
text.py     csv, csv.gz, jsonl: lines joined by Arrow's kernels, no Python call a row
parquet.py  row groups of a fixed number of rows
reading.py  what was written, read back

Bytes depend on the rows alone: not on how they were handed over, nor on time or place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from mfcli.artifacts.tables.parquet import ParquetWriter
from mfcli.artifacts.tables.table import CodedCells, Column, TableWriter
from mfcli.artifacts.tables.text import CsvWriter, JsonLinesWriter, gzipped
from mfcli.config import TableFormat

__all__ = ["CodedCells", "Column", "TableWriter", "open_table"]


@contextmanager
def open_table(
    stream: IO[bytes], kind: TableFormat, columns: Sequence[Column], *, csv_safe: bool = False
) -> Iterator[TableWriter]:
    """Yield a writer of rows; the table is whole when the ``with`` ends well."""
    if kind is TableFormat.csv_gz:
        with gzipped(stream) as packed:
            yield CsvWriter(packed, columns, csv_safe)
        return
    writers: dict[TableFormat, Callable[..., Any]] = {
        TableFormat.csv: functools.partial(CsvWriter, safe=csv_safe),
        TableFormat.jsonl: JsonLinesWriter,
        TableFormat.parquet: ParquetWriter,
    }
    writer: TableWriter = writers[kind](stream, columns)
    try:
        yield writer
    except BaseException:
        writer.abandon()
        raise
    writer.close()
