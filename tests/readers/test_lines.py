"""Lines as other programs write them: one meaning, or a refusal by line with the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mfcli.config import FetchConfig
from mfcli.data.building import RawRows
from mfcli.errors import InputError
from mfcli.events import Event, Warned
from mfcli.sources.reading import read_any

Read = Callable[..., RawRows]
HEADER = "user_id,item_id,rating\n"
ROWS = [(1, 2, 3.0), (4, 5, 2.0)]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes content to a file and reads it as fetch does."""

    def call(content: str | bytes, **options: Any) -> RawRows:
        path = tmp_path / "file.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        events: list[Event] = options.pop("events", [])
        return read_any(str(path), FetchConfig(**options), events.append).rows()

    return call


def triples(rows: RawRows) -> list[tuple[Any, Any, float]]:
    """Return user, item and rating of each row."""
    assert rows.ratings is not None
    return list(zip(rows.users.tolist(), rows.items.tolist(), rows.ratings.tolist(), strict=True))


FRAME = "+---------+---------+--------+\n"

SAME_ROWS = {
    "Excel's first line": "sep=;\nuser_id;item_id;rating\n1;2;3\n4;5;2\n",
    "CR alone": (HEADER + "1,2,3\n4,5,2\n").replace("\n", "\r"),
    "CR LF and LF": HEADER + "1,2,3\r\n4,5,2\n",
    "CR CR LF": (HEADER + "1,2,3\n4,5,2\n").replace("\n", "\r\r\n"),
    "SQL Server's footer": HEADER + "1,2,3\n4,5,2\n\n(2 rows affected)\n",
    "SSMS: columns of blanks, a ruler and as many words at the end": (
        "user_id     item_id     rating\n----------- ----------- ------\n"
        "1           2           3\n4           5           2\n\n(2 rows affected)\n"
    ),
    "MySQL's footer": "user_id\titem_id\trating\n1\t2\t3\n4\t5\t2\n2 rows in set (0.01 sec)\n",
    "Hive's footer": "1\t2\t3\n4\t5\t2\nTime taken: 0.5 seconds, Fetched: 2 row(s)\n",
    "comments": "# made by x\n# at 2024\n" + HEADER + "1,2,3\n# mid\n4,5,2\n-- end\n",
    "a header as comment": "# user_id,item_id,rating\n1,2,3\n4,5,2\n",
    "comments of MATLAB": "% 2 rows\n1\t2\t3\n4\t5\t2\n",
    "comments above blanks": "# SNAP\n# FromNodeId ToNodeId\n1 2 3\n4 5 2\n",
    "a ruler of sqlcmd": "user_id,item_id,rating\n-------,-------,------\n1,2,3\n4,5,2\n",
    "psql": " user_id | item_id | rating \n---------+---------+--------\n"
    "       1 |       2 |      3\n       4 |       5 |      2\n(2 rows)\n",
    "mysql": FRAME
    + "| user_id | item_id | rating |\n"
    + FRAME
    + "|       1 |       2 |      3 |\n|       4 |       5 |      2 |\n"
    + FRAME
    + "2 rows in set (0.00 sec)\n",
    "Markdown": "| user_id | item_id | rating |\n|---------|:-------:|-------:|\n"
    "| 1 | 2 | 3 |\n| 4 | 5 | 2 |\n",
    "a delimiter at each end": "user_id,item_id,rating,\n1,2,3,\n4,5,2,\n",
    "a delimiter at each row's end": HEADER + "1,2,3,\n4,5,2,\n",
    "a delimiter at each end, no header": "1,2,3,\n4,5,2,\n",
    "row names of R": '"user_id","item_id","rating"\n"1",1,2,3\n"2",4,5,2\n',
    "blank lines": "\n\n" + HEADER + "\n1,2,3\n\n   \n4,5,2\n\n",
    "a report": "Ratings report\nGenerated: 2024-01-01, by X\n\n" + HEADER + "1,2,3\n4,5,2\n",
    "a report of a spreadsheet": "Ratings report,,\n,,\n" + HEADER + "1,2,3\n4,5,2\n",
    "a line of totals": HEADER + "1,2,3\n4,5,2\nTotal,,5\n",
    "a total": HEADER + "1,2,3\n4,5,2\nTotal: 5\n",
    "parts with headers": HEADER + "1,2,3\n" + HEADER + "4,5,2\n" + HEADER,
    "parts with headers, CR LF": (HEADER + "1,2,3\n" + HEADER + "4,5,2\n").replace("\n", "\r\n"),
    "parts with marks": "\ufeff" + HEADER + "1,2,3\n\ufeff" + HEADER + "4,5,2\n",
    "two bars": "user||item||rating\n1||2||3\n4||5||2\n",
    "colons": "UserID::MovieID::Rating\n1::2::3\n4::5::2\n",
    "Hive's delimiter": "1\x012\x013\n4\x015\x012\n",
    "fixed width": "user_id   item_id  rating\n1         2        3\n4         5        2\n",
}


@pytest.mark.parametrize("content", SAME_ROWS.values(), ids=SAME_ROWS)
def test_a_table_is_read_as_the_program_meant_it_that_wrote_it(read: Read, content: str) -> None:
    assert triples(read(content)) == ROWS


QUOTED = {
    "titles of a play log": (
        'u1\t"Heroes\t3\nu2\tLow\t4\nu3\t"Weird Al" Yankovic\t5\nu4\tGood"\t1\n',
        ['"Heroes', "Low", '"Weird Al" Yankovic', 'Good"'],
    ),
    "a header above them": (
        'user\titem\tplays\nu1\t"Heroes\t3\nu2\tLow\t4\nu4\tGood"\t1\n',
        ['"Heroes', "Low", 'Good"'],
    ),
    "inches": (HEADER + '1,7" single,5\n2,x,4\n', ['7" single', "x"]),
    "a nickname": (HEADER + '1,"Weird Al" Yankovic,5\n2,x,4\n', ['"Weird Al" Yankovic', "x"]),
    "a nickname and a stray quote": (
        HEADER + '1,"Weird Al" Yankovic,5\n1,"abc,5\n',
        ['"Weird Al" Yankovic', '"abc'],
    ),
    "quotes as RFC 4180 has them": (HEADER + '1,"a ""b"", c",5\n2,"x",4\n', ['a "b", c', "x"]),
    "escaped quotes": (HEADER + '1,"say \\"hi\\", you",5\n2,"x",4\n', ['say "hi", you', "x"]),
    "a quoted TSV": ('"user"\t"item"\t"rating"\n"1"\t"d\te"\t"4"\n', ["d\te"]),
}


@pytest.mark.parametrize(("content", "items"), QUOTED.values(), ids=QUOTED)
def test_quotes_are_what_all_first_lines_take_them_for(
    read: Read, content: str, items: list[str]
) -> None:
    assert read(content).items.tolist() == items


def test_a_stray_quote_behind_the_first_lines_is_a_character(read: Read) -> None:
    rows = "".join(f"{user},item{user % 7},3\n" for user in range(40_000))
    read_rows = read(HEADER + rows + '7,"Weird Al" Yankovic,5\n8,x,4\n')
    assert read_rows.items.tolist()[-2:] == ['"Weird Al" Yankovic', "x"]
    assert len(read_rows.items) == 40_002
    with pytest.raises(InputError, match="line 40002: a quote opens a cell and is not closed"):
        read(HEADER + rows + '7,"Heroes,5\n8,x,4\n')


def test_an_escaped_quote_behind_the_first_lines_is_read(read: Read) -> None:
    rows = "".join(f'{user},"item, {user % 7}",3\n' for user in range(40_000))
    assert read(HEADER + rows + '7,"a \\"b\\"",5\n').items.tolist()[-1] == 'a "b"'


def test_a_quoted_cell_that_takes_in_other_rows_is_refused_by_line(read: Read) -> None:
    with pytest.raises(InputError, match=r"line 3: .*quote.*--quoting"):
        read(HEADER + '1,"a,b",5\n1,"abc,5\n2,x,4\n3,"y",4\n')


def test_quoting_can_be_said(read: Read) -> None:
    content = HEADER + '1,"Heroes",5\n'
    assert read(content).items.tolist() == ["Heroes"]
    assert read(content, quoting="none").items.tolist() == ['"Heroes"']


def test_a_note_of_several_lines_is_a_cell(read: Read) -> None:
    content = 'user_id,note,item_id,rating\n1,"a\nb, c",2,3\n4,"x",5,2\n'
    assert triples(read(content)) == ROWS


ACCENTS = HEADER + "José,ü,3\n2,x,1\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_an_encoding_is_found_by_looking(read: Read, encoding: str) -> None:
    events: list[Event] = []
    assert triples(read(ACCENTS.encode(encoding), events=events)) == [
        ("José", "ü", 3.0),
        ("2", "x", 1.0),
    ]
    assert any(isinstance(event, Warned) for event in events) == (encoding == "cp1252")


def test_windows_quotes_are_read_as_such(read: Read) -> None:
    assert read((HEADER + "1,“x”,3\n").encode("cp1252")).items.tolist() == ["“x”"]


def test_one_bad_byte_does_not_garble_a_file(read: Read) -> None:
    content = ACCENTS.encode() + b"caf\xe9,y,2\n"
    with pytest.raises(InputError, match=r"line 4: .*0xe9.*--encoding"):
        read(content)


def test_a_bad_byte_in_a_column_that_is_not_read_is_none_of_our_business(read: Read) -> None:
    rows = read(b"user_id,item_id,rating,note\n1,2,3,caf\xe9\n4,5,2,\xc3\xa9\n")
    assert triples(rows) == ROWS


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("花子,映画館,3\n", "shift_jis"), ("小明,电影,3\n", "gbk"), ("Иван,Фильм,3\n", "cp1251")],
)
def test_an_encoding_that_cannot_be_told_is_asked_for(read: Read, text: str, encoding: str) -> None:
    with pytest.raises(InputError, match=r"line 2: .*--encoding"):
        read((HEADER + text).encode(encoding))
    user, item, _ = text.split(",")
    assert triples(read((HEADER + text).encode(encoding), encoding=encoding)) == [(user, item, 3)]


def test_what_is_left_out_is_counted_and_said(read: Read) -> None:
    events: list[Event] = []
    read(HEADER + "1,2,3\n" + HEADER + "# x\n4,5,2\n(2 rows)\n", events=events)
    said = [event.message for event in events if isinstance(event, Warned)]
    assert any("1 repeated header, 1 comment, 1 footer" in message for message in said), said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user_id,item_id\n1,2\n7\n", "line 3: has 1 column, and the table has 2"),
        ("7\n1,2\n3,4\n", "line 1: has 1 column, and the table has 2"),
        (HEADER + '1,"a\nb",3\n2,"c",3\n', "line 2: the item id holds a line end"),
        (HEADER + '1,"abc,5\n2,x,4\n', "line 2: a quote opens a cell and is not closed"),
        (HEADER + "1,2,3\n4,5\n", "line 3: has 2 columns, and the table has 3"),
    ],
)
def test_a_line_that_is_no_row_is_refused(read: Read, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(content)


def test_hashtags_are_no_comments(read: Read) -> None:
    assert read("#a\tx\t3\n#b\ty\t2\n#c\tz\t1\n").users.tolist() == ["#a", "#b", "#c"]


def test_a_user_called_total_is_kept(read: Read) -> None:
    assert read(HEADER + "1,2,3\ntotal,5,2\n").users.tolist() == ["1", "total"]
