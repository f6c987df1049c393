"""Tables of results: every format gives back what was written, in bytes of the rows alone."""

from __future__ import annotations

import contextlib
import csv
import gc
import gzip
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts.tables import CodedCells, Column, open_table, parquet
from mfcli.artifacts.tables.reading import mean_overlap, read_pairs
from mfcli.config import TableFormat
from mfcli.errors import InputError
from tests.helpers import TEXT, id_lists

# What a CSV can trip over, more often than chance would have it.
NASTY = st.one_of(
    TEXT,
    st.text(st.sampled_from("\",\n\r\t; ab'\\=é")),
    st.sampled_from(["", " ", '"', '""', ",", "\n", "\r\n", "a\rb", "NA", "\ufeff", "\u2028"]),
)
COLUMNS = [Column("a", pa.int64())]
FORMULAS = ["=1+1", "+1", "-1", "@a", "\ta", "\ra"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[Any], list[tuple[Any, ...]]]:
    """Draw columns user_id, item_id, rank, score, item_name; their cells; and the rows."""
    n_ids, n_rows = draw(st.integers(1, 4)), draw(st.integers(0, 9))
    nasty = st.lists(NASTY.filter(bool), min_size=n_ids, max_size=n_ids, unique=True)
    ids = [draw(id_lists(n_ids) | nasty.map(np.array)) for _ in range(2)]
    names = np.array(draw(st.lists(NASTY, min_size=n_ids, max_size=n_ids)), np.str_)
    codes = st.lists(st.integers(0, n_ids - 1), min_size=n_rows, max_size=n_rows)
    user, item = (np.array(draw(codes), np.int64) for _ in range(2))
    floats = st.lists(
        st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=n_rows, max_size=n_rows
    )
    scores = np.array(draw(floats), np.float32)
    ranks = np.arange(n_rows) + 1
    columns = [
        Column.of("user_id", ids[0]),
        Column.of("item_id", ids[1]),
        Column("rank", pa.int32()),
        Column("score", pa.float32()),
        Column.of("item_name", names),
    ]
    cells = [
        CodedCells(user, ids[0]),
        CodedCells(item, ids[1]),
        ranks,
        scores,
        CodedCells(item, names),
    ]
    plain = (ids[0][user], ids[1][item], ranks, scores, names[item])
    return columns, cells, list(zip(*(entry.tolist() for entry in plain), strict=True))


def written(
    kind: TableFormat, columns: list[Column], batches: list[list[Any]], safe: bool = False
) -> bytes:
    stream = io.BytesIO()
    with open_table(stream, kind, columns, csv_safe=safe) as table:
        for cells in batches:
            table.append(table.encode(cells))
    return stream.getvalue()


def read_back(kind: TableFormat, content: bytes) -> list[tuple[Any, ...]]:
    if kind is TableFormat.parquet:
        rows = pq.read_table(io.BytesIO(content)).to_pylist()
        return [tuple(row.values()) for row in rows]
    if kind is TableFormat.jsonl:
        # Not splitlines: a name may hold what ends a line elsewhere.
        return [tuple(json.loads(line).values()) for line in content.decode().split("\n")[:-1]]
    text = (gzip.decompress(content) if kind is TableFormat.csv_gz else content).decode()
    cut_by = "\t" if kind is TableFormat.tsv else ","
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=cut_by)
    assert header == ["user_id", "item_id", "rank", "score", "item_name"]
    return [tuple(row) for row in rows]


def cut(cells: list[Any], part: slice) -> list[Any]:
    return [
        CodedCells(cell.codes[part], cell.values) if isinstance(cell, CodedCells) else cell[part]
        for cell in cells
    ]


@pytest.mark.parametrize("kind", list(TableFormat))
class TestEveryFormat:
    @settings(deadline=None, max_examples=40)
    @given(table=tables())
    def test_every_cell_comes_back(self, kind: TableFormat, table: Any) -> None:
        columns, cells, rows = table
        found = read_back(kind, written(kind, columns, [cells]))
        if kind in (TableFormat.csv, TableFormat.csv_gz, TableFormat.tsv):
            # The shortest text that reads back the same float32.
            found = [(*entry[:3], np.float32(entry[3]), entry[4]) for entry in found]
            rows = [(*map(str, row[:3]), np.float32(row[3]), row[4]) for row in rows]
        else:
            found = [(*entry[:3], np.float32(entry[3]), entry[4]) for entry in found]
            rows = [(*row[:3], np.float32(row[3]), row[4]) for row in rows]
        assert found == rows

    @settings(deadline=None, max_examples=15)
    @given(table=tables(), at=st.integers(0, 9))
    def test_bytes_do_not_depend_on_the_batches(
        self, kind: TableFormat, table: Any, at: int
    ) -> None:
        columns, cells, _ = table
        whole = written(kind, columns, [cells])
        assert written(kind, columns, [cut(cells, slice(at)), cut(cells, slice(at, None))]) == whole

    def test_ids_are_read_back_as_pairs_of_text(self, kind: TableFormat, tmp_path) -> None:
        columns = [Column("user_id", pa.int64()), Column("item_id", pa.string())]
        cells = [np.array([7, 7, 8]), CodedCells(np.array([0, 1, 1]), np.array(["a,b", '"']))]
        (tmp_path / "x").write_bytes(written(kind, columns, [cells]))
        assert read_pairs(tmp_path / "x").to_pylist() == [
            {"user_id": "7", "item_id": "a,b"},
            {"user_id": "7", "item_id": '"'},
            {"user_id": "8", "item_id": '"'},
        ]

    def test_a_table_that_breaks_off_is_abandoned_in_silence(self, kind: TableFormat) -> None:
        """Arrow's writer would write its foot when it goes, into a file that is closed by then."""
        stream = io.BytesIO()
        with contextlib.suppress(ZeroDivisionError), open_table(stream, kind, COLUMNS):
            raise ZeroDivisionError
        stream.close()
        gc.collect()


def test_a_row_group_has_a_fixed_number_of_rows(monkeypatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 4)
    columns, cells = COLUMNS, [np.arange(11)]
    whole = written(TableFormat.parquet, columns, [cells])
    for size in (1, 3, 4, 9):
        batches = [cut(cells, slice(at, at + size)) for at in range(0, 11, size)]
        assert written(TableFormat.parquet, columns, batches) == whole
    file = pq.ParquetFile(io.BytesIO(whole))
    assert [file.metadata.row_group(at).num_rows for at in range(3)] == [4, 4, 3]


def test_only_what_repeats_gets_a_dictionary_in_parquet() -> None:
    """Scores hardly repeat: their dictionary would cost time and place."""
    columns = [Column("item_id", pa.int64()), Column("score", pa.float32())]
    cells = [CodedCells(np.zeros(4, np.int64), np.array([7])), np.zeros(4, np.float32)]
    group = pq.ParquetFile(io.BytesIO(written(TableFormat.parquet, columns, [cells]))).metadata
    dictionaries = [
        group.row_group(0).column(at).dictionary_page_offset is not None for at in range(2)
    ]
    assert dictionaries == [True, False]


def test_safe_csv_marks_formulas_and_leaves_numbers() -> None:
    columns = [Column("id", pa.int64()), Column("name", pa.string())]
    names = np.array([*FORMULAS, "a=1", ""])
    cells = [np.arange(len(names)) - 3, CodedCells(np.arange(len(names)), names)]
    for safe in (False, True):
        text = written(TableFormat.csv, columns, [cells], safe).decode()
        found = list(csv.reader(io.StringIO(text, newline="")))[1:]
        marked = [f"'{name}" if safe and name in FORMULAS else name for name in names.tolist()]
        assert found == [[str(at - 3), name] for at, name in enumerate(marked)]


def test_foreign_files_are_no_recommendations(tmp_path) -> None:
    for content in (b"junk", b"a,b\n1,2\n", b'{"a": 1}\n', b"PAR1junk", b"\x1f\x8bjunk"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(InputError):
            read_pairs(tmp_path / "x")


def pairs(*rows: tuple[str, str]) -> pa.Table:
    users, items = zip(*rows, strict=True) if rows else ((), ())
    names = {"user_id": pa.array(users, pa.string()), "item_id": pa.array(items, pa.string())}
    return pa.table(names)


@pytest.mark.parametrize(
    ("old", "new", "share"),
    [
        ([("a", "1"), ("a", "2")], [("a", "2"), ("a", "1")], 1.0),
        ([("a", "1"), ("a", "2")], [("a", "2"), ("a", "3")], 0.5),
        ([("a", "1")], [("a", "1"), ("a", "3")], 0.5),
        ([("a", "1"), ("b", "1")], [("b", "1"), ("c", "9")], 1.0),
        ([("a", "1"), ("b", "1")], [("a", "1"), ("b", "2")], 0.5),
        ([("a", "1")], [("b", "1")], 0.0),
        ([], [("b", "1")], 0.0),
    ],
)
def test_overlap_is_a_mean_over_the_users_of_both(old, new, share) -> None:
    assert mean_overlap(pairs(*old), pairs(*new)) == share
