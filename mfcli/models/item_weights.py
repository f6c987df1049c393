"""A linear model of items as arrays: ease, whose users are what they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Indices
from mfcli.data.rows import CsrRows
from mfcli.kernels import add_rows, sum_entries


class ItemWeights(NamedTuple):
    """A linear model of items as arrays: a score is the sum of the weights of what the user has.

    A user without an item scores 0 everywhere. The sums go in the order of the user's items, so
    they depend neither on the rows beside a user nor on the number of threads.
    """

    seen: CsrRows  # what each of U users has
    weights: NDArray[np.float32]  # (I, I): of an item that a user has, for each that is scored

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and of items."""
        return len(self.seen.indptr) - 1, len(self.weights)

    def pairs(self, users: Indices, items: Indices) -> NDArray[np.float64]:
        """Score pairs: (N,), (N,) → (N,); −1 stands for an unknown user or item, and scores 0."""
        scores = np.empty(len(users), np.float32)
        rows = (np.asarray(users, np.int64), np.asarray(items, np.int64))
        sum_entries(*self.seen, *rows, self.weights, scores)
        return scores.astype(np.float64)

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that scores a range of users against all items."""
        barred = None if allowed is None else ~allowed

        def block(first: int, last: int) -> NDArray[np.float32]:
            scores = np.zeros((last - first, len(self.weights)), np.float32)
            add_rows(*self.seen, first, last, self.weights, scores)
            if barred is not None:
                scores[:, barred] = -np.inf
            return scores

        return block

    def constant(self) -> NDArray[np.float32]:
        """Return zeros: nothing is left out, (U,)."""
        return np.zeros(self.shape[0], np.float32)
