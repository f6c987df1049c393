"""A model whose score passes both vectors through layers."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mfcli.config import Init, ModelArgs
from mfcli.models.arrays import Layers
from mfcli.models.base import FactorModel, Terms, array_of, fill


class NeuralMF(FactorModel):
    """concat(u, v) → ReLU → dropout → [linear → ReLU] for each hidden width → linear to 1.

    The notebook's CollabFNet; He et al. 2017 call such a thing neural collaborative filtering.
    The sizes of u and v may differ.
    """

    def __init__(self, args: ModelArgs) -> None:
        """Allocate tables and layers."""
        super().__init__(args)
        widths = [args.factors + args.item_factors, *args.hidden, 1]
        self.linear = [nn.Linear(*sizes) for sizes in itertools.pairwise(widths)]
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
            for weight in self.linear[-1].parameters():
                weight.mul_(by)

    def scoring(self) -> Layers:
        """Return the weights as arrays."""
        layers = [(array_of(layer.weight), array_of(layer.bias)) for layer in self.linear]
        return Layers(array_of(self.user_factors), array_of(self.item_factors), layers)
