"""Going on from a trained model on a matrix that has grown: rows are matched by their ids."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Ids
from mfcli.errors import InputError
from mfcli.models.base import FactorModel


class Start(NamedTuple):
    """Weights to begin with, of the users and items of a catalogue.

    Without a catalogue the weights are those of an unfinished run over the same rows, in its unit
    of ratings. ``name`` is what messages call them.
    """

    weights: dict[str, Tensor]
    catalog: Catalog | None
    name: str = "the model to start from"


class Grown(NamedTuple):
    """Weights for the rows of a matrix, and how many users and items came from the start.

    ``kept`` is None where all rows are the same.
    """

    weights: dict[str, Tensor]
    kept: tuple[int, int] | None


def grow(model: FactorModel, start: Start, catalog: Catalog) -> Grown:
    """Return a start's weights for the rows of ``catalog``, of which ``model`` is freshly drawn.

    A row whose id the start does not know, or where it learnt nothing (factors of zero), keeps
    what the model began with. Raises InputError where the weights do not fit the model, or no row
    is known.
    """
    weights, old, name = start
    fresh = model.state_dict()
    if old is None or old.same_ids(catalog):
        _check(weights, {key: tuple(table.shape) for key, table in fresh.items()}, name)
        return Grown(weights, None)
    sides = (
        (model.user_tables, old.user_ids, catalog.user_ids),
        (model.item_tables, old.item_ids, catalog.item_ids),
    )
    rows_there = {key: len(theirs) for tables, theirs, _ in sides for key in tables}
    expected = {
        key: (rows_there[key], *table.shape[1:]) if key in rows_there else tuple(table.shape)
        for key, table in fresh.items()
    }
    _check(weights, expected, name)
    grown = {key: table.clone() for key, table in weights.items() if key not in rows_there}
    kept = []
    for tables, theirs, ours in sides:
        rows, places = _matched(theirs, ours, weights[tables[0]])
        kept.append(len(rows))
        for key in tables:
            grown[key] = fresh[key].clone()
            grown[key][rows] = weights[key][places]
    if not any(kept):
        raise InputError(
            f"{name}: has no user or item in common with the matrix: leave out --init-from"
        )
    return Grown(grown, (kept[0], kept[1]))


def _matched(theirs: Ids, ours: Ids, factors: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of ours that theirs knows, and their places there, int64 (N,) each.

    ``factors`` (R, F) are theirs.
    """
    places = torch.from_numpy(encode(ours, theirs)[0])
    learnt = factors.any(dim=1) if factors.shape[1] else torch.ones(len(factors), dtype=torch.bool)
    rows = torch.nonzero(places >= 0).squeeze(-1)
    rows = rows[learnt[places[rows]]]
    return rows, places[rows]


def _check(weights: dict[str, Tensor], expected: dict[str, tuple[int, ...]], name: str) -> None:
    found = {key: tuple(table.shape) for key, table in weights.items()}
    if expected != found:
        raise InputError(
            f"{name}: its weights {found} do not fit the model asked for {expected}: "
            "give the same --model and --factors"
        )
