"""Steps of plain SGD on the squared errors of a dot product, with the slopes written out.

(r̂ − r)² + λ‖u‖² + λ‖v‖² + λ_b b_u² + λ_b b_i² of a rating has the slopes 2(r̂ − r)v + 2λu for u,
2(r̂ − r)u + 2λv for v and 2(r̂ − r) + 2λ_b b for a bias. A step of SGD without decay changes the
rows of its batch only, so they are added to where they lie: no gradient of the size of the tables
is made, cleared and read, and nothing is kept for autograd. A step takes what one of autograd with
sparse gradients does to rounding, in a third of its time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mfcli.config import Objective, Optimizer, Recipe, Reduction
from mfcli.models.base import FactorModel
from mfcli.models.dot import MF, BiasedMF
from mfcli.models.objectives import Batch

# Half of what float32 can hold.
_LARGEST = 1e38


def writes_out(recipe: Recipe, model: FactorModel, device: torch.device) -> bool:
    """Tell whether the steps of a recipe are those of ``SquaredSteps``.

    On a GPU adding to rows from many threads would take another order in each run.
    """
    decays = recipe.weight_decay or recipe.bias_weight_decay
    return (
        device.type == "cpu"
        and type(model) in (MF, BiasedMF)
        and recipe.objective is Objective.mse
        and recipe.optimizer is Optimizer.sgd
        and not (decays or recipe.dropout)
        and math.isinf(recipe.clip_norm)
    )


@dataclass(frozen=True)
class SquaredSteps:
    """Steps on the memory of a model: users (U, F), items (I, F), biases (U, 1), (I, 1) or none."""

    model: FactorModel
    recipe: Recipe

    @torch.no_grad()
    def __call__(self, batch: Batch, learning_rate: float) -> tuple[Tensor, int]:
        """Take one step; return the batch's summed squared error before it, and its size."""
        assert batch.values is not None
        model, recipe, size = self.model, self.recipe, len(batch.users)
        rate = _single(-learning_rate / (size if recipe.reduction is Reduction.mean else 1))
        users = model.user_factors.index_select(0, batch.users)  # (B, F)
        items = model.item_factors.index_select(0, batch.items)
        error = (users * items).sum(-1).sub_(batch.values)  # (B,)
        biases: list[tuple[Tensor, Tensor, Tensor]] = []
        if isinstance(model, BiasedMF):
            for table, rows in ((model.user_bias, batch.users), (model.item_bias, batch.items)):
                flat = table.view(-1)
                looked_up = flat.index_select(0, rows)
                error += looked_up
                biases.append((flat, rows, looked_up))
            error += model.global_mean
        # The rate is part of the slopes: index_add_ with a factor of its own takes three times as
        # long as without, and on a table of one column ten times as long as on a vector.
        slope, decay = error * (2 * rate), _single(2 * rate * recipe.regularization)
        across = slope.unsqueeze(-1)  # (B, 1)
        of_users = torch.mul(items, across).add_(users, alpha=decay)
        of_items = users.mul_(across).add_(items, alpha=decay)
        model.user_factors.index_add_(0, batch.users, of_users)
        model.item_factors.index_add_(0, batch.items, of_items)
        for flat, rows, looked_up in biases:
            of_biases = looked_up.mul_(_single(2 * rate * recipe.bias_regularization)).add_(slope)
            flat.index_add_(0, rows, of_biases)
        return error.square_().sum(), size


def _single(value: float) -> float:
    """Return a number as float32 has it: infinite beyond its range, where training diverges."""
    return value if abs(value) < _LARGEST else math.copysign(math.inf, value)
