"""How each gate looks at the figures of two generations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mfcli.config.gates import Gate
from mfcli.config.metrics import Better, better_of
from mfcli.data.times import LAST_DATE, LEAST_DATE, shown_time
from mfcli.nights.figures import Figures, distance

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Nights:
    """Tonight and the last good generation.

    now: the time to which the data's age counts; clock: the time that no row should be after.
    """

    tonight: Figures
    last: Figures | None = None
    now: float | None = None
    clock: float | None = None

    def both(self, name: str) -> tuple[Any, Any]:
        """Return a figure of tonight and of the last generation, None where there is none."""
        return getattr(self.tonight, name), None if self.last is None else getattr(self.last, name)

    @property
    def alone(self) -> str:
        """Why a figure has none to compare with."""
        if self.last is None:
            return "there is no earlier generation to compare with"
        return "the last generation does not have it"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One figure tonight and in the last generation, as a gate looks at it.

    what:    its name in words. show: how it is written.
    unit:    what a change is measured in; units: the same in words.
    lacking: why there is none tonight, where that is a reason to refuse.
    alone:   why there is none to compare with.
    falling: whether less of it is worse.
    """

    what: str
    tonight: Any
    last: Any = None
    show: Callable[[Any], str] = str
    unit: float = 1.0
    units: str = ""
    lacking: str | None = None
    alone: str = "it was not measured"
    falling: bool = True


Look = Callable[[Nights], Seen]


def count(number: float) -> str:
    """Write a number of things."""
    return f"{number:,.0f}"


def figure(number: float) -> str:
    """Write a number with four digits."""
    return f"{number:.4g}"


def share(number: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * number:.4g} %"


def _plain(name: str, what: str, show: Callable[[Any], str] = count) -> Look:
    """Return the look at a figure that stands in ``Figures`` as it is."""

    def look(nights: Nights) -> Seen:
        tonight, last = nights.both(name)
        return Seen(what=what, tonight=tonight, last=last, show=show, alone=nights.alone)

    return look


def _relative(name: str, what: str, show: Callable[[Any], str]) -> Look:
    """Return the look at a figure that is of two generations by itself."""

    def look(nights: Nights) -> Seen:
        found = None if nights.last is None else nights.both(name)[0]
        return Seen(what=what, tonight=found, show=show, alone=nights.alone)

    return look


def _apart(name: str, what: str) -> Look:
    """Return the look at the distance of two histograms."""

    def look(nights: Nights) -> Seen:
        tonight, last = nights.both(name)
        found = None if tonight is None or last is None else distance(tonight, last)
        return Seen(what=what, tonight=found, show=figure, alone=nights.alone)

    return look


def _mean(nights: Nights) -> Seen:
    """Look at the mean rating; that of ratings which were all equal moves in its own size."""
    tonight, last = nights.both("mean_rating")
    deviation = nights.both("deviation")[1]
    return Seen(
        what="mean rating",
        tonight=tonight,
        last=last,
        show=figure,
        unit=deviation or abs(last or 0.0) or 1.0,
        units="standard deviations" if deviation else "times its size",
        alone=nights.alone,
    )


def _id_types(nights: Nights) -> Seen:
    users, items = nights.both("user_ids"), nights.both("item_ids")
    tonight, last = (
        None if user is None or item is None else f"users {user}, items {item}"
        for user, item in zip(users, items, strict=True)
    )
    return Seen(what="types of the ids", tonight=tonight, last=last, alone=nights.alone)


def _newest(nights: Nights) -> Seen:
    tonight, last = nights.both("newest")
    return Seen(
        what="newest time of the data",
        tonight=tonight,
        last=last,
        show=lambda seconds: shown_time(int(seconds)),
        unit=DAY,
        units="days",
        lacking=None if last is None else "the data has no times tonight",
        alone="neither has times" if nights.last is not None else nights.alone,
    )


def _age(nights: Nights) -> Seen:
    newest, now = nights.tonight.newest, nights.now
    return Seen(
        what="days since the newest time of the data",
        tonight=None if newest is None or now is None else (now - newest) / DAY,
        show=figure,
        lacking="the data has no times" if newest is None else None,
    )


def _ahead(nights: Nights) -> Seen:
    newest, clock = nights.tonight.newest, nights.clock
    dated = newest is not None and LEAST_DATE <= newest <= LAST_DATE
    return Seen(
        what="days that the newest time of the data is ahead of the clock",
        tonight=(newest - clock) / DAY if dated and newest and clock is not None else None,
        show=figure,
        alone="the data has no dates",
    )


def _size(nights: Nights) -> Seen:
    tonight, last = nights.both("list_bytes")
    formats = nights.both("list_format")
    same = formats[0] == formats[1]
    return Seen(
        what="bytes of the lists",
        tonight=tonight,
        last=last if same else None,
        show=count,
        alone=nights.alone if same or nights.last is None else "the format is another one",
    )


def at_metric(name: str) -> Look:
    """Return the look at a metric of the night's evaluation, by its full name."""

    def look(nights: Nights) -> Seen:
        last = None if nights.last is None else nights.last.metrics.get(name)
        return Seen(
            what=name,
            tonight=nights.tonight.metrics.get(name),
            last=last,
            show=figure,
            lacking="the night's evaluation did not measure it: see [evaluate] k and metric",
            alone=nights.alone,
            falling=better_of(name) is not Better.lower,
        )

    return look


LOOKS: dict[Gate, Look] = {
    Gate.rows: _plain("rows", "rows"),
    Gate.users: _plain("users", "users"),
    Gate.items: _plain("items", "items"),
    Gate.users_kept: _relative("users_kept", "share of the last users still there", share),
    Gate.items_kept: _relative("items_kept", "share of the last items still there", share),
    Gate.mean_rating: _mean,
    Gate.values: _apart("values", "distance of the histograms of values"),
    Gate.rows_a_user: _apart("rows_a_user", "distance of the histograms of rows a user"),
    Gate.id_type: _id_types,
    Gate.newest: _newest,
    Gate.age: _age,
    Gate.ahead: _ahead,
    Gate.lists: _plain("lists", "users with a list"),
    Gate.coverage: _plain("coverage", "coverage", share),
    Gate.churn: _relative("churn", "churn of the lists", figure),
    Gate.popular: _plain("popular", "share of popular lists", share),
    Gate.size: _size,
}
