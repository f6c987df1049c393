"""Interactions → a trained model, in memory: no path is read, nothing is printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.meta import lineage_entry, lineage_of, meta_for, with_warnings
from mfcli.codes import WarningCode
from mfcli.config import Recipe
from mfcli.config.options import flag
from mfcli.data.ids import of_two_types
from mfcli.data.interactions import Interactions
from mfcli.data.times import newest_date
from mfcli.errors import InputError
from mfcli.events import EpochResult, Noted, OnEvent, TrainingStarted, Warned, ignore
from mfcli.models.tables import Tables
from mfcli.models.warm_start import Start, grow
from mfcli.system.processors import available_workers
from mfcli.training.defaults import by_data, filled
from mfcli.training.engines import make_engine
from mfcli.training.engines.devices import choose_device
from mfcli.training.guards import check_memory, check_values
from mfcli.training.life import OnState, State, Training, forget
from mfcli.training.notices import notices
from mfcli.training.units import in_units, of_ratings, rating_unit
from mfcli.training.validation import Validator
from mfcli.wording import counted


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """What a training ends with.

    checkpoint: the model.
    history:    one result an epoch, with timings.
    best_epoch: the epoch (from 1) whose weights were kept; None without early stopping.
    stopped:    why it ended: "epochs", "early" or "time limit".
    """

    checkpoint: Checkpoint
    history: list[EpochResult]
    best_epoch: int | None
    stopped: str


def fit(
    interactions: Interactions,
    recipe: Recipe,
    *,
    valid: Interactions | None = None,
    valid_history: Interactions | None = None,
    init: Start | None = None,
    on_event: OnEvent = ignore,
    inputs: Sequence[dict[str, Any]] = (),
    resume_from: State | None = None,
    on_state: OnState = forget,
    warnings: Sequence[Warned] | None = None,
) -> Fitted:
    """Train the model of a recipe on interactions.

    valid:       held-out rows over the same users and items, for the validation loss and metrics.
    valid_history: what is known of the users of ``valid``, who are folded in from it.
    init:        weights to begin with instead of random ones.
    inputs:      what the lineage says of the files: a role and a SHA-256 each.
    on_event:    receives Noted, Warned, TrainingStarted, Progress and EpochResult.
    on_state:    is handed a function that returns the state after the last whole epoch: before the
                 first epoch and after each one. The function may also be called when this raises.
    warnings:    what the checkpoint is to keep of an earlier measurement with the same settings;
                 None: it is held against popularity on ``valid``, where a ranking metric is asked.
    resume_from: such a state, of a run with the same recipe, interactions and validation rows.

    Raises InputError for interactions that cannot be trained on, UsageError for squared errors on
    values that are all the same and for a device that is not there, DivergedError, and
    life.StateError for a state of another run. The number of torch's threads is the caller's to
    choose (``devices.torch_threads``).
    """
    if not interactions.n_ratings:
        raise InputError("there is no rating to train on")
    check_values(recipe, interactions, "the data")
    decided = by_data(recipe, interactions)
    recipe = filled(recipe, decided)
    workers = recipe.workers or available_workers()
    sizes = (interactions.n_users, interactions.n_items, interactions.n_ratings)
    check_memory(recipe, *sizes, on_event)
    device = choose_device(recipe.device, recipe.engine)
    unit = rating_unit(recipe, interactions)
    scaled = in_units(interactions, unit)  # what engines see
    model = _start(recipe, interactions, scaled, unit, init, on_event)
    validator = None
    if valid is not None:
        history = None if valid_history is None else in_units(valid_history, unit)
        validator = Validator(model, scaled, in_units(valid, unit), recipe, history)
    training = Training(
        recipe,
        model,
        lambda stage, number: make_engine(model, scaled, stage, number, workers),
        None if validator is None else lambda: of_ratings(validator(), unit),
        loss_scale=unit**2,
        on_state=on_state,
    )
    if resume_from is not None:
        training.restore(resume_from)
        on_event(Noted(f"resuming after epoch {len(training.history)}"))
    for notice in notices(recipe, interactions, workers):
        on_event(notice)
    on_event(_started(recipe, interactions, device, len(training.history), decided))
    for event in training.events():
        on_event(event)
    settle(model, recipe, interactions)
    if warnings is None:
        doubt = None if validator is None else validator.judge()
        warnings = [] if doubt is None else [doubt]
        for warning in warnings:
            on_event(warning)
    if unit != 1.0:
        model.rescale(unit)
    checkpoint = _checkpoint(recipe, interactions, model, training.history, inputs, decided)
    meta = with_warnings(checkpoint.meta, warnings)
    return Fitted(
        checkpoint=dataclasses.replace(checkpoint, meta=meta),
        history=training.history,
        best_epoch=training.best_epoch,
        stopped=training.stopped,
    )


def lineage_with_training(
    interactions: Interactions, recipe: Recipe, inputs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the steps that lead to a model of the recipe on the interactions."""
    entry = lineage_entry("train", dict(recipe.options), inputs)
    return [*lineage_of(interactions.meta), entry]


def fresh_model(recipe: Recipe, matrix: Interactions) -> Tables:
    """Return the model of a recipe before its first epoch on a matrix."""
    model = Tables.drawn(recipe, matrix.n_users, matrix.n_items)
    if model.has_biases and recipe.global_mean:
        model.set_mean(float(matrix.data.mean(dtype=np.float64)))
    return model


def settle(model: Tables, recipe: Recipe, matrix: Interactions) -> None:
    """Make rows without a rating neutral; items drawn as negatives keep what they learnt.

    Where scores are cosines the vectors have length 1 from the start to the file, so that whoever
    takes their dot product scores by cosines, and a warm start goes on from where they were.
    """
    if recipe.cosine:
        model.normalise()
    items = matrix.item_counts > 0
    if recipe.sampled or recipe.objective is None:
        items = np.ones_like(items)
    model.settle_unknown(matrix.user_counts > 0, items)


def _start(
    recipe: Recipe,
    interactions: Interactions,
    scaled: Interactions,
    unit: float,
    init: Start | None,
    on_event: OnEvent,
) -> Tables:
    """Return the model before its first epoch, in units: drawn, or grown from ``init``."""
    model = fresh_model(recipe, scaled)
    if init is not None:
        by = 1.0 if init.catalog is None else unit  # of an unfinished run: in units already
        model.rescale(by)
        grown = grow(model, init, interactions.catalog)
        model.load(grown.weights)
        model.rescale(1.0 / by)
        if grown.kept is not None:
            users, items = grown.kept
            for warning in _types_of_start(init, interactions, grown.kept):
                on_event(warning)
            on_event(
                Noted(
                    f"{init.name}: {counted(users, 'user')} and {counted(items, 'item')} continue "
                    f"with its weights, {counted(interactions.n_users - users, 'user')} and "
                    f"{counted(interactions.n_items - items, 'item')} start anew"
                )
            )
    settle(model, recipe, interactions)
    return model


def _types_of_start(
    init: Start, interactions: Interactions, kept: tuple[int, int]
) -> Iterator[Warned]:
    """Yield a warning for ids of the start that have another type than the matrix's."""
    old, new = init.catalog, interactions.catalog
    assert old is not None
    for what, theirs, ours, number in (
        ("user", old.user_ids, new.user_ids, kept[0]),
        ("item", old.item_ids, new.item_ids, kept[1]),
    ):
        text = of_two_types(what, theirs, ours, number, "the matrix")
        if text is not None:
            yield Warned(WarningCode.id_type, f"{init.name}: {text}")


def _started(
    recipe: Recipe, interactions: Interactions, device: str, done: int, decided: dict[str, Any]
) -> TrainingStarted:
    return TrainingStarted(
        title=" · ".join(str(choice) for choice in recipe.setting if choice),
        epochs=sum(stage.ends for stage in recipe.steps),
        n_ratings=interactions.n_ratings,
        device=device,
        metric_names=recipe.metrics,
        done=done,
        by_data={flag(name): value for name, value in decided.items()},
    )


def _checkpoint(
    recipe: Recipe,
    matrix: Interactions,
    model: Tables,
    history: list[EpochResult],
    inputs: Sequence[dict[str, Any]],
    decided: Collection[str],
) -> Checkpoint:
    lineage = lineage_with_training(matrix, recipe, inputs)
    names = ("split_id", "fold")
    kept: dict[str, Any] = {name: matrix.meta[name] for name in names if name in matrix.meta}
    if (newest := newest_date(matrix)) is not None:
        kept["newest_time"] = newest
    if decided:
        kept["by_data"] = sorted(decided)
    return Checkpoint(
        options=dict(recipe.options),
        model_args=recipe.model_args(matrix.n_users, matrix.n_items),
        weights=model.weights,
        catalog=matrix.catalog,
        seen_indptr=matrix.indptr,
        seen_indices=matrix.indices,
        rating_range=(float(matrix.data.min()), float(matrix.data.max())),
        rating_mean=float(matrix.data.mean(dtype=np.float64)),
        history=[_timeless(result) for result in history],
        meta=meta_for("model", lineage, **kept),
    )


def _timeless(result: EpochResult) -> dict[str, Any]:
    """Return an epoch as a checkpoint holds it: without timings, which differ from run to run."""
    return {
        "epoch": result.epoch,
        "stage": result.stage,
        "learning_rate": result.learning_rate,
        "train_loss": result.train_loss,
        "valid_loss": result.valid_loss,
        "metrics": dict(result.metrics),
    }
