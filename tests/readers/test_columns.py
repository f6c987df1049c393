"""Columns: recognised by the words of their names, asked about where that is no answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import FetchConfig
from mfcli.errors import InputError
from mfcli.events import Event, OnEvent, Warned
from mfcli.sources.readers.columns import Columns, by_name
from mfcli.sources.reading import read_any
from tests.readers.export_tables import EXPORTS
from tests.readers.public_tables import TABLES, PublicTable

Roles = Callable[..., dict[str, str]]


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roles:
    """Return a function that writes a table and returns role → column, as fetch takes them."""
    taken: list[Columns] = []
    tell = Columns.tell

    def listen(columns: Columns, where: str, kind: str, on_event: OnEvent) -> None:
        taken.append(columns)
        tell(columns, where, kind, on_event)

    monkeypatch.setattr(Columns, "tell", listen)

    def call(text: str, events: list[Event] | None = None, **options: Any) -> dict[str, str]:
        path = tmp_path / "table.txt"
        path.write_text(text, "utf-8")
        taken.clear()
        heard: list[Event] = [] if events is None else events
        try:
            read_any(str(path), FetchConfig(**options), heard.append)
        except InputError:
            if not taken:
                raise
            # The columns are known; that a cell cannot be read as what they say is another matter.
        return taken[-1].used()

    return call


@pytest.mark.parametrize("table", [*TABLES, *EXPORTS], ids=lambda table: table.cite)
def test_a_public_table_is_read_as_it_is_meant(roles: Roles, table: PublicTable) -> None:
    """Every column has its role, or the refusal asks for what the file does not say."""
    if table.question:
        with pytest.raises(InputError, match=table.question) as error:
            roles(table.text)
        assert "--columns" in str(error.value)
        assert "\n" not in str(error.value)
        return
    events: list[Event] = []
    found = roles(table.text, events)
    assert found == dict(re.findall(r"(\w+)=(.+?)(?= \w+=|$)", table.roles))
    assert [event for event in events if isinstance(event, Warned)] == []


# Names as they are met, by role; each with words alone, as ``split_words`` would give them.
NAMES = {
    "user": (
        ("user", "id"), ("user",), ("reviewer", "id"), ("customer", "id"), ("visitor", "id"),
        ("member", "id"), ("account", "id"), ("client", "id"), ("buyer", "id"),
        ("listener", "id"), ("player", "id"), ("anonymous", "id"), ("session", "id"),
        ("review", "user", "id"), ("my", "user", "id"),
    ),
    "item": (
        ("item", "id"), ("movie", "id"), ("film", "id"), ("book", "id"), ("product", "id"),
        ("article", "id"), ("track", "id"), ("artist", "id"), ("song", "id"), ("game", "id"),
        ("app", "id"), ("recipe", "id"), ("business", "id"), ("venue", "id"), ("place", "id"),
        ("hotel", "id"), ("beer", "id"), ("wine", "id"), ("joke", "id"), ("course", "id"),
        ("video", "id"), ("post", "id"), ("event", "id"), ("item",), ("movie",),
        ("stock", "code"), ("product", "code"),
    ),
    "rating": (
        ("rating",), ("score",), ("stars",), ("preference",), ("my", "score"), ("book", "rating"),
        ("star", "rating"), ("user", "rating"), ("play", "count"), ("plays",), ("hours",),
        ("weight",), ("quantity",), ("watch", "ratio"), ("overall",), ("review", "score"),
        ("times", "played"), ("listen", "count"),
    ),
    "time": (
        ("timestamp",), ("unix", "time"), ("review", "time"), ("created", "at"), ("rated", "at"),
        ("event", "time"), ("date",), ("date", "added"), ("review", "date"), ("order", "date"),
    ),
}  # fmt: skip
# Columns that mean nothing here, and that no role may be given to.
OTHERS = (
    "title", "movie_title", "user_name", "artist_name", "genre", "category", "author", "price",
    "unit_price", "age", "gender", "zip_code", "user_count", "num_ratings", "avg_rating",
    "rating_count", "helpful_votes", "review_id", "order_id", "review_text", "summary", "verified",
    "image_url", "brand", "country", "latitude", "release_date", "category_id", "index", "",
    "Unnamed: 0", "item_price", "item_category", "user_age",
)  # fmt: skip


def _camel(words: tuple[str, ...]) -> str:
    return words[0] + "".join(word.upper() if word == "id" else word.title() for word in words[1:])


STYLES: dict[str, Callable[[tuple[str, ...]], str]] = {
    "snake": "_".join,
    "kebab": "-".join,
    "blanks": " ".join,
    "dots": ".".join,
    "camel": _camel,
    "pascal": lambda words: "".join(word.title() for word in words),
    "joined": "".join,
    "upper": lambda words: "_".join(words).upper(),
    "padded": lambda words: f"  {'_'.join(words)} ",
    "prefixed": lambda words: "ratings." + "_".join(words),
}
REMARKS = ("", " (1-5)", " [x]", "(raw)")


@st.composite
def headers(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Names of columns in any order, and role → the one that has it."""
    wanted = {
        role: draw(st.sampled_from(NAMES[role]))
        for role in ("user", "item", *draw(st.sets(st.sampled_from(["rating", "time"]))))
    }
    style = STYLES[draw(st.sampled_from(sorted(STYLES)))]
    named = {}
    for role, words in wanted.items():
        name = style(words) + (draw(st.sampled_from(REMARKS)) if role == "rating" else "")
        if draw(st.booleans()):
            name = "".join(draw(st.sampled_from([char.lower(), char.upper()])) for char in name)
        named[role] = name
    others = draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=5))
    return draw(st.permutations([*named.values(), *others])), named


@settings(max_examples=150, deadline=None)
@given(headers())
def test_case_separators_units_order_and_other_columns_change_no_role(
    case: tuple[list[str], dict[str, str]],
) -> None:
    names, expected = case
    assert by_name(names, {}, "t.csv").used() == expected
