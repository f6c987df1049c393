"""Items that a user has not seen, drawn in NumPy: for validation, where they are drawn once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Indices, Interactions


class Unseen:
    """The items that users have in none of several sets of interactions over one catalogue."""

    def __init__(self, seen: list[Interactions]) -> None:
        """Index what is seen."""
        self.n_items = seen[0].n_items
        keys = np.unique(
            np.concatenate([part.users * np.int64(self.n_items) + part.indices for part in seen])
        )
        users = np.arange(seen[0].n_users + 1)
        self.starts = np.searchsorted(keys, users * self.n_items)  # (U + 1,) of each user's keys
        self.free = self.n_items - np.diff(self.starts)  # (U,) unseen items
        # Of each seen item, how many unseen ones of its user lie before it; sorted as a whole.
        of_user = keys // self.n_items
        self.before = of_user * (self.n_items + 1) + (
            keys % self.n_items - (np.arange(len(keys)) - self.starts[of_user])
        )

    def draw(
        self, users: Indices, number: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw unseen items of users (B,) who have one, each as likely: (B, number)."""
        free = self.free[users][:, None]
        ranks = (generator.random((len(users), number)) * free).astype(np.int64)
        ranks = np.minimum(ranks, free - 1)  # among the unseen items, from 0
        at = users.astype(np.int64)[:, None]
        seen_before = np.searchsorted(self.before, at * (self.n_items + 1) + ranks, side="right")
        items: NDArray[np.int64] = ranks + seen_before - self.starts[at]
        return items
