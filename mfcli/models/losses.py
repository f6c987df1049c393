"""The losses that validation measures, in NumPy: sums over fixed samples, for any model's scores.

Formulas: the classes of ``objectives``, which torch minimises; a test holds one against the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Objective, Recipe

Floats = NDArray[np.float64]


class Total(NamedTuple):
    """A sum of losses, and over how many samples."""

    loss: float
    samples: int


# Scores of positives (B,) and of the negatives of each (B, N) → the sum of the losses.
SampledLoss = Callable[[Floats, Floats], Total]


def squared(scores: Floats, values: NDArray[np.float32]) -> Total:
    """Return Σ (r̂ − r)² of scores (B,) and values (B,)."""
    return Total(float(((scores - values) ** 2).sum()), len(scores))


def _softplus(x: Floats) -> Floats:
    found: Floats = np.logaddexp(0.0, x)
    return found


def _pairwise(of_difference: Callable[[Floats], Floats]) -> SampledLoss:
    """Return the sum over pairs of a loss of the difference x_pos − x_neg."""

    def total(positive: Floats, negative: Floats) -> Total:
        losses = of_difference(positive[:, None] - negative)
        return Total(float(losses.sum()), losses.size)

    return total


def _logistic(positive: Floats, negative: Floats) -> Total:
    loss = _softplus(-positive).sum() + _softplus(negative).sum()
    return Total(float(loss), positive.size + negative.size)


SAMPLED: dict[Objective, SampledLoss] = {
    Objective.bpr: _pairwise(lambda x: _softplus(-x)),
    Objective.bpr_squared: _pairwise(lambda x: np.exp(-2 * _softplus(x))),  # σ(−x)²
    Objective.logistic: _logistic,
    Objective.warp: _pairwise(lambda x: np.maximum(0.0, 1 - x)),
}

# Items that stand for all the others where a loss goes over the catalogue.
FEW = 32


def _softmax(recipe: Recipe, n_items: int) -> SampledLoss:
    """Return −ln of the positive's part of e^(x/τ), where N negatives stand for the catalogue."""

    def total(positive: Floats, negative: Floats) -> Total:
        others = negative / recipe.temperature + math.log(n_items / negative.shape[1])
        own = positive / recipe.temperature
        losses = np.logaddexp(own, np.logaddexp.reduce(others, axis=1)) - own
        return Total(float(losses.sum()), len(losses))

    return total


def _ccl(recipe: Recipe, n_items: int) -> SampledLoss:  # noqa: ARG001 - of a mean
    """Return 1 − x + w · the mean of max(0, x⁻ − margin) (Mao et al. 2021)."""

    def total(positive: Floats, negative: Floats) -> Total:
        above = np.maximum(0.0, negative - recipe.margin).mean(axis=1)
        losses = 1 - positive + recipe.negative_weight * above
        return Total(float(losses.sum()), len(losses))

    return total


# Losses of cosines, which have options of their own: (recipe, items of the catalogue) → the loss.
COSINES: dict[Objective, Callable[[Recipe, int], SampledLoss]] = {
    Objective.softmax: _softmax,
    Objective.ccl: _ccl,
}


def drawn_loss(recipe: Recipe, n_items: int) -> tuple[SampledLoss, int] | None:
    """Return the loss over negatives, and how many a row; None where none are drawn."""
    if recipe.objective in COSINES:
        return COSINES[recipe.objective](recipe, n_items), min(recipe.negatives, FEW)
    if recipe.objective in SAMPLED:
        return SAMPLED[recipe.objective], recipe.negatives
    return None
