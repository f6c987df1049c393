"""Going on from a trained model on a matrix that has grown: rows are matched by their ids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Ids
from mfcli.errors import InputError
from mfcli.models.tables import Tables


class Start(NamedTuple):
    """Weights to begin with, of the users and items of a catalogue.

    Without a catalogue the weights are those of an unfinished run over the same rows, in its unit
    of ratings. ``name`` is what messages call them.
    """

    weights: dict[str, NDArray[np.float32]]
    catalog: Catalog | None
    name: str = "the model to start from"


class Grown(NamedTuple):
    """Weights for the rows of a matrix, and how many users and items came from the start.

    ``kept`` is None where all rows are the same.
    """

    weights: dict[str, NDArray[np.float32]]
    kept: tuple[int, int] | None


def grow(model: Tables, start: Start, catalog: Catalog) -> Grown:
    """Return a start's weights for the rows of ``catalog``, of which ``model`` is freshly drawn.

    A row whose id the start does not know, or where it learnt nothing (factors of zero), keeps
    what the model began with. Raises InputError where the weights do not fit the model, or no row
    is known.
    """
    weights, old, name = start
    fresh = model.weights
    if old is None or old.same_ids(catalog):
        _check(weights, {key: table.shape for key, table in fresh.items()}, name)
        return Grown(weights, None)
    sides = (
        (model.user_names, old.user_ids, catalog.user_ids),
        (model.item_names, old.item_ids, catalog.item_ids),
    )
    rows_there = {key: len(theirs) for tables, theirs, _ in sides for key in tables}
    expected = {
        key: (rows_there[key], *table.shape[1:]) if key in rows_there else table.shape
        for key, table in fresh.items()
    }
    _check(weights, expected, name)
    grown = {key: table.copy() for key, table in weights.items() if key not in rows_there}
    kept = []
    for tables, theirs, ours in sides:
        rows, places = _matched(theirs, ours, weights[tables[0]])
        kept.append(len(rows))
        for key in tables:
            grown[key] = fresh[key].copy()
            grown[key][rows] = weights[key][places]
    if not any(kept):
        raise InputError(
            f"{name}: has no user or item in common with the matrix: leave out --init-from"
        )
    return Grown(grown, (kept[0], kept[1]))


def _matched(
    theirs: Ids, ours: Ids, factors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of ours that theirs knows, and their places there, int64 (N,) each.

    ``factors`` (R, F) are theirs.
    """
    places = encode(ours, theirs)[0]
    width = factors.shape[1]
    learnt = (factors != 0).any(axis=1) if width else np.ones(len(factors), np.bool_)
    rows = np.flatnonzero(places >= 0)
    rows = rows[learnt[places[rows]]]
    return rows, places[rows]


def _check(
    weights: dict[str, NDArray[np.float32]], expected: dict[str, tuple[int, ...]], name: str
) -> None:
    found = {key: table.shape for key, table in weights.items()}
    if expected != found:
        raise InputError(
            f"{name}: its weights {found} do not fit the model asked for {expected}: "
            "give the same --model and --factors"
        )
