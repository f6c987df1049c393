"""What cannot be stopped half-way and is done once: compiling kernels, importing torch."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable

import numpy as np

from mfcli.config import Engine, ModelKind, Recipe
from mfcli.data.interactions import Catalog, Interactions
from mfcli.kernels import compilation

_WARM_ROWS = 500
_TORCH = 12.0  # seconds that importing torch takes at worst

# Kernels that have to be compiled before an engine runs, or a model is measured, and the seconds
# that it takes at worst: compiling cannot be stopped half-way.
MEASURING: tuple[tuple[str, ...], float] = (("_rank", "_topk"), 6.0)
_COMPILED: dict[Engine | ModelKind, tuple[tuple[str, ...], float]] = {
    Engine.hogwild: (("fill_tiles",), 12.0),
    Engine.als: (("solve_rows",), 12.0),
    ModelKind.ease: (("count_pairs", "add_rows"), 6.0),
}


def seconds_to_compile(*needs: tuple[tuple[str, ...], float]) -> float:
    """Return what kernels take that are not kept yet, at worst."""
    kept = compilation.kept()
    return max((of for names, of in needs if not all(kept.get(it) for it in names)), default=0.0)


def seconds_to_import(recipe: Recipe) -> float:
    """Return what importing torch takes at worst, where a recipe needs it and it is not there."""
    return _TORCH if recipe.engine is Engine.minibatch and "torch" not in sys.modules else 0.0


def kernels_of(recipe: Recipe) -> Iterable[tuple[tuple[str, ...], float]]:
    """Return the kernels that training a recipe needs, and what compiling them takes."""
    return [_COMPILED[part] for part in (recipe.engine, recipe.model) if part in _COMPILED]


def few_rows(train: Interactions) -> Interactions:
    """Return some rows, of the users and items that are in them: a model of all could be large."""
    mask = np.zeros(train.n_ratings, np.bool_)
    mask[:: -(-train.n_ratings // _WARM_ROWS)] = True
    few = train.keep(mask)
    users = few.user_counts > 0
    items, indices = np.unique(few.indices, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(few.user_counts[users])])
    return dataclasses.replace(
        few,
        indptr=starts.astype(few.indptr.dtype),
        indices=indices.astype(few.indices.dtype),
        catalog=Catalog(train.catalog.user_ids[users], train.catalog.item_ids[items]),
    )
