"""A torch model whose score passes both vectors through layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.models.base import FactorModel, Terms, parameter_of
from mfcli.models.tables import Tables


class NeuralMF(FactorModel):
    """concat(u, v) → ReLU → dropout → [linear → ReLU] for each hidden width → linear to 1.

    The notebook's CollabFNet; He et al. 2017 call such a thing neural collaborative filtering.
    The sizes of u and v may differ.
    """

    def __init__(self, tables: Tables) -> None:
        """Take the weights of tables and layers as parameters, on the same memory."""
        super().__init__(tables)
        self.linear = []
        for weight, bias in tables.layers:
            layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
            layer.weight, layer.bias = parameter_of(weight), parameter_of(bias)
            self.linear.append(layer)
        self.layers = nn.ModuleList(self.linear)

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
