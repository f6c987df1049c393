"""model.pt → arrays that score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.config import TrainConfig
from mfcli.errors import InputError, UsageError
from mfcli.models import FactorModel, Scoring, Vectors, allocate

# Options of train that say nothing about the model, and need a validation set.
WATCHING = ("metric", "patience")


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint, and its model as arrays."""

    checkpoint: Checkpoint
    scoring: Scoring


def load_model(path: Path) -> Loaded:
    """Map a checkpoint; raises InputError for anything that is not one, whole."""
    checkpoint = load_checkpoint(path, mapped=True)
    return Loaded(checkpoint, scoring_of(checkpoint, path))


def model_of(checkpoint: Checkpoint, path: Path) -> FactorModel:
    """Rebuild the model of a checkpoint; raises InputError where the weights do not fit it."""
    try:
        options = {
            name: value for name, value in checkpoint.options.items() if name not in WATCHING
        }
        config = TrainConfig.merge((f"{path}: ", options)).resolved()
        model = allocate(config, checkpoint.n_users, checkpoint.n_items)
        model.load_state_dict(checkpoint.weights, assign=True)
    except (UsageError, RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is damaged ({reason}): train it anew") from None
    return model.eval()


def scoring_of(checkpoint: Checkpoint, path: Path) -> Scoring:
    """Return the arrays that score a checkpoint's model, on its memory."""
    return model_of(checkpoint, path).scoring()


def vectors_of(loaded: Loaded, path: Path, what: str) -> Vectors:
    """Return the vectors of a model that has some; raises UsageError that says why it has none."""
    scoring = loaded.scoring
    if not isinstance(scoring, Vectors):
        raise UsageError(
            f"{path}: {what} needs a model whose score is a product of vectors, and a neural one "
            "passes them through layers: train --model mf or biased-mf"
        )
    if not scoring.users.shape[1]:
        raise UsageError(
            f"{path}: {what} needs vectors, and --model "
            f"{loaded.checkpoint.options.get('model')} of {scoring.users.shape[1]} factors has "
            "none: train --model mf or biased-mf"
        )
    return scoring
