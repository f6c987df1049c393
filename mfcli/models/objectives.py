"""What torch minimises: a batch, its loss and its penalty.

A new objective is one class here and one entry in ``OBJECTIVES``, and for validation one in
``losses``. All losses are sums over the
samples of a batch; with regularisation λ, a sample adds λ‖θ‖² for everything θ that it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mfcli.config import Objective
from mfcli.models.base import FactorModel, Terms


class Batch(NamedTuple):
    """Samples of train: users (B,), items (B,), and values (B,).

    The values are ratings for mse; for the sampled objectives, weights of the loss, or None.
    """

    users: Tensor
    items: Tensor
    values: Tensor | None

    def part(self, chosen: slice | Tensor) -> Batch:
        """Return some of the samples: a slice, or those of an index or mask."""
        values = None if self.values is None else self.values[chosen]
        return Batch(self.users[chosen], self.items[chosen], values)


class Penalty(NamedTuple):
    """Regularisation: L2 per observed sample of factors and of biases."""

    factors: float
    biases: float

    def of(self, *terms: Terms) -> Tensor | float:
        """Return the sum of λ‖θ‖² over the rows of ``terms``; 0.0 where there is none."""
        total: Tensor | float = 0.0
        for looked_up in terms:
            if self.factors:
                total = total + self.factors * looked_up.vectors.square().sum()
            if self.biases and looked_up.biases is not None:
                total = total + self.biases * looked_up.biases.square().sum()
        return total


class Loss(NamedTuple):
    """The summed loss of a batch, the summed penalty, and the number of samples in it."""

    loss: Tensor
    penalty: Tensor | float
    samples: int


class TorchObjective(Protocol):
    """A loss that the minibatch engine can minimise."""

    sampled: bool

    def __call__(
        self, model: FactorModel, batch: Batch, negatives: Tensor | None, penalty: Penalty
    ) -> Loss:
        """Return the loss of a batch; ``negatives`` is (B, N) where the objective samples."""
        ...


class MSE:
    """Squared error Σ (r̂ − r)²."""

    sampled = False

    def __call__(
        self,
        model: FactorModel,
        batch: Batch,
        negatives: Tensor | None,  # noqa: ARG002 - it samples none
        penalty: Penalty,
    ) -> Loss:
        """Return the loss over the ratings of the batch."""
        assert batch.values is not None
        user, item = model.user_terms(batch.users), model.item_terms(batch.items)
        loss = (model.score(user, item) - batch.values).square().sum()
        return Loss(loss, penalty.of(user, item), len(batch.users))


def bpr(difference: Tensor) -> Tensor:
    """Return −log σ(x) of x = x_pos − x_neg (Rendle et al. 2009, BPR-Opt)."""
    return F.softplus(-difference)


def bpr_squared(difference: Tensor) -> Tensor:
    """Return (1 − σ(x))² of x = x_pos − x_neg, the loss that torchmf calls BPR.

    Its slope dies where a pair is badly misordered: −2σ(1 − σ)² is −.013 at x = −5.
    """
    return torch.sigmoid(-difference).square()


class Pairwise:
    """A loss of the difference between the scores of a positive and of each of its negatives.

    A positive of weight w counts w times its loss.
    """

    sampled = True

    def __init__(self, of_difference: Callable[[Tensor], Tensor]) -> None:
        """Take the loss of differences, elementwise."""
        self.of_difference = of_difference

    def __call__(
        self, model: FactorModel, batch: Batch, negatives: Tensor | None, penalty: Penalty
    ) -> Loss:
        """Return the loss over all pairs of a positive and one of its negatives."""
        assert negatives is not None
        user, positive = model.user_terms(batch.users), model.item_terms(batch.items)
        negative = model.item_terms(negatives)  # (B, N, F)
        ahead = model.score(user, positive).unsqueeze(-1)
        losses = self.of_difference(ahead - model.score(widen(user), negative))  # (B, N)
        if batch.values is not None:
            losses = losses * batch.values.unsqueeze(-1)
        return Loss(losses.sum(), penalty.of(user, positive, negative), losses.numel())


class Logistic:
    """Log loss with label 1 for positives and 0 for sampled negatives.

    Σ −log σ(x_pos) + Σ −log(1 − σ(x_neg)) (Johnson 2014 with sampled negatives; Mikolov 2013).
    """

    sampled = True

    def __call__(
        self, model: FactorModel, batch: Batch, negatives: Tensor | None, penalty: Penalty
    ) -> Loss:
        """Return the loss over the positives and over their negatives."""
        assert negatives is not None
        user, positive = model.user_terms(batch.users), model.item_terms(batch.items)
        negative = model.item_terms(negatives)
        right = F.softplus(-model.score(user, positive))  # (B,)
        wrong = F.softplus(model.score(widen(user), negative))  # (B, N)
        if batch.values is not None:
            right, wrong = right * batch.values, wrong * batch.values.unsqueeze(-1)
        samples = right.numel() + wrong.numel()
        return Loss(right.sum() + wrong.sum(), penalty.of(user, positive, negative), samples)


OBJECTIVES: dict[Objective, TorchObjective] = {
    Objective.mse: MSE(),
    Objective.bpr: Pairwise(bpr),
    Objective.bpr_squared: Pairwise(bpr_squared),
    Objective.logistic: Logistic(),
}


def widen(terms: Terms) -> Terms:
    """Let terms of (B,) broadcast against (B, N)."""
    biases = None if terms.biases is None else terms.biases.unsqueeze(-1)
    return Terms(terms.vectors.unsqueeze(-2), biases)
