"""Item names: u.item, movies.csv, movies.dat, or any two columns of id and name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from mfcli.data.interactions import Ids
from mfcli.errors import InputError
from mfcli.sources.readers.columns import KNOWN, plain
from mfcli.sources.readers.detect import QUOTING, records, refuse_foreign
from mfcli.sources.readers.source import BOM, HEAD_BYTES, Source

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
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,18})\Z", re.ASCII)


def read_names(source: Source) -> dict[str, str]:
    """Return id → name as text; raises InputError for a file that is no list of names.

    A byte that is not UTF-8 makes the whole file Latin-1. Of two names of an id the first counts.
    Control characters become spaces; a name is cut at 255 characters.
    """
    with source.open() as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise InputError(f"{source.name}: is larger than {LARGEST_FILE} bytes, too large for names")
    refuse_foreign(content[:4096], source.name)
    rows = _rows(_decode(content))
    first = next(rows, None)
    if first is None:
        raise InputError(f"{source.name}: holds no item names")
    line, cells = first
    place, title = 0, 1
    names: dict[str, str] = {}
    found = _header(cells)
    if found:
        place, title = found
    else:
        _keep(names, cells, place, title, line, source.name)
    for line, cells in rows:
        _keep(names, cells, place, title, line, source.name)
    return names


def fit(names: dict[str, str], item_ids: Ids) -> dict[Any, str]:
    """Return the names under ids of the matrix's type; integers match canonical integers only."""
    if item_ids.dtype.kind != "i":
        return dict(names)
    limit = np.iinfo(np.int64)
    whole = {int(key): name for key, name in names.items() if _INTEGER.match(key)}
    return {key: name for key, name in whole.items() if limit.min <= key <= limit.max}


def _decode(content: bytes) -> str:
    try:
        return content.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells, split by what the first line has most of."""
    lines = re.split(r"\r\n|\n|\r", text[:HEAD_BYTES])
    first = next((each for each in lines if each.strip()), "")
    if "::" in first:
        split = ((n, each.split("::")) for n, each in enumerate(re.split(r"\r\n|\n|\r", text), 1))
        return (pair for pair in split if pair[1] != [""])
    delimiter = _delimiter(text, first)
    csv.field_size_limit(1 << 30)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quoting=QUOTING[delimiter in ",;"]
    )
    return ((reader.line_num, cells) for cells in reader if cells)


def _delimiter(text: str, first: str) -> str:
    """Return what cuts every line into as many cells; in doubt, what the first line has."""
    head, whole = text[:HEAD_BYTES].encode(), len(text) <= HEAD_BYTES
    steady: dict[str, int] = {}
    for each in "\t,|;":
        widths = {len(row) for row in records(head, whole, each, each in ",;")}
        if len(widths) == 1:
            steady[each] = widths.pop()
    if max(steady.values(), default=1) > 1:
        return max(steady, key=lambda each: steady[each])
    return next((each for each in "\t,|;" if each in first), ",")


def _header(cells: list[str]) -> tuple[int, int] | None:
    """Return the columns of id and name if ``cells`` are a header."""
    bare = [plain(each.rpartition(":")[0] or each) for each in cells]
    titles = [place for place, each in enumerate(bare) if each in _TITLES]
    ids = [place for place, each in enumerate(bare) if each in (*KNOWN["item"], "id")]
    ids = [place for place in ids if place not in titles[:1]]
    return (ids[0], titles[0]) if ids and titles else None


def _keep(
    names: dict[str, str], cells: list[str], place: int, title: int, line: int, where: str
) -> None:
    if len(cells) <= max(place, title):
        raise InputError(
            f"{where}, line {line}: has {len(cells)} columns, and an id and a name are needed"
        )
    name = _CONTROL.sub(" ", cells[title]).strip()[:LONGEST_NAME]
    if name:
        names.setdefault(cells[place], name)
