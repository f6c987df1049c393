"""What every torch model over users and items is: terms looked up in tables, and a score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.models.tables import Tables

SMALL_LOOKUP = 1 << 14  # rows


class Terms(NamedTuple):
    """What a model looks up for users or for items: vectors (…, F) and biases (…) or None."""

    vectors: Tensor
    biases: Tensor | None


class FactorModel(nn.Module):
    """Base of the torch models over one vector a user and one an item, on the memory of tables.

    ``score(user_terms(u), item_terms(i))`` broadcasts: terms of (B, 1) users against (B, N) items
    give (B, N) scores. Regularisation needs the terms, so looking up and scoring are apart.

    ``dropout`` is the probability that a factor is dropped in training; ``sparse`` asks for
    gradients of the rows in the batch only.
    """

    user_factors: nn.Parameter  # (U, F)
    item_factors: nn.Parameter  # (I, F)

    def __init__(self, tables: Tables) -> None:
        """Take the weights as parameters: what torch changes of them is changed in ``tables``."""
        super().__init__()
        self.user_factors = parameter_of(tables.user_factors)
        self.item_factors = parameter_of(tables.item_factors)
        self.dropout = 0.0
        self.sparse = False

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


def parameter_of(table: NDArray[np.float32]) -> nn.Parameter:
    """Return an array as a parameter, on the same memory."""
    return nn.Parameter(torch.from_numpy(table))


def lookup(table: Tensor, rows: Tensor, sparse: bool) -> Tensor:
    """Return rows (…) of a table (R, F) as (…, F).

    On the CPU, a small dense look-up costs less, forwards and backwards, as a plain selection.
    """
    if sparse or table.is_cuda or rows.numel() > SMALL_LOOKUP:
        return F.embedding(rows, table, sparse=sparse)
    return table.index_select(0, rows.reshape(-1)).reshape(*rows.shape, table.shape[1])
