"""What is scored: torch modules whose weights the compiled kernels see as NumPy views.

A new model is one class here and one entry in ``MODELS``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.config import Init, ModelKind, TrainConfig, parse_init
from mfcli.models.arrays import Layers, ScoreArrays, Vectors

SMALL_LOOKUP = 1 << 14  # rows


class Terms(NamedTuple):
    """What a model looks up for users or for items: vectors (…, F) and biases (…) or None."""

    vectors: Tensor
    biases: Tensor | None


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
        return Terms(lookup(self.user_factors, users, self.sparse), None)

    def item_terms(self, items: Tensor) -> Terms:
        """Look up items (…) → vectors (…, F)."""
        return Terms(lookup(self.item_factors, items, self.sparse), None)

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

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place.

        The users' side takes all of it: a user's factors solved for on fixed item factors then
        have the same λ as before.
        """
        with torch.no_grad():
            self.user_factors.mul_(by)

    def scoring(self) -> ScoreArrays:
        """Return the model as arrays, on the same memory where it is on the CPU."""
        raise NotImplementedError


class MF(FactorModel):
    """Matrix factorization: ⟨u, v⟩, with dropout on both vectors in training."""

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return ⟨dropout(u), dropout(v)⟩."""
        u, v = user.vectors, item.vectors
        if self.dropout and self.training:
            u, v = F.dropout(u, self.dropout), F.dropout(v, self.dropout)
        return (u * v).sum(-1)

    def scoring(self) -> ScoreArrays:
        """Return ``vectors``."""
        return self.vectors()

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
        bias = lookup(self.user_bias, users, self.sparse).squeeze(-1)
        return Terms(super().user_terms(users).vectors, bias)

    def item_terms(self, items: Tensor) -> Terms:
        """Look up items (…) → vectors (…, F), biases (…)."""
        bias = lookup(self.item_bias, items, self.sparse).squeeze(-1)
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

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place."""
        super().rescale(by)
        with torch.no_grad():
            for each in (self.user_bias, self.item_bias, self.global_mean):
                each.mul_(by)

    def vectors(self) -> Vectors:
        """Return factors, biases and mean."""
        return Vectors(
            _array(self.user_factors),
            _array(self.item_factors),
            _array(self.user_bias).reshape(-1),
            _array(self.item_bias).reshape(-1),
            float(self.global_mean),
        )


class SVDPP(BiasedMF):
    """SVD++ (Koren 2008): mean + b_u + b_i + ⟨u + h_u, v⟩, h_u = |N(u)|^-½ Σ y_j over N(u).

    N(u) are the items that the user has rated in train; what training leaves is h_u beside y.
    """

    user_implicit: Tensor  # (U, F), h
    item_implicit: nn.Parameter  # (I, F), y

    def __init__(
        self, n_users: int, n_items: int, factors: int, dropout: float, sparse: bool
    ) -> None:
        """Allocate the tables; y and h start from zero."""
        super().__init__(n_users, n_items, factors, dropout, sparse)
        self.item_implicit = nn.Parameter(torch.zeros(n_items, factors))
        self.register_buffer("user_implicit", torch.zeros(n_users, factors))

    def user_terms(self, users: Tensor) -> Terms:
        """Look up users (…) → vectors u + h_u (…, F), biases (…)."""
        terms = super().user_terms(users)
        return terms._replace(vectors=terms.vectors + F.embedding(users, self.user_implicit))

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place."""
        super().rescale(by)
        with torch.no_grad():
            for each in (self.user_implicit, self.item_implicit):
                each.mul_(by)

    def vectors(self) -> Vectors:
        """Return u + h_u as the users' factors."""
        plain = super().vectors()
        return plain._replace(users=plain.users + _array(self.user_implicit))


class NeuralMF(FactorModel):
    """concat(u, v) → ReLU → dropout → [linear → ReLU] for each hidden width → linear to 1.

    The notebook's CollabFNet; He et al. 2017 call such a thing neural collaborative filtering.
    The sizes of u and v may differ.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        factors: int,
        dropout: float,
        sparse: bool,
        item_factors: int,
        hidden: list[int],
    ) -> None:
        """Allocate tables and layers."""
        super().__init__(n_users, n_items, factors, dropout, sparse)
        self.item_factors = nn.Parameter(torch.zeros(n_items, item_factors))
        widths = [factors + item_factors, *hidden, 1]
        self.linear = [nn.Linear(*each) for each in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(self.linear)

    def reset(self, init: Init, bias_init: Init, generator: torch.Generator) -> None:
        """Draw the embeddings, and the layers within ±1/√width, torch's own start."""
        super().reset(init, bias_init, generator)
        for layer in self.linear:
            bound = layer.in_features**-0.5
            for table in layer.parameters():
                fill(table, Init("uniform", -bound, bound), generator)

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return the output of the layers."""
        u, v = user.vectors, item.vectors
        if u.shape[:-1] != v.shape[:-1]:
            u = u.expand(*v.shape[:-1], -1)
        hidden = F.relu(torch.cat([u, v], -1))
        if self.dropout and self.training:
            hidden = F.dropout(hidden, self.dropout)
        for number, layer in enumerate(self.linear):
            hidden = layer(hidden if number == 0 else F.relu(hidden))
        return hidden.squeeze(-1)

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place: the last layer is linear."""
        with torch.no_grad():
            for each in self.linear[-1].parameters():
                each.mul_(by)

    def scoring(self) -> Layers:
        """Return the weights as arrays."""
        layers = [(_array(each.weight), _array(each.bias)) for each in self.linear]
        return Layers(_array(self.user_factors), _array(self.item_factors), layers)


def _plain(of: type[FactorModel]) -> Callable[[int, int, TrainConfig], FactorModel]:
    def make(n_users: int, n_items: int, config: TrainConfig) -> FactorModel:
        factors = config.factors or 0
        return of(n_users, n_items, factors, config.dropout or 0.0, bool(config.sparse))

    return make


def _neural(n_users: int, n_items: int, config: TrainConfig) -> FactorModel:
    factors = config.factors or 0
    return NeuralMF(
        n_users,
        n_items,
        factors,
        config.dropout or 0.0,
        bool(config.sparse),
        config.item_factors or factors,
        config.hidden or [],
    )


# The baselines are biases without factors, computed in closed form.
MODELS: dict[ModelKind, Callable[[int, int, TrainConfig], FactorModel]] = {
    ModelKind.mf: _plain(MF),
    ModelKind.biased_mf: _plain(BiasedMF),
    ModelKind.svdpp: _plain(SVDPP),
    ModelKind.neural: _neural,
    ModelKind.popularity: _plain(BiasedMF),
    ModelKind.bias: _plain(BiasedMF),
}


def build(config: TrainConfig, n_users: int, n_items: int) -> FactorModel:
    """Make the model of a resolved configuration, drawn from its seed."""
    model = allocate(config, n_users, n_items)
    generator = torch.Generator().manual_seed(config.seed)
    model.reset(
        parse_init("--init", config.init or "normal:0"),
        parse_init("--bias-init", config.bias_init or "normal:0"),
        generator,
    )
    return model


def allocate(config: TrainConfig, n_users: int, n_items: int) -> FactorModel:
    """Make the model of a resolved configuration with weights of zero, to load others into."""
    assert config.model is not None
    return MODELS[config.model](n_users, n_items, config)


def lookup(table: Tensor, rows: Tensor, sparse: bool) -> Tensor:
    """Return rows (…) of a table (R, F) as (…, F).

    On the CPU, a small dense look-up costs less, forwards and backwards, as a plain selection.
    """
    if sparse or table.is_cuda or rows.numel() > SMALL_LOOKUP:
        return F.embedding(rows, table, sparse=sparse)
    return table.index_select(0, rows.reshape(-1)).reshape(*rows.shape, -1)


def fill(table: Tensor, init: Init, generator: torch.Generator) -> None:
    """Draw a table from its start distribution."""
    with torch.no_grad():
        if init.kind == "uniform":
            table.uniform_(init.a, init.b, generator=generator)
        elif init.b:
            width = table.shape[-1] if init.kind == "scaled" else 1
            table.normal_(init.a, init.b / max(width, 1) ** 0.5, generator=generator)
        else:
            table.zero_()


def _array(parameter: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = parameter.detach().cpu().numpy()
    return array
