"""Users as examples: whom to show, what they have, in the order of their own ratings and times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.tables.reading import RecommendationTable
from mfcli.data.interactions import Interactions
from mfcli.report.data import Example, Order, Recommended, Seen

SEEN_SHOWN, LIST_SHOWN = 12, 10

Places = NDArray[np.int64]


def finite(value: Any) -> float | None:
    """Return a figure, None where there is none or it is not finite: it cannot be drawn."""
    if value is None or value == "":
        return None
    figure = float(value)
    return figure if math.isfinite(figure) else None


def choose_examples(
    checkpoint: Checkpoint,
    listed: RecommendationTable,
    users: Places,
    items: Places,
    wanted: int,
    shown: list[str],
    matrix: Interactions | None,
) -> list[Example]:
    """Choose users with recommendations: those ``shown``, else evenly from few to many seen.

    users, items: (R,) the matrix's row and column of every recommendation, −1 where there is none.
    matrix: what the model was trained on, which has the users' ratings and times; None: unknown.
    """
    seen_counts, catalog = checkpoint.user_counts, checkpoint.catalog
    able = np.unique(users[users >= 0])
    able = able[seen_counts[able] > 0]
    able = able[np.argsort(seen_counts[able], kind="stable")]
    if not len(able) or not wanted:
        return []
    place = {str(catalog.user_ids[user]): user for user in able.tolist()} if shown else {}
    chosen = [place[user] for user in shown if user in place]
    if not chosen:
        at = (np.arange(wanted) + 0.5) * len(able) / wanted
        chosen = list(dict.fromkeys(able[at.astype(np.int64)].tolist()))
    order = _order_of(matrix)
    return [
        Example(
            str(catalog.user_ids[user]),
            int(seen_counts[user]),
            _history(checkpoint, matrix, user, order),
            order,
            _list(checkpoint, listed, users == user, items),
        )
        for user in chosen
    ]


def _order_of(matrix: Interactions | None) -> Order:
    """Tell what a matrix can order a history by."""
    if matrix is None:
        return Order.unknown
    rated = bool(len(matrix.data)) and matrix.data.min() < matrix.data.max()
    if matrix.timestamps is None:
        return Order.rated if rated else Order.popular
    return Order.rated_and_recent if rated else Order.recent


def _history(
    checkpoint: Checkpoint, matrix: Interactions | None, user: int, order: Order
) -> list[Seen]:
    """Return the first items of a user's history; ties go to items with more ratings in train."""
    seen = checkpoint.seen.of(user)
    counts = checkpoint.item_counts[seen]
    ratings = times = None
    if matrix is not None:
        own = slice(matrix.indptr[user], matrix.indptr[user + 1])
        if order in (Order.rated, Order.rated_and_recent):
            ratings = matrix.data[own]
        if order in (Order.recent, Order.rated_and_recent) and matrix.timestamps is not None:
            times = matrix.timestamps[own]
    keys = [-counts, *(-values for values in (times, ratings) if values is not None)]
    first = np.lexsort(keys)[:SEEN_SHOWN]
    return [
        Seen(
            _name_item(checkpoint, int(seen[at])),
            None if ratings is None else float(ratings[at]),
            None if times is None else int(times[at]),
        )
        for at in first.tolist()
    ]


def _list(
    checkpoint: Checkpoint, listed: RecommendationTable, own: NDArray[np.bool_], items: Places
) -> list[Recommended]:
    counts = checkpoint.item_counts
    return [
        Recommended(
            int(listed.ranks[row]),
            _name_item(checkpoint, item) if item >= 0 else listed.items[listed.item_codes[row]],
            finite(listed.scores[row]),
            int(counts[item]) if item >= 0 else None,
        )
        for row in np.flatnonzero(own)[:LIST_SHOWN].tolist()
        for item in [int(items[row])]
    ]


def _name_item(checkpoint: Checkpoint, item: int) -> str:
    """Return an item's name, its id where the name is empty."""
    catalog = checkpoint.catalog
    names = catalog.item_ids if catalog.item_names is None else catalog.item_names
    return str(names[item]) or str(catalog.item_ids[item])
