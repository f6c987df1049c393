"""A file of a known data set, named alone, takes its names from the usual file beside it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from mfcli.config import FetchConfig
from mfcli.events import Noted, Warned
from mfcli.sources.reading import read_any

RATINGS = {
    "u.data": "1\t10\t5\t881250949\n2\t11\t3\t881250950\n",
    "u1.base": "1\t10\t5\t881250949\n2\t11\t3\t881250950\n",
    "ua.test": "1\t10\t5\t881250949\n2\t11\t3\t881250950\n",
    "ratings.dat": "1::10::5::978300760\n2::11::3::978300761\n",
    "ratings.csv": "userId,movieId,rating,timestamp\n1,10,5,978300760\n2,11,3,978300761\n",
    "user_artists.dat": "userID\tartistID\tweight\n1\t10\t5\n2\t11\t3\n",
    "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\n"1";"10";"5"\n"2";"11";"3"\n',
    "ml.inter": "user_id:token\titem_id:token\trating:float\n1\t10\t5\n2\t11\t3\n",
}
NAMES = {
    "u.item": "10|Ten, a film|01-Jan-1995\n11|Eleven|01-Jan-1995\n",
    "movies.dat": "10::Ten, a film::Drama\n11::Eleven::Drama\n",
    "movies.csv": 'movieId,title,genres\n10,"Ten, a film",Drama\n11,Eleven,Drama\n',
    "books.csv": 'book_id,original_title,title\n10,x,"Ten, a film"\n11,y,Eleven\n',
    "artists.dat": "id\tname\turl\n10\tTen, a film\thttp://a\n11\tEleven\thttp://b\n",
    "BX-Books.csv": '"ISBN";"Book-Title"\n"10";"Ten, a film"\n"11";"Eleven"\n',
    "ml.item": "item_id:token\tmovie_title:token_seq\n10\tTen, a film\n11\tEleven\n",
}
PAIRS = [
    ("u.data", "u.item"),
    ("u1.base", "u.item"),
    ("ua.test", "u.item"),
    ("ratings.dat", "movies.dat"),
    ("ratings.csv", "movies.csv"),
    ("ratings.csv", "books.csv"),
    ("user_artists.dat", "artists.dat"),
    ("BX-Book-Ratings.csv", "BX-Books.csv"),
    ("ml.inter", "ml.item"),
]
TITLES = {10: "Ten, a film", 11: "Eleven"}


def fill(folder: Path, data: str, names: str) -> Path:
    (folder / data).write_text(RATINGS[data])
    (folder / names).write_text(NAMES[names])
    (folder / "more.csv").write_text("a,b\n1,2\n")
    return folder / data


@pytest.mark.parametrize(("data", "names"), PAIRS)
def test_the_usual_file_is_taken_and_named(tmp_path: Path, data: str, names: str) -> None:
    events: list[Any] = []
    read = read_any(str(fill(tmp_path, data, names)), on_event=events.append)
    assert read.names == TITLES
    assert [file["name"] for file in read.inputs] == [data, names]
    said = [event.message for event in events if isinstance(event, Noted)]
    assert any(names in text and "--item-names none" in text for text in said)
    assert not [event for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize(("data", "names"), PAIRS)
def test_it_can_be_left_out(tmp_path: Path, data: str, names: str) -> None:
    path = fill(tmp_path, data, names)
    assert read_any(str(path), FetchConfig(item_names="none")).names == {}


@pytest.mark.parametrize(("data", "names"), PAIRS)
def test_a_member_of_a_zip_has_them_too(tmp_path: Path, data: str, names: str) -> None:
    fill(tmp_path, data, names)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in (data, names, "more.csv"):
            archive.write(tmp_path / path, f"set/{path}")
    assert read_any(str(tmp_path / "set.zip" / "set" / data)).names == TITLES
    given = FetchConfig(item_names=str(tmp_path / "set.zip" / "set" / names))
    assert read_any(str(tmp_path / data), given).names == TITLES


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("movieId,title\n77,x\n78,y\n79,z\n", "names 0 of 5 items: its names are not taken"),
        ("movieId,title\n10,Ten\n77,x\n78,y\n", "names 1 of 5 items: its names are not taken"),
        ("movieId\n10\n", "no item names are taken from the file beside it"),
    ],
)
def test_names_of_something_else_are_not_taken(tmp_path: Path, names: str, words: str) -> None:
    more = "3,12,1,978300762\n3,13,1,978300762\n3,14,1,978300762\n"
    (tmp_path / "ratings.csv").write_text(RATINGS["ratings.csv"] + more)
    (tmp_path / "movies.csv").write_text(names)
    events: list[Any] = []
    assert read_any(str(tmp_path / "ratings.csv"), on_event=events.append).names == {}
    assert any(words in str(event) for event in events)


def test_a_file_of_any_other_name_has_none(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text(RATINGS["ratings.csv"])
    (tmp_path / "movies.csv").write_text(NAMES["movies.csv"])
    read = read_any(str(tmp_path / "clicks.csv"))
    assert read.names == {}
    assert len(read.inputs) == 1


@pytest.mark.parametrize("name", ["ml-latest-small/ratings.csv", "ml-100k/u.data"])
def test_real_files_have_their_names(datasets: Path, name: str) -> None:
    if not (datasets / name).exists():
        pytest.skip("the data set is not here")
    read = read_any(str(datasets / name))
    assert set(read.table.items.values.tolist()) == set(read.names) & set(
        read.table.items.values.tolist()
    )
    assert "Toy Story (1995)" in read.names.values()
