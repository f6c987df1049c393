"""``--time-format``: how a column of times is written, by a name or a pattern like strptime's."""

from __future__ import annotations

import re
from enum import StrEnum

from mfcli.config.options import nearest
from mfcli.errors import UsageError


class TimeUnit(StrEnum):
    """What a number in a column of times counts, from 1970 on unless it says otherwise."""

    seconds = "s"
    milliseconds = "ms"
    microseconds = "us"
    nanoseconds = "ns"
    days = "days"
    excel = "excel"  # days, with the time as a fraction, as spreadsheets count them


class DayOrder(StrEnum):
    """Which number of a date is the day, where its digits do not tell."""

    dmy = "dmy"
    mdy = "mdy"
    ymd = "ymd"


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    "sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
WEEKDAY = "(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
# Hours east of UTC: the names that RFC 2822 gives a meaning, which are all that have only one.
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
ZONE = f"(?:utc|gmt)?[+-][0-9]{{2}}(?::?[0-9]{{2}})?|(?:utc|gmt)[+-][0-9]|{'|'.join(ZONES)}"

# Directive of strptime → the part of a date or time, and what it looks like; "": not looked at.
# Python's re and Arrow (RE2) read the patterns alike; letters in either case.
_DIRECTIVES = {
    "Y": ("year", "[0-9]{4}"),
    "y": ("year", "[0-9]{2}"),
    "m": ("month", "[0-9]{1,2}"),
    "d": ("day", " ?[0-9]{1,2}"),
    "e": ("day", " ?[0-9]{1,2}"),
    "j": ("yearday", "[0-9]{1,3}"),
    "H": ("hour", "[0-9]{1,2}"),
    "I": ("hour", "[0-9]{1,2}"),
    "M": ("minute", "[0-9]{1,2}"),
    "S": ("second", "[0-9]{1,2}"),
    "f": ("", "[0-9]+"),
    "p": ("half", r"[ap]\.?m\.?"),
    "b": ("name", MONTH),
    "B": ("name", MONTH),
    "h": ("name", MONTH),
    "a": ("", WEEKDAY),
    "A": ("", WEEKDAY),
    "z": ("zone", ZONE),
    "Z": ("zone", ZONE),
}
_PUNCTUATION = re.compile(r"([!-/:-@\[-^`{-~])")
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}


def time_pattern(text: str) -> str:
    """Return the regular expression of a pattern like ``%d.%m.%Y %H:%M``, for a whole cell.

    Its groups are named year, month, name (of a month), day, yearday, hour, minute, second, half
    (AM or PM) and zone. Raises UsageError for a directive that is not known, one that is given
    twice, and for a pattern without a year.
    """
    for short, long in _SHORT.items():
        text = text.replace(f"%{short}", long)
    found: list[str] = []
    groups: set[str] = set()
    for literal, directive in re.findall(r"([^%]+)|%(.?)", text, re.DOTALL):
        if literal:
            found.append(_PUNCTUATION.sub(r"\\\1", literal))
            continue
        if directive == "%":
            found.append("%")
            continue
        if directive not in _DIRECTIVES:
            known = " ".join(f"%{name}" for name in (*_DIRECTIVES, *_SHORT))
            raise UsageError(
                f"--time-format {text!r}: %{directive} is not known; there are {known}"
            )
        group, pattern = _DIRECTIVES[directive]
        if group in groups:
            raise UsageError(f"--time-format {text!r} gives the {_WORDS.get(group, group)} twice")
        groups |= {group} - {""}
        found.append(f"(?P<{group}>{pattern})" if group else f"(?:{pattern})")
    if "year" not in groups:
        raise UsageError(f"--time-format {text!r} has no year: %Y (2019) or %y (19)")
    if "day" in groups and not groups & {"month", "name"}:
        raise UsageError(f"--time-format {text!r} has a day and no month: %m (01) or %b (Jan)")
    return "".join(found)


_WORDS = {"name": "month", "yearday": "day of the year", "half": "AM or PM"}


def parse_time_format(text: str) -> TimeUnit | DayOrder | str:
    """Read ``--time-format``: a unit, an order, or the pattern's regular expression.

    Raises UsageError for anything else.
    """
    word = text.strip().lower()
    for kind in (TimeUnit, DayOrder):
        if word in set(kind):
            return kind(word)
    if "%" not in text:
        names = [*TimeUnit, *DayOrder]
        raise UsageError(
            f"--time-format {text!r} is neither one of {', '.join(names)}{nearest(word, names)} "
            "nor a pattern like %d.%m.%Y %H:%M"
        )
    return time_pattern(text)
