"""Ratings as people write them, and values that are no ratings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import mfcli
from mfcli.artifacts import load_interactions
from mfcli.config import FetchConfig
from mfcli.data.values import advise, find_peculiar
from mfcli.errors import InputError, UsageError
from mfcli.events import Event, Noted, Warned
from mfcli.sources.readers.values import RatingColumnBuilder
from mfcli.sources.reading import read_any, read_interactions
from tests.conftest import Cli


def column(*parts: list[Any]) -> tuple[list[float], str]:
    """Read a column in so many chunks; return what it holds, and what is said of it."""
    builder = RatingColumnBuilder()
    for part in parts:
        assert builder.add(pa.array(part)) is None
    read = builder.finish()
    assert read is not None
    return read.tolist(), builder.remark


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["3", "+4.5", " 2 ", "1e1"], [3, 4.5, 2, 10]),
        (["3,5", "4", "2,75"], [3.5, 4, 2.75]),
        (["3,125", "4,5"], [3.125, 4.5]),  # the other row tells that the comma is a point
        (["0,125", "0,5"], [0.125, 0.5]),
        (["-7,75", "8,125"], [-7.75, 8.125]),
        (["4/5", "3/5"], [4, 3]),
        (["8 / 10", "9.5/10"], [8, 9.5]),
        (["4.0 out of 5 stars", "1.0 out of 5 stars"], [4, 1]),
        (["4,0 von 5 Sternen", "5,0 von 5 Sternen"], [4, 5]),
        (["5 stars", "1 star", "4.5"], [5, 1, 4.5]),
        (["5-star", "4★"], [5, 4]),
        (["★★★★", "★★½", "★☆☆☆☆", "½"], [4, 2.5, 1, 0.5]),
        (["⭐⭐⭐", "⭐️⭐️", "*****"], [3, 2, 5]),
        (["85%", "90 %", "7.5%"], [85, 90, 7.5]),
        (["True", "False"], [1, 0]),
        (["like", "DISLIKE", "Like"], [1, 0, 1]),
        (["thumbs up", "thumbs down"], [1, 0]),
        (["up", "down"], [1, 0]),
        (["👍", "👎️"], [1, 0]),
        (["yes", "no"], [1, 0]),
        (["Recommended", "Not Recommended"], [1, 0]),
        (["it was amazing", "did not like it"], [5, 1]),
        ([True, False], [1, 0]),
        ([4, 5], [4, 5]),
        ([4.25, -1.0], [4.25, -1]),
    ],
)
def test_a_rating_is_the_number_that_it_means(texts: list[Any], values: list[float]) -> None:
    assert column(texts)[0] == values
    assert column(texts[:1], texts[1:])[0] == values
    if isinstance(texts[0], str):
        assert column(pa.array(texts).dictionary_encode())[0] == values


def test_how_ratings_were_read_is_said_unless_they_are_numbers() -> None:
    assert column(["3,5", "4"])[1] == "the rating is read as a number: '3,5' as 3.5"
    assert "'Like' as 1, 'dislike' as 0" in column(["Like"], ["dislike", "Like"])[1]
    assert column(["3.5", "4"])[1] == ""


BAD = {
    "no number": (["4", "good film"], 3, "'good film' is not a finite number.*--columns rating="),
    "infinite": (["4", "1e99"], 3, "'1e99' is not a finite number"),
    "missing": (
        ["4", "", "NULL"],
        3,
        "the rating is missing, and 2 of 3 rows lack a value: .*--drop-missing",
    ),
    "nan": (["4", "nan"], 3, "the rating is missing"),
    "two scales": (["4/5", "8/10"], 3, "'8/10' is written otherwise than '4/5'"),
    "a number and a scale": (["4", "4/5"], 3, "'4/5' is written otherwise than '4'"),
    "a word and a number": (["like", "3"], 3, "'3' is written otherwise than 'like'"),
    "words of two kinds": (["like", "no"], 3, "'no' is written otherwise than 'like'"),
    "one word only of a kind": (["4", "true"], 3, "'true' is written otherwise"),
    "thousands": (["87", "1,234"], 3, "'1,234' can be read as 1.234 or as 1234"),
}


@pytest.mark.parametrize(("texts", "line", "said"), BAD.values(), ids=BAD)
def test_what_is_not_clear_is_refused_by_line(
    tmp_path: Path, texts: list[str], line: int, said: str
) -> None:
    path = tmp_path / "r.tsv"
    rows = [f"1\t{item}\t{text}\n" for item, text in enumerate(texts)]
    path.write_text("user\titem\trating\n" + "".join(rows))
    with pytest.raises(InputError, match=f"line {line}: .*{said}"):
        read_any(str(path), FetchConfig(header=True))


def test_rows_without_a_value_are_left_out_and_counted(tmp_path: Path, cli: Cli) -> None:
    """--drop-missing governs missing ratings and times as it does missing ids."""
    source, out = tmp_path / "r.csv", tmp_path / "r.npz"
    source.write_text(
        "user,item,rating,time\n1,2,5,1577815500\n1,3,NULL,1577815500\n,4,nan,\n2,2,4,NaT\n"
        "2,3,4,1577815500\n"
    )
    refused = cli("fetch", source, "--out", out)
    assert refused.exit_code == 3
    assert "line 4: the user is missing" in refused.stderr
    found = json.loads(cli("fetch", source, "--out", out, "--json", "--drop-missing").stdout)
    assert (found["without_id"], found["valueless"], found["n_ratings"]) == (1, 2, 2)
    assert found["rows_read"] == 5
    assert found["times"] == "2019-12-31 18:05:00 to 2019-12-31 18:05:00 UTC"
    source.write_text("user,item,rating\n1,2,5\n1,3,NULL\n2,2,\n")
    refused = cli("fetch", source, "--out", out)
    assert "line 3: the rating is missing ('NULL'), and 2 of 3 rows lack a value" in refused.stderr
    left = json.loads(cli("fetch", source, "--out", out, "--json", "--drop-missing").stdout)
    assert left["valueless"] == 2


@given(st.lists(st.integers(-999, 999), min_size=1), st.sampled_from([",", "."]))
@settings(max_examples=50, deadline=None)
def test_decimals_come_back_with_comma_or_point(hundredths: list[int], mark: str) -> None:
    texts = [f"{number / 100:.2f}".replace(".", mark) for number in hundredths]
    expected = [float(np.float32(number / 100)) for number in hundredths]
    assert column(texts)[0] == pytest.approx(expected)


def spread(**counts: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return values v1=…, each so many times; _ stands for the sign."""
    values = [float(name[1:].replace("_", "-").replace("h", ".5")) for name in counts]
    return np.repeat(values, list(counts.values())).astype(np.float32)


RANDOM = np.random.default_rng(0)
PECULIAR = {
    "anime": (spread(v_1=19, v1=1, v5=4, v7=20, v8=30, v9=20, v10=20), (-1.0,)),
    "one −1": (spread(v_1=1, v1=100, v2=100, v3=100, v10=200), (-1.0,)),
    "Book-Crossing": (spread(v0=62, v1=1, v2=1, v3=1, v4=1, v5=5, v6=4, v7=7, v8=9, v10=9), (0.0,)),
    "Goodreads": (spread(v0=54, v1=1, v2=2, v3=9, v4=16, v5=18), (0.0,)),
    "zero below a gap": (spread(v0=3, v2=10, v3=20, v4=30, v5=20), (0.0,)),
    "both": (spread(v_1=30, v0=60, v1=2, v2=3, v3=9, v4=16, v5=18), (-1.0, 0.0)),
    "Jester": (np.append(RANDOM.uniform(-10, 10, 900), [99] * 100).astype(np.float32), (99.0,)),
    "999": (spread(v1=5, v2=5, v3=9, v4=9, v5=9, v999=3), (999.0,)),
    "−999": (spread(v_999=3, v1=5, v2=5, v3=9, v4=9), (-999.0,)),
    "0 and 1": (spread(v0=40, v1=60), (0.0,)),
    "−1 and 1": (spread(v_1=40, v1=60), (-1.0,)),
    "−1, 0, 1": (spread(v_1=40, v0=5, v1=60), (-1.0, 0.0)),
    "all 0": (spread(v0=4), (0.0,)),
    "a large sample": (np.tile(spread(v_1=1, v1=300, v2=300, v3=400), 2000), (-1.0,)),
}
ORDINARY = {
    "stars": spread(v1=6, v2=11, v3=27, v4=34, v5=21),
    "half stars": spread(v0h=1, v1=3, v1h=2, v2=7, v2h=5, v3=20, v3h=13, v4=27, v4h=9, v5=13),
    "0 to 5": spread(v0=3, v1=6, v2=11, v3=27, v4=34, v5=21),
    "0 to 10, often 0": spread(v0=9, v1=4, v2=2, v3=3, v4=4, v5=8, v6=9, v7=15, v8=20, v9=9, v10=9),
    "Jester": RANDOM.uniform(-10, 10, 1000).astype(np.float32),
    "−5 to 5": spread(v_5=3, v_3=4, v_1=5, v1=9, v3=9, v5=4),
    "−2 to 2": spread(v_2=10, v_1=10, v0=10, v1=10, v2=10),
    "clicks": spread(v1=100),
    "1 and 2": spread(v1=50, v2=50),
    "1 and 5": spread(v1=50, v5=50),
    "counts": RANDOM.zipf(1.6, 5000).astype(np.float32),
    "counts with 99": spread(v1=50, v2=30, v3=10, v50=3, v80=1, v99=1),
    "per cent": RANDOM.integers(0, 101, 1000).astype(np.float32),
    "shares": RANDOM.uniform(0, 1, 1000).astype(np.float32),
    "nothing": np.zeros(0, np.float32),
}


@pytest.mark.parametrize(("values", "apart"), PECULIAR.values(), ids=PECULIAR)
def test_values_apart_from_the_scale_are_found(values: Any, apart: tuple[float, ...]) -> None:
    found = find_peculiar(values)
    assert found is not None
    assert found.apart == apart
    assert all(f"--drop-value {value:g}" in advise(found) for value in apart)
    assert "--threshold" in advise(found)


@pytest.mark.parametrize("values", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_values_are_not_alarming(values: Any) -> None:
    assert find_peculiar(values) is None


BOOKS = "".join(
    f"{user},{item},{(user * item) % 3 and 7}\n" for user in range(9) for item in range(9)
)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "books.csv"
    path.write_text("user,item,rating\n" + BOOKS + "1,0,8\n2,2,0\n")
    return path


def warned(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Warned)]


def test_rows_of_a_value_are_left_out_before_repeats_are_merged(books: Path) -> None:
    events: list[Event] = []
    matrix, facts = read_interactions(str(books), FetchConfig(drop_value=[0]), events.append)
    rated = {(u, i): 7.0 for u in range(9) for i in range(9) if u * i % 3} | {(1, 0): 8.0}
    ids = matrix.catalog
    entries = zip(ids.user_ids[matrix.users], ids.item_ids[matrix.indices], strict=True)
    assert dict(zip(entries, matrix.data.tolist(), strict=True)) == rated
    assert facts.dropped_values == 83 - len(rated)
    assert facts.rows_read == 83
    assert facts.duplicates == 0
    assert matrix.n_users == 6  # users 0, 3 and 6 rated nothing
    assert not warned(events)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the values are labels"),
        ({"threshold": 1.0}, None),
        ({"drop_value": [0]}, None),
        ({"drop_value": [5]}, "no row has the value 5"),
    ],
)
def test_an_answer_silences_the_warning(
    tmp_path: Path, options: dict[str, Any], said: str | None
) -> None:
    path = tmp_path / "likes.csv"
    path.write_text("user,item,liked\n1,1,1\n1,2,0\n2,1,1\n2,2,0\n")
    events: list[Event] = []
    config = FetchConfig(columns="user=user,item=item,rating=liked", **options)
    read_interactions(str(path), config, events.append)
    assert len(warned(events)) == (said is not None)
    assert said is None or said in warned(events)[0]


def test_drop_value_on_the_command_line(tmp_path: Path, books: Path, cli: Cli) -> None:
    out = tmp_path / "b.npz"
    first = json.loads(cli("fetch", books, "--out", out, "--json").stdout)
    assert [warning["code"] for warning in first["warnings"]] == ["W-values"]
    dropped = cli("fetch", books, "--out", out, "--json", "--drop-value", "0", "--drop-value", "7")
    found = json.loads(dropped.stdout)
    assert found["dropped_values"] == 82
    assert found["n_ratings"] == 1
    options = load_interactions(out).meta["lineage"][0]["options"]
    assert options["drop_value"] == [0, 7]
    config = tmp_path / "c.toml"
    config.write_text("[fetch]\ndrop-value = [0, 7]\n")
    assert cli("fetch", books, "--out", out, "--config", config).exit_code == 0
    assert load_interactions(out).n_ratings == 1
    values = [part for value in (0, 7, 8) for part in ("--drop-value", str(value))]
    every = cli("fetch", books, "--out", out, *values)
    assert every.exit_code == 3
    assert "no row is left by --drop-value" in every.stderr
    (tmp_path / "c.csv").write_text("user,item\n1,2\n")
    unrated = cli("fetch", tmp_path / "c.csv", "--out", out, "--drop-value", "0")
    assert unrated.exit_code == 2
    assert "has no column of ratings" in unrated.stderr


def test_values_in_memory_are_left_out_too() -> None:
    users, items, ratings = [1, 1, 2, 2], [1, 2, 1, 2], [5.0, -1.0, 3.0, 4.0]
    frame = pd.DataFrame({"user": users, "item": items, "rating": ratings})
    sparse = scipy.sparse.coo_array((ratings, (users, items)))
    for source in (frame, (users, items, ratings), sparse):
        with pytest.warns(UserWarning, match="W-values|-1 stands apart"):
            assert mfcli.read(source).n_ratings == 4
        assert mfcli.read(source, drop_value=[-1]).data.tolist() == [5, 3, 4]
    with pytest.raises(UsageError, match="no column of ratings"):
        mfcli.read((users, items), drop_value=[0])
    dates = pd.DataFrame({"user": [1], "item": [2], "time": ["01/02/2019"]})
    read = mfcli.read(dates, time_format="dmy")
    assert read.timestamps is not None
    assert read.timestamps.tolist() == [1548979200]


def test_ratings_of_real_data_sets_raise_no_alarm(datasets: Path) -> None:
    tables = [
        datasets / name
        for name in ("ml-100k", "ml-latest-small", "hetrec2011-lastfm/user_artists.dat")
    ]
    for source in (*tables, datasets / "lightgcn-lastfm" / "data1.txt"):
        events: list[Event] = []
        read_interactions(str(source), FetchConfig(), events.append)
        assert not warned(events)


def test_a_column_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    ratings = pa.array([5.0, None, 4.0])
    pq.write_table(pa.table({"user": [1, 2, 3], "item": [1, 2, 3], "rating": ratings}), path)
    with pytest.raises(InputError, match="row 2: the rating is missing"):
        read_any(str(path))
    events: list[Event] = []
    texts = pa.array(["4/5", "5/5", "1/5"])
    pq.write_table(pa.table({"user": [1, 2, 3], "item": [1, 2, 3], "rating": texts}), path)
    assert read_any(str(path), on_event=events.append).table.ratings.tolist() == [4, 5, 1]  # type: ignore[union-attr]
    assert any("'4/5' as 4" in event.message for event in events if isinstance(event, Noted))


def test_truth_values_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"user": 1, "item": 2, "rating": true}\n{"user": 1, "item": 3, "rating": false}\n'
    )
    ratings = read_any(str(path)).table.ratings
    assert ratings is not None
    assert ratings.tolist() == [1, 0]
