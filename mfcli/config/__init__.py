"""The configuration of every stage. Standard library only."""

from mfcli.config.choices import (
    Confidence,
    Device,
    Engine,
    Mode,
    Model,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    Reduction,
    Schedule,
    Setting,
    combinations,
)
from mfcli.config.options import Config
from mfcli.config.stages import (
    Baseline,
    Duplicates,
    EvaluateConfig,
    FetchConfig,
    FilterConfig,
    RecommendConfig,
    SplitConfig,
    Strategy,
    UnknownUsers,
)
from mfcli.config.train import Init, TrainConfig, parse_init

__all__ = [
    "Baseline",
    "Confidence",
    "Config",
    "Device",
    "Duplicates",
    "Engine",
    "EvaluateConfig",
    "FetchConfig",
    "FilterConfig",
    "Init",
    "Mode",
    "Model",
    "Objective",
    "Optimizer",
    "Order",
    "PositiveWeight",
    "RecommendConfig",
    "Reduction",
    "Schedule",
    "Setting",
    "SplitConfig",
    "Strategy",
    "TrainConfig",
    "UnknownUsers",
    "combinations",
    "parse_init",
]
