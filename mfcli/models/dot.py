"""Torch models whose score is a dot product of two vectors: mf and biased-mf."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.models.base import FactorModel, Terms, lookup, parameter_of
from mfcli.models.tables import Tables


class MF(FactorModel):
    """Matrix factorization: ⟨u, v⟩, with dropout on both vectors in training."""

    def score(self, user: Terms, item: Terms) -> Tensor:
        """Return ⟨dropout(u), dropout(v)⟩."""
        u, v = user.vectors, item.vectors
        if self.dropout and self.training:
            u, v = F.dropout(u, self.dropout), F.dropout(v, self.dropout)
        return (u * v).sum(-1)


class BiasedMF(MF):
    """Biased matrix factorization: mean + b_u + b_i + ⟨u, v⟩ (Koren, Bell & Volinsky 2009)."""

    user_bias: nn.Parameter  # (U, 1)
    item_bias: nn.Parameter  # (I, 1)
    global_mean: Tensor  # ()

    def __init__(self, tables: Tables) -> None:
        """Take the weights as parameters, on the same memory; the mean is none."""
        super().__init__(tables)
        self.user_bias = parameter_of(tables.weights["user_bias"])
        self.item_bias = parameter_of(tables.weights["item_bias"])
        self.register_buffer("global_mean", torch.from_numpy(tables.weights["global_mean"]))

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
