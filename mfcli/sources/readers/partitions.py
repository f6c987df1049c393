"""Columns that the names of folders hold, as Hive, Spark, Athena and BigQuery write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import unquote

from mfcli.config.fetch import NO_COLUMN
from mfcli.sources.readers.columns import Columns, by_name
from mfcli.sources.readers.looks import Look, look_at
from mfcli.sources.readers.part import Part
from mfcli.sources.readers.roles import role_of

_KEY = re.compile(r"([A-Za-z_][^=/]*)=([^/]*)")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?=\Z|[ T])")


@dataclass(frozen=True)
class Places:
    """Where the roles of a part of a table are.

    columns: of the file and behind them those of its folders. inside: role → column of the file.
    constants: role → the value that every row has.
    """

    columns: Columns
    inside: Mapping[str, int]
    constants: Mapping[str, str]


def is_partition(folder: str) -> bool:
    """Tell a folder whose name is ``column=value``."""
    return _KEY.fullmatch(folder) is not None


def lies_in_parts(path: str) -> bool:
    """Tell whether a folder of a path is ``column=value``, or a number: a year, a day, a shard."""
    return any(is_partition(folder) or folder.isdigit() for folder in path.split("/")[:-1])


def partition_columns(path: str) -> dict[str, str]:
    """Return the columns in the folders of a path: ``dt=2024-01-01/a.csv`` has dt.

    ``year=2024/month=1/day=31`` is a date as well; dates are written with hyphens.
    """
    found = {}
    for folder in path.split("/")[:-1]:
        match = _KEY.fullmatch(folder)
        if match:
            found[match[1]] = _with_hyphens(unquote(match[2]))
    day = [found.get(key, "") for key in ("year", "month", "day")]
    if all(part.isascii() and part.isdigit() for part in day):
        year, month, number = map(int, day)
        found.setdefault("date", _with_hyphens(f"{year:04}{month:02}{number:02}"))
    return found


def find_places(
    names: Sequence[str],
    chosen: Mapping[str, str],
    part: Part,
    where: str,
    looks: Sequence[Look] | None = None,
    hint: str = "",
) -> Places:
    """Return the places of the roles among a file's named columns and those of its folders.

    A column of the file goes before one of a folder, unless ``chosen`` (--columns) names that.
    Raises UsageError, InputError as ``by_name`` does.
    """
    outside = _outside(part, chosen, {role_of(name) for name in names})
    known = None
    if looks is not None:
        known = [*looks, *(look_at([part.constants[key]]) for key in outside)]
    wanted = {**chosen, **_added(outside, chosen)}
    columns = by_name([*names, *outside], wanted, where, known, hint)
    return _placed(columns, len(names), part)


def without_folders(chosen: Mapping[str, str], part: Part) -> dict[str, str]:
    """Return --columns for a file without names: what it says of columns of folders left out."""
    named = [role for role, name in chosen.items() if name in part.constants]
    rest = {role: name for role, name in chosen.items() if role not in named}
    return rest | {role: NO_COLUMN for role in named if role in ("rating", "time")}


def beside_folders(found: Columns, chosen: Mapping[str, str], part: Part) -> Places:
    """Return the places of the roles in a file without names, and among its folders' columns."""
    width = len(found.names)
    named = {role: name for role, name in chosen.items() if name in part.constants}
    outside = {**_added(_outside(part, named, set(found.places)), chosen), **named}
    if not outside:
        return _placed(found, width, part)
    keys = list(outside.values())
    places = dict(found.places) | {role: width + keys.index(key) for role, key in outside.items()}
    return _placed(replace(found, places=places, names=(*found.names, *keys)), width, part)


def _outside(
    part: Part, chosen: Mapping[str, str], inside: set[str | None]
) -> dict[str, str | None]:
    """Return the columns of folders that are of use, with the role that each may have."""
    roles = {key: _role(key, value) for key, value in part.constants.items()}
    return {
        key: role
        for key, role in roles.items()
        if key in chosen.values() or (role is not None and role not in inside)
    }


def _added(outside: Mapping[str, str | None], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return role → column for the columns of folders that --columns does not speak of."""
    return {
        role: key
        for key, role in reversed(list(outside.items()))
        if role is not None and role not in chosen and key not in chosen.values()
    }


def _placed(columns: Columns, width: int, part: Part) -> Places:
    return Places(
        columns,
        {role: place for role, place in columns.places.items() if place < width},
        {
            role: part.constants[columns.names[place]]
            for role, place in columns.places.items()
            if place >= width
        },
    )


def _role(key: str, value: str) -> str | None:
    """Return the role of a folder's column; one that holds a date is the time, however named."""
    role = role_of(key)
    if role == "time" or role is None:
        return "time" if _DATE.match(value) else None
    return role


def _with_hyphens(value: str) -> str:
    match = _DATE.match(value)
    if match is None:
        return value
    try:
        day = date(*map(int, match.groups()))
    except ValueError:
        return value
    return day.isoformat() + value[match.end() :]
