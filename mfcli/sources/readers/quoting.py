"""How the cells of a table of text are quoted: decided over its first lines as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.config.fetch import Quoting
from mfcli.sources.readers.quotes import QuoteError, quoted_spans
from mfcli.sources.readers.text import Head

_ESCAPED = re.compile(rb'\\([\\"])')
_NICKNAME = re.compile(r'"[^"]+"[^"]')
_SPANS_OF_LINES = 1 << 16  # bytes: a quoted cell that is longer than this has lost its end


@dataclass(frozen=True, kw_only=True)
class Quotes:
    """How cells are quoted.

    quoting: none, doubled or escaped. many_lines: a quoted cell may hold line ends. change: turns
    whole lines into such as RFC 4180 has them.
    """

    quoting: Quoting
    many_lines: bool = True
    change: Callable[[bytes], bytes] | None = None

    @property
    def quoted(self) -> bool:
        """Tell whether cells are quoted at all."""
        return self.quoting is not Quoting.none


NONE = Quotes(quoting=Quoting.none)
_ON_ONE_LINE = Quotes(quoting=Quoting.doubled, many_lines=False)


def doubled_quotes(text: bytes) -> bytes:
    r"""Turn ``\"`` into ``""`` and ``\\`` into ``\``."""
    if b"\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: b'""' if found[1] == b'"' else b"\\", text)


_AS_ASKED = {
    Quoting.none: NONE,
    Quoting.doubled: Quotes(quoting=Quoting.doubled),
    Quoting.escaped: Quotes(quoting=Quoting.escaped, change=doubled_quotes),
}


def likely_quotes(
    head: Head, delimiter: str, usual: bool, asked: Quoting | None
) -> tuple[Quotes, ...]:
    """Return how cells are quoted: the likeliest way first, then what else could be.

    usual: tables of this format are quoted where a cell needs it. asked: --quoting.
    """
    if asked is not None:
        return (_AS_ASKED[asked],)
    text = head.content if head.whole else head.content[: head.content.rfind(b"\n") + 1]
    if b'"' not in text:
        return (_ON_ONE_LINE, NONE) if usual else (NONE,)
    loosened = _loosener(delimiter)
    if text.count(b'"') and _is_loose(text, delimiter, loosened):
        return (Quotes(quoting=Quoting.doubled, change=loosened), NONE)
    widths = {len(record) for record in head.records(delimiter, quoted=False)}
    steady = len(widths) == 1 and widths != {1}
    spans = _valid_spans(text, delimiter, head.whole)
    if spans is not None:
        if steady and _over_lines(text, spans):
            return (NONE,)
        if not usual and not _shows_quoting(head, text, spans, delimiter):
            return (NONE,)
        return (_AS_ASKED[Quoting.doubled] if len(spans) else _ON_ONE_LINE, _rest(len(spans)))
    if b'\\"' in text and _valid_spans(doubled_quotes(text), delimiter, head.whole) is not None:
        return (_AS_ASKED[Quoting.escaped],)
    if not usual or (steady and _has_nickname(head, delimiter)):
        return (NONE,)
    return (_AS_ASKED[Quoting.doubled],)


def _rest(n_quoted: int) -> Quotes:
    """Return what else it could be, where a quote further down does not fit."""
    return _AS_ASKED[Quoting.escaped] if n_quoted else NONE


def _valid_spans(text: bytes, delimiter: str, whole: bool) -> NDArray[np.int64] | None:
    """Return where the quoted cells are; None where the quotes do not fit."""
    try:
        spans = quoted_spans(text, delimiter)
    except QuoteError:
        return None
    if len(spans) and spans[-1, 1] < 0:
        if whole or len(text) - spans[-1, 0] > _SPANS_OF_LINES:
            return None
        spans = spans[:-1]
    return spans


def _over_lines(text: bytes, spans: NDArray[np.int64]) -> bool:
    """Tell whether a quoted cell holds a line end."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return bool((np.searchsorted(ends, spans[:, 0]) != np.searchsorted(ends, spans[:, 1])).any())


def _shows_quoting(head: Head, text: bytes, spans: NDArray[np.int64], delimiter: str) -> bool:
    """Tell whether quotes around cells cannot be a part of titles.

    So it is where all names of columns are quoted, or all cells of a column, or a quoted cell holds
    what it would have to be quoted for.
    """
    rows = head.records(delimiter, quoted=False)
    if rows and all(_stands_in_quotes(cell) for cell in rows[0]):
        return True
    for column in zip(*rows[1:], strict=False):
        if all(_stands_in_quotes(cell) for cell in column) and len(column) > 1:
            return True
    cuts = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(delimiter))
    held = np.searchsorted(cuts, spans[:, 0]) != np.searchsorted(cuts, spans[:, 1])
    pairs = len(spans) > 1 and bool((spans[1:, 0] - spans[:-1, 1] == 1).any())
    return bool(held.any()) or pairs or _over_lines(text, spans)


def _has_nickname(head: Head, delimiter: str) -> bool:
    """Tell whether a cell begins with quoted words that others follow: a quote that is text."""
    rows = head.records(delimiter, quoted=False)
    return any(_NICKNAME.match(cell) for row in rows for cell in row if cell.startswith('"'))


def _stands_in_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _loosener(delimiter: str) -> Callable[[bytes], bytes]:
    """Return what takes out the blanks between a delimiter and a quote."""
    cut = re.escape(delimiter.encode())
    before = re.compile(rb"(?m)(^|" + cut + rb')[ ]+(?=")')
    behind = re.compile(rb'(?m)"[ ]+(?=' + cut + rb"|\r?$)")

    def change(text: bytes) -> bytes:
        return behind.sub(b'"', before.sub(rb"\1", text)) if b'"' in text else text

    return change


def _is_loose(text: bytes, delimiter: str, loosened: Callable[[bytes], bytes]) -> bool:
    """Tell whether most lines have a blank between a delimiter and a quote."""
    blanks = text.count(delimiter.encode() + b' "')
    if delimiter == " " or 2 * blanks < text.count(b"\n"):
        return False
    return _valid_spans(loosened(text), delimiter, whole=False) is not None
