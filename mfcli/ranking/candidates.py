"""Which items are ranked for whom: the whole catalogue, given lists, or a sample of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.data.rows import CsrRows, empty_rows

KEYS_AT_ONCE = 1 << 20  # random keys of a sample held in memory a thread
_NO_KEY = np.uint64(2**64 - 1)


@dataclass(frozen=True, eq=False)
class Pool:
    """The candidates of every user: what is left of the catalogue, and always the positives.

    seen:    masked items; None masks nothing.
    given:   CSR rows of candidate lists, sorted, without doubles; None: the whole catalogue.
    sampled: so many items a user, uniformly and without replacement, out of those that are neither
             masked nor positives; a user with fewer gets all of them.
    allowed: (I,) items that may be ranked for anybody, positives too; None: all.
    served:  (U,) users who get a list; None: all.
    """

    n_items: int
    seen: CsrRows | None = None
    given: CsrRows | None = None
    sampled: int | None = None
    seed: int = 0
    allowed: NDArray[np.bool_] | None = None
    served: NDArray[np.bool_] | None = None

    def users(self, tested: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of the users who are ranked: the served, of given lists those with one."""
        if self.served is not None:
            tested = tested[self.served[tested]]
        if self.given is None:
            return tested
        return tested[self.given.lengths[tested] > 0]

    def masked(self, users: NDArray[np.int64], wanted: CsrRows) -> CsrRows:
        """Return CSR rows of the items that are no candidates of ``users`` (B,).

        ``wanted`` holds the users' positives. A user's row depends on no other user.
        """
        seen = empty_rows(len(users)) if self.seen is None else self.seen.cut(users)
        chosen = self.given is not None or self.sampled is not None
        if not chosen and self.allowed is None:
            return seen
        allowed = np.zeros((len(users), self.n_items), bool)
        if self.given is None:
            allowed[:] = True
        else:
            _mark(allowed, self.given.cut(users), True)
        _mark(allowed, seen, False)
        if self.allowed is not None:
            allowed &= self.allowed
        if self.sampled is not None:
            _mark(allowed, wanted, False)
            self._sample(allowed, users, self.sampled)
        if chosen:
            _mark(allowed, wanted, True)
        if self.allowed is not None:
            allowed &= self.allowed
        indptr = np.zeros(len(users) + 1, np.int64)
        np.cumsum(self.n_items - allowed.sum(axis=1), out=indptr[1:])
        items = np.flatnonzero(~allowed) % self.n_items
        return CsrRows(indptr, items.astype(wanted.indices.dtype))

    def _sample(self, allowed: NDArray[np.bool_], users: NDArray[np.int64], number: int) -> None:
        """Leave ``number`` of the allowed items a row: those of the least random keys.

        A key depends on the seed, the user and the item only, so blocks and threads change nothing.
        """
        if number >= self.n_items:
            return
        base = _mixed(_mixed(np.array([self.seed], np.uint64)) + users.astype(np.uint64))
        of_items = _mixed(np.arange(self.n_items, dtype=np.uint64))
        step = max(1, KEYS_AT_ONCE // self.n_items)
        for start in range(0, len(users), step):
            part = allowed[start : start + step]
            keys = _mixed(base[start : start + step, None] + of_items)  # (rows, I)
            keys[~part] = _NO_KEY
            part &= keys <= np.partition(keys, number - 1, axis=1)[:, number - 1, None]


def _mark(table: NDArray[np.bool_], rows: CsrRows, value: bool) -> None:
    table[np.repeat(np.arange(len(table)), rows.lengths), rows.indices] = value


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64 bits: the finaliser of splitmix64 (Steele, Lea & Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
