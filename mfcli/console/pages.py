"""Pages of documentation: laid out on a terminal, plain lines that can be searched elsewhere.

Off a terminal a paragraph is one line, so that grep finds what a line break would part.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Markdown, TableElement
from rich.table import Table
from rich.text import Text

from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.results import DoctorResult, HelpResult, Result

_FENCE = "```"
_ALONE = re.compile(r"\||#|\s*$")  # a row of a table, a heading, nothing: no part of a paragraph
_BEGINS = re.compile(r"\s*([-*]|\d+\.) ")  # an item of a list


class Page:
    """A page in Markdown, as the console can show it."""

    def __init__(self, text: str) -> None:
        """Keep the text, in which links to pages name the command that shows them."""
        self.text = without_links(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the page laid out on a terminal, its plain text elsewhere."""
        if console.is_terminal:
            yield _PageMarkdown(self.text, hyperlinks=False)
        else:
            yield Text(plain_text(self.text), no_wrap=True, overflow="ignore", end="")


def without_links(text: str) -> str:
    """Replace links to other pages by the command that shows these, in Markdown."""

    def target(found: re.Match[str]) -> str:
        words, place = found[1], found[2]
        if place.startswith(("http://", "https://")):
            return f"{words} ({place})"
        page = re.match(r"(\w+)\.md", place)
        return f"{words} (`mfcli help {page[1]}`)" if page else words

    text = re.sub(r"\[([^\]\n]+(?:\n[^\]\n]+)?)\]\(([^)\s]+)\)", target, text)
    return re.sub(r"`mfcli/docs/([\w-]+)\.md`", r"`mfcli help \1`", text)


def plain_text(text: str) -> str:
    """Return a page without its marks: paragraphs and items on one line each, code as it is."""
    return "\n".join(_plain_lines(text)).rstrip("\n") + "\n"


def _plain_lines(text: str) -> Iterator[str]:
    paragraph: list[str] = []
    code = False
    for line in [*text.rstrip().split("\n"), ""]:
        fence = line.lstrip().startswith(_FENCE)
        if paragraph and (code or fence or _ALONE.match(line) or _BEGINS.match(line)):
            yield _unmarked(" ".join(paragraph))
            paragraph = []
        if fence:
            code = not code
        elif code:
            yield f"    {line}".rstrip()
        elif _ALONE.match(line):
            yield _unmarked(line)
        else:
            paragraph.append(line.rstrip() if not paragraph else line.strip())


def _unmarked(line: str) -> str:
    return re.sub(r"`([^`]+)`", r"\1", line.replace("**", "")).replace("\\|", "|").rstrip()


class _WholeTable(TableElement):
    """A table whose words stay whole: where they have no room, a block of lines for each row."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, or its rows."""
        head = (
            [cell.content for row in self.header.row.cells for cell in [row]]
            if (self.header is not None and self.header.row is not None)
            else []
        )
        rows = [[cell.content for cell in row.cells] for row in self.body.rows] if self.body else []
        columns = list(zip(head, *rows, strict=False))
        least = [_longest(column) for column in columns]
        left = options.max_width - sum(least) - 2 * len(least)
        if left >= 0:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
            for title, width in zip(head, _widened(columns, least, left), strict=True):
                table.add_column(title, width=width)
            for row in rows:
                table.add_row(*row)
            yield table
        else:
            yield from _blocks(head, rows)


def _longest(cells: tuple[Text, ...]) -> int:
    return max((Text(word).cell_len for cell in cells for word in cell.plain.split()), default=1)


def _widened(columns: list[tuple[Text, ...]], least: list[int], left: int) -> list[int]:
    """Return the widths of columns: as much as their cells want of what is left, by turns."""
    widths, natural = [*least], [max(cell.cell_len for cell in column) for column in columns]
    for _ in range(left):
        tight = [at for at, width in enumerate(widths) if width < natural[at]]
        if not tight:
            break
        widths[min(tight, key=widths.__getitem__)] += 1
    return widths


def _blocks(head: list[Text], rows: list[list[Text]]) -> Iterator[RenderableType]:
    """Yield each row as lines: its first cell, and under it the others behind their titles."""
    for row in rows:
        yield Text.assemble(row[0], style="bold")
        for title, cell in zip(head[1:], row[1:], strict=False):
            if cell.plain:
                name = f"  {title.plain}: " if title.plain else "  "
                yield Text.assemble(name, cell)


class _PageMarkdown(Markdown):
    """Markdown with tables of whole words."""

    elements = Markdown.elements | {"table_open": _WholeTable}


def _help(result: HelpResult) -> list[RenderableType]:
    if result.topic is not None:
        plain = Text(result.text, no_wrap=True, overflow="ignore")
        return [Page(result.text) if result.markdown else plain]
    columns = [Column("", Kind.label, style="bold"), Column("", Kind.text)]
    table = Sheet("", columns, list(result.topics.items()))
    last = Text("mfcli help TOPIC shows a page, and mfcli help COMMAND the help of a command.")
    return [table, last]


class _Findings:
    """What doctor found: aligned lines, folded between words on a terminal only."""

    def __init__(self, result: DoctorResult) -> None:
        self.result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = max((len(it.name) for it in self.result.found), default=0)
        for it in self.result.found:
            advised = it.mend if it.state != "ok" else ""
            for head, text in (
                (f"{it.state:<7} {it.name:<{wide}}  ", it.value),
                (" " * (wide + 8) + "  ", f"→ {advised}" if advised else ""),
            ):
                if text and console.is_terminal:
                    yield _hanging(head, text, options.max_width)
                elif text:
                    yield Text(head + text, no_wrap=True, overflow="ignore")


def _hanging(head: str, text: str, width: int) -> Text:
    """Return a text whose lines begin where the first one does."""
    room = max(width - len(head), 20)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return Text(head + ("\n" + " " * len(head)).join(lines), no_wrap=True, overflow="ignore")


def _doctor(result: DoctorResult) -> list[RenderableType]:
    bad = sum(it.state == "bad" for it in result.found)
    advice = sum(it.state == "advice" for it in result.found)
    said = f"{bad} to mend before mfcli works" if bad else "mfcli can work here"
    said += f"; {advice} with advice" if advice else ""
    return [_Findings(result), Text(said)]


PAGES: dict[type[Result], Callable[[Any], list[RenderableType]]] = {
    HelpResult: _help,
    DoctorResult: _doctor,
}
