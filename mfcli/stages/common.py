"""What several stages check in the same way."""

from __future__ import annotations

import dataclasses
import math
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
from mfcli.config import Engine, Objective, TrainConfig
from mfcli.engines.kernels.compilation import announced
from mfcli.errors import InputError
from mfcli.interactions import Catalog, Interactions
from mfcli.models import BiasedMF, FactorModel, build
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


STARS = 1.08  # standard deviation of the ratings of MovieLens, 1.04 to 1.13


def rating_unit(config: TrainConfig, matrix: Interactions) -> float:
    """Return what ratings are divided by in training: ``--rating-unit``, or by their spread.

    Squared errors grow with the square of the ratings' scale, λ‖u‖² and the steps of a rate do not:
    settings that are right for stars diverge at 0 to 100 and learn nothing at thousandths. So the
    standard deviation is brought to that of stars, in steps of a quarter of an octave: star
    ratings of about that spread are not touched.
    """
    if config.objective is not Objective.mse or config.engine is Engine.closed_form:
        return 1.0
    if config.rating_unit is not None:
        return config.rating_unit
    deviation = float(matrix.data.std(dtype=np.float64))
    if not 1e-30 < deviation < 1e30:  # ratings that are all the same have no scale
        return 1.0
    return float(2.0 ** (round(4 * math.log2(deviation / STARS)) / 4))


def usual_weight(matrix: Interactions) -> float:
    """Return the unobserved weight of ials at which all pairs weigh ten times the interactions.

    The penalty of a row grows with λ α₀ m and what the row knows with its interactions: where
    λ α₀ is more than about half of the share of pairs that are interactions, all factors go to 0.
    At λ = 0.02 ten times that share was the best of seven weights or next to it on validation rows
    of ml-100k (2.6 % of the pairs), ml-latest-small (0.8 %), LightGCN's last.fm (0.4 %) and
    HetRec's (0.16 %); one weight for all of them lost up to a tenth of the best ndcg@10.
    """
    density = matrix.n_ratings / max(1, matrix.n_users * matrix.n_items)
    return float(f"{min(10 * density, 1.0):.3g}")


def with_weight(config: TrainConfig, matrix: Interactions) -> TrainConfig:
    """Fill in the unobserved weight of ials where none is given."""
    if config.objective is not Objective.ials or config.unobserved_weight is not None:
        return config
    return dataclasses.replace(config, unobserved_weight=usual_weight(matrix))


def in_units(ratings: Interactions, unit: float) -> Interactions:
    """Return the interactions with ratings divided by ``unit``."""
    if unit == 1.0:
        return ratings
    return dataclasses.replace(ratings, data=ratings.data / np.float32(unit))


def fresh_model(config: TrainConfig, matrix: Interactions) -> FactorModel:
    """Return the model of a resolved configuration before its first epoch on a matrix."""
    model = build(config, matrix.n_users, matrix.n_items)
    if isinstance(model, BiasedMF) and config.global_mean:
        model.global_mean.fill_(float(matrix.data.mean(dtype=np.float64)))
    return model


def settle(model: FactorModel, config: TrainConfig, matrix: Interactions) -> None:
    """Make rows without a rating neutral; items drawn as negatives keep what they learnt."""
    items = torch.from_numpy(matrix.item_counts > 0)
    if config.sampled or config.objective is None:
        items = torch.ones_like(items)
    device = model.user_factors.device
    users = torch.from_numpy(matrix.user_counts > 0)
    model.settle_unknown(users.to(device), items.to(device))


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


def predicts_ratings(checkpoint: Checkpoint) -> bool:
    """Tell whether the model's scores are ratings."""
    return checkpoint.options.get("objective") == Objective.mse
