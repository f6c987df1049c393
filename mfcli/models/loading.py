"""model.pt → arrays that score."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.errors import InputError, UsageError, is_out_of_memory
from mfcli.models.arrays import ScoreArrays, Vectors
from mfcli.models.base import FactorModel
from mfcli.models.modules import rebuild

LARGEST_SCORE = float(np.finfo(np.float32).max)


def load_model(path: Path) -> tuple[Checkpoint, ScoreArrays]:
    """Map a checkpoint, and return it and its model as arrays.

    Raises InputError for anything that is not a checkpoint, whole.
    """
    checkpoint = load_checkpoint(path, mapped=True)
    return checkpoint, scoring_of(checkpoint, path)


def model_of(checkpoint: Checkpoint, path: Path | str) -> FactorModel:
    """Rebuild the model of a checkpoint; raises InputError where the weights do not fit it."""
    try:
        model = rebuild(checkpoint.model_args, checkpoint.weights)
        _check_scale(model)
    except (RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is damaged ({reason}): train it anew") from None
    return model


def _check_scale(model: FactorModel) -> None:
    """Raise ValueError for weights so large that a score might not be a finite float32."""
    largest = {
        name: float(weight.abs().max()) if weight.numel() else 0.0
        for name, weight in model.state_dict().items()
    }
    users, items = largest.pop("user_factors"), largest.pop("item_factors")
    bound = max(users, items)
    for name, weight in model.state_dict().items():
        if name.startswith("layers."):  # weight (out, in), then bias (out,), layer after layer
            scaled = bound * largest[name] * weight.shape[-1]
            bound = scaled if weight.ndim == 2 else bound + largest[name]
    if not any(name.startswith("layers.") for name in largest):
        bound = users * items * model.user_factors.shape[1] + sum(largest.values())
    if not bound < LARGEST_SCORE:
        raise ValueError(f"its weights are so large that scores could reach {bound:.3g}")


def scoring_of(checkpoint: Checkpoint, path: Path | str = "the model") -> ScoreArrays:
    """Return the arrays that score a checkpoint's model, on its memory; errors name ``path``."""
    return model_of(checkpoint, path).scoring()


def vectors_of(
    checkpoint: Checkpoint, scoring: ScoreArrays, path: Path | str, what: str
) -> Vectors:
    """Return the vectors of a model that has some; raises UsageError that says why it has none."""
    if not isinstance(scoring, Vectors):
        raise UsageError(
            f"{path}: {what} needs a model whose score is a product of vectors, and a neural one "
            "passes them through layers: train --model mf or biased-mf"
        )
    if not scoring.users.shape[1]:
        raise UsageError(
            f"{path}: {what} needs vectors, and --model {checkpoint.model_args.model} of "
            f"{scoring.users.shape[1]} factors has none: train --model mf or biased-mf"
        )
    return scoring
