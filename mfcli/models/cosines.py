"""Objectives of cosines for torch: a batch's positives share their negatives, one matrix product.

A new one is a class here and one entry of ``COSINES``, beside its own in ``losses``. Formulas and
sources stand in ``losses``; the slopes are torch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mfcli.config import Objective, Recipe
from mfcli.models.base import FactorModel
from mfcli.models.hard_negatives import negatives_for
from mfcli.models.objectives import OBJECTIVES, Batch, Loss, Penalty
from mfcli.models.sampling import NegativeSampler, SharedNegatives

# A batch, and what draws its negatives → its loss.
BatchLoss = Callable[[FactorModel, Batch, torch.Generator], Loss]


class CosineObjective(Protocol):
    """A loss of cosines with shared negatives."""

    def __call__(self, positive: Tensor, others: Tensor, negatives: SharedNegatives) -> Tensor:
        """Return the losses (B,) of cosines with the positives (B,) and with all negatives (B, M).

        A positive whose user has seen all of the negatives has a loss of 0.
        """
        ...


class Softmax:
    """Sampled softmax: −log of the positive's part of the catalogue."""

    def __init__(self, recipe: Recipe) -> None:
        """Take the temperature."""
        self.temperature = recipe.temperature

    def __call__(self, positive: Tensor, others: Tensor, negatives: SharedNegatives) -> Tensor:
        """Return the losses (B,)."""
        own = (positive / self.temperature).unsqueeze(-1)
        scores = others / self.temperature + negatives.shifts
        scores = scores.masked_fill(negatives.hidden, -torch.inf)
        return torch.logsumexp(torch.cat([own, scores], dim=1), dim=1) - own.squeeze(-1)


class CosineContrastive:
    """Cosine contrastive loss: 1 − x, and what the negatives are above a margin."""

    def __init__(self, recipe: Recipe) -> None:
        """Take the margin and the negatives' weight."""
        self.margin, self.weight = recipe.margin, recipe.negative_weight

    def __call__(self, positive: Tensor, others: Tensor, negatives: SharedNegatives) -> Tensor:
        """Return the losses (B,)."""
        above = torch.relu(others - self.margin).masked_fill(negatives.hidden, 0.0)
        unseen = (~negatives.hidden).sum(dim=1)
        losses = 1 - positive + self.weight * above.sum(dim=1) / unseen.clamp(min=1)
        return losses * (unseen > 0)


COSINES: dict[Objective, Callable[[Recipe], CosineObjective]] = {
    Objective.softmax: Softmax,
    Objective.ccl: CosineContrastive,
}


def cosine_loss(
    objective: CosineObjective, model: FactorModel, batch: Batch, negatives: SharedNegatives
) -> Loss:
    """Return the loss of a batch: vectors are taken at length 1, whatever they have."""
    users = F.normalize(model.user_terms(batch.users).vectors, dim=-1)  # (B, F)
    items = F.normalize(model.item_terms(batch.items).vectors, dim=-1)
    others = F.normalize(model.item_terms(negatives.items).vectors, dim=-1)  # (M, F)
    losses = objective((users * items).sum(-1), users @ others.T, negatives)
    if batch.values is not None:
        losses = losses * batch.values
    return Loss(losses.sum(), 0.0, len(losses))


def loss_of(recipe: Recipe, sampler: NegativeSampler | None) -> BatchLoss:
    """Return what a recipe minimises, with the drawing of its negatives."""
    assert recipe.objective is not None
    penalty = Penalty(recipe.regularization, recipe.bias_regularization)

    def shared(model: FactorModel, batch: Batch, generator: torch.Generator) -> Loss:
        assert sampler is not None
        negatives = sampler.shared(batch.users, recipe.negatives, generator)
        return cosine_loss(cosine, model, batch, negatives)

    def apart(model: FactorModel, batch: Batch, generator: torch.Generator) -> Loss:
        negatives = None
        if sampler is not None:
            negatives = negatives_for(model, batch.users, recipe, sampler, generator)
        return objective(model, batch, negatives, penalty)

    if recipe.cosine:
        cosine = COSINES[recipe.objective](recipe)
        return shared
    objective = OBJECTIVES[recipe.objective]
    return apart
