"""One rule for ids: what surrounds them, which are missing, and of what type they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfcli.codes import WarningCode
from mfcli.config import FetchConfig
from mfcli.config.fetch import IdType, parse_id_types
from mfcli.data.ids import BLANKS, MISSING_NUMBERS, trimmed
from mfcli.errors import InputError, UsageError
from mfcli.events import Event, Noted, Warned
from mfcli.sources.reading import ReadTable, read_any

Read = Callable[..., ReadTable]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes text to a file and reads it as fetch does."""

    def call(content: str, *, name: str = "file.csv", **options: Any) -> ReadTable:
        path = tmp_path / name
        path.write_bytes(content.encode())
        events: list[Event] = options.pop("events", [])
        return read_any(str(path), FetchConfig(**options), events.append)

    return call


def ids_of(table: ReadTable) -> tuple[list[Any], list[Any]]:
    """Return the users and the items of the rows."""
    rows = table.rows()
    return rows.users.tolist(), rows.items.tolist()


class TestBlanks:
    def test_blanks_are_white_space_and_marks_without_width(self) -> None:
        white = {chr(code) for code in range(0x110000) if chr(code).isspace()}
        assert set(BLANKS) == white | set("\ufeff\u200b\u2060\u200e\u200f")

    @pytest.mark.parametrize(
        "content",
        [
            "user, item, rating\n1, 1, 1.0\n2, 1, 2.0\n",
            " user ,item\t,rating\n1 ,1\t,1.0\n2 ,1,2.0\n",
            "user,item,rating\n\u00a01,1\u3000,1\n\ufeff2,1\u200b,2\n",
            "user\titem\trating\n1 \t1 \t1\n2 \t 1\t2\n",
            '{"user": "1 ", "item": "\\t1", "rating": 1}\n{"user": " 2", "item": 1, "rating": 2}',
        ],
    )
    def test_they_are_no_part_of_an_id(self, read: Read, content: str) -> None:
        assert ids_of(read(content, name="file.txt")) == ([1, 2], [1, 1])

    def test_ids_padded_to_a_width_are_those_without(self, read: Read) -> None:
        table = read("user,item\nU1      ,I1\nU1,I2  \nU2      ,I2\n")
        assert ids_of(table) == (["U1", "U1", "U2"], ["I1", "I2", "I2"])
        assert table.table.users.values.tolist() == ["U1", "U2"]


class TestMissing:
    @pytest.mark.parametrize("token", ["", "  ", "NULL", "\\N", "(null)", "<NA>", "#N/A"])
    @pytest.mark.parametrize("others", [("1", "2"), ("ann", "bob")])
    def test_a_missing_id_is_refused_with_the_number_of_rows_or_left_out(
        self, read: Read, token: str, others: tuple[str, str]
    ) -> None:
        content = f"user,item\n{others[0]},5\n{token},6\n{others[1]},7\n{token},5\n"
        with pytest.raises(InputError) as error:
            read(content)
        assert "line 3: the user is missing" in str(error.value)
        assert "2 of 4 rows have no user or no item" in str(error.value)
        assert "--drop-missing" in str(error.value)
        table = read(content, drop_missing=True)
        assert [str(user) for user in ids_of(table)[0]] == list(others)
        assert table.table.missing == 2
        assert table.table.items.values.tolist() == [5, 7]

    @pytest.mark.parametrize("word", ["null", "NaN", "nan", "None", "NA", "N/A", "-", "?"])
    def test_words_for_none_are_missing_beside_integers(self, read: Read, word: str) -> None:
        with pytest.raises(InputError, match="line 3: the item is missing"):
            read(f"user,item\na,1\nb,{word}\nc,2\n")
        events: list[Event] = []
        table = read(f"user,item\na,1\nb,{word}\nc,2\n", drop_missing=True, events=events)
        assert ids_of(table) == (["a", "c"], [1, 2])
        assert any("1 of 3 rows" in event.message for event in events if isinstance(event, Noted))

    @pytest.mark.parametrize("word", ["null", "NaN", "None", "NA", "N/A"])
    def test_words_for_none_are_ids_among_text_and_told(self, read: Read, word: str) -> None:
        events: list[Event] = []
        table = read(f"user,item\n1,ann\n2,{word}\n3,bob\n", events=events)
        assert ids_of(table)[1] == ["ann", word, "bob"]
        (warned,) = (event for event in events if isinstance(event, Warned))
        assert warned.code is WarningCode.ids
        assert f"--drop-id {word}" in warned.message
        assert ids_of(read(f"user,item\n1,ann\n2,{word}\n3,bob\n", drop_id=[word]))[0] == [1, 3]

    def test_null_of_json_is_missing(self, read: Read) -> None:
        content = '{"user": 1, "item": 5}\n{"user": null, "item": 6}\n{"item": 7}\n'
        with pytest.raises(InputError, match=r"line 2: the user is missing, and 2 of 3 rows"):
            read(content, name="file.jsonl")
        assert ids_of(read(content, name="file.jsonl", drop_missing=True)) == ([1], [5])

    def test_an_empty_row_of_a_spreadsheet_is_left_out_whole(self, read: Read) -> None:
        content = "user,item,rating,timestamp\n1,2,3,4\n,,,\n2,3,4,5\n"
        rows = read(content, drop_missing=True).rows()
        assert rows.users.tolist() == [1, 2]
        assert rows.ratings is not None
        assert rows.ratings.tolist() == [3, 4]
        assert rows.times is not None
        assert rows.times.tolist() == [4, 5]

    def test_a_bad_rating_behind_a_missing_id_is_named_with_its_line(self, read: Read) -> None:
        with pytest.raises(InputError, match="line 4: the rating 'x'"):
            read("user,item,rating\n1,2,3\n,2,3\n2,3,x\n", drop_missing=True)

    def test_where_no_row_is_left_it_is_said(self, read: Read) -> None:
        with pytest.raises(InputError, match="no row is left by --drop-missing"):
            read("user,item,rating\n,2,3\n,3,1\n", drop_missing=True)

    def test_anonymous_users_can_be_left_out(self, read: Read) -> None:
        table = read("user,item\n-1,2\n7,3\n-1,4\n8,2\n", drop_id=["-1"])
        assert ids_of(table) == ([7, 8], [3, 2])
        assert table.table.dropped == 2


class TestTypes:
    def test_whole_numbers_written_as_floats_are_integers_and_it_is_said(self, read: Read) -> None:
        events: list[Event] = []
        table = read("user,item\n123.0,1\n123,2\n7.0,3\n", events=events)
        assert ids_of(table)[0] == [123, 123, 7]
        assert any(
            "'123.0' as 123" in event.message for event in events if isinstance(event, Noted)
        )

    @pytest.mark.parametrize("odd", ["abc", "1e5", "1e+05", '"1,234"', "1.5"])
    def test_an_odd_id_among_integers_makes_text_with_a_warning(self, read: Read, odd: str) -> None:
        events: list[Event] = []
        rows = "".join(f"{user},1\n" for user in range(1, 40))
        table = read(f"user,item\n{rows}{odd},2\n", events=events)
        assert ids_of(table)[0][-1] == odd.strip('"')
        (warned,) = (event for event in events if isinstance(event, Warned))
        assert warned.code is WarningCode.id_type
        assert "line 41" in warned.message
        with pytest.raises(InputError, match=r"line 41: the user id .* --id-type text"):
            read(f"user,item\n{rows}{odd},2\n", id_type="user=int")

    def test_leading_zeros_keep_text_without_a_warning(self, read: Read) -> None:
        events: list[Event] = []
        assert ids_of(read("user,item\n007,1\n123,2\n456,3\n", events=events))[0][0] == "007"
        assert not any(isinstance(event, Warned) for event in events)

    @pytest.mark.parametrize(
        ("kind", "users", "items"),
        [
            (None, [7, 7, 8], [1, 2, 3]),
            ("auto", [7, 7, 8], [1, 2, 3]),
            ("text", ["7", "7.0", "8"], ["1", "2", "3"]),
            ("user=text", ["7", "7.0", "8"], [1, 2, 3]),
            ("item=text,user=int", [7, 7, 8], ["1", "2", "3"]),
        ],
    )
    def test_the_type_can_be_pinned(
        self, read: Read, kind: str | None, users: list[Any], items: list[Any]
    ) -> None:
        table = read("user,item\n7,1\n7.0,2\n8,3\n", id_type=kind)
        assert ids_of(table) == (users, items)

    def test_integers_that_are_asked_for_may_have_leading_zeros(self, read: Read) -> None:
        assert ids_of(read("user,item\n007,1\n+8,2\n", id_type="int"))[0] == [7, 8]
        with pytest.raises(InputError, match="line 3: the user id '99999999999999999999'"):
            read("user,item\n007,1\n99999999999999999999,2\n", id_type="int")

    @pytest.mark.parametrize("text", ["number", "user", "user=int,int", "who=int", "user=", ""])
    def test_a_malformed_type_is_wrong_usage(self, text: str) -> None:
        with pytest.raises(UsageError, match="--id-type"):
            parse_id_types(text)

    def test_the_type_is_of_both_columns_or_of_each(self) -> None:
        assert parse_id_types("int") == dict.fromkeys(("user", "item"), IdType.integer)
        assert parse_id_types("item=text") == {"user": IdType.auto, "item": IdType.text}


blanks = st.text(
    st.sampled_from(sorted(set(BLANKS) - set("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))), max_size=3
)
ids = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]),
    min_size=1,
    max_size=8,
).filter(lambda text: trimmed(text) == text and text.lower() not in MISSING_NUMBERS)
padded = st.tuples(blanks, ids | st.integers(-9, 99).map(str), blanks)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(padded, padded), min_size=1, max_size=8), st.sampled_from(["csv", "json"])
)
def test_blanks_change_no_id_whatever_the_format(
    read: Read, rows: list[tuple[tuple[str, str, str], tuple[str, str, str]]], kind: str
) -> None:
    """Tables of bare and of padded ids give the same ids, in every reader."""
    from json import dumps

    def written(pad: bool) -> ReadTable:
        cells = [tuple("".join(cell) if pad else cell[1] for cell in row) for row in rows]
        if kind == "json":
            lines = [dumps({"user": user, "item": item}) for user, item in cells]
            return read("\n".join(lines), name="file.jsonl", format="jsonl")
        quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells]
        return read("user,item\n" + "\n".join(quoted) + "\n", format="csv", header=True)

    assert ids_of(written(True)) == ids_of(written(False))
