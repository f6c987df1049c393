"""What the ways of an engine have in common: defaults, and where tune draws from."""

from __future__ import annotations

from typing import Any

from mfcli.config.choices import Optimizer, Order, PositiveWeight, Schedule
from mfcli.config.spaces import Choice, Log, Space

TORCH: dict[str, Any] = {
    "schedule": Schedule.cosine,
    "batch_size": "1024",
    "optimizer": Optimizer.adam,
    "init": "normal:0.01",
}
TORCH_SAMPLED = TORCH | {
    "epochs": 30,
    "factors": 64,
    "learning_rate": 0.02,
    "regularization": 0.04,
    "bias_regularization": 0.005,
    "batch_size": "2048",
    "negatives": 4,
}
HOGWILD: dict[str, Any] = {
    "schedule": Schedule.linear,
    "init": "normal:0.03",
    "epochs": 40,
    "factors": 64,
    "order": Order.grid,
}
TORCH_SAMPLED_SPACE: Space = {
    "factors": Choice((32, 64, 128)),
    "epochs": Choice((20, 30, 60)),
    "learning_rate": Log(0.004, 0.06),
    "regularization": Log(0.004, 0.3),
    "bias_regularization": Log(0.0005, 0.05),
    "negatives": Choice((1, 2, 4, 8)),
    "negative_power": Choice((0.0, 0.25, 0.5)),
    "positive_weight": Choice((PositiveWeight.none, PositiveWeight.log)),
}
HOGWILD_SAMPLED_SPACE: Space = {
    "factors": Choice((32, 64, 128, 256)),
    "epochs": Choice((20, 40, 80)),
    "negatives": Choice((1, 2, 5, 10)),
    "negative_power": Choice((0.0, 0.25, 0.5)),
    "init": Choice(("normal:0.01", "normal:0.03", "normal:0.1")),
    "positive_weight": Choice((PositiveWeight.none, PositiveWeight.log)),
}
HARDEST_OF: Space = {"hardest_of": Choice((1, 2, 4, 8, 16))}
