"""Thirty nights with data that changes: what is published and what is refused, as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mfcli.config.nightly import night_configs
from mfcli.errors import GateError, InputError, MfcliError
from mfcli.nights.generations import all_generations, read_generation
from mfcli.nights.status import read_status
from mfcli.stages.generations import roll_back
from tests.nights.shops import HEAD, Row, Shop, clicks, digests, table

Change = Callable[[list[Row]], str]


@dataclass(frozen=True)
class Planned:
    """A night: what is done to the day's export, and how it ends: None is published."""

    name: str
    change: Change
    ends: type[MfcliError] | None = None


def plain(rows: list[Row]) -> str:
    return table(rows)


def columns(order: str) -> Change:
    """Write the columns in another order, some of them unknown."""

    def change(rows: list[Row]) -> str:
        names = order.split(",")
        cells = [dict(zip(HEAD.split(","), row, strict=True)) for row in rows]
        lines = [",".join(str(row.get(name, "x")) for name in names) for row in cells]
        return "\n".join([order, *lines]) + "\n"

    return change


# In turn; each is the export of one more day, and compared with the last that was published.
NIGHTS = (
    Planned("first", plain),
    Planned("the next day", plain),
    Planned("the same again", plain),
    Planned("new users", lambda rows: table([*rows, *newcomers(rows, 3)])),
    Planned("leaving users", lambda rows: table([row for row in rows if row[0] != 7])),
    Planned("tenfold", lambda rows: table([*rows, *newcomers(rows, 400)]), GateError),
    Planned("plain after tenfold", plain),
    Planned("empty", lambda _: "", InputError),
    Planned("header only", lambda _: f"{HEAD}\n", InputError),
    Planned("no file's worth of rows", lambda rows: table(rows[:3]), GateError),
    Planned("cut mid-line", lambda rows: table(rows)[: len(table(rows)) // 2 - 3], InputError),
    Planned("cut at a line's end", lambda rows: table(rows[: int(len(rows) * 0.64)]), GateError),
    Planned("plain after cuts", plain),
    Planned("duplicated export", lambda rows: table([*rows, *rows])),
    Planned("header lost", lambda rows: table(rows).partition("\n")[2]),
    Planned("renamed columns", lambda rows: table(rows, "user_id,item_id,score,timestamp")),
    Planned("reordered columns", columns("time,rating,item,user")),
    Planned("added column", columns("user,shop,item,rating,time")),
    Planned("user column gone", columns("shop,item,rating,time"), MfcliError),
    Planned(
        "user ids of another type",
        lambda rows: table([(f"u{row[0]}", *row[1:]) for row in rows]),
        GateError,
    ),
    Planned(
        "item ids of another type",
        lambda rows: table([(row[0], f"i{row[1]}", *row[2:]) for row in rows]),
        GateError,
    ),
    Planned("plain after ids", plain),
    Planned(
        "clock back",
        lambda rows: table([(*row[:3], row[3] - 90 * 86_400) for row in rows]),
        GateError,
    ),
    Planned(
        "a day back", lambda rows: table(sorted(rows, key=lambda row: row[3])[:-240]), GateError
    ),
    Planned(
        "another scale",
        lambda rows: table([(*row[:2], row[2] * 20, row[3]) for row in rows]),
        GateError,
    ),
    Planned(
        "constant ratings", lambda rows: table([(*row[:2], 1.0, row[3]) for row in rows]), GateError
    ),
    Planned("many leave", lambda rows: table([row for row in rows if row[0] % 4]), GateError),
    Planned("items leave", lambda rows: table([row for row in rows if row[1] % 3]), GateError),
    Planned("binary", lambda _: "\0\1\2\3" * 100, InputError),
    Planned("the last", plain),
)


def newcomers(rows: list[Row], number: int) -> list[Row]:
    newest = max(row[3] for row in rows)
    return [(1000 + at, (at * 7 + n) % 60, 3.0, newest) for at in range(number) for n in range(20)]


def outcome(shop: Shop, content: str) -> MfcliError | None:
    try:
        shop.night(content)
    except MfcliError as error:
        return error
    return None


def test_thirty_nights_are_published_or_refused_as_the_table_says(tmp_path: Path) -> None:
    shop, published, wholes = Shop(tmp_path, "keep = 30"), [], {}
    # Some 60 clicks a day, drawn at random: histograms and popularity move as no real shop's do.
    shop.more += "[nightly.gates]\nrows-a-user = 0.6\nquality = 0.4\n"
    assert len(NIGHTS) == 30
    ends: dict[str, MfcliError | None] = {}
    for day, night in enumerate(NIGHTS, 1):
        content = night.change(clicks(day))
        before = shop.current
        ends[night.name] = error = outcome(shop, content)
        status = read_status(shop.place)
        if error is not None:
            assert shop.current == before, night.name
            assert status["exit_status"] == error.exit_status, night.name
            assert status["reason"] == str(error), night.name
        else:
            assert shop.current != before, night.name
            published.append(str(shop.current))
            wholes[str(shop.current)] = digests(shop.place.current.resolve())
        generation = read_generation(shop.place.current.resolve())
        assert generation.problem() is None, night.name
    other = {
        it.name: str(ends[it.name])
        for it in NIGHTS
        if not isinstance(ends[it.name], it.ends or type(None))
    }
    assert other == {}
    assert [it.name for it in all_generations(shop.place)] == published
    for name in published:  # back to each of them, to the byte
        if name != shop.current:
            roll_back(night_configs(shop.file()), name)
        assert digests(shop.place.current.resolve()) == wholes[name]


@pytest.mark.parametrize("name", [it.name for it in NIGHTS if it.ends is not None][:2])
def test_a_night_after_a_refused_one_needs_no_cleaning_up(tmp_path: Path, name: str) -> None:
    shop = Shop(tmp_path)
    shop.night(clicks(1))
    (night,) = (it for it in NIGHTS if it.name == name)
    with pytest.raises(MfcliError):
        shop.night(night.change(clicks(2)))
    assert shop.night(clicks(3)).status == "published"
    assert not shop.place.staging.exists()
