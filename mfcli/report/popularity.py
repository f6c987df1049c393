"""How popular recommended items are: arrays in, shares out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.report.data import Popularity

DECILES = 10
TAIL = 0.2  # the long tail: the least rated items that hold this share of train's rows
SAMPLED_USERS = 1000  # users whose list is compared with that of popularity

Ints = NDArray[np.integer[Any]]


def popularity_of(
    counts: Ints, seen_indptr: Ints, seen_indices: Ints, users: Ints, items: Ints
) -> Popularity | None:
    """Compare recommendations (rows of user and item, −1: not in the matrix) with train.

    counts: (I,) rows in train of each item. Returns None where there is nothing to compare.
    """
    known = np.flatnonzero(counts)
    there = (items >= 0) & (users >= 0)
    if not len(known) or not there.any():
        return None
    order = np.argsort(-counts, kind="stable")  # most rated first, ties by item order
    place = np.empty(len(counts), np.int64)
    place[order] = np.arange(len(counts))
    # Items without a row in train, if any are recommended, fall into the last decile.
    decile = np.minimum(place * DECILES // len(known), DECILES - 1)
    in_train = np.bincount(decile, weights=counts, minlength=DECILES) / counts.sum()
    chosen = items[there]
    recommended = np.bincount(decile[chosen], minlength=DECILES) / len(chosen)
    before = np.cumsum(counts[order]) - counts[order]  # rows of the items that are more popular
    tail = np.zeros(len(counts), bool)
    tail[order[before >= (1 - TAIL) * counts.sum()]] = True
    return Popularity(
        list(zip(in_train.tolist(), recommended.tolist(), strict=True)),
        len(items),
        len(np.unique(users[there])),
        len(np.unique(chosen)),
        len(known),
        float(counts[chosen].mean()),
        float((counts.astype(np.float64) ** 2).sum() / counts.sum()),
        float(counts[tail].sum() / counts.sum()),
        float(tail[chosen].mean()),
        _overlap(order[: len(known)], seen_indptr, seen_indices, users[there], chosen),
        int((~there).sum()),
    )


def _overlap(
    order: Ints, seen_indptr: Ints, seen_indices: Ints, users: Ints, items: Ints
) -> float | None:
    """Return the mean share of a user's list that popularity would have recommended as well."""
    by_user = np.argsort(users, kind="stable")
    rows, starts = np.unique(users[by_user], return_index=True)
    ends = np.append(starts[1:], len(users))
    known = np.flatnonzero(np.diff(seen_indptr)[rows] > 0)
    if not len(known):
        return None
    step = -(-len(known) // SAMPLED_USERS)
    shares = []
    for at in known[::step]:
        own = items[by_user[starts[at] : ends[at]]]
        seen = seen_indices[seen_indptr[rows[at]] : seen_indptr[rows[at] + 1]]
        # Among the first len(own) + len(seen) items at least len(own) are not seen.
        popular = order[: len(own) + len(seen)]
        popular = popular[~np.isin(popular, seen)][: len(own)]
        shares.append(np.isin(own, popular).mean())
    return float(np.mean(shares))
