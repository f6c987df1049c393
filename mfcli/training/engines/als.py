"""The als engine: alternating least squares, all items exactly and then all users, an epoch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from mfcli.config import Objective, Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.models.base import FactorModel
from mfcli.models.dot import BiasedMF
from mfcli.training.engines import least_squares, least_squares_torch
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.least_squares import Problem, roots_of

COMPILED_DEVICE = "cpu"  # where the kernels are; torch solves elsewhere


class ALSEngine:
    """Alternating least squares for mse (mf and biased-mf) and ials (mf).

    Every row is solved exactly, with its bias, at any number of factors. Users come last, so that
    the factors of a trained model are what folding their own entries in gives. The same seed gives
    the same bits for any number of workers. A model on a GPU is solved there, by torch.
    """

    def __init__(
        self,
        model: FactorModel,
        train: Interactions,
        recipe: Recipe,
        stage: int,  # noqa: ARG002 - nothing is drawn
        workers: int,
    ) -> None:
        """Lay the entries out by users and by items."""
        self.n_samples = train.n_ratings
        self.workers = workers
        self.problem = Problem.of(recipe)
        self.mean = float(model.global_mean) if isinstance(model, BiasedMF) else 0.0
        make_rows, tables, self.unobserved_loss = _solver(model.user_factors.device)
        self.users, self.items = tables(model)
        implicit = recipe.objective is Objective.ials
        roots = roots_of(train.data, recipe) if implicit else np.zeros(0, np.float32)
        self.by_user = make_rows(
            train.indptr, train.indices, train.data, train.n_items, self.problem, roots
        )
        order = np.argsort(train.indices, kind="stable")
        ends = np.cumsum(train.item_counts)
        indptr = np.concatenate([[0], ends]).astype(train.indptr.dtype)
        self.by_item = make_rows(
            indptr,
            train.users[order].astype(train.indices.dtype),
            train.data[order],
            train.n_users,
            self.problem,
            roots[order] if len(roots) else roots,
        )

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        """Solve the items, then the users: progress, then the mean loss an entry.

        The loss is (r̂ − r)² of mse, and of ials w (1 − r̂)² of the entries and α₀ r̂² of all pairs,
        over the number of entries; without the penalty, as for the other engines.
        """
        halves = ((self.by_item, self.items, self.users), (self.by_user, self.users, self.items))
        for half, (rows, own, other) in enumerate(halves):
            for done in rows.solve(own, other, self.mean, self.workers):
                yield Progress((half * self.n_samples + done) // 2, self.n_samples)
        loss = self.by_user.loss
        loss += self.unobserved_loss(
            self.problem, self.users.factors, self.items.factors, self.workers
        )
        yield EpochLoss(loss / max(self.n_samples, 1))

    def state(self) -> dict[str, Any]:
        """Return nothing: an epoch depends on the weights only."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing: there is no state beside the weights."""


def _solver(
    device: torch.device,
) -> tuple[Callable[..., Any], Callable[[FactorModel], tuple[Any, Any]], Callable[..., float]]:
    """Return what lays entries out as rows, what finds a model's tables, and the loss of pairs."""
    if device.type == COMPILED_DEVICE:
        return least_squares.RowSolver, least_squares.tables_of, least_squares.unobserved_loss
    on_device = functools.partial(least_squares_torch.TorchRowSolver, device=device)
    return on_device, least_squares_torch.tables_of, least_squares_torch.unobserved_loss
