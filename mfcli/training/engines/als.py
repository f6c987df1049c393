"""The als engine: alternating least squares, all items exactly and then all users, an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from mfcli.config import Objective, Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import Progress
from mfcli.models.tables import Tables
from mfcli.training.engines import least_squares
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.devices import CPU, choose_device
from mfcli.training.engines.least_squares import Problem, roots_of

COMPILED_DEVICE = CPU  # where the kernels are; torch solves elsewhere


class ALSEngine:
    """Alternating least squares for mse (mf and biased-mf) and ials (mf).

    Every row is solved exactly, with its bias, at any number of factors. Users come last, so that
    the factors of a trained model are what folding their own entries in gives. The same seed gives
    the same bits for any number of workers. A model on a GPU is solved there, by torch.
    """

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        recipe: Recipe,
        stage: int,  # noqa: ARG002 - nothing is drawn
        workers: int,
    ) -> None:
        """Lay the entries out by users and by items."""
        self.n_samples = train.n_ratings
        self.workers = workers
        self.problem = Problem.of(recipe)
        self.model, self.mean = model, model.mean
        self.device = choose_device(recipe.device, recipe.engine)
        self.users, self.items = self._tables()
        implicit = recipe.objective is Objective.ials
        roots = roots_of(train.data, recipe) if implicit else np.zeros(0, np.float32)
        self.by_user = self._rows(
            train.indptr, train.indices, train.data, train.n_items, self.problem, roots
        )
        starts, order = train.by_item()
        self.by_item = self._rows(
            starts.astype(train.indptr.dtype),
            train.users[order].astype(train.indices.dtype),
            train.data[order],
            train.n_users,
            self.problem,
            roots[order] if len(roots) else roots,
        )

    @property
    def compiled(self) -> bool:
        """Whether the kernels solve, not torch."""
        return self.device == COMPILED_DEVICE

    @property
    def solver(self) -> Any:
        """The module that solves; torch's takes seconds to import."""
        if self.compiled:
            return least_squares
        return import_module("mfcli.training.engines.least_squares_torch")

    def _rows(self, *entries: Any) -> Any:
        if self.compiled:
            return least_squares.RowSolver(*entries)
        return self.solver.TorchRowSolver(*entries, self.device)

    def _tables(self) -> tuple[Any, Any]:
        if self.compiled:
            return least_squares.tables_of(self.model)
        found: tuple[Any, Any] = self.solver.tables_of(self.model, self.device)
        return found

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        """Solve the items, then the users: progress, then the mean loss an entry.

        The loss is (r̂ − r)² of mse, and of ials w (1 − r̂)² of the entries and α₀ r̂² of all pairs,
        over the number of entries; without the penalty, as for the other engines.
        """
        if not self.compiled:  # the model's may have changed since the last epoch
            self.users, self.items = self._tables()
        halves = ((self.by_item, self.items, self.users), (self.by_user, self.users, self.items))
        for half, (rows, own, other) in enumerate(halves):
            for done in rows.solve(own, other, self.mean, self.workers):
                yield Progress((half * self.n_samples + done) // 2, self.n_samples)
        if not self.compiled:
            self.solver.keep(self.model, self.users, self.items)
        yield EpochLoss(self.by_user.loss / max(self.n_samples, 1))

    def state(self) -> dict[str, Any]:
        """Return nothing: an epoch depends on the weights only."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore nothing: there is no state beside the weights."""
