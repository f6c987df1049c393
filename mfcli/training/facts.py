"""The few facts of a matrix that defaults are functions of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mfcli.data.interactions import Interactions
from mfcli.training.neighbours import USUAL, Told, told_by_neighbours


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What defaults see of a matrix.

    users, items: those with a row, at least 1 each.
    rows:         at least 1.
    pairs:        of all users and items of the matrix, those without a row as well.
    busiest:      rows of the user or item that has most of them, at least 1.
    tell:         finds out how well neighbours and popularity tell a row, where it is asked.
    """

    users: int
    items: int
    rows: int
    pairs: int
    tell: Callable[[], Told] = field(repr=False, compare=False)
    busiest: int = 1

    @classmethod
    def of(cls, matrix: Interactions) -> Facts:
        """Return the facts of a matrix."""
        return cls(
            users=max(1, int(np.count_nonzero(matrix.user_counts))),
            items=max(1, int(np.count_nonzero(matrix.item_counts))),
            rows=max(1, matrix.n_ratings),
            pairs=max(1, matrix.n_users * matrix.n_items),
            busiest=max(
                1, *(int(it.max(initial=0)) for it in (matrix.user_counts, matrix.item_counts))
            ),
            tell=partial(told_by_neighbours, matrix),
        )

    def untold(self, *, popularity: float = 0.2) -> float:
        """Return by how much λ grows where neighbours tell little of a user, and popularity much.

        Fitted for ials (``rules_for_ranking``); near 1 for most data.

        popularity: the exponent of what it tells.
        """
        told = self.tell()
        by_neighbours = told.neighbours / USUAL.neighbours
        return float(by_neighbours**-0.42 * (told.popularity / USUAL.popularity) ** popularity)

    @property
    def density(self) -> float:
        """Rows a pair of a user and an item."""
        return self.rows / self.pairs

    @property
    def per_user(self) -> float:
        """Rows a user, the mean."""
        return self.rows / self.users

    @property
    def per_item(self) -> float:
        """Rows an item, the mean."""
        return self.rows / self.items


def clipped(value: float, low: float, high: float) -> float:
    """Return a value of three digits within limits: what is shown is what is used."""
    return float(f"{min(max(value, low), high):.3g}")


def stepped(value: float, low: int, high: int, step: int = 1) -> int:
    """Return the nearest multiple of ``step`` within limits."""
    return min(max(round(value / step) * step, low), high)
