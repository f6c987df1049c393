"""Lines within a table that are no rows of it: repeated headers, comments, rulers, footers.

They become blank lines. Ordinary tables pay nothing for it: the header is searched for in C, and
the rest is looked for only where a line has another number of cells than the table.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfcli.sources.readers.noise import FOOTERS, HEADERS, is_count_of_rows, kind_of_noise
from mfcli.sources.readers.quotes import QuoteError, quoted_spans
from mfcli.sources.readers.text import BOM

_TOTAL = re.compile(rb'[ \t"]*(grand total|total|sum|summe|gesamt|totaal)\b', re.IGNORECASE)


@dataclass
class Dropper:
    """Blanks the lines of a piece of text that are no rows, and counts them.

    header: the line that names the columns, b"" without one. It may be called in several threads.
    """

    width: int
    delimiter: str
    quoted: bool
    header: bytes
    found: list[Counter[str]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return how many lines of each kind were dropped."""
        return dict(sum(self.found, Counter[str]()))

    def without_headers(self, piece: bytes) -> bytes:
        """Return the piece without repeated headers, and byte-order marks before them."""
        if not self.header or self.header not in piece:
            return piece
        parts, done, at = [], 0, 0
        while (at := piece.find(self.header, at)) >= 0:
            begin, end = at, at + len(self.header)
            if piece.endswith(BOM, 0, begin):
                begin -= len(BOM)
            if (begin == 0 or piece[begin - 1] in b"\r\n") and piece[end : end + 1] in (
                b"", b"\n", b"\r"
            ):  # fmt: skip
                parts.append(piece[done:begin])
                done = end
            at = end
        if parts:
            self.found.append(Counter({HEADERS: len(parts)}))
        return b"".join([*parts, piece[done:]])

    def without_total(self, piece: bytes) -> bytes:
        """Return the piece without a last line of totals, with an empty cell, or of a count."""
        end = len(piece)
        while end and piece[end - 1] in b"\r\n":
            end -= 1
        begin = max(piece.rfind(b"\n", 0, end), piece.rfind(b"\r", max(0, end - 1000), end)) + 1
        line = piece[begin:end]
        cells = [cell.strip(b' \t"') for cell in line.split(self.delimiter.encode())]
        if len(cells) != self.width:
            return piece
        is_total = _TOTAL.match(line) and not all(cells)
        if not is_total and not is_count_of_rows(b" ".join(cells).decode("latin-1")):
            return piece
        self.found.append(Counter({FOOTERS: 1}))
        return piece[:begin] + piece[end:]

    def without_rest(self, piece: bytes) -> bytes:
        """Return the piece without other lines that are no rows: those of another width only."""
        lines = _Lines.of(piece)
        dropped: Counter[str] = Counter()
        parts, done = [], 0
        for number in np.flatnonzero(self._odd(piece, lines)).tolist():
            begin, end = int(lines.begins[number]), int(lines.ends[number])
            kind = kind_of_noise(piece[begin:end].decode("utf-8", "replace").strip())
            if kind is None:
                continue
            dropped[kind] += 1
            parts.append(piece[done:begin])
            done = end
        if not parts:
            return piece
        self.found.append(+Counter({kind: n for kind, n in dropped.items() if kind}))
        return b"".join([*parts, piece[done:]])

    def _odd(self, piece: bytes, lines: _Lines) -> NDArray[np.bool_]:
        """Tell the lines outside of quoted cells that have another number of delimiters."""
        cuts = np.flatnonzero(lines.array == ord(self.delimiter))
        counts = np.searchsorted(cuts, lines.ends) - np.searchsorted(cuts, lines.begins)
        odd = (counts != self.width - 1) & (lines.ends > lines.begins)
        if self.quoted and b'"' in piece:
            try:
                spans = quoted_spans(piece, self.delimiter)
            except QuoteError:
                return odd
            closing = np.where(spans[:, 1] < 0, len(piece), spans[:, 1])
            odd &= np.searchsorted(spans[:, 0], lines.begins) == np.searchsorted(
                closing, lines.begins
            )
        return odd


@dataclass
class _Lines:
    """Where the lines of a text begin, and end before their line ends."""

    array: NDArray[np.uint8]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, text: bytes) -> _Lines:
        array = np.frombuffer(text, np.uint8)
        stops = np.flatnonzero((array == ord("\n")) | (array == ord("\r")))
        begins = np.concatenate([[0], stops + 1])
        return cls(array, begins, np.concatenate([stops, [len(text)]]))
