"""Which model, objective and engine go together, and the defaults that each way brings.

A new objective of an engine is one entry of ``WAYS``, beside its name in ``choices.Objective`` and
its loss (``models.objectives`` for minibatch, ``training.engines.passes`` for hogwild).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mfcli.config.applies import inapplicable
from mfcli.config.choices import (
    Confidence,
    Engine,
    ModelKind,
    Objective,
    PositiveWeight,
    Reduction,
    Schedule,
    Setting,
)
from mfcli.config.spaces import Choice, Log, Space, Uniform
from mfcli.config.ways_in_common import (
    HARDEST_OF,
    HOGWILD,
    HOGWILD_SAMPLED_SPACE,
    TORCH,
    TORCH_SAMPLED,
    TORCH_SAMPLED_SPACE,
)
from mfcli.config.ways_of_cosines import COSINE_DEFAULTS, COSINE_SPACES


@dataclass(frozen=True, kw_only=True)
class ModelWay:
    """What fills options that are not given, and where tune draws them from."""

    defaults: dict[str, Any] = field(default_factory=dict)
    space: Space = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Way(ModelWay):
    """An engine that minimises an objective: for which models, and with which defaults."""

    models: frozenset[ModelKind]


_FACTOR_MODELS = frozenset({ModelKind.mf, ModelKind.biased_mf})
_TORCH_MODELS = _FACTOR_MODELS | {ModelKind.neural}
_COSINE_MODELS = frozenset({ModelKind.mf})

# The defaults were chosen on validation rows taken out of the train part of several data sets,
# never on test rows; the page on quality says which. The spaces' rates and regularisations span
# about a factor of ten to either side of the defaults: enough for data of another size and density,
# and little of it is hopeless. Popularity counts, so it has no objective; nor is there a choice of
# what ease minimises.
WAYS: dict[tuple[Engine, Objective | None], Way] = {
    (Engine.minibatch, Objective.mse): Way(
        models=_TORCH_MODELS,
        defaults=TORCH
        | {
            "epochs": 20,
            "factors": 64,
            "learning_rate": 0.01,
            "regularization": 0.12,
            "bias_regularization": 0.02,
        },
        space={
            "factors": Choice((16, 32, 64, 128)),
            "epochs": Choice((10, 20, 40)),
            "learning_rate": Log(0.002, 0.05),
            "regularization": Log(0.02, 0.5),
            "bias_regularization": Log(0.002, 0.2),
        },
    ),
    (Engine.minibatch, Objective.bpr): Way(
        models=_TORCH_MODELS,
        defaults=TORCH_SAMPLED | {"hardest_of": 4},
        space=TORCH_SAMPLED_SPACE | HARDEST_OF,
    ),
    (Engine.minibatch, Objective.bpr_squared): Way(
        models=_TORCH_MODELS,
        defaults=TORCH_SAMPLED | {"hardest_of": 4},
        space=TORCH_SAMPLED_SPACE | HARDEST_OF,
    ),
    (Engine.minibatch, Objective.logistic): Way(
        models=_TORCH_MODELS,
        defaults=TORCH_SAMPLED,
        space=TORCH_SAMPLED_SPACE,
    ),
    (Engine.hogwild, Objective.mse): Way(
        models=_FACTOR_MODELS | {ModelKind.svdpp},
        defaults=HOGWILD
        | {
            "factors": 100,
            "learning_rate": 0.015,
            "regularization": 0.1,
            "bias_regularization": 0.05,
        },
        space={
            "factors": Choice((32, 64, 100, 200)),
            "epochs": Choice((20, 40, 80)),
            "learning_rate": Log(0.003, 0.05),
            "regularization": Log(0.02, 0.5),
            "bias_regularization": Log(0.005, 0.5),
        },
    ),
    (Engine.hogwild, Objective.bpr): Way(
        models=_FACTOR_MODELS,
        defaults=HOGWILD
        | {
            "learning_rate": 0.1,
            "regularization": 0.01,
            "bias_regularization": 0.025,
            "negatives": 5,
            "hardest_of": 4,
        },
        space=HOGWILD_SAMPLED_SPACE
        | HARDEST_OF
        | {
            "learning_rate": Log(0.02, 0.4),
            "regularization": Log(0.001, 0.1),
            "bias_regularization": Log(0.002, 0.2),
        },
    ),
    (Engine.hogwild, Objective.bpr_squared): Way(
        models=_FACTOR_MODELS,
        defaults=HOGWILD
        | {
            "learning_rate": 0.2,
            "regularization": 0.005,
            "bias_regularization": 0.01,
            "negatives": 5,
            "hardest_of": 4,
        },
        space=HOGWILD_SAMPLED_SPACE
        | HARDEST_OF
        | {
            "learning_rate": Log(0.04, 0.8),
            "regularization": Log(0.0005, 0.05),
            "bias_regularization": Log(0.001, 0.1),
        },
    ),
    (Engine.hogwild, Objective.logistic): Way(
        models=_FACTOR_MODELS,
        defaults=HOGWILD
        | {
            "learning_rate": 0.1,
            "regularization": 0.015,
            "bias_regularization": 0.015,
            "negatives": 3,
        },
        space=HOGWILD_SAMPLED_SPACE
        | {
            "learning_rate": Log(0.02, 0.4),
            "regularization": Log(0.001, 0.1),
            "bias_regularization": Log(0.001, 0.1),
            "negatives": Choice((1, 3, 6, 12)),
        },
    ),
    (Engine.hogwild, Objective.warp): Way(
        models=_FACTOR_MODELS,
        defaults=HOGWILD
        | {
            "learning_rate": 0.006,
            "regularization": 0.5,
            "bias_regularization": 0.05,
            "epochs": 60,
            "negatives": 10,
            "hardest_of": 4,
        },
        space=HOGWILD_SAMPLED_SPACE
        | HARDEST_OF
        | {
            "learning_rate": Log(0.001, 0.03),
            "regularization": Log(0.03, 3.0),
            "bias_regularization": Log(0.02, 20.0),
            "negatives": Choice((5, 10, 20, 50)),
            "epochs": Choice((30, 60, 120)),
        },
    ),
    (Engine.als, Objective.mse): Way(
        models=_FACTOR_MODELS,
        defaults={
            "init": "scaled:0.1",
            "epochs": 15,
            "factors": 64,
            "regularization": 0.1,
            "bias_regularization": 0.1,
        },
        space={
            "factors": Choice((16, 32, 64, 100)),
            "epochs": Choice((8, 15, 30)),
            "regularization_exponent": Choice((0.5, 1.0)),
            "regularization": Log(0.05, 5.0),
            "bias_regularization": Log(0.05, 5.0),
        },
    ),
    (Engine.als, Objective.ials): Way(
        models=frozenset({ModelKind.mf}),
        defaults={
            "init": "scaled:0.1",
            "epochs": 12,
            "factors": 128,
            "regularization": 0.02,
        },
        space={
            "factors": Choice((64, 128, 256)),
            "epochs": Choice((8, 12, 20)),
            "regularization": Log(0.002, 0.1),
            "unobserved_weight": Log(0.01, 1.0),  # tune puts the data's own in its place
            "confidence": Choice((Confidence.none, Confidence.log)),
            "alpha": Log(0.01, 3.0),
        },
    ),
    (Engine.closed_form, Objective.mse): Way(
        models=frozenset({ModelKind.bias}),
        defaults={"damping": 5.0},
        space={"damping": Log(0.5, 100.0)},
    ),
    (Engine.closed_form, None): Way(
        models=frozenset({ModelKind.popularity, ModelKind.ease}),
        defaults={},
        space={},
    ),
}

WAYS |= {
    way: Way(
        models=_COSINE_MODELS,
        defaults=(TORCH if way[0] is Engine.minibatch else HOGWILD) | defaults,
        space=COSINE_SPACES[way],
    )
    for way, defaults in COSINE_DEFAULTS.items()
}

# Where a model wants something else than its objective and engine do.
MODEL_WAYS: dict[tuple[Engine, ModelKind], ModelWay] = {
    (Engine.minibatch, ModelKind.neural): ModelWay(
        defaults={
            "hidden": [10],
            "learning_rate": 0.002,
            "regularization": 0.0,
            "weight_decay": 1e-5,
            "dropout": 0.1,
            "init": "uniform:0:0.05",
        },
        space={
            "learning_rate": Log(0.0005, 0.01),
            "regularization": Choice((0.0,)),
            "weight_decay": Log(1e-6, 1e-3),
            "dropout": Uniform(0.0, 0.5),
        },
    ),
    (Engine.hogwild, ModelKind.svdpp): ModelWay(
        defaults={
            "epochs": 60,
            "learning_rate": 0.003,
            "regularization": 0.06,
        },
        space={
            "epochs": Choice((40, 60, 100)),
            "learning_rate": Log(0.0008, 0.01),
            "regularization": Log(0.015, 0.3),
        },
    ),
    (Engine.closed_form, ModelKind.ease): ModelWay(
        defaults={"regularization": 200.0},
        space={"regularization": Log(10.0, 5000.0)},
    ),
}

# κ of ``ranking.shrinkage``, for all sets and models alike. Chosen on validation rows inside train
# among 0, 2, 5, 10, 20, 30, 50, 100, ∞: of ml-100k and ml-latest-small with explicit, hogwild mse,
# als mse and svdpp, of epinions with hogwild mse and als mse alone; never on samples of fewer users
# or items, nor on other sets, where another κ may do better. From 5 on no list holds an item of at
# most five ratings. ndcg@10 (of rows ≥ 4) grows with κ all the way to a popular list. But how far
# held-out rows in the lists lie above their users' mean, in stars, stays about what it is up to 20
# and falls from there: with hogwild from 0.74 to 0.69 and 0.61 (κ of 2, 20, ∞) on ml-100k, with als
# from 0.59 to 0.59 and 0.52 on ml-latest-small, with hogwild from 0.56 to 0.70 and 0.39 on
# epinions. So 20 takes what can be had without giving up liked items for known ones.
RANK_SHRINKAGE = 20.0

# What fills the rest, where it means something.
ALWAYS: dict[str, Any] = {
    "global_mean": True,
    "dropout": 0.0,
    "rank_shrinkage": RANK_SHRINKAGE,
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
}


def defaults_for(setting: Setting) -> dict[str, Any]:
    """Return the defaults of every option that means something in a setting."""
    filled = ALWAYS | WAYS[setting.engine, setting.objective].defaults
    apart = MODEL_WAYS.get((setting.engine, setting.model))
    if apart is not None:
        filled |= apart.defaults
    without = inapplicable(setting)
    return {name: value for name, value in filled.items() if name not in without}


def space_for(setting: Setting) -> Space:
    """Return where tune draws the options of a setting from, those that mean something in it."""
    space = WAYS[setting.engine, setting.objective].space
    apart = MODEL_WAYS.get((setting.engine, setting.model))
    if apart is not None:
        space = space | apart.space
    without = inapplicable(setting)
    return {name: drawn_from for name, drawn_from in space.items() if name not in without}
