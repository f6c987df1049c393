"""Tables that fit: a figure is never cut or folded, whatever the width.

Where a table is wider than the terminal, its texts and its headings are folded; then columns that
are spare are left out, which is said; then it is printed as several tables below each other, which
repeat its first columns. A file or a pipe has no width: there, nothing of this is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import IO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mfcli.console.folding import fitting, folded, plain

UNLIMITED = 1 << 20  # columns of a file or a pipe
_GAP = "  "
_NARROWEST = 12  # columns that a text is folded to at the least, while there is another way
_SHORTEST = 4  # and where there is none


class Kind(Enum):
    """What a column holds, and so what may become of it where there is little room."""

    figure = "figure"  # to the right, whole
    text = "text"  # folded between words, and within long ones
    label = "label"  # to the left, whole
    name = "name"  # as text; a number, with the names below, where they would be folded often
    parts = "parts"  # of one line: as many whole parts of a list as there is room for


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it holds, and how it looks.

    spare: where there is little room, columns of the highest number are left out first, the last
    one of several; those of 0 stay.
    """

    name: str = ""
    kind: Kind = Kind.figure
    spare: int = 0
    style: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table.

    rows: a cell a column. keys: the first columns, which name a row: where a table is printed in
    pieces, each has them. bold: rows that stand out. ruled: whether a line follows the headings.
    hint: where to find what was left out; None says nothing of it.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    keys: int = 1
    bold: frozenset[int] = field(default_factory=frozenset)
    ruled: bool = True
    hint: str | None = "a wider terminal, a pipe and --json have them"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the table, none wider than there is room for, if that can be."""
        grid = _Grid(self, options.max_width, "-" if options.ascii_only else "─")
        if grid.has_tall_names:
            grid.number_names()
        if self.title:
            for line in folded(plain(self.title), options.max_width):
                yield _line(line, "bold")
        for number, piece in enumerate(grid.pieces):
            if number:
                yield _line("")
            yield from grid.lines(piece)
        for line in grid.legend:
            yield _line(line)
        if grid.left_out and self.hint is not None:
            names = ", ".join(grid.left_out)
            for line in folded(f"left out at this width: {names}; {self.hint}", options.max_width):
                yield _line(line, "dim")


def console_of(file: IO[str]) -> Console:
    """Return a console of a stream: as wide as its terminal, or without a width where it is none.

    Colours, where they are forced upon a pipe, do not make it a terminal.
    """
    if file.isatty():
        return Console(file=file, highlight=False)
    return Console(file=file, width=UNLIMITED, highlight=False)


def _line(text: str, style: str = "") -> Text:
    return Text(text.rstrip(), style=style, no_wrap=True, overflow="ignore", end="\n")


# What may not be folded.
_WHOLE = (Kind.figure, Kind.label)
# How a cell becomes lines.
_FOLDED: dict[Kind, Callable[[str, int], list[str]]] = {
    Kind.figure: lambda text, _: [text],
    Kind.label: lambda text, _: [text],
    Kind.text: folded,
    Kind.name: folded,
    Kind.parts: lambda text, width: [fitting(text, width)],
}


@dataclass(frozen=True)
class _Piece:
    """Some columns of a table, by number, and how wide each of them is."""

    columns: list[int]
    widths: list[int]


class _Grid:
    """How a table is laid out in a width."""

    def __init__(self, sheet: Sheet, width: int, rule: str) -> None:
        self.sheet, self.width, self.rule = sheet, width, rule
        self.left_out: list[str] = []
        self.legend: list[str] = []
        self._cells = [[plain(cell) for cell in row] for row in sheet.rows]
        self._heads = [plain(column.name) for column in sheet.columns]
        self._measure()

    def _measure(self) -> None:
        numbers = range(len(self.sheet.columns))
        self._natural = [max(self._content(at), cell_len(self._heads[at])) for at in numbers]
        self._least = [self._narrowest(at) for at in numbers]
        self.left_out.clear()
        self.pieces = self._lay_out()

    @property
    def has_tall_names(self) -> bool:
        """Whether some name of a row would take more than two lines."""
        return any(
            self.sheet.columns[at].kind is Kind.name
            and any(len(folded(row[at], width)) > 2 for row in self._cells)
            for piece in self.pieces
            for at, width in zip(piece.columns, piece.widths, strict=True)
        )

    def number_names(self) -> None:
        """Put numbers in the place of names, and the names below the table."""
        for at, column in enumerate(self.sheet.columns):
            if column.kind is Kind.name:
                names = list(dict.fromkeys(row[at] for row in self._cells))
                for row in self._cells:
                    row[at] = f"[{names.index(row[at]) + 1}]"
                for number, name in enumerate(names, 1):
                    self.legend += folded(f"[{number}] {name}", self.width)
        self._measure()

    def _content(self, at: int) -> int:
        return max((cell_len(row[at]) for row in self._cells), default=0)

    def _narrowest(self, at: int) -> int:
        """Return how narrow a column may become; its heading folds between words."""
        whole = self.sheet.columns[at].kind in _WHOLE
        heading = max(map(cell_len, self._heads[at].split(" ")))
        return max(heading, self._content(at) if whole else min(self._content(at), _NARROWEST))

    def _lay_out(self) -> list[_Piece]:
        columns = list(range(len(self.sheet.columns)))
        while not (fits := self._fits(columns)):
            first = max(columns, key=lambda at: (self.sheet.columns[at].spare, at))
            if not self.sheet.columns[first].spare:
                break
            columns.remove(first)
            if self._heads[first]:
                self.left_out.append(self._heads[first])
        return [self._piece(columns)] if fits else list(self._in_pieces(columns))

    def _taken(self, widths: Sequence[int]) -> int:
        return sum(widths) + len(_GAP) * (len(widths) - 1)

    def _fits(self, columns: list[int]) -> bool:
        return self._taken([self._least[at] for at in columns]) <= self.width

    def _piece(self, columns: list[int]) -> _Piece:
        """Widen columns from their least: texts first, the narrowest before the others."""
        widths = {at: self._least[at] for at in columns}
        left = self.width - self._taken(list(widths.values()))
        of_text = [at for at in columns if self.sheet.columns[at].kind not in _WHOLE]
        for some in (of_text, columns):
            while left > 0:
                tight = [at for at in some if widths[at] < self._natural[at]]
                if not tight:
                    break
                widths[min(tight, key=widths.__getitem__)] += 1
                left -= 1
        for at in columns[: self.sheet.keys]:  # the names of rows give way to a figure
            if left < 0 and at in of_text:
                given = min(-left, max(0, widths[at] - _SHORTEST))
                widths[at] -= given
                left += given
        return _Piece(columns, list(widths.values()))

    def _in_pieces(self, columns: list[int]) -> Iterator[_Piece]:
        keys, rest = columns[: self.sheet.keys], columns[self.sheet.keys :]
        piece: list[int] = []
        for at in rest:
            if piece and not self._fits([*keys, *piece, at]):
                yield self._piece([*keys, *piece])
                piece = []
            piece.append(at)
        yield self._piece([*keys, *piece])

    def lines(self, piece: _Piece) -> Iterator[Text]:
        """Yield the lines of a piece: headings, the rule below them, the rows."""
        columns = [self.sheet.columns[at] for at in piece.columns]
        if any(self._heads):
            heads = [
                folded(self._heads[at], width)
                for at, width in zip(piece.columns, piece.widths, strict=True)
            ]
            most = max(map(len, heads))  # they stand on the rule
            heads = [[""] * (most - len(head)) + head for head in heads]
            yield from self._beside(columns, heads, piece.widths, "bold")
            if self.sheet.ruled:
                yield _line(_GAP.join(self.rule * width for width in piece.widths))
        for number, row in enumerate(self._cells):
            cells = [
                _FOLDED[column.kind](row[at], width)
                for column, at, width in zip(columns, piece.columns, piece.widths, strict=True)
            ]
            style = "bold" if number in self.sheet.bold else ""
            yield from self._beside(columns, cells, piece.widths, style)

    def _beside(
        self,
        columns: Sequence[Column],
        cells: Sequence[Sequence[str]],
        widths: Sequence[int],
        style: str,
    ) -> Iterator[Text]:
        """Yield the lines of cells beside each other, each a list of lines."""
        for number in range(max(map(len, cells))):
            line = Text(style=style, no_wrap=True, overflow="ignore")
            for column, cell, width in zip(columns, cells, widths, strict=True):
                text = cell[number] if number < len(cell) else ""
                blank = " " * max(0, width - cell_len(text))
                text = blank + text if column.kind is Kind.figure else text + blank
                line.append((_GAP if line else "") + text, style if style else column.style)
            line.rstrip()
            yield line
