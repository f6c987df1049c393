"""Parquet: plain columns, row groups of a fixed number of rows, and a text of ours if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import pyarrow as pa
import pyarrow.parquet

from mfcli.artifacts.tables.table import (
    Cells,
    CodedCells,
    Column,
    Encoded,
    Vocabularies,
    arrow_array,
)

GROUP_ROWS = 1 << 17


class ParquetWriter:
    """Collects rows and writes them in groups whose bounds depend on the rows' number alone."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        """Write the head."""
        self.n_rows = 0
        self.schema = pa.schema(
            [pa.field(column.name, column.type, nullable=False) for column in columns]
        )
        # A dictionary of scores, hardly two of which are equal, would cost most of the time here.
        repeated = [field.name for field in self.schema if not pa.types.is_floating(field.type)]
        self._writer = pyarrow.parquet.ParquetWriter(
            stream, self.schema, compression="zstd", use_dictionary=repeated
        )
        self._vocabularies = Vocabularies(arrow_array)
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0

    def encode(self, cells: Sequence[Cells]) -> Encoded:
        """Return the rows as an Arrow table."""
        kinds = self.schema.types
        arrays = [
            self._array(at, column, kind)
            for at, (column, kind) in enumerate(zip(cells, kinds, strict=True))
        ]
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        return Encoded(table.num_rows, table)

    def _array(self, at: int, cells: Cells, kind: pa.DataType) -> pa.Array:
        """Return the cells of a column; NumPy takes numbers out of a vocabulary soonest."""
        if isinstance(cells, CodedCells):
            if cells.values.dtype.kind == "U":
                return self._vocabularies.take(at, cells).cast(kind)
            cells = cells.values[cells.codes]
        found = arrow_array(cells)
        return found if found.type == kind else found.cast(kind)

    def append(self, rows: Encoded) -> None:
        """Keep rows, and write the groups that are full."""
        self._waiting.append(rows.content)
        self._n_waiting += rows.n_rows
        self.n_rows += rows.n_rows
        if self._n_waiting < GROUP_ROWS:
            return
        table = pa.concat_tables(self._waiting)
        whole = len(table) // GROUP_ROWS * GROUP_ROWS
        for start in range(0, whole, GROUP_ROWS):
            self._write(table.slice(start, GROUP_ROWS))
        self._waiting, self._n_waiting = [table.slice(whole)], len(table) - whole

    def describe(self, text: bytes) -> None:
        """Put a text into the file's metadata, under the key ``mfcli``."""
        self._writer.add_key_value_metadata({"mfcli": text})

    def close(self) -> None:
        """Write the last group and the foot."""
        if self._n_waiting:
            self._write(pa.concat_tables(self._waiting))
        self._writer.close()

    def abandon(self) -> None:
        """Keep Arrow from writing a foot when its writer goes."""
        self._writer.is_open = False

    def _write(self, table: pa.Table) -> None:
        # One chunk a column: pages must not depend on how the rows were handed over.
        self._writer.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)
