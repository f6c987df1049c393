"""The baselines, computed rather than trained: popularity, and damped biases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mfcli.config import ModelKind, Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.models.tables import Tables
from mfcli.training.engines.base import EpochLoss


class ClosedFormEngine:
    """Fills the biases of a model without factors, in one epoch.

    popularity: an item's score is its number of interactions. bias: mean + b_u + b_i with
    b_i = Σ (r − mean)/(n_i + damping), then b_u = Σ (r − mean − b_i)/(n_u + damping)
    (Koren 2008, section 2.1; Funk 2006).
    """

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,  # noqa: ARG002
        workers: int,  # noqa: ARG002
    ) -> None:
        """Take what to fill, and from what."""
        self.model, self.train, self.recipe = model, train, recipe
        self.n_samples = train.n_ratings

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        """Compute; the loss is the mean squared error of bias, and 0 of popularity."""
        if self.recipe.model is ModelKind.popularity:
            self._set("item_bias", self.train.item_counts)
            yield EpochLoss(0.0)
            return
        users, items = self.train.users, self.train.indices
        ratings = self.train.data.astype(np.float64)
        mean = ratings.mean()
        damping = self.recipe.damping
        of_items = _damped(items, ratings - mean, self.train.n_items, damping)
        rest = ratings - mean - of_items[items]
        of_users = _damped(users, rest, self.train.n_users, damping)
        self.model.set_mean(mean)
        self._set("item_bias", of_items)
        self._set("user_bias", of_users)
        yield EpochLoss(float(((rest - of_users[users]) ** 2).mean()))

    def _set(self, name: str, values: Any) -> None:
        self.model.weights[name][:, 0] = values

    def state(self) -> dict[str, Any]:
        """Return nothing: there is no other epoch."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing: there is no state beside the weights."""


def _damped(at: Any, values: Any, n: int, damping: float) -> Any:
    """Return Σ values / (count + damping) a row, 0 for rows without any, (n,) float64."""
    counts = np.bincount(at, minlength=n) + damping
    return np.bincount(at, values, minlength=n) / np.where(counts > 0, counts, 1.0)
