"""Item names: u.item, movies.csv, movies.dat, or any two columns of id and name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mfcli.data.ids import FLOAT_INTEGER, trimmed
from mfcli.data.interactions import Ids
from mfcli.errors import InputError
from mfcli.sources.readers.foreign import refuse_foreign
from mfcli.sources.readers.roles import fit
from mfcli.sources.readers.source import HEAD_BYTES, Source
from mfcli.sources.readers.text import LINE_END, QUOTING, Head, decode
from mfcli.sources.readers.words import split_words
from mfcli.wording import counted

LONGEST_NAME = 255
LARGEST_FILE = 1 << 29
_TITLES = (
    "title",
    "name",
    "itemname",
    "movietitle",
    "artistname",
    "label",
    "itemtitle",
    "track",
    "trackname",
    "songname",
    "booktitle",
    "producttitle",
)
# Delimiters of lists of names, and whether their cells may be quoted: u.item has stray quotes.
_DELIMITERS = {"\t": False, ",": True, "|": False, ";": True}
_PLAIN_ID = 105  # of the fits of roles.py: better than a name or an address, worse than item_id
# Netflix's movie_titles: id, year, title.
_WITH_YEAR = re.compile(r"(\d+),(?:\d{4}|NULL),(.+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def read_names(source: Source) -> dict[str, str]:
    """Return id → name as text; raises InputError for a file that is not a list of names.

    Text that is not UTF-8 is taken as Windows-1252. Of two names of an id the first counts.
    Control characters become spaces; a name is cut at 255 characters.
    """
    with source.open() as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise InputError(f"{source.name}: is larger than {LARGEST_FILE} bytes, too large for names")
    head = Head(source.name, content[:HEAD_BYTES], len(content) <= HEAD_BYTES)
    refuse_foreign(head)
    rows = _rows(head, decode(content))
    first = next(rows, None)
    if first is None:
        raise InputError(f"{source.name}: holds no item names")
    line, cells = first
    place, title = 0, 1
    names: dict[str, str] = {}
    found = _name_columns(cells)
    if found:
        place, title = found
    else:
        _keep(names, cells, place, title, line, source.name)
    for line, cells in rows:
        _keep(names, cells, place, title, line, source.name)
    return names


def match_names(names: Mapping[str, str], item_ids: Ids) -> dict[Any, str]:
    """Return the names under ids of the matrix's type; integers match canonical integers only."""
    if item_ids.dtype.kind != "i":
        return dict(names)
    limit = np.iinfo(np.int64)
    matched = ((re.fullmatch(FLOAT_INTEGER, key), name) for key, name in names.items())
    whole = {int(match[1]): name for match, name in matched if match}
    return {key: name for key, name in whole.items() if limit.min <= key <= limit.max}


def _rows(head: Head, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells, cut by what cuts the first lines best."""
    first = next(iter(head.lines), "")
    if all(_WITH_YEAR.match(line) for line in head.lines):  # the title may hold commas
        cut = ((n, _WITH_YEAR.match(line)) for n, line in enumerate(LINE_END.split(text), 1))
        return ((n, [found[1], found[2]]) for n, found in cut if found)
    if "::" in first:
        split = ((n, line.split("::")) for n, line in enumerate(LINE_END.split(text), 1))
        return (pair for pair in split if pair[1] != [""])
    delimiter = head.steady_delimiter(_DELIMITERS) or _first_delimiter(first)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=QUOTING[_DELIMITERS[delimiter]],
    )
    return ((reader.line_num, cells) for cells in reader if cells)


def _first_delimiter(line: str) -> str:
    return next((delimiter for delimiter in _DELIMITERS if delimiter in line), ",")


def _name_columns(cells: list[str]) -> tuple[int, int] | None:
    """Return the columns of id and name if ``cells`` are a header."""
    names = [cell.rpartition(":")[0] or cell for cell in cells]
    words = ["".join(split_words(name)) for name in names]
    titles = [place for place, word in enumerate(words) if word in _TITLES]
    fits = {
        place: _PLAIN_ID if words[place] == "id" else fit(name, "item") or 0
        for place, name in enumerate(names)
        if place not in titles[:1]
    }
    best = max(fits, key=lambda place: fits[place], default=0)
    return (best, titles[0]) if titles and fits.get(best) else None


def _keep(
    names: dict[str, str], cells: list[str], place: int, title: int, line: int, where: str
) -> None:
    if len(cells) <= max(place, title):
        raise InputError(
            f"{where}, line {line}: has {counted(len(cells), 'column')}, and two are needed, for "
            "the id and the name"
        )
    name = _CONTROL.sub(" ", cells[title]).strip()[:LONGEST_NAME]
    if name:
        names.setdefault(trimmed(cells[place]), name)
