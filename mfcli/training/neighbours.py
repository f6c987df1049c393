"""How much users with the same items tell of a user: what decides how much λ a model bears."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from mfcli.data.interactions import Interactions

_USERS = 1000  # that are asked for, at most
_AT_LEAST = 100
_WORK = 1e8  # products of the second step that these may cost together
_ROWS = 1_000_000  # of more rows a part of the users is taken
_CUTOFF = 20
_AT_ONCE = 64
_LEAST = 0.002


class Told(NamedTuple):
    """ndcg@20 of one row a user that was left out, the mean over users; above 0, to three digits.

    neighbours: where items are ranked by those whom the user shares items with.
    popularity: where they are ranked by their number of rows.
    """

    neighbours: float
    popularity: float


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
    rows = matrix.csr().astype(np.float32)
    rows.data[:] = 1
    asked = _asked(rows, counts, rng)
    if not len(asked):
        return Told(_digits(0.0), _digits(0.0))
    places = (rng.random(len(asked)) * counts[asked]).astype(np.int64)
    columns = (rows @ _diagonal(1 / np.maximum(popular, 1))).T.tocsr()
    others = _diagonal(1 / np.sqrt(np.maximum(counts, 1)))
    by_neighbours, by_popularity = np.zeros(len(asked)), np.zeros(len(asked))
    for start in range(0, len(asked), _AT_ONCE):
        users = asked[start : start + _AT_ONCE]
        left = rows[users]
        held = left.indptr[:-1] + places[start : start + _AT_ONCE]
        left.data[held] = 0
        alike = left @ columns
        own = alike.indices == np.repeat(users, np.diff(alike.indptr))
        alike.data[own] = 0  # nobody is a neighbour of themselves
        scores = alike @ others @ rows
        for number, item in enumerate(left.indices[held]):
            seen = left.indices[left.indptr[number] : left.indptr[number + 1]]
            told = np.zeros(matrix.n_items, np.float32)
            row = slice(scores.indptr[number], scores.indptr[number + 1])
            told[scores.indices[row]] = scores.data[row]
            if told[item] > 0:
                by_neighbours[start + number] = _gain(told, item, seen)
            liked = popular.astype(np.float32)
            liked[item] -= 1  # the row that was left out
            by_popularity[start + number] = _gain(liked, item, seen)
    return Told(_digits(by_neighbours.mean()), _digits(by_popularity.mean()))


def _gain(scores: NDArray[np.float32], item: int, seen: NDArray[np.int32]) -> float:
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


def _asked(rows: Any, counts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return users of two rows or more in random order, as many as may be asked for."""
    users = rng.permutation(np.flatnonzero(counts >= 2))[:_USERS]
    work = np.minimum(rows[users] @ (rows.T @ counts.astype(np.float64)), rows.nnz)
    enough = int(np.searchsorted(np.cumsum(work), _WORK))
    return users[: max(_AT_LEAST, enough)]


def _diagonal(values: NDArray[np.float64]) -> Any:
    return scipy.sparse.diags_array(values.astype(np.float32))


def _digits(value: float) -> float:
    return float(f"{max(value, _LEAST):.3g}")
