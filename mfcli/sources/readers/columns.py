"""Which column is the user, the item, the rating and the time."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from mfcli.codes import WarningCode
from mfcli.config.fetch import COLUMN_ROLES, NO_COLUMN
from mfcli.config.options import nearest
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent, Warned
from mfcli.sources.readers import vocabulary
from mfcli.sources.readers.looks import NUMERIC, Look
from mfcli.sources.readers.roles import fit, is_something_else
from mfcli.sources.readers.words import split_words
from mfcli.wording import counted

_OPTIONAL = ("rating", "time")
# What else there is to do where the role cannot be told.
_OR_NONE = {"rating": ", or rating=none where every row counts as 1", "time": ", or time=none"}
# role → the least fit of a column that is named beside the one that was taken.
_WORTH_NAMING = {"user": 60, "item": 60, "rating": 45}
_WIDE = (
    "; a table with a column for each item has to be written as one row a rating first: user, "
    "item, rating (pandas: melt)"
)
_ENOUGH_ITEMS = 4  # columns that nothing is known of
_MAYBE = 2  # how unlikely a column is that is proposed without a word
_ONE_PERSON = (
    "; a list of one person's items has no user: add a column that says who it is, the same in all "
    "rows"
)
_NO_RATING = "every row counts as an interaction of 1"


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are read.

    places: role → column, from 0. names: of all columns; without a header their numbers, from 1.
    unused: columns of numbers that could be the rating, where none was taken. beside: role → other
    columns that nearly were it. left_out: --columns says that there is no rating.
    """

    places: Mapping[str, int]
    names: tuple[str, ...]
    unused: tuple[str, ...] = ()
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: bool = False

    def used(self) -> dict[str, str]:
        """Return role → name of the column."""
        return {role: self.names[place] for role, place in self.places.items()}

    def describe(self) -> str:
        """Return what is read as what: "user=userId, item=track_id (rather than artist)"."""
        parts = []
        for role, name in self.used().items():
            others = _join(self.beside.get(role, ()), "and")
            parts.append(f"{role}={name}" + (f" (rather than {others})" if others else ""))
        return ", ".join(
            parts if "rating" in self.places or self.left_out else [*parts, _NO_RATING]
        )

    def tell(self, where: str, kind: str, on_event: OnEvent) -> None:
        """Say what is read as what, and warn of numbers that are not read."""
        on_event(Noted(f"{where}: read as {kind}, {self.describe()}"))
        if self.unused:
            held = "holds" if len(self.unused) == 1 else "hold"
            on_event(
                Warned(
                    WarningCode.rating_column,
                    f"{where}: no column is known as the rating, so {_NO_RATING}; "
                    f"{_join(self.unused, 'and')} {held} numbers: --columns "
                    f"rating={self.unused[0]} takes them, --columns rating=none leaves them out",
                )
            )


def find_role(
    names: Sequence[str],
    role: str,
    where: str,
    looks: Sequence[Look] | None = None,
    taken: Sequence[int] = (),
) -> int | None:
    """Return the column, from 0, whose name fits a role best; None where none does.

    ``looks``: what the first cells of each column hold; ``taken``: columns that have another role.
    Raises InputError where several fit as well.
    """
    ranked = _rank(names, role, looks, taken)
    if not ranked:
        return None
    best = [place for score, place in ranked if score == ranked[0][0]]
    if len(best) > 1 and role != "time":
        options = [names[place] for place in best]
        if len(set(options)) == 1:
            raise InputError(f"{where}: has two columns {options[0]!r}: rename one of them")
        raise InputError(
            f"{where}: the {role} could be {_join(options, 'or')}: choose with --columns "
            f"{role}={options[0]}{_OR_NONE.get(role, '')}{_wide(options)}"
        )
    return best[0]


def by_name(
    names: Sequence[str],
    chosen: Mapping[str, str],
    where: str,
    looks: Sequence[Look] | None = None,
    hint: str = "",
) -> Columns:
    """Return the columns of a table with named columns: ``chosen`` (--columns), or by words.

    A role that ``chosen`` gives "none" is left out. ``looks``: what the first cells of each column
    hold. ``hint``: what else may be wrong, for the question. Raises UsageError for a --columns that
    is not there; InputError where the user or the item is not known, or a role could be several.
    """
    places = {
        role: _find(column, names, where) for role, column in chosen.items() if column != NO_COLUMN
    }
    _check_once(places, names, where)
    beside = {}
    for role in COLUMN_ROLES:
        if role in chosen:
            continue
        taken = tuple(places.values())
        place = find_role(names, role, where, looks, taken)
        if place is not None:
            beside[role] = _runners_up(names, role, looks, (*taken, place))
            places[role] = place
        elif role not in _OPTIONAL:
            _ask(role, names, places, where, hint, looks)
    unused = () if "rating" in places or "rating" in chosen else _numbers(names, looks, places)
    ordered = {role: places[role] for role in COLUMN_ROLES if role in places}
    return Columns(ordered, tuple(names), unused, beside, chosen.get("rating") == NO_COLUMN)


def by_place(
    width: int, chosen: Mapping[str, str], where: str, looks: Sequence[Look] = ()
) -> Columns:
    """Return the columns of a table without names: user, item, rating, time, or ``chosen``.

    Where ``chosen`` names some roles, the others keep their usual place if it is free. Raises
    UsageError for a column that is not there, InputError where there are too few or too many.
    """
    names = tuple(str(number) for number in range(1, width + 1))
    for role, column in chosen.items():
        if column not in (*names, NO_COLUMN):
            reason = "has no header" if not column.isdigit() else f"has {counted(width, 'column')}"
            raise UsageError(
                f"--columns {role}={column}: {where} {reason}: give numbers from 1 to {width}"
                + ("" if column.isdigit() else ", or --header if its first line names them")
            )
    if width < 2:
        raise InputError(f"{where}: has one column, and two are needed, for the user and the item")
    places = {role: int(column) - 1 for role, column in chosen.items() if column != NO_COLUMN}
    if width > 4 and not {"user", "item"} <= places.keys():
        raise InputError(
            f"{where}: has {counted(width, 'column')} without names: choose with --columns "
            "user=1,item=2,rating=3,time=4"
            + (_WIDE if looks and all(look in NUMERIC for look in looks) else "")
        )
    for role in COLUMN_ROLES:
        if role not in chosen and (width <= 4 or role not in _OPTIONAL):
            _place(role, width, places)
    ordered = {role: places[role] for role in COLUMN_ROLES if role in places}
    return Columns(ordered, names, left_out=chosen.get("rating") == NO_COLUMN)


def _place(role: str, width: int, places: dict[str, int]) -> None:
    """Give a role its usual place, or to the user and the item the first that is free."""
    usual = COLUMN_ROLES.index(role)
    free = [place for place in range(width) if place not in places.values()]
    if usual in free:
        places[role] = usual
    elif role not in _OPTIONAL and free:
        places[role] = free[0]


def _rank(
    names: Sequence[str], role: str, looks: Sequence[Look] | None, taken: Sequence[int]
) -> list[tuple[int, int]]:
    """Return score and place of the columns that may have a role, the best first."""
    scored = []
    for place, name in enumerate(names):
        score = None if place in taken else fit(name, role)
        if score is not None and _looks_like(role, name, looks[place] if looks else None):
            scored.append((-score, place))
    return [(-score, place) for score, place in sorted(scored)]


def _looks_like(role: str, name: str, look: Look | None) -> bool:
    """Tell whether the cells of a column may be what its name says."""
    words = {*split_words(name)}
    if role == "rating" and words & vocabulary.RATING_NEEDS_NUMBERS:
        return look in (None, Look.unknown, Look.opinion, *(NUMERIC - {Look.time}))
    if role == "time":
        if words & vocabulary.TIME_NEEDS_TIMES:
            return look in (Look.time, Look.date)
        return look is not Look.clock
    return True


def _runners_up(
    names: Sequence[str], role: str, looks: Sequence[Look] | None, taken: Sequence[int]
) -> tuple[str, ...]:
    """Return the columns that could have been taken for a role too."""
    if role not in _WORTH_NAMING:
        return ()
    ranked = _rank(names, role, looks, taken)
    return tuple(names[place] for score, place in ranked if score >= _WORTH_NAMING[role])


def _numbers(
    names: Sequence[str], looks: Sequence[Look] | None, places: Mapping[str, int]
) -> tuple[str, ...]:
    """Return the columns of numbers without a role that are not known for something else."""
    if looks is None:
        return ()
    return tuple(
        name
        for place, name in enumerate(names)
        if looks[place] in (Look.number, Look.fractions)
        and place not in places.values()
        and not is_something_else(name)
    )


def _ask(
    role: str,
    names: Sequence[str],
    places: Mapping[str, int],
    where: str,
    hint: str,
    looks: Sequence[Look] | None,
) -> None:
    """Raise the question which column has a role, with an example."""
    found = dict(places)
    if role == "user" and (items := _rank(names, "item", looks, tuple(places.values()))):
        found["item"] = items[0][1]
    unread = [place for place, name in enumerate(names) if place not in places.values() and name]
    left = [place for place in unread if place not in found.values()]
    missing = [each for each in ("user", "item") if each not in found]
    example = []
    for each in missing:
        order = [
            (_unlikeliness(names[place], each, looks[place] if looks else None), place)
            for place in left
        ]
        unlikeliness, place = min(order, default=(0, None))
        example.append(f"{each}={'…' if place is None else names[place]}")
        left = [other for other in left if other != place]
        if each == "user" and unlikeliness > _MAYBE:
            hint += _ONE_PERSON
    raise InputError(
        f"{where}: no column has a name that is known for the {role}; its columns are "
        f"{_list(names)}: choose with --columns, for example --columns {','.join(example)}{hint}"
        f"{_WIDE if _are_items(names, unread, looks) else ''}"
    )


def _unlikeliness(name: str, role: str, look: Look | None) -> int:
    """Return how unlikely a column is to be asked for as a role whose words it does not have."""
    words = {*split_words(name)}
    known: Container[str] = vocabulary.USERS if role == "user" else vocabulary.ITEMS
    if look not in (None, Look.text, Look.number, Look.rows) or fit(name, "time") is not None:
        return 4
    if any(fit(name, other) is not None for other in COLUMN_ROLES if other != role):
        return 3
    if any(word in known for word in words):
        return 0
    return 1 if not is_something_else(name) or words & vocabulary.IDS else 2


def _are_items(names: Sequence[str], left: Sequence[int], looks: Sequence[Look] | None) -> bool:
    """Tell whether the columns left over may be items, each with its ratings: a wide table."""
    if looks is None or len(left) < _ENOUGH_ITEMS:
        return False
    held = [looks[place] for place in left if looks[place] is not Look.unknown]
    return (
        len(held) > 1
        and all(look in NUMERIC for look in held)
        and not any(
            fit(names[place], "time") is not None or vocabulary.IDS & {*split_words(names[place])}
            for place in left
        )
    )


def _wide(alike: Sequence[str]) -> str:
    """Say what to do with a users × items table, of which each column is an item."""
    stems = {"".join(word for word in split_words(name) if not word.isdigit()) for name in alike}
    return _WIDE if len(alike) > 2 and len(stems) == 1 else ""


def _check_once(places: Mapping[str, int], names: Sequence[str], where: str) -> None:
    for role, place in places.items():
        others = [other for other in places if other != role and places[other] == place]
        if others:
            raise UsageError(
                f"--columns: {names[place]!r} of {where} is given two roles, {role} and {others[0]}"
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


def _join(names: Sequence[str], word: str) -> str:
    """Return "a", "a or b", "a, b or c"."""
    shown = [name[:40] for name in names[:6]] + ["others"] * (len(names) > 6)
    return f" {word} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:12])
    return shown + (f", … ({len(names)} in all)" if len(names) > 12 else "")
