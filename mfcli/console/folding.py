"""Texts of anybody's as a terminal may have them, and in lines of a width."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

# Controls, ends of lines, and marks that turn the direction of what follows.
_UNSEEN = frozenset(("Cc", "Cs", "Zl", "Zp"))
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """Return a text of anybody's on one line, without what a terminal would obey, as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode()
        if letter in _TURNING or unicodedata.category(letter) in _UNSEEN
        else letter
        for letter in text
    )


def folded(text: str, width: int) -> list[str]:
    """Return a text in lines of at most ``width`` columns: between words, within longer ones."""
    if cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces_of(word, width)
        lines += whole
    return [*lines, line]


def _pieces_of(word: str, width: int) -> list[str]:
    """Cut a word that is wider than a line, behind a sign where that is near."""
    pieces = []
    while cell_len(word) > width:
        end = 0
        while cell_len(word[: end + 1]) <= width:
            end += 1
        end = max(end, 1)  # a letter of two columns is wider than one
        near = max((word.rfind(sign, end // 2, end) + 1 for sign in "/,;·_-."), default=0)
        pieces.append(word[: near or end])
        word = word[near or end :]
    return [*pieces, word]


def fitting(text: str, width: int) -> str:
    """Return as many whole parts of ``a, b, c`` as fit, and how many are left: ``a, +2``."""
    if cell_len(text) <= width:
        return text
    parts = text.split(", ")
    for number in range(len(parts) - 1, 0, -1):
        shown = f"{', '.join(parts[:number])}, +{len(parts) - number}"
        if cell_len(shown) <= width:
            return shown
    return f"+{len(parts)}"
