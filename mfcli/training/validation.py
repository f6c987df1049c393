"""Validation while a model trains: one fixed set, measured between epochs."""

from __future__ import annotations

import numpy as np
import torch

from mfcli.config import Baseline, ModelKind, Objective, Recipe
from mfcli.data.interactions import Interactions
from mfcli.evaluation.baseline import beside_baseline, judged_by, score_popularity
from mfcli.evaluation.measuring import Measured, measure, measure_common, predict
from mfcli.events import Warned
from mfcli.models.arrays import Vectors
from mfcli.models.base import FactorModel
from mfcli.models.objectives import OBJECTIVES, Batch, mean_loss
from mfcli.models.sampling import NegativeSampler
from mfcli.ranking.serving import Trained
from mfcli.system.processors import available_workers


class Validator:
    """Callable that returns ``(validation loss, metrics)`` of the model as it is.

    Negatives of a pairwise objective are drawn once, from the seed, among the items that a user
    has neither in train nor in validation; so the loss of two epochs is over the same samples.
    """

    def __init__(
        self,
        model: FactorModel,
        train: Interactions,
        valid: Interactions,
        recipe: Recipe,
    ) -> None:
        """Prepare the batch of validation samples on the model's device."""
        device = model.user_factors.device
        self.model, self.train, self.valid, self.recipe = model, train, valid, recipe
        self.objective = OBJECTIVES.get(recipe.objective) if recipe.objective else None
        users = torch.from_numpy(valid.users).to(device)
        items = torch.from_numpy(valid.indices).to(device)
        self.negatives: torch.Tensor | None = None
        if self.objective is not None and self.objective.sampled:
            sampler = NegativeSampler([train, valid], device)
            able = sampler.can_sample(users)
            self.batch = Batch(users[able], items[able], None)
            generator = torch.Generator(device).manual_seed(recipe.seed)
            wanted = self.batch.users.unsqueeze(-1).expand(-1, recipe.negatives)
            self.negatives = sampler.sample(wanted, generator)
        else:
            self.batch = Batch(users, items, torch.from_numpy(valid.data).to(device))

    def __call__(self) -> tuple[float | None, dict[str, float]]:
        """Measure; there is no loss where nothing is minimised."""
        loss = None
        if self.recipe.objective is Objective.ials:
            loss = self._of_all_pairs()
        elif self.objective is not None:
            loss = mean_loss(self.objective, self.model, self.batch, self.negatives)
        if not self.recipe.metrics:
            return loss, {}
        return loss, self._measure(list(self.recipe.metrics)).metrics

    def judge(self) -> Warned | None:
        """Warn of a model whose lists for validation are not better than popularity's."""
        metric = judged_by(self.recipe.metrics)
        if metric is None or self.recipe.model is ModelKind.popularity:
            return None
        popularity = score_popularity(self.train.item_counts)
        theirs = measure_common(popularity, self.train.rows, self.valid, [metric])
        ours = self._measure([metric])
        found = beside_baseline(Baseline.popularity, metric, ours, theirs, self.recipe.seed)
        if found.better:
            return None
        rates = self.recipe.objective is Objective.mse
        return found.warning(where=" on validation", predicts_ratings=rates)

    def _measure(self, names: list[str]) -> Measured:
        """Measure metrics of the model as it is, lists as recommend makes them."""
        clip = None
        if self.recipe.objective is Objective.mse:
            clip = (float(self.train.data.min()), float(self.train.data.max()))
        return measure(
            self.model.scoring(),
            self.train.rows,
            self.valid,
            names,
            clip=clip,
            workers=self.recipe.workers or available_workers(),
            trained=Trained(
                seen=self.train.rows,
                item_counts=self.train.item_counts,
                shrinkage=self.recipe.rank_shrinkage,
            ),
        )

    def _of_all_pairs(self) -> float:
        """Return what ials loses outside of train, a validation row: (1 − x)² and α₀ Σ x².

        The sum goes over all pairs that train does not have, as the difference of two sums.
        """
        scoring = self.model.scoring()
        assert isinstance(scoring, Vectors)
        users, items = scoring.users.astype(np.float64), scoring.items.astype(np.float64)
        everything = ((users.T @ users) * (items.T @ items)).sum()
        seen = (predict(scoring, self.train.users, self.train.indices) ** 2).sum()
        held_out = ((1 - predict(scoring, self.valid.users, self.valid.indices)) ** 2).sum()
        weight = self.recipe.unobserved_weight
        return float((held_out + weight * (everything - seen)) / self.valid.n_ratings)
