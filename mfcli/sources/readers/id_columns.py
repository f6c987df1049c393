"""Columns of ids: the rule for what is an id, and distinct ids with a code a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.data.ids import CANONICAL_INTEGER, MAX_ID_LENGTH
from mfcli.data.interactions import Ids
from mfcli.sources.readers.cells import CellError, first_true
from mfcli.sources.readers.text import whole_cell


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column of ids: codes (R,) int32 into values (V,), sorted, int64 or unicode."""

    codes: NDArray[np.int32]
    values: Ids

    def ids(self) -> Ids:
        """Return the id of every row, (R,)."""
        return self.values[self.codes]


class IdColumnBuilder:
    """Codes by chunk, each with its own dictionary, made one at the end."""

    def __init__(self, what: str) -> None:
        """Start empty; ``what`` is user or item, for messages."""
        self.what = what
        self.remark = ""
        self._codes: list[NDArray[np.int32]] = []
        self._dictionaries: list[pa.Array] = []

    def add(self, column: pa.Array, offset: int) -> None:
        """Add a chunk of strings, plain or dictionary-encoded; ``offset`` is its first row."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        if encoded.null_count:
            raise CellError(offset + first_true(encoded.is_null()), f"the {self.what} is missing")
        tokens = encoded.dictionary
        bad, reason = _bad_token(tokens, self.what)
        if bad is not None:
            hits = pc.is_in(encoded.indices, pa.array(np.flatnonzero(bad), encoded.indices.type))
            if pc.any(hits).as_py():  # a dictionary of a file may hold what no row uses
                raise CellError(offset + first_true(hits), reason)
        self._codes.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32))
        self._dictionaries.append(tokens.cast(pa.string()))

    def extend(self, other: IdColumnBuilder) -> None:
        """Append the chunks of another builder."""
        self._codes += other._codes
        self._dictionaries += other._dictionaries

    def finish(self) -> CodedColumn:
        """Return the whole column; the builder is used up."""
        if not sum(map(len, self._codes)):  # no chunk, or users without an item
            return CodedColumn(np.zeros(0, np.int32), np.zeros(0, np.int64))
        sizes = [len(dictionary) for dictionary in self._dictionaries]
        merged = pa.chunked_array(self._dictionaries).combine_chunks().dictionary_encode()
        self._dictionaries.clear()
        used = np.zeros(len(merged), dtype=bool)
        starts = np.cumsum([0, *sizes])
        for start, codes in zip(starts[:-1], self._codes, strict=True):
            used[start + codes] = True
        slot = merged.indices.to_numpy()
        tokens = merged.dictionary
        if not used.all():
            kept = np.zeros(len(tokens), dtype=bool)
            kept[slot[used]] = True
            slot = (np.cumsum(kept) - 1)[slot]
            tokens = tokens.filter(pa.array(kept))
        values, rank = self._sorted_values(tokens)
        table = rank[slot].astype(np.int32)
        joined = np.empty(sum(len(codes) for codes in self._codes), dtype=np.int32)
        row = 0
        for start, codes in zip(starts[:-1], self._codes, strict=True):
            joined[row : row + len(codes)] = table[start + codes]
            row += len(codes)
        self._codes.clear()
        return CodedColumn(joined, values)

    def _sorted_values(self, tokens: pa.Array) -> tuple[Ids, NDArray[np.int64]]:
        """Return distinct ids in order, and the rank of every token."""
        canonical = pc.match_substring_regex(tokens, whole_cell(CANONICAL_INTEGER))
        values: Ids | None = None
        if pc.all(canonical).as_py():
            try:
                values = tokens.cast(pa.int64()).to_numpy()
            except pa.ArrowInvalid:
                self.remark = f"{self.what} ids are kept as text: one does not fit in 64 bits"
            else:
                order = np.argsort(values, kind="stable")
        elif pc.mean(canonical).as_py() > 0.5:
            example = tokens.filter(pc.invert(canonical))[0].as_py()
            self.remark = (
                f"{self.what} ids are kept as text: {example!r} is not written as integers usually "
                "are (no leading zero, no +, no decimal point)"
            )
        if values is None:
            order = pc.sort_indices(tokens).to_numpy().astype(np.int64)  # by code point
            values = np.array(tokens.to_pylist(), dtype=np.str_)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return values[order], rank


def _bad_token(tokens: pa.Array, what: str) -> tuple[NDArray[np.bool_] | None, str]:
    """Return a mask of the distinct ids that are refused for one reason, or None."""
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(tokens)), 0)
    nul = pc.match_substring(tokens, "\0")
    long = pc.greater(pc.utf8_length(tokens), MAX_ID_LENGTH)
    for bad, reason in (
        (blank, f"the {what} is missing"),
        (nul, f"the {what} id holds a NUL character"),
        (long, f"the {what} id is longer than {MAX_ID_LENGTH} characters"),
    ):
        if pc.any(bad).as_py():
            return bad.to_numpy(zero_copy_only=False), reason
    return None, ""
