"""Training loops, each behind the same few methods.

A new engine is a class with the methods of ``base.TrainingEngine`` and one entry of ``ENGINES``.

base                 what an engine is, to the training life around it
minibatch            whole batches by torch; devices: where torch computes
squared              its steps of SGD on squared errors, with the slopes written out
hogwild              compiled passes by several threads over the weights themselves
passes, layout, grid the epochs of hogwild: order and threads, tiles of ratings, their grid
als                  alternating least squares
least_squares        one side of a model solved for: compiled
least_squares_torch  the same on a torch device
closed_form          what is computed in one go: baselines, and ease
ease                 the weights between items: one inverse, by tiles
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mfcli.config import Engine, Recipe
from mfcli.data.interactions import Interactions
from mfcli.models.tables import Tables
from mfcli.training.engines.base import TrainingEngine

# Module and class of each engine, imported when it is needed: numba takes most of a second.
ENGINES: dict[Engine, tuple[str, str]] = {
    Engine.minibatch: ("mfcli.training.engines.minibatch", "MinibatchEngine"),
    Engine.hogwild: ("mfcli.training.engines.hogwild", "HogwildEngine"),
    Engine.als: ("mfcli.training.engines.als", "ALSEngine"),
    Engine.closed_form: ("mfcli.training.engines.closed_form", "ClosedFormEngine"),
}


def make_engine(
    model: Tables, train: Interactions, recipe: Recipe, stage: int, workers: int
) -> TrainingEngine:
    """Make the engine of a recipe, which trains ``model`` in place.

    ``stage`` (from 0) keeps the random streams of stages apart; ``workers`` is a number of threads.
    """
    module, name = ENGINES[recipe.engine]
    make: Any = getattr(import_module(module), name)
    engine: TrainingEngine = make(model, train, recipe, stage, workers)
    return engine
