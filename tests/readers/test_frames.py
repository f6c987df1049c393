"""A DataFrame becomes what the same table in a Parquet file would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mfcli.config import Duplicates, FetchConfig
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.sources import frames
from mfcli.sources.reading import read_interactions
from tests.helpers import entries, equal

FRAMES: dict[str, dict[str, Any]] = {
    "usual names": {"userId": [2, 1, 2], "movieId": [9, 8, 7], "rating": [1.0, 0.0, 5.0]},
    "text": {"user": ["b", "a", "b"], "item": ["x", "y", "z"]},
    "text that is integers": {"user": ["2", "1", "10"], "item": ["x", "y", "z"]},
    "categories": {
        "user": pd.Categorical(["b", "a", "b"]),
        "item": pd.Categorical([7, 8, 7]),
    },
    "nullable": {
        "user": pd.array([2, 1, 2], dtype="Int32"),
        "item": pd.array(["x", "y", "x"], dtype="string"),
        "rating": pd.array([1.5, 2.5, 3.5], dtype="Float64"),
    },
    "dates": {
        "user": [1, 2, 3],
        "item": [4, 5, 6],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"], utc=True),
    },
    "extra columns": {"genre": ["a", "b", "c"], "item": [1, 2, 3], "user": [1, 2, 3]},
    "doubles": {"user": [1, 1], "item": [2, 2], "rating": [3, 4], "time": [9, 8]},
}


def from_frame(*asked: Any, **options: Any) -> Interactions:
    return frames.from_frame(*asked, **options)[0]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read_as_its_parquet_file_is(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(FRAMES[name])
    frame.to_parquet(tmp_path / "t.parquet")
    expected, _ = read_interactions(str(tmp_path / "t.parquet"), FetchConfig())
    assert equal(from_frame(frame), expected)


def test_the_index_does_not_matter() -> None:
    frame = pd.DataFrame({"user": [1, 2], "item": [3, 4]}, index=[7, 7])
    assert equal(from_frame(frame), from_frame(frame.reset_index(drop=True)))


@pytest.mark.parametrize("columns", ["user=who,item=what", {"user": "who", "item": "what"}])
def test_columns_can_be_named(columns: Any) -> None:
    frame = pd.DataFrame({"what": [5], "who": [6], "user": [7]})
    assert from_frame(frame, columns).catalog.user_ids.tolist() == [6]


def test_names_of_columns_need_not_be_text() -> None:
    frame = pd.DataFrame([[1, 2, 3.5]])
    assert entries(from_frame(frame, {"user": "0", "item": "1", "rating": "2"})) == [
        (0, 0, 3.5, None)
    ]


def test_names_and_what_becomes_of_doubles() -> None:
    frame = pd.DataFrame({"user": [1, 1], "item": [2, 2], "rating": [3, 4]})
    made = from_frame(frame, item_names={2: "Two"}, duplicates=Duplicates.sum)
    assert made.data.tolist() == [7.0]
    assert made.catalog.item_names is not None
    assert made.catalog.item_names.tolist() == ["Two"]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"a": [1], "b": [2]}, "user"),
        ({"user": [1.5], "item": [2]}, "position 0: the user 1.5 is not a whole number"),
        ({"user": [None, "a"], "item": [1, 2]}, "row at position 0: the user is missing"),
        ({"user": ["a", " "], "item": [1, 2]}, "row at position 1: the user is missing"),
        ({"user": [1, "a"], "item": [1, 2]}, "column 'user' cannot be read"),
        (
            {"user": pd.Series(["\ud800"], dtype=object), "item": [1]},
            "column 'user' cannot be read",
        ),
        ({"user": [1, 2], "item": [1, 2], "rating": [1, None]}, "1: the rating is missing"),
        ({"user": [1, 2], "item": [1, 2], "rating": [1, float("inf")]}, "not a finite number"),
        ({"user": [], "item": []}, "holds"),
    ],
)
def test_what_cannot_be_used_is_refused(table: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError) as error:
        from_frame(pd.DataFrame(table))
    assert "the DataFrame" in str(error.value)
    assert reason in str(error.value)


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["user", "item", "user"])
    with pytest.raises(InputError, match="two columns 'user'"):
        from_frame(frame)


@pytest.mark.parametrize("columns", [{"user": "c"}, {"user": "a", "item": "b", "thing": "c"}])
def test_columns_are_checked(columns: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="columns"):
        from_frame(pd.DataFrame({"a": [1], "b": [2]}), columns)
