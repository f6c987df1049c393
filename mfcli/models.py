"""What is scored: torch modules whose weights the compiled kernels see as NumPy views.

A new model is one class here and one entry in ``MODELS``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.config import Init, Model, TrainConfig, parse_init


class Terms(NamedTuple):
    """What a model looks up for users or for items: vectors (…, F) and biases (…) or None."""

    vectors: Tensor
    biases: Tensor | None


class Vectors(NamedTuple):
    """A dot-product model as arrays: score = ⟨user, item⟩ + user_bias + item_bias + mean."""

    users: NDArray[np.float32]  # (U, F)
    items: NDArray[np.float32]  # (I, F)
    user_bias: NDArray[np.float32]  # (U,)
    item_bias: NDArray[np.float32]  # (I,)
    mean: float


class FactorModel(nn.Module):
    """Base of the models over one vector a user and one an item.

    ``score(user_terms(u), item_terms(i))`` broadcasts: terms of (B, 1) users against (B, N) items
    give (B, N) scores. Regularisation needs the terms, so looking up and scoring are apart.
    """

    user_factors: nn.Parameter  # (U, F)
    item_factors: nn.Parameter  # (I, F)

    def __init__(
        self, n_users: int, n_items: int, factors: int, dropout: float, sparse: bool
    ) -> None:
        """Allocate the tables; ``reset`` fills them."""
        super().__init__()
        self.user_factors = nn.Parameter(torch.zeros(n_users, factors))
        self.item_factors = nn.Parameter(torch.zeros(n_items, factors))
        self.dropout = dropout
        self.sparse = sparse

    def reset(self, init: Init, bias_init: Init, generator: torch.Generator) -> None:  # noqa: ARG002
        """Draw the start of all weights."""
        for table in (self.user_factors, self.item_factors):
            fill(table, init, generator)

    def user_terms(self, users: Tensor) -> Terms:
        """Look up users (…) → vectors (…, F)."""
        return Terms(F.embedding(users, self.user_factors, sparse=self.sparse), None)

    def item_terms(self, items: Tensor) -> Terms:
        """Look up items (…) → vectors (…, F)."""
        return Terms(F.embedding(items, self.item_factors, sparse=self.sparse), None)

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return scores (…)."""
        raise NotImplementedError

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score pairs: users (…), items (…) → (…)."""
        return self.score(self.user_terms(users), self.item_terms(items))

    def bias_parameters(self) -> list[nn.Parameter]:
        """Return the biases, which have a regularisation and a decay of their own."""
        return []

    def settle_unknown(self, known_users: Tensor, known_items: Tensor) -> None:
        """Make rows without a training rating (masks (U,), (I,)) neutral: known terms count."""
        with torch.no_grad():
            self.user_factors[~known_users] = 0.0
            self.item_factors[~known_items] = 0.0

    def vectors(self) -> Vectors | None:
        """Return the weights as arrays on the same memory, None if no dot product scores them."""
        return None


class MF(FactorModel):
    """Matrix factorization: ⟨u, v⟩, with dropout on both vectors in training."""

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return ⟨dropout(u), dropout(v)⟩."""
        u, v = user.vectors, item.vectors
        if self.dropout and self.training:
            u, v = F.dropout(u, self.dropout), F.dropout(v, self.dropout)
        return (u * v).sum(-1)

    def vectors(self) -> Vectors:
        """Return the factors, with biases of zero."""
        return Vectors(
            _array(self.user_factors),
            _array(self.item_factors),
            np.zeros(len(self.user_factors), np.float32),
            np.zeros(len(self.item_factors), np.float32),
            0.0,
        )


class BiasedMF(MF):
    """Biased matrix factorization: mean + b_u + b_i + ⟨u, v⟩ (Koren, Bell & Volinsky 2009)."""

    user_bias: nn.Parameter  # (U, 1)
    item_bias: nn.Parameter  # (I, 1)
    global_mean: Tensor  # ()

    def __init__(
        self, n_users: int, n_items: int, factors: int, dropout: float, sparse: bool
    ) -> None:
        """Allocate the tables; the global mean is zero until it is set."""
        super().__init__(n_users, n_items, factors, dropout, sparse)
        self.user_bias = nn.Parameter(torch.zeros(n_users, 1))
        self.item_bias = nn.Parameter(torch.zeros(n_items, 1))
        self.register_buffer("global_mean", torch.zeros(()))

    def reset(self, init: Init, bias_init: Init, generator: torch.Generator) -> None:
        """Draw the start of all weights."""
        super().reset(init, bias_init, generator)
        for table in (self.user_bias, self.item_bias):
            fill(table, bias_init, generator)

    def user_terms(self, users: Tensor) -> Terms:
        """Look up users (…) → vectors (…, F), biases (…)."""
        bias = F.embedding(users, self.user_bias, sparse=self.sparse).squeeze(-1)
        return Terms(super().user_terms(users).vectors, bias)

    def item_terms(self, items: Tensor) -> Terms:
        """Look up items (…) → vectors (…, F), biases (…)."""
        bias = F.embedding(items, self.item_bias, sparse=self.sparse).squeeze(-1)
        return Terms(super().item_terms(items).vectors, bias)

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return mean + b_u + b_i + ⟨dropout(u), dropout(v)⟩."""
        assert user.biases is not None
        assert item.biases is not None
        return super().score(user, item) + user.biases + item.biases + self.global_mean

    def bias_parameters(self) -> list[nn.Parameter]:
        """Return both bias tables."""
        return [self.user_bias, self.item_bias]

    def settle_unknown(self, known_users: Tensor, known_items: Tensor) -> None:
        """Give unknown rows no factors and the mean bias of the known ones.

        With a global mean that is close to zero; without one it carries the level of the ratings.
        """
        super().settle_unknown(known_users, known_items)
        with torch.no_grad():
            for bias, known in ((self.user_bias, known_users), (self.item_bias, known_items)):
                bias[~known] = bias[known].mean() if known.any() else 0.0

    def vectors(self) -> Vectors:
        """Return factors, biases and mean."""
        return Vectors(
            _array(self.user_factors),
            _array(self.item_factors),
            _array(self.user_bias).reshape(-1),
            _array(self.item_bias).reshape(-1),
            float(self.global_mean),
        )


MODELS: dict[Model, type[FactorModel]] = {Model.mf: MF, Model.biased_mf: BiasedMF}


def build(config: TrainConfig, n_users: int, n_items: int) -> FactorModel:
    """Make the model of a resolved configuration, drawn from its seed."""
    model = allocate(config, n_users, n_items)
    assert config.init is not None
    generator = torch.Generator().manual_seed(config.seed)
    model.reset(
        parse_init("--init", config.init),
        parse_init("--bias-init", config.bias_init or "normal:0"),
        generator,
    )
    return model


def allocate(config: TrainConfig, n_users: int, n_items: int) -> FactorModel:
    """Make the model of a resolved configuration with weights of zero, to load others into."""
    assert config.model is not None
    assert config.factors is not None
    return MODELS[config.model](
        n_users, n_items, config.factors, config.dropout or 0.0, bool(config.sparse)
    )


def fill(table: Tensor, init: Init, generator: torch.Generator) -> None:
    """Draw a table from its start distribution."""
    with torch.no_grad():
        if init.kind == "uniform":
            table.uniform_(init.a, init.b, generator=generator)
        elif init.b:
            table.normal_(init.a, init.b, generator=generator)
        else:
            table.zero_()


def _array(parameter: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = parameter.detach().cpu().numpy()
    return array
