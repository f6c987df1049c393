"""Models whose score is a dot product of two vectors: mf, biased-mf, svdpp."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.config import Init, ModelArgs
from mfcli.models.arrays import ScoreArrays, Vectors
from mfcli.models.base import FactorModel, Terms, array_of, fill, lookup


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
            array_of(self.user_factors),
            array_of(self.item_factors),
            np.zeros(len(self.user_factors), np.float32),
            np.zeros(len(self.item_factors), np.float32),
            0.0,
        )


class BiasedMF(MF):
    """Biased matrix factorization: mean + b_u + b_i + ⟨u, v⟩ (Koren, Bell & Volinsky 2009)."""

    user_tables = (*MF.user_tables, "user_bias")
    item_tables = (*MF.item_tables, "item_bias")
    user_bias: nn.Parameter  # (U, 1)
    item_bias: nn.Parameter  # (I, 1)
    global_mean: Tensor  # ()

    def __init__(self, args: ModelArgs) -> None:
        """Allocate the tables; the global mean is zero until it is set."""
        super().__init__(args)
        self.user_bias = nn.Parameter(torch.zeros(args.n_users, 1))
        self.item_bias = nn.Parameter(torch.zeros(args.n_items, 1))
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
            for weight in (self.user_bias, self.item_bias, self.global_mean):
                weight.mul_(by)

    def vectors(self) -> Vectors:
        """Return factors, biases and mean."""
        return Vectors(
            array_of(self.user_factors),
            array_of(self.item_factors),
            array_of(self.user_bias).reshape(-1),
            array_of(self.item_bias).reshape(-1),
            float(self.global_mean),
        )


class SVDPP(BiasedMF):
    """SVD++ (Koren 2008): mean + b_u + b_i + ⟨u + h_u, v⟩, h_u = |N(u)|^-½ Σ y_j over N(u).

    N(u) are the items that the user has rated in train; what training leaves is h_u beside y.
    """

    user_tables = (*BiasedMF.user_tables, "user_implicit")
    item_tables = (*BiasedMF.item_tables, "item_implicit")
    user_implicit: Tensor  # (U, F), h
    item_implicit: nn.Parameter  # (I, F), y

    def __init__(self, args: ModelArgs) -> None:
        """Allocate the tables; y and h start from zero."""
        super().__init__(args)
        self.item_implicit = nn.Parameter(torch.zeros(args.n_items, args.factors))
        self.register_buffer("user_implicit", torch.zeros(args.n_users, args.factors))

    def user_terms(self, users: Tensor) -> Terms:
        """Look up users (…) → vectors u + h_u (…, F), biases (…)."""
        terms = super().user_terms(users)
        return terms._replace(vectors=terms.vectors + F.embedding(users, self.user_implicit))

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place."""
        super().rescale(by)
        with torch.no_grad():
            for table in (self.user_implicit, self.item_implicit):
                table.mul_(by)

    def vectors(self) -> Vectors:
        """Return u + h_u as the users' factors."""
        plain = super().vectors()
        return plain._replace(users=plain.users + array_of(self.user_implicit))
