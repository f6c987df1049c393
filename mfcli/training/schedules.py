"""How the learning rate changes from epoch to epoch.

A new schedule is one function here and one entry of ``SCHEDULES``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mfcli.config import Recipe, Schedule

# (rate, decay, e, E) → the rate of epoch e + 1, where e = 0, 1, … of E epochs.
RateAt = Callable[[float, float, int, int], float]


def constant(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
    """Return lr."""
    return rate


def exponential(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
    """Return lr·decay^e."""
    try:
        return float(rate * decay**e)
    except OverflowError:  # the epoch diverges, and says so
        return math.inf


def inverse(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
    """Return lr/(1 + decay·e)."""
    return rate / (1 + decay * e)


def linear(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
    """Return lr·(1 − e/E)."""
    return rate * (1 - e / epochs)


def cosine(rate: float, decay: float, e: int, epochs: int) -> float:  # noqa: ARG001
    """Return lr·(1 + cos(π·e/E))/2."""
    return rate * (1 + math.cos(math.pi * e / epochs)) / 2


SCHEDULES: dict[Schedule, RateAt] = {
    Schedule.constant: constant,
    Schedule.exponential: exponential,
    Schedule.inverse: inverse,
    Schedule.linear: linear,
    Schedule.cosine: cosine,
}


def learning_rate_at(recipe: Recipe, epoch: int) -> float:
    """Return the learning rate of epoch 1, 2, … of a stage, by its schedule."""
    rate_at = SCHEDULES[recipe.schedule]
    return rate_at(recipe.learning_rate, recipe.decay, epoch - 1, recipe.epochs)
