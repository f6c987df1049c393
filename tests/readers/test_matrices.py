"""Sparse matrices, Feather, ORC and the Netflix Prize's files are read as the table they hold."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mfcli
from mfcli.artifacts import save_interactions
from mfcli.config import FetchConfig
from mfcli.errors import InputError
from mfcli.sources.reading import read_any, read_interactions

Entries = list[tuple[int, int, float]]
ENTRIES: Entries = [(0, 2, 5.0), (0, 0, 0.0), (2, 1, 3.5), (3, 2, 1.0)]
SHAPE = (4, 3)


def matrix_of(entries: Entries, shape: tuple[int, int] = SHAPE) -> Any:
    rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
    return sp.coo_array((values.astype(np.float64), (rows.astype(int), columns.astype(int))), shape)


def read(path: Path | str, **options: Any) -> list[tuple[Any, Any, float]]:
    rows = read_any(str(path), FetchConfig(**options)).rows()
    ratings = np.ones(len(rows.users)) if rows.ratings is None else rows.ratings
    return sorted(zip(rows.users.tolist(), rows.items.tolist(), ratings.tolist(), strict=True))


class TestSciPy:
    @pytest.mark.parametrize("form", ["csr", "csc", "coo"])
    @pytest.mark.parametrize("compressed", [True, False])
    def test_rows_and_columns_from_0_are_the_ids(
        self, tmp_path: Path, form: str, compressed: bool
    ) -> None:
        sp.save_npz(tmp_path / "m.npz", matrix_of(ENTRIES).asformat(form), compressed)
        assert read(tmp_path / "m.npz") == sorted(ENTRIES)

    def test_it_says_what_the_ids_are(self, tmp_path: Path) -> None:
        sp.save_npz(tmp_path / "m.npz", matrix_of(ENTRIES).tocsr())
        events: list[Any] = []
        read_any(str(tmp_path / "m.npz"), on_event=events.append)
        assert any("4 users × 3 items; its row and column" in str(event) for event in events)

    @pytest.mark.parametrize("kind", [np.int32, np.uint8, np.float32, np.bool_])
    def test_any_numbers_are_ratings(self, tmp_path: Path, kind: Any) -> None:
        sp.save_npz(tmp_path / "m.npz", sp.csr_matrix(np.eye(3)).astype(kind))
        assert read(tmp_path / "m.npz") == [(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0)]

    def test_items_may_be_the_rows(self, tmp_path: Path) -> None:
        sp.save_npz(tmp_path / "m.npz", matrix_of(ENTRIES).T.tocsr())
        assert read(tmp_path / "m.npz", columns="user=2,item=1,rating=3") == sorted(ENTRIES)

    @pytest.mark.parametrize(
        ("write", "words"),
        [
            (lambda path: sp.save_npz(path, sp.dia_matrix(np.eye(3))), "dia format.*tocsr"),
            (lambda path: np.savez(path, users=[1], items=[2]), r"NumPy arrays \(items, users\)"),
            (lambda path: sp.save_npz(path, sp.csr_matrix(np.eye(3) * 1j)), "complex128"),
        ],
    )
    def test_what_is_no_matrix_of_ratings_is_refused(
        self, tmp_path: Path, write: Callable[[Path], None], words: str
    ) -> None:
        write(tmp_path / "m.npz")
        with pytest.raises(InputError, match=words):
            read(tmp_path / "m.npz")

    @pytest.mark.parametrize(
        "changed",
        [
            {"indptr": [0, 2, 1, 3, 4]},
            {"indptr": [0, 9, 9, 9, 9]},
            {"indices": [0, 7, 1, 2]},
            {"indices": [0, -1, 1, 2]},
            {"data": [1.0, 2.0]},
            {"indices": [0.5, 1.0, 1.0, 2.0]},
            {"shape": [4]},
        ],
    )
    def test_arrays_that_do_not_fit_are_refused(
        self, tmp_path: Path, changed: dict[str, Any]
    ) -> None:
        matrix = matrix_of(ENTRIES).tocsr()
        arrays = {
            "format": np.array(b"csr"),
            "shape": np.array(matrix.shape),
            "indptr": matrix.indptr,
            "indices": matrix.indices,
            "data": matrix.data,
        }
        np.savez(tmp_path / "m.npz", **(arrays | changed))
        with pytest.raises(InputError, match=r"m\.npz"):
            read(tmp_path / "m.npz")

    def test_the_api_reads_it_by_its_path(self, tmp_path: Path) -> None:
        sp.save_npz(tmp_path / "m.npz", matrix_of(ENTRIES).tocsr())
        assert mfcli.read(str(tmp_path / "m.npz")).n_ratings == len(ENTRIES)


class TestOwnMatrix:
    def test_it_keeps_ids_times_and_names(self, tmp_path: Path) -> None:
        source = tmp_path / "ratings.csv"
        source.write_text("user,item,rating,timestamp\nann,07,2,5\nbob,x,3,6\nann,x,4,7\n")
        (tmp_path / "names.csv").write_text("item,title\n07,Seven\nx,Ix\n")
        config = FetchConfig(item_names=str(tmp_path / "names.csv"))
        made, _ = read_interactions(str(source), config)
        save_interactions(tmp_path / "m.npz", made)
        again, facts = read_interactions(str(tmp_path / "m.npz"), FetchConfig())
        assert facts.format == "npz"
        for name in ("indptr", "indices", "data", "timestamps"):
            assert getattr(again, name).tolist() == getattr(made, name).tolist()
        assert again.catalog.item_names is not None
        assert again.catalog.item_names.tolist() == ["Seven", "Ix"]
        assert again.catalog.user_ids.tolist() == ["ann", "bob"]

    def test_it_may_be_a_part(self, tmp_path: Path) -> None:
        (tmp_path / "old.csv").write_text("user,item,rating\n5,1,4\n7,2,3\n8,3,3\n")
        made, _ = read_interactions(str(tmp_path / "old.csv"), FetchConfig())
        save_interactions(tmp_path / "m.npz", made)
        (tmp_path / "new.csv").write_text("user,item,rating\n99,3,4\n")
        sources = [str(tmp_path / "m.npz"), str(tmp_path / "new.csv")]
        found, _ = read_interactions(sources, FetchConfig())
        assert found.catalog.user_ids.tolist() == [5, 7, 8, 99]


class TestMatrixMarket:
    @pytest.mark.parametrize("field", ["real", "integer", "pattern"])
    @pytest.mark.parametrize("name", ["m.mtx", "m.mtx.gz"])
    def test_rows_and_columns_from_1_are_the_ids(
        self, tmp_path: Path, field: str, name: str
    ) -> None:
        entries = [(0, 2, 5.0), (2, 1, 3.0), (3, 2, 1.0)]
        stream = io.BytesIO()
        scipy.io.mmwrite(stream, matrix_of(entries), comment="a comment", field=cast(Any, field))
        content = stream.getvalue()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        expected = [(row + 1, column + 1, value) for row, column, value in entries]
        if field == "pattern":
            expected = [(row, column, 1.0) for row, column, _ in expected]
        assert read(tmp_path / name) == expected

    def test_blanks_and_windows_lines_do_no_harm(self, tmp_path: Path) -> None:
        text = "%%MatrixMarket matrix coordinate real general\r\n%\r\n\r\n 3  3 2\r\n"
        (tmp_path / "m.mtx").write_text(text + " 1\t 3  2.5 \r\n\r\n3 1 1e0\r\n", newline="")
        assert read(tmp_path / "m.mtx") == [(1, 3, 2.5), (3, 1, 1.0)]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("matrix coordinate real symmetric\n2 2 1\n1 1 1\n", "symmetric"),
            ("matrix array real general\n2 2\n1\n1\n1\n1\n", "dense"),
            ("matrix coordinate complex general\n1 1 1\n1 1 1 0\n", "complex"),
            ("matrix coordinate real general\n2 2 2\n1 1 1\n", "2 entries, and has 1"),
            ("matrix coordinate real general\n2 2 1\n1 3 1\n", "line 3: the column 3"),
            ("matrix coordinate real general\n2 2 1\n0 1 1\n", "line 3: the row 0"),
            ("matrix coordinate real general\n2 2 2\n1 1 1\n1 x 1\n", "line 4"),
            ("matrix coordinate real general\n2 2 2\n1 1 1\n1 2\n", "line 4"),
            ("matrix coordinate real general\n2 2 2\n1 1 1\n1 2 nan\n", "line 4"),
            ("vector coordinate real general\n2 1\n1 1\n", "first line"),
            ("matrix coordinate real general\n", "first line"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "m.mtx").write_text(f"%%MatrixMarket {text}")
        with pytest.raises(InputError, match=words):
            read(tmp_path / "m.mtx")


FIRST = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n1488844,4,2004-10-19\n3:\n"
SECOND = "4:\n885013,4,2005-10-19\n10:\n30878,4,2005-12-26\n"
NETFLIX = [
    (30878, 10, 4.0),
    (822109, 1, 5.0),
    (885013, 4, 4.0),
    (1488844, 1, 3.0),
    (1488844, 2, 4.0),
]


class TestNetflix:
    def kaggle(self, folder: Path, end: str = "\n") -> None:
        for number, text in ((1, FIRST), (2, SECOND)):
            place = folder / f"combined_data_{number}.txt"
            place.write_text(text.replace("\n", end), newline="")
        (folder / "movie_titles.csv").write_bytes(
            b"1,2003,Dinosaur Planet\n2,2004,Isle of Man TT, Review\n3,NULL,Charact\xe9r\n"
        )
        (folder / "probe.txt").write_text("1:\n30878\n")
        (folder / "qualifying.txt").write_text("1:\n1046323,2005-12-19\n")

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_the_folder_is_one_table_with_names(self, tmp_path: Path, end: str) -> None:
        self.kaggle(tmp_path, end)
        assert read(tmp_path) == NETFLIX
        found = read_any(str(tmp_path))
        assert found.format == "netflix"
        assert found.names == {1: "Dinosaur Planet", 2: "Isle of Man TT, Review", 3: "Charactér"}
        times = found.rows().times
        assert times is not None
        assert times.tolist()[:2] == [1125964800, 1115942400]

    def test_one_file_a_movie_is_one_table(self, tmp_path: Path) -> None:
        for text in ("1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n", "2:\n1488844,4,2004-10-19"):
            (tmp_path / f"mv_{int(text[0]):07d}.txt").write_text(text)
        assert read(tmp_path) == [row for row in NETFLIX if row[1] < 3]

    @pytest.mark.parametrize("name", ["probe.txt", "qualifying.txt"])
    def test_lists_without_ratings_are_refused_by_name(self, tmp_path: Path, name: str) -> None:
        self.kaggle(tmp_path)
        with pytest.raises(InputError, match="without ratings"):
            read(tmp_path / name)

    @pytest.mark.parametrize(
        ("row", "words"), [("7,x,2005-01-01", "line 9: the rating"), ("7,5", "line 9: is no user")]
    )
    def test_an_error_names_the_line(self, tmp_path: Path, row: str, words: str) -> None:
        (tmp_path / "n.txt").write_text(f"{FIRST}8,2,2005-01-01\n5:\n{row}\n")
        with pytest.raises(InputError, match=words):
            read(tmp_path / "n.txt")

    def test_blocks_do_not_lose_the_movie(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [(user, movie, 1.0 + user % 5) for movie in range(1, 9) for user in range(50)]
        text = ""
        for movie in range(1, 9):
            text += f"{movie}:\n" + "".join(
                f"{user},{int(rating)},2005-01-01\n" for user, of, rating in rows if of == movie
            )
        (tmp_path / "n.txt").write_text(text)
        monkeypatch.setattr("mfcli.sources.readers.source.BLOCK_BYTES", 100, raising=False)
        assert read(tmp_path / "n.txt") == sorted(rows)


# --- one table in every format -------------------------------------------------------------------


def _arrow(table: dict[str, Any]) -> pa.Table:
    return pa.table(table)


def write_csv(path: Path, table: dict[str, Any]) -> list[Path]:
    file = path / "t.csv"
    file.write_text(_text(table, ","))
    return [file]


def write_tsv(path: Path, table: dict[str, Any]) -> list[Path]:
    file = path / "t.tsv"
    file.write_text(_text(table, "\t"))
    return [file]


def write_parquet(path: Path, table: dict[str, Any]) -> list[Path]:
    pyarrow.parquet.write_table(_arrow(table), path / "t.parquet")
    return [path / "t.parquet"]


def write_feather(path: Path, table: dict[str, Any]) -> list[Path]:
    pyarrow.feather.write_feather(_arrow(table), str(path / "t.feather"))
    return [path / "t.feather"]


def write_stream(path: Path, table: dict[str, Any]) -> list[Path]:
    made = _arrow(table)
    with pyarrow.ipc.new_stream(str(path / "t.arrows"), made.schema) as sink:
        sink.write_table(made, max_chunksize=3)
    return [path / "t.arrows"]


def write_orc(path: Path, table: dict[str, Any]) -> list[Path]:
    pyarrow.orc.write_table(_arrow(table), str(path / "t.orc"))
    return [path / "t.orc"]


def write_jsonl(path: Path, table: dict[str, Any]) -> list[Path]:
    rows = zip(*table.values(), strict=True)
    lines = [json.dumps(dict(zip(table, row, strict=True))) + "\n" for row in rows]
    (path / "t.jsonl").write_text("".join(lines))
    return [path / "t.jsonl"]


def _sparse(table: dict[str, Any]) -> Any:
    shape = (max(table["user"]) + 1, max(table["item"]) + 1)
    return sp.coo_array((table["rating"], (table["user"], table["item"])), shape)


def write_npz(path: Path, table: dict[str, Any]) -> list[Path]:
    sp.save_npz(path / "t.npz", _sparse(table).tocsr())
    return [path / "t.npz"]


def write_mtx(path: Path, table: dict[str, Any]) -> list[Path]:
    scipy.io.mmwrite(path / "t.mtx", _sparse(table), symmetry="general")
    shifted = (path / "t.mtx").read_text().splitlines()
    body = [line for line in shifted if not line.startswith("%")]
    size = " ".join(map(str, (100, 100, len(body) - 1)))
    # Its numbers count from 1: those of the table, which may be 0, are moved back below.
    text = "\n".join([shifted[0], size, *body[1:]])
    (path / "t.mtx").write_text(text + "\n")
    return [path / "t.mtx"]


def _halves(table: dict[str, Any]) -> list[dict[str, Any]]:
    middle = len(table["user"]) // 2
    return [
        {name: cells[part] for name, cells in table.items()}
        for part in (slice(0, middle), slice(middle, None))
    ]


def write_folder(path: Path, table: dict[str, Any]) -> list[Path]:
    folder = path / "parts"
    folder.mkdir(exist_ok=True)
    for number, half in enumerate(_halves(table)):
        (folder / f"part-{number}.csv").write_text(_text(half, ","))
    return [folder]


def write_member(path: Path, table: dict[str, Any]) -> list[Path]:
    with zipfile.ZipFile(path / "t.zip", "w") as archive:
        archive.writestr("a/clicks.csv", _text(table, ","))
        archive.writestr("a/other.csv", "user,item\n1,1\n")
    return [path / "t.zip" / "a" / "clicks.csv"]


def write_sources(path: Path, table: dict[str, Any]) -> list[Path]:
    first, second = _halves(table)
    (path / "first.csv").write_text(_text(first, ","))
    return [path / "first.csv", *write_feather(path, second)]


def _text(table: dict[str, Any], delimiter: str) -> str:
    rows = [table.keys(), *zip(*table.values(), strict=True)]
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


WRITERS = [
    write_csv,
    write_tsv,
    write_parquet,
    write_feather,
    write_stream,
    write_orc,
    write_jsonl,
    write_npz,
    write_mtx,
    write_folder,
    write_member,
    write_sources,
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__[6:])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.dictionaries(
        st.tuples(st.integers(0, 40), st.integers(0, 30)),
        st.sampled_from([0.5, 1.0, 2.0, 3.5, 5.0]),
        min_size=2,
        max_size=30,
    )
)
def test_one_table_is_the_same_interactions_in_every_format(
    tmp_path: Path,
    write: Callable[[Path, dict[str, Any]], list[Path]],
    rows: dict[tuple[int, int], float],
) -> None:
    table = {
        "user": [user for user, _ in rows],
        "item": [item for _, item in rows],
        "rating": list(rows.values()),
    }
    paths = [str(path) for path in write(tmp_path, table)]
    found, _ = read_interactions(paths, FetchConfig())
    ids = found.catalog
    first = 1 if write is write_mtx else 0
    assert (
        dict(
            zip(
                zip(
                    (ids.user_ids[found.users] - first).tolist(),
                    (ids.item_ids[found.indices] - first).tolist(),
                    strict=True,
                ),
                found.data.tolist(),
                strict=True,
            )
        )
        == rows
    )
