"""Which rows go to test: interactions → masks. Pure, vectorised, a function of the seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.config import SplitConfig, Strategy
from mfcli.config.stages import parse_time
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError

Mask = NDArray[np.bool_]


def held_out(interactions: Interactions, config: SplitConfig, seed: tuple[int, int]) -> Mask:
    """Return the (N,) mask of the rows that ``config.chosen`` puts to test.

    Raises InputError where the data cannot be split so (no times, no user with enough ratings).
    """
    random = _random(seed)
    if config.chosen is Strategy.leave_n_out:
        mask = _take(interactions, _random_rank(interactions, random), config.n or 0)
    elif config.chosen is Strategy.latest:
        times = _times(interactions)
        if config.cutoff is not None:
            mask = times >= parse_time(config.cutoff)
        else:
            mask = _take(interactions, _recency_rank(interactions, times), config.n or 0)
    elif config.per_user:
        counts = interactions.user_counts
        # At least one row of every user stays, so that the user is known to train.
        wanted = np.floor(counts * (config.test_fraction or 0.0) + 0.5).astype(np.int64)
        wanted = np.minimum(wanted, np.maximum(counts - 1, 0))
        mask = _random_rank(interactions, random) < wanted[interactions.users]
    else:
        mask = _beyond(random, interactions, config.test_fraction or 0.0)
    return mask


def validation(
    interactions: Interactions, config: SplitConfig, seed: tuple[int, int], n_test: int
) -> Mask:
    """Return the mask of validation rows among the rows of train, by the strategy of the test.

    Where the strategy cannot be repeated on what it left, its nearest kin is used: after a
    ``--cutoff``, the ``n_test`` latest rows; for ``given``, a random ``--test-fraction``.
    """
    if config.chosen is Strategy.latest and config.cutoff is not None:
        mask = np.zeros(interactions.n_ratings, dtype=bool)
        order = np.argsort(_times(interactions), kind="stable")
        mask[order[max(0, len(order) - n_test) :]] = True
        return mask
    if config.chosen is Strategy.given:
        return _beyond(_random(seed), interactions, config.test_fraction or 0.0)
    return held_out(interactions, config, seed)


def fold_numbers(n_ratings: int, folds: int, seed: tuple[int, int]) -> NDArray[np.int64]:
    """Return the fold 0..K−1 of every row, (N,): random, sizes equal but for one row."""
    return _random(seed).permutation(n_ratings) % folds


def _random(seed: tuple[int, int]) -> np.random.RandomState:
    """Return the random stream of ``(seed, stream)``; stream 0 is NumPy's plain ``seed(seed)``.

    RandomState, because NumPy promises that its streams never change: a split can be made again.
    """
    return np.random.RandomState(seed[0] if seed[1] == 0 else list(seed))


def _beyond(random: np.random.RandomState, rows: Interactions, fraction: float) -> Mask:
    """Mask each row with probability ``fraction``: those whose draw is at least 1 − fraction.

    That is how notebooks write it (train where rand() < 0.8), so that on rows which stand in the
    order of the matrix a published split of that kind comes out to the row.
    """
    return random.random_sample(rows.n_ratings) >= 1.0 - fraction


def known_rows(rows: Interactions, train: Interactions) -> Mask:
    """Return the mask of the rows whose user and item both have a row in train."""
    users = train.user_counts > 0
    items = train.item_counts > 0
    return users[rows.users] & items[rows.indices]


def _take(interactions: Interactions, rank: NDArray[np.int64], n: int) -> Mask:
    """Mask the rows of rank below ``n`` of every user with more than ``n`` rows."""
    return (rank < n) & (interactions.user_counts > n)[interactions.users]


def _random_rank(interactions: Interactions, random: np.random.RandomState) -> NDArray[np.int64]:
    """Return a random rank 0, 1, … of every row within its user."""
    # Rows are grouped by user, so sorting user + [0, 1) shuffles within users only.
    keys = interactions.users + random.random_sample(interactions.n_ratings)
    return _rank(interactions, np.argsort(keys))


def _recency_rank(interactions: Interactions, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rank of every row within its user, latest first; of equal times, later rows."""
    ascending = np.lexsort((times, interactions.users))
    counts = interactions.user_counts[interactions.users]
    return counts - 1 - _rank(interactions, ascending)


def _rank(interactions: Interactions, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn an order that keeps users together into each row's position within its user."""
    rank = np.empty(interactions.n_ratings, dtype=np.int64)
    rank[order] = np.arange(interactions.n_ratings)
    return rank - interactions.indptr[interactions.users]


def _times(interactions: Interactions) -> NDArray[np.int64]:
    if interactions.timestamps is None:
        raise InputError("--strategy latest needs times, and the matrix has none")
    return interactions.timestamps
