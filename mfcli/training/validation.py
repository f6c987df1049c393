"""Validation while a model trains: one fixed set, measured between epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Baseline, ModelKind, Objective, Recipe
from mfcli.data.interactions import Catalog, Interactions
from mfcli.data.splitting import join_parts
from mfcli.evaluation.baseline import beside_baseline, judged_by, score_popularity
from mfcli.evaluation.measuring import Measured, measure, measure_common, predict
from mfcli.events import Warned
from mfcli.models.arrays import ScoreArrays, Vectors
from mfcli.models.losses import Total, drawn_loss, squared
from mfcli.models.tables import Tables
from mfcli.models.unseen import Unseen
from mfcli.ranking.serving import Trained
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import solve_users

BLOCK = 1 << 16  # rows of validation that are scored together


class Validator:
    """Callable that returns ``(validation loss, metrics)`` of the model as it is.

    With a ``history`` its users are folded in from it first, as evaluate does, every time anew.

    Negatives of a pairwise objective are drawn once, from the seed, among the items that a user
    has neither in train nor in validation; so the loss of two epochs is over the same samples.
    """

    def __init__(
        self,
        model: Tables,
        train: Interactions,
        valid: Interactions,
        recipe: Recipe,
        history: Interactions | None = None,
    ) -> None:
        """Draw the negatives of the validation samples, where the objective has any."""
        self.model, self.train, self.valid, self.recipe = model, train, valid, recipe
        self.workers = recipe.workers or available_workers()
        self.known = train if history is None else join_parts([train, history])
        self.newcomers = None if history is None else _Newcomers.of(history, train)
        self.users, self.items = valid.users, valid.indices
        drawn = drawn_loss(recipe, train.n_items)
        self.sampled = None if drawn is None else drawn[0]
        if drawn is not None:
            unseen = Unseen([self.known, valid])
            able = unseen.free[valid.users] > 0
            self.users, self.items = valid.users[able], valid.indices[able]
            generator = np.random.default_rng(recipe.seed)
            self.negatives = unseen.draw(self.users, drawn[1], generator)  # (B, N)

    def __call__(self) -> tuple[float | None, dict[str, float]]:
        """Measure; there is no loss where nothing is minimised."""
        loss = None
        scoring = self._scoring()
        if self.recipe.objective is Objective.ials:
            loss = self._of_all_pairs(scoring)
        elif self.recipe.objective is Objective.mse or self.sampled is not None:
            loss = self._of_samples(scoring)
        if not self.recipe.metrics:
            return loss, {}
        return loss, self._measure(list(self.recipe.metrics), scoring).metrics

    def _scoring(self) -> ScoreArrays:
        """Return what scores the model as it is, with the newcomers in it."""
        if self.newcomers is None:
            return self.model.scoring(self.known.rows)
        folded = self.newcomers.folded(self.model, self.recipe, self.workers)
        return folded.scoring(self.known.rows)

    def _of_samples(self, scoring: ScoreArrays) -> float:
        """Return the mean loss a sample, some rows at a time."""
        totals = [Total(0.0, 0)]
        for begin in range(0, len(self.users), BLOCK):
            part = slice(begin, begin + BLOCK)
            users = self.users[part]
            scores = scoring.pairs(users, self.items[part])
            if self.sampled is None:
                totals.append(squared(scores, self.valid.data[part]))
                continue
            negatives = self.negatives[part]
            others = scoring.pairs(np.repeat(users, negatives.shape[1]), negatives.reshape(-1))
            totals.append(self.sampled(scores, others.reshape(negatives.shape)))
        losses, samples = zip(*totals, strict=True)
        return sum(losses) / max(sum(samples), 1)

    def judge(self) -> Warned | None:
        """Warn of a model whose lists for validation are not better than popularity's."""
        metric = judged_by(self.recipe.metrics)
        if metric is None or self.recipe.model is ModelKind.popularity:
            return None
        popularity = score_popularity(self.train.item_counts)
        theirs = measure_common(
            popularity,
            self.known.rows,
            self.valid,
            [metric],
            item_counts=self.train.item_counts,
        )
        ours = self._measure([metric], self._scoring())
        found = beside_baseline(Baseline.popularity, metric, ours, theirs, self.recipe.seed)
        if found.better:
            return None
        rates = self.recipe.objective is Objective.mse
        return found.warning(where=" on validation", predicts_ratings=rates)

    def _measure(self, names: list[str], scoring: ScoreArrays) -> Measured:
        """Measure metrics of the model as it is, lists as recommend makes them."""
        clip = None
        if self.recipe.objective is Objective.mse:
            clip = (float(self.train.data.min()), float(self.train.data.max()))
        return measure(
            scoring,
            self.known.rows,
            self.valid,
            names,
            clip=clip,
            workers=self.workers,
            trained=Trained(
                seen=self.known.rows,
                item_counts=self.train.item_counts,
                shrinkage=self.recipe.rank_shrinkage,
            ),
        )

    def _of_all_pairs(self, scoring: ScoreArrays) -> float:
        """Return what ials loses outside of train, a validation row: (1 − x)² and α₀ Σ x².

        The sum goes over all pairs that train and history lack, as the difference of two sums.
        """
        assert isinstance(scoring, Vectors)
        users, items = scoring.users.astype(np.float64), scoring.items.astype(np.float64)
        everything = ((users.T @ users) * (items.T @ items)).sum()
        seen = (predict(scoring, self.known.users, self.known.indices) ** 2).sum()
        held_out = ((1 - predict(scoring, self.valid.users, self.valid.indices)) ** 2).sum()
        weight = self.recipe.unobserved_weight
        return float((held_out + weight * (everything - seen)) / self.valid.n_ratings)


@dataclass(frozen=True, eq=False)
class _Newcomers:
    """Users who are not in train: their rows of the matrix (H,), and their entries as H rows.

    item_counts: (I,) ratings of each item in train; entries of others say nothing of a user.
    """

    users: NDArray[np.int64]
    entries: Interactions
    item_counts: NDArray[np.int64]

    @classmethod
    def of(cls, history: Interactions, train: Interactions) -> _Newcomers:
        """Take the users of a history who have an item that train knows."""
        rows = history.keep((train.item_counts > 0)[history.indices])
        users = np.flatnonzero(rows.user_counts)
        ids = Catalog(rows.catalog.user_ids[users], rows.catalog.item_ids)
        indptr = rows.indptr[np.append(0, users + 1)]
        entries = Interactions(indptr, rows.indices, rows.data, ids)
        return cls(users, entries, train.item_counts)

    def folded(self, model: Tables, recipe: Recipe, workers: int) -> Tables:
        """Return the model with these users solved for; the items' weights are the same memory."""
        solved = solve_users(model.weights, self.entries, recipe, self.item_counts, workers)
        weights = dict(model.weights)
        for name, rows in solved.items():
            weights[name] = weights[name].copy()
            weights[name][self.users] = rows
        return Tables.of(model.args, weights)
