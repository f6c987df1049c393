"""Tables of results: CSV, also gzipped or with tabs, Parquet, JSON lines; one small interface.

table.py    columns, cells, and what a writer is
text.py     csv, csv.gz, tsv, jsonl: lines joined by Arrow's kernels, no Python call a row
parquet.py  row groups of a fixed number of rows
reading.py  what was written, read back

Bytes depend on the rows alone: not on how they were handed over, nor on time or place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts.tables.parquet import ParquetWriter
from mfcli.artifacts.tables.table import CodedCells, Column, TableWriter
from mfcli.artifacts.tables.text import CsvWriter, JsonLinesWriter, gzipped
from mfcli.config import TableFormat

__all__ = ["CodedCells", "Column", "TableWriter", "open_table", "write_columns"]


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
        TableFormat.tsv: functools.partial(CsvWriter, safe=csv_safe, between="\t"),
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


def write_columns(
    stream: IO[bytes], kind: TableFormat, columns: Mapping[str, NDArray[Any]]
) -> None:
    """Write columns (R,) of ids, integers or floats; NaN is an empty field, null in JSON lines."""
    made = [Column(name, _type_of(values)) for name, values in columns.items()]
    with open_table(stream, kind, made) as table:
        table.append(table.encode(list(columns.values())))


def _type_of(values: NDArray[Any]) -> pa.DataType:
    return pa.string() if values.dtype.kind == "U" else pa.from_numpy_dtype(values.dtype)
