"""Numbers in a column of times → seconds since 1970, by their magnitude over the whole column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config.time_formats import TimeUnit
from mfcli.data.times import LEAST_DATE, shown_span, shown_time
from mfcli.sources.readers.cells import CellError
from mfcli.wording import counted

Seconds = NDArray[np.int64]
_DAY = 86_400
_EXCEL_1970 = 25_569  # 1 January 1970 as a day of spreadsheets
# Unit → how many there are in a second, and its name.
_FRACTIONS: dict[TimeUnit, tuple[int, str]] = {
    TimeUnit.seconds: (1, "seconds"),
    TimeUnit.milliseconds: (1_000, "milliseconds"),
    TimeUnit.microseconds: (1_000_000, "microseconds"),
    TimeUnit.nanoseconds: (1_000_000_000, "nanoseconds"),
}
# Up to this a number counts the unit: the year 5138 in each of them; the one below ends there too.
_MOST = 100_000_000_000
# Digits of a number that is written as a date → what they are; all: whether every number has to
# be one, since there are plain counts of that size.
_COMPACT = {
    8: ("20191231", False),
    14: ("20191231180500", False),
    12: ("201912311805", False),
    17: ("20191231180500000", False),
    10: ("2019123118", True),
    6: ("201912", True),
    4: ("a year", True),
}
_LATEST = 4_102_444_800  # 2100


@dataclass(frozen=True, eq=False)
class Reading:
    """Seconds since 1970, (R,); what to say of how they were read, and of what is odd in them."""

    seconds: Seconds
    remark: str = ""
    doubt: str = ""


def read_numbers(values: NDArray[Any], unit: TimeUnit | None) -> Reading:
    """Read int64 or finite float64, (R,), as ``unit``; None: found by magnitude and form.

    Raises CellError for a number that does not fit what the others are.
    """
    if not len(values):
        return Reading(values.astype(np.int64))
    if unit is not None:
        return Reading(_in_seconds(values, unit), "", "")
    low, high = values.min(), values.max()
    largest = max(abs(float(low)), abs(float(high)))
    compact = _compact(values, float(high))
    if compact is not None:
        return compact
    if _are_excel_days(values, float(low), float(high)):
        return _read(values, TimeUnit.excel, "days of a spreadsheet, such as 43830.75")
    if largest < LEAST_DATE:
        return Reading(_in_seconds(values, TimeUnit.seconds), _not_dates(low, high))
    if largest < _MOST:
        seconds = _in_seconds(values, TimeUnit.seconds)
        return Reading(seconds, "", _doubt(seconds))
    for found, (fraction, name) in _FRACTIONS.items():
        if largest < _MOST * fraction:
            _refuse_other_units(values, fraction, name)
            return _read(values, found, f"{name} since 1970")
    row = int(np.argmax(np.abs(values.astype(np.float64))))
    raise CellError(row, f"the time {values[row]} is too large for nanoseconds since 1970")


def _read(values: NDArray[Any], unit: TimeUnit, name: str) -> Reading:
    seconds = _in_seconds(values, unit)
    return Reading(seconds, how_read(name, seconds), _doubt(seconds))


def how_read(name: str, seconds: Seconds) -> str:
    """Return what is said of times that are not written as seconds or as ISO 8601."""
    span = shown_span(int(seconds.min()), int(seconds.max()))
    return f"the time is read as {name}: {span} (--time-format says otherwise)"


def _in_seconds(values: NDArray[Any], unit: TimeUnit) -> Seconds:
    """Return whole seconds: fractions cut off, those of days rounded."""
    if unit in (TimeUnit.days, TimeUnit.excel):
        days = values.astype(np.float64) - (_EXCEL_1970 if unit is TimeUnit.excel else 0)
        return np.rint(days * _DAY).astype(np.int64)
    fraction, _ = _FRACTIONS[unit]
    if fraction == 1:
        return values.astype(np.int64, copy=False)  # toward zero
    return np.floor_divide(values, fraction).astype(np.int64, copy=False)


def _are_excel_days(values: NDArray[Any], low: float, high: float) -> bool:
    """Tell whether numbers are days from 1990 to 2099 with a time of day as their fraction."""
    if values.dtype.kind != "f" or low < 32_874 or high > 73_051:
        return False
    return bool((values % 1 != 0).any())


def _not_dates(low: Any, high: Any) -> str:
    return (
        f"the time runs from {low:,} to {high:,}: kept as it is, since these are no seconds since "
        "1970; it orders the rows (--time-format days, excel or a pattern such as %Y%m%d says "
        "what it counts)"
    )


def _doubt(seconds: Seconds) -> str:
    """Say of dates that some of them lie where nothing is dated."""
    low, high = int(seconds.min()), int(seconds.max())
    if -LEAST_DATE < low < LEAST_DATE <= high:
        early = int(np.count_nonzero(seconds < LEAST_DATE))
        zero = int(np.count_nonzero(seconds == 0))
        which = "0" if zero == early else f"from {shown_time(low)} on, before 1973"
        return (
            f"the time of {early:,} of {counted(len(seconds), 'row')} is {which}, and the others "
            "go to "
            f"{shown_time(high)}: where that stands for no time, these rows count as the oldest"
        )
    if high > _LATEST:
        late = int(np.count_nonzero(seconds > _LATEST))
        return (
            f"the time of {late:,} of {counted(len(seconds), 'row')} is after 2100, up to "
            f"{shown_time(high)}: where that stands for no time, these rows count as the latest"
        )
    return ""


def _refuse_other_units(values: NDArray[Any], fraction: int, name: str) -> None:
    """Raise CellError where some numbers would be dates as larger units only."""
    sizes = np.abs(values)
    others = (sizes >= 3 * LEAST_DATE) & (sizes < LEAST_DATE * fraction)
    count = int(np.count_nonzero(others))
    if count:
        rare = others if 2 * count <= len(values) else ~others
        row, usual = int(np.argmax(rare)), int(np.argmin(rare))
        raise CellError(
            row,
            f"the time {values[row]} counts another unit than {values[usual]} in other rows, of "
            f"which the larger are {name}",
            "write all of them in one unit, or name it: --time-format s, ms, us or ns",
        )


def _compact(values: NDArray[Any], high: float) -> Reading | None:
    """Read whole numbers whose digits are a date, such as 20191231; None where they are not."""
    if values.dtype.kind != "i" or high < 1900:
        return None
    digits = len(str(int(high)))
    if digits not in _COMPACT or not 1900 <= int(str(int(high))[:4]) < 2100:
        return None
    name, all_of_them = _COMPACT[digits]
    present = values != 0
    if (values[present] < 1900 * 10 ** (digits - 4)).any():
        return None
    seconds, real = _dates_of_digits(values, digits)
    wrong = present & ~real
    count = int(np.count_nonzero(wrong))
    if (all_of_them and not real.all()) or 10 * count > len(values):
        return None
    if count or not present.all():
        row = int(np.argmax(wrong if count else ~present))
        reason = f"the time {values[row]} is not a date, and those in other rows are, as {name}"
        raise CellError(row, reason)
    if digits == 4:
        return Reading(seconds, how_read("years", seconds))
    return Reading(seconds, how_read(f"dates written as {name}", seconds))


def _dates_of_digits(values: NDArray[Any], digits: int) -> tuple[Seconds, NDArray[np.bool_]]:
    """Return the seconds of dates that are written in so many digits, and which are dates."""
    parts: list[Seconds | None] = []
    rest: Seconds = (values // 1000 if digits == 17 else values).astype(np.int64)
    for _ in range((min(digits, 14) - 4) // 2):
        rest, part = np.divmod(rest, 100)
        parts.insert(0, part)
    month, day, hour, minute, second = [*parts, *[None] * 5][:5]
    months = (rest - 1970) * 12 + (0 if month is None else np.clip(month, 1, 12) - 1)
    first, after = _first_day(months), _first_day(months + 1)
    real = np.ones(len(values), dtype=bool)
    if month is not None:
        real &= (month >= 1) & (month <= 12)
    seconds = first * _DAY
    if day is not None:
        real &= (day >= 1) & (day <= after - first)
        seconds += (day - 1) * _DAY
    for count, most, unit in ((hour, 23, 3600), (minute, 59, 60), (second, 59, 1)):
        if count is not None:
            real &= count <= most
            seconds += count * unit
    return seconds, real


def _first_day(months: Seconds) -> Seconds:
    """Return the days from 1970 to the first of months since 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
