"""Times: recognised by magnitude and form over the whole column, kept as seconds in UTC."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts import load_interactions
from mfcli.config import FetchConfig
from mfcli.errors import InputError, UsageError
from mfcli.events import Event, Noted, Warned
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.times import TimeColumnBuilder
from mfcli.sources.reading import read_any
from tests.conftest import Cli

Read = Callable[..., list[int]]


def seconds(*parts: int) -> int:
    """Return seconds since 1970 of a moment in UTC."""
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def column(values: list[Any] | pa.Array, time_format: str | None = None) -> list[int]:
    """Read a column in two chunks."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    builder = TimeColumnBuilder(time_format)
    cut = len(array) // 2
    builder.add(array.slice(0, cut), 0)
    builder.add(array.slice(cut), cut)
    read = builder.finish()
    assert read is not None
    return read.tolist()


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads the times of a TSV of one user."""

    def call(times: list[str], events: list[Event] | None = None, **options: Any) -> list[int]:
        found: list[Event] = []
        path = tmp_path / "log.tsv"
        rows = [f"1\t{item}\t{text}\n" for item, text in enumerate(times)]
        path.write_text("user\titem\ttime\n" + "".join(rows))
        try:
            table = read_any(str(path), FetchConfig(**options), found.append).table
        finally:
            if events is not None:
                events.extend(found)
        assert table.times is not None
        return table.times.tolist()

    return call


NOON = seconds(2019, 12, 31, 18, 5)
# As people write 31 December 2019, 18:05 (UTC), and the midnight of that day.
MOMENTS = [
    "2019-12-31 18:05:00",
    "2019-12-31 18:05",
    "2019-12-31T18:05:00Z",
    "2019-12-31T18:05:00.999Z",
    "2019-12-31T18:05:00,25",
    "2019-12-31 18:05:00 UTC",
    "2019-12-31 18:05:00.123456 UTC",
    "2019-12-31T19:05:00+01:00",
    "2019-12-31T13:05:00-0500",
    "2019-12-31 19:05:00+01",
    "2019-12-31 23:35:00 +05:30",
    "2019/12/31 18:05",
    "2019.12.31 18:05:00",
    "2019-12-31 6:05 PM",
    "20191231T180500",
    "20191231T180500Z",
    "20191231 18:05:00",
    "20191231180500",
    "201912311805",
    "20191231180500000",
    "31.12.2019 18:05",
    "31/12/2019 18:05:00",
    "31-12-2019 18:05",
    "31.12.19 18:05",
    "12/31/2019 6:05:00 PM",
    "12/31/2019 06:05 pm",
    "12/31/19 18:05",
    "12 31, 2019 18:05",
    "31-Dec-2019 18:05:00",
    "31-DEC-19 06.05.00 PM".replace(".", ":"),
    "31 December 2019 18:05",
    "31DEC2019:18:05:00",
    "31/Dec/2019:18:05:00 +0000",
    "[31/Dec/2019:19:05:00 +0100]",
    "Dec 31, 2019 18:05:00",
    "Dec 31 2019 6:05PM",
    "December 31st, 2019 at 6:05 pm",
    "Tue Dec 31 18:05:00 +0000 2019",
    "Tue Dec 31 10:05:00 -0800 2019",
    "Tue Dec 31 18:05:00 2019",
    "Tue Dec 31 18:05:00 UTC 2019",
    "Tue Dec 31 10:05:00 PST 2019",
    "Tue, 31 Dec 2019 18:05:00 GMT",
    "Tue, 31 Dec 2019 19:05:00 +0100",
    "Tuesday, 31 December 2019 18:05:00",
    "Tue Dec 31 2019 18:05:00 GMT+0000 (Coordinated Universal Time)",
    "2019-Dec-31 18:05",
    "1577815500",
    "1577815500.75",
    "1577815500000",
    "1577815500123",
    "1577815500000000",
    "1577815500000000123",
    "1.5778155e9",
]
DAYS = [
    "2019-12-31",
    "2019/12/31",
    "20191231",
    "31.12.2019",
    "31/12/2019",
    "12/31/2019",
    "12 31, 2019",
    "31-Dec-2019",
    "31-DEC-19",
    "31 Dec 2019",
    "Dec 31, 2019",
    "Posted December 31, 2019.",
]


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read_to_the_second(read: Read, text: str) -> None:
    assert read([text, text]) == [NOON, NOON]


@pytest.mark.parametrize("text", DAYS)
def test_a_day_is_its_midnight(read: Read, text: str) -> None:
    assert read([text, text]) == [seconds(2019, 12, 31)] * 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2009-05", (2009, 5, 1)),
        ("05/2009", (2009, 5, 1)),
        ("May 2009", (2009, 5, 1)),
        ("200905", (2009, 5, 1)),
        ("2009", (2009, 1, 1)),
        ("2014-11-18 22", (2014, 11, 18, 22)),  # Alibaba's mobile log
        ("2014111822", (2014, 11, 18, 22)),
        ("1/5/2009 12:00 AM", (2009, 5, 1)),
        ("1/5/2009 12:30 PM", (2009, 5, 1, 12, 30)),
        ("13/5/68", (2068, 5, 13)),
        ("13/5/69", (1969, 5, 13)),
        ("1965-03-01", (1965, 3, 1)),
        ("1969-12-31 23:59:59.5", (1969, 12, 31, 23, 59, 59)),
        ("2016-02-29", (2016, 2, 29)),
    ],
)
def test_months_years_hours_and_the_edges(read: Read, text: str, moment: tuple[int, ...]) -> None:
    options = {"time_format": "dmy"} if text.startswith("1/5") else {}
    assert read([text, text], **options) == [seconds(*moment)] * 2


WRITERS: dict[str, str] = {
    "ISO": "%Y-%m-%dT%H:%M:%SZ",
    "SQL": "%Y-%m-%d %H:%M:%S",
    "BigQuery": "%Y-%m-%d %H:%M:%S UTC",
    "offset": "%Y-%m-%d %H:%M:%S+00:00",
    "slashes": "%Y/%m/%d %H:%M:%S",
    "compact": "%Y%m%d%H%M%S",
    "basic": "%Y%m%dT%H%M%S",
    "Twitter": "%a %b %d %H:%M:%S +0000 %Y",
    "RFC 2822": "%a, %d %b %Y %H:%M:%S +0000",
    "Oracle": "%d-%b-%Y %H:%M:%S",
    "American, named": "%b %d, %Y %I:%M:%S %p",
    "log of a web server": "%d/%b/%Y:%H:%M:%S +0000",
}
MOMENT = st.datetimes(datetime(1971, 1, 1), datetime(2068, 12, 31, 23, 59, 59)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
moments = st.lists(MOMENT, min_size=1, max_size=12)


@pytest.mark.parametrize("pattern", WRITERS.values(), ids=WRITERS)
@given(written=moments)
@settings(max_examples=15, deadline=None)
def test_what_is_written_in_one_form_comes_back(pattern: str, written: list[datetime]) -> None:
    expected = [int(moment.timestamp()) for moment in written]
    assert column([moment.strftime(pattern) for moment in written]) == expected


@pytest.mark.parametrize("pattern", [*WRITERS.values(), "%d.%m.%y %H:%M:%S", "%m/%d/%Y %H:%M:%S"])
@given(written=moments)
@settings(max_examples=10, deadline=None)
def test_a_pattern_that_is_given_reads_what_it_wrote(pattern: str, written: list[datetime]) -> None:
    given_pattern = pattern.replace("+0000", "%z").replace("+00:00", "%z")
    expected = [int(moment.timestamp()) for moment in written]
    assert column([moment.strftime(pattern) for moment in written], given_pattern) == expected


@given(written=moments, order=st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"]))
@settings(max_examples=30, deadline=None)
def test_day_and_month_are_told_by_the_rows_or_asked_for(
    written: list[datetime], order: str
) -> None:
    """Never another date than the one written: right, or refused."""
    texts = [moment.strftime(order) for moment in written]
    expected = [int(moment.timestamp()) for moment in written]
    decided = any(moment.day > 12 for moment in written)
    same = all(moment.day == moment.month for moment in written)
    if decided or same:
        assert column(texts) == expected
    else:
        with pytest.raises(CellError, match="can be read like"):
            column(texts)
    assert column(texts, "dmy" if order.startswith("%d") else "mdy") == expected


@given(
    written=st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)), min_size=1),
    unit=st.sampled_from([1, 10**3, 10**6, 10**9]),
    text=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_units_are_told_by_magnitude(written: list[datetime], unit: int, text: bool) -> None:
    expected = [(moment - datetime(1970, 1, 1)) // timedelta(seconds=1) for moment in written]
    numbers = [moment * unit for moment in expected]
    assert column([str(number) for number in numbers] if text else numbers) == expected


@given(written=moments, hours=st.integers(-12, 14))
@settings(max_examples=15, deadline=None)
def test_a_zone_is_heeded(written: list[datetime], hours: int) -> None:
    there = timezone(timedelta(hours=hours))
    texts = [moment.astimezone(there).isoformat() for moment in written]
    assert column(texts) == [int(moment.timestamp()) for moment in written]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([datetime(2019, 12, 31, 18, 5)] * 2, pa.timestamp("s")),
        pa.array([datetime(2019, 12, 31, 18, 5)] * 2, pa.timestamp("ms")),
        pa.array([datetime(2019, 12, 31, 18, 5, 0, 999)] * 2, pa.timestamp("us")),
        pa.array([datetime(2019, 12, 31, 18, 5, tzinfo=UTC)] * 2, pa.timestamp("ns", "UTC")),
        pa.array([datetime(2019, 12, 31, 18, 5, tzinfo=UTC)] * 2, pa.timestamp("us", "Asia/Tokyo")),
        pa.array([1577815500] * 2, pa.int64()),
        pa.array([1577815500] * 2, pa.uint32()),
        pa.array([1577815500000] * 2, pa.int64()),
        pa.array([1577815500.5] * 2, pa.float64()),
        pa.array([20191231180500] * 2, pa.int64()),
        pa.array([43830.753472222] * 2, pa.float64()),  # as spreadsheets count days
        pa.array(["20191231180500"] * 2, pa.string()),
        pa.array(["2019-12-31 18:05"] * 2, pa.large_string()),
        pa.array(["2019-12-31 18:05"] * 2).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_columns_of_any_type(array: pa.Array) -> None:
    assert column(array) == [NOON, NOON]


def test_dates_without_a_time_of_parquet(tmp_path: Path) -> None:
    days = pa.array([date(2019, 12, 31), date(1969, 12, 31)])
    for kind in (pa.date32(), pa.date64()):
        assert column(days.cast(kind)) == [seconds(2019, 12, 31), -86_400]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"user": [1, 1], "item": [1, 2], "date": days}), path)
    assert read_any(str(path)).table.times is not None


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["1577815500000", "1548892800000"], "milliseconds since 1970: 2019-01-31"),
        (["1577815500000000"], "microseconds since 1970: 2019-12-31 18:05:00"),
        (["20190131", "20191231"], "written as 20191231: 2019-01-31 to 2019-12-31 UTC"),
        (["31.12.2019 18:05", "01.02.2019 00:00"], "'31/12/2019 18:05': 2019-02-01 to 2019-12-31"),
        (["Tue Apr 03 18:00:09 +0000 2012"], "2012-04-03 18:00:09"),
        (["2009", "2010"], "read as years: 2009-01-01 to 2010-01-01"),
        (["0", "365"], "runs from 0 to 365: kept as it is"),
    ],
)
def test_how_times_were_read_is_said_once(read: Read, times: list[str], said: str) -> None:
    events: list[Event] = []
    read(times, events)
    notes = [event.message for event in events if isinstance(event, Noted)]
    assert [note for note in notes if said in note] == notes[1:]
    assert not [event for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize(
    "times",
    [
        ["1577815500", "881250949"],
        ["2019-12-31 18:05:00", "2019-12-31"],
        ["1965-03-01", "2019-12-31"],
        ["-126230400", "100000000"],
    ],
)
def test_usual_times_are_read_without_a_word(read: Read, times: list[str]) -> None:
    events: list[Event] = []
    read(times, events)
    assert len([event for event in events if isinstance(event, Noted | Warned)]) == 1


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["0", "0", "1577815500"], "2 of 3 rows is 0"),
        (["-1", "1577815500"], "1 of 2 rows is from 1969-12-31 23:59:59 on"),
        (["0", "1577815500000"], "1 of 2 rows is 0"),
        (["1577815500", "9999999999"], "1 of 2 rows is after 2100, up to 2286"),
    ],
)
def test_times_where_nothing_is_dated_are_warned_of(
    read: Read, times: list[str], said: str
) -> None:
    events: list[Event] = []
    read(times, events)
    (warned,) = [event for event in events if isinstance(event, Warned)]
    assert warned.code == "W-time"
    assert said in warned.message


BAD = {
    "ambiguous": (["01/02/2019", "03/04/2019"], "line 2: .*'01/02/2019' can be read like"),
    "ambiguous dots": (["05.05.2019", "01.02.2019"], "line 3: .*--time-format dmy or mdy"),
    "ambiguous year": (["19-12-05"], "line 2: .*--time-format dmy or ymd"),
    "no date": (["2019-12-31", "yesterday"], "line 3: the time 'yesterday' is neither"),
    "no such day": (["2019-12-31", "2019-02-30"], "line 3: the time '2019-02-30' is neither"),
    "no such hour": (["2019-12-31 10:00", "2019-12-31 25:00"], "line 3"),
    "two forms": (["2019-12-31", "31.12.2019"], "line 3: .* is written otherwise than '2019-12-31"),
    "numbers and dates": (["1577815500", "2019-12-31"], "line 3: .* is written otherwise"),
    "dates and numbers": (["2019-12-31", "0"], "line 3: the time '0' is written otherwise"),
    "two units": (["1577815500", "1577815500000", "1577815500001"], "line 2: .*another unit"),
    "two units, one": (["1577815500", "1577815500", "1577815500001"], "line 4: .*another unit"),
    "a compact day that is none": ([*["20191231"] * 10, "20190230"], "line 12: .*is not a date"),
    "no time among compact days": (["20191231", "0"], "line 3: the time 0 is not a date"),
    "missing": (["2019-12-31", ""], "line 3: the time is missing"),
    "a zone that has several meanings": (["2019-12-31 18:05 IST"], "line 2"),
    "too large": (["9" * 19], "too large|is not"),
}  # fmt: skip


@pytest.mark.parametrize(("times", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_told_is_refused_by_line(read: Read, times: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(times)


def test_the_line_is_found_in_a_later_chunk() -> None:
    texts = ["13/01/2019"] * 6 + ["01/13/2019"]
    with pytest.raises(CellError, match="otherwise than '13/01/2019'") as caught:
        column(texts)
    assert caught.value.row == 6


def test_parts_of_a_table_are_one_column() -> None:
    """Day and month are told by any part; what does not fit is named by its row in the whole."""
    first, second, third = TimeColumnBuilder(), TimeColumnBuilder(), TimeColumnBuilder()
    first.add(pa.array(["01/02/2019"]), 0)
    second.add(pa.array(["28/02/2019", "03/02/2019"]), 0)
    first.extend(second)
    assert first.finish() is not None
    first = TimeColumnBuilder()
    first.add(pa.array(["01/02/2019"]), 0)
    third.add(pa.array(["1577815500"]), 0)
    first.extend(third)
    with pytest.raises(CellError, match="written otherwise") as caught:
        first.finish()
    assert caught.value.row == 1


def test_rows_that_do_not_count_are_not_looked_at() -> None:
    builder = TimeColumnBuilder()
    there = np.array([False, True, True])
    builder.add(pa.array(["?", "2019-12-31", "2019-12-30"]), 0, there)
    builder.add(pa.array(["2019-12-31", "0"]), 3, np.array([True, False]))
    day = seconds(2019, 12, 31)
    assert builder.finish() == pytest.approx([0, day, day - 86_400, day, 0])
    builder = TimeColumnBuilder()
    builder.add(pa.array(["?", "1577815500", "1577815500000"]), 0, there)
    with pytest.raises(CellError, match="another unit") as caught:
        builder.finish()
    assert caught.value.row == 1
    with pytest.raises(CellError, match="never") as caught:
        builder.add(pa.array(["?", "2019-12-31", "never"]), 7, there)
    assert caught.value.row == 9


@pytest.mark.parametrize(
    ("time_format", "text", "moment"),
    [
        ("dmy", "01/02/2019", (2019, 2, 1)),
        ("mdy", "01/02/2019", (2019, 1, 2)),
        ("ymd", "19-02-01", (2019, 2, 1)),
        ("ymd", "2019/02/01", (2019, 2, 1)),
        ("%d/%m/%Y", "01/02/2019", (2019, 2, 1)),
        ("%Y/%d/%m", "2019/01/02", (2019, 2, 1)),
        ("%Y%m%d", "20190201", (2019, 2, 1)),
        ("%y%m%d", "190201", (2019, 2, 1)),
        ("%Y%j", "2019032", (2019, 2, 1)),
        ("%F %T", "2019-02-01 00:00:00", (2019, 2, 1)),
        ("%d. %B %Y, %I.%M %p", "1. February 2019, 12.00 AM", (2019, 2, 1)),
        ("%Y年%m月%d日", "2019年02月01日", (2019, 2, 1)),
        ("s", "5", (1970, 1, 1, 0, 0, 5)),
        ("s", "1548979200", (2019, 2, 1)),
        ("ms", "1548979200999", (2019, 2, 1)),
        ("us", "1548979200000000", (2019, 2, 1)),
        ("ns", "1548979200000000000", (2019, 2, 1)),
        ("ms", "5000", (1970, 1, 1, 0, 0, 5)),
        ("days", "17928", (2019, 2, 1)),
        ("excel", "43497", (2019, 2, 1)),
        ("excel", "43497.5", (2019, 2, 1, 12)),
    ],
)
def test_a_time_format_that_is_given(
    read: Read, time_format: str, text: str, moment: tuple[int, ...]
) -> None:
    assert read([text, text], time_format=time_format) == [seconds(*moment)] * 2


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("dmy", "12/31/2019"),
        ("%d/%m/%Y", "2019-12-31"),
        ("%d/%m/%Y", "1577815500"),
        ("dmy", "1577815500"),
        ("ms", "2019-12-31"),
        ("%Y-%m-%d", "2019-12-31 18:05"),
    ],
)
def test_a_row_that_does_not_fit_is_named(read: Read, time_format: str, text: str) -> None:
    good = {"dmy": "31/12/2019", "%d/%m/%Y": "31/12/2019", "ms": "1577815500000"}
    with pytest.raises(InputError, match=f"line 3: .*{text!r} does not fit --time-format"):
        read([good.get(time_format, "2019-12-31"), text], time_format=time_format)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("msec", "neither one of .*ms"),
        ("%d.%m.", "no year"),
        ("%Y-%m-%q", "%q is not known"),
        ("%Y %Y", "twice"),
        ("%Y-%d", "no month"),
        ("", "neither"),
        ("%Y%", "is not known"),
    ],
)
def test_a_time_format_that_says_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FetchConfig(time_format=text)


def test_a_time_format_is_not_ignored(tmp_path: Path) -> None:
    """Where a column has a type that says all, or there is no column of times."""
    path = tmp_path / "t.parquet"
    times = pa.array(np.array(["2019-12-31"], "datetime64[s]"))
    pq.write_table(pa.table({"user": [1], "item": [2], "time": times}), path)
    with pytest.raises(UsageError, match="--time-format ms is for texts and numbers"):
        read_any(str(path), FetchConfig(time_format="ms"))
    (tmp_path / "t.csv").write_text("user,item\n1,2\n")
    with pytest.raises(UsageError, match=r"--time-format ms: .*no column of times"):
        read_any(str(tmp_path / "t.csv"), FetchConfig(time_format="ms"))


def test_the_range_is_shown_as_dates_by_fetch_inspect_and_split(tmp_path: Path, cli: Cli) -> None:
    source, out = tmp_path / "log.csv", tmp_path / "log.npz"
    source.write_text("user,item,time\n1,2,1546300800123\n1,3,1577815500000\n2,2,1550000000000\n")
    span = "2019-01-01 to 2019-12-31 18:05:00 UTC"
    assert span in cli("fetch", source, "--out", out).stdout
    assert json.loads(cli("fetch", source, "--out", out, "--json").stdout)["times"] == span
    assert span in cli("inspect", out).stdout
    latest = ("split", out, "--out", tmp_path / "s", "--strategy", "latest", "--cutoff")
    refused = cli(*latest, "2020-01-01")
    assert refused.exit_code == 3
    assert f"--cutoff 2020-01-01 is 2020-01-01, and the times run from {span}" in refused.stderr
    assert cli(*latest, "2019-06-01").exit_code == 0
    source.write_text("user,item,time\n1,2,0\n1,3,365\n")
    assert "0 to 365 (no dates)" in cli("fetch", source, "--out", out).stdout
    assert "0 to 365 (no dates)" in cli("inspect", out).stdout


def test_a_time_format_is_an_option_of_toml_and_in_the_lineage(tmp_path: Path, cli: Cli) -> None:
    source, out = tmp_path / "log.csv", tmp_path / "log.npz"
    source.write_text("user,item,time\n1,2,01/02/2019\n1,3,02/03/2019\n")
    refused = cli("fetch", source, "--out", out)
    assert refused.exit_code == 3
    assert "log.csv, line 2: the time '01/02/2019' can be read" in refused.stderr
    assert not out.exists()
    config = tmp_path / "c.toml"
    config.write_text('[fetch]\ntime-format = "dmy"\n')
    assert cli("fetch", source, "--out", out, "--config", config).exit_code == 0
    matrix = load_interactions(out)
    assert matrix.timestamps is not None
    assert matrix.timestamps.tolist() == [seconds(2019, 2, 1), seconds(2019, 3, 2)]
    assert matrix.meta["lineage"][0]["options"]["time_format"] == "dmy"
    assert cli("fetch", source, "--out", out, "--time-format", "sec").exit_code == 2


def test_parts_of_a_folder_tell_day_and_month_together(tmp_path: Path, cli: Cli) -> None:
    folder, out = tmp_path / "log", tmp_path / "log.npz"
    folder.mkdir()
    (folder / "part-0.csv").write_text("user,item,time\n1,2,01/02/2019\n1,3,\n")
    (folder / "part-1.csv").write_text("user,item,time\n1,4,28/02/2019\n")
    refused = cli("fetch", folder, "--out", out)
    assert refused.exit_code == 3
    assert "part-0.csv, line 3: the time is missing" in refused.stderr
    assert cli("fetch", folder, "--out", out, "--drop-missing").exit_code == 0
    times = load_interactions(out).timestamps
    assert times is not None
    assert times.tolist() == [seconds(2019, 2, 1), seconds(2019, 2, 28)]
    (folder / "part-1.csv").write_text("user,item,time\n1,4,1577815500\n")
    mixed = cli("fetch", folder, "--out", out, "--drop-missing")
    assert "part-1.csv, line 2: the time '1577815500' is written otherwise" in mixed.stderr


def test_a_time_format_does_not_apply_to_a_matrix(tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "d.npz"
    sample = ("--users", "40", "--items", "40", "--ratings", "200")
    assert cli("fetch", "demo", "--out", out, *sample).exit_code == 0
    again = cli("fetch", out, "--out", tmp_path / "e.npz", "--time-format", "ms")
    assert again.exit_code == 2
    assert "--time-format ms is for texts and numbers" in again.stderr
    assert cli("fetch", "demo", "--out", out, "--time-format", "ms", *sample).exit_code == 2
