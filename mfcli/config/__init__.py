"""The configuration of every stage. Standard library only."""

from mfcli.config.choices import (
    Confidence,
    Device,
    Engine,
    Mode,
    ModelKind,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    Reduction,
    Schedule,
    Setting,
)
from mfcli.config.combinations import (
    combinations,
)
from mfcli.config.evaluate import (
    Baseline,
    EvaluateConfig,
)
from mfcli.config.fetch import (
    Duplicates,
    FetchConfig,
)
from mfcli.config.filters import (
    FilterConfig,
)
from mfcli.config.model_args import ModelArgs
from mfcli.config.options import Config
from mfcli.config.output import (
    OutputConfig,
    TableFormat,
    format_of,
)
from mfcli.config.recipe import FULL, Init, Recipe, parse_init
from mfcli.config.recommend import (
    RecommendConfig,
    UnknownUsers,
)
from mfcli.config.roles import Role
from mfcli.config.similar import (
    SimilarConfig,
    Similarity,
)
from mfcli.config.split import (
    SplitConfig,
    Strategy,
)
from mfcli.config.train import TrainConfig
from mfcli.config.tune import TuneConfig

__all__ = [
    "FULL",
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
    "ModelArgs",
    "ModelKind",
    "Objective",
    "Optimizer",
    "Order",
    "OutputConfig",
    "PositiveWeight",
    "Recipe",
    "RecommendConfig",
    "Reduction",
    "Role",
    "Schedule",
    "Setting",
    "SimilarConfig",
    "Similarity",
    "SplitConfig",
    "Strategy",
    "TableFormat",
    "TrainConfig",
    "TuneConfig",
    "UnknownUsers",
    "combinations",
    "format_of",
    "parse_init",
]
