"""Where torch computes, and on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mfcli.config import FULL, Device, Engine, Recipe
from mfcli.config.choices import (
    ON_DEVICES,
)
from mfcli.errors import UsageError
from mfcli.system.processors import available_workers

SHARED_STEP = 1 << 18  # values of a step from which on threads pay


def choose_device(device: Device, engine: Engine) -> torch.device:
    """Turn ``auto`` into what there is and the engine can use.

    Raises UsageError for CUDA where there is none.
    """
    if engine not in ON_DEVICES:
        return torch.device("cpu")
    if device is Device.cuda and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device here; use --device cpu")
    if device is Device.auto:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(str(device))


@contextmanager
def torch_threads(recipe: Recipe) -> Iterator[None]:
    """Let torch use as many threads as pay while a recipe is trained."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads_for(recipe, available_workers()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(recipe: Recipe, available: int) -> int:
    """Return how many threads torch should use: one where a step is too small to share.

    Measured at 1,024 × 64 values a step, two threads take twice the time of one.
    """
    if recipe.workers:
        return recipe.workers
    if recipe.batch_size == FULL:
        return available
    negatives = recipe.negatives if recipe.sampled else 0
    samples = recipe.batch_size * (1 + negatives)
    return 1 if samples * max(recipe.factors, 1) < SHARED_STEP else available
