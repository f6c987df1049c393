"""Several files as one table: folders of parts, partitions, zips, and several sources."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mfcli
from mfcli.artifacts import load_interactions
from mfcli.config import FetchConfig
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, Warned
from mfcli.sources.reading import ReadTable, read_any, read_interactions

USERS = ("ann", "bob", "cleo", "dan", "eve", "fay", "gus")
ROWS = [(USERS[n % 7], 100 + n * 3 % 11, 1 + n % 5) for n in range(40)]
Row = tuple[str, int, float, int | None]


def rows_of(read: ReadTable) -> list[Row]:
    """Return the rows that were read, sorted."""
    rows = read.rows()
    ratings = [1.0] * len(rows.users) if rows.ratings is None else rows.ratings.tolist()
    times = [None] * len(rows.users) if rows.times is None else rows.times.tolist()
    return sorted(
        zip(map(str, rows.users.tolist()), rows.items.tolist(), ratings, times, strict=True),
        key=str,
    )


EXPECTED = sorted([(user, item, float(rating), None) for user, item, rating in ROWS], key=str)


def csv_of(rows: list[Any], header: str = "user,item,rating\n") -> bytes:
    return (header + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode()


def parquet_of(path: Path, rows: list[Any]) -> None:
    names = ["user", "item", "rating"]
    kinds = [pa.string(), pa.int64(), pa.float64()]
    columns = [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), path)


def jsonl_of(rows: list[Any]) -> bytes:
    names = ("user", "item", "rating")
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()


def _spark(folder: Path) -> None:
    """Parts with an identifier, one with a header alone, one empty; marks beside them."""
    run = "c000-9f0c54c2-1c1b-4f0e-a3ad-0f2b6d3f1a77"
    for number, rows in enumerate((ROWS[:15], [], ROWS[15:])):
        (folder / f"part-{number:05d}-{run}.csv").write_bytes(csv_of(rows))
    (folder / f"part-00003-{run}.csv").write_bytes(b"")
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / f".part-00000-{run}.csv.crc").write_bytes(b"crc\0\0")


def _spark_parquet(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], [], ROWS[15:])):
        parquet_of(folder / f"part-{number:05d}-tid-77.c000.snappy.parquet", rows)
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "_committed_77").write_bytes(b"{}")


def _hadoop(folder: Path) -> None:
    """Text without ending and without header."""
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        (folder / f"part-r-{number:05d}").write_bytes(csv_of(rows, ""))


def _bigquery(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        (folder / f"rows-{number:012d}.csv.gz").write_bytes(gzip.compress(csv_of(rows)))


def _redshift(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        (folder / f"{number:04d}_part_00.gz").write_bytes(gzip.compress(csv_of(rows)))
    (folder / "manifest").write_bytes(b'{"entries": []}')


def _snowflake(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        (folder / f"data_0_{number}_0.csv.gz").write_bytes(gzip.compress(csv_of(rows)))


def _hugging_face(folder: Path) -> None:
    (folder / "data").mkdir()
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        parquet_of(folder / "data" / f"train-{number:05d}-of-00002.parquet", rows)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "dataset_info.json").write_text("{}")


def _split(folder: Path) -> None:
    """As Unix' split makes them: only the first part has the header."""
    lines = csv_of(ROWS).splitlines(keepends=True)
    for at, name in ((0, "xaa"), (17, "xab"), (34, "xac")):
        (folder / name).write_bytes(b"".join(lines[at : at + 17]))


def _other_order(folder: Path) -> None:
    (folder / "ratings_1.csv").write_bytes(csv_of(ROWS[:15]))
    turned = [(rating, item, user) for user, item, rating in ROWS[15:]]
    (folder / "ratings_2.csv").write_bytes(csv_of(turned, "Rating,item,USER\n"))


def _jsonl(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        (folder / f"{number}.jsonl").write_bytes(jsonl_of(rows))


def _nested(folder: Path) -> None:
    for number, rows in enumerate((ROWS[:15], ROWS[15:])):
        place = folder / f"country=D{number}" / "2024"
        place.mkdir(parents=True)
        (place / "ratings.csv").write_bytes(csv_of(rows))


FOLDERS = [
    _spark,
    _spark_parquet,
    _hadoop,
    _bigquery,
    _redshift,
    _snowflake,
    _hugging_face,
    _split,
    _other_order,
    _jsonl,
    _nested,
]


@pytest.mark.parametrize("fill", FOLDERS, ids=lambda fill: fill.__name__.strip("_"))
def test_a_folder_of_like_parts_is_one_table(tmp_path: Path, fill: Callable[[Path], None]) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    fill(folder)
    events: list[Any] = []
    read = read_any(str(folder), on_event=events.append)
    assert rows_of(read) == EXPECTED
    assert not [event for event in events if isinstance(event, Warned)]
    said = [event.message for event in events if isinstance(event, Noted)]
    assert any("files are read as one table" in text for text in said)
    assert sum("read as" in text and "user=" in text for text in said) == 1 + (fill is _other_order)
    assert all(len(file["sha256"]) == 64 for file in read.inputs)


@pytest.mark.parametrize("fill", FOLDERS, ids=lambda fill: fill.__name__.strip("_"))
def test_a_zip_of_like_parts_is_one_table(tmp_path: Path, fill: Callable[[Path], None]) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    fill(folder)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(tmp_path).as_posix())
    read = read_any(str(tmp_path / "export.zip"))
    assert rows_of(read) == EXPECTED
    assert [file["name"] for file in read.inputs] == ["export.zip"]


class TestPartitions:
    """Columns that the names of folders hold."""

    def partitioned(self, folder: Path, *keys: str, header: str = "user,item,rating\n") -> None:
        for number, key in enumerate(keys):
            (folder / key).mkdir(parents=True)
            path = folder / key / "part-0.csv"
            path.write_bytes(csv_of([("a", 7, number + 1)], header))

    @pytest.mark.parametrize(
        "keys",
        [
            ("dt=2024-01-01", "dt=2024-01-02"),
            ("day=20240101", "day=20240102"),
            ("year=2024/month=1/day=1", "year=2024/month=1/day=2"),
            ("region=eu/ds=2024-01-01", "region=us/ds=2024-01-02"),
            ("dt=2024-01-01 00%3A00%3A00", "dt=2024-01-02 00%3A00%3A00"),
        ],
    )
    @pytest.mark.parametrize("header", ["user,item,rating\n", ""])
    def test_a_date_is_the_time(self, tmp_path: Path, keys: tuple[str, str], header: str) -> None:
        self.partitioned(tmp_path, *keys, header=header)
        first = 1704067200
        assert rows_of(read_any(str(tmp_path))) == [
            ("a", 7, 1.0, first),
            ("a", 7, 2.0, first + 86400),
        ]

    def test_a_time_of_the_file_goes_before_that_of_a_folder(self, tmp_path: Path) -> None:
        self.partitioned(tmp_path, "dt=2024-01-01", "dt=2024-01-02", header="user,item,timestamp\n")
        assert [row[3] for row in rows_of(read_any(str(tmp_path)))] == [1, 2]
        config = FetchConfig(columns="user=user,item=item,time=dt")
        assert rows_of(read_any(str(tmp_path), config))[0][3] == 1704067200

    def test_a_user_may_be_a_folder(self, tmp_path: Path) -> None:
        self.partitioned(tmp_path, "user_id=ann", "user_id=bob", header="x,item,rating\n")
        assert rows_of(read_any(str(tmp_path))) == [("ann", 7, 1.0, None), ("bob", 7, 2.0, None)]

    def test_what_is_no_role_is_not_read(self, tmp_path: Path) -> None:
        self.partitioned(tmp_path, "country=DE", "country=FR")
        assert rows_of(read_any(str(tmp_path))) == [("a", 7, 1.0, None), ("a", 7, 2.0, None)]

    def test_parquet_has_them_too(self, tmp_path: Path) -> None:
        for day in ("2024-01-01", "2024-01-02"):
            (tmp_path / f"dt={day}").mkdir()
            parquet_of(tmp_path / f"dt={day}" / "0.parquet", [("a", 7, 3.0)])
        assert [row[3] for row in rows_of(read_any(str(tmp_path)))] == [1704067200, 1704153600]


class TestSeveralSources:
    """What the command line, the API and a configuration may name."""

    def test_they_are_one_table_whatever_their_formats(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of(ROWS[:10]))
        parquet_of(tmp_path / "b.parquet", ROWS[10:20])
        (tmp_path / "c.jsonl").write_bytes(jsonl_of(ROWS[20:]))
        sources = [str(tmp_path / name) for name in ("a.csv", "b.parquet", "c.jsonl")]
        read = read_any(sources)
        assert rows_of(read) == EXPECTED
        assert read.format == "csv, parquet, jsonl"
        assert [file["name"] for file in read.inputs] == ["a.csv", "b.parquet", "c.jsonl"]

    def test_the_order_does_not_change_the_artifact(self, tmp_path: Path) -> None:
        rows = list(dict.fromkeys((user, item) for user, item, _ in ROWS))
        names = []
        for at in range(0, len(rows), 5):
            names.append(str(tmp_path / f"{at}.csv"))
            Path(names[-1]).write_bytes(csv_of([(*row, 3) for row in rows[at : at + 5]]))
        first, _ = read_interactions(names, FetchConfig())
        random.Random(4).shuffle(names)
        second, _ = read_interactions(names, FetchConfig())
        assert first.data.tolist() == second.data.tolist()
        assert first.indices.tolist() == second.indices.tolist()
        assert first.catalog.user_ids.tolist() == second.catalog.user_ids.tolist()

    def test_the_last_of_duplicates_is_that_of_the_last_source(self, tmp_path: Path) -> None:
        for name, rating in (("z", 1), ("a", 5)):
            (tmp_path / f"{name}.csv").write_bytes(csv_of([("u", 1, rating)]))
        names = [str(tmp_path / "z.csv"), str(tmp_path / "a.csv")]
        assert read_interactions(names, FetchConfig())[0].data.tolist() == [5.0]
        assert read_interactions(names[::-1], FetchConfig())[0].data.tolist() == [1.0]

    def test_an_id_is_an_integer_only_if_it_is_one_in_all_parts(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of([(1, 1, 1)]))
        (tmp_path / "b.csv").write_bytes(csv_of([("x", 1, 1)]))
        rows = read_any([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]).rows()
        assert rows.users.tolist() == ["1", "x"]
        assert rows.items.tolist() == [1, 1]

    def test_the_command_line_python_and_toml_may_name_several(
        self, tmp_path: Path, cli: Any
    ) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of(ROWS[:10]))
        (tmp_path / "b.csv").write_bytes(csv_of(ROWS[10:]))
        a, b = str(tmp_path / "a.csv"), str(tmp_path / "b.csv")
        expected, _ = read_interactions([a, b], FetchConfig())
        made = cli("fetch", a, b, "--out", tmp_path / "m.npz")
        assert made.exit_code == 0, made.stderr
        piped = cli("fetch", "-", b, "--out", tmp_path / "p.npz", input=csv_of(ROWS[:10]))
        assert piped.exit_code == 0, piped.stderr
        for found in (
            load_interactions(tmp_path / "m.npz"),
            load_interactions(tmp_path / "p.npz"),
            mfcli.read([a, Path(b)]),
        ):
            assert found.data.tolist() == expected.data.tolist()
            assert found.indices.tolist() == expected.indices.tolist()
        assert FetchConfig.merge(("", {"source": [a, b]})).source == [a, b]
        assert FetchConfig.merge(("", {"source": a})).source == [a]
        assert "source" not in FetchConfig(source=[a]).stored()

    def test_names_beside_several_files_are_read_once(self, tmp_path: Path) -> None:
        for name in ("u1.base", "u1.test"):
            (tmp_path / name).write_text("1\t1\t3\t9\n2\t1\t4\t9\n")
        (tmp_path / "u.item").write_text("1|One|x\n")
        events: list[Any] = []
        read = read_any([str(tmp_path / n) for n in ("u1.base", "u1.test")], on_event=events.append)
        assert read.names == {1: "One"}
        assert [file["name"] for file in read.inputs] == ["u1.base", "u.item", "u1.test"]
        assert sum("item names" in str(event) for event in events) == 1

    def test_a_pattern_stands_for_its_files(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of(ROWS[:10]))
        (tmp_path / "b.csv").write_bytes(csv_of(ROWS[10:]))
        assert rows_of(read_any(str(tmp_path / "*.csv"))) == EXPECTED
        with pytest.raises(InputError, match="no file has such a name"):
            read_any(str(tmp_path / "*.tsv"))

    def test_an_error_names_the_file_and_the_line(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of(ROWS[:10]))
        (tmp_path / "b.csv").write_bytes(csv_of([*ROWS[10:12], ("u", 1, "x")]))
        with pytest.raises(InputError, match=r"b\.csv, line 4: the rating 'x'"):
            read_any([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])

    @pytest.mark.parametrize(
        ("first", "second", "words"),
        [
            (b"user,item,rating\na,1,2\n", b"user,item\na,1\n", r"two\.csv.*one\.csv"),
            (b"user,item,rating\na,1,2\n", b"user,item,score\na,1,2\n", r"rating=score"),
            (b"user,item,rating\na,1,2\n", b"a,1,2,9\nb,2,3,9\n", r"two\.csv.*one\.csv"),
            (b"1,2,3\n4,5,6\n", b"user,item,rating\na,1,2\n", r"two\.csv.*one\.csv"),
            (b"1 2 3 4 5 6\n2 3\n", b"1,2,3\n4,5,6\n", r"two\.csv.*one\.csv"),
        ],
    )
    def test_unlike_columns_are_refused_naming_both(
        self, tmp_path: Path, first: bytes, second: bytes, words: str
    ) -> None:
        (tmp_path / "one.csv").write_bytes(first)
        (tmp_path / "two.csv").write_bytes(second)
        with pytest.raises(InputError, match=words):
            read_any([str(tmp_path / "one.csv"), str(tmp_path / "two.csv")])

    @pytest.mark.parametrize("words", [("demo", "a"), ("a", "a")])
    def test_what_cannot_be_a_part_is_wrong_usage(
        self, tmp_path: Path, words: tuple[str, str]
    ) -> None:
        (tmp_path / "a").write_bytes(csv_of(ROWS))
        sources = [word if word == "demo" else str(tmp_path / word) for word in words]
        with pytest.raises(UsageError):
            read_any(sources)


class TestUnclearFolders:
    @pytest.mark.parametrize(
        ("files", "words"),
        [
            (["clicks.csv", "orders.csv"], r"clicks\.csv, orders\.csv.*name the file itself, as"),
            (["train-1.csv", "train-2.csv", "test-1.csv"], r"train-\*\.csv \(2 files\)"),
            (["_delta_log/0.json", "part-0.parquet"], "Delta"),
            (["_temporary/0/x", "part-0.csv"], "still writing"),
        ],
    )
    def test_they_are_refused_with_the_way_out(
        self, tmp_path: Path, files: list[str], words: str
    ) -> None:
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(csv_of(ROWS))
        with pytest.raises(InputError, match=words):
            read_any(str(tmp_path))

    def test_all_parts_without_rows_are_refused(self, tmp_path: Path) -> None:
        for number in range(3):
            (tmp_path / f"part-{number}.csv").write_bytes(csv_of([]) if number else b"")
        with pytest.raises(InputError, match="no rows"):
            read_any(str(tmp_path))


class TestMembersOfZips:
    @pytest.fixture
    def dump(self, tmp_path: Path) -> Path:
        with zipfile.ZipFile(tmp_path / "dump.zip", "w") as archive:
            archive.writestr("dump/clicks.csv", csv_of(ROWS))
            archive.writestr("dump/orders.csv", csv_of([("z", 1, 1)]))
            archive.writestr("deep/part-0.csv", csv_of(ROWS[:9]))
            archive.writestr("deep/part-1.csv", csv_of(ROWS[9:]))
        return tmp_path / "dump.zip"

    @pytest.mark.parametrize(
        "member", ["dump/clicks.csv", "clicks.csv", "dump/CLICKS.csv", "deep", "deep/"]
    )
    def test_one_can_be_named(self, dump: Path, member: str) -> None:
        assert rows_of(read_any(f"{dump}/{member}")) == EXPECTED

    def test_several_tables_are_listed_with_how_to_name_one(self, dump: Path) -> None:
        with pytest.raises(InputError, match=r"dump/clicks\.csv.*as .*dump\.zip/deep/part-0\.csv"):
            read_any(str(dump))

    def test_one_that_is_not_there_is_refused(self, dump: Path) -> None:
        with pytest.raises(InputError, match=r"holds no 'dump/click\.csv' \(did you mean 'dump/cl"):
            read_any(f"{dump}/dump/click.csv")

    def test_a_file_that_is_no_zip_has_no_members(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(csv_of(ROWS))
        with pytest.raises(InputError, match="neither a folder nor a zip"):
            read_any(str(tmp_path / "a.csv" / "b.csv"))

    def test_backslashes_in_names_are_folders(self, tmp_path: Path) -> None:
        path = tmp_path / "windows.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("ml-1m\\ratings.dat", b"1::10::5::9\n2::10::3::9\n")
            archive.writestr("ml-1m\\movies.dat", b"10::Ten (1999)::Drama\n")
        read = read_any(str(path))
        assert read.rows().users.tolist() == [1, 2]
        assert read.names == {10: "Ten (1999)"}
        assert read_any(f"{path}/ml-1m/ratings.dat").names == {10: "Ten (1999)"}
