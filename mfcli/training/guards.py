"""What is refused before a training: values of which it could only learn nonsense."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import ModelKind, Objective, Recipe
from mfcli.config.choices import BASELINES
from mfcli.data.interactions import Interactions
from mfcli.data.scales import are_equal
from mfcli.errors import InputError, UsageError
from mfcli.events import OnEvent
from mfcli.system import capacity
from mfcli.system.processors import available_workers
from mfcli.wording import counted, part_of

_NAMED = 3  # kinds of values that a message counts


def check_values(recipe: Recipe, matrix: Interactions, name: str) -> None:
    """Refuse a recipe that would learn a constant, or dislikes as likes; ``name`` is the matrix's.

    Closed-form baselines are taken as they are: they are what others are held against.

    Raises UsageError for squared errors on values that are all the same, and InputError for a
    ranking objective on values of 0 or less.
    """
    if recipe.model in BASELINES:
        return
    if recipe.objective is Objective.mse:
        if are_equal(matrix.data):
            raise UsageError(
                f"{name}: every value is {matrix.data[0]:g}, and --objective mse would learn that "
                "one number and rank nothing: choose --mode hogwild, which learns from who took "
                "what"
            )
        return
    refused = matrix.data[matrix.data <= 0]
    if len(refused):
        raise InputError(f"{_disliked(recipe, matrix, name)}: {_mend(refused, matrix.n_ratings)}")


def check_memory(
    recipe: Recipe, n_users: int, n_items: int, n_ratings: int, on_event: OnEvent
) -> None:
    """Refuse a model of items × items that no memory holds; warn where it does not fit now.

    Raises SystemRefusedError. The other models take far less than their data.
    """
    if recipe.model is not ModelKind.ease:
        return
    from mfcli.training.engines.ease import inverted_side  # with kernels

    width = inverted_side(n_users, n_items, n_ratings)
    capacity.require_memory(
        f"training ease, whose weights are {n_items:,} × {counted(n_items, 'item')},",
        capacity.inverting(n_ratings, n_items, width, recipe.workers or available_workers()),
        "leave items out with --min-item-ratings of fetch or split",
        on_event,
    )


def check_history(recipe: Recipe, history: Interactions) -> None:
    """Refuse, with InputError, dislikes in a history that is folded into a ranking model."""
    ranks = recipe.model not in BASELINES and recipe.objective is not Objective.mse
    if ranks and (history.data <= 0).any():
        raise InputError(
            f"{_disliked(recipe, history, 'the history')}: leave out the rows that are no likes"
        )


def check_rated(checkpoint: Checkpoint, rated: bool, where: str) -> None:
    """Refuse, with InputError, a history without ratings for a model that has learned them.

    Each of its rows would count as 1, which is the worst rating of most scales. A model of one
    value, a baseline on clicks, has nothing to tell apart.
    """
    low, high = checkpoint.rating_range
    if checkpoint.predicts_ratings and low < high and not rated:
        raise InputError(
            f"{where}: has no ratings, and this model predicts them ({low:g} to {high:g}): add a "
            "column of ratings (name it rating), or train a model of likes with --mode hogwild"
        )


def _disliked(recipe: Recipe, matrix: Interactions, name: str) -> str:
    refused = matrix.data[matrix.data <= 0]
    return (
        f"{name}: {part_of(len(refused), matrix.n_ratings, 'value', 'is', 'are')} 0 or less "
        f"({_counted(refused)}), and {recipe.named} takes every row as a like"
    )


def _counted(values: NDArray[np.float32]) -> str:
    """Count the values that come most often: "500 × 0, 20 × -1"."""
    distinct, counts = np.unique(values, return_counts=True)
    first = np.argsort(-counts, kind="stable")[:_NAMED]
    shown = [f"{counts[at]:,} × {distinct[at]:g}" for at in first]
    return ", ".join(shown + ["…"] * (len(distinct) > _NAMED))


def _mend(refused: NDArray[np.float32], n_ratings: int) -> str:
    distinct = np.unique(refused)
    if len(refused) == n_ratings and len(distinct) == 1:
        return "fetch without that column if it says nothing (--columns user=…,item=…)"
    likes = "keep what counts as a like with --threshold X of fetch or split"
    if len(distinct) > _NAMED:
        return likes
    dropped = " ".join(f"--drop-value {value:g}" for value in distinct[::-1])
    return f'fetch again with {dropped} if that means "not rated", or {likes}'
