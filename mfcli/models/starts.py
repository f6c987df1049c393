"""Starting values of weights, drawn from a recipe's seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Engine, Init, Recipe

# Fills a table from its start distribution, in place.
Draw = Callable[[NDArray[np.float32], Init], None]


def drawing(recipe: Recipe) -> Draw:
    """Return what draws the tables of a recipe.

    What torch trains torch draws as well, so that a seed means there what it always has.
    """
    if recipe.engine is Engine.minibatch:
        return _by_torch(recipe.seed)
    generator = np.random.default_rng(recipe.seed)

    def draw(table: NDArray[np.float32], init: Init) -> None:
        if init.kind == "uniform":
            generator.random(out=table, dtype=np.float32)
            table *= np.float32(init.b - init.a)
            table += np.float32(init.a)
        elif init.b:
            generator.standard_normal(out=table, dtype=np.float32)
            table *= np.float32(_deviation(table, init))
            table += np.float32(init.a)
        else:
            table[...] = 0.0

    return draw


def _by_torch(seed: int) -> Draw:
    import torch

    generator = torch.Generator().manual_seed(seed)

    def draw(table: NDArray[np.float32], init: Init) -> None:
        shared: Any = torch.from_numpy(table)
        if init.kind == "uniform":
            shared.uniform_(init.a, init.b, generator=generator)
        elif init.b:
            shared.normal_(init.a, _deviation(table, init), generator=generator)
        else:
            shared.zero_()

    return draw


def _deviation(table: NDArray[np.float32], init: Init) -> float:
    """Return the standard deviation of a normal start; ``scaled`` ones have it over √width."""
    width = table.shape[-1] if init.kind == "scaled" else 1
    return float(init.b / max(width, 1) ** 0.5)
