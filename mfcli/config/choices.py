"""The three choices behind a training run, what goes together, and the defaults each brings.

A new model, objective or engine is one entry of an enum, one of ``COMBINATIONS`` and one of
``DEFAULTS`` here, beside its class in models.py, objectives.py or engines/.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple


class Mode(StrEnum):
    """A named default of model, objective and engine; nothing more."""

    explicit = "explicit"
    implicit = "implicit"
    hogwild = "hogwild"


class ModelKind(StrEnum):
    """What is scored."""

    mf = "mf"
    biased_mf = "biased-mf"
    svdpp = "svdpp"
    neural = "neural"
    popularity = "popularity"
    bias = "bias"


class Objective(StrEnum):
    """What is minimised."""

    mse = "mse"
    bpr = "bpr"
    bpr_squared = "bpr-squared"
    logistic = "logistic"
    warp = "warp"
    ials = "ials"


class Engine(StrEnum):
    """How it is minimised."""

    minibatch = "minibatch"
    hogwild = "hogwild"
    als = "als"
    closed_form = "closed-form"


class Optimizer(StrEnum):
    """The torch optimizers of the minibatch engine."""

    sgd = "sgd"
    adam = "adam"
    adagrad = "adagrad"
    sparse_adam = "sparse-adam"


class Schedule(StrEnum):
    """How the learning rate changes from epoch to epoch."""

    constant = "constant"
    exponential = "exponential"
    inverse = "inverse"
    linear = "linear"
    cosine = "cosine"


class Reduction(StrEnum):
    """Whether a batch's loss is the sum or the mean over its samples."""

    mean = "mean"
    sum = "sum"


class Device(StrEnum):
    """Where the engines of torch compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


ON_DEVICES = frozenset({Engine.minibatch, Engine.als})  # the others compute on the CPU


class Order(StrEnum):
    """In which order the hogwild engine visits ratings for a pointwise objective."""

    grid = "grid"
    free = "free"


class PositiveWeight(StrEnum):
    """What the value of an interaction weighs in the loss of a sampled objective."""

    none = "none"
    linear = "linear"
    log = "log"


class Confidence(StrEnum):
    """What the value of an interaction weighs in ials."""

    none = "none"
    linear = "linear"
    log = "log"


MODES: dict[Mode, tuple[ModelKind, Objective, Engine]] = {
    Mode.explicit: (ModelKind.biased_mf, Objective.mse, Engine.minibatch),
    Mode.implicit: (ModelKind.biased_mf, Objective.bpr, Engine.minibatch),
    Mode.hogwild: (ModelKind.biased_mf, Objective.bpr, Engine.hogwild),
}

BIASED = frozenset({ModelKind.biased_mf, ModelKind.svdpp})
BASELINES = frozenset({ModelKind.popularity, ModelKind.bias})

_FACTOR_MODELS = frozenset({ModelKind.mf, ModelKind.biased_mf})
_TORCH_MODELS = _FACTOR_MODELS | {ModelKind.neural}
_HOGWILD_RATING_MODELS = _FACTOR_MODELS | {ModelKind.svdpp}
_TORCH_OBJECTIVES = (Objective.mse, Objective.bpr, Objective.bpr_squared, Objective.logistic)

# engine → objective → the models that work. Popularity counts, so it has no objective.
COMBINATIONS: dict[Engine, dict[Objective | None, frozenset[ModelKind]]] = {
    Engine.minibatch: dict.fromkeys(_TORCH_OBJECTIVES, _TORCH_MODELS),
    Engine.hogwild: {
        **dict.fromkeys((*_TORCH_OBJECTIVES, Objective.warp), _FACTOR_MODELS),
        Objective.mse: _HOGWILD_RATING_MODELS,
    },
    Engine.als: {Objective.mse: _FACTOR_MODELS, Objective.ials: frozenset({ModelKind.mf})},
    Engine.closed_form: {
        Objective.mse: frozenset({ModelKind.bias}),
        None: frozenset({ModelKind.popularity}),
    },
}


def combinations() -> list[tuple[ModelKind, Objective | None, Engine]]:
    """Return all combinations that work."""
    return [
        (model, objective, engine)
        for engine, objectives in COMBINATIONS.items()
        for objective, models in objectives.items()
        for model in sorted(models)
    ]


def refusal(model: ModelKind, objective: Objective | None, engine: Engine) -> str | None:
    """Return why a combination cannot work, or None if it can."""
    if (model in BASELINES) != (engine is Engine.closed_form):
        if model in BASELINES:
            return f"--model {model} is computed in closed form, not by --engine {engine}"
        return f"--engine closed-form computes popularity and bias, not --model {model}"
    if objective not in COMBINATIONS[engine]:
        if objective is Objective.ials:
            return "--objective ials weighs all pairs of users and items: it needs --engine als"
        if engine is Engine.als:
            return f"--engine als solves squares, mse and ials: it does not minimise {objective}"
        if objective is Objective.warp and engine is not Engine.closed_form:
            return "--objective warp draws until it finds a violation: it needs --engine hogwild"
        return f"--engine {engine} does not minimise --objective {objective}"
    if model not in COMBINATIONS[engine][objective]:
        return _model_refusal(model, objective, engine)
    return None


def _model_refusal(model: ModelKind, objective: Objective | None, engine: Engine) -> str:
    if model is ModelKind.svdpp:
        return "--model svdpp learns ratings: it needs --objective mse and --engine hogwild"
    if model is ModelKind.neural:
        return f"--engine {engine} is for dot products: --model neural needs minibatch"
    if objective is Objective.ials:
        return "--objective ials has no biases: it needs --model mf"
    return f"--model {model} does not minimise --objective {objective}"


class Setting(NamedTuple):
    """What decides whether an option means something."""

    model: ModelKind
    objective: Objective | None
    engine: Engine

    @property
    def sampled(self) -> bool:
        """Whether the objective draws negatives."""
        return self.objective not in (None, Objective.mse, Objective.ials)

    @property
    def biased(self) -> bool:
        """Whether the model learns biases."""
        return self.model in BIASED


# Options that do not mean something everywhere: when they do, and how the reason begins.
APPLIES: dict[tuple[str, ...], tuple[Callable[[Setting], bool], str]] = {
    ("optimizer", "sparse", "batch_size", "reduction", "clip_norm", "dropout", "weight_decay"): (
        lambda s: s.engine is Engine.minibatch,
        "it belongs to --engine minibatch",
    ),
    ("bias_weight_decay",): (
        lambda s: s.engine is Engine.minibatch and s.biased,
        "it belongs to --engine minibatch and a model with biases",
    ),
    ("bias_regularization", "bias_init"): (
        lambda s: s.biased,
        "only biased-mf and svdpp learn biases",
    ),
    ("global_mean",): (
        lambda s: s.biased and s.objective is Objective.mse,
        "only mse on models with biases starts from a mean rating",
    ),
    ("negatives", "negative_power", "positive_weight"): (
        lambda s: s.sampled,
        "only objectives that sample negatives have it",
    ),
    ("rating_unit",): (
        lambda s: s.objective is Objective.mse and s.engine is not Engine.closed_form,
        "only --objective mse learns ratings, step by step",
    ),
    ("order",): (
        lambda s: (
            s.engine is Engine.hogwild
            and s.objective is Objective.mse
            and s.model is not ModelKind.svdpp
        ),
        "only --engine hogwild with --objective mse on mf and biased-mf has orders",
    ),
    ("hidden", "item_factors"): (
        lambda s: s.model is ModelKind.neural,
        "only --model neural has it",
    ),
    ("damping",): (lambda s: s.model is ModelKind.bias, "only --model bias has it"),
    ("learning_rate", "schedule", "decay"): (
        lambda s: s.engine in (Engine.minibatch, Engine.hogwild),
        "nothing is learnt in steps",
    ),
    ("regularization", "init", "epochs", "factors", "init_from", "patience"): (
        lambda s: s.engine is not Engine.closed_form,
        "--engine closed-form takes no steps",
    ),
    ("unobserved_weight", "regularization_exponent", "confidence", "alpha"): (
        lambda s: s.objective is Objective.ials,
        "only --objective ials has it",
    ),
    ("block_size",): (lambda s: s.engine is Engine.als, "it belongs to --engine als"),
}


def inapplicable(setting: Setting) -> dict[str, str]:
    """Map each option that means nothing in a setting to the reason."""
    return {
        name: reason
        for names, (applies, reason) in APPLIES.items()
        for name in names
        if not applies(setting)
    }


_TORCH: dict[str, Any] = {
    "schedule": Schedule.cosine,
    "batch_size": "1024",
    "optimizer": Optimizer.adam,
    "init": "normal:0.01",
}
_TORCH_SAMPLED = _TORCH | {
    "epochs": 30,
    "factors": 64,
    "learning_rate": 0.02,
    "regularization": 0.04,
    "bias_regularization": 0.005,
    "batch_size": "2048",
    "negatives": 4,
}
_HOGWILD: dict[str, Any] = {
    "schedule": Schedule.linear,
    "init": "normal:0.03",
    "epochs": 40,
    "factors": 64,
}

# What fills an option that is not given. Chosen on validation rows taken out of the train part of
# several data sets, never on test rows; the README says which.
DEFAULTS: dict[tuple[Engine, Objective | None], dict[str, Any]] = {
    (Engine.minibatch, Objective.mse): _TORCH
    | {
        "epochs": 20,
        "factors": 64,
        "learning_rate": 0.01,
        "regularization": 0.12,
        "bias_regularization": 0.02,
    },
    (Engine.minibatch, Objective.bpr): _TORCH_SAMPLED,
    (Engine.minibatch, Objective.bpr_squared): _TORCH_SAMPLED,
    (Engine.minibatch, Objective.logistic): _TORCH_SAMPLED,
    (Engine.hogwild, Objective.mse): _HOGWILD
    | {
        "factors": 100,
        "learning_rate": 0.015,
        "regularization": 0.1,
        "bias_regularization": 0.05,
        "order": Order.grid,
    },
    (Engine.hogwild, Objective.bpr): _HOGWILD
    | {"learning_rate": 0.1, "regularization": 0.01, "bias_regularization": 0.025, "negatives": 5},
    (Engine.hogwild, Objective.bpr_squared): _HOGWILD
    | {"learning_rate": 0.2, "regularization": 0.005, "bias_regularization": 0.01, "negatives": 5},
    (Engine.hogwild, Objective.logistic): _HOGWILD
    | {"learning_rate": 0.1, "regularization": 0.015, "bias_regularization": 0.015, "negatives": 3},
    (Engine.hogwild, Objective.warp): _HOGWILD
    | {
        "learning_rate": 0.006,
        "regularization": 0.5,
        "bias_regularization": 0.05,
        "epochs": 60,
        "negatives": 10,
    },
    (Engine.als, Objective.mse): {
        "init": "scaled:0.1",
        "epochs": 15,
        "factors": 64,
        "regularization": 0.1,
        "bias_regularization": 0.1,
    },
    (Engine.als, Objective.ials): {
        "init": "scaled:0.1",
        "epochs": 12,
        "factors": 128,
        "regularization": 0.02,
    },
    (Engine.closed_form, Objective.mse): {"damping": 5.0},
    (Engine.closed_form, None): {},
}

# Where a model wants something else than its objective and engine do.
MODEL_DEFAULTS: dict[tuple[Engine, ModelKind], dict[str, Any]] = {
    (Engine.minibatch, ModelKind.neural): {
        "hidden": [10],
        "learning_rate": 0.002,
        "regularization": 0.0,
        "weight_decay": 1e-5,
        "dropout": 0.1,
        "init": "uniform:0:0.05",
    },
    (Engine.hogwild, ModelKind.svdpp): {
        "epochs": 60,
        "learning_rate": 0.003,
        "regularization": 0.06,
    },
}

# What fills the rest, where it means something.
ALWAYS: dict[str, Any] = {
    "global_mean": True,
    "dropout": 0.0,
    "schedule": Schedule.constant,
    "decay": 0.95,
    "weight_decay": 0.0,
    "sparse": False,
    "reduction": Reduction.mean,
    "bias_init": "normal:0",
    "negative_power": 0.0,
    "positive_weight": PositiveWeight.none,
    "regularization_exponent": 1.0,
    "confidence": Confidence.none,
    "block_size": 128,
}


def defaults_for(setting: Setting) -> dict[str, Any]:
    """Return the defaults of every option that means something in a setting."""
    filled = ALWAYS | DEFAULTS[setting.engine, setting.objective]
    filled |= MODEL_DEFAULTS.get((setting.engine, setting.model), {})
    without = inapplicable(setting)
    return {name: value for name, value in filled.items() if name not in without}
