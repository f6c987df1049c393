"""Dates and times as text → seconds since 1970: the forms that are known, and what reads them.

A new form is one entry of ``FORMS``: a regular expression (of Arrow's RE2) for a whole cell, whose
groups are named as those of ``mfcli.config.time_formats.time_pattern``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.config.time_formats import MONTH, MONTHS, WEEKDAY, ZONE, ZONES, DayOrder

Seconds = NDArray[np.int64]
Mask = NDArray[np.bool_]

_TIME = (
    r"(?:t|[ ,:]+|,? at )(?P<hour>[0-9]{1,2})"
    r"(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
    rf"(?: ?(?P<zone>{ZONE})(?: \([a-z ]+\))?)?"
)
_LATER = f"(?:{_TIME})?"  # a date alone is its midnight
_WEEKDAY = rf"(?:{WEEKDAY}\.?,? +)?"
_YEAR, _SHORT_YEAR = "(?P<year>[0-9]{4})", "(?P<year>[0-9]{4}|[0-9]{2})"
_MONTH, _DAY = "(?P<month>[0-9]{1,2})", "(?P<day>[0-9]{1,2})"
_NAME = rf"(?P<name>{MONTH})\.?"
_NTH = "(?:st|nd|rd|th)?"

# Name, by an example → regular expression. Those that the same text may fit give it another
# meaning: --time-format then has to say which of ``ORDERS`` it is.
FORMS: dict[str, str] = {
    "2019-12-31 18:05:00": rf"{_YEAR}[-/.]{_MONTH}(?:[-/.]{_DAY}{_LATER})?",
    "20191231T180500": (
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?:t| |_|-)(?P<hour>[0-9]{2}):?"
        rf"(?P<minute>[0-9]{{2}})(?::?(?P<second>[0-9]{{2}})(?:[.,][0-9]+)?)? ?(?P<zone>{ZONE})?"
    ),
    "31/12/2019 18:05": rf"{_DAY}[-/. ]{_MONTH}[-/. ]{_SHORT_YEAR}{_LATER}",
    "12/31/2019 18:05": rf"{_MONTH}[-/. ]{_DAY}(?:[-/.]|,? ){_SHORT_YEAR}{_LATER}",
    "19-12-31": rf"(?P<year>[0-9]{{2}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}}){_LATER}",
    "31 Dec 2019 18:05": (
        rf"\[?{_WEEKDAY}{_DAY}{_NTH}[-/. ]*(?:of )?{_NAME}[-/ ,]*{_SHORT_YEAR}{_LATER}\]?"
    ),
    "Dec 31, 2019 18:05": (
        rf"(?:posted )?{_WEEKDAY}{_NAME}[-/ ]{_DAY}{_NTH},?[-/ ]+{_YEAR}{_LATER}\.?"
    ),
    "Tue Dec 31 18:05:00 +0000 2019": rf"{_WEEKDAY}{_NAME} +{_DAY}{_TIME} +{_YEAR}",
    "2019-Dec-31 18:05": rf"{_YEAR}[-/ ]{_NAME}[-/ ]{_DAY}{_LATER}",
    "Dec 2019": rf"{_NAME}[-/ ,]+{_YEAR}",
    "12/2019": rf"{_MONTH}[-/.]{_YEAR}",
}
ISO = "2019-12-31 18:05:00"
# What tells one meaning of the same digits from another.
ORDERS: dict[DayOrder, str] = {
    DayOrder.dmy: "31/12/2019 18:05",
    DayOrder.mdy: "12/31/2019 18:05",
    DayOrder.ymd: "19-12-31",
}
# What each order takes where --time-format names it.
CHOSEN: dict[DayOrder, str] = {
    DayOrder.dmy: FORMS[ORDERS[DayOrder.dmy]],
    DayOrder.mdy: FORMS[ORDERS[DayOrder.mdy]],
    DayOrder.ymd: rf"{_SHORT_YEAR}[-/. ]{_MONTH}[-/. ]{_DAY}{_LATER}",
}


@dataclass(frozen=True, eq=False)
class Parsed:
    """Seconds since 1970 of texts, (R,), and which of them the form fits; else a zero."""

    seconds: Seconds
    fits: Mask


def parse(texts: pa.Array, pattern: str) -> Parsed:
    """Read texts by a regular expression; UTC unless they name a zone, fractions cut off.

    A date that there is not, such as 30 February, and an hour of 24 do not fit.
    """
    if pattern == FORMS[ISO] and (quick := _by_arrow(texts)) is not None:
        return quick
    found = pc.extract_regex(texts, pattern=f"(?i)^(?:{pattern})$")
    names = [field.name for field in found.type]
    parts = dict(zip(names, found.flatten(), strict=True))  # a row that does not fit has nulls
    fits = found.is_valid().to_numpy(zero_copy_only=False).copy()
    days, real = _days(parts, len(texts))
    clock, shown = _clock(parts, len(texts))
    fits &= real & shown
    seconds = days * 86_400 + clock
    seconds[~fits] = 0
    return Parsed(seconds, fits)


def _by_arrow(texts: pa.Array) -> Parsed | None:
    """Read ISO 8601 by Arrow's own cast, ten times as fast; None unless it takes every text."""
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            micros = texts.cast(kind).cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:
            continue
        return Parsed(micros // 1_000_000, np.ones(len(texts), dtype=bool))
    return None


def _numbers(part: pa.Array | None, size: int, default: int) -> Seconds:
    """Return the integers of texts that are all digits, ``default`` where there is none."""
    if part is None:
        return np.full(size, default, dtype=np.int64)
    part = pc.ascii_trim_whitespace(part)
    digits = pc.if_else(pc.equal(pc.binary_length(part), 0), None, part)
    return np.asarray(pc.fill_null(digits.cast(pa.int64()), default).to_numpy())


def _looked_up(part: pa.Array | None, size: int, meaning: Callable[[str], int]) -> Seconds:
    """Return the meaning of every text, worked out once for each distinct one; 0 for none."""
    if part is None:
        return np.zeros(size, dtype=np.int64)
    coded = pc.fill_null(part, "").dictionary_encode()
    values = [meaning(word) if word else 0 for word in coded.dictionary.to_pylist()]
    return np.array(values, dtype=np.int64)[coded.indices.to_numpy()]


def _days(parts: Mapping[str, pa.Array], size: int) -> tuple[Seconds, Mask]:
    """Return days since 1970, and whether there is such a day."""
    year = _numbers(parts.get("year"), size, 1970)
    if "year" in parts:  # two digits: 1969 to 2068, as POSIX has it
        short = pc.equal(pc.binary_length(parts["year"]), 2)
        short = pc.fill_null(short, fill_value=False).to_numpy(zero_copy_only=False)
        year = year + np.where(short, np.where(year < 69, 2000, 1900), 0)
    if "name" in parts:
        month = _looked_up(parts["name"], size, lambda name: MONTHS.index(name[:3].lower()) + 1)
    else:
        month = _numbers(parts.get("month"), size, 1)
    if "yearday" in parts:
        month, day = np.ones(size, dtype=np.int64), _numbers(parts["yearday"], size, 1)
        span = 12
    else:
        day, span = _numbers(parts.get("day"), size, 1), 1
    real = (month >= 1) & (month <= 12)
    months = (year - 1970) * 12 + np.where(real, month, 1) - 1
    first = _first_day(months)
    real &= (day >= 1) & (day <= _first_day(months + span) - first)
    return first + day - 1, real


def _first_day(months: Seconds) -> Seconds:
    """Return the days from 1970 to the first of months since 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _clock(parts: Mapping[str, pa.Array], size: int) -> tuple[Seconds, Mask]:
    """Return seconds since midnight in UTC, and whether there is such a time of day."""
    hour = _numbers(parts.get("hour"), size, 0)
    minute = _numbers(parts.get("minute"), size, 0)
    second = _numbers(parts.get("second"), size, 0)
    fits = (hour < 24) & (minute < 60) & (second <= 60)  # 60: a leap second
    half = _looked_up(parts.get("half"), size, lambda word: 1 if word[0] in "aA" else 2)
    fits &= (half == 0) | ((hour >= 1) & (hour <= 12))
    hour = np.where(half == 0, hour, hour % 12 + 12 * (half == 2))
    zone = _looked_up(parts.get("zone"), size, zone_seconds)
    return hour * 3600 + minute * 60 + second - zone, fits


def zone_seconds(name: str) -> int:
    """Return how many seconds a zone is ahead of UTC: "Z", "+01:00", "-0700", "GMT+2", "EST"."""
    word = name.lower()
    if word in ZONES:
        return ZONES[word] * 3600
    word = word.removeprefix("utc").removeprefix("gmt")
    digits = word[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if word[0] == "-" else seconds


def fitting(texts: pa.Array, among: Mapping[str, str]) -> dict[str, Any]:
    """Return form → what it makes of the texts, of the forms that fit them all."""
    first = texts.slice(0, 50)
    found = {}
    for form, pattern in among.items():
        if len(texts) > len(first) and not parse(first, pattern).fits.all():
            continue
        parsed = parse(texts, pattern)
        if parsed.fits.all():
            found[form] = parsed.seconds
    return found
