"""What is minimised: a batch, its loss in torch, and what it needs of the data.

A new objective is one class here and one entry in ``OBJECTIVES``. All losses are sums over the
samples of a batch; with regularisation λ, a sample adds λ‖θ‖² for everything θ that it touches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mfcli.config import Confidence, Objective, PositiveWeight, Recipe
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
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


def hinge(difference: Tensor) -> Tensor:
    """Return max(0, 1 − x), of which WARP takes a ranked sum (Weston et al. 2011)."""
    return F.relu(1.0 - difference)


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
    # Validation only: the hogwild engine trains WARP, whose weights come from its search.
    Objective.warp: Pairwise(hinge),
}


def values_of(train: Interactions, recipe: Recipe) -> NDArray[np.float32] | None:
    """Return the values of a batch: ratings for mse; for the others the positives' weights.

    A weight is the interaction's value (linear) or log(1 + value), over their mean over train.
    Raises InputError for a negative value, which can be no weight.
    """
    if recipe.objective is Objective.mse:
        return train.data
    if recipe.positive_weight is PositiveWeight.none:
        return None
    if train.data.min() < 0:
        raise InputError("--positive-weight needs values of at least 0, such as play counts")
    logarithm = recipe.positive_weight is PositiveWeight.log
    weights = np.log1p(train.data) if logarithm else train.data
    mean = weights.mean(dtype=np.float64)
    if not mean > 0:
        raise InputError("--positive-weight needs values above 0, such as play counts")
    return (weights / mean).astype(np.float32)


def confidences(values: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32] | None:
    """Return the weights of interactions in ials, (n,): 1 + α r or 1 + α log(1 + r); None for 1.

    Raises InputError for a negative value, of which no weight can be made.
    """
    if recipe.confidence is Confidence.none:
        return None
    if values.min(initial=0.0) < 0:
        raise InputError("--confidence needs values of at least 0, such as play counts")
    grown = np.log1p(values) if recipe.confidence is Confidence.log else values
    return 1 + np.float32(recipe.alpha) * grown


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
        result = objective(model, batch.part(part), chosen, Penalty(0.0, 0.0))
        total += float(result.loss)
        samples += result.samples
    model.train(training)
    return total / max(samples, 1)
