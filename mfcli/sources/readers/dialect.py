"""How a table of text is laid out: what cuts its cells, whether they are quoted, its columns.

A new kind of such a table is one entry of ``TEXT_LAYOUTS``, beside its entry in formats.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.errors import InputError
from mfcli.sources.readers.columns import Columns, by_name, by_place
from mfcli.sources.readers.headers import ROWS_SEEN, has_header
from mfcli.sources.readers.looks import look_at
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
    of columns. columns: those that are read.
    """

    format: Format
    delimiter: str
    quoted: bool
    header: bool
    width: int
    columns: Columns
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
    if header is None:
        guessed = True
        header = has_header(records, chosen, head.name)
    rows = records[int(header) : ROWS_SEEN]
    looks = [look_at([row[place] for row in rows if place < len(row)]) for place in range(width)]
    if header:
        names = tuple(name.strip() for name in records[0])
        if layout.typed_names:
            names = tuple(name.rpartition(":")[0] or name for name in names)
        columns = by_name(names, chosen, head.name, looks, _NO_HEADER if guessed else "")
    else:
        columns = by_place(width, chosen, head.name, looks)
        columns = fit_to_cells(columns, chosen, rows, looks, head.name)
    return Dialect(
        format=format,
        delimiter=delimiter,
        quoted=quoted,
        header=header,
        width=width,
        columns=columns,
        change=layout.change,
    )


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
