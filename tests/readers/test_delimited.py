"""Tables of text: equal to a naive reader's, and every bad cell named with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from mfcli.config import FetchConfig
from mfcli.config.fetch import Format
from mfcli.data.building import RawRows
from mfcli.data.ids import MISSING_NUMBERS, trimmed
from mfcli.errors import InputError, UsageError
from mfcli.events import Event, Noted, Warned
from mfcli.sources.reading import read_any

Read = Callable[..., RawRows]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes content to a file and reads it as fetch does."""

    def call(content: str | bytes, *, name: str = "file.txt", **options: Any) -> RawRows:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        events: list[Event] = options.pop("events", [])
        return read_any(str(path), FetchConfig(**options), events.append).rows()

    return call


def naive_ids(tokens: list[str]) -> list[int] | list[str]:
    """Return integers if every token is a whole number that fits in 64 bits, else the tokens."""
    tokens = [token.strip() for token in tokens]
    matches = [re.fullmatch(r"(0|-?[1-9][0-9]*)(\.0+)?", token, re.ASCII) for token in tokens]
    numbers = [int(match[1]) for match in matches if match]
    if len(numbers) == len(tokens) and all(-(2**63) <= number < 2**63 for number in numbers):
        return numbers
    return tokens


def assert_rows(rows: RawRows, table: Sequence[tuple[str, ...]]) -> None:
    """Compare rows with (user, item[, rating[, time]]) tokens."""
    assert rows.users.tolist() == naive_ids([row[0] for row in table])
    assert rows.items.tolist() == naive_ids([row[1] for row in table])
    width = len(table[0])
    if width > 2:
        assert rows.ratings is not None
        assert rows.ratings.dtype == np.float32
        expected = np.array([float(row[2]) for row in table]).astype(np.float32)
        assert rows.ratings.tolist() == expected.tolist()
    if width > 3:
        assert rows.times is not None
        assert rows.times.tolist() == [int(float(row[3])) for row in table]


integers = st.integers(-(2**64), 2**64).map(str)
odd = st.sampled_from(["007", "+1", "-0", " 1", "1 ", "1.0", "1e3", "0x1F"])
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]),
    min_size=1,
    max_size=12,
).filter(lambda each: trimmed(each) == each and each.lower() not in MISSING_NUMBERS)
small = st.integers(1, 30).map(str)
ratings = st.floats(-1e6, 1e6, width=32).map(repr) | st.sampled_from(
    ["0", "4", ".5", "5.", "+3", "3.2466e+05"]
)
times = st.integers(10**8, 2**36).map(str)  # of seconds: others have another meaning


def tables(ids: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    """Tables of 2, 3 or 4 columns, ids now all small integers and now anything."""
    columns = (ids, ids, ratings, times)
    return st.sampled_from([2, 3, 4]).flatmap(
        lambda width: st.lists(st.tuples(*columns[:width]), min_size=1, max_size=12)
    )


anything = tables(small) | tables(integers) | tables(small | odd | words)
quiet = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quiet
@given(
    tables(small | integers | odd | words | st.sampled_from(['a"b', '"', "a,b", "a;b"])),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
@example([('"a', "b")], True, "\n", True, False)
def test_csv_equals_a_naive_reader(
    read: Read, table: list[tuple[str, ...]], header: bool, end: str, bom: bool, quote_all: bool
) -> None:
    # What ; or | cuts into more columns than the comma does is a table of theirs.
    for other in ";|":
        assume(any("".join(row).count(other) < len(row) for row in table))
    text = io.StringIO(newline="")
    quoting: Literal[0, 1] = 1 if quote_all else 0  # csv.QUOTE_ALL, csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    if header:
        writer.writerow(("userId", "movieId", "rating", "timestamp")[: len(table[0])])
    writer.writerows(table)
    content = ("\ufeff" if bom else "") + text.getvalue()
    assert_rows(read(content, format=Format.csv, header=header), table)


@quiet
@given(anything, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_tabs_equal_a_naive_reader(
    read: Read, table: list[tuple[str, ...]], header: bool, end: str, closed: bool
) -> None:
    lines = ["\t".join(row) for row in table]
    if header:
        lines.insert(0, "\t".join(("uid", "item", "weight", "time")[: len(table[0])]))
    content = end.join(lines) + (end if closed else "")
    assert_rows(read(content, format=Format.tsv, header=header), table)


@quiet
@given(
    tables(small | words.filter(lambda each: ":" not in each and each[:1] not in "%#")),
    st.sampled_from(["\n", "\r\n"]),
)
def test_double_colons_equal_a_naive_reader(
    read: Read, table: list[tuple[str, ...]], end: str
) -> None:
    content = end.join("::".join(row) for row in table)
    assert_rows(read(content, format=Format.dat, header=False), table)


@quiet
@given(tables(small | words), st.sampled_from([" ", "  ", " \t "]), st.sampled_from(["", " "]))
def test_spaces_equal_a_naive_reader(
    read: Read, table: list[tuple[str, ...]], gap: str, edge: str
) -> None:
    assume(all(set(cell) != {"|"} for row in table for cell in row))  # bars are of a frame
    content = "\n".join(edge + gap.join(row) + edge for row in table)
    assert_rows(read(content, format=Format.space, header=False), table)


@quiet
@given(tables(small | words.filter(lambda each: ":" not in each)))
def test_recbole_equals_a_naive_reader(read: Read, table: list[tuple[str, ...]]) -> None:
    names = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
    lines = ["\t".join(row) for row in [names[: len(table[0])], *table]]
    assert_rows(read("\n".join(lines)), table)


@quiet
@given(
    st.dictionaries(small, st.lists(small, max_size=8, unique=True), min_size=1, max_size=8).filter(
        lambda lists: any(lists.values())
    ),
    st.sampled_from(["\n", " \n", "\r\n"]),
)
def test_adjacency_lists_equal_a_naive_reader(
    read: Read, lists: dict[str, list[str]], end: str
) -> None:
    """A user without items is a legal line."""
    content = "".join(" ".join((user, *items)) + end for user, items in lists.items())
    pairs = [(user, item) for user, items in lists.items() for item in items]
    assert_rows(read(content, format=Format.adjacency), pairs)


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "tsv"),
        ("1::1193::5::978300760\n1::661::3::978302109\n", "ratings.dat"),
        ("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n", "csv"),
        ("user;item;rating\na;b;3\n", "csv"),
        ("u|i|3\nv|j|4\n", "csv"),
        ("1 2 3\n1 3 4\n2 3 5\n", "space"),
        ("0 1 2 3 4 5\n1 7\n2 3 9\n3\n", "adjacency"),
        ("0 1 2 3\n1 2\n2 0 3\n", "adjacency"),
        ("0 1 2 3 4\n1 2 3 4 5\n", "adjacency"),
        ("user_id:token\titem_id:token\trating:float\n1\t2\t3.0\n", "recbole"),
        ("user\titem\tdate\n1\t2\t2024-01-01 10:00:00\n", "tsv"),
        ("1,2,3,2024-01-01 10:00:00\n2,2,3,2024-01-01 10:00:00\n", "csv"),
    ],
)
def test_the_format_is_found_by_looking(read: Read, content: str, format: str) -> None:
    read(content)
    from mfcli.sources.readers.formats import find_format
    from mfcli.sources.readers.text import Head

    assert find_format(Head("x", content.encode(), whole=True)) == format


@pytest.mark.parametrize(
    ("content", "width"),
    [("alice,heat\nbob,heat\n", 2), ("1,2,3\n", 3), ("a,b,1\nc,d,2\n", 3)],
)
def test_a_table_without_header_loses_no_row(read: Read, content: str, width: int) -> None:
    rows = read(content)
    assert len(rows.users) == content.count("\n")
    assert (rows.ratings is not None) == (width > 2)


@pytest.mark.parametrize("user", ["user", "user_id", "userId", "userID", "uid", "User ID", "USER"])
@pytest.mark.parametrize("item", ["item", "item_id", "movieId", "artistID"])
def test_common_column_names_are_recognised_in_any_order(read: Read, user: str, item: str) -> None:
    rows = read(f"timestamp,{item},play_count,{user},note\n5,2,7,1,x\n")
    assert_rows(rows, [("1", "2", "7", "5")])


@pytest.mark.parametrize(
    "columns",
    ["user=who,item=what,rating=how", "user=3,item=1,rating=2", "user=WHO,item=what,rating=2"],
)
def test_columns_are_chosen_by_name_or_number(read: Read, columns: str) -> None:
    rows = read("what,how,who\n2,3.5,1\n", columns=columns)
    assert_rows(rows, [("1", "2", "3.5")])


def test_an_unknown_column_names_the_nearest_one(read: Read) -> None:
    with pytest.raises(UsageError, match=r"no column 'userid'.*did you mean 'user_id'"):
        read("user_id,thing\n1,2\n", columns="user=userid,item=thing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user,thing,rating\n1,2,3\n", "known for the item; its columns are user, thing, rating"),
        ("1,2,3,4,5\n1,2,3,4,5\n", "5 columns without names.*--columns"),
        ("user,item,rating\n", "holds no rows"),
        ("", "holds no rows"),
        ("\n\n", "holds no rows"),
        ("lonely\nlines\n", "no column separator.*--format"),
        ("user,item,rating\n1,2,3\n1,,3\n", "line 3: the item is missing"),
        ("user,item,rating\n ,2,3\n", "line 2: the user is missing"),
        ("user,item,rating\n1,2,\n", "line 2: the rating is missing"),
        ("user,item,rating\n1,2,fine\n", "line 2: the rating 'fine' is not a finite number"),
        ("1,2,3\n1,3,nan\n", "line 2: the rating is missing .'nan'"),
        ("1,2,3\n\n1,3,-inf\n", "line 3: the rating '-inf'"),
        ("1,2,3\n1,3,1e39\n", "line 2: the rating '1e39'"),
        ("1,2,3\n1,3,0x10\n", "line 2: the rating '0x10'"),
        ('user,note,item\n1,"a\nb",2\n2,"c\nd\ne",\n', "line 4: the item is missing"),
        ("1,2,3\n1,3\n", "line 2: has 2 columns"),
        ("user,item,rating\n1,2,3\n\n1,2,3,4\n", "line 4: has 4 columns"),
        ("1::2::3\n1::2\n", "line 2: has 2 columns"),
        ("user,item,time\n1,2,yesterday\n", "line 2: the time 'yesterday' is neither"),
        ("user,item,time\n1,2,\n", "line 2: the time is missing"),
        ("user,item,time\n1,2,5\n1,3,nan\n", "line 3: the time is missing .'nan'"),
        ("user,item,time\n1,2,1e300\n", "line 2: the time 1e\\+300 is not a number of seconds"),
        (f"1,{'x' * 256}\n", "line 1: the item id is longer than 255"),
        ("<!DOCTYPE html><html>\n<body>\n", "web page"),
        ('[{"user": 1}]', "JSON array.*JSON lines"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(read: Read, content: str, message: str) -> None:
    with pytest.raises(InputError, match=r"file\.txt.*" + message):
        read(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x00\x01\x02\x03", "binary"),
        (b"x" * 257 + b"ustar\x0000", "tar archive"),
    ],
)
def test_a_file_of_another_kind_is_named(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(content)
    with pytest.raises(InputError, match=message):
        read(content, format=Format.csv)


def test_a_nul_deep_in_an_id_is_refused(read: Read) -> None:
    content = "".join(f"{number},2,3\n" for number in range(1000)) + "a\0b,2,3\n"
    with pytest.raises(InputError, match="line 1001: the user id holds a NUL"):
        read(content)


def test_a_text_that_is_not_utf8_is_read_as_windows_1252_with_a_warning(read: Read) -> None:
    events: list[Event] = []
    rows = read("José,a,3\n".encode("cp1252"), events=events)
    assert rows.users.tolist() == ["José"]
    assert any(isinstance(event, Warned) and "Windows-1252" in event.message for event in events)


def test_a_byte_that_is_not_utf8_behind_the_first_block_is_found_too(read: Read) -> None:
    line = b"1,%s,3\n" % (b"abc" * 20)
    content = line * 150_000 + "2,José,4\n".encode("latin-1")
    assert len(content) > 9_000_000
    rows = read(content)
    assert rows.items[-1] == "José"
    assert len(rows.items) == 150_001


def test_one_token_that_is_no_integer_keeps_the_column_as_text_and_is_told(read: Read) -> None:
    events: list[Event] = []
    rows = read("7,1\n007,2\n8,3\n", events=events)
    assert rows.users.tolist() == ["7", "007", "8"]
    assert rows.items.tolist() == [1, 2, 3]
    assert any(isinstance(event, Noted) and "'007'" in event.message for event in events)


def test_an_explicit_zero_is_a_rating(read: Read) -> None:
    rows = read("user,joke,rating\n1,1,0\n1,2,-9.81\n", columns="user=user,item=joke,rating=rating")
    assert rows.ratings is not None
    assert rows.ratings.tolist() == pytest.approx([0.0, -9.81])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("881250949", 881250949),
        ("-5", -5),
        ("6.9", 6),
        ("-6.9", -6),
        ("9.64982703e8", 964982703),
    ],
)
def test_times_become_whole_seconds(read: Read, text: str, seconds: int) -> None:
    """Small numbers stay what they are; test_times.py has the others."""
    rows = read(f"user,item,time\n1,2,0\n1,3,{text}\n")
    assert rows.times is not None
    assert rows.times.tolist() == [0, seconds]


def test_a_quote_that_is_not_closed_is_a_clear_error(read: Read) -> None:
    with pytest.raises(InputError, match=r"file\.txt"):
        read('user,item\n"a,b\nc,d\n')


def test_a_quoted_tsv_is_unquoted_and_other_quotes_stay(read: Read) -> None:
    assert read('"user"\t"item"\n"a b"\t"c"\n').users.tolist() == ["a b"]
    assert read('user\titem\n"a" b\t"c\n').items.tolist() == ['"c']
