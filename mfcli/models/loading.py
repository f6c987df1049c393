"""model.pt → arrays that score."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.errors import InputError, UsageError
from mfcli.models.arrays import Layers, ScoreArrays, Vectors
from mfcli.models.tables import Tables
from mfcli.wording import counted

LARGEST_SCORE = float(np.finfo(np.float32).max)


def load_model(path: Path) -> tuple[Checkpoint, ScoreArrays]:
    """Map a checkpoint, and return it and its model as arrays.

    Raises InputError for anything that is not a checkpoint, whole.
    """
    checkpoint = load_checkpoint(path, mapped=True)
    return checkpoint, scoring_of(checkpoint, path)


def scoring_of(checkpoint: Checkpoint, path: Path | str = "the model") -> ScoreArrays:
    """Return the arrays that score a checkpoint's model, on its memory.

    Raises InputError, which names ``path``, where the weights do not fit the model, or are so large
    that a score might not be a finite float32.
    """
    try:
        tables = Tables.of(checkpoint.model_args, checkpoint.weights)
        bound = tables.largest_score()
        if not bound < LARGEST_SCORE:
            raise ValueError(f"its weights are so large that scores could reach {bound:.3g}")
    except ValueError as error:
        raise InputError(f"{path}: is damaged ({error}): train it anew") from None
    return tables.scoring(checkpoint.seen)


def vectors_of(
    checkpoint: Checkpoint, scoring: ScoreArrays, path: Path | str, what: str
) -> Vectors:
    """Return the vectors of a model that has some; raises UsageError that says why it has none."""
    if not isinstance(scoring, Vectors):
        why = (
            "a neural one passes them through layers"
            if isinstance(scoring, Layers)
            else "ease adds up weights between items"
        )
        raise UsageError(
            f"{path}: {what} needs a model whose score is a product of vectors, and {why}: train "
            "--model mf or biased-mf"
        )
    if not scoring.users.shape[1]:
        raise UsageError(
            f"{path}: {what} needs vectors, and --model {checkpoint.model_args.model} of "
            f"{counted(scoring.users.shape[1], 'factor')} has none: train --model mf or biased-mf"
        )
    return scoring
