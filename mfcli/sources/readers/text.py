"""Tables of text at their lowest level: characters, lines, cells, numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mfcli.sources.readers.part import WHOLE, Part

BOM = b"\xef\xbb\xbf"
LINE_END = re.compile(r"\r\n|\n|\r")
# csv.QUOTE_MINIMAL and csv.QUOTE_NONE, which are plain integers to mypy.
QUOTING: dict[bool, Literal[0, 3]] = {True: 0, False: 3}

# Regular expressions that Python and Arrow (RE2) read alike. They are for whole cells: Python's
# fullmatch, and whole_cell for Arrow.
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
WHOLE_NUMBER = r"[+-]?[0-9]+"


def whole_cell(pattern: str) -> str:
    """Return the pattern that Arrow matches against a whole cell."""
    return f"^({pattern})$"


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, blanks around it aside."""
    return re.fullmatch(NUMBER, cell.strip()) is not None


@dataclass(frozen=True)
class Head:
    """The first bytes of a file.

    name: of the file, for messages. content: the bytes. whole: whether that is all there is.
    part: what is known of it as a part of a table.
    """

    name: str
    content: bytes
    whole: bool
    part: Part = WHOLE

    @cached_property
    def lines(self) -> list[str]:
        """Return the whole lines that are not blank; a line that is cut off is left out."""
        lines = LINE_END.split(decode(self.content))
        if not self.whole and len(lines) > 1:
            lines.pop()
        return [line for line in lines if line.strip()]

    def records(self, delimiter: str, *, quoted: bool) -> list[list[str]]:
        """Return the cells of the whole lines; blank lines and a line that is cut off left out.

        quoted: cells may stand in double quotes, and hold delimiters and line ends then. Returns
        nothing where the quotes do not fit.
        """
        text = io.StringIO(decode(self.content), newline="")
        found: list[list[str]] = []
        try:
            found.extend(csv.reader(text, delimiter=delimiter, quoting=QUOTING[quoted]))
        except csv.Error:
            return []
        if not self.whole and len(found) > 1:
            found.pop()
        return [record for record in found if record]

    def steady_delimiter(self, delimiters: Mapping[str, bool]) -> str | None:
        """Return what cuts every line into as many cells, and into most: None without such a one.

        delimiters: character → whether cells may be quoted beside it; earlier ones win.
        """
        widths: dict[str, int] = {}
        for delimiter, quoted in delimiters.items():
            found = {len(record) for record in self.records(delimiter, quoted=quoted)}
            if len(found) == 1:
                widths[delimiter] = found.pop()
        best = max(widths, key=lambda delimiter: widths[delimiter], default=None)
        return None if best is None or widths[best] < 2 else best


def decode(content: bytes) -> str:
    """Decode UTF-8, or Latin-1 if it is not, without a byte-order mark.

    A character that is cut off at the end is left out: content may be the beginning of a file.
    """
    content = content.removeprefix(BOM)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end >= len(content) - 3 and error.reason == "unexpected end of data":
            return content[: error.start].decode("utf-8")
        return content.decode("latin-1")
