"""The losses that validation measures, in NumPy: sums over fixed samples, for any model's scores.

Formulas: the classes of ``objectives``, which torch minimises; a test holds one against the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Objective

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
