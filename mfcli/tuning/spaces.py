"""Where options are drawn from, fitted to the data."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from mfcli.config import Recipe
from mfcli.config.spaces import Choice, Log, Range, Space
from mfcli.config.train_options import TrainOptions
from mfcli.config.ways import defaults_for
from mfcli.data.interactions import Interactions

LIMITS = {
    name: (field.metadata.get("low"), field.metadata.get("high"))
    for name, field in TrainOptions.__dataclass_fields__.items()
}


def fitted_space(space: Space, given: Set[str], train: Interactions, usual: Recipe) -> Space:
    """Return a space with the ranges that follow the data, the ``given`` ones apart.

    usual: the defaults on the data. Ranges move with the defaults: one that spans a tenth to ten
    times a fixed default spans as much around that of the data. Weights by value mean nothing where
    all values are the same.
    """
    fixed = defaults_for(usual.setting)
    space = {
        name: span if name in given else _moved(name, span, fixed.get(name), usual)
        for name, span in space.items()
    }
    if train.data.min() < train.data.max():
        return space
    idle = {"positive_weight", "confidence", "alpha"} - given
    return {name: drawn_from for name, drawn_from in space.items() if name not in idle}


def _moved(name: str, span: Range, fixed: Any, usual: Recipe) -> Range:
    """Return the range of an option around the default that it has on the data."""
    value = usual.options.get(name)
    if name == "unobserved_weight" and value:
        return Log(value / 10, value * 10)
    if value is None or value == fixed or isinstance(value, str | bool) or not fixed:
        return _with(span, value)
    ratio = value / fixed
    if isinstance(span, Log):
        return Log(_clipped(name, span.low * ratio), _clipped(name, span.high * ratio))
    if isinstance(span, Choice) and all(type(it) is int for it in span.values):
        moved = {round(_clipped(name, it * ratio)) for it in span.values}
        return Choice(tuple(sorted(moved | {value})))
    return _with(span, value)


def _with(span: Range, value: Any) -> Range:
    """Return a choice of numbers that has the value too."""
    if not isinstance(span, Choice) or type(value) not in (int, float) or value in span.values:
        return span
    return Choice(tuple(sorted({*span.values, value})))


def _clipped(name: str, value: float) -> float:
    """Return a number of three digits within the limits of an option."""
    low, high = LIMITS[name]
    value = float(f"{value:.3g}")
    return min(max(value, low if low is not None else value), high if high is not None else value)
