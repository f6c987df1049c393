"""Tables without names: whether their cells fit the places user, item, rating, time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mfcli.errors import InputError
from mfcli.sources.readers.columns import Columns
from mfcli.sources.readers.looks import NUMERIC, Look, is_missing
from mfcli.sources.readers.text import is_number
from mfcli.sources.readers.values import are_ratings

DENSE_WAY_OUT = "write it as one row a rating first: user, item, rating (pandas: melt)"
_SMALL = 20.0  # a rating is no larger, a time is
_FEW_VALUES = 11
_NUMBERED = "--columns user=1,item=2,rating=3,time=4"


def fit_to_cells(
    found: Columns,
    chosen: Mapping[str, str],
    records: Sequence[Sequence[str]],
    looks: Sequence[Look],
    where: str,
) -> Columns:
    """Return the columns of a table without names, with a time in third place taken as the time.

    ``found``: by place. Roles that ``chosen`` gives are not looked at. Raises InputError where the
    cells do not fit: a date as an id, text as a rating, a table of users × items.
    """
    if not {"rating", "time"} & chosen.keys() and _is_dense(records, looks):
        raise InputError(
            f"{where}: looks like a table with a row for each user and a column for each item: "
            f"{DENSE_WAY_OUT}; if its columns are user, item, rating and time, say so with "
            f"{_NUMBERED[: _NUMBERED.index('time') - 1] if len(looks) == 3 else _NUMBERED}"
        )
    places = dict(found.places)
    for role in ("user", "item"):
        look = looks[places[role]]
        if role not in chosen and look in (Look.date, Look.clock, Look.fractions):
            _ask(f"column {places[role] + 1} holds {look}, no ids of {role}s", records, where)
    if {"rating", "time"} & chosen.keys() or places.get("rating") != 2:
        return found
    times = (Look.time, Look.date)
    if looks[2] in times and len(looks) == 3:
        places["time"] = places.pop("rating")
    elif looks[2] in times and looks[3] in NUMERIC and looks[3] is not Look.time:
        places |= {"rating": 3, "time": 2}
    elif looks[2] in (*times, Look.clock) or _is_mostly_text(records, 2):
        _ask(f"column 3 holds {looks[2]}, no ratings", records, where)
    elif len(looks) == 4 and looks[3] is Look.text and _is_mostly_text(records, 3):
        _ask("column 4 holds text, no times", records, where)
    return Columns(places, found.names, left_out=found.left_out)


def _is_mostly_text(records: Sequence[Sequence[str]], place: int) -> bool:
    cells = [record[place] for record in records if place < len(record)]
    held = [cell for cell in cells if not is_missing(cell)]
    return not are_ratings(held) and 2 * sum(map(is_number, held)) < len(held)


def _is_dense(records: Sequence[Sequence[str]], looks: Sequence[Look]) -> bool:
    """Tell a table of users × items from one row a rating, which it looks like at 3 or 4 columns.

    In the one all columns hold the same few values; in the other the pairs of the first two are
    distinct, and a fourth column holds times.
    """
    if len(records) < 3 or not all(look in NUMERIC for look in looks):
        return False
    rows = [[float(cell.strip()) for cell in record if is_number(cell)] for record in records]
    rows = [row for row in rows if len(row) == len(looks)]
    if not rows:
        return False
    columns = list(zip(*rows, strict=True))
    small = [all(abs(value) <= _SMALL for value in column) for column in columns]
    if len(looks) == 4:
        rising = all(a < b for a, b in zip(columns[3], columns[3][1:], strict=False))
        return all(small[1:]) and (small[0] or looks[0] is Look.rows) and not rising
    values = {value for row in rows for value in row}
    pairs = {row[:2] for row in map(tuple, rows)}
    few = len(looks) == 3 and len(rows) >= 10 and len(values) <= _FEW_VALUES
    return few and all(small) and 2 * len(pairs) < len(rows)


def _ask(reason: str, records: Sequence[Sequence[str]], where: str) -> None:
    shown = ", ".join(cell[:30] for cell in records[0])
    raise InputError(
        f"{where}: has no header, and {reason} (its first line is {shown!r}): say which columns "
        f"are which with --columns, for example {_NUMBERED} (rating and time may be none)"
    )
