"""Item names for a table: read from the lists that there are, and matched to its items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mfcli.codes import WarningCode
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned
from mfcli.sources.readers.names import match_names, read_names
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import ParsedTable
from mfcli.wording import counted

# Names from a file that merely lies beside the one that was named: of fewer of the items they are
# those of another data set.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class NameList:
    """A list of item names; ``beside``: it lies beside the file that was named, and may not fit."""

    source: Source
    beside: bool = False


def names_for(lists: Sequence[NameList], table: ParsedTable, on_event: OnEvent) -> dict[Any, str]:
    """Return item id → name; of two names of an item the first counts.

    Raises InputError for a list that cannot be read, unless it only lies beside the table.
    """
    found = match_names(table.item_names, table.items.values)
    for listed in lists:
        for item, name in _names_of(listed, table, on_event).items():
            found.setdefault(item, name)
    return found


def _names_of(listed: NameList, table: ParsedTable, on_event: OnEvent) -> dict[Any, str]:
    source, ids = listed.source, table.items.values
    try:
        names = read_names(source)
    except InputError as error:
        if not listed.beside:
            raise
        on_event(Noted(f"no item names are taken from the file beside it: {error}"))
        return {}
    found = match_names(names, ids)
    named = sum(item in found for item in ids.tolist())
    if listed.beside:
        if named < LEAST_SHARE * len(ids):
            on_event(
                Noted(
                    f"{source.name}, beside it, names {named} of {counted(len(ids), 'item')}: its "
                    f"names are not taken; --item-names {source.name} takes them"
                )
            )
            return {}
        on_event(
            Noted(
                f"item names are those of {source.name}, beside it; --item-names none leaves "
                "them out"
            )
        )
    if not named:
        on_event(
            Warned(
                WarningCode.names,
                f"{source.name}: {counted(len(names), 'name')}, and none is of an item in the "
                "table",
            )
        )
        return {}
    if named < len(ids):
        on_event(
            Noted(
                f"{source.name}: has names for {named} of {counted(len(ids), 'item')}; the others "
                "are shown by their id"
            )
        )
    return found
