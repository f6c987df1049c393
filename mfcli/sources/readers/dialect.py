"""How a table of text is laid out: what cuts its cells, whether they are quoted, its columns.

A new kind of such a table is one entry of ``TEXT_LAYOUTS``, beside its entry in formats.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.errors import InputError
from mfcli.sources.readers.columns import Columns, by_place
from mfcli.sources.readers.headers import ROWS_SEEN, has_header
from mfcli.sources.readers.looks import look_at
from mfcli.sources.readers.partitions import beside_folders, find_places, without_folders
from mfcli.sources.readers.shapes import fit_to_cells
from mfcli.sources.readers.text import BOM, Head

Change = Callable[[bytes], bytes]
_NO_HEADER = ", or --no-header if the first line is a row like the others"
SEPARATOR = "\x1f"  # stands for :: and for runs of blanks, which Arrow cannot cut at


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """What is known of a format of text before a file is looked at.

    delimiters: the characters that may cut its cells. quoted: whether cells may stand in double
    quotes; None: found by looking. header: whether the first line names the columns; None: found
    by looking. change: what turns whole lines into lines that one character cuts. typed_names:
    names of columns end in a type, as in ``user_id:token``.
    """

    delimiters: str
    quoted: bool | None = False
    header: bool | None = None
    change: Change | None = None
    typed_names: bool = False


def _cut_at_colons(lines: bytes) -> bytes:
    return lines.replace(b"::", SEPARATOR.encode())


def _cut_at_blanks(lines: bytes) -> bytes:
    lines = re.sub(rb"[ \t]+", SEPARATOR.encode(), lines)
    return re.sub(rb"(?m)^\x1f|\x1f(?=\r?$)", b"", lines)


TEXT_LAYOUTS: dict[Format, TextLayout] = {
    Format.udata: TextLayout(delimiters="\t", header=False),
    Format.dat: TextLayout(delimiters=SEPARATOR, change=_cut_at_colons),
    Format.csv: TextLayout(delimiters=",;|", quoted=True),
    Format.tsv: TextLayout(delimiters="\t", quoted=None),
    Format.space: TextLayout(delimiters=SEPARATOR, change=_cut_at_blanks),
    Format.recbole: TextLayout(delimiters="\t", header=True, typed_names=True),
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one table of text is laid out.

    delimiter: what cuts its cells, once ``change`` has been applied to whole lines. width: number
    of columns. names: of all columns, where a header has them. columns: those that are read, of
    the file and of its folders. inside: role → column of the file. constants: role → the value of
    all rows, from a folder.
    """

    format: Format
    delimiter: str
    quoted: bool
    header: bool
    width: int
    names: tuple[str, ...] | None
    columns: Columns
    inside: Mapping[str, int]
    constants: Mapping[str, str]
    change: Change | None


def find_dialect(head: Head, format: Format, config: FetchConfig) -> Dialect:
    """Return how a table of text of a known format is laid out; raises InputError, UsageError."""
    layout = TEXT_LAYOUTS[format]
    if layout.change:
        head = replace(head, content=layout.change(head.content.removeprefix(BOM)))
    delimiter = _find_delimiter(head, layout)
    quoted = _has_quoted_cell(head, delimiter) if layout.quoted is None else layout.quoted
    records = head.records(delimiter, quoted=quoted)
    if not records:
        raise InputError(f"{head.name}: holds no rows")
    chosen = parse_columns(config.columns)
    width = len(records[0])
    header, guessed = config.header if layout.header is None else layout.header, False
    first, part = _names_of(records[0], layout), head.part
    if header is None and part.header is not None:
        header = _are_names(first, part.header)
    if header is None:
        guessed = True
        header = has_header(records, chosen, head.name)
    rows = records[int(header) : ROWS_SEEN]
    looks = [look_at([row[place] for row in rows if place < len(row)]) for place in range(width)]
    names = first if header else part.header
    if names is not None and len(names) != width:
        names = None
    if names is not None:
        hint = _NO_HEADER if guessed else ""
        places = find_places(names, chosen, part, head.name, looks, hint)
    else:
        inside = without_folders(chosen, part)
        columns = by_place(width, inside, head.name, looks)
        columns = fit_to_cells(columns, inside, rows, looks, head.name)
        places = beside_folders(columns, chosen, part)
    return Dialect(
        format=format,
        delimiter=delimiter,
        quoted=quoted,
        header=header,
        width=width,
        names=names,
        columns=places.columns,
        inside=places.inside,
        constants=places.constants,
        change=layout.change,
    )


def _names_of(record: list[str], layout: TextLayout) -> tuple[str, ...]:
    names = tuple(name.strip() for name in record)
    if layout.typed_names:
        return tuple(name.rpartition(":")[0] or name for name in names)
    return names


def _are_names(cells: tuple[str, ...], header: tuple[str, ...]) -> bool:
    """Tell whether the first line of a later part is a header, as the first part has one."""
    known = {name.lower() for name in header}
    return 2 * sum(cell.lower() in known for cell in cells) >= len(cells)


def _find_delimiter(head: Head, layout: TextLayout) -> str:
    if len(layout.delimiters) == 1:
        return layout.delimiters
    quoted = layout.quoted is not False
    steady = head.steady_delimiter(dict.fromkeys(layout.delimiters, quoted))

    def cut_lines(delimiter: str) -> int:
        return sum(len(record) > 1 for record in head.records(delimiter, quoted=quoted))

    return steady or max(layout.delimiters, key=cut_lines)


def _has_quoted_cell(head: Head, delimiter: str) -> bool:
    """Tell whether a cell of the first line stands wholly in quotes."""
    first = head.records(delimiter, quoted=False)[:1]
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cells in first for cell in cells)
