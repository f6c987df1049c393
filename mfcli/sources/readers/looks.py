"""What the first cells of a column look like: evidence beside its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

import pyarrow as pa

from mfcli.data.ids import MISSING_NUMBERS, trimmed
from mfcli.sources.readers.text import is_number
from mfcli.sources.readers.values import are_ratings

_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?\Z")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_EARLIEST = 1e8  # seconds: March 1973
_LATEST = 4.2e18  # nanoseconds: 2103


class Look(StrEnum):
    """What the cells of a column hold, as far as is seen."""

    number = "numbers"
    fractions = "fractions"
    rows = "row numbers"
    time = "times"
    date = "dates"
    clock = "times of day"
    opinion = "ratings in words or symbols"
    text = "text"
    unknown = "nothing"


NUMERIC = frozenset((Look.number, Look.fractions, Look.rows, Look.time))


def is_missing(cell: str) -> bool:
    """Tell a cell without content, however that is written."""
    return trimmed(cell).lower() in MISSING_NUMBERS


def look_at(cells: Sequence[str]) -> Look:
    """Return what cells of text hold, those without content left aside."""
    held = [cell.strip() for cell in cells if not is_missing(cell)]
    if not held:
        return Look.unknown
    if all(is_number(cell) for cell in held):
        return _look_at_numbers([float(cell) for cell in held])
    if all(_DATE.match(cell) for cell in held):
        return Look.date
    if all(_CLOCK.match(cell) for cell in held):
        return Look.clock
    return Look.opinion if are_ratings(held) else Look.text


def _look_at_numbers(values: list[float]) -> Look:
    if all(_EARLIEST <= value <= _LATEST for value in values):
        return Look.time
    if not all(value.is_integer() for value in values):
        return Look.fractions
    begin = values[0]
    if (
        len(values) > 2
        and begin in (0.0, 1.0)
        and values == [begin + n for n in range(len(values))]
    ):
        return Look.rows
    return Look.number


def look_at_type(kind: pa.DataType) -> Look:
    """Return what a column of an Arrow type holds."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Look.number
    if pa.types.is_boolean(kind):
        return Look.opinion
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Look.date
    return Look.unknown
