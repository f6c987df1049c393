"""Item names, and which files of a folder are read."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest

from mfcli.errors import InputError
from mfcli.sources.readers.layouts import choose
from mfcli.sources.readers.names import match_names, read_names
from mfcli.sources.readers.source import Source


def names(content: str | bytes) -> dict[str, str]:
    data = content.encode() if isinstance(content, str) else content
    opener: Callable[[], io.BytesIO] = lambda: io.BytesIO(data)  # noqa: E731
    return read_names(Source("names.txt", opener))


@pytest.mark.parametrize(
    "content",
    [
        "1|Café (1995)|01-Jan-1995||http://x|0|1\n2|Heat, The (1995)|x||y|1|0\n".encode("latin-1"),
        "1::Café (1995)::Comedy|Drama\n2::Heat, The (1995)::Crime\n",
        'movieId,title,genres\n1,Café (1995),Comedy|Drama\n2,"Heat, The (1995)",Crime\n',
        '\ufeff1,Café (1995),A|B|C\r\n2,"Heat, The (1995)",A\r\n',
        "id\tname\turl\n1\tCafé (1995)\thttp://a,b,c\n2\tHeat, The (1995)\thttp://d\n",
        "1\tCafé (1995)\n2\tHeat, The (1995)\n",
        "title;item_id\nCafé (1995);1\nHeat, The (1995);2\n",
        "item_id:token\tmovie_title:token_seq\n1\tCafé (1995)\n2\tHeat, The (1995)\n",
    ],
)
def test_all_published_layouts_are_understood(content: str | bytes) -> None:
    assert names(content) == {"1": "Café (1995)", "2": "Heat, The (1995)"}


def test_names_are_made_fit_for_a_table() -> None:
    """Control characters become spaces, long names are cut, the first of two counts."""
    found = names("1\tA\x1b[31mB\n2\t" + "x" * 300 + "\n1\tOther\n3\t \n")
    assert found == {"1": "A [31mB", "2": "x" * 255}


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "no item names"), ("1\tA\n2\n", "line 2: has 1 column"), (b"PK\x03\x04", "archive")],
)
def test_what_is_no_list_of_names_is_refused(content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"names\.txt.*{message}"):
        names(content)


def test_integer_ids_take_canonical_integers_only() -> None:
    listed = {"1": "A", "01": "B", "x": "C", "99999999999999999999": "D"}
    assert match_names(listed, np.array([1, 2])) == {1: "A"}
    assert match_names(listed, np.array(["1", "x"])) == listed


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["README", "u.data", "u.item", "u1.base"], ("u.data", "u.item")),
        (
            ["ml-1m/", "ml-1m/movies.dat", "ml-1m/ratings.dat", "ml-1m/users.dat"],
            ("ml-1m/ratings.dat", "ml-1m/movies.dat"),
        ),
        (["links.csv", "movies.csv", "ratings.csv", "tags.csv"], ("ratings.csv", "movies.csv")),
        (["ratings.csv", "sub/u.data"], ("ratings.csv", None)),
        (["user_artists.dat", "readme.txt"], ("user_artists.dat", None)),
        (["data1.txt", "test1.txt"], ("data1.txt", None)),
        (["x.inter", "x.user.csv"], ("x.inter", None)),
        (["ml/x.inter", "ml/x.item", "ml/x.user"], ("ml/x.inter", "ml/x.item")),
        (["only.csv", "README.txt", "__MACOSX/._only.csv", ".hidden.csv"], ("only.csv", None)),
        (["only.csv.gz"], ("only.csv.gz", None)),
    ],
)
def test_the_data_set_in_a_folder_is_found(
    files: list[str], chosen: tuple[str, str | None]
) -> None:
    data, names = chosen
    assert choose(files, "folder") == ((data,), names)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no table in it"),
        (["notes.pdf", "talk.pdf"], r"no table in it \(notes\.pdf"),
        (["a.csv", "b.csv"], r"several files .* \(a\.csv, b\.csv.*name the file itself"),
    ],
)
def test_a_folder_that_is_unclear_is_refused(files: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(files, "folder")
