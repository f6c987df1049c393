"""How much users with the same items tell of a user: what decides how much λ a model bears."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Interactions

_USERS = 1000  # that are asked for, at most
_AT_LEAST = 100  # of them, whatever work they are
_WORK = 1e8  # rows of neighbours that are looked at for these together
_ROWS = 1_000_000  # of more rows a part of the users is taken
_CUTOFF = 20
_LEAST = 0.002  # where nothing is told


class Told(NamedTuple):
    """ndcg@20 of one row a user that was left out, the mean over users; above 0, to three digits.

    neighbours: where items are ranked by those whom the user shares items with.
    popularity: where they are ranked by their number of rows.
    """

    neighbours: float
    popularity: float


USUAL = Told(0.08, 0.02)  # near the middle of the data that defaults were fitted on

_known: WeakKeyDictionary[Interactions, Told] = WeakKeyDictionary()


def told_by_neighbours(matrix: Interactions) -> Told:
    """Return how well a row that is left out is told by the other rows; the same each time.

    A user v counts for user u by the sum of 1 / rows of i over the items i that both have, over the
    square root of the rows of v; an item by the sum over the users that have it. Users of a single
    row tell nothing; without others both are the least there is.
    """
    known = _known.get(matrix)
    if known is None:
        known = _known[matrix] = _told(matrix)
    return known


def _told(matrix: Interactions) -> Told:
    rng = np.random.default_rng(0)
    matrix = _thinned(matrix, rng)
    counts, popular = matrix.user_counts, matrix.item_counts
    asked = _asked(matrix, rng)
    if not len(asked):
        return Told(_digits(0.0), _digits(0.0))
    places = (rng.random(len(asked)) * counts[asked]).astype(np.int64)
    starts, order = matrix.by_item()
    members = matrix.users[order]
    of_item, of_user = 1 / np.maximum(popular, 1), 1 / np.sqrt(np.maximum(counts, 1))
    by_neighbours, by_popularity = np.zeros(len(asked)), np.zeros(len(asked))
    for number, (user, place) in enumerate(zip(asked, places, strict=True)):
        seen = matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]]
        item, left = seen[place], np.delete(seen, place)
        rows = _ranges(starts[left], popular[left])
        shared = np.repeat(of_item[left], popular[left])
        alike = np.bincount(members[rows], shared, matrix.n_users)
        alike[user] = 0  # nobody is a neighbour of themselves
        near = np.flatnonzero(alike)
        rows = _ranges(matrix.indptr[near], counts[near])
        weights = np.repeat(alike[near] * of_user[near], counts[near])
        told = np.bincount(matrix.indices[rows], weights, matrix.n_items)
        if told[item] > 0:
            by_neighbours[number] = _gain(told, item, seen)
        liked = popular.astype(np.float64)
        liked[item] -= 1  # the row that was left out
        by_popularity[number] = _gain(liked, item, seen)
    return Told(_digits(by_neighbours.mean()), _digits(by_popularity.mean()))


def _ranges(starts: NDArray[np.integer], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one after the other."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)


def _gain(scores: NDArray[np.number], item: int, seen: NDArray[np.integer]) -> float:
    """Return the ndcg of a list in which one item is relevant; equal scores share their ranks."""
    own = scores[item]
    scores[seen] = -1
    rank = np.count_nonzero(scores > own) + 0.5 * np.count_nonzero(scores == own)
    return float(1 / np.log2(rank + 2)) if rank < _CUTOFF else 0.0


def _thinned(matrix: Interactions, rng: np.random.Generator) -> Interactions:
    """Return a part of the users that has at most about ``_ROWS`` rows."""
    if matrix.n_ratings <= _ROWS:
        return matrix
    kept = rng.random(matrix.n_users) < _ROWS / matrix.n_ratings
    return matrix.keep(kept[matrix.users])


def _asked(matrix: Interactions, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return users of two rows or more in random order, as many as may be asked for."""
    counts = matrix.user_counts
    users = rng.permutation(np.flatnonzero(counts >= 2))[:_USERS]
    of_item = np.bincount(matrix.indices, counts[matrix.users], matrix.n_items)
    rows = _ranges(matrix.indptr[users], counts[users])
    work = np.bincount(
        np.repeat(np.arange(len(users)), counts[users]), of_item[matrix.indices[rows]], len(users)
    )
    enough = int(np.searchsorted(np.cumsum(np.minimum(work, matrix.n_ratings)), _WORK))
    return users[: max(_AT_LEAST, enough)]


def _digits(value: float) -> float:
    return float(f"{max(value, _LEAST):.3g}")
