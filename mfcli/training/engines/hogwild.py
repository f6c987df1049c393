"""The hogwild engine: compiled passes by several threads over the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Objective, Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.kernels import Weights
from mfcli.models.tables import Tables
from mfcli.models.values import values_of
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.layout import Settings
from mfcli.training.engines.passes import Passes


class HogwildEngine:
    """Parallel SGD on shared factors (Niu et al. 2011), for mf, biased-mf and svdpp.

    Every rating is visited exactly once an epoch. In the grid order, with any number of workers,
    the same seed gives the same bits.
    """

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,
        workers: int,
        counts: NDArray[np.int64] | None = None,
        *,
        items_fixed: bool = False,
    ) -> None:
        """Shuffle the ratings into tiles; compiles the kernel that is needed, or loads it.

        To fold users in: ``items_fixed``, and the items' ``counts`` (I,) in train.
        """
        assert recipe.objective is not None
        self.recipe = recipe
        self.n_samples = train.n_ratings
        self.weights = weights_of(model)
        self.mean = model.mean
        self.passes = Passes(
            train.indptr,
            train.indices,
            values_of(train, recipe),
            train.n_items,
            Settings(
                objective=recipe.objective,
                workers=workers,
                # Stages of one run draw from streams of their own.
                seed=recipe.seed + (stage << 32),
                order=recipe.order,
                negatives=recipe.negatives,
                hardest_of=recipe.hardest_of,
                popularity_power=recipe.negative_power,
                temperature=recipe.temperature,
                margin=recipe.margin,
                negative_weight=recipe.negative_weight,
                items_fixed=items_fixed,
                by_user=model.has_histories,
            ),
            counts,
        )
        self.passes.prepare(self.weights)

    @property
    def repeatable(self) -> bool:
        """Whether the same seed gives the same bits."""
        return self.passes.repeatable

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:
        """Run one epoch: progress about ten times a second, then the mean loss a sample."""
        squared = self.recipe.objective is Objective.mse
        # The kernels descend (r − x)²/2 + λ/2 ‖θ‖² and, for the others, loss + λ/2 ‖θ‖²; an
        # objective here is (r − x)² + λ ‖θ‖² and loss + λ ‖θ‖², whatever the engine.
        rate = 2 * learning_rate if squared else learning_rate
        scale = 1.0 if squared else 2.0
        last = None
        for last in self.passes.epoch(
            number,
            self.weights,
            rate,
            scale * self.recipe.regularization,
            scale * self.recipe.bias_regularization,
            self.mean,
        ):
            if last.done < last.total:
                yield Progress(last.done, last.total, last.loss if last.done else None)
        assert last is not None
        if self.passes.settings.by_user:
            self.passes.settle(self.weights)
        yield EpochLoss(last.loss)

    def state(self) -> dict[str, Any]:
        """Return nothing: an epoch depends on the weights, the seed and its number only."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing: there is no state beside the weights."""


def weights_of(model: Tables) -> Weights:
    """Return the weights, on the same memory; no biases are arrays of length 0."""
    none = np.zeros(0, np.float32)
    biases = [model.weights.get(f"{side}_bias", none).reshape(-1) for side in ("user", "item")]
    implicit = []
    if model.has_histories:
        implicit = [model.weights[f"{side}_implicit"] for side in ("user", "item")]
    return Weights(model.user_factors, model.item_factors, *biases, *implicit)
