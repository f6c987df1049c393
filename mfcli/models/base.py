"""What every model over users and items is: tables of weights, terms looked up, a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.config import Init, ModelArgs
from mfcli.models.arrays import ScoreArrays

SMALL_LOOKUP = 1 << 14  # rows


class Terms(NamedTuple):
    """What a model looks up for users or for items: vectors (…, F) and biases (…) or None."""

    vectors: Tensor
    biases: Tensor | None


class FactorModel(nn.Module):
    """Base of the models over one vector a user and one an item.

    ``score(user_terms(u), item_terms(i))`` broadcasts: terms of (B, 1) users against (B, N) items
    give (B, N) scores. Regularisation needs the terms, so looking up and scoring are apart.

    ``user_tables`` and ``item_tables`` name the weights that have one row a user, or an item; all
    others belong to neither. ``dropout`` is the probability that a factor is dropped in training;
    ``sparse`` asks for gradients of the rows in the batch only.
    """

    user_tables: ClassVar[tuple[str, ...]] = ("user_factors",)
    item_tables: ClassVar[tuple[str, ...]] = ("item_factors",)
    user_factors: nn.Parameter  # (U, F)
    item_factors: nn.Parameter  # (I, F)

    def __init__(self, args: ModelArgs) -> None:
        """Allocate the tables; ``reset`` fills them."""
        super().__init__()
        self.user_factors = nn.Parameter(torch.zeros(args.n_users, args.factors))
        self.item_factors = nn.Parameter(torch.zeros(args.n_items, args.item_factors))
        self.dropout = 0.0
        self.sparse = False

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


def arrays_of(model: FactorModel) -> dict[str, NDArray[np.float32]]:
    """Return a model's weights by name, on the same memory where they are on the CPU."""
    return {name: array_of(weight) for name, weight in model.state_dict().items()}


def load_arrays(model: FactorModel, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Copy weights into a model; raises RuntimeError or TypeError where they do not fit."""
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})


def array_of(parameter: Tensor) -> NDArray[np.float32]:
    """Return a weight as a NumPy array, on the same memory where it is on the CPU."""
    array: NDArray[np.float32] = parameter.detach().cpu().numpy()
    return array
