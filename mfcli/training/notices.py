"""What the user should know before a training: doubts about the data, and what does not repeat."""

from __future__ import annotations

from collections.abc import Iterator

from mfcli.codes import WarningCode
from mfcli.config import (
    Confidence,
    Engine,
    ModelKind,
    Objective,
    Order,
    PositiveWeight,
    Recipe,
)
from mfcli.data.interactions import Interactions
from mfcli.events import Noted, Warned


def notices(recipe: Recipe, matrix: Interactions, workers: int) -> Iterator[Noted | Warned]:
    """Yield what there is to say of a recipe on a matrix, trained by so many threads."""
    if _lock_free(recipe) and workers > 1:
        yield Noted(
            f"{workers} threads without locks: another run differs in its last bits; "
            "--workers 1 repeats exactly"
        )
    ratings = matrix.data
    if _ignores_values(recipe) and ratings.min() < ratings.max():
        weigh = "--positive-weight" if recipe.sampled else "--confidence"
        yield Warned(
            WarningCode.positives,
            f"--objective {recipe.objective} takes every rating as a positive, and "
            f"they differ ({ratings.min():g} to {ratings.max():g}): "
            f"split or fetch with --threshold to keep the good ones, or weigh them with "
            f"{weigh}",
        )


def _lock_free(recipe: Recipe) -> bool:
    free = recipe.sampled or recipe.order is Order.free or recipe.model is ModelKind.svdpp
    return recipe.engine is Engine.hogwild and free


def _ignores_values(recipe: Recipe) -> bool:
    unweighted = (
        recipe.positive_weight is PositiveWeight.none and recipe.confidence is Confidence.none
    )
    return recipe.objective not in (None, Objective.mse) and unweighted
