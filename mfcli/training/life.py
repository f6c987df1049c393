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

import torch

from mfcli.config import Schedule, TrainConfig
from mfcli.config.metrics import Better, better_of
from mfcli.errors import DivergedError
from mfcli.models.modules import FactorModel
from mfcli.results import EpochResult, Progress
from mfcli.training.engines.base import EpochLoss, TrainingEngine

# (validation loss, metrics) of the weights as they are.
Validate = Callable[[], tuple[float | None, dict[str, float]]]
EngineFor = Callable[[TrainConfig, int], TrainingEngine]


def learning_rate_at(config: TrainConfig, epoch: int) -> float:
    """Return the learning rate of epoch 1, 2, … of a stage, by its schedule.

    exponential: lr·decay^e; inverse: lr/(1 + decay·e); linear: lr·(1 − e/E);
    cosine: lr·(1 + cos(π·e/E))/2, with e = epoch − 1 and E epochs in all.
    """
    rate, e, last = config.learning_rate or 0.0, epoch - 1, config.epochs or 1
    decay = 0.0 if config.decay is None else config.decay
    if config.schedule is Schedule.exponential:
        try:
            return float(rate * decay**e)
        except OverflowError:  # the epoch diverges, and says so
            return math.inf
    if config.schedule is Schedule.inverse:
        return rate / (1 + decay * e)
    if config.schedule is Schedule.linear:
        return rate * (1 - e / last)
    if config.schedule is Schedule.cosine:
        return rate * (1 + math.cos(math.pi * e / last)) / 2
    return rate


class Training:
    """One training run. ``events()`` yields progress and epoch results; then the model is trained.

    ``state()`` is at any time the state after the last whole epoch: what is interrupted within an
    epoch goes on from its beginning.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: FactorModel,
        engine_for: EngineFor,
        validate: Validate | None = None,
        unit: float = 1.0,
    ) -> None:
        """Take a resolved configuration and the model to train in place.

        ``unit`` is what the engine's ratings were divided by: losses are shown times its square.
        """
        self.config = config
        self.model = model
        self.engine_for = engine_for
        self.validate = validate
        self.unit = unit
        self.history: list[EpochResult] = []
        self.stopped = "epochs"
        self._stage = 0  # position: stages done, and epochs done in the one that runs
        self._epoch = 0
        self._stages = config.stage_configs()
        self._engine: TrainingEngine | None = None
        self._snapshot: dict[str, Any] = {}
        self._best: dict[str, Any] | None = None  # value, epoch, stage, weights
        self._waited = 0

    @property
    def begun(self) -> bool:
        """Whether there is a state to go on from."""
        return bool(self._snapshot)

    def state(self) -> dict[str, Any]:
        """Return weights, engine state, position, best epoch and history, for ``restore``."""
        history = [dataclasses.asdict(each) for each in self._snapshot["history"]]
        return self._snapshot | {"history": history}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``state`` returned.

        Raises whatever a state of another shape makes of it, ValueError for one that cannot be.
        """
        self.history = [EpochResult(**each) for each in state["history"]]
        self._stage, self._epoch = int(state["stage"]), int(state["epoch"])
        self._best, self._waited = state["best"], int(state["waited"])
        done = len(self.history)
        if [each.epoch for each in self.history] != list(range(1, done + 1)):
            raise ValueError("its history is not that of whole epochs")
        if not (0 <= self._stage < len(self._stages) and 0 <= self._epoch <= done):
            raise ValueError("its position is none of this training")
        if self._best is not None:
            self.model.load_state_dict(self._best["weights"])
            if not 1 <= self._best["epoch"] <= done or not math.isfinite(self._best["value"]):
                raise ValueError("its best epoch is none of its own")
        self.model.load_state_dict(state["weights"])
        if not all(bool(torch.isfinite(each).all()) for each in self.model.parameters()):
            raise ValueError("a weight in it is not finite")
        self._engine = self.engine_for(self._stages[self._stage], self._stage)
        self._engine.load_state(state["engine"])

    def events(self) -> Iterator[Progress | EpochResult]:
        """Train. Raises DivergedError when a loss or a weight is not finite."""
        began = time.perf_counter()
        while self._stage < len(self._stages) and self.stopped == "epochs":
            stage = self._stages[self._stage]
            if self._engine is None:  # else ``restore`` has made it
                self._engine = self.engine_for(stage, self._stage)
            self._take_snapshot()
            yield from self._run_stage(stage, began)
            if self._best is not None:
                self.model.load_state_dict(self._best["weights"])
            if self.stopped == "time limit":
                return
            if self._stage + 1 < len(self._stages):
                self.stopped = "epochs"
            self._stage, self._epoch, self._waited = self._stage + 1, 0, 0
            self._engine = None

    @property
    def best_epoch(self) -> int | None:
        """The epoch (over all stages) whose weights were kept, None without early stopping."""
        return None if self._best is None else int(self._best["epoch"])

    def _run_stage(self, stage: TrainConfig, began: float) -> Iterator[Progress | EpochResult]:
        longest, epochs = 0.0, stage.epochs or 1  # a closed form has one
        while self._epoch < epochs:
            if stage.patience is not None and self._waited >= stage.patience:
                self.stopped = "early"
                return
            if self._out_of_time(began, longest):
                self.stopped = "time limit"
                return
            started = time.perf_counter()
            rate = learning_rate_at(stage, self._epoch + 1)
            train_loss = math.nan
            for event in self._one_epoch(rate):
                if isinstance(event, EpochLoss):
                    train_loss = event.loss
                    continue
                yield event
                if self.history and self._out_of_time(began, 0.0):
                    # The whole epochs stand; this one began and cannot end in time.
                    self.model.load_state_dict(self._snapshot["weights"])
                    self.stopped = "time limit"
                    return
            self._check_finite(train_loss, rate)
            seconds = time.perf_counter() - started
            longest = max(longest, seconds)
            self._epoch += 1
            result = self._evaluated(stage, rate, train_loss, seconds)
            self.history.append(result)
            self._take_snapshot()
            yield result

    def _out_of_time(self, began: float, ahead: float) -> bool:
        limit = self.config.time_limit
        if limit is None or not self.history:
            return False
        return time.perf_counter() - began + ahead > limit

    def _one_epoch(self, rate: float) -> Iterator[Progress | EpochLoss]:
        assert self._engine is not None
        for event in self._engine.epoch(self._epoch + 1, rate):
            if event.loss is not None and self.unit != 1.0:
                event = dataclasses.replace(event, loss=event.loss * self.unit**2)
            if event.loss is not None:
                self._check_finite(event.loss, rate, weights=False)
            yield event

    def _check_finite(self, loss: float, rate: float, weights: bool = True) -> None:
        finite = math.isfinite(loss) and (
            not weights or all(bool(torch.isfinite(each).all()) for each in self.model.parameters())
        )
        if not finite:
            raise DivergedError(
                f"training diverged in epoch {len(self.history) + 1} (loss {loss}, learning rate "
                f"{rate:g}): choose a smaller --learning-rate or a larger --regularization"
            )

    def _evaluated(
        self, stage: TrainConfig, rate: float, train_loss: float, seconds: float
    ) -> EpochResult:
        """Return the epoch's result, and keep its weights if it is the best one so far."""
        number = len(self.history) + 1
        assert self._engine is not None
        result = EpochResult(
            epoch=number,
            stage=self._stage + 1,
            learning_rate=rate,
            train_loss=train_loss,
            valid_loss=None,
            metrics={},
            seconds=seconds,
            ratings_per_second=self._engine.n_samples / max(seconds, 1e-9),
        )
        due = self._epoch % stage.eval_every == 0 or self._epoch == (stage.epochs or 1)
        if self.validate is None or not due:
            return result
        valid_loss, metrics = self.validate()
        result = dataclasses.replace(result, valid_loss=valid_loss, metrics=metrics)
        if stage.patience is None:
            return result
        name = next(iter(metrics), "loss")
        value = metrics.get(name, valid_loss)
        assert value is not None
        better = -value if better_of(name) is Better.lower else value
        if self._best is None or better > self._best["value"]:
            weights = {key: each.clone() for key, each in self.model.state_dict().items()}
            self._best = {"value": better, "epoch": number, "weights": weights}
            self._waited = 0
            return dataclasses.replace(result, best=True)
        self._waited += 1
        return result

    def _take_snapshot(self) -> None:
        assert self._engine is not None
        self._snapshot = {
            "weights": {key: each.clone() for key, each in self.model.state_dict().items()},
            "engine": copy.deepcopy(self._engine.state()),
            "stage": self._stage,
            "epoch": self._epoch,
            "best": self._best,
            "waited": self._waited,
            "history": list(self.history),
        }
