"""Interactions → a trained model, in memory."""

from __future__ import annotations

import numpy as np
import torch

from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models.modules import BiasedMF, FactorModel, build


def fresh_model(config: TrainConfig, matrix: Interactions) -> FactorModel:
    """Return the model of a resolved configuration before its first epoch on a matrix."""
    model = build(config, matrix.n_users, matrix.n_items)
    if isinstance(model, BiasedMF) and config.global_mean:
        model.global_mean.fill_(float(matrix.data.mean(dtype=np.float64)))
    return model


def settle(model: FactorModel, config: TrainConfig, matrix: Interactions) -> None:
    """Make rows without a rating neutral; items drawn as negatives keep what they learnt."""
    items = torch.from_numpy(matrix.item_counts > 0)
    if config.sampled or config.objective is None:
        items = torch.ones_like(items)
    device = model.user_factors.device
    users = torch.from_numpy(matrix.user_counts > 0)
    model.settle_unknown(users.to(device), items.to(device))
