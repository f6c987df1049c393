"""``mfcli train``: a matrix → model.pt, with model.pt.resume while it runs."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfcli.artifacts import (
    matrix_headers,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.checkpoint import (
    load_options,
    save_checkpoint,
)
from mfcli.artifacts.held import NOTHING, Held
from mfcli.config import FULL, Engine, ModelArgs, ModelKind, Optimizer, Recipe, TrainConfig
from mfcli.data.held_out import check_held_out, check_history, check_known
from mfcli.data.interactions import Interactions
from mfcli.errors import DivergedError, InputError, InterruptedRunError, UsageError
from mfcli.events import EpochResult, Noted, OnEvent, Stage, Warned, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.models.tables import KINDS
from mfcli.models.warm_start import Start
from mfcli.results import TrainResult
from mfcli.stages.budget import Rows, Search, check_settings, search_in_time
from mfcli.stages.resuming import (
    OtherStateError,
    StateFile,
    UnfitStateError,
    history_path,
    save_history,
    state_path,
)
from mfcli.stages.telling import begin, end
from mfcli.system import capacity
from mfcli.training.continuing import continued
from mfcli.training.defaults import for_data
from mfcli.training.engines.devices import choose_device, torch_threads
from mfcli.training.fit import Fitted, fit, lineage_with_training
from mfcli.training.guards import check_memory, check_values
from mfcli.training.life import StateError
from mfcli.tuning.settings import with_evidence
from mfcli.wording import counted

if TYPE_CHECKING:
    from mfcli.tuning.plan import Follows


def train(
    source: Path,
    out: Path,
    config: TrainConfig,
    on_event: OnEvent = ignore,
    *,
    resume: bool = False,
    warnings: Sequence[Warned] | None = None,
    follows: Follows | None = None,
    held: Held = NOTHING,
) -> TrainResult:
    """Train on the matrix ``source`` and write the checkpoint ``out`` and its history CSV.

    warnings: what the checkpoint is to keep of another measurement, in place of one on validation.
    follows: what a budget has to leave time for. held: what is in memory of the inputs; takes the
    model.

    Raises UsageError, InputError, DivergedError, InterruptedRunError; ``out`` appears only when
    training completes, and what an interrupted run needs to go on is in ``out``.resume.
    """
    on_event = without(config.ignore, on_event)
    start = begin(Stage.train, on_event)
    config = _init_from_if_any(config, on_event)
    if resume and config.init_from:
        raise UsageError("--resume continues from its saved state: leave out --init-from")
    real_output(out)
    config = _continued(config, out, resume).ready()
    refuse_input_as_output(out, source, config.valid, config.valid_history)
    check_settings(source, out, config)
    with output_lock(out, config.wait), compiling(on_event):
        asked = config
        search = search_in_time(
            lambda: _load(source, asked, held).rows, source, out, config, on_event, follows
        )
        config = search.config
        recipe = config.recipe()
        device = choose_device(recipe.device, recipe.engine)
        with torch_threads(recipe), search.repeatable():
            _require_capacity(source, out, recipe, on_event)
            loaded = _load(source, config, held)
            check_values(recipe, loaded.matrix, str(source))
            recipe = for_data(recipe, loaded.matrix)
            lineage = partial(lineage_with_training, loaded.matrix, recipe, loaded.inputs)
            kept = StateFile(out, recipe, lineage, loaded.inputs)
            state = kept.load() if resume else None
            began = time.perf_counter()
            try:
                fitted = fit(
                    loaded.matrix,
                    recipe,
                    valid=loaded.valid,
                    valid_history=loaded.valid_history,
                    init=loaded.init,
                    on_event=on_event,
                    inputs=loaded.inputs,
                    resume_from=state,
                    on_state=kept.keep,
                    warnings=warnings,
                )
                save_history(out, fitted.history)
                cut = fitted.stopped == "time limit"
                model = with_evidence(fitted.checkpoint, recipe, config.evidence, on_event, cut=cut)
                save_checkpoint(out, model, manifest=asked.manifest)
                held.keep(out, model)
            except StateError as error:
                raise kept.damaged(error) from None
            except (KeyboardInterrupt, InterruptedRunError):
                raise kept.interrupted() from None
            except DivergedError as error:
                kept.save()
                raise DivergedError(f"{error} (last good state in {kept.path})") from None
            kept.path.unlink(missing_ok=True)
            search.write(len(fitted.history) if cut else None)
    result = _result(out, fitted, recipe, device, time.perf_counter() - began, search)
    return end(Stage.train, start, result, on_event)


def resume_or_start(
    source: Path, out: Path, config: TrainConfig, on_event: OnEvent = ignore, **more: Any
) -> TrainResult:
    """Go on with the interrupted run of ``out`` if there is one of these files and options.

    Else train anew, and say why. more: of ``train``, which also says what it raises.
    """
    if state_path(out).exists():
        going_on = dataclasses.replace(config, init_from=None, init_from_if_any=None)
        try:
            return train(source, out, going_on, on_event, resume=True, **more)
        except UnfitStateError as error:
            on_event(Noted(f"training starts anew: {error}"))
    return train(source, out, config, on_event, **more)


def _init_from_if_any(config: TrainConfig, on_event: OnEvent) -> TrainConfig:
    """Return the configuration with --init-from-if-any decided: by whether the file is there."""
    path = config.init_from_if_any
    if path is None:
        return config
    if os.path.exists(path):
        return dataclasses.replace(config, init_from=path, init_from_if_any=None)
    on_event(Noted(f"--init-from-if-any: there is no {path}, so training starts anew"))
    return dataclasses.replace(config, init_from_if_any=None)


def _continued(config: TrainConfig, out: Path, resume: bool) -> TrainConfig:
    """Return the configuration with the options of the model or run that it goes on from."""
    state = state_path(out)
    if resume and state.exists():
        try:
            options = load_options(state)
        except InputError as error:
            raise OtherStateError(str(error)) from None
        return continued(config, options, str(state), watched=config.valid is not None)
    if config.init_from:
        return continued(config, load_options(Path(config.init_from)), config.init_from)
    return config


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """What a training reads, and the lineage's entries of it."""

    matrix: Interactions
    valid: Interactions | None = None
    valid_history: Interactions | None = None
    init: Start | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> Rows:
        """What a search works on."""
        return self.matrix, self.valid, self.valid_history


def _require_capacity(source: Path, out: Path, recipe: Recipe, on_event: OnEvent) -> None:
    """Refuse a training that memory or disk cannot hold, before anything large is read."""
    heads = matrix_headers(source)
    if not {"indices", "user_ids", "item_ids"} <= heads.keys():
        return  # loading says what is wrong
    n_users, n_items = heads["user_ids"].length, heads["item_ids"].length
    ratings, batch = heads["indices"].length, None
    tables = _table_bytes(recipe.model_args(n_users, n_items))
    if recipe.engine is Engine.minibatch:
        rows = ratings if recipe.batch_size == FULL else min(ratings, recipe.batch_size)
        negatives = recipe.negatives if recipe.sampled else 0
        if recipe.cosine:  # a row has vectors of its own, and a number for each shared negative
            batch = 4 * rows * (negatives + 2 * max(1, recipe.factors))
        else:
            batch = 4 * rows * (1 + negatives) * max(1, recipe.factors)
    stored = sum(head.n_bytes for head in heads.values())
    mend = "take fewer --factors" + (", or a smaller --batch-size" if batch else "")
    if recipe.model is ModelKind.ease:
        check_memory(recipe, n_users, n_items, ratings, ignore)  # fit warns where it only might fit
        capacity.require_disk(out, tables + 4 * ratings)
        return
    capacity.require_memory(
        f"training {counted(n_users, 'user')} × {counted(n_items, 'item')} on "
        f"{counted(ratings, 'rating')}",
        capacity.training(ratings, stored, tables, batch),
        mend,
        on_event,
    )
    adam = recipe.engine is Engine.minibatch and recipe.optimizer is Optimizer.adam
    moments = 2 * tables if adam else 0
    capacity.require_disk(out, tables + moments + tables + 4 * ratings)


def _table_bytes(args: ModelArgs) -> int:
    """Return the bytes of a model's weights."""
    return sum(4 * math.prod(shape) for shape in KINDS[args.model].shapes(args).values())


def _load(source: Path, config: TrainConfig, held: Held) -> _Loaded:
    matrix = held.matrix(source)
    inputs = [{"role": "train", "sha256": held.sha256(source)}]
    if not matrix.n_ratings:
        raise InputError(f"{source}: has no rating to train on")
    valid = history = init = None
    if config.valid is not None:
        path = Path(config.valid)
        valid = held.matrix(path)
        check_held_out(valid, path, matrix.meta, matrix.catalog, matrix.rows, source)
        inputs.append({"role": "valid", "sha256": held.sha256(path)})
        history = load_history(config, valid, matrix, source, inputs, held)
    if config.init_from:
        path = Path(config.init_from)
        init = Start(*held.weights(path), str(path))
        inputs.append({"role": "init_from", "sha256": held.sha256(path)})
    return _Loaded(matrix=matrix, valid=valid, valid_history=history, init=init, inputs=inputs)


def load_history(
    config: TrainConfig,
    valid: Interactions,
    matrix: Interactions,
    source: Path,
    inputs: list[dict[str, Any]],
    held: Held = NOTHING,
) -> Interactions | None:
    """Read what is known of the validation set's users, where it is named, and note it as read.

    Raises InputError where it does not belong to them, or where it is needed and not named.
    """
    assert config.valid is not None
    if config.valid_history is None:
        check_known(valid, config.valid, matrix, source)
        return None
    path = Path(config.valid_history)
    history = held.matrix(path)
    check_history(history, path, valid, config.valid)
    inputs.append({"role": "valid_history", "sha256": held.sha256(path)})
    return history


def _result(
    out: Path, fitted: Fitted, recipe: Recipe, device: str, seconds: float, search: Search
) -> TrainResult:
    history = fitted.history
    shown = history[fitted.best_epoch - 1] if fitted.best_epoch else history[-1]
    valid = [result for result in history[: shown.epoch] if result.valid_loss is not None]
    return TrainResult(
        out=str(out),
        model=str(recipe.model),
        objective=str(recipe.objective or ""),
        engine=str(recipe.engine),
        device=device,
        epochs=len(history),
        best_epoch=fitted.best_epoch,
        stopped=fitted.stopped,
        train_loss=shown.train_loss,
        valid_loss=valid[-1].valid_loss if valid else None,
        metrics=valid[-1].metrics if valid else {},
        stage_losses=list(_stage_losses(history)),
        seconds=seconds,
        history=str(history_path(out)),
        settings=None if search.settings is None else str(search.settings),
        evidence=search.evidence,
    )


def _stage_losses(history: list[EpochResult]) -> Iterator[dict[str, float | int | None]]:
    """Yield the losses at the end of each stage."""
    for number, result in enumerate(history):
        if number + 1 == len(history) or history[number + 1].stage != result.stage:
            yield {
                "stage": result.stage,
                "epochs": result.epoch,
                "train_loss": result.train_loss,
                "valid_loss": result.valid_loss,
            }
