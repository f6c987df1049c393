"""The values that objectives take of interactions: ratings, or weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Confidence, Objective, PositiveWeight, Recipe
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError


def values_of(train: Interactions, recipe: Recipe) -> NDArray[np.float32] | None:
    """Return the values of a batch: ratings for mse; for the others the positives' weights.

    A weight is the interaction's value (linear) or log(1 + value), over their mean over train.
    Raises InputError for a negative value, which can be no weight.
    """
    if recipe.objective is Objective.mse:
        return train.data
    if recipe.positive_weight is PositiveWeight.none:
        return None
    if train.data.min() < 0:
        raise InputError("--positive-weight needs values of at least 0, such as play counts")
    logarithm = recipe.positive_weight is PositiveWeight.log
    weights = np.log1p(train.data) if logarithm else train.data
    mean = weights.mean(dtype=np.float64)
    if not mean > 0:
        raise InputError("--positive-weight needs values above 0, such as play counts")
    return (weights / mean).astype(np.float32)


def confidences(values: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32] | None:
    """Return the weights of interactions in ials, (n,): 1 + α r or 1 + α log(1 + r); None for 1.

    Raises InputError for a negative value, of which no weight can be made.
    """
    if recipe.confidence is Confidence.none:
        return None
    if values.min(initial=0.0) < 0:
        raise InputError("--confidence needs values of at least 0, such as play counts")
    grown = np.log1p(values) if recipe.confidence is Confidence.log else values
    return 1 + np.float32(recipe.alpha) * grown
