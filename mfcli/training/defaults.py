"""Defaults that follow the data."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Objective, Recipe, TrainConfig
from mfcli.config.options import field_types
from mfcli.data.interactions import Interactions
from mfcli.models.values import confidences


def usual_weight(matrix: Interactions, weights: NDArray[np.float32] | None = None) -> float:
    """Return the unobserved weight of ials at which all pairs weigh ten times the interactions.

    weights: of the interactions, (N,); None for 1.

    The penalty of a row grows with λ α₀ m and what the row knows with its interactions: where
    λ α₀ is more than about half of the share of pairs that are interactions, all factors go to 0.
    At λ = 0.02 ten times that share was the best of seven weights or next to it on validation rows
    of ml-100k (2.6 % of the pairs), ml-latest-small (0.8 %), LightGCN's last.fm (0.4 %) and
    HetRec's (0.16 %); one weight for all of them lost up to a tenth of the best ndcg@10. Where
    HetRec's plays weigh by their logarithm, the weight that grows with them has ndcg@10 0.175 on
    validation rows, and the one that does not 0.155.
    """
    density = matrix.n_ratings / max(1, matrix.n_users * matrix.n_items)
    mean = 1.0 if weights is None else float(weights.mean(dtype=np.float64))
    return float(f"{min(10 * density, 1.0) * mean:.3g}")


def for_data(recipe: Recipe, matrix: Interactions) -> Recipe:
    """Fill in what the data decides where it was not given: the unobserved weight of ials.

    Doing it twice changes nothing.
    """
    if recipe.objective is not Objective.ials or "unobserved_weight" in recipe.options:
        return recipe
    weight = usual_weight(matrix, confidences(matrix.data, recipe))
    options = {**recipe.options, "unobserved_weight": weight}
    ordered = {name: options[name] for name in field_types(TrainConfig) if name in options}
    stages = tuple(dataclasses.replace(it, unobserved_weight=weight) for it in recipe.stages)
    return dataclasses.replace(recipe, unobserved_weight=weight, stages=stages, options=ordered)
