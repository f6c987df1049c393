"""What several stages check in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfcli import capacity
from mfcli.artifacts import matrix_headers
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.candidates import Seen
from mfcli.config import Objective, TrainConfig
from mfcli.engines.kernels.compilation import announced
from mfcli.errors import InputError, UsageError, is_out_of_memory
from mfcli.interactions import Catalog, Interactions
from mfcli.models import FactorModel, Scoring, allocate
from mfcli.ranking import available_workers
from mfcli.results import Noted, Report


def check_held_out(
    held_out: Interactions, path: Path, train_meta: dict[str, Any], catalog: Catalog, seen: Seen,
    train_path: Path,
) -> None:  # fmt: skip
    """Refuse, with InputError, a validation or test set that does not belong to the training data.

    Both must have one catalogue and no common entry, and come from one split; a set without a
    split_id (made elsewhere over the same ids) is taken.
    """
    if not held_out.catalog.same_ids(catalog):
        raise InputError(
            f"{path}: its users and items are not those of {train_path}: take both from one split"
        )
    for name in ("split_id", "fold"):
        theirs, ours = held_out.meta.get(name), train_meta.get(name)
        if theirs is not None and ours is not None and theirs != ours:
            raise InputError(
                f"{path}: is of another split than {train_path} ({name} {theirs}, not {ours})"
            )
    if common := count_common(seen, held_out):
        raise InputError(
            f"{path}: {common} of its {held_out.n_ratings} ratings are in the training data as "
            "well: measure on held-out rows, made with mfcli split"
        )
    if not held_out.n_ratings:
        raise InputError(f"{path}: has no rating")


@contextmanager
def compiling(report: Report) -> Iterator[None]:
    """Report the first use of a kernel in this context that has to be compiled."""

    def say(kept: bool) -> None:
        kept_or_not = (
            "kept for later runs" if kept else "NUMBA_CACHE_DIR can name a folder that keeps it"
        )
        report(Noted(f"compiling kernels, which takes some seconds ({kept_or_not})"))

    with announced(say):
        yield


def count_common(seen: Seen, held_out: Interactions) -> int:
    """Return how many user and item pairs of ``held_out`` are among the ``seen``."""
    indptr, indices = seen
    if not len(indices):
        return 0
    width = np.int64(held_out.n_items)
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    known = users * width + indices  # sorted: rows ascend, items ascend within a row
    asked = held_out.users * width + held_out.indices
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return int((known[place] == asked).sum())


LARGEST_SCORE = float(np.finfo(np.float32).max)
# Options of train that say nothing about the model, and need a validation set or a schedule.
WATCHING = ("metric", "patience", "decay")


def model_of(checkpoint: Checkpoint, path: Path) -> FactorModel:
    """Rebuild the model of a checkpoint; raises InputError where the weights do not fit it."""
    try:
        options = {
            name: value for name, value in checkpoint.options.items() if name not in WATCHING
        }
        config = TrainConfig.merge((f"{path}: ", options)).resolved()
        with torch.device("meta"):  # shapes only: what options ask for may be more than there is
            model = allocate(config, checkpoint.n_users, checkpoint.n_items)
        model.load_state_dict(checkpoint.weights, assign=True)
        _check_scale(model)
    except (UsageError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is damaged ({reason}): train it anew") from None
    return model.eval()


def _check_scale(model: FactorModel) -> None:
    """Raise ValueError for weights so large that a score could be no finite float32."""
    largest = {
        name: float(each.abs().max()) if each.numel() else 0.0
        for name, each in model.state_dict().items()
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


def require_scoring(
    models: Sequence[Path], test: Path | None, workers: int | None, lists: int, report: Report
) -> None:
    """Say no before an evaluation or lists of users that memory cannot hold.

    lists: entries of the ranked lists of a user that are held at once.
    """
    sizes = [each.stat().st_size for each in models if each.is_file()]
    heads = {} if test is None else matrix_headers(test)
    shape = [heads[name].length for name in ("user_ids", "item_ids") if name in heads]
    n_users, n_items = shape if len(shape) == 2 else (0, 0)
    needed = capacity.scoring(
        max(sizes, default=0), sum(each.n_bytes for each in heads.values()), n_items,
        workers or available_workers(), lists * n_users * len(sizes),
    )  # fmt: skip
    mend = "take fewer --workers" + (", or a smaller --k" if lists else "")
    capacity.require_memory(f"scoring {models[0]}", needed, mend, report)


def scoring_of(checkpoint: Checkpoint, path: Path) -> Scoring:
    """Return the arrays that score a checkpoint's model, on its memory."""
    return model_of(checkpoint, path).scoring()


def predicts_ratings(checkpoint: Checkpoint) -> bool:
    """Tell whether the model's scores are ratings."""
    return checkpoint.options.get("objective") == Objective.mse
