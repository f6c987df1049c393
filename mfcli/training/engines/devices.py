"""Where torch computes, and on how many threads."""

from __future__ import annotations

import torch

from mfcli.config import Device, Engine, TrainConfig
from mfcli.config.choices import ON_DEVICES
from mfcli.errors import UsageError

SHARED_STEP = 1 << 18  # values of a step from which on threads pay


def choose_device(device: Device, engine: Engine | None) -> torch.device:
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


def torch_threads(config: TrainConfig, available: int) -> int:
    """Return how many threads torch should use: one where a step is too small to share.

    Measured at 1,024 × 64 values a step, two threads take twice the time of one.
    """
    if config.workers is not None:
        return config.workers
    if config.batch_size in (None, "full"):
        return available
    samples = int(str(config.batch_size)) * (1 + (config.negatives or 0))
    return 1 if samples * (config.factors or 1) < SHARED_STEP else available
