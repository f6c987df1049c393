"""The models by their kind. A new one is a class of ``FactorModel`` and one entry of ``MODELS``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from mfcli.config import ModelArgs, ModelKind, Recipe
from mfcli.models.base import FactorModel
from mfcli.models.dot import MF, SVDPP, BiasedMF
from mfcli.models.neural import NeuralMF

# The baselines are biases without factors, computed in closed form.
MODELS: dict[ModelKind, type[FactorModel]] = {
    ModelKind.mf: MF,
    ModelKind.biased_mf: BiasedMF,
    ModelKind.svdpp: SVDPP,
    ModelKind.neural: NeuralMF,
    ModelKind.popularity: BiasedMF,
    ModelKind.bias: BiasedMF,
}


def allocate(args: ModelArgs) -> FactorModel:
    """Make a model with weights of zero, to load others into."""
    return MODELS[args.model](args)


def rebuild(args: ModelArgs, weights: Mapping[str, NDArray[np.float32]]) -> FactorModel:
    """Make a trained model on the memory of its weights, ready to score.

    Raises RuntimeError, TypeError or ValueError where the weights do not fit.
    """
    with torch.device("meta"):  # shapes only: args of a file may ask for more than there is
        model = allocate(args)
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def build(recipe: Recipe, n_users: int, n_items: int) -> FactorModel:
    """Make the model of a recipe, its weights drawn from the seed."""
    model = allocate(recipe.model_args(n_users, n_items))
    model.dropout = recipe.dropout
    model.reset(recipe.init, recipe.bias_init, torch.Generator().manual_seed(recipe.seed))
    return model
