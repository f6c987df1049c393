"""Lists of items, one a user, as the two arrays of a CSR matrix."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_COUNTED = 1 << 17  # indices that are counted at once


class CsrRows(NamedTuple):
    """The items of U users: those of user u are ``indices[indptr[u] : indptr[u + 1]]``.

    indptr: (U + 1,) integers, ascending from 0; indices: (N,) integers, ascending within a row.
    """

    indptr: NDArray[np.integer[Any]]
    indices: NDArray[np.integer[Any]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of items of each user, (U,)."""
        return np.diff(self.indptr).astype(np.int64)

    def item_counts(self, n_items: int) -> NDArray[np.int64]:
        """Return how many users have each item, (I,)."""
        counts = np.zeros(n_items, np.int64)
        for start in range(0, len(self.indices), _COUNTED):  # bincount copies to 64 bits: in cache
            part = self.indices[start : start + _COUNTED]
            counts += np.bincount(part, minlength=n_items)
        return counts

    def of(self, user: int) -> NDArray[np.integer[Any]]:
        """Return the items of one user, a view."""
        return self.indices[self.indptr[user] : self.indptr[user + 1]]

    def cut(self, users: NDArray[np.int64]) -> CsrRows:
        """Return the rows of ``users`` (B,), in their order."""
        indptr, indices = self
        if len(users) and users[-1] - users[0] + 1 == len(users) and (np.diff(users) == 1).all():
            cut = indptr[users[0] : users[-1] + 2].astype(np.int64)
            return CsrRows(cut - cut[0], indices[cut[0] : cut[-1]])
        starts, counts = (
            indptr[users].astype(np.int64),
            (indptr[users + 1] - indptr[users]).astype(np.int64),
        )
        cut = np.zeros(len(users) + 1, np.int64)
        np.cumsum(counts, out=cut[1:])
        places = np.repeat(starts - cut[:-1], counts) + np.arange(cut[-1])
        return CsrRows(cut, indices[places])

    def keys(self, n_items: int) -> NDArray[np.int64]:
        """Return all entries as keys ``user * n_items + item``, (N,) ascending."""
        users = np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int64), np.diff(self.indptr))
        return users * n_items + self.indices


def empty_rows(n_users: int) -> CsrRows:
    """Return the rows of users without an item."""
    return CsrRows(np.zeros(n_users + 1, np.int64), np.zeros(0, np.int64))


def rows_from_keys(keys: NDArray[np.int64], n_users: int, n_items: int) -> CsrRows:
    """Return the rows of keys ``user * n_items + item``, ascending and without doubles."""
    indptr = np.searchsorted(keys, np.arange(n_users + 1, dtype=np.int64) * n_items)
    return CsrRows(indptr.astype(np.int64), keys % n_items)
