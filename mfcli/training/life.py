"""The life of a training run, whatever the engine.

Stages, schedule, validation, early stopping, time limit, divergence, and the state that a resumed
run goes on from.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from mfcli.config import Engine, Recipe
from mfcli.config.metrics import Better, better_of
from mfcli.errors import DivergedError, is_out_of_memory
from mfcli.events import EpochResult, Progress
from mfcli.models.tables import Tables
from mfcli.training.engines.base import EpochLoss, TrainingEngine
from mfcli.training.schedules import learning_rate_at

# (validation loss, metrics) of the weights as they are.
Validate = Callable[[], tuple[float | None, dict[str, float]]]
EngineFor = Callable[[Recipe, int], TrainingEngine]
State = dict[str, Any]  # what ``Training.state`` returns: arrays and plain values
# Is handed a function that makes the state after the last whole epoch, whenever there is a new one.
OnState = Callable[[Callable[[], State]], None]

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError)


class StateError(ValueError):
    """A state to resume from that this training cannot have left."""


def forget(make_state: Callable[[], State]) -> None:
    """Keep no state."""


class Training:
    """One training run. ``events()`` yields progress and epoch results; then the model is trained.

    ``state()`` is at any time the state after the last whole epoch: what is interrupted within an
    epoch goes on from its beginning.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: Tables,
        engine_for: EngineFor,
        validate: Validate | None = None,
        *,
        loss_scale: float = 1.0,
        on_state: OnState = forget,
    ) -> None:
        """Take the model to train in place, and what makes the engine of a stage.

        ``loss_scale`` is what the engine's losses are multiplied by before they are shown.
        """
        self.recipe = recipe
        self.model = model
        self.engine_for = engine_for
        self.validate = validate
        self.loss_scale = loss_scale
        self.on_state = on_state
        self.history: list[EpochResult] = []
        self.stopped = "epochs"
        self._stages = recipe.steps
        self._stage = 0  # position: stages done, and epochs done in the one that runs
        self._epoch = 0
        self._engine: TrainingEngine | None = None
        self._snapshot: State = {}
        self._best: dict[str, Any] | None = None  # value, epoch, weights
        self._waited = 0  # evaluations since the best one
        self._longest = 0.0  # seconds of the longest epoch of the stage
        self._entered = False  # whether the stage that runs has begun in this process

    @property
    def best_epoch(self) -> int | None:
        """The epoch (over all stages) whose weights were kept, None without early stopping."""
        return None if self._best is None else int(self._best["epoch"])

    def state(self) -> State:
        """Return weights, engine state, position, best epoch and history, for ``restore``."""
        history = [dataclasses.asdict(result) for result in self._snapshot["history"]]
        return self._snapshot | {"history": history}

    def restore(self, state: State) -> None:
        """Go on from a state that ``state`` returned; raises StateError for any other."""
        try:
            self._restore(state)
        except UNREADABLE as error:
            if is_out_of_memory(error):
                raise
            raise StateError(str(error).partition("\n")[0]) from None

    def _restore(self, state: State) -> None:
        self.history = [EpochResult(**result) for result in state["history"]]
        self._stage, self._epoch = int(state["stage"]), int(state["epoch"])
        self._best, self._waited = state["best"], int(state["waited"])
        done = len(self.history)
        if [result.epoch for result in self.history] != list(range(1, done + 1)):
            raise ValueError("its history does not number the epochs from 1")
        if not (0 <= self._stage < len(self._stages) and 0 <= self._epoch <= done):
            raise ValueError("its position lies outside this training")
        if self._best is not None:
            self.model.load(self._best["weights"])
            if not 1 <= self._best["epoch"] <= done or not math.isfinite(self._best["value"]):
                raise ValueError("the best epoch lies outside this run's history")
        self.model.load(state["weights"])
        if not self.model.are_finite():
            raise ValueError("a weight in it is not finite")
        self._engine = self.engine_for(self._stages[self._stage], self._stage)
        self._engine.load_state(state["engine"])

    def events(self) -> Iterator[Progress | EpochResult]:
        """Train. Raises DivergedError when a loss or a weight is not finite."""
        began = time.perf_counter()
        while (stage := self._next(began)) is not None:
            started, train_loss = time.perf_counter(), math.nan
            rate = learning_rate_at(stage, self._epoch + 1)
            assert self._engine is not None
            for event in self._engine.epoch(self._epoch + 1, rate):
                loss = self._shown(event.loss, rate)
                if isinstance(event, EpochLoss):
                    train_loss = event.loss * self.loss_scale
                    continue
                yield Progress(event.done, event.total, loss)
                if self._is_late(began):
                    self._leave_epoch()
                    break
            else:
                self._check_finite(train_loss, rate, self.model.are_finite())
                seconds = time.perf_counter() - started
                yield self._end_epoch(stage, rate, train_loss, seconds)

    def _next(self, began: float) -> Recipe | None:
        """Return the stage that the next epoch belongs to, None where there is no next epoch."""
        while self.stopped != "time limit" and self._stage < len(self._stages):
            stage = self._stages[self._stage]
            if not self._entered:
                self._enter(stage)
            if self._epoch < stage.ends:
                if stage.patience and self._waited >= stage.patience:
                    self.stopped = "early"
                elif self._is_late(began, self._longest):
                    self.stopped = "time limit"
                else:
                    return stage
            self._load_best()
            if self.stopped != "time limit":
                self._leave()
        return None

    def _enter(self, stage: Recipe) -> None:
        if self._engine is None:  # else ``restore`` has made it
            self._engine = self.engine_for(stage, self._stage)
        self._entered, self._longest = True, 0.0
        self._take_snapshot()

    def _leave(self) -> None:
        self._stage, self._epoch, self._waited = self._stage + 1, 0, 0
        self._engine, self._entered = None, False
        if self._stage < len(self._stages):
            self.stopped = "epochs"

    def _load_best(self) -> None:
        if self._best is not None:
            self.model.load(self._best["weights"])

    def _leave_epoch(self) -> None:
        """Give up an epoch that cannot end in time: the whole ones before it stand."""
        self.model.load(self._snapshot["weights"])
        self.stopped = "time limit"
        self._load_best()

    def _is_late(self, began: float, ahead: float = 0.0) -> bool:
        """Tell whether the time limit passes within ``ahead`` seconds. One epoch is always run."""
        if not self.history:
            return False
        return time.perf_counter() - began + ahead > self.recipe.time_limit

    def _shown(self, loss: float | None, rate: float) -> float | None:
        """Return a loss on the scale that is shown; raises DivergedError where it is not finite."""
        if loss is None:
            return None
        loss *= self.loss_scale
        self._check_finite(loss, rate)
        return loss

    def _check_finite(self, loss: float, rate: float, weights_are_finite: bool = True) -> None:
        if not (math.isfinite(loss) and weights_are_finite):
            raise DivergedError(
                f"training diverged in epoch {len(self.history) + 1} (loss {loss}, learning rate "
                f"{rate:g}): choose a smaller --learning-rate or a larger --regularization"
            )

    def _end_epoch(
        self, stage: Recipe, rate: float, train_loss: float, seconds: float
    ) -> EpochResult:
        """Evaluate where it is due; keep the epoch in the history and in the state."""
        assert self._engine is not None
        self._longest = max(self._longest, seconds)
        self._epoch += 1
        result = EpochResult(
            epoch=len(self.history) + 1,
            stage=self._stage + 1,
            learning_rate=rate,
            train_loss=train_loss,
            valid_loss=None,
            metrics={},
            seconds=seconds,
            ratings_per_second=self._engine.n_samples / max(seconds, 1e-9),
        )
        due = self._epoch % stage.eval_every == 0 or self._epoch == stage.ends
        if self.validate is not None and due:
            valid_loss, metrics = self.validate()
            result = dataclasses.replace(result, valid_loss=valid_loss, metrics=metrics)
            if stage.patience:
                result = dataclasses.replace(result, best=self._is_best(result))
        self.history.append(result)
        self._take_snapshot()
        return result

    def _is_best(self, result: EpochResult) -> bool:
        """Tell whether an evaluation is the best so far; its weights are kept if it is."""
        name = next(iter(result.metrics), "loss")
        value = result.metrics.get(name, result.valid_loss)
        assert value is not None
        better = -value if better_of(name) is Better.lower else value
        if self._best is None or better > self._best["value"]:
            self._best = {"value": better, "epoch": result.epoch, "weights": self.model.copied()}
            self._waited = 0
            return True
        self._waited += 1
        return False

    def _take_snapshot(self) -> None:
        assert self._engine is not None
        if self.recipe.engine is Engine.closed_form:
            return  # there is nothing between its start and its end, and its weights may be large
        self._snapshot = {
            "weights": self.model.copied(),
            "engine": copy.deepcopy(self._engine.state()),
            "stage": self._stage,
            "epoch": self._epoch,
            "best": self._best,
            "waited": self._waited,
            "history": list(self.history),
        }
        self.on_state(self.state)
