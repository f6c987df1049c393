"""Ids as users write them → rows of the matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.data.ids import FLOAT_INTEGER, trimmed
from mfcli.data.interactions import Catalog, Ids, Indices, Interactions
from mfcli.wording import counted


class IdIndex:
    """Finds the row of an id; ids are compared as text, so that ``7`` and ``"7"`` are the same.

    What is not found as it is, is looked for without the blanks around it, on both sides (models
    made before blanks were cut off have them), and among integers without a ``.0`` at its end.
    """

    def __init__(self, ids: Ids) -> None:
        """Hash the ids once."""
        text = as_text(ids)
        self.integers = ids.dtype.kind in "iu"
        self._index = dict(zip(text.tolist(), range(len(text)), strict=True))
        self._bare: dict[str, int] | None = None
        if not self.integers:
            bare = list(map(trimmed, text))
            padded = [
                row for row, (cut, full) in enumerate(zip(bare, text, strict=True)) if cut != full
            ]
            self._bare = {bare[row]: row for row in reversed(padded)}

    def rows(self, ids: Sequence[str] | Ids) -> NDArray[np.int64]:
        """Return the row of each id, (N,); −1 for an id that is not there."""
        text = as_text(ids)
        found = self._found(text.tolist())
        if isinstance(ids, np.ndarray) and ids.dtype.kind in "iu" and not self._bare:
            return found
        lost = np.flatnonzero(found < 0)
        if len(lost):
            plain = list(map(self._plain, text[lost]))
            again = self._found(plain)
            if self._bare:
                padded = [self._bare.get(token, -1) for token in plain]
                again = np.where(again < 0, padded, again)
            found[lost] = again
        return found

    def _found(self, tokens: list[str]) -> NDArray[np.int64]:
        get = self._index.get
        return np.fromiter((get(token, -1) for token in tokens), np.int64, len(tokens))

    def _plain(self, token: str) -> str:
        bare = trimmed(token)
        match = re.fullmatch(FLOAT_INTEGER, bare) if self.integers else None
        return match[1] if match else bare


class CatalogIndex:
    """The rows of a catalogue's ids; users and items are hashed only when somebody asks."""

    def __init__(self, catalog: Catalog) -> None:
        """Keep the catalogue."""
        self.catalog = catalog

    @cached_property
    def users(self) -> IdIndex:
        """The rows of user ids."""
        return IdIndex(self.catalog.user_ids)

    @cached_property
    def items(self) -> IdIndex:
        """The rows of item ids."""
        return IdIndex(self.catalog.item_ids)


class IdPairs(NamedTuple):
    """Pairs of a user and an item: pair n is ``user_ids[users[n]]`` and ``item_ids[items[n]]``."""

    user_ids: Ids  # (V,)
    users: Indices  # (N,)
    item_ids: Ids  # (W,)
    items: Indices  # (N,)

    @classmethod
    def of_ids(cls, user_ids: Sequence[object] | Ids, item_ids: Sequence[object] | Ids) -> IdPairs:
        """Return the pairs of ids (N,) and (N,); raises ValueError where these have two lengths."""
        if len(user_ids) != len(item_ids):
            raise ValueError(
                f"{counted(len(user_ids), 'user')} and {counted(len(item_ids), 'item')} do not "
                "make pairs"
            )
        places = np.arange(len(user_ids))
        return cls(as_text(user_ids), places, as_text(item_ids), places)

    @classmethod
    def of(cls, matrix: Interactions) -> IdPairs:
        """Return the pairs of a matrix's entries."""
        catalog = matrix.catalog
        return cls(catalog.user_ids, matrix.users, catalog.item_ids, matrix.indices)


def as_text(ids: Sequence[object] | Ids) -> NDArray[np.object_]:
    """Return ids as text, (N,) of str; integers in their canonical form.

    Python's strings: in an array of fixed width one long id would make all of them as wide.
    """
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "iuU":
        return ids.astype(np.str_).astype(object)
    return np.array([str(token) for token in ids], dtype=object)


def typed_like(tokens: Sequence[str], known: Ids) -> Ids:
    """Return ids that are not in the matrix: of the type of ``known`` if all fit, else text."""
    text = np.array(tokens, dtype=np.str_)
    if known.dtype.kind != "i":
        return text
    try:
        numbers = np.array([int(token) for token in tokens], dtype=np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if [str(number) for number in numbers.tolist()] == list(tokens) else text
