"""The table of the thirty nights: what changes, and how each night ends.

A row is the export of one more day, held against the last that was published. Status 0 is
published; of any other, ``by`` is the gate that refuses, or words of the error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.nights.shops import HEAD, Row, table

Change = Callable[[list[Row]], str]
PUBLISHED, BAD_INPUT, REFUSED = 0, 3, 6


@dataclass(frozen=True)
class Kill:
    """Kill −9 when a function is called; the night is then run again.

    stage: where that is. where, number: as in ``tests.nights.killed``. reuses: steps that the run
    after it takes over. switched: whether the generation is current already.
    """

    stage: str
    where: str
    number: int = 1
    reuses: frozenset[str] = frozenset()
    switched: bool = False


class Trouble(StrEnum):
    """What else happens in a night of the whole test."""

    two_runs = "a second run while one is at work"
    full_disk = "the disk is full, and has room again"
    reader_comes = "a reader holds the generation that is current"
    reader_goes = "the reader has ended"


@dataclass(frozen=True)
class Planned:
    """A night: what is done to the day's export, how it ends, and what happens meanwhile.

    trouble: only in the whole test, where each run is a process.
    """

    name: str
    change: Change
    status: int = PUBLISHED
    by: str = ""
    trouble: Kill | Trouble | None = None


def plain(rows: list[Row]) -> str:
    """Return the export as it should be."""
    return table(rows)


def columns(order: str, head: bool = True) -> Change:
    """Write the columns in another order, some of them unknown."""

    def change(rows: list[Row]) -> str:
        names = order.split(",")
        cells = [dict(zip(HEAD.split(","), row, strict=True)) for row in rows]
        lines = [",".join(str(row.get(name, "x")) for name in names) for row in cells]
        return "\n".join([*([order] if head else []), *lines]) + "\n"

    return change


def newcomers(rows: list[Row], number: int) -> list[Row]:
    """Return rows of users who were never seen."""
    newest = max(row[3] for row in rows)
    return [(1000 + at, (at * 7 + n) % 60, 3.0, newest) for at in range(number) for n in range(20)]


def each(change: Callable[[Row], Row]) -> Change:
    """Change every row."""
    return lambda rows: table([change(row) for row in rows])


def only(stays: Callable[[Row], bool]) -> Change:
    """Leave rows out."""
    return lambda rows: table([row for row in rows if stays(row)])


def cut_mid_line(rows: list[Row]) -> str:
    """Return the first half of an export, up to within a line."""
    text = table(rows)
    return text[: text.index("\n", len(text) // 2) - 15]


def late(rows: list[Row]) -> str:
    """Return an export without its newest days."""
    return table(sorted(rows, key=lambda row: row[3])[:-240])


def ahead(rows: list[Row]) -> str:
    """Return an export in which one row is of the year 2039."""
    return table([(*rows[0][:3], 2_200_000_000), *rows[1:]])


STAGES = "mfcli.stages.night"
DAY_BACK = 90 * 86_400
DONE = ("fetch", "split", "train on a part", "evaluate", "train", "recommend")


def kill(stage: str, where: str, done: int, number: int = 1, *, switched: bool = False) -> Kill:
    """Kill in a stage before which so many steps of ``DONE`` were noted."""
    return Kill(stage, where, number, frozenset(DONE[:done]), switched)


NIGHTS = (
    Planned("first", plain),
    Planned("the next day", plain, trouble=kill("fetch", "mfcli.stages.fetch:fetch", 0)),
    Planned("the same again", plain, trouble=kill("checks", f"{STAGES}:figures_of", 1)),
    Planned(
        "new users",
        lambda rows: table([*rows, *newcomers(rows, 3)]),
        trouble=kill("split", "mfcli.stages.split:split", 1),
    ),
    Planned(
        "leaving users",
        only(lambda row: row[0] != 7),
        trouble=kill("train", "mfcli.stages.train:resume_or_start", 2),
    ),
    Planned("tenfold", lambda rows: table([*rows, *newcomers(rows, 400)]), REFUSED, "rows"),
    Planned(
        "plain after tenfold", plain, trouble=kill("evaluate", "mfcli.stages.evaluate:evaluate", 3)
    ),
    Planned("empty", lambda _: "", BAD_INPUT, "no rows"),
    Planned("header only", lambda _: f"{HEAD}\n", BAD_INPUT, "no rows"),
    Planned("three rows", lambda rows: table(rows[:3]), REFUSED, "rows"),
    Planned("cut mid-line", cut_mid_line, BAD_INPUT, "line"),
    Planned(
        "cut at a line's end", lambda rows: table(rows[: int(len(rows) * 0.64)]), REFUSED, "rows"
    ),
    Planned(
        "plain after cuts", plain, trouble=kill("gates", "mfcli.nights.quality:judge_quality", 4)
    ),
    Planned("duplicated export", lambda rows: table([*rows, *rows]), trouble=Trouble.reader_comes),
    Planned("header lost", lambda rows: table(rows).partition("\n")[2]),
    Planned(
        "renamed columns",
        lambda rows: table(rows, "user_id,item_id,score,timestamp"),
        trouble=kill("train on everything", f"{STAGES}:everything", 4),
    ),
    Planned(
        "reordered columns",
        columns("time,rating,item,user"),
        trouble=kill("recommend", "mfcli.publishing.lists:publish_file", 5),
    ),
    Planned("added column", columns("user,shop,item,rating,time"), trouble=Trouble.full_disk),
    Planned("user column gone", columns("shop,item,rating,time"), BAD_INPUT, "user"),
    Planned(
        "reordered without a header", columns("item,user,rating,time", head=False), REFUSED, "items"
    ),
    Planned(
        "user ids of another type", each(lambda row: (f"u{row[0]}", *row[1:])), REFUSED, "id-type"
    ),
    Planned(
        "item ids of another type",
        each(lambda row: (row[0], f"i{row[1]}", *row[2:])),
        REFUSED,
        "id-type",
    ),
    Planned(
        "plain after ids",
        plain,
        trouble=kill("publish", "mfcli.stages.nightly:write_manifest", 6),
    ),
    Planned("clock back", each(lambda row: (*row[:3], row[3] - DAY_BACK)), REFUSED, "newest"),
    Planned("the newest days missing", late, REFUSED, "newest"),
    Planned("a clock ahead", ahead, REFUSED, "ahead"),
    Planned("another scale", each(lambda row: (*row[:2], row[2] * 20, row[3])), REFUSED, "values"),
    Planned("constant ratings", each(lambda row: (*row[:2], 1.0, row[3])), REFUSED, "values"),
    Planned("plain after clocks", plain, trouble=kill("the switch", "os:symlink", 6)),
    Planned("many leave", only(lambda row: row[0] % 4 != 0), REFUSED, "users"),
    Planned("items leave", only(lambda row: row[1] % 3 != 0), REFUSED, "items"),
    Planned(
        "plain after leaving",
        plain,
        trouble=kill("after the switch", "mfcli.nights.places:flush", 6, switched=True),
    ),
    Planned("binary", lambda _: "\0\1\2\3" * 100, BAD_INPUT, "binary"),
    Planned("plain after binary", plain, trouble=Trouble.reader_goes),
    Planned(
        "one more",
        plain,
        trouble=kill("clean-up", "mfcli.nights.keeping:remove_tree", 6, 6, switched=True),
    ),
    Planned("the last", plain, trouble=Trouble.two_runs),
)
