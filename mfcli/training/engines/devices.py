"""Where torch computes, and on how many threads; torch is imported only where it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mfcli.config import FULL, Device, Engine, Recipe
from mfcli.config.choices import (
    ON_DEVICES,
)
from mfcli.errors import UsageError
from mfcli.system.processors import available_workers

CPU, CUDA = "cpu", "cuda"
SHARED_STEP = 1 << 18  # values of a step from which on threads pay
# What a driver shows of GPUs: NVIDIA's, in Windows' Linux, AMD's.
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def choose_device(device: Device, engine: Engine) -> str:
    """Turn ``auto`` into what there is and the engine can use: "cpu" or "cuda".

    Raises UsageError for CUDA where there is none.
    """
    if engine not in ON_DEVICES or device is Device.cpu:
        return CPU
    if device is Device.auto and not _may_have_cuda():
        return CPU
    import torch

    if torch.cuda.is_available():
        return CUDA
    if device is Device.cuda:
        raise UsageError("--device cuda: torch sees no CUDA device here; use --device cpu")
    return CPU


def _may_have_cuda() -> bool:
    """Tell whether torch should be asked, which takes seconds if it is not imported yet."""
    return "torch" in sys.modules or any(map(os.path.exists, DRIVERS))


@contextmanager
def torch_threads(recipe: Recipe) -> Iterator[None]:
    """Let torch use as many threads as pay while a recipe is trained, if torch trains it."""
    if recipe.engine is not Engine.minibatch:
        yield
        return
    import torch

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
