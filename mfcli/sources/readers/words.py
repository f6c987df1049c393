"""The name of a column, as words.

``User-ID``, ``userID``, ``USERID``, ``user_id`` and ``ratings.userId`` are all the words user and
id; ``Rating (1-5)`` is the word rating. What stands in brackets is a remark.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mfcli.sources.readers.vocabulary import ALL_WORDS, SHORTEST_JOINED, TABLES, without_accents

_REMARK = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|<[^<>]*>")
# A word within camelCase: an acronym (userID, ISBNCode), a word, or digits.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_LONGEST = 120


@lru_cache(1 << 16)
def split_words(name: str) -> tuple[str, ...]:
    """Return the words of a column's name: lower case, without accents, blanks and remarks."""
    text = name.strip("\ufeff \t\r\n\"'`")[-_LONGEST:]
    text = _REMARK.sub(" ", text) or text
    text = without_accents(text)
    table, dot, column = text.rpartition(".")
    if dot and column and all(_is_table(word) for word in _words(table)):
        text = column
    return tuple(_words(text))


def _words(text: str) -> list[str]:
    return [word for run in re.findall(r"[^\W_]+", text) for word in _cut(run)]


def _is_table(word: str) -> bool:
    """Tell whether a word before a dot may be a table that was selected from, as in ``r.count``."""
    return len(word) == 1 or word in TABLES


def _cut(run: str) -> list[str]:
    """Cut letters and digits that nothing separates: at known words, else at changes of case."""
    whole = run.lower()
    if whole in ALL_WORDS:
        return [whole]
    joined = _joined_words(whole)
    if joined is not None:
        return joined
    parts = _PART.findall(run)
    if len(parts) > 2 and sum(len(part) == 1 for part in parts) * 2 > len(parts):
        return [whole]  # rAnDoM cAsE is no camelCase
    return [word for part in parts for word in _known_words(part.lower())]


def _known_words(part: str) -> list[str]:
    return [part] if part in ALL_WORDS else _joined_words(part) or [part]


@lru_cache(1 << 16)
def _joined_words(text: str) -> list[str] | None:
    """Cut ``unixreviewtime`` into known words, as few as possible; None where that cannot be."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(text) + 1):
        found: list[str] | None = None
        for begin in range(end):
            before, word = best[begin], text[begin:end]
            known = word in ALL_WORDS and len(word) >= SHORTEST_JOINED
            if before is not None and (known or word.isdigit()):
                longer = [*before, word]
                if found is None or len(longer) < len(found):
                    found = longer
        best.append(found)
    return best[-1]
