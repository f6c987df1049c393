"""What tune draws: for each engine and objective, the range of every option worth searching.

A new objective or engine is one entry of ``RANGES`` (beside its entry of choices.DEFAULTS).
"""

from __future__ import annotations

import typing
from enum import StrEnum
from typing import Any, NamedTuple

from mfcli.config.choices import (
    Confidence,
    Engine,
    ModelKind,
    Objective,
    PositiveWeight,
    Setting,
    inapplicable,
)
from mfcli.config.options import _coerce, field_types, flag, names_with, nearest
from mfcli.config.roles import Role
from mfcli.config.train import TrainConfig
from mfcli.errors import UsageError


class Log(NamedTuple):
    """Log-uniform from low to high; whole numbers where the option is one."""

    low: float
    high: float


class Uniform(NamedTuple):
    """Uniform from low to high; whole numbers where the option is one."""

    low: float
    high: float


class Choice(NamedTuple):
    """One of the values, each as likely as the others."""

    values: tuple[Any, ...]


Range = Log | Uniform | Choice
Space = dict[str, Range]

_TORCH_SAMPLED: Space = {
    "factors": Choice((32, 64, 128)),
    "epochs": Choice((20, 30, 60)),
    "learning_rate": Log(0.004, 0.06),
    "regularization": Log(0.004, 0.3),
    "bias_regularization": Log(0.0005, 0.05),
    "negatives": Choice((1, 2, 4, 8)),
    "negative_power": Choice((0.0, 0.25, 0.5)),
    "positive_weight": Choice((PositiveWeight.none, PositiveWeight.log)),
}
_HOGWILD_SAMPLED: Space = {
    "factors": Choice((32, 64, 128, 256)),
    "epochs": Choice((20, 40, 80)),
    "negatives": Choice((1, 2, 5, 10)),
    "negative_power": Choice((0.0, 0.25, 0.5)),
    "init": Choice(("normal:0.01", "normal:0.03", "normal:0.1")),
    "positive_weight": Choice((PositiveWeight.none, PositiveWeight.log)),
}

# Rates and regularisations span about a factor of ten to either side of the defaults: enough for
# data of another size and density, and little of it is hopeless.
RANGES: dict[tuple[Engine, Objective | None], Space] = {
    (Engine.minibatch, Objective.mse): {
        "factors": Choice((16, 32, 64, 128)),
        "epochs": Choice((10, 20, 40)),
        "learning_rate": Log(0.002, 0.05),
        "regularization": Log(0.02, 0.5),
        "bias_regularization": Log(0.002, 0.2),
    },
    (Engine.minibatch, Objective.bpr): _TORCH_SAMPLED,
    (Engine.minibatch, Objective.bpr_squared): _TORCH_SAMPLED,
    (Engine.minibatch, Objective.logistic): _TORCH_SAMPLED,
    (Engine.hogwild, Objective.mse): {
        "factors": Choice((32, 64, 100, 200)),
        "epochs": Choice((20, 40, 80)),
        "learning_rate": Log(0.003, 0.05),
        "regularization": Log(0.02, 0.5),
        "bias_regularization": Log(0.005, 0.5),
    },
    (Engine.hogwild, Objective.bpr): _HOGWILD_SAMPLED
    | {
        "learning_rate": Log(0.02, 0.4),
        "regularization": Log(0.001, 0.1),
        "bias_regularization": Log(0.002, 0.2),
    },
    (Engine.hogwild, Objective.bpr_squared): _HOGWILD_SAMPLED
    | {
        "learning_rate": Log(0.04, 0.8),
        "regularization": Log(0.0005, 0.05),
        "bias_regularization": Log(0.001, 0.1),
    },
    (Engine.hogwild, Objective.logistic): _HOGWILD_SAMPLED
    | {
        "learning_rate": Log(0.02, 0.4),
        "regularization": Log(0.001, 0.1),
        "bias_regularization": Log(0.001, 0.1),
        "negatives": Choice((1, 3, 6, 12)),
    },
    (Engine.hogwild, Objective.warp): _HOGWILD_SAMPLED
    | {
        "learning_rate": Log(0.001, 0.03),
        "regularization": Log(0.03, 3.0),
        "bias_regularization": Log(0.005, 0.5),
        "negatives": Choice((5, 10, 20, 50)),
        "epochs": Choice((30, 60, 120)),
    },
    (Engine.als, Objective.mse): {
        "factors": Choice((16, 32, 64, 100)),
        "epochs": Choice((8, 15, 30)),
        "regularization": Log(0.03, 0.5),
        "bias_regularization": Log(0.01, 0.5),
    },
    (Engine.als, Objective.ials): {
        "factors": Choice((64, 128, 256)),
        "epochs": Choice((8, 12, 20)),
        "regularization": Log(0.002, 0.1),
        "unobserved_weight": Log(0.01, 1.0),  # tune puts the data's own in its place
        "confidence": Choice((Confidence.none, Confidence.log)),
        "alpha": Log(0.01, 3.0),
    },
    (Engine.closed_form, Objective.mse): {"damping": Log(0.5, 100.0)},
    (Engine.closed_form, None): {},
}

# Where a model wants something else than its objective and engine do.
MODEL_RANGES: dict[tuple[Engine, ModelKind], Space] = {
    (Engine.minibatch, ModelKind.neural): {
        "learning_rate": Log(0.0005, 0.01),
        "regularization": Choice((0.0,)),
        "weight_decay": Log(1e-6, 1e-3),
        "dropout": Uniform(0.0, 0.5),
    },
    (Engine.hogwild, ModelKind.svdpp): {
        "epochs": Choice((40, 60, 100)),
        "learning_rate": Log(0.0008, 0.01),
        "regularization": Log(0.015, 0.3),
    },
}


def ranges_for(setting: Setting) -> Space:
    """Return the ranges of a setting, without options that mean nothing in it."""
    space = RANGES[setting.engine, setting.objective]
    space = space | MODEL_RANGES.get((setting.engine, setting.model), {})
    without = inapplicable(setting)
    return {name: each for name, each in space.items() if name not in without}


def _drawable() -> list[str]:
    """Return the options that a search may choose: single values that say how training learns.

    Not the setting itself, nor what only watches or runs a training.
    """
    barred = Role.seed | Role.choice | Role.file | Role.speed | Role.limit | Role.watch
    apart = names_with(TrainConfig, barred)
    return [
        name
        for name, hint in field_types(TrainConfig).items()
        if name not in apart and typing.get_origin(hint) is not list
    ]


def parse_range(text: str) -> tuple[str, Range]:
    """Read NAME=LOW:HIGH (log-uniform if LOW is above 0) or NAME=A,B,…; raises UsageError."""
    key, equals, body = text.partition("=")
    name = key.strip().removeprefix("--").replace("-", "_")
    drawable = _drawable()
    if name not in drawable:
        known = [option.replace("_", "-") for option in drawable]
        raise UsageError(f"--range {text!r}: no option to draw{nearest(key, known)}")
    hint, where = field_types(TrainConfig)[name], f"--range {text!r}: "
    if equals and ":" in body and hint in (int, float):
        try:
            low, high = (float(each) for each in body.split(":"))
        except ValueError:
            low, high = 1.0, 0.0
        if not low < high < float("inf"):
            raise UsageError(f"{where}LOW:HIGH should be two numbers, the larger one last")
        _in_bounds(name, hint, (low, high))
        return name, Log(low, high) if low > 0 else Uniform(low, high)
    tokens = [each.strip() for each in body.split(",")]
    if not equals or not all(tokens):
        raise UsageError(f"{where}it should look like NAME=LOW:HIGH or NAME=A,B,…")
    values = tuple(_value(name, each, hint, where) for each in tokens)
    _in_bounds(name, hint, values)
    return name, Choice(values)


def _value(name: str, token: str, hint: Any, where: str) -> Any:
    if hint is bool:
        if token.lower() in ("true", "yes", "false", "no"):
            return token.lower() in ("true", "yes")
        raise UsageError(f"{where}{token!r} should be true or false")
    if hint in (int, float):
        try:
            return hint(token)
        except ValueError:
            raise UsageError(f"{where}{token!r} is no {'whole ' * (hint is int)}number") from None
    return _coerce(name, token, hint, where)


def _in_bounds(name: str, hint: Any, values: tuple[Any, ...]) -> None:
    """Let the option itself refuse what lies outside of it."""
    for each in values:
        TrainConfig.merge(("", {name: hint(each) if hint is int else each}))


def described(space: Space) -> dict[str, str]:
    """Return the ranges in words, as the protocol and ``--json`` show them."""
    shown = {}
    for name, each in space.items():
        if isinstance(each, Choice):
            text = ", ".join(str(value) for value in each.values)
        else:
            text = f"{each.low:g} to {each.high:g}{' (log)' if isinstance(each, Log) else ''}"
        shown[name] = text
    return shown


def check_space(space: Space, given: Space, setting: Setting, fixed: dict[str, Any]) -> None:
    """Refuse ``given`` ranges of options that are fixed or mean nothing in a setting."""
    for name in given:
        if name in fixed:
            raise UsageError(f"{flag(name)} and --range {name.replace('_', '-')}=…: give one")
        if reason := inapplicable(setting).get(name):
            raise UsageError(f"--range {name.replace('_', '-')}=… has no meaning here: {reason}")
    if not space:
        raise UsageError("nothing is left to tune: leave an option open, or give a --range for one")


def plain(value: Any) -> Any:
    """Return an option's value as TOML and JSON hold it."""
    return str(value) if isinstance(value, StrEnum) else value
