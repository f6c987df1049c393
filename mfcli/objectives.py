"""What is minimised: a batch, its loss in torch, and what it needs of the data.

A new objective is one class here and one entry in ``OBJECTIVES``. All losses are sums over the
samples of a batch; with regularisation λ, a sample adds λ‖θ‖² for everything θ that it touches.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mfcli.config import Objective
from mfcli.models import FactorModel, Terms


class Batch(NamedTuple):
    """Samples of train: users (B,), items (B,), ratings (B,)."""

    users: Tensor
    items: Tensor
    ratings: Tensor


class Penalty(NamedTuple):
    """Regularisation: L2 per observed sample of factors and of biases."""

    factors: float
    biases: float

    def of(self, *terms: Terms) -> Tensor | float:
        """Return the sum of λ‖θ‖² over the rows of ``terms``; 0.0 where there is none."""
        total: Tensor | float = 0.0
        for each in terms:
            if self.factors:
                total = total + self.factors * each.vectors.square().sum()
            if self.biases and each.biases is not None:
                total = total + self.biases * each.biases.square().sum()
        return total


class Loss(NamedTuple):
    """The summed loss of a batch, the summed penalty, and the number of samples in it."""

    loss: Tensor
    penalty: Tensor | float
    samples: int


class TorchObjective(Protocol):
    """A loss that the minibatch engine can minimise."""

    pairwise: bool

    def __call__(
        self, model: FactorModel, batch: Batch, negatives: Tensor | None, penalty: Penalty
    ) -> Loss:
        """Return the loss of a batch; ``negatives`` is (B, N) where the objective samples."""
        ...


class MSE:
    """Squared error Σ (r̂ − r)²."""

    pairwise = False

    def __call__(
        self,
        model: FactorModel,
        batch: Batch,
        negatives: Tensor | None,  # noqa: ARG002 - it samples none
        penalty: Penalty,
    ) -> Loss:
        """Return the loss over the ratings of the batch."""
        user, item = model.user_terms(batch.users), model.item_terms(batch.items)
        loss = (model.score(user, item) - batch.ratings).square().sum()
        return Loss(loss, penalty.of(user, item), len(batch.users))


class BPR:
    """Bayesian personalised ranking Σ −log σ(x_pos − x_neg) (Rendle et al. 2009, BPR-Opt)."""

    pairwise = True

    def __call__(
        self, model: FactorModel, batch: Batch, negatives: Tensor | None, penalty: Penalty
    ) -> Loss:
        """Return the loss over all pairs of a positive and one of its negatives."""
        assert negatives is not None
        user, positive = model.user_terms(batch.users), model.item_terms(batch.items)
        negative = model.item_terms(negatives)  # (B, N, F)
        difference = model.score(user, positive).unsqueeze(-1) - model.score(
            widen(user), negative
        )  # (B, N)
        loss = self.of_difference(difference).sum()
        return Loss(loss, penalty.of(user, positive, negative), difference.numel())

    def of_difference(self, difference: Tensor) -> Tensor:
        """Return −log σ(x), stable for large |x|."""
        return F.softplus(-difference)


OBJECTIVES: dict[Objective, TorchObjective] = {Objective.mse: MSE(), Objective.bpr: BPR()}


def widen(terms: Terms) -> Terms:
    """Let terms of (B,) broadcast against (B, N)."""
    biases = None if terms.biases is None else terms.biases.unsqueeze(-1)
    return Terms(terms.vectors.unsqueeze(-2), biases)


@torch.no_grad()
def mean_loss(
    objective: TorchObjective,
    model: FactorModel,
    batch: Batch,
    negatives: Tensor | None,
    block: int = 1 << 18,
) -> float:
    """Return the mean loss a sample over a fixed set, in blocks; training mode is restored."""
    training = model.training
    model.eval()
    total, samples = 0.0, 0
    for start in range(0, len(batch.users), block):
        part = slice(start, start + block)
        chosen = None if negatives is None else negatives[part]
        result = objective(model, Batch(*(each[part] for each in batch)), chosen, Penalty(0.0, 0.0))
        total += float(result.loss)
        samples += result.samples
    model.train(training)
    return total / max(samples, 1)
