"""Quoted cells: where the rows of a piece of text end, and a quote that does not fit.

A cell is quoted if it begins with a double quote; it ends at the next one that is not doubled, and
what follows is a delimiter or the end of the line (RFC 4180). A quote within another cell is a
character like any other.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mfcli.sources.readers.source import whole_lines

QUOTE = 0x22
_LINE_ENDS = b"\r\n"

Positions = NDArray[np.int64]


class QuoteError(Exception):
    """A quoted cell that does not end as it should; ``at`` is the byte that it begins on.

    unclosed: it does not end at all, rather than that text follows its end.
    """

    def __init__(self, at: int, reason: str, *, unclosed: bool = False) -> None:
        """Keep where and why."""
        super().__init__(reason)
        self.at, self.unclosed = at, unclosed


def end_of_rows(text: bytes, delimiter: str, *, last: bool, many_lines: bool = True) -> int:
    """Return where the last whole row of a text ends that begins with a row; 0 without one.

    ``last``: nothing follows, so that the end of the text ends a row. many_lines: a quoted cell may
    hold line ends. Raises QuoteError.
    """
    end = whole_lines(text, last)
    spans = quoted_spans(text[:end], delimiter)
    if not len(spans):
        return end
    if not many_lines:
        _refuse_many_lines(text[:end], spans)
    begin = int(spans[-1, 0])
    if spans[-1, 1] >= 0:
        return end
    if last:
        raise QuoteError(begin, "a quote opens a cell and is not closed", unclosed=True)
    return max(text.rfind(b"\n", 0, begin), text.rfind(b"\r", 0, begin)) + 1


def _refuse_many_lines(text: bytes, spans: Positions) -> None:
    array = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((array == _LINE_ENDS[0]) | (array == _LINE_ENDS[1]))
    opened, closed = spans[:, 0], np.where(spans[:, 1] < 0, len(text), spans[:, 1])
    many = np.searchsorted(ends, opened) != np.searchsorted(ends, closed)
    if many.any():
        begin = int(opened[np.argmax(many)])
        reason = "a quote opens a cell and is not closed on its line"
        raise QuoteError(begin, reason, unclosed=True)


def quoted_spans(text: bytes, delimiter: str) -> Positions:
    """Return where each quoted cell opens and closes, (Q, 2); −1 for one that is not closed.

    A doubled quote may count as the end of one span and the beginning of the next. Raises
    QuoteError for a closing quote that text follows.
    """
    if b'"' not in text:
        return np.empty((0, 2), dtype=np.int64)
    around = np.frombuffer(b"\n" + text + b"\n", np.uint8)  # a quote at i stands at i + 1
    quotes = np.flatnonzero(around == QUOTE) - 1
    edge = np.zeros(256, dtype=bool)
    edge[list(_LINE_ENDS + delimiter.encode())] = True
    begins, ends = edge[around[quotes]], edge[around[quotes + 2]]
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = np.zeros(len(quotes) + 1, dtype=bool)  # a quote right behind the one before it
    doubled[1:-1] = np.diff(quotes) == 1
    fits = (begins[0::2] | doubled[:-1][0::2]).all() and (ends[1::2] | doubled[1:][1::2]).all()
    if not fits:
        return _walked(quotes, begins, ends)
    spans = np.full((len(opening), 2), -1, dtype=np.int64)
    spans[:, 0] = opening
    spans[: len(closing), 1] = closing
    return spans


def _walked(quotes: Positions, begins: NDArray[np.bool_], ends: NDArray[np.bool_]) -> Positions:
    """Find the quoted cells quote by quote, where some are characters within a cell."""
    spans: list[tuple[int, int]] = []
    opened, skip = -1, False
    following = [*(after - before == 1 for before, after in pairwise(quotes.tolist())), False]
    for at, begin, end, doubled in zip(
        quotes.tolist(), begins.tolist(), ends.tolist(), following, strict=True
    ):
        if skip:
            skip = False
        elif opened < 0:
            opened = at if begin else -1
        elif doubled:
            skip = True
        elif end:
            spans.append((opened, at))
            opened = -1
        else:
            raise QuoteError(opened, "a quote opens a cell, and text follows the one that ends it")
    if opened >= 0:
        spans.append((opened, -1))
    return np.array(spans, dtype=np.int64).reshape(-1, 2)
