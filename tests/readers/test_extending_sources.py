"""Adding a format or a data set is one entry and one function, as the guide to extending says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.config import FetchConfig
from mfcli.config.fetch import Format
from mfcli.events import OnEvent
from mfcli.sources.datasets import DATASETS, Dataset
from mfcli.sources.readers.formats import READERS, Reader
from mfcli.sources.readers.layouts import Layout
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head
from mfcli.sources.reading import read_any
from mfcli.stages.fetch import fetch


def added(kind: type[StrEnum], name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an enum a member for the time of a test."""
    member = str.__new__(kind, name)
    member._name_, member._value_ = name, name
    monkeypatch.setitem(kind._member_map_, name, member)
    monkeypatch.setitem(kind._value2member_map_, name, member)
    return member


def is_verses(head: Head) -> bool:
    return "likes" in head.lines[0]


def read_verses(
    source: Source, _kind: Format, _config: FetchConfig, _on_event: OnEvent
) -> TableBuilder:
    """Read ``USER likes ITEM`` lines."""
    builder = TableBuilder()
    with source.open() as stream:
        words = [line.decode().split() for line in stream]
    builder.add(pa.array([line[0] for line in words]), pa.array([line[2] for line in words]))
    return builder


def test_a_new_format_is_one_entry_and_one_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verses = added(Format, "verses", monkeypatch)
    monkeypatch.setitem(
        READERS,
        verses,
        Reader(description="USER likes ITEM", read=read_verses, recognises=is_verses),
    )
    path = tmp_path / "poem.txt"
    path.write_text("ann likes 7\nbob likes 8\nann likes 9\n")
    found = read_any(str(path))
    assert found.format == "verses"
    assert found.rows().users.tolist() == ["ann", "bob", "ann"]
    assert found.rows().items.tolist() == [7, 8, 9]
    assert fetch(str(path), tmp_path / "m.npz", FetchConfig(format=verses)).n_ratings == 3
    (tmp_path / "poem.csv").write_text("1,2\n3,4\n")
    assert read_any(str(tmp_path / "poem.csv")).format == "csv"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """Serve a folder over http, and give both."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{made.server_port}/"
    made.shutdown()
    made.server_close()
    thread.join()


def test_a_new_data_set_is_one_entry(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any URL and licence; columns without names; nothing known of its size and checksum."""
    folder, url = server
    (folder / "log.txt").write_text("2024,ann,x,9\n2025,bob,y,8\n")
    entry = Dataset(
        name="toy",
        url=f"{url}log.txt?version=1",
        notice="Licence: CC0",
        columns="user=2,item=3,rating=4",
    )
    monkeypatch.setitem(DATASETS, "toy", entry)
    config = FetchConfig(cache_dir=str(tmp_path / "cache"))
    result = fetch("toy", tmp_path / "toy.npz", config)
    assert result.notice == "Licence: CC0"
    assert (result.n_ratings, result.minimum, result.maximum) == (2, 8.0, 9.0)
    assert load_interactions(tmp_path / "toy.npz").catalog.user_ids.tolist() == ["ann", "bob"]
    # The cache keeps it below its own name: another set may have a log.txt as well.
    assert (tmp_path / "cache" / "toy" / "log.txt").is_file()
    (folder / "log.txt").unlink()
    assert fetch("toy", tmp_path / "toy.npz", config).n_ratings == 2
    # What the user says wins.
    swapped = FetchConfig(cache_dir=config.cache_dir, columns="user=3,item=2")
    fetch("toy", tmp_path / "toy.npz", swapped)
    assert load_interactions(tmp_path / "toy.npz").catalog.user_ids.tolist() == ["x", "y"]


def test_a_data_set_says_which_of_its_files_are_read(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    folder, url = server
    with zipfile.ZipFile(folder / "dump.zip", "w") as archive:
        archive.writestr("dump/ratings.csv", "user,item\n1,1\n")
        archive.writestr("dump/clicks.csv", "user,item\n5,6\n")
        archive.writestr("dump/things.csv", "id,name\n6,Six\n")
    entry = Dataset(
        name="toy",
        url=f"{url}dump.zip",
        notice="",
        size=(folder / "dump.zip").stat().st_size,
        sha256=file_sha256(folder / "dump.zip"),
        layout=Layout("clicks.csv", "things.csv"),
    )
    monkeypatch.setitem(DATASETS, "toy", entry)
    read = read_any("toy", FetchConfig(cache_dir=str(tmp_path / "cache")))
    assert read.rows().users.tolist() == [5]
    assert read.names == {6: "Six"}
