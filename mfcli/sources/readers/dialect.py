"""How a table of text is laid out: what cuts its cells, whether they are quoted, its columns.

A new kind of such a table is one entry of ``TEXT_LAYOUTS``, beside its entry in formats.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.errors import InputError
from mfcli.sources.readers.columns import Columns, by_place
from mfcli.sources.readers.headers import ROWS_SEEN, has_header
from mfcli.sources.readers.looks import look_at
from mfcli.sources.readers.partitions import beside_folders, find_places, without_folders
from mfcli.sources.readers.quoting import NONE, Quotes, likely_quotes
from mfcli.sources.readers.shapes import fit_to_cells
from mfcli.sources.readers.text import BOM, Head, first_line

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
    Format.csv: TextLayout(delimiters=",;|\x01", quoted=True),
    Format.tsv: TextLayout(delimiters="\t", quoted=None),
    Format.space: TextLayout(delimiters=SEPARATOR, change=_cut_at_blanks),
    Format.recbole: TextLayout(delimiters="\t", header=True, typed_names=True),
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one table of text is laid out.

    delimiter: what cuts its cells, once ``change`` has been applied to whole lines. quotes: how
    they are quoted. header: the line that names the columns, empty without one, and header_lines:
    how many lines end before the first row. width: number of columns. names: of all columns, where
    a header has them. columns: those that are read, of the file and of its folders. inside: role →
    column of the file. constants: role → the value of all rows, from a folder.
    """

    format: Format
    delimiter: str
    quotes: Quotes
    header: bytes
    header_lines: int
    width: int
    names: tuple[str, ...] | None
    columns: Columns
    inside: Mapping[str, int]
    constants: Mapping[str, str]
    change: Change | None

    @property
    def quoted(self) -> bool:
        """Tell whether cells may stand in quotes."""
        return self.quotes.quoted


def find_dialect(head: Head, format: Format, config: FetchConfig) -> Dialect:
    """Return how a table of text of a known format is laid out; raises InputError, UsageError."""
    return next(find_dialects(head, format, config))


def find_dialects(head: Head, format: Format, config: FetchConfig) -> Iterator[Dialect]:
    """Yield how a table of text is laid out, the likeliest way first.

    The others are for a table of which a quote further down does not fit. Raises InputError and
    UsageError for one of which the first lines cannot be used.
    """
    layout = TEXT_LAYOUTS[format]
    if layout.change:
        head = replace(head, content=layout.change(head.content.removeprefix(BOM)))
    delimiter = _find_delimiter(head, layout)
    ways: tuple[Quotes, ...] = (NONE,)
    if layout.quoted is not False:
        ways = likely_quotes(head, delimiter, bool(layout.quoted), config.quoting)
    for quotes in ways:
        changed = head
        if quotes.change:
            changed = replace(head, content=quotes.change(head.content.removeprefix(BOM)))
        yield _dialect(changed, format, layout, delimiter, quotes, config)


def _dialect(
    head: Head,
    format: Format,
    layout: TextLayout,
    delimiter: str,
    quotes: Quotes,
    config: FetchConfig,
) -> Dialect:
    records = head.records(delimiter, quoted=quotes.quoted)
    if not records:
        raise InputError(f"{head.name}: holds no rows")
    chosen = parse_columns(config.columns)
    header, guessed = config.header if layout.header is None else layout.header, False
    first, part = _names_of(records[0], layout), head.part
    if header is None and part.header is not None:
        header = _are_names(first, part.header)
    if header is None:
        guessed = True
        header = has_header(records, chosen, head.name)
    width = _width(records, header)
    rows = records[int(header) : ROWS_SEEN]
    names = part.header
    if header:
        names = _fitted(first, records[1:], width)
        width = len(names)
    elif names is not None and len(names) != width:
        names = None
    looks = [look_at([row[place] for row in rows if place < len(row)]) for place in range(width)]
    if names is not None:
        hint = _NO_HEADER if guessed else ""
        places = find_places(names, chosen, part, head.name, looks, hint)
    else:
        inside, filled = without_folders(chosen, part), _filled(records, width)
        columns = by_place(filled, inside, head.name, looks[:filled])
        columns = fit_to_cells(columns, inside, rows, looks[:filled], head.name)
        places = beside_folders(columns, chosen, part)
    lines, line = first_line(head.content, delimiter, quoted=quotes.quoted) if header else (0, b"")
    return Dialect(
        format=format,
        delimiter=delimiter,
        quotes=quotes,
        header=line,
        header_lines=lines,
        width=width,
        names=names,
        columns=places.columns,
        inside=places.inside,
        constants=places.constants,
        change=_both(layout.change, quotes.change),
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


def _both(first: Change | None, then: Change | None) -> Change | None:
    if first is None or then is None:
        return first or then
    return lambda lines: then(first(lines))


def _width(records: list[list[str]], header: bool) -> int:
    """Return the number of columns that most rows have, whatever the header has."""
    rows = records[int(header) :] or records
    return Counter(map(len, rows)).most_common(1)[0][0]


def _fitted(names: tuple[str, ...], rows: list[list[str]], width: int) -> tuple[str, ...]:
    """Return a name for each column where the header lacks one, or has one too many at its end.

    So it is where every row ends in a delimiter, or begins with a number that R gave it.
    """
    if len(names) == width or not rows:
        return names
    if len(names) == width + 1 and not names[-1]:
        return names[:-1]
    if len(names) == width - 1:
        if all(len(row) == width and not row[-1].strip() for row in rows):
            return (*names, "")
        if [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]:
            return ("", *names)
    return names


def _filled(records: list[list[str]], width: int) -> int:
    """Return the number of columns without one that is always empty, behind a last delimiter."""
    if width > 2 and all(not record[-1].strip() for record in records if len(record) == width):
        return width - 1
    return width


def _find_delimiter(head: Head, layout: TextLayout) -> str:
    if head.delimiter is not None and head.delimiter in layout.delimiters:
        return head.delimiter
    if len(layout.delimiters) == 1:
        return layout.delimiters
    quoted = layout.quoted is not False
    steady = head.steady_delimiter(dict.fromkeys(layout.delimiters, quoted))

    def cut_lines(delimiter: str) -> int:
        return sum(len(record) > 1 for record in head.records(delimiter, quoted=quoted))

    return steady or max(layout.delimiters, key=cut_lines)
