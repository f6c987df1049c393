"""Tables of text at their lowest level: characters, lines, cells, numbers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mfcli.sources.readers.part import WHOLE, Part

BOM = b"\xef\xbb\xbf"
BAD_BYTE = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of a byte that does not fit
NOT_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
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


# A cell may be as long as a row may be; csv's own limit is for the whole process.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True)
class Head:
    """The first bytes of a file.

    name: of the file, for messages. content: the bytes. whole: whether that is all there is.
    part: what is known of it as a part of a table. delimiter: what the file says itself that cuts
    its cells (``sep=;``).
    """

    name: str
    content: bytes
    whole: bool
    part: Part = WHOLE
    delimiter: str | None = None

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
        if self.delimiter in delimiters:
            return self.delimiter
        widths: dict[str, int] = {}
        for delimiter, may_be_quoted in delimiters.items():
            for quoted in dict.fromkeys((may_be_quoted, False)):  # quotes may be part of the text
                found = {len(record) for record in self.records(delimiter, quoted=quoted)}
                if len(found) == 1:
                    widths[delimiter] = found.pop()
                    break
        best = max(widths, key=lambda delimiter: widths[delimiter], default=None)
        return None if best is None or widths[best] < 2 else best


def first_line(content: bytes, delimiter: str, *, quoted: bool) -> tuple[int, bytes]:
    """Return how many lines end with the first record of a text, and the one that it stands on."""
    text = decode(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=QUOTING[quoted])
    next((record for record in reader if record), None)
    lines = LINE_END.split(text)
    return reader.line_num, lines[reader.line_num - 1].encode() if lines else b""


def decode(content: bytes) -> str:
    """Decode the beginning of a file without a byte-order mark, whatever it is.

    UTF-8, with a mark for each byte that does not fit; or Windows-1252, where most do not. A
    character that is cut off at the end is left out.
    """
    content = content.removeprefix(BOM)
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(content)
    bad = len(BAD_BYTE.findall(text))
    if bad > len(NOT_ASCII.findall(text)):
        return content.decode("cp1252", "replace")
    text = text.replace("\n\ufeff", "\n")  # parts with a mark each, put together
    return BAD_BYTE.sub("\N{REPLACEMENT CHARACTER}", text) if bad else text
