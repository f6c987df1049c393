"""What stands around a table of text: titles, comments, ``sep=;``, frames that shells draw.

It is found once, by the first lines. What is no row becomes a blank line, so that the others keep
their numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO

from mfcli.sources.readers.encodings import Rewritten
from mfcli.sources.readers.noise import COMMENTS, RULER, is_count_of_rows, kind_of_noise
from mfcli.sources.readers.roles import role_of
from mfcli.sources.readers.source import HEAD_BYTES, Source, cut_pieces, whole_lines
from mfcli.sources.readers.text import BOM, LINE_END, Head, decode, is_number
from mfcli.wording import counted

MOST_LINES = 60  # above a table
_SEPARATOR = re.compile(r'"?sep=(\\t|.)"?', re.IGNORECASE)
# JSON, web pages, MatrixMarket, Netflix' lists, negatives: read by their own readers, or refused.
_OTHER_TEXT = re.compile(r"[{\[<]|%%MatrixMarket|\d+:\s*$|\([^,()\s]+,", re.IGNORECASE)
_DELIMITERS = ("::", "||", "\t", ",", ";", "|", "\x01")  # longer ones first
_BYTES_LINE_END = re.compile(rb"\r\n|\n|\r")

# +----+----+ of mysql, ----+---- of psql, |:---|---:| of Markdown.
_FRAME = re.compile(r"\s*(\+[-=]{2,})+\+\s*|-{2,}(\+-{2,})+|\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?")
_FRAME_LINES = re.compile(rb"(?m)^[-=+:| \t]*[-=]{2}[-=+:| \t]*(?=\r?$)")
_EDGES = re.compile(rb"(?m)^[ \t]*\|?[ \t]*|[ \t]*\|?[ \t]*(?=\r?$)")
_BARS = re.compile(rb"[ \t]*\|[ \t]*")


@dataclass(frozen=True, kw_only=True)
class Tidying:
    """What is done to the lines of a text before its cells are looked at.

    top: line, from 0 → what stands there instead. framed: bars and rulers are drawn around the
    cells. bars: two of them cut the cells. delimiter: named by a first line ``sep=;``. shape: what
    cuts most lines, and into how many cells. remark: what to say of it.
    """

    top: Mapping[int, bytes] = field(default_factory=dict)
    framed: bool = False
    bars: bool = False
    delimiter: str | None = None
    shape: tuple[str, int] | None = None
    remark: str = ""

    @property
    def _nothing(self) -> bool:
        return not (self.top or self.framed or self.bars)

    def head(self, head: Head) -> Head:
        """Return the beginning of the text after it, without any line that is no row."""
        if not self._nothing:
            content = self._changed(head.content.removeprefix(BOM), first=True)
            head = replace(head, content=content, delimiter=self.delimiter)
        return self._rows_only(head)

    def _rows_only(self, head: Head) -> Head:
        if self.shape is None:
            return head
        content = head.content
        lines = LINE_END.split(decode(content))
        noise = {
            number
            for number, line in enumerate(lines)
            if line
            and kind_of_noise(line.strip())
            and (len(_cells(line, self.shape)) != self.shape[1] or is_count_of_rows(line))
        }
        if not noise:
            return head
        kept = "\n".join("" if at in noise else line for at, line in enumerate(lines))
        return replace(head, content=kept.encode())

    def source(self, source: Source) -> Source:
        """Return the text after it."""
        if self.shape is None and self._nothing:
            return source
        return replace(source, open=lambda: self.stream(source.open()), tidied=self._tidied)

    def _tidied(self, head: Head) -> Head:
        return replace(self._rows_only(head), delimiter=self.delimiter)

    def stream(self, stream: IO[bytes]) -> IO[bytes]:
        """Return a stream after it."""
        if self._nothing:
            return stream
        return io.BufferedReader(Rewritten(stream, self._pieces(stream)), 1 << 20)

    def _pieces(self, stream: IO[bytes]) -> Iterator[bytes]:
        pieces = cut_pieces(stream, whole_lines, lambda _: None, None, "the text")
        for number, piece in enumerate(pieces):
            yield self._changed(piece, first=number == 0)

    def _changed(self, text: bytes, *, first: bool) -> bytes:
        if self.framed:
            text = _unframed(text)
        if self.bars:
            text = text.replace(b"||", b"|")
        return _with_top(text, self.top) if first and self.top else text


def _unframed(text: bytes) -> bytes:
    text = _FRAME_LINES.sub(b"", text)
    return _BARS.sub(b"|", _EDGES.sub(b"", text))


def _with_top(text: bytes, top: Mapping[int, bytes]) -> bytes:
    parts, at = [], 0
    for number in range(max(top) + 1):
        end = _BYTES_LINE_END.search(text, at)
        parts.append(top.get(number, text[at : end.start() if end else len(text)]))
        at = end.end() if end else len(text)
        parts.append(end[0] if end else b"")
    return b"".join([*parts, text[at:]])


def find_tidying(head: Head) -> Tidying:
    """Return what has to be done to a text of which the head is UTF-8; nothing to other files."""
    if head.content.startswith(b"PAR1") or b"\0" in head.content[:4096]:
        return Tidying()
    lines = _physical_lines(head)
    shown = [line.strip() for line in lines if line.strip()]
    if not shown or _OTHER_TEXT.match(shown[0]):
        return Tidying()
    framed = _is_framed(shown)
    if framed:
        lines = LINE_END.split(_unframed("\n".join(lines).encode()).decode())
    return _above(lines, framed)


def _physical_lines(head: Head) -> list[str]:
    lines = LINE_END.split(decode(head.content[:HEAD_BYTES]))
    if not head.whole and len(lines) > 1:
        lines.pop()
    return lines


def _is_framed(shown: list[str]) -> bool:
    for before, line in zip(["", *shown], shown[: MOST_LINES // 4], strict=False):
        if _FRAME.fullmatch(line) and (line.startswith("+") or "|" in before):
            return True
    return False


@dataclass
class _Top:
    """What was found above a table."""

    lines: dict[int, bytes] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    doubtful: bool = False  # a title that may as well be a short row
    comment: tuple[int, str] | None = None  # the last one: it may name the columns
    delimiter: str | None = None


def _above(lines: list[str], framed: bool) -> Tidying:
    """Look at the lines above a table, and at a ruler below its header."""
    shape = _shape([line for line in lines if line.strip()])
    found = Tidying(framed=framed, bars=shape is not None and shape[0] == "||", shape=shape)
    marks = _comment_marks(lines)
    top = _Top()
    begin = None
    for number, line in enumerate(lines[:MOST_LINES]):
        text = line.strip()
        separator = _SEPARATOR.fullmatch(text) if not top.lines else None
        if not text:
            continue
        if separator:
            top.delimiter = separator[1].replace("\\t", "\t")
        elif text.startswith(marks):
            top.comment = number, text.lstrip("#%-/ \t")
            top.titles.append(text)
        elif shape is None or not _is_title(line, *shape, top):
            begin = number
            break
        top.lines[number] = b""
    if begin is None:
        return found
    named = _names(_cells(lines[begin], shape))
    if top.doubtful and not named:
        return found
    if top.comment and not named and _names_columns(top.comment[1], lines[begin], shape):
        number, header = top.comment
        top.lines[number] = header.encode()
        top.titles.pop()
    below = next((at for at in range(begin + 1, len(lines)) if lines[at].strip()), None)
    if below is not None and RULER.fullmatch(lines[below]):
        top.lines[below] = b""
    return replace(found, top=top.lines, delimiter=top.delimiter, remark=_remark(top))


def _remark(top: _Top) -> str:
    if not top.titles:
        return ""
    n = len(top.titles)
    what = f"{counted(n, 'line')} above the table are" if n > 1 else "a line above the table is"
    return f"{what} left out ({top.titles[0][:60]!r})"


def _comment_marks(lines: list[str]) -> tuple[str, ...]:
    """Return what comments begin with here: not what most lines begin with."""
    shown = [line.strip() for line in lines if line.strip()]
    return tuple(
        mark for mark in COMMENTS if 2 * sum(line.startswith(mark) for line in shown) <= len(shown)
    )


def _shape(lines: list[str]) -> tuple[str, int] | None:
    """Return what cuts most of the later lines, and into how many cells."""
    later = lines[len(lines) // 2 :]
    best, found = (0, 0), None
    for delimiter in _DELIMITERS:
        widths = Counter(len(_cells(line, (delimiter, 0))) for line in later)
        width, number = widths.most_common(1)[0]
        if width > 1 and number > 0.8 * len(later):
            if delimiter == "||" and any("|" in line.replace("||", "") for line in lines):
                continue  # one bar, and empty cells
            if len(delimiter) > 1:
                return delimiter, width
            if (width, number) > best:
                best, found = (width, number), (delimiter, width)
    return found


def _cells(line: str, shape: tuple[str, int] | None) -> list[str]:
    if shape is None:
        return line.split()
    delimiter, width = shape
    cells = line.split(delimiter)
    if '"' in line and len(delimiter) == 1 and len(cells) != width:  # else a quote is no more
        return next(csv.reader([line], delimiter=delimiter), [])
    return cells


def _is_title(line: str, delimiter: str, width: int, top: _Top) -> bool:
    """Tell a line above a table from a short row, and keep it."""
    cells = _cells(line, (delimiter, width))
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return True
    few = len(filled) == 1 if len(cells) == width else len(cells) < width
    if not few or is_number(filled[0]) or not any(map(str.isalpha, line)):
        return False
    top.doubtful |= len(filled) > 1 or " " not in filled[0]
    top.titles.append(" ".join(filled))
    return True


def _names(cells: list[str]) -> bool:
    return any(role_of(cell) in ("user", "item") and not cell[-1:].isdigit() for cell in cells)


def _names_columns(comment: str, row: str, shape: tuple[str, int] | None) -> bool:
    cells = _cells(comment, shape)
    return _names(cells) and len(cells) == len(_cells(row, shape)) > 1
