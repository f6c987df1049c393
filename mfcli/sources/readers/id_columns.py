"""Columns of ids: the rule for what is an id, and distinct ids with a code a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.codes import WarningCode
from mfcli.config.fetch import IdType
from mfcli.data.ids import (
    CANONICAL_INTEGER,
    FLOAT_INTEGER,
    MISSING,
    MISSING_NUMBERS,
    MISSING_WORDS,
)
from mfcli.data.interactions import Ids
from mfcli.sources.readers.cells import MEND, CellError, first_true
from mfcli.sources.readers.id_tokens import (
    MergedTokens,
    bad_token,
    one_of,
    surely_missing,
    trim_ids,
)
from mfcli.sources.readers.text import whole_cell
from mfcli.wording import counted

Where = Callable[[int], str]  # row, from 0 → "ratings.csv, line 7"
ABSENT, DROPPED = -1, -2  # codes of rows without an id, and of those whose id is left out

_ANY_WHOLE = r"[+-]?[0-9]+(\.0+)?"  # what --id-type int takes
_DIGITS = r"-?[0-9]+(\.0+)?"  # numbers beside which "nan" is none
_WRITTEN_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+|[0-9]{1,3}([,.' ][0-9]{3})+"
FEW = 0.1  # so many odd ones among integers are worth a warning


@dataclass(frozen=True)
class Remark:
    """What is worth saying of a column: a note, or a warning where it has a code."""

    text: str
    code: WarningCode | None = None


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

    def __init__(
        self, what: str, kind: IdType = IdType.auto, drop: frozenset[str] = frozenset()
    ) -> None:
        """Start empty; ``what`` is user or item, for messages. drop: ids whose rows are left out.

        After ``finish``, ``remarks`` are worth telling the user, and ``first_absent`` is the first
        row without an id, and what stands there instead.
        """
        self.what, self.kind, self.drop = what, kind, drop
        self.remarks: list[Remark] = []
        self.first_absent: tuple[int, str] | None = None
        self._codes: list[NDArray[np.int32]] = []
        self._dictionaries: list[pa.Array] = []

    def add(self, column: pa.Array, offset: int) -> NDArray[np.bool_] | None:
        """Add a chunk of strings, plain or dictionary-encoded; ``offset`` is its first row.

        Returns which rows have no id for certain, or None. Raises CellError for what is no id.
        """
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        tokens = encoded.dictionary.cast(pa.string())
        indices = encoded.indices
        if indices.null_count or tokens.null_count:
            tokens = pa.concat_arrays([pc.fill_null(tokens, ""), pa.array([""])])
            indices = pc.fill_null(indices.cast(pa.int32()), len(tokens) - 1)
        tokens = trim_ids(tokens)
        bad, reason = bad_token(tokens, self.what)
        if bad is not None:
            hits = pc.is_in(indices, pa.array(np.flatnonzero(bad), indices.type))
            if pc.any(hits).as_py():  # a dictionary of a file may hold what no row uses
                raise CellError(offset + first_true(hits), reason)
        codes = indices.to_numpy(zero_copy_only=False).astype(np.int32)
        self._codes.append(codes)
        self._dictionaries.append(tokens)
        absent = surely_missing(tokens)
        return None if absent is None or not (rows := absent[codes]).any() else rows

    def extend(self, other: IdColumnBuilder) -> None:
        """Append the chunks of another builder."""
        self._codes += other._codes
        self._dictionaries += other._dictionaries

    def finish(self, where: Where) -> CodedColumn:
        """Return the whole column, with codes of ABSENT and DROPPED; the builder is used up.

        Raises CellError for an id that is not of the type asked for.
        """
        if not sum(map(len, self._codes)):  # no chunk, or users without an item
            return CodedColumn(np.zeros(0, np.int32), np.zeros(0, np.int64))
        merged = MergedTokens(self._codes, self._dictionaries)
        values, ranks = self._typed(merged, where)
        return CodedColumn(merged.joined(ranks), values)

    def _typed(self, merged: MergedTokens, where: Where) -> tuple[Ids, NDArray[np.int64]]:
        """Return distinct ids in order, and the rank of every token, or ABSENT or DROPPED."""
        tokens = merged.tokens
        if self.kind is not IdType.text and not self.drop:
            canonical = pc.match_substring_regex(tokens, whole_cell(CANONICAL_INTEGER))
            if pc.all(canonical).as_py() and (numbers := _integers(tokens)) is not None:
                return _ranked(numbers)
        dropped = pc.or_(
            one_of(tokens, self.drop),
            one_of(pc.replace_substring_regex(tokens, r"\.0+$", ""), self.drop),
        )
        absent = pc.and_not(self._absent(merged, dropped), dropped)
        ranks = np.where(dropped.to_numpy(zero_copy_only=False), DROPPED, ABSENT)
        kept = pc.invert(pc.or_(absent, dropped)).to_numpy(zero_copy_only=False)
        values, ranks[kept] = self._kept_values(merged, kept, where)
        if pc.any(absent).as_py():
            row = merged.first_row(absent)
            self.first_absent = row, merged.token_of(row)
        return values, ranks

    def _absent(self, merged: MergedTokens, dropped: pa.Array) -> pa.Array:
        """Return which tokens stand for no id, a bool each; doubtful ones are remarked on."""
        tokens = merged.tokens
        absent = one_of(tokens, MISSING)
        lower = pc.utf8_lower(tokens)
        others = pc.invert(pc.or_(dropped, one_of(lower, MISSING_NUMBERS)))
        numbers = pc.and_(others, pc.match_substring_regex(tokens, whole_cell(_DIGITS)))
        among_numbers = self.kind is IdType.integer or 2 * _count(numbers) > _count(others)
        if among_numbers and self.kind is not IdType.text:
            return pc.or_(absent, one_of(lower, MISSING_NUMBERS))
        doubtful = pc.and_not(one_of(lower, MISSING_WORDS), pc.or_(absent, dropped))
        if pc.any(doubtful).as_py():
            token = merged.token_of(merged.first_row(doubtful))
            self.remarks.append(
                Remark(
                    f"{counted(merged.count_rows(doubtful), 'row has', 'rows have')} the "
                    f"{self.what} {token!r}, which may "
                    f"stand for none: kept as an id, as these ids are text; --drop-id {token} "
                    "leaves its rows out",
                    WarningCode.ids,
                )
            )
        return absent

    def _kept_values(
        self, merged: MergedTokens, kept: NDArray[np.bool_], where: Where
    ) -> tuple[Ids, NDArray[np.int64]]:
        """Return the ids of the tokens kept in order, and the rank of each of these tokens."""
        tokens = merged.tokens.filter(pa.array(kept))
        if self.kind is IdType.text:
            return _ranked_text(tokens)
        pattern = _ANY_WHOLE if self.kind is IdType.integer else FLOAT_INTEGER
        whole = pc.match_substring_regex(tokens, whole_cell(pattern))
        if pc.all(whole).as_py():
            numbers = _integers(tokens)
            if numbers is not None:
                self._say_floats(tokens)
                return _ranked(numbers)
        if self.kind is IdType.integer:
            raise self._no_integer(merged, kept, whole)
        self._say_text(merged, kept, whole, where)
        return _ranked_text(tokens)

    def _say_floats(self, tokens: pa.Array) -> None:
        floats = tokens.filter(pc.match_substring(tokens, "."))
        if len(floats) and self.kind is IdType.auto:
            self.remarks.append(
                Remark(
                    f"{self.what} ids are read as integers, {floats[0].as_py()!r} as "
                    f"{floats[0].as_py().partition('.')[0]}: all are whole numbers (--id-type text "
                    "keeps them as they are written)"
                )
            )

    def _no_integer(
        self, merged: MergedTokens, kept: NDArray[np.bool_], whole: pa.Array
    ) -> CellError:
        """Return the error for the first id that is none, or that is too large."""
        odd = ~whole.to_numpy(zero_copy_only=False)
        if not odd.any():
            tokens = merged.tokens.filter(pa.array(kept))
            odd = np.array([not _fits(token) for token in tokens.to_pylist()])
        row = merged.first_row(pa.array(_spread(kept, odd)))
        return CellError(
            row,
            f"the {self.what} id {merged.token_of(row)!r} is no integer of 64 bits, and --id-type "
            "int takes no other",
            f"{MEND}, or choose --id-type text",
        )

    def _say_text(
        self, merged: MergedTokens, kept: NDArray[np.bool_], whole: pa.Array, where: Where
    ) -> None:
        """Remark on a column of text that holds integers mostly."""
        n_ids, n_whole = len(whole), _count(whole)
        if n_whole == n_ids:
            text = f"{self.what} ids are kept as text: one does not fit in 64 bits"
            self.remarks.append(Remark(text))
        if n_whole == n_ids or 2 * n_whole <= n_ids:
            return
        odd = _spread(kept, ~whole.to_numpy(zero_copy_only=False))
        row = merged.first_row(pa.array(odd))
        token = merged.token_of(row)
        n_odd = n_ids - n_whole
        padded = pc.match_substring_regex(merged.tokens.filter(pa.array(odd)), "^-?0[0-9]+$")
        if pc.all(padded).as_py() or not (n_odd == 1 or n_odd <= FEW * n_ids):
            self.remarks.append(
                Remark(
                    f"{self.what} ids are kept as text: {token!r} is not written as integers "
                    "usually are (no leading zero, no +, no decimal point)"
                )
            )
            return
        number = pc.match_substring_regex(pa.array([token]), whole_cell(_WRITTEN_NUMBER))
        reason = "is a number, but not written in plain digits" if number[0].as_py() else "is none"
        others = "" if n_odd == 1 else f", and {n_odd - 1} more are not either"
        self.remarks.append(
            Remark(
                f"{self.what} ids are kept as text, though "
                f"{counted(n_whole, f'of {n_ids} is an integer', f'of {n_ids} are integers')}: "
                f"{token!r} ({where(row)}) {reason}{others}; mend it, leave it out with --drop-id "
                f"{token}, or say with --id-type {self.what}=text that ids are text",
                WarningCode.id_type,
            )
        )


def _integers(tokens: pa.Array) -> NDArray[np.int64] | None:
    """Return whole numbers as int64; None where one does not fit."""
    digits = pc.replace_substring_regex(tokens, r"^\+|\.0+$", "")
    try:
        return digits.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return None


def _fits(token: str) -> bool:
    return -(2**63) <= int(token.partition(".")[0]) < 2**63


def _ranked(numbers: NDArray[np.int64]) -> tuple[Ids, NDArray[np.int64]]:
    values, ranks = np.unique(numbers, return_inverse=True)  # 7 and 7.0 are one
    return values, ranks.astype(np.int64)


def _ranked_text(tokens: pa.Array) -> tuple[Ids, NDArray[np.int64]]:
    order = pc.sort_indices(tokens).to_numpy().astype(np.int64)  # by code point
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    values = np.array(tokens.to_pylist(), dtype=np.str_)
    return values[order] if len(order) else np.zeros(0, np.int64), ranks


def _spread(kept: NDArray[np.bool_], some: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of all tokens (V,) from one of the tokens that are kept."""
    mask = np.zeros(len(kept), dtype=bool)
    mask[kept] = some
    return mask


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
