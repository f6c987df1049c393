"""What is computed rather than trained: popularity, damped biases, and ease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mfcli.config import ModelKind, Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.models.tables import Tables
from mfcli.training.engines import ease
from mfcli.training.engines.base import EpochLoss

# Fills the weights of a model: (model, train, recipe, workers) → progress, and the loss.
Fill = Callable[[Tables, Interactions, Recipe, int], Iterator[Progress | EpochLoss]]


class ClosedFormEngine:
    """Fills the weights of a model in one epoch, as ``FILLS`` says."""

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,  # noqa: ARG002
        workers: int,
    ) -> None:
        """Take what to fill, and from what."""
        self.model, self.train, self.recipe, self.workers = model, train, recipe, workers
        self.n_samples = train.n_ratings

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        """Compute; the loss is a mean squared error, and 0 of popularity."""
        fill = FILLS[self.recipe.model]
        yield from fill(self.model, self.train, self.recipe, self.workers)

    def state(self) -> dict[str, Any]:
        """Return nothing: there is no other epoch."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing: there is no state beside the weights."""


def _popularity(
    model: Tables, train: Interactions, _: Recipe, __: int
) -> Iterator[Progress | EpochLoss]:
    """Let an item's score be its number of interactions."""
    model.weights["item_bias"][:, 0] = train.item_counts
    yield EpochLoss(0.0)


def _bias(
    model: Tables, train: Interactions, recipe: Recipe, _: int
) -> Iterator[Progress | EpochLoss]:
    """Set mean + b_u + b_i: b_i = Σ (r − mean)/(n_i + damping), b_u = Σ (r − mean − b_i)/(n_u + …).

    Koren 2008, section 2.1; Funk 2006.
    """
    users, items = train.users, train.indices
    ratings = train.data.astype(np.float64)
    mean = ratings.mean()
    of_items = _damped(items, ratings - mean, train.n_items, recipe.damping)
    rest = ratings - mean - of_items[items]
    of_users = _damped(users, rest, train.n_users, recipe.damping)
    model.set_mean(mean)
    model.weights["item_bias"][:, 0] = of_items
    model.weights["user_bias"][:, 0] = of_users
    yield EpochLoss(float(((rest - of_users[users]) ** 2).mean()))


def _ease(
    model: Tables, train: Interactions, recipe: Recipe, workers: int
) -> Iterator[Progress | EpochLoss]:
    return ease.fill(model, train, recipe.regularization, workers)


def _damped(at: Any, values: Any, n: int, damping: float) -> Any:
    """Return Σ values / (count + damping) a row, 0 for rows without any, (n,) float64."""
    counts = np.bincount(at, minlength=n) + damping
    return np.bincount(at, values, minlength=n) / np.where(counts > 0, counts, 1.0)


FILLS: dict[ModelKind, Fill] = {
    ModelKind.popularity: _popularity,
    ModelKind.bias: _bias,
    ModelKind.ease: _ease,
}
