"""Which column is the user, the item, the rating and the time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mfcli.config.options import nearest
from mfcli.errors import InputError, UsageError

# Names as they are compared: lower case, letters and digits only. Earlier ones win.
KNOWN = {
    "user": (
        "user",
        "userid",
        "uid",
        "users",
        "username",
        "reviewerid",
        "customerid",
        "visitorid",
        "memberid",
        "accountid",
        "sessionid",
    ),
    "item": (
        "item",
        "itemid",
        "iid",
        "items",
        "movieid",
        "movie",
        "artistid",
        "artist",
        "productid",
        "product",
        "asin",
        "parentasin",
        "bookid",
        "isbn",
        "trackid",
        "track",
        "songid",
        "song",
        "businessid",
        "animeid",
        "gameid",
        "articleid",
        "newsid",
        "filmid",
        "jokeid",
    ),
    "rating": (
        "rating",
        "ratings",
        "weight",
        "score",
        "count",
        "playcount",
        "plays",
        "overall",
        "stars",
        "value",
        "listens",
    ),
    "time": (
        "timestamp",
        "time",
        "date",
        "datetime",
        "unixreviewtime",
        "unixtime",
        "ratingdate",
        "createdat",
        "ts",
    ),
}


def plain(name: str) -> str:
    """Return a column's name as it is compared: ``user_id``, ``userId`` and ``User ID`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def role_of(name: str) -> str | None:
    """Return the role that a column of this name has, or None."""
    bare = plain(name)
    return next((role for role, names in KNOWN.items() if bare in names), None)


def by_name(names: Sequence[str], chosen: Mapping[str, str], where: str) -> dict[str, int]:
    """Return role → column of a table with named columns, ``chosen`` (--columns) or the known ones.

    Raises UsageError for a --columns that is not there, InputError if user or item is not known.
    """
    if chosen:
        return {role: _find(column, names, where) for role, column in chosen.items()}
    found: dict[str, int] = {}
    plain_names = [plain(name) for name in names]
    for role, known in KNOWN.items():
        place = next((plain_names.index(name) for name in known if name in plain_names), None)
        if place is not None:
            found[role] = place
    for role in ("user", "item"):
        if role not in found:
            raise InputError(
                f"{where}: no column has a name that is known for the {role}; its columns are "
                f"{_list(names)}: choose with --columns user=…,item=…,rating=…,time=…"
            )
    return found


def by_place(width: int, chosen: Mapping[str, str], where: str) -> dict[str, int]:
    """Return role → column of a table without names: user, item, rating, time, or ``chosen``."""
    if chosen:
        numbers = [str(number) for number in range(1, width + 1)]
        for role, column in chosen.items():
            if column not in numbers:
                reason = "has no header" if not column.isdigit() else f"has {width} columns"
                raise UsageError(
                    f"--columns {role}={column}: {where} {reason}: give numbers from 1 to {width}"
                    + ("" if column.isdigit() else ", or --header if its first line names them")
                )
        return {role: int(column) - 1 for role, column in chosen.items()}
    if width < 2:
        raise InputError(f"{where}: has one column, and two are needed, for the user and the item")
    if width > 4:
        raise InputError(
            f"{where}: has {width} columns without names: choose with --columns "
            "user=1,item=2,rating=3,time=4"
        )
    return dict(zip(("user", "item", "rating", "time")[:width], range(width), strict=True))


def describe(found: Mapping[str, int], names: Sequence[str] | None) -> str:
    """Return what is read as what: "user=userId, item=movieId"."""
    parts = [f"{role}={names[place] if names else place + 1}" for role, place in found.items()]
    return ", ".join(
        parts if "rating" in found else [*parts, "every row counts as an interaction of 1"]
    )


def _find(column: str, names: Sequence[str], where: str) -> int:
    if column in names:
        if list(names).count(column) > 1:
            raise UsageError(f"--columns {column}: {where} has two columns of that name")
        return list(names).index(column)
    if column.isdigit() and 1 <= int(column) <= len(names):
        return int(column) - 1
    folded = [name.lower() for name in names]
    if folded.count(column.lower()) == 1:
        return folded.index(column.lower())
    raise UsageError(
        f"--columns: {where} has no column {column!r}{nearest(column, names)}; "
        f"there are: {_list(names)}"
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:12])
    return shown + (f", … ({len(names)} in all)" if len(names) > 12 else "")
