"""The configuration of every stage. Standard library only."""

from mfcli.config.options import Config
from mfcli.config.stages import (
    Duplicates,
    EvaluateConfig,
    FetchConfig,
    FilterConfig,
    RecommendConfig,
    SplitConfig,
    Strategy,
    UnknownUsers,
)
from mfcli.config.train import (
    Device,
    Engine,
    Init,
    Mode,
    Model,
    Objective,
    Optimizer,
    Reduction,
    Schedule,
    TrainConfig,
    parse_init,
)

__all__ = [
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
    "RecommendConfig",
    "Reduction",
    "Schedule",
    "SplitConfig",
    "Strategy",
    "TrainConfig",
    "UnknownUsers",
    "parse_init",
]
