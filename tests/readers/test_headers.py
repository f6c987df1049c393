"""First lines, tables without names, dense tables, and columns that --columns names in part."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mfcli.codes import WarningCode
from mfcli.config import FetchConfig
from mfcli.errors import InputError, UsageError
from mfcli.events import Event, Warned
from mfcli.sources.frames import from_frame
from mfcli.sources.reading import ReadTable, read_any
from mfcli.stages.fetch import fetch

Read = Callable[..., ReadTable]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes a table and reads it as fetch does."""

    def call(text: str, events: list[Event] | None = None, **options: Any) -> ReadTable:
        path = tmp_path / "t.txt"
        path.write_text(text, "utf-8")
        heard: list[Event] = [] if events is None else events
        return read_any(str(path), FetchConfig(**options), heard.append)

    return call


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


NAMES_WITHOUT_NUMBERS = [
    f"{user},{item}" for user in ("anna", "bert", "carl") for item in ("ball", "doll", "cart")
]


class TestFirstLine:
    @pytest.mark.parametrize(
        "text",
        [
            lines("alice,matrix", "bob,alien", "bob,matrix"),
            lines("anna,ball", "anna,cart", "bert,ball", "carl,doll", "carl,cart"),
            lines("u1,i1", "u2,i2"),
            lines("u1,i1"),
            lines("user_000001,track_9", "user_000002,track_7"),
            lines("alice,book", "bob,film", "carl,song"),
            lines("alice\tbook\t3", "bob\tbook\t4"),
            lines("AH2L9,0000116,4.0", "A2III,0000116,1.0"),
            lines(*NAMES_WITHOUT_NUMBERS),
            lines("NULL,12,5", "17,12,4", "18,13,3"),
            lines("1::0114508::8::1381006850"),
            lines("1|2|3", "1|4|5"),
        ],
    )
    def test_a_table_without_a_header_is_read_from_its_first_line(
        self, read: Read, text: str
    ) -> None:
        """Ids of text too, and where a word of it is one that names columns elsewhere."""
        try:
            table = read(text).table
        except InputError as error:  # a missing id is another matter
            assert "missing" in str(error)  # noqa: PT017
            return
        assert len(table.users.codes) == text.count("\n")
        assert (table.columns["user"], table.columns["item"]) == ("1", "2")

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (lines("kliyent,mahsulot", "K1,A1", "K2,A2", "K3,A3", "K4,A1"), "kliyent, mahsulot"),
            (lines("kliyent,mahsulot", *NAMES_WITHOUT_NUMBERS), "kliyent, mahsulot"),
            (lines("a,12,5", "17,12,4", "18,13,3"), "a, 12, 5"),
        ],
    )
    def test_one_of_another_kind_is_asked_about(self, read: Read, text: str, shown: str) -> None:
        with pytest.raises(InputError, match=r"line 1.*--header.*--columns.*--no-header") as error:
            read(text)
        assert shown in str(error.value)
        table = read(text, header=False).table
        assert len(table.users.codes) == text.count("\n")

    def test_the_answer_to_the_question_is_taken(self, read: Read) -> None:
        text = lines("kliyent,mahsulot", "K1,A1", "K2,A2", "K3,A3")
        table = read(text, columns="user=kliyent,item=mahsulot").table
        assert table.users.ids().tolist() == ["K1", "K2", "K3"]
        with pytest.raises(
            InputError, match=r"kliyent, mahsulot.*for example --columns user=kliyent"
        ):
            read(text, header=True)

    @pytest.mark.parametrize(
        "text",
        [
            lines("kliyent,mahsulot,puan", "1,2,3", "4,5,6"),
            lines("kliyent;mahsulot", "1;2", "4;5"),
            lines("kto,chto,rating", "a,b,3", "c,d,4"),
        ],
    )
    def test_names_that_no_list_knows_are_asked_about(self, read: Read, text: str) -> None:
        with pytest.raises(InputError, match=r"known for the user.*for example --columns user="):
            read(text)

    @pytest.mark.parametrize(
        ("head", "roles"),
        [
            ("klant,artikel", {"user": "klant", "item": "artikel"}),
            ("utilisateur,article,note", {"rating": "note"}),
            ("KundenNr,ArtikelNr,Menge", {"user": "KundenNr", "rating": "Menge"}),
            ("id_usuario,id_pelicula,puntuación", {"item": "id_pelicula", "rating": "puntuación"}),
            ("utente,libro,voto", {"user": "utente", "rating": "voto"}),
        ],
    )
    def test_common_words_of_other_languages_are_known(
        self, read: Read, head: str, roles: dict[str, str]
    ) -> None:
        width = head.count(",") + 1
        columns = read(lines(head, ",".join("123"[:width]), ",".join("451"[:width]))).table.columns
        assert roles.items() <= columns.items()


class TestWithoutNames:
    @pytest.mark.parametrize(
        ("text", "question"),
        [
            (lines("1,2014-04-07T10:51:09Z,2145,0", "1,2014-04-07T10:54:09Z,2146,0"), "column 2"),
            (lines("a,f,Radiohead,17", "b,g,Blur,3"), "column 3 holds text"),
            (lines("a,f,3,nice", "b,g,4,bad"), "column 4 holds text"),
            (lines("0,30.2359,-97.79,7", "0,30.2691,-97.76,9"), "column 2 holds fractions"),
            (lines("1,2,3,4,5", "1,2,3,4,5"), "5 columns without names"),
        ],
    )
    def test_cells_that_do_not_fit_their_place_are_asked_about(
        self, read: Read, text: str, question: str
    ) -> None:
        with pytest.raises(InputError, match=f"{question}.*--columns"):
            read(text)

    def test_a_time_in_third_place_is_the_time(self, read: Read) -> None:
        table = read(lines("1,2,1300000000", "1,3,1300000500")).table
        assert table.ratings is None
        assert table.times is not None
        assert table.times.tolist() == [1300000000, 1300000500]
        table = read(lines("1,2,1300000000,4", "1,3,1300000500,5")).table
        assert table.ratings is not None
        assert table.ratings.tolist() == [4.0, 5.0]

    @pytest.mark.parametrize(
        "text",
        [
            lines("5,3,4,1", "3,1,2,3", "4,3,4,3", "3,3,1,5", "1,5,5,2"),
            lines("5 3 4 1", "3 1 2 3", "4 3 4 3", "3 3 1 5", "1 5 5 2"),
            lines("5\t3\t4\t1", "3\t1\t2\t3", "4\t3\t4\t3", "3\t3\t1\t5", "1\t5\t5\t2"),
            lines("1,5,3,4", "2,3,1,2", "3,4,3,4", "4,3,3,1", "5,1,5,5"),
            lines("1 5 3 4 1", "2 3 1 2 3", "3 4 3 4 3", "4 3 3 1 5", "5 1 5 5 2"),
            lines("1,5,3,4,1", "2,3,1,2,3", "3,4,3,4,3", "4,3,3,1,5", "5,1,5,5,2"),
            lines("0 1 0 1 1 0", "1 1 0 0 1 0", "0 0 0 1 1 1"),
            lines("user,item1,item2,item3,item4", "1,5,3,4,1", "2,3,1,2,3", "3,4,3,4,3"),
            lines("user,Heat,Alien,Toys,Jaws", "1,5,3,4,1", "2,3,1,2,3", "3,4,3,4,3"),
            lines("userId,1,2,3,4", "1,5,3,4,1", "2,3,1,2,3", "3,4,3,4,3"),
            lines("item1,item2,item3,item4", "5,3,4,1", "3,1,2,3", "4,3,4,3"),
            lines(",m1,m2,m3,m4", "0,5,3,4,1", "1,3,1,2,3", "2,4,3,4,3"),
        ],
    )
    def test_a_table_of_users_and_items_is_refused_with_the_way_out(
        self, read: Read, text: str
    ) -> None:
        with pytest.raises(InputError, match=r"one row a rating first.*melt"):
            read(text)

    @pytest.mark.parametrize(
        "text",
        [
            lines("1,1,5", "1,2,3", "2,1,4"),
            lines("1,1,5,10", "1,2,3,11", "2,1,4,12"),
            lines("196 242 3 881250949", "186 302 3 891717742", "22 377 1 878887116"),
            lines("0 1 2 3 4", "1 2 3 4 5"),
            lines("0 11 7 30 44", "1 52 9 31 44", "2 9 31 8 7"),
        ],
    )
    def test_small_tables_of_rows_and_lists_are_read(self, read: Read, text: str) -> None:
        assert len(read(text).table.users.codes) > 2


class TestChosenInPart:
    ROWS = lines("who,what,rating,timestamp", "a,b,4,1300000000", "c,b,2,1300000001")

    def records(self) -> list[dict[str, Any]]:
        return [
            {"who": "a", "what": "b", "rating": 4, "timestamp": 1300000000},
            {"who": "c", "what": "b", "rating": 2, "timestamp": 1300000001},
        ]

    def test_what_columns_does_not_name_is_recognised_in_every_format(
        self, read: Read, tmp_path: Path
    ) -> None:
        chosen = "user=who,item=what"
        expected = {"user": "who", "item": "what", "rating": "rating", "time": "timestamp"}
        texts = [
            self.ROWS,
            self.ROWS.replace(",", "\t"),
            self.ROWS.replace(",", ";"),
            lines(*(json.dumps(record) for record in self.records())),
        ]
        for text in texts:
            assert dict(read(text, columns=chosen).table.columns) == expected
        path = tmp_path / "t.parquet"
        frame = pd.DataFrame(self.records())
        frame.to_parquet(path)
        assert dict(read_any(str(path), FetchConfig(columns=chosen)).table.columns) == expected
        made = from_frame(frame, chosen)[0]
        assert made.data.tolist() == [4.0, 2.0]
        assert made.timestamps is not None

    def test_a_column_given_to_one_role_is_not_taken_for_another(self, read: Read) -> None:
        text = lines("user_id,movie,track_id,rating", "1,2,3,4")
        columns = read(text, columns="rating=track_id").table.columns
        assert (columns["item"], columns["rating"]) == ("movie", "track_id")

    @pytest.mark.parametrize(
        ("chosen", "expected"),
        [
            ("user=2,item=1", {"user": "2", "item": "1", "rating": "3", "time": "4"}),
            ("user=2", {"user": "2", "item": "1", "rating": "3", "time": "4"}),
            ("rating=4", {"user": "1", "item": "2", "rating": "4"}),
            ("rating=none,time=none", {"user": "1", "item": "2"}),
            ("rating=none", {"user": "1", "item": "2", "time": "4"}),
        ],
    )
    def test_numbers_may_name_some_of_the_columns(
        self, read: Read, chosen: str, expected: dict[str, str]
    ) -> None:
        text = lines("1,2,3,1300000000", "1,4,5,1300000001")
        assert dict(read(text, columns=chosen).table.columns) == expected

    def test_one_column_for_two_roles_is_refused(self, read: Read) -> None:
        with pytest.raises(UsageError, match=r"'who'.*two roles"):
            read(self.ROWS, columns="user=who,item=1")


class TestRatings:
    @pytest.mark.parametrize("name", ["foo", "fondness", "alama", "nhelpful"])
    def test_numbers_that_nobody_takes_are_named(self, read: Read, name: str) -> None:
        text = lines(f"user_id,item_id,{name}", "1,2,3", "1,3,4", "2,2,2")
        events: list[Event] = []
        assert read(text, events).table.ratings is None
        [warned] = [event for event in events if isinstance(event, Warned)]
        assert warned.code is WarningCode.rating_column
        assert f"--columns rating={name}" in warned.message
        assert "rating=none" in warned.message
        for answer in (name, "none"):
            events.clear()
            read(text, events, columns=f"rating={answer}")
            assert not [event for event in events if isinstance(event, Warned)]

    @pytest.mark.parametrize(
        "name", ["price", "age", "zip", "category_id", "order_id", "year", "latitude", "avg_rating"]
    )
    def test_numbers_of_something_else_are_no_news(self, read: Read, name: str) -> None:
        events: list[Event] = []
        read(lines(f"user_id,item_id,{name}", "1,2,3", "1,3,4", "2,2,2"), events)
        assert not [event for event in events if isinstance(event, Warned)]

    @pytest.mark.parametrize(
        ("first", "second"),
        [("rating_x", "rating_y"), ("score", "stars"), ("hours", "liked"), ("clicks", "purchases")],
    )
    def test_two_ratings_that_are_as_good_are_asked_about(
        self, read: Read, first: str, second: str
    ) -> None:
        text = lines(f"user,item,{first},{second}", "1,2,3,1", "2,2,4,0")
        with pytest.raises(InputError, match=f"{first} or {second}.*--columns rating={first}"):
            read(text)
        assert read(text, columns=f"rating={second}").table.columns["rating"] == second

    @pytest.mark.parametrize(
        ("names", "taken"),
        [
            ("rating,count", "rating"),
            ("score,count", "score"),
            ("vote,overall", "overall"),
            ("play_duration,watch_ratio", "watch_ratio"),
            ("playtime_2weeks,playtime_forever", "playtime_forever"),
            ("rating,rating_count", "rating"),
            ("stars,useful", "stars"),
        ],
    )
    def test_the_better_known_one_is_taken(self, read: Read, names: str, taken: str) -> None:
        table = read(lines(f"user,item,{names}", "1,2,3,1", "2,2,4,0")).table
        assert table.columns["rating"] == taken

    @pytest.mark.parametrize(
        ("names", "role"),
        [
            ("user_id,customer_id,item_id", "user"),
            ("user_id,movie_id,book_id", "item"),
            ("user1,user2,item", "user"),
        ],
    )
    def test_two_ids_that_are_as_good_are_asked_about(
        self, read: Read, names: str, role: str
    ) -> None:
        with pytest.raises(InputError, match=f"the {role} could be .* or .*--columns {role}="):
            read(lines(names, "1,2,3", "2,2,4"))

    @pytest.mark.parametrize(
        ("names", "user", "item"),
        [
            ("artist,track_id,user,user_id", "user_id", "track_id"),
            ("reviewerName,reviewerID,title,asin", "reviewerID", "asin"),
            ("session_id,user_id,item_name,item_id", "user_id", "item_id"),
            ("author_id,book_id,user_name,uid", "uid", "book_id"),
            ("category,product,brand,customer", "customer", "product"),
        ],
    )
    def test_the_more_specific_id_is_taken(
        self, read: Read, names: str, user: str, item: str
    ) -> None:
        columns = read(lines(names, "1,2,3,4", "5,6,7,8")).table.columns
        assert (columns["user"], columns["item"]) == (user, item)


def test_fetch_shows_what_was_read_as_what(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(lines("track_id,user,artist,plays", "1,a,x,3", "2,a,x,4", "2,b,x,5"))
    events: list[Event] = []
    result = fetch(str(path), tmp_path / "out.npz", FetchConfig(), events.append)
    assert result.document()["columns"] == {
        "user": {"column": "user", "distinct": 2},
        "item": {"column": "track_id", "distinct": 2},
        "rating": {"column": "plays"},
    }
    assert any("item=track_id (rather than artist)" in str(event) for event in events)


@pytest.mark.parametrize(
    ("cells", "warned"),
    [([3, 7, 4], True), ([1300000000, 1300000500, 1400000000], False), (["a", "b", "c"], False)],
)
def test_what_a_column_of_parquet_holds_is_seen_without_reading_it(
    tmp_path: Path, cells: list[Any], warned: bool
) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"user": [1, 2, 3], "item": [4, 5, 6], "foo": cells}).to_parquet(path)
    events: list[Event] = []
    read_any(str(path), FetchConfig(), events.append)
    assert any(isinstance(event, Warned) for event in events) == warned


@pytest.mark.parametrize(
    ("text", "ratings"),
    [
        (lines("user,item,liked", "1,2,true", "1,3,false"), [1.0, 0.0]),
        (lines("user,item,is_recommended", "1,2,True", "1,3,False"), [1.0, 0.0]),
        (
            lines(
                '{"user": 1, "item": 2, "liked": true}', '{"user": "a", "item": 3, "liked": false}'
            ),
            [1.0, 0.0],
        ),
        (lines("1,a,true", "2,b,false"), [1.0, 0.0]),
        (lines("1,a,4/5", "2,b,3/5"), [4.0, 3.0]),
        (lines("user,item,label", "1,2,cat", "1,3,dog"), None),
        (lines("user,item,note", "1,2,a good one", "1,3,"), None),
        (lines("user,item,early_access", "1,2,true", "1,3,false"), None),
    ],
)
def test_ratings_in_words_are_ratings_and_other_texts_are_none(
    read: Read, text: str, ratings: list[float] | None
) -> None:
    events: list[Event] = []
    table = read(text, events).table
    assert (None if table.ratings is None else table.ratings.tolist()) == ratings
    assert not [event for event in events if isinstance(event, Warned)]
