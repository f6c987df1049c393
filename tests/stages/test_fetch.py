"""fetch: from any source to one file, with ids, duplicates and filters as asked."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.config import Duplicates, FetchConfig
from mfcli.config.fetch import Format
from mfcli.data.interactions import Interactions
from mfcli.errors import DownloadError, InputError, LockedError, UsageError
from mfcli.events import Event, Noted, Warned, ignore
from mfcli.sources import locate
from mfcli.sources.datasets import DATASETS, Dataset
from mfcli.sources.reading import read_any
from mfcli.stages.fetch import fetch
from tests.helpers import equal

RATINGS = "user,item,rating,time\n1,10,4,100\n2,10,2,50\n1,20,5,300\n3,30,1,10\n"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.npz"


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    path = tmp_path / "my.csv"
    path.write_text(RATINGS)
    return path


def triples(interactions: Interactions) -> list[tuple[Any, Any, float]]:
    catalog = interactions.catalog
    return list(
        zip(
            catalog.user_ids[interactions.users].tolist(),
            catalog.item_ids[interactions.indices].tolist(),
            interactions.data.tolist(),
            strict=True,
        )
    )


def messages(events: list[Event], kind: type[Noted | Warned] = Noted) -> str:
    return " | ".join(event.message for event in events if isinstance(event, kind))


class TestArtifact:
    def test_a_table_becomes_a_matrix_that_scipy_reads(self, ratings: Path, out: Path) -> None:
        result = fetch(str(ratings), out, FetchConfig())
        matrix = scipy.sparse.load_npz(out)
        assert matrix.shape == (3, 3)
        assert matrix.toarray().tolist() == [[4, 5, 0], [2, 0, 0], [0, 0, 1]]
        assert (result.n_users, result.n_items, result.n_ratings, result.rows_read) == (3, 3, 4, 4)
        assert (result.minimum, result.maximum, result.mean) == (1.0, 5.0, 3.0)
        assert result.format == "csv"
        assert result.has_timestamps
        assert not result.has_item_names
        json.dumps(result.document())

    def test_the_lineage_names_the_file_and_no_place(self, ratings: Path, out: Path) -> None:
        fetch(str(ratings), out, FetchConfig(threshold=2, cache_dir="/somewhere"))
        (entry,) = load_interactions(out).meta["lineage"]
        assert entry["inputs"] == [
            {"name": "my.csv", "sha256": file_sha256(ratings), "bytes": len(RATINGS)}
        ]
        assert entry["options"]["threshold"] == 2
        assert "somewhere" not in json.dumps(entry)
        assert str(ratings.parent) not in json.dumps(entry)

    def test_the_same_source_gives_the_same_bytes_wherever_it_is(self, tmp_path: Path) -> None:
        digests = set()
        for folder in ("a", "b"):
            place = tmp_path / folder
            place.mkdir()
            (place / "my.csv").write_text(RATINGS)
            fetch(str(place / "my.csv"), place / f"{folder}.npz", FetchConfig())
            digests.add(file_sha256(place / f"{folder}.npz"))
        assert len(digests) == 1

    def test_an_output_that_is_being_written_is_left_alone(self, ratings: Path, out: Path) -> None:
        from mfcli.artifacts import output_lock

        with output_lock(out), pytest.raises(LockedError):
            fetch(str(ratings), out, FetchConfig())

    def test_a_failure_leaves_the_earlier_file(self, ratings: Path, out: Path) -> None:
        fetch(str(ratings), out, FetchConfig())
        before = out.read_bytes()
        ratings.write_text("user,item,rating\n1,2,x\n")
        with pytest.raises(InputError):
            fetch(str(ratings), out, FetchConfig())
        assert out.read_bytes() == before


class TestDemo:
    def test_it_needs_nothing_and_repeats_itself(self, tmp_path: Path) -> None:
        config = FetchConfig(users=50, items=60, ratings=500, seed=7)
        results = [fetch("demo", tmp_path / f"{name}.npz", config) for name in "ab"]
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
        assert results[0].n_ratings == 500
        assert results[0].has_item_names
        meta = load_interactions(tmp_path / "a.npz").meta
        assert meta["lineage"][0]["inputs"] == []
        assert meta["lineage"][0]["options"]["ratings"] == 500

    def test_options_of_reading_have_no_meaning_for_it(self, out: Path) -> None:
        with pytest.raises(UsageError, match="--columns does not apply"):
            fetch("demo", out, FetchConfig(columns="user=1,item=2"))

    def test_a_file_of_its_name_is_passed_over_aloud(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("demo").write_text(RATINGS)
        events: list[Event] = []
        small = FetchConfig(users=20, items=20, ratings=50)
        assert fetch("demo", Path("a.npz"), small, events.append).format == "demo"
        assert "./demo" in messages(events)
        assert fetch("./demo", Path("a.npz"), FetchConfig()).format == "csv"

    def test_its_rows_are_the_same_as_its_matrix(self, out: Path) -> None:
        config = FetchConfig(users=20, items=20, ratings=50)
        fetch("demo", out, config)
        read = read_any("demo", config)
        rows, inputs = read.rows(), read.inputs
        assert inputs == []
        assert triples(load_interactions(out)) == list(
            zip(rows.users.tolist(), rows.items.tolist(), rows.ratings.tolist(), strict=True)  # type: ignore[union-attr]
        )


DOUBLES = "user,item,rating,time\n1,1,3,30\n1,1,5,10\n1,1,4,20\n2,1,1,5\n"


class TestDuplicates:
    @pytest.mark.parametrize(
        ("duplicates", "with_time", "without"),
        [("last", 3, 4), ("first", 5, 3), ("mean", 4, 4), ("sum", 12, 12), ("max", 5, 5)],
    )
    @pytest.mark.parametrize("timed", [True, False])
    def test_several_ratings_become_one(
        self, tmp_path: Path, out: Path, duplicates: str, with_time: int, without: int, timed: bool
    ) -> None:
        path = tmp_path / "a.csv"
        path.write_text(
            DOUBLES
            if timed
            else "".join(f"{line.rpartition(',')[0]}\n" for line in DOUBLES.splitlines())
        )
        events: list[Event] = []
        config = FetchConfig(duplicates=Duplicates(duplicates))
        result = fetch(str(path), out, config, events.append)
        assert triples(load_interactions(out)) == [
            (1, 1, with_time if timed else without),
            (2, 1, 1),
        ]
        assert (result.rows_read, result.duplicates) == (4, 2)
        assert "2 rows repeat" in messages(events)

    def test_they_may_be_an_error(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "a.csv").write_text(DOUBLES)
        with pytest.raises(InputError, match=r"a\.csv: user 1 has item 1 more than once"):
            fetch(str(tmp_path / "a.csv"), out, FetchConfig(duplicates=Duplicates.error))


class TestFilters:
    def test_a_threshold_makes_ones_and_drops_the_rest(self, ratings: Path, out: Path) -> None:
        result = fetch(str(ratings), out, FetchConfig(threshold=4))
        assert triples(load_interactions(out)) == [(1, 10, 1), (1, 20, 1)]
        assert (result.n_users, result.n_items, result.below_threshold) == (1, 2, 2)

    def test_duplicates_are_merged_before_the_threshold(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "a.csv").write_text("1,1,2\n1,1,3\n2,1,4\n")
        config = FetchConfig(duplicates=Duplicates.sum, threshold=5)
        fetch(str(tmp_path / "a.csv"), out, config)
        assert triples(load_interactions(out)) == [(1, 1, 1)]

    def test_counts_are_filtered_until_nothing_changes(self, tmp_path: Path, out: Path) -> None:
        """User 3 falls first, with him item 30, and with that user 2."""
        (tmp_path / "a.csv").write_text("1,10\n1,20\n4,10\n4,20\n2,10\n2,30\n3,30\n")
        result = fetch(
            str(tmp_path / "a.csv"), out, FetchConfig(min_user_ratings=2, min_item_ratings=2)
        )
        found = load_interactions(out)
        assert found.catalog.user_ids.tolist() == [1, 4]
        assert found.catalog.item_ids.tolist() == [10, 20]
        assert result.filtered == 3

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"threshold": 6.0}, "no rating reaches --threshold 6 .the largest is 5"),
            ({"min_user_ratings": 9}, "no rating is left by --min-user-ratings 9"),
            ({"min_item_ratings": 9}, "no rating is left"),
        ],
    )
    def test_filtering_everything_away_is_an_error(
        self, ratings: Path, out: Path, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            fetch(str(ratings), out, FetchConfig(**options))
        assert not out.exists()


class TestSources:
    def test_a_folder_brings_its_names(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "u.data").write_text("1\t1\t5\t9\n1\t2\t3\t9\n")
        (tmp_path / "u.item").write_bytes("1|Café (1995)|x\n".encode("latin-1"))
        events: list[Event] = []
        result = fetch(str(tmp_path), out, FetchConfig(), events.append)
        found = load_interactions(out)
        assert found.catalog.item_names is not None
        assert found.catalog.item_names.tolist() == ["Café (1995)", "2"]
        assert [entry["name"] for entry in found.meta["lineage"][0]["inputs"]] == [
            "u.data",
            "u.item",
        ]
        assert result.has_item_names
        assert "has names for 1 of 2 items" in messages(events)

    def test_names_may_be_given(self, ratings: Path, tmp_path: Path, out: Path) -> None:
        (tmp_path / "names.csv").write_text("id,name\n10,Ten\n20,Twenty\n30,Thirty\n")
        config = FetchConfig(item_names=str(tmp_path / "names.csv"))
        fetch(str(ratings), out, config)
        names = load_interactions(out).catalog.item_names
        assert names is not None
        assert names.tolist() == ["Ten", "Twenty", "Thirty"]

    def test_names_of_other_items_are_worth_a_warning(
        self, ratings: Path, tmp_path: Path, out: Path
    ) -> None:
        (tmp_path / "names.csv").write_text("77,Other\n")
        events: list[Event] = []
        config = FetchConfig(item_names=str(tmp_path / "names.csv"))
        assert not fetch(str(ratings), out, config, events.append).has_item_names
        assert "1 name, and none is" in messages(events, Warned)

    def test_a_zip_is_read_without_unpacking_it(self, tmp_path: Path, out: Path) -> None:
        path = tmp_path / "ml-tiny.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("ml-tiny/ratings.dat", "1::1::5::9\n1::2::3::9\n")
            archive.writestr("ml-tiny/movies.dat", "1::One (1990)::X\n2::Two (1990)::Y\n")
            archive.writestr("ml-tiny/README", "x")
        fetch(str(path), out, FetchConfig())
        found = load_interactions(out)
        assert found.catalog.item_names is not None
        assert found.catalog.item_names.tolist() == ["One (1990)", "Two (1990)"]
        assert [entry["name"] for entry in found.meta["lineage"][0]["inputs"]] == ["ml-tiny.zip"]
        assert sorted(file.name for file in tmp_path.iterdir()) == [
            "ml-tiny.zip",
            "out.npz",
            "out.npz.lock",
        ]

    def test_a_gzip_is_read_as_a_stream(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "my.csv.gz").write_bytes(gzip.compress(RATINGS.encode()))
        assert fetch(str(tmp_path / "my.csv.gz"), out, FetchConfig()).n_ratings == 4

    @pytest.mark.parametrize("packed", [False, True])
    def test_standard_input_may_be_a_pipe(
        self, out: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
    ) -> None:
        read_end, write_end = os.pipe()
        content = gzip.compress(RATINGS.encode()) if packed else RATINGS.encode()
        os.write(write_end, content)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as binary:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(binary))
            assert fetch("-", out, FetchConfig()).n_ratings == 4
        assert load_interactions(out).meta["lineage"][0]["inputs"][0]["name"] == "stdin"

    def test_what_does_not_exist_names_what_there_is(self, out: Path) -> None:
        with pytest.raises(InputError, match=r"ml-100: no such file.*did you mean 'ml-100k'"):
            fetch("ml-100", out, FetchConfig())

    @pytest.mark.parametrize("name", ["fifo", "/dev/null"])
    def test_a_device_or_a_fifo_is_refused(self, tmp_path: Path, out: Path, name: str) -> None:
        path = tmp_path / name
        if name == "fifo":
            os.mkfifo(path)
        with pytest.raises(InputError, match=r"is not a regular file: use -"):
            fetch(str(path), out, FetchConfig())

    def test_a_folder_without_a_data_set_is_refused(self, tmp_path: Path, out: Path) -> None:
        (tmp_path / "sub").mkdir()
        with pytest.raises(InputError, match="there is no table in it"):
            fetch(str(tmp_path / "sub"), out, FetchConfig())

    def test_a_matrix_may_be_fetched_again(self, ratings: Path, out: Path) -> None:
        fetch(str(ratings), out, FetchConfig())
        again = out.with_name("b.npz")
        fetch(str(out), again, FetchConfig())
        assert equal(load_interactions(out), load_interactions(again))

    def test_a_source_that_changes_while_it_is_read_is_refused(
        self, ratings: Path, out: Path
    ) -> None:
        def change(_: Event) -> None:
            ratings.write_text(RATINGS + "9,9,1,1\n")

        with pytest.raises(InputError, match=r"my\.csv: changed while it was read"):
            fetch(str(ratings), out, FetchConfig(), change)

    def test_a_checksum_holds_for_a_file_too(self, ratings: Path, out: Path) -> None:
        fetch(str(ratings), out, FetchConfig(sha256=file_sha256(ratings).upper()))
        with pytest.raises(InputError, match="not the one given as --sha256"):
            fetch(str(ratings), out, FetchConfig(sha256="0" * 64))
        (ratings.parent / "u.data").write_text("1\t1\t5\t9\n")
        (ratings.parent / "u.item").write_text("1|x\n")
        with pytest.raises(UsageError, match="is several"):
            fetch(str(ratings.parent), out, FetchConfig(sha256="0" * 64))
        alone = ratings.parent / "u.data"  # the names beside it are another file
        assert fetch(str(alone), out, FetchConfig(sha256=file_sha256(alone))).has_item_names

    @pytest.mark.parametrize("source", ["ftp://x.org/a.csv", "file:///etc/passwd", "s3://b/a.csv"])
    def test_other_schemes_are_wrong_usage(self, source: str, out: Path) -> None:
        with pytest.raises(UsageError, match="cannot be fetched"):
            fetch(source, out, FetchConfig())

    def test_rows_are_read_for_other_stages_too(self, ratings: Path) -> None:
        read = read_any(str(ratings), FetchConfig(format=Format.csv), ignore)
        rows, inputs = read.rows(), read.inputs
        assert rows.users.dtype == np.int64
        assert rows.users.tolist() == [1, 2, 1, 3]
        assert [entry["name"] for entry in inputs] == ["my.csv"]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """Yield a folder and the URL under which a loopback server offers it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


class TestDownloads:
    def test_a_named_set_comes_from_a_mirror_with_its_terms(
        self, mirror: tuple[Path, str], tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, url = mirror
        with zipfile.ZipFile(folder / "tiny.zip", "w") as archive:
            archive.writestr("tiny/u.data", "1\t1\t5\t9\n")
            archive.writestr("tiny/u.item", "1|One (1990)|x\n")
        known = Dataset(
            name="tiny",
            url="https://elsewhere.example/sets/tiny.zip",
            notice="Licence: non-commercial",
            size=(folder / "tiny.zip").stat().st_size,
            sha256=file_sha256(folder / "tiny.zip"),
        )
        monkeypatch.setitem(DATASETS, "tiny", known)
        config = FetchConfig(base_url=url, cache_dir=str(tmp_path / "cache"))
        result = fetch("tiny", out, config)
        assert "non-commercial" in result.notice
        assert result.has_item_names
        assert (tmp_path / "cache" / "tiny.zip").is_file()
        assert "127.0.0.1" not in json.dumps(load_interactions(out).meta)
        (folder / "tiny.zip").unlink()
        assert fetch("tiny", out, config).n_ratings == 1

    def test_any_url_works_like_a_file(
        self, mirror: tuple[Path, str], tmp_path: Path, out: Path
    ) -> None:
        folder, url = mirror
        (folder / "my.csv.gz").write_bytes(gzip.compress(RATINGS.encode()))
        config = FetchConfig(cache_dir=str(tmp_path / "cache"))
        assert fetch(f"{url}my.csv.gz", out, config).n_ratings == 4
        (entry,) = load_interactions(out).meta["lineage"][0]["inputs"]
        assert entry["name"] == "my.csv.gz"
        with pytest.raises(DownloadError, match="404"):
            fetch(f"{url}other.csv", out, config)
        with pytest.raises(DownloadError, match="sha256"):
            fetch(f"{url}my.csv.gz", out, FetchConfig(cache_dir=str(tmp_path), sha256="0" * 64))

    def test_a_folder_of_a_sets_name_is_passed_over_aloud(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("ml-100k").mkdir()
        events: list[Event] = []
        monkeypatch.setattr(locate, "_download", lambda *_: pytest.skip("asked for the download"))
        with pytest.raises(pytest.skip.Exception):
            fetch("ml-100k", Path("a.npz"), FetchConfig(), events.append)
        assert "./ml-100k" in messages(events)


class TestRealDataSets:
    """Counts that are published for them."""

    def test_ml_100k(self, datasets: Path, out: Path) -> None:
        result = fetch(str(datasets / "ml-100k"), out, FetchConfig())
        found = load_interactions(out)
        assert (result.n_users, result.n_items, result.n_ratings) == (943, 1682, 100_000)
        assert np.bincount(found.data.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
        assert found.catalog.item_names is not None
        assert found.catalog.item_names[0] == "Toy Story (1995)"
        assert found.timestamps is not None

    def test_ml_latest_small(self, datasets: Path, out: Path) -> None:
        result = fetch(str(datasets / "ml-latest-small"), out, FetchConfig())
        assert (result.n_users, result.n_items, result.n_ratings) == (610, 9724, 100_836)
        assert (result.minimum, result.maximum) == (0.5, 5.0)
        assert result.has_item_names

    def test_hetrec_lastfm(self, datasets: Path, out: Path) -> None:
        result = fetch(str(datasets / "hetrec2011-lastfm"), out, FetchConfig())
        assert (result.n_users, result.n_items, result.n_ratings) == (1892, 17632, 92_834)
        assert result.maximum == 352_698

    def test_lightgcn_lastfm(self, datasets: Path, out: Path) -> None:
        result = fetch(str(datasets / "lightgcn-lastfm"), out, FetchConfig())
        lines = (datasets / "lightgcn-lastfm" / "data1.txt").read_text().split("\n")
        naive = {tuple(line.split("\t")[:2]) for line in lines if line.strip()}
        assert result.n_ratings == len(naive)
        assert result.maximum == 324_660

    @pytest.mark.parametrize("name", ["u1.base", "u1.test", "ua.base"])
    def test_published_splits_equal_a_naive_reader(self, datasets: Path, name: str) -> None:
        path = datasets / "ml-100k" / name
        rows = read_any(str(path), FetchConfig()).rows()
        naive = [[int(cell) for cell in line.split("\t")] for line in path.read_text().splitlines()]
        assert rows.ratings is not None
        assert rows.times is not None
        table = [
            rows.users.tolist(),
            rows.items.tolist(),
            rows.ratings.tolist(),
            rows.times.tolist(),
        ]
        assert list(zip(*table, strict=True)) == [tuple(entry) for entry in naive]
