"""Random draws of options from a space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mfcli.config.choices import Confidence
from mfcli.config.options import field_types
from mfcli.config.ranges import plain
from mfcli.config.spaces import Choice, Log, Range, Space, Uniform
from mfcli.config.train import TrainConfig

_HINTS = field_types(TrainConfig)


def _log(of: Log, random: np.random.Generator) -> float:
    return math.exp(random.uniform(math.log(of.low), math.log(of.high)))


def _uniform(of: Uniform, random: np.random.Generator) -> float:
    return float(random.uniform(of.low, of.high))


def _choice(of: Choice, random: np.random.Generator) -> Any:
    return plain(of.values[random.integers(len(of.values))])


_LAWS: dict[type[Range], Callable[[Any, np.random.Generator], Any]] = {
    Log: _log,
    Uniform: _uniform,
    Choice: _choice,
}


def draw_value(name: str, of: Range, random: np.random.Generator) -> Any:
    """Return a value of an option, as it is written in a file."""
    value = _LAWS[type(of)](of, random)
    if isinstance(of, Choice):
        return value
    return as_written(name, value, of.low, of.high)


def as_written(name: str, value: float, low: float, high: float) -> float | int:
    """Return a number from low to high of three digits, or a whole one: what is shown is used."""
    value = min(max(value, low), high)
    return round(value) if _HINTS[name] is int else min(max(float(f"{value:.3g}"), low), high)


def draw(space: Space, random: np.random.Generator) -> dict[str, Any]:
    """Return a value for every option of a space."""
    return meaningful({name: draw_value(name, space[name], random) for name in sorted(space)})


def meaningful(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what another of the values takes the meaning from."""
    idle = {"alpha"} if options.get("confidence") == Confidence.none else set()
    return {name: value for name, value in options.items() if name not in idle}
