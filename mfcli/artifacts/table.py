"""The CSV of recommendations, composed by Arrow's string kernels: no Python call a row."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.interactions import Catalog, Ids


class CsvTable:
    """Writes ranked lists as CSV rows: user_id,item_id,rank,score and item_name where known."""

    def __init__(self, stream: IO[bytes], catalog: Catalog) -> None:
        """Write the header."""
        self.stream = stream
        self.rows = 0
        self.items = csv_tokens(catalog.item_ids)
        self.names = None if catalog.item_names is None else csv_tokens(catalog.item_names)
        name = "" if self.names is None else ",item_name"
        stream.write(f"user_id,item_id,rank,score{name}\n".encode())

    def write(self, users: Ids, items: NDArray[np.int32], scores: NDArray[np.float32]) -> None:
        """Append the lists of users (B,): items (B, k), −1 for none, and scores (B, k)."""
        there = items >= 0
        row, rank = np.nonzero(there)
        chosen = pa.array(items[there])
        columns: list[Any] = [
            csv_tokens(users).take(pa.array(row)),
            self.items.take(chosen),
            pa.array(rank + 1).cast(pa.large_string()),
            pa.array(scores[there]).cast(pa.large_string()),
        ]
        if self.names is not None:
            columns.append(self.names.take(chosen))
        lines = pc.binary_join_element_wise(*columns, pa.scalar(",", pa.large_string()))
        newline = pa.scalar("", pa.large_string())
        lines = pc.binary_join_element_wise(lines, newline, pa.scalar("\n", pa.large_string()))
        self.stream.write(_bytes_of(lines))
        self.rows += len(row)


def write_columns(stream: IO[bytes], columns: dict[str, NDArray[Any]]) -> None:
    """Write columns of ids, integers or float64 as CSV with a header; NaN is an empty field."""
    header = csv_tokens(np.array(list(columns), dtype=np.str_)).to_pylist()
    stream.write((",".join(header) + "\n").encode())
    fields = [
        pa.array(each, from_pandas=True).cast(pa.large_string()).fill_null("")
        if each.dtype.kind == "f"
        else csv_tokens(each)
        for each in columns.values()
    ]
    lines = pc.binary_join_element_wise(*fields, pa.scalar(",", pa.large_string()))
    newline = pa.scalar("", pa.large_string())
    lines = pc.binary_join_element_wise(lines, newline, pa.scalar("\n", pa.large_string()))
    stream.write(_bytes_of(lines))


def csv_tokens(values: Ids) -> Any:
    """Return ids or names as CSV fields (RFC 4180), quoted only where they must be."""
    if values.dtype.kind == "i":
        return pa.array(values).cast(pa.large_string())
    text = pa.array(values.tolist(), pa.large_string())
    quoted = pc.replace_substring(text, '"', '""')
    marks = pa.scalar('"', pa.large_string())
    quoted = pc.binary_join_element_wise(marks, quoted, marks, pa.scalar("", pa.large_string()))
    return pc.if_else(pc.match_substring_regex(text, '[",\r\n]|^$'), quoted, text)


def _bytes_of(lines: Any) -> memoryview:
    """Return the text of a string array: its values lie one behind the other."""
    if not len(lines):
        return memoryview(b"")
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(data)[ends[0] : ends[-1]]
