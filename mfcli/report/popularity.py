"""How popular recommended items are: arrays in, shares out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.data.rows import CsrRows
from mfcli.report.data import Popularity

DECILES = 10
TAIL = 0.2  # the long tail: the least rated items that hold this share of train's rows
SAMPLED_USERS = 1000  # users whose list is compared with that of popularity

Ints = NDArray[np.integer[Any]]


def measure_popularity(counts: Ints, seen: CsrRows, users: Ints, items: Ints) -> Popularity | None:
    """Compare the recommended items with train.

    counts: (I,) rows in train of each item; seen: the items of each user in train; users, items:
    (R,) the matrix's row and column of every recommendation, −1 where it does not hold the id.
    Returns None where no recommendation is of a known user and item.
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
        deciles=list(zip(in_train.tolist(), recommended.tolist(), strict=True)),
        rows=len(items),
        users=len(np.unique(users[there])),
        distinct_items=len(np.unique(chosen)),
        known_items=len(known),
        mean_recommended=float(counts[chosen].mean()),
        mean_train=float((counts.astype(np.float64) ** 2).sum() / counts.sum()),
        tail_train=float(counts[tail].sum() / counts.sum()),
        tail_recommended=float(tail[chosen].mean()),
        overlap=_share_with_popularity(order[: len(known)], seen, users[there], chosen),
        unknown_rows=int((~there).sum()),
    )


def _share_with_popularity(order: Ints, seen: CsrRows, users: Ints, items: Ints) -> float | None:
    """Return the mean share of a user's list that popularity would have recommended as well."""
    by_user = np.argsort(users, kind="stable")
    rows, starts = np.unique(users[by_user], return_index=True)
    ends = np.append(starts[1:], len(users))
    known = np.flatnonzero(seen.lengths[rows] > 0)
    if not len(known):
        return None
    step = -(-len(known) // SAMPLED_USERS)
    shares = []
    for at in known[::step]:
        own = items[by_user[starts[at] : ends[at]]]
        had = seen.of(rows[at])
        # Among the first len(own) + len(had) items at least len(own) are not seen.
        popular = order[: len(own) + len(had)]
        popular = popular[~np.isin(popular, had)][: len(own)]
        shares.append(np.isin(own, popular).mean())
    return float(np.mean(shares))
