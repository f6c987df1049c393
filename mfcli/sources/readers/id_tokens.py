"""Ids as strings, many at once: their blanks, what cannot be one, one dictionary of all chunks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.ids import BLANKS, MAX_ID_LENGTH, MISSING, MISSING_NUMBERS

_FIRST_LETTERS = {text[0] for text in MISSING if text}


def trim_ids(tokens: pa.Array) -> pa.Array:
    """Return ids (N,) of strings without the blanks around them: see ``BLANKS``."""
    return pc.utf8_trim(tokens, BLANKS) if _Bytes(tokens).may_need_trimming() else tokens


def one_of(tokens: pa.Array, texts: frozenset[str]) -> pa.Array:
    """Return which tokens are one of ``texts``, a bool each."""
    return pc.is_in(tokens, pa.array(sorted(texts), pa.string()))


class _Bytes:
    """The bytes of an array of strings without nulls: whatever is quick to see there."""

    def __init__(self, tokens: pa.Array) -> None:
        _, offsets, data = tokens.buffers()
        places = np.frombuffer(offsets, np.int32)[tokens.offset : tokens.offset + len(tokens) + 1]
        self.places = places if len(tokens) else np.zeros(1, np.int32)
        self.data = np.frombuffer(b"" if data is None else data, np.uint8)

    def may_need_trimming(self) -> bool:
        """Tell whether some id begins or ends with what is no visible ASCII character."""
        there = self.places[1:] > self.places[:-1]
        firsts = self.data[self.places[:-1][there]]
        lasts = self.data[self.places[1:][there] - 1]
        return any(bool(((edge <= 32) | (edge >= 127)).any()) for edge in (firsts, lasts))

    def may_be_missing(self) -> bool:
        """Tell whether some id may be one of ``MISSING``, by its first character."""
        empty = self.places[1:] == self.places[:-1]
        if empty.any():
            return True
        firsts = self.data[self.places[:-1]]
        return any(bool((firsts == ord(letter)).any()) for letter in _FIRST_LETTERS)

    def holds(self, *characters: int) -> bool:
        """Tell whether one of these ASCII characters is in some id."""
        text = self.data[self.places[0] : self.places[-1]]
        return any(bool((text == character).any()) for character in characters)

    def longest(self) -> int:
        """Return the bytes of the longest id."""
        return int(np.diff(self.places).max(initial=0))


def surely_missing(tokens: pa.Array) -> NDArray[np.bool_] | None:
    """Return which ids stand for none among ids of any kind, (N,), or None where none does."""
    if not _Bytes(tokens).may_be_missing():
        return None
    return one_of(tokens, MISSING).to_numpy(zero_copy_only=False)


def missing_among_numbers(tokens: pa.Array) -> NDArray[np.bool_]:
    """Return which ids stand for none among integers, (N,)."""
    lower = pc.utf8_lower(tokens)
    return one_of(lower, MISSING_NUMBERS).to_numpy(zero_copy_only=False)


def bad_token(tokens: pa.Array, what: str) -> tuple[NDArray[np.bool_] | None, str]:
    """Return a mask of the distinct ids that are refused for one reason, or None."""
    raw = _Bytes(tokens)
    bad = None
    if raw.holds(0):
        bad, reason = pc.match_substring(tokens, "\0"), f"the {what} id holds a NUL character"
    elif raw.holds(10, 13):
        bad = pc.match_substring_regex(tokens, "[\r\n]")
        reason = f"the {what} id holds a line end"
    elif raw.longest() > MAX_ID_LENGTH:
        bad = pc.greater(pc.utf8_length(tokens), MAX_ID_LENGTH)
        reason = f"the {what} id is longer than {MAX_ID_LENGTH} characters"
    if bad is None or not pc.any(bad).as_py():
        return None, ""
    return bad.to_numpy(zero_copy_only=False), reason


class MergedTokens:
    """The chunks of a column under one dictionary: tokens (V,), all different, each of some row."""

    def __init__(self, codes: list[NDArray[np.int32]], dictionaries: list[pa.Array]) -> None:
        """Take the chunks over: both lists are emptied as they are used up."""
        self.codes = codes
        self.starts = np.cumsum([0, *(len(dictionary) for dictionary in dictionaries)])[:-1]
        merged = pa.chunked_array(dictionaries).combine_chunks().dictionary_encode()
        dictionaries.clear()
        used = np.zeros(len(merged), dtype=bool)
        for start, part in zip(self.starts, codes, strict=True):
            used[start + part] = True
        self.slot = merged.indices.to_numpy()  # of a chunk's token among all
        self.tokens = merged.dictionary
        if not used.all():
            kept = np.zeros(len(self.tokens), dtype=bool)
            kept[self.slot[used]] = True
            self.slot = (np.cumsum(kept) - 1)[self.slot]
            self.tokens = self.tokens.filter(pa.array(kept))

    def joined(self, ranks: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the rank of every row's token, (R,); the chunks are used up."""
        table = ranks[self.slot].astype(np.int32)
        joined = np.empty(sum(map(len, self.codes)), dtype=np.int32)
        row = 0
        for start, part in zip(self.starts, self.codes, strict=True):
            joined[row : row + len(part)] = table[start + part]
            row += len(part)
        self.codes.clear()
        return joined

    def first_row(self, mask: pa.Array) -> int:
        """Return the first row whose token is one of a (V,) mask."""
        wanted = mask.to_numpy(zero_copy_only=False)[self.slot]
        row = 0
        for start, part in zip(self.starts, self.codes, strict=True):
            hits = wanted[start + part]
            if hits.any():
                return row + int(hits.argmax())
            row += len(part)
        raise AssertionError("every token stands in some row")

    def count_rows(self, mask: pa.Array) -> int:
        """Return how many rows have a token of a (V,) mask."""
        wanted = mask.to_numpy(zero_copy_only=False)[self.slot]
        parts = zip(self.starts, self.codes, strict=True)
        return sum(int(wanted[start + part].sum()) for start, part in parts)

    def token_of(self, row: int) -> str:
        """Return the token of a row."""
        for start, part in zip(self.starts, self.codes, strict=True):
            if row < len(part):
                return str(self.tokens[int(self.slot[start + part[row]])].as_py())
            row -= len(part)
        raise AssertionError("there is no such row")
