"""The unit of ratings in training: what they are divided by, so that settings carry over."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mfcli.config import Engine, Objective, Recipe
from mfcli.config.metrics import is_rating_metric
from mfcli.data.interactions import Interactions

STARS = 1.08  # standard deviation of the ratings of MovieLens, 1.04 to 1.13

Measured = tuple[float | None, dict[str, float]]  # validation loss, metrics


def rating_unit(recipe: Recipe, matrix: Interactions) -> float:
    """Return what ratings are divided by in training: ``--rating-unit``, or by their spread.

    Squared errors grow with the square of the ratings' scale, λ‖u‖² and the steps of a rate do not:
    settings that are right for stars diverge at 0 to 100 and learn nothing at thousandths. So the
    standard deviation is brought to that of stars, in steps of a quarter of an octave: star
    ratings of about that spread are not touched.
    """
    if recipe.objective is not Objective.mse or recipe.engine is Engine.closed_form:
        return 1.0
    if recipe.rating_unit:
        return recipe.rating_unit
    deviation = float(matrix.data.std(dtype=np.float64))
    if not 1e-30 < deviation < 1e30:  # ratings that are all the same have no scale
        return 1.0
    return float(2.0 ** (round(4 * math.log2(deviation / STARS)) / 4))


def in_units(ratings: Interactions, unit: float) -> Interactions:
    """Return the interactions with ratings divided by ``unit``."""
    if unit == 1.0:
        return ratings
    return dataclasses.replace(ratings, data=ratings.data / np.float32(unit))


def of_ratings(measured: Measured, unit: float) -> Measured:
    """Return a validation loss and metrics that were measured in units, as those of ratings."""
    loss, metrics = measured
    return None if loss is None else loss * unit**2, {
        name: value * unit if is_rating_metric(name) else value for name, value in metrics.items()
    }
