"""Parquet and JSON lines: cells keep what they say, whatever type holds them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfcli.config import FetchConfig
from mfcli.data.building import RawRows
from mfcli.errors import InputError, UsageError
from mfcli.sources.readers import columnar as parquet_format
from mfcli.sources.reading import read_any

Parquet = Callable[..., RawRows]
Lines = Callable[..., RawRows]


@pytest.fixture
def parquet(tmp_path: Path) -> Parquet:
    """Return a function that writes columns as Parquet and reads them as fetch does."""

    def call(table: dict[str, Any], **options: Any) -> RawRows:
        path = tmp_path / "ratings.parquet"
        pq.write_table(pa.table(table), path)
        return read_any(str(path), FetchConfig(**options)).rows()

    return call


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    """Return a function that writes lines of JSON and reads them as fetch does."""

    def call(*texts: str, **options: Any) -> RawRows:
        path = tmp_path / "ratings.jsonl"
        path.write_text("".join(text + "\n" for text in texts), "utf-8")
        return read_any(str(path), FetchConfig(**options)).rows()

    return call


class TestParquet:
    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            (pa.array([3, 1, 3], pa.int64()), [3, 1, 3]),
            (pa.array([3, 1, 3], pa.uint8()), [3, 1, 3]),
            (pa.array([2**64 - 1, 1, 3], pa.uint64()), [str(2**64 - 1), "1", "3"]),
            (pa.array(["b", "a", "b"]), ["b", "a", "b"]),
            (pa.array(["3", "1", "3"], pa.large_string()), [3, 1, 3]),
            (pa.array(["007", "1", "3"]), ["007", "1", "3"]),
            (pa.array(["b", "a", "b"]).dictionary_encode(), ["b", "a", "b"]),
            (pa.array([3.0, 1.0, 3.0]), [3, 1, 3]),
            (pa.array([3.0, 1.0, 3.0], pa.float32()), [3, 1, 3]),
            (pa.array([Decimal(3), Decimal(1), Decimal(3)], pa.decimal128(38, 0)), [3, 1, 3]),
            (pa.array([Decimal("3.00"), Decimal("1.00"), Decimal("3.00")]), [3, 1, 3]),
            (pa.array([3, 1, 3]).dictionary_encode(), [3, 1, 3]),
            (pa.array([b"b", b"a", b"b"]), ["b", "a", "b"]),
            (pa.array(["b ", " a", "b"]), ["b", "a", "b"]),
            (
                pa.array([bytes(range(16)), bytes(16)], pa.binary(16)),
                [
                    "00010203-0405-0607-0809-0a0b0c0d0e0f",
                    "00000000-0000-0000-0000-000000000000",
                ],
            ),
        ],
    )
    def test_ids_are_integers_or_text(
        self, parquet: Parquet, ids: pa.Array, expected: list[Any]
    ) -> None:
        rows = parquet({"user_id": ids, "item_id": ids})
        assert rows.users.tolist() == rows.items.tolist() == expected
        assert rows.ratings is None
        assert rows.times is None

    @pytest.mark.parametrize(
        "ratings",
        [
            pa.array([0.0, 2.5], pa.float64()),
            pa.array([0.0, 2.5], pa.float32()),
            pa.array([Decimal("0.0"), Decimal("2.5")]),
            pa.array(["0", "2.5"]),
        ],
    )
    def test_ratings_are_numbers_of_any_type(self, parquet: Parquet, ratings: pa.Array) -> None:
        rows = parquet({"user": [1, 2], "item": [1, 2], "rating": ratings})
        assert rows.ratings is not None
        assert rows.ratings.tolist() == [0.0, 2.5]

    @pytest.mark.parametrize(
        "times",
        [
            pa.array([86400, 0]),
            pa.array([86400.7, -0.5]),
            pa.array(["1970-01-02", "1970-01-01"]),
            pa.array([date(1970, 1, 2), date(1970, 1, 1)]),
            pa.array([datetime(1970, 1, 2), datetime(1970, 1, 1)], pa.timestamp("us")),
            pa.array(
                [datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
                pa.timestamp("ns", "Europe/Paris"),
            ),
        ],
    )
    def test_times_become_seconds(self, parquet: Parquet, times: pa.Array) -> None:
        rows = parquet({"user": [1, 2], "item": [1, 2], "timestamp": times})
        assert rows.times is not None
        assert rows.times.tolist() == [86400, 0]

    def test_columns_may_be_chosen(self, parquet: Parquet) -> None:
        rows = parquet({"a": [1], "b": [2], "c": [3.0]}, columns="user=b,item=a,rating=3")
        assert (rows.users.tolist(), rows.items.tolist()) == ([2], [1])
        with pytest.raises(UsageError, match="no column 'z'"):
            parquet({"a": [1], "b": [2]}, columns="user=z,item=a")

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"user": [1, None], "item": [1, 2]}, "row 2: the user is missing"),
            ({"user": [1, 2], "item": ["a", ""]}, "row 2: the item is missing"),
            (
                {"user": [1], "item": [1], "rating": pa.array([None], pa.float32())},
                "row 1: the rating is missing",
            ),
            ({"user": [1, 1], "item": [1, 2], "rating": [1.0, float("nan")]}, "row 2: the rating"),
            ({"user": [1, 1.5], "item": [1, 2]}, "row 2: the user 1.5 is not a whole number"),
            ({"user": [Decimal("1.5")], "item": [1]}, "row 1: the user 1.5 is not a whole number"),
            ({"user": [True], "item": [1]}, "'user' holds bool, and user needs integers or str"),
            ({"user": [date(2020, 1, 1)], "item": [1]}, "'user' holds date32"),
            ({"user": [1.0, float("nan")], "item": [1, 2]}, "row 2: the user is missing"),
            ({"user": [1], "item": [[1]]}, "item needs"),
            ({"user": [1], "item": [1], "rating": [b"x"]}, "rating needs numbers"),
            ({"who": [1], "item": [1]}, "no column has a name that is known for the user"),
            ({"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64())}, "holds no rows"),
        ],
    )
    def test_what_cannot_be_used_is_named(
        self, parquet: Parquet, columns: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            parquet(columns)

    def test_a_dictionary_may_hold_what_no_row_uses(self, parquet: Parquet) -> None:
        ids = pa.DictionaryArray.from_arrays(pa.array([1, 1]), pa.array(["", "5", "x"]))
        assert parquet({"user": ids, "item": ids}).users.tolist() == [5, 5]

    def test_many_batches_make_one_table(
        self, parquet: Parquet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parquet_format, "BATCH_ROWS", 7)
        users = [str(number % 13) for number in range(100)]
        rows = parquet({"user": users, "item": list(range(100)), "rating": [1.0] * 100})
        assert rows.users.tolist() == [int(user) for user in users]
        assert rows.items.tolist() == list(range(100))

    def test_a_damaged_file_is_refused(self, parquet: Parquet, tmp_path: Path) -> None:
        parquet({"user": [1], "item": [1]})
        path = tmp_path / "ratings.parquet"
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(InputError, match="not a complete Parquet file"):
            read_any(str(path), FetchConfig())

    @pytest.mark.parametrize("packing", ["gzip", "zip"])
    def test_it_is_read_from_an_archive_too(
        self, parquet: Parquet, tmp_path: Path, packing: str
    ) -> None:
        parquet({"user": [1, 2], "item": ["x", "y"]})
        path, packed = tmp_path / "ratings.parquet", tmp_path / "packed"
        if packing == "gzip":
            packed.write_bytes(gzip.compress(path.read_bytes()))
        else:
            with zipfile.ZipFile(packed, "w") as archive:
                archive.write(path, "set/ratings.parquet")
        assert read_any(str(packed), FetchConfig()).rows().items.tolist() == ["x", "y"]


numbers = st.integers(-(2**66), 2**66)
objects = st.fixed_dictionaries(
    {
        "user": st.integers(0, 20) | numbers | st.text("ab0\u00e9", min_size=1, max_size=4),
        "item": st.integers(0, 20) | st.sampled_from(["1", "x", "007"]),
        "rating": st.integers(-5, 5) | st.floats(-1e6, 1e6, width=32),
    },
    optional={"note": st.none() | st.booleans() | st.lists(st.integers())},
)


class TestJsonLines:
    @settings(
        max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(objects, min_size=1, max_size=10))
    def test_it_equals_a_naive_reader(self, lines: Lines, table: list[dict[str, Any]]) -> None:
        rows = lines(*(json.dumps(row) for row in table))
        assert [str(user) for user in rows.users.tolist()] == [str(row["user"]) for row in table]
        assert [str(item) for item in rows.items.tolist()] == [str(row["item"]) for row in table]
        assert rows.ratings is not None
        assert rows.ratings.tolist() == [float(row["rating"]) for row in table]

    def test_a_number_too_large_for_64_bits_keeps_its_digits(self, lines: Lines) -> None:
        rows = lines('{"user": 12345678901234567890, "item": 1}', '{"user": 2, "item": 1}')
        assert rows.users.tolist() == ["12345678901234567890", "2"]

    def test_fields_may_come_in_any_order_and_blank_lines_are_nothing(self, lines: Lines) -> None:
        rows = lines(
            '{"asin": "B1", "reviewerID": "A", "overall": 5.0, "unixReviewTime": 1}',
            "",
            '{"unixReviewTime": 2, "overall": 3, "reviewerID": "B", "asin": "B2"}',
        )
        assert rows.users.tolist() == ["A", "B"]
        assert rows.times is not None
        assert rows.times.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"user": 2}', "line 3: the item is missing"),
            ('{"user": null, "item": 1, "rating": 1}', "line 3: the user is missing"),
            ('{"user": 2, "item": 1}', "line 3: the rating is missing"),
            ('{"user": 2, "item": 1, "rating": "x"}', "line 3: the rating 'x'"),
            ('{"user": 2, "item": 1, "rating": NaN}', "line 3: the rating"),
            ('{"user": [2], "item": 1, "rating": 1}', "line 3: the user is neither"),
            ('{"user": true, "item": 1, "rating": 1}', "line 3: the user is neither"),
            ('{"user": 2, "item": 1, "rating": 1', "line 3: it is not a JSON object"),
            ("[1, 2]", "line 3: it is not a JSON object"),
            ('{"user": 2, "item": "a\\u0000b", "rating": 1}', "line 3: the item id holds a NUL"),
        ],
    )
    def test_what_cannot_be_used_is_named_with_its_line(
        self, lines: Lines, text: str, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            lines('{"user": 1, "item": 1, "rating": 1}', "", text)

    def test_bytes_that_are_not_utf8_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"user": 1, "item": "\xe9"}\n')
        with pytest.raises(InputError, match="line 1: it is not UTF-8"):
            read_any(str(path), FetchConfig())
