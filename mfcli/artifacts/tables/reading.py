"""Tables of recommendations, read back: CSV with all columns, and any format's pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray
from pyarrow import csv

from mfcli.artifacts.files import open_input
from mfcli.artifacts.native import native_reader
from mfcli.artifacts.unpacking import GZIP_MAGIC, open_gzip
from mfcli.config import TableFormat
from mfcli.errors import InputError

_HEAD = 1 << 16  # bytes that tell a format: names of columns are in them
PAIR = ("user_id", "item_id")


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
    """Read a CSV of recommend; raises InputError for any other file, and a damaged one."""
    types = {
        "user_id": pa.string(),
        "item_id": pa.string(),
        "rank": pa.int64(),
        "score": pa.float64(),
    }
    with open_input(path) as stream:
        found = _read_csv(path, stream, types)
    users, items = (_coded(found[name]) for name in PAIR)
    ranks, scores = found["rank"].to_numpy(), found["score"].to_numpy()
    return RecommendationTable(*users, *items, ranks.astype(np.int64), scores.astype(np.float64))


def read_pairs(path: Path) -> pa.Table:
    """Return the columns user_id and item_id of a table that recommend wrote, as strings.

    The format is found by looking. Raises InputError for anything else.
    """
    return read_columns(path, PAIR)[1]


def id_types(path: Path) -> dict[str, str]:
    """Return of which type the ids of a Parquet table of recommend are; {} for other formats."""
    with open_input(path) as stream:
        if _STARTS.get(stream.read(4)) is not TableFormat.parquet:
            return {}
        stream.seek(0)
        schema = pyarrow.parquet.read_schema(stream)
    return {
        name: "integers" if pa.types.is_integer(schema.field(name).type) else "text"
        for name in PAIR
    }


def read_columns(path: Path, names: Sequence[str] | None) -> tuple[TableFormat, pa.Table]:
    """Return the format of a table of results, and its columns of ``names`` as strings, or all.

    Raises InputError for anything else.
    """
    with open_input(path) as stream:
        head = stream.read(_HEAD)
        stream.seek(0)
        plain = TableFormat.tsv if b"\t" in head.partition(b"\n")[0] else TableFormat.csv
        found = (kind for start, kind in _STARTS.items() if head.startswith(start))
        kind = next(found, plain)
        try:
            return kind, _READERS[kind](path, stream, names)
        except (pa.ArrowException, KeyError, ValueError) as error:
            raise InputError(_foreign(path, error)) from None


def _parquet(_: Path, stream: Any, names: Sequence[str] | None) -> pa.Table:
    return _selected(pyarrow.parquet.read_table(native_reader(stream)), names)


def _json_lines(_: Path, stream: Any, names: Sequence[str] | None) -> pa.Table:
    # Left to itself, Arrow takes an id such as 2020-01-01 for a time.
    first = json.loads(stream.readline())
    stream.seek(0)
    texts = {name: pa.string() for name, value in first.items() if isinstance(value, str)}
    options = pyarrow.json.ParseOptions(explicit_schema=pa.schema(list(texts.items())))
    table = pyarrow.json.read_json(native_reader(stream), parse_options=options)
    return _selected(table.select(list(first)), names)


def _selected(table: pa.Table, names: Sequence[str] | None) -> pa.Table:
    if names is None:
        return table
    return table.select(list(names)).cast(pa.schema(list(_strings(names).items())))


def _packed_csv(path: Path, stream: Any, names: Sequence[str] | None) -> pa.Table:
    with open_gzip(stream, str(path)) as unpacked:
        return _plain_csv(path, unpacked, names)


def _plain_csv(path: Path, stream: Any, names: Sequence[str] | None) -> pa.Table:
    return _read_csv(path, stream, _strings(names))


def _tabbed(path: Path, stream: Any, names: Sequence[str] | None) -> pa.Table:
    return _read_csv(path, stream, _strings(names), "\t")


# What the file of a format starts with; CSV starts with anything.
_STARTS = {
    b"PAR1": TableFormat.parquet,
    b"{": TableFormat.jsonl,
    GZIP_MAGIC: TableFormat.csv_gz,
}
_READERS = {
    TableFormat.parquet: _parquet,
    TableFormat.jsonl: _json_lines,
    TableFormat.csv_gz: _packed_csv,
    TableFormat.csv: _plain_csv,
    TableFormat.tsv: _tabbed,
}


def _strings(names: Sequence[str] | None) -> dict[str, pa.DataType]:
    return dict.fromkeys(names or (), pa.string())


def _read_csv(
    path: Path, stream: Any, types: dict[str, pa.DataType], between: str = ","
) -> pa.Table:
    try:
        return csv.read_csv(
            native_reader(stream),
            parse_options=csv.ParseOptions(delimiter=between, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise InputError(_foreign(path, error)) from None


def _foreign(path: Path, error: Exception) -> str:
    reason = str(error).partition("\n")[0][:120]
    return f"{path}: is not a table that mfcli recommend wrote ({reason})"


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    coded = column.combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)


def mean_overlap(old: pa.Table, new: pa.Table) -> float:
    """Return the mean share of items that the lists of a user have in common in two tables.

    Over the users of both; a list's share is of the longer one. 0 where no user is in both.
    """
    keys, lengths = [], []
    users = pc.unique(
        pa.chunked_array([*old["user_id"].chunks, *new["user_id"].chunks], pa.string())
    )
    items = pc.unique(
        pa.chunked_array([*old["item_id"].chunks, *new["item_id"].chunks], pa.string())
    )
    for table in (old, new):
        user = pc.index_in(table["user_id"], users).to_numpy().astype(np.int64)
        item = pc.index_in(table["item_id"], items).to_numpy().astype(np.int64)
        keys.append(user * len(items) + item)
        lengths.append(np.bincount(user, minlength=len(users)))
    common = np.intersect1d(keys[0], keys[1], assume_unique=True)
    shared = np.bincount(common // max(1, len(items)), minlength=len(users))
    both = (lengths[0] > 0) & (lengths[1] > 0)
    if not both.any():
        return 0.0
    return float((shared[both] / np.maximum(lengths[0], lengths[1])[both]).mean())
