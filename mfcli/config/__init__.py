"""The configuration of every stage. Standard library only: help imports this room.

options         how a class declares its options, checks them and merges their layers
roles           what an option is about; what artifacts store follows from it
describing      what help and the reference page say of an option
layers, files   defaults, preset, file, command line; TOML files and presets
filters, output options that several commands share
fetch, split, evaluate, recommend, similar, run: the options of these commands
gates           the gates of a night: what each bounds; limits: how [nightly.gates] is read
watching        how a log file is written
time_formats    how times are written: --time-format
model_options, learning_options, train_options: those of train, each class with those before it:
                what is trained, how it learns, how the training runs
budget_options  those of them that let a search choose the others, in a given time
budget          how that time is written, and what it cannot be combined with
train, recipe   how they become a recipe, in which every choice is made
model_args      what rebuilds a model: its kind and its sizes
choices         the enums: models, objectives, engines, schedules, …
ways            the table of engines and objectives: for which models, with which defaults;
                ways_in_common: what those of an engine share; ways_of_cosines: softmax and ccl
combinations    which combinations work, and why another one does not
applies         which options mean something in which setting
tune, ranges, spaces: the options of tune, and where values may be drawn from
metrics         the table of metrics: label, formula, direction and kind of each
"""

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
    UnknownUsers,
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
