"""Ids of users and items: the rules for them, and their codes (positions in a catalogue)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfcli.data.interactions import Ids
from mfcli.data.text import is_valid_text
from mfcli.errors import InputError
from mfcli.wording import counted

MAX_ID_LENGTH = 255
# Whole numbers as they are written without ambiguity: "7", not "007", "+7" or "7.0".
CANONICAL_INTEGER = "(0|-?[1-9][0-9]{0,18})"
# The same as a table of floats writes them: pandas does so where a column misses a value.
FLOAT_INTEGER = rf"{CANONICAL_INTEGER}(\.0+)?"
# What may surround an id and is no part of it, whoever reads it: Unicode's white space (tabs, line
# ends and no-break spaces are of it), and marks without width that come along with copied text
# (byte-order mark, zero-width space, word joiner, marks of direction).
BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u2060\u200e\u200f"
)
# What stands for a missing id in any column: exports of databases and spreadsheets write these.
MISSING = frozenset(
    ("", r"\N", "NULL", "(NULL)", "(null)", "<NULL>", "<null>", "<NA>", "#N/A", "#NULL!")
)
# What does beside numbers only, in lower case: among text, somebody may be called so.
MISSING_WORDS = frozenset(
    ("null", "nan", "-nan", "na", "n/a", "none", "nil", "nat", "undefined", "missing")
)
MISSING_NUMBERS = frozenset(map(str.lower, MISSING)) | MISSING_WORDS | {"-", "--", "?", "."}
_INT64 = np.iinfo(np.int64)


def trimmed(text: str) -> str:
    """Return an id without the blanks around it: see ``BLANKS``."""
    return text.strip(BLANKS)


def as_ids(values: ArrayLike, what: str) -> Ids:
    """Return ids as int64 or fixed-width unicode, (N,), of the type in which they are given.

    values: integers or strings, (N,): a NumPy array, a list or a pandas column. what: "user" or
    "item", for messages. Raises InputError for other types, for a missing id, and for an integer
    beyond 64 bits.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"the {what} ids have the shape {array.shape}: give them in one dimension")
    if not array.size:
        return np.zeros(0, np.int64)
    if array.dtype.kind in "OT":  # objects, and NumPy's strings of any length
        return _ids_of_objects(array.astype(object), what)
    if array.dtype.kind == "u" and array.max() > _INT64.max:
        raise InputError(f"the {what} id {array.max()} does not fit in 64 bits: give it as text")
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "U":
        return np.char.strip(array.astype(array.dtype.newbyteorder("=")), BLANKS)
    if array.dtype.kind == "f" and np.isnan(array).any():  # pandas' integers where one is missing
        position = int(np.argmax(np.isnan(array)))
        raise InputError(f"the {what} id at position {position} is missing")
    raise InputError(f"the {what} ids are of type {array.dtype}: give integers or strings")


def _ids_of_objects(objects: NDArray[Any], what: str) -> Ids:
    kinds = {type(value) for value in objects.tolist()}
    if kinds and all(issubclass(kind, str) for kind in kinds):
        return np.array([trimmed(text) for text in objects.tolist()], dtype=np.str_)
    whole = all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds)
    for position, value in enumerate(objects.tolist()):
        if value is None or _is_not_available(value):
            raise InputError(f"the {what} id at position {position} is missing")
        if whole and not _INT64.min <= value <= _INT64.max:
            raise InputError(f"the {what} id {value} does not fit in 64 bits: give it as text")
    if not whole:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputError(f"the {what} ids are of type {names}: give integers, or strings only")
    return objects.astype(np.int64)


def _is_not_available(value: Any) -> bool:
    """Tell whether a value is NaN or pandas' NA, which needs no import of pandas to be seen."""
    return type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))


def check_ids(ids: Ids, what: str) -> None:
    """Raise InputError for a text id that no artifact may hold: blank, long, or with a NUL."""
    for text in ids.tolist() if ids.dtype.kind == "U" else ():
        problem = id_problem(text, what)
        if problem:
            raise InputError(f"{problem}: {text[:40]!r}")


def id_problem(text: str, what: str) -> str | None:
    """Return why a text cannot be the id of a user or item (``what``), or None."""
    if not text.strip():
        return f"the {what} is missing"
    if "\0" in text:
        return f"the {what} id holds a NUL character"
    if len(text) > MAX_ID_LENGTH:
        return f"the {what} id is longer than {MAX_ID_LENGTH} characters"
    if not is_valid_text(text):
        return f"the {what} id holds a character that is not valid Unicode (a lone surrogate)"
    return None


def encode(ids: Ids, known: Ids | None = None) -> tuple[NDArray[np.int64], Ids]:
    """Map ids to codes 0..n−1: ``(codes, unique ids)``, ids in sorted order.

    With ``known``, codes are positions in it and −1 marks an id that is not there. Ids of two types
    are matched as text: ``7`` and ``"7"`` are one, and ``"7.0"`` too where ``known`` are integers.
    """
    if known is not None:
        if known.dtype.kind != ids.dtype.kind:
            if known.dtype.kind == "i" and len(ids):
                ids = _without_zeros(ids)
            ids, known = ids.astype(np.str_), known.astype(np.str_)
        codes = _positions(ids, known)
        lost = np.flatnonzero(codes < 0)
        if len(lost) and ids.dtype.kind == "U":
            codes[lost] = _codes_without_blanks(ids[lost], known)
        return codes, known
    if ids.dtype.kind == "i" and len(ids):
        low, span = int(ids.min()), int(ids.max()) - int(ids.min()) + 1
        if span <= 4 * len(ids) + 1_000_000:
            # A table over the range of the ids: ten times faster than hashing 20 million.
            places = ids - low
            there = np.zeros(span, dtype=bool)
            there[places] = True
            return (np.cumsum(there) - 1)[places], np.flatnonzero(there).astype(np.int64) + low
    import pandas as pd  # half a second, and most commands find their ids as they are

    codes, unique = pd.factorize(ids, sort=True)
    return codes.astype(np.int64), np.asarray(unique, dtype=ids.dtype)


def _positions(ids: Ids, known: Ids) -> NDArray[np.int64]:
    """Return where each of (N,) ids is in ``known`` (M,), distinct and of one type; else −1."""
    if ids.dtype.kind == "U":
        places = {text: place for place, text in enumerate(known.tolist())}
        return np.array([places.get(text, -1) for text in ids.tolist()], dtype=np.int64)
    if not len(known):
        return np.full(len(ids), -1)
    order = np.argsort(known, kind="stable")
    found = order[np.minimum(np.searchsorted(known[order], ids), len(known) - 1)]
    return np.where(known[found] == ids, found, -1)


def _codes_without_blanks(ids: Ids, known: Ids) -> NDArray[np.int64]:
    """Return the positions of ids in ``known``, blanks around either aside; −1 for none."""
    bare, bare_known = np.char.strip(ids, BLANKS), np.char.strip(known, BLANKS)
    if (bare == ids).all() and (bare_known == known).all():
        return np.full(len(ids), -1)
    exact = np.argsort(bare_known != known, kind="stable")  # those without blanks first
    index, places = np.unique(bare_known[exact], return_index=True)
    found = _positions(bare, index)
    return np.where(found < 0, -1, exact[places[found]]).astype(np.int64)


def _without_zeros(ids: Ids) -> Ids:
    """Return text ids of which those that are written as ``7.0`` are ``7``."""
    found = (re.fullmatch(FLOAT_INTEGER, trimmed(text)) for text in ids.tolist())
    return np.array(
        [match[1] if match else text for match, text in zip(found, ids.tolist(), strict=True)]
    )


def of_two_types(what: str, found: Ids, expected: Ids, matched: int, whose: str) -> str | None:
    """Return what to say of ids whose type is not the expected one; None where it is.

    found, expected: distinct ids, (N,) and (M,). matched: how many of ``found`` are known.
    whose: whose ids the expected ones are.
    """
    kinds = [{"i": "integers", "U": "text"}[ids.dtype.kind] for ids in (found, expected)]
    if not len(found) or not len(expected) or kinds[0] == kinds[1]:
        return None
    texts = (found if kinds[0] == "text" else expected).tolist()
    verb = "is" if matched == 1 else "are"
    odd = next((text for text in texts if not re.fullmatch(CANONICAL_INTEGER, text)), texts[0])
    return (
        f"its {what} ids are {kinds[0]}, those of {whose} are {kinds[1]} ({odd!r} is text): "
        f"matched as they are written, {matched} of {len(found)} {verb} known; fetch --id-type "
        f"{what}=int or {what}=text gives both one type"
    )


def known_codes(ids: Ids, known: Ids, what: str) -> NDArray[np.int64]:
    """Return the position of every id in ``known``, (N,); raises InputError for one outside it."""
    codes, _ = encode(ids, known)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise InputError(
            f"{what} {ids[missing[0]]} ({counted(len(missing), 'row')}) is not in the matrix"
        )
    return codes


def name_items(item_ids: Ids, names: Mapping[Any, str]) -> NDArray[np.str_] | None:
    """Return a name for every item, (I,): its id where ``names`` has none; None without names."""
    if not names:
        return None
    return np.array([names.get(item, str(item)) for item in item_ids.tolist()], dtype=np.str_)
