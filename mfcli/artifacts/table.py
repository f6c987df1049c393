"""The CSV of recommendations, written and read by Arrow's kernels: no Python call a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from mfcli.artifacts.files import open_input
from mfcli.errors import InputError
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


@dataclass(frozen=True, eq=False)
class RecommendationTable:
    """A recommendations.csv as columns: the row's user is ``users[user_codes[row]]``.

    users, items: the different ids, as they stand in the file; ranks (R,), scores (R,).
    """

    users: list[str]
    user_codes: NDArray[np.int64]
    items: list[str]
    item_codes: NDArray[np.int64]
    ranks: NDArray[np.int64]
    scores: NDArray[np.float64]


def read_recommendations(path: Path) -> RecommendationTable:
    """Read a CSV that ``CsvTable`` wrote; raises InputError where it is none, or damaged."""
    types = {"user_id": pa.string(), "item_id": pa.string(), "rank": pa.int64(),
             "score": pa.float64()}  # fmt: skip
    with open_input(path) as stream:
        try:
            found = csv.read_csv(
                stream,
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            reason = str(error).partition("\n")[0][:120]
            raise InputError(f"{path}: is no recommendations.csv of mfcli ({reason})") from None
    users, items = (_coded(found[name]) for name in ("user_id", "item_id"))
    ranks, scores = found["rank"].to_numpy(), found["score"].to_numpy()
    return RecommendationTable(*users, *items, ranks.astype(np.int64), scores.astype(np.float64))


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
