"""``mfcli train``: a matrix → model.pt, with model.pt.resume while it runs."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_entry,
    lineage_of,
    load_interactions,
    matrix_headers,
    meta_for,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.checkpoint import (
    Checkpoint,
    load_resume,
    load_weights,
    save_checkpoint,
    save_resume,
)
from mfcli.config import (
    Confidence,
    Engine,
    ModelKind,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    TrainConfig,
)
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.errors import (
    DivergedError,
    InputError,
    InterruptedRunError,
    UsageError,
    is_out_of_memory,
)
from mfcli.kernels.announcing import compiling
from mfcli.models.modules import FactorModel, allocate
from mfcli.models.warm_start import grown
from mfcli.results import (
    EpochResult,
    Noted,
    OnEvent,
    TrainingStarted,
    TrainResult,
    Warned,
    ignore,
)
from mfcli.system import capacity
from mfcli.system.processors import available_workers
from mfcli.training.defaults import with_weight
from mfcli.training.engines import make_engine
from mfcli.training.engines.base import TrainingEngine
from mfcli.training.engines.devices import choose_device, torch_threads
from mfcli.training.fit import fresh_model, settle
from mfcli.training.life import Training
from mfcli.training.units import in_units, rating_unit
from mfcli.training.validation import Validator

# Options that change how fast the same model is reached, not which.
NOT_STORED = ("device", "workers", "time_limit", "valid", "init_from")
# A resumable state is saved at most this often, and at most 5 % of the time goes into it.
SAVE_SECONDS, SAVE_SHARE = 1.0, 0.05


def train(
    source: Path,
    out: Path,
    config: TrainConfig,
    on_event: OnEvent = ignore,
    *,
    resume: bool = False,
) -> TrainResult:
    """Train on the matrix ``source`` and write the checkpoint ``out`` and its history CSV.

    Raises UsageError, InputError, DivergedError, InterruptedRunError; ``out`` appears only when
    training completes, and what an interrupted run needs to go on is in ``out``.resume.
    """
    config = config.resolved()
    if resume and config.init_from:
        raise UsageError("--resume goes on from its own state: leave out --init-from")
    real_output(out)
    refuse_input_as_output(out, source, config.valid)
    device = choose_device(config.device, config.engine)
    torch.set_num_threads(torch_threads(config, available_workers()))
    with output_lock(out), compiling(on_event):
        return _Run(source, out, config, device, on_event).train(resume)


class _Run:
    """One call of train, with what its steps share."""

    def __init__(
        self, source: Path, out: Path, config: TrainConfig, device: torch.device, on_event: OnEvent
    ) -> None:
        self.out, self.config, self.device, self.on_event = out, config, device, on_event
        self.workers = config.workers or available_workers()
        self.resume_path = out.with_name(out.name + ".resume")
        self.history_path = out.with_suffix(".history.csv")
        self._require(source)
        self.matrix = load_interactions(source)
        config = self.config = with_weight(config, self.matrix)
        self.inputs = [{"role": "train", "sha256": file_sha256(source)}]
        if not self.matrix.n_ratings:
            raise InputError(f"{source}: has no rating to train on")
        self.valid = self._load_valid(source)
        self.unit = rating_unit(config, self.matrix)
        self.scaled = in_units(self.matrix, self.unit)  # what engines see
        self.model = self._start_model()
        validator = None
        if self.valid is not None:
            valid = in_units(self.valid, self.unit)
            validator = Validator(self.model, self.scaled, valid, config, self.unit)
        self.training = Training(config, self.model, self._engine, validator, self.unit)
        self._saved = time.perf_counter()
        self._save_cost = 0.0

    def _require(self, source: Path) -> None:
        """Say no before a training that memory or disk cannot hold."""
        heads = matrix_headers(source)
        if not {"indices", "user_ids", "item_ids"} <= heads.keys():
            return  # loading says what is wrong
        n_users, n_items = heads["user_ids"].length, heads["item_ids"].length
        with torch.device("meta"):
            model = allocate(self.config, n_users, n_items)
        tables = sum(each.numel() * each.element_size() for each in model.state_dict().values())
        ratings, batch = heads["indices"].length, None
        if self.config.engine is Engine.minibatch:
            size = self.config.batch_size
            rows = ratings if size in (None, "full") else min(ratings, int(str(size)))
            batch = 4 * rows * (1 + (self.config.negatives or 0)) * max(1, self.config.factors or 0)
        stored = sum(each.n_bytes for each in heads.values())
        mend = "take fewer --factors" + (", or a smaller --batch-size" if batch else "")
        capacity.require_memory(
            f"training {n_users:,} users × {n_items:,} items on {ratings:,} ratings",
            capacity.training(ratings, stored, tables, batch),
            mend,
            self.on_event,
        )
        moments = 2 * tables if self.config.optimizer is Optimizer.adam else 0
        capacity.require_disk(self.out, tables + moments + tables + 4 * ratings)

    def _load_valid(self, source: Path) -> Interactions | None:
        if self.config.valid is None:
            return None
        path = Path(self.config.valid)
        valid = load_interactions(path)
        check_held_out(
            valid,
            path,
            self.matrix.meta,
            self.matrix.catalog,
            self.matrix.rows,
            source,
        )
        self.inputs.append({"role": "valid", "sha256": file_sha256(path)})
        return valid

    def _start_model(self) -> FactorModel:
        model = fresh_model(self.config, self.scaled)
        if self.config.init_from:
            self._load_start(model, Path(self.config.init_from))
        settle(model, self.config, self.matrix)
        return model.to(self.device)

    def _load_start(self, model: FactorModel, path: Path) -> None:
        weights, catalog = load_weights(path)
        unit = 1.0 if catalog is None else self.unit  # a resume file's are in units already
        model.rescale(unit)
        start = grown(model, weights, catalog, self.matrix.catalog, path)
        model.load_state_dict(start.weights)
        model.rescale(1.0 / unit)
        self.inputs.append({"role": "init_from", "sha256": file_sha256(path)})
        if start.kept is not None:
            kept, ours = start.kept, (self.matrix.n_users, self.matrix.n_items)
            self.on_event(
                Noted(
                    f"{path}: {kept[0]} users and {kept[1]} items go on from it, "
                    f"{ours[0] - kept[0]} users and {ours[1] - kept[1]} items start anew"
                )
            )

    def _engine(self, config: TrainConfig, stage: int) -> TrainingEngine:
        return make_engine(self.model, self.scaled, config, stage, self.workers)

    def train(self, resume: bool) -> TrainResult:
        began = time.perf_counter()
        if resume:
            self._restore()
        else:
            self.resume_path.unlink(missing_ok=True)
        self._warn()
        stages = self.config.stage_configs()
        self.on_event(
            TrainingStarted(
                title=" · ".join(
                    str(each)
                    for each in (self.config.model, self.config.objective, self.config.engine)
                    if each
                ),
                epochs=sum(each.epochs or 1 for each in stages),
                n_ratings=self.matrix.n_ratings,
                device=str(self.device),
                metric_names=tuple(self.config.metric),
                done=len(self.training.history),
            )
        )
        try:
            for event in self.training.events():
                self.on_event(event)
                if isinstance(event, EpochResult):
                    self._after_epoch()
            return self._finish(time.perf_counter() - began)
        except (KeyboardInterrupt, InterruptedRunError):
            if not self.training.begun:
                raise InterruptedRunError("interrupted before the first epoch") from None
            self._save_state()
            raise InterruptedRunError(
                f"interrupted after epoch {len(self.training.history)}: go on with --resume "
                f"(state in {self.resume_path})"
            ) from None
        except DivergedError as error:
            self._save_state()
            raise DivergedError(f"{error} (last good state in {self.resume_path})") from None

    def _restore(self) -> None:
        if not self.resume_path.exists():
            raise InputError(
                f"{self.resume_path}: no interrupted run to resume: start without --resume"
            )
        document = load_resume(self.resume_path)
        try:
            self._take_up(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{self.resume_path}: is damaged ({reason}): start without --resume"
            ) from None
        self.on_event(Noted(f"resuming after epoch {len(self.training.history)}"))

    def _take_up(self, document: dict[str, Any]) -> None:
        if document["inputs"] != self.inputs:
            raise InputError(
                f"{self.resume_path}: the interrupted run had other input files: "
                "start without --resume"
            )
        then, now = document["options"], self._options()
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                raise UsageError(
                    f"--resume: the interrupted run had {name} {then.get(name)}, this one has "
                    f"{now.get(name)}: give the same options, or start without --resume"
                )
        self.training.restore(document["state"])

    def _warn(self) -> None:
        lock_free = (
            self.config.sampled
            or self.config.order is Order.free
            or self.config.model is ModelKind.svdpp
        )
        if self.config.engine is Engine.hogwild and lock_free and self.workers > 1:
            self.on_event(
                Noted(
                    f"{self.workers} threads without locks: another run differs in its last bits; "
                    "--workers 1 repeats exactly"
                )
            )
        weighed = {PositiveWeight.linear, PositiveWeight.log, Confidence.linear, Confidence.log}
        if self.config.objective in (None, Objective.mse) or weighed & {
            self.config.positive_weight,
            self.config.confidence,
        }:
            return
        ratings = self.matrix.data
        weigh = "--positive-weight" if self.config.sampled else "--confidence"
        if ratings.min() < ratings.max():
            self.on_event(
                Warned(
                    f"--objective {self.config.objective} takes every rating as a positive, and "
                    f"they differ ({ratings.min():g} to {ratings.max():g}): "
                    f"split or fetch with --threshold to keep the good ones, or weigh them with "
                    f"{weigh}"
                )
            )

    def _options(self) -> dict[str, Any]:
        return self.config.options(leave_out=NOT_STORED)

    def _after_epoch(self) -> None:
        since = time.perf_counter() - self._saved
        if since >= max(SAVE_SECONDS, self._save_cost / SAVE_SHARE):
            self._save_state()

    def _save_state(self) -> None:
        began = time.perf_counter()
        state = self.training.state()
        meta = meta_for("resume", self._lineage())
        save_resume(
            self.resume_path,
            {"meta": meta, "options": self._options(), "inputs": self.inputs, "state": state},
        )
        self._save_history()
        self._saved = time.perf_counter()
        self._save_cost = self._saved - began

    def _lineage(self) -> list[dict[str, Any]]:
        entry = lineage_entry("train", self._options(), self.inputs)
        return [*lineage_of(self.matrix.meta), entry]

    def _finish(self, seconds: float) -> TrainResult:
        settle(self.model, self.config, self.matrix)
        if self.unit != 1.0:
            self.model.rescale(self.unit)
        matrix, config, history = self.matrix, self.config, self.training.history
        extra = {name: matrix.meta[name] for name in ("split_id", "fold") if name in matrix.meta}
        checkpoint = Checkpoint(
            self._options(),
            dict(self.model.state_dict()),
            matrix.catalog,
            matrix.indptr,
            matrix.indices,
            (float(matrix.data.min()), float(matrix.data.max())),
            float(matrix.data.mean(dtype=np.float64)),
            [_timeless(each) for each in history],
            meta_for("model", self._lineage(), **extra),
        )
        self._save_history()
        save_checkpoint(self.out, checkpoint)
        self.resume_path.unlink(missing_ok=True)
        best = self.training.best_epoch
        shown = history[best - 1] if best else history[-1]
        valid = [each for each in history[: shown.epoch] if each.valid_loss is not None]
        return TrainResult(
            out=str(self.out),
            model=str(config.model),
            objective=str(config.objective or ""),
            engine=str(config.engine),
            device=str(self.device),
            epochs=len(history),
            best_epoch=best,
            stopped=self.training.stopped,
            train_loss=shown.train_loss,
            valid_loss=valid[-1].valid_loss if valid else None,
            metrics=valid[-1].metrics if valid else {},
            stage_losses=list(_stage_losses(history)),
            seconds=seconds,
            history=str(self.history_path),
        )

    def _save_history(self) -> None:
        """Write the history with its timings; unlike the checkpoint it differs from run to run."""
        history = self.training.history
        names = sorted({name for each in history for name in each.metrics})
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        head = ["epoch", "stage", "learning_rate", "train_loss", "valid_loss"]
        writer.writerow([*head, *names, "seconds", "ratings_per_second"])
        for each in history:
            values: list[Any] = [getattr(each, name) for name in head]
            values += [each.metrics.get(name) for name in names]
            writer.writerow([*values, round(each.seconds, 6), round(each.ratings_per_second)])
        with atomic_file(self.history_path) as stream:
            stream.write(text.getvalue().encode())


def _timeless(result: EpochResult) -> dict[str, Any]:
    return {
        "epoch": result.epoch,
        "stage": result.stage,
        "learning_rate": result.learning_rate,
        "train_loss": result.train_loss,
        "valid_loss": result.valid_loss,
        "metrics": dict(result.metrics),
    }


def _stage_losses(history: list[EpochResult]) -> Iterator[dict[str, float | int | None]]:
    """Yield the losses at the end of each stage."""
    for number, each in enumerate(history):
        if number + 1 == len(history) or history[number + 1].stage != each.stage:
            yield {
                "stage": each.stage,
                "epochs": each.epoch,
                "train_loss": each.train_loss,
                "valid_loss": each.valid_loss,
            }
