"""Going on from a trained model on a matrix that has grown: rows are matched by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Ids
from mfcli.errors import InputError
from mfcli.models.modules import FactorModel


class Start(NamedTuple):
    """Weights to start from, and how many users and items are kept; None where all rows are."""

    weights: dict[str, Tensor]
    kept: tuple[int, int] | None


def grown(
    model: FactorModel, weights: dict[str, Tensor], old: Catalog | None, new: Catalog, path: Path
) -> Start:
    """Return the weights of a checkpoint for the rows of ``new``.

    A row whose id the checkpoint does not know, or where it learnt nothing (factors of zero),
    keeps what the model started with. Without a catalogue (a resume file) the rows are the same.
    Raises InputError where the weights do not fit the model, or no row is known.
    """
    fresh = model.state_dict()
    if old is None or old.same_ids(new):
        _check(weights, {name: tuple(each.shape) for name, each in fresh.items()}, path)
        return Start(weights, None)
    sizes = {"user": (old.user_ids, new.user_ids), "item": (old.item_ids, new.item_ids)}
    expected = {
        name: (len(sizes[name[:4]][0]), *each.shape[1:]) if name[:4] in sizes else tuple(each.shape)
        for name, each in fresh.items()
    }
    _check(weights, expected, path)
    kept = []
    result = {name: each.clone() for name, each in weights.items() if name[:4] not in sizes}
    for side, (theirs, ours) in sizes.items():
        rows, places = _matched(theirs, ours, weights[f"{side}_factors"])
        kept.append(len(rows))
        for name in (each for each in fresh if each.startswith(side)):
            result[name] = fresh[name].clone()
            result[name][rows] = weights[name][places]
    if not any(kept):
        raise InputError(
            f"{path}: knows none of the users and items of the matrix: leave out --init-from"
        )
    return Start(result, (kept[0], kept[1]))


def _matched(theirs: Ids, ours: Ids, factors: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of ours that theirs knows, and their places there."""
    places = torch.from_numpy(encode(ours, theirs)[0])
    learnt = factors.any(dim=1) if factors.shape[1] else torch.ones(len(factors), dtype=torch.bool)
    rows = torch.nonzero(places >= 0).squeeze(-1)
    rows = rows[learnt[places[rows]]]
    return rows, places[rows]


def _check(weights: dict[str, Tensor], expected: dict[str, tuple[int, ...]], path: Path) -> None:
    found = {name: tuple(each.shape) for name, each in weights.items()}
    if expected != found:
        raise InputError(
            f"{path}: its weights {found} do not fit the model asked for {expected}: "
            "give the same --model and --factors"
        )
