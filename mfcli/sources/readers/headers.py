"""Whether the first line of a table names its columns: by its words and by its kind.

Where it is of another kind than every line below and no word of it is known, that is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mfcli.config.fetch import NO_COLUMN
from mfcli.errors import InputError
from mfcli.sources.readers.looks import NUMERIC, is_missing, look_at
from mfcli.sources.readers.roles import fit
from mfcli.sources.readers.text import is_number

ROWS_SEEN = 200
_ENOUGH_ROWS = 3  # to tell that the first one is of another kind
_ENOUGH_REPEATS = 6  # lines, to tell that every token but the first line's comes again

Records = Sequence[Sequence[str]]


def has_header(records: Records, chosen: Mapping[str, str], where: str) -> bool:
    """Tell whether the first line names the columns.

    It does where --columns gives names, where one is known to be the user or the item, or where
    it holds text above columns of numbers. Raises InputError where it could be either.
    """
    if any(not column.isdigit() and column != NO_COLUMN for column in chosen.values()):
        return True
    first = [cell.strip() for cell in records[0]]
    rest = [record for record in records[1:] if [cell.strip() for cell in record] != first]
    columns = [
        [record[place].strip() for record in rest[:ROWS_SEEN] if place < len(record)]
        for place in range(len(first))
    ]
    if _names_roles(first, columns):
        return True
    numeric = [look_at(column) in NUMERIC for column in columns]
    above = [
        place
        for place, cell in enumerate(first)
        if numeric[place] and not is_number(cell) and not is_missing(cell)
    ]
    if above and not any(numeric[place] and is_number(cell) for place, cell in enumerate(first)):
        return True
    if above or _is_of_another_kind(first, columns) or _is_alone(first, rest):
        _ask(first, where)
    return False


def _names_roles(first: Sequence[str], columns: Records) -> bool:
    """Tell whether a cell is a name that is known for the user or the item, and no id itself."""
    found = set()
    for cell, column in zip(first, columns, strict=True):
        if is_number(cell) or any(char.isdigit() for char in cell):
            continue
        for role in ("user", "item"):
            # An id such as U1 is no name, though a column may be called so.
            others = [each for each in column[:50] if not _has_digit(each)]
            if fit(cell, role) is not None and not any(fit(each, role) for each in others):
                found.add((role, cell in column))
    if {role for role, _ in found} == {"user", "item"}:
        return True
    return any(not comes_again for _, comes_again in found)


def _is_of_another_kind(first: Sequence[str], columns: Records) -> bool:
    """Tell whether every id below holds digits, and none of the first line does."""
    with_digits = [
        place
        for place, column in enumerate(columns)
        if len(set(column)) >= _ENOUGH_ROWS and all(map(_has_digit, column))
    ]
    return len(with_digits) > 1 and not any(_has_digit(first[place]) for place in with_digits)


def _has_digit(cell: str) -> bool:
    return any(char.isdigit() for char in cell)


def _is_alone(first: Sequence[str], rest: Records) -> bool:
    """Tell whether no cell of the first line comes again in its column, while all others do."""
    if len(rest) < _ENOUGH_REPEATS or any(is_number(cell) for cell in first):
        return False
    for place, cell in enumerate(first):
        counts = Counter(record[place].strip() for record in rest if place < len(record))
        if cell in counts or min(counts.values()) < 2:
            return False
    return True


def _ask(first: Sequence[str], where: str) -> None:
    shown = ", ".join(cell[:30] for cell in first[:6]) + (", …" if len(first) > 6 else "")
    example = ",".join(
        f"{role}={cell[:30]}" for role, cell in zip(("user", "item"), first, strict=False)
    )
    raise InputError(
        f"{where}, line 1: {shown!r} is of another kind than the lines below it: say --header if "
        f"it names the columns (and which, for example --columns {example}), or --no-header if it "
        "is a row like the others"
    )
