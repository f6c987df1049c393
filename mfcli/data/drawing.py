"""Random streams of a split, and the ranks of rows within their user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Interactions
from mfcli.errors import InputError


def random_stream(seed: tuple[int, int]) -> np.random.RandomState:
    """Return the random stream of ``(seed, stream)``; stream 0 is NumPy's plain ``seed(seed)``.

    RandomState, because NumPy promises that its streams never change: a split can be made again.
    """
    return np.random.RandomState(seed[0] if seed[1] == 0 else list(seed))


def random_rank(interactions: Interactions, random: np.random.RandomState) -> NDArray[np.int64]:
    """Return a random rank 0, 1, … of every row within its user, (N,)."""
    # Rows are grouped by user, so sorting user + [0, 1) shuffles within users only.
    keys = interactions.users + random.random_sample(interactions.n_ratings)
    return _rank(interactions, np.argsort(keys))


def recency_rank(interactions: Interactions, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's rank within its user, (N,), latest first; of equal times, later rows."""
    ascending = np.lexsort((times, interactions.users))
    counts = interactions.user_counts[interactions.users]
    return counts - 1 - _rank(interactions, ascending)


def _rank(interactions: Interactions, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn an order that keeps users together into each row's position within its user."""
    rank = np.empty(interactions.n_ratings, dtype=np.int64)
    rank[order] = np.arange(interactions.n_ratings)
    return rank - interactions.indptr[interactions.users]


def times_of(interactions: Interactions) -> NDArray[np.int64]:
    """Return the time of every row, (N,); raises InputError where there are none."""
    if interactions.timestamps is None:
        raise InputError("--strategy latest needs times, and the matrix has none")
    return interactions.timestamps
