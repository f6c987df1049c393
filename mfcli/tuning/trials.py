"""Trainings of a search: one at a time, or side by side without more threads than cores."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import Engine, Objective, Recipe
from mfcli.data.interactions import Interactions
from mfcli.errors import DivergedError
from mfcli.evaluation.measuring import Measured, measure
from mfcli.events import EpochResult, Event, Progress, TrialResult
from mfcli.models.loading import scoring_of
from mfcli.ranking.serving import Trained
from mfcli.training.fit import fit
from mfcli.training.fold_in import fold_in
from mfcli.tuning.tasks import Task

# After so many epochs, or such a part of the only one, it shows how long a training takes, give or
# take so many seconds.
_FORESEEN, _SOON, _DOUBT = 2, 0.1, 0.2


class _LateError(Exception):
    """The time is up, or nobody waits any more."""


class MakesRecipes(Protocol):
    """What turns the options of a trial into what training follows."""

    def trial_recipe(self, options: dict[str, Any]) -> Recipe:
        """Return the recipe; raises UsageError for options that cannot work."""
        ...


@dataclass(frozen=True, eq=False)
class Trainer:
    """Trains a task's model and measures it; sent to worker processes, so it holds data only."""

    train: Interactions
    valid: Interactions
    config: MakesRecipes
    names: tuple[str, ...]  # of metrics, the one that is tuned first
    history: Interactions | None = None  # what is known of the users of valid
    foresees: bool = False  # whether a training ends that, as it goes on, would be too late

    def __call__(self, task: Task, until: float, stopped: Callable[[], bool]) -> TrialResult | None:
        """Return the result; None where the task was not begun before ``until`` (time.time())."""
        if time.time() > until or stopped():
            return None
        began, begun_at = time.perf_counter(), time.time()
        recipe = self.config.trial_recipe(task.options)

        def stop_when_late(event: Event) -> None:
            if not isinstance(event, Progress | EpochResult):
                return
            now = time.time()
            ends = now
            if self.foresees and (done := _done(event, recipe)):
                ends = begun_at + (now - begun_at) / done - _DOUBT
            if max(now, ends) > until or stopped():
                raise _LateError

        metrics: dict[str, float] = {}
        statistic, training = None, 0.0
        try:
            fitted = fit(self.train, recipe, on_event=stop_when_late)
            training = time.perf_counter() - began
            measured = self._measured(fitted.checkpoint, recipe)
            metrics, statistic = measured.metrics, measured.statistics.get(self.names[0])
            status = "ok"
        except DivergedError:
            status = "diverged"
        except _LateError:
            status = "late"
        value = metrics.get(self.names[0])
        if value is not None and value != value:  # not defined: no user could be ranked
            status, value = "not defined", None
        return TrialResult(
            trial=task.trial,
            rung=task.rung,
            epochs=recipe.options.get("epochs"),
            status=status,
            value=value,
            metrics=metrics,
            seconds=time.perf_counter() - began,
            options=task.options,
            training=training,
            statistic=statistic,
        )

    def _measured(self, checkpoint: Checkpoint, recipe: Recipe) -> Measured:
        if self.history is not None:
            checkpoint = fold_in(checkpoint, self.history, recipe.workers or 1).checkpoint
        clip = checkpoint.rating_range if recipe.objective is Objective.mse else None
        return measure(
            scoring_of(checkpoint),
            checkpoint.seen,
            self.valid,
            list(self.names),
            clip=clip,
            workers=recipe.workers,
            trained=Trained.of(checkpoint),
        )


def _done(event: Progress | EpochResult, recipe: Recipe) -> float:
    """Return the part of a training that is done, 0 where it is too little to tell."""
    if isinstance(event, EpochResult):
        return event.epoch / recipe.ends if event.epoch >= _FORESEEN else 0.0
    done = event.done / event.total if event.total and recipe.ends == 1 else 0.0
    return done if done > _SOON else 0.0


def run_tasks(
    trainer: Trainer, tasks: Sequence[Task], jobs: int, until: float
) -> Iterator[TrialResult]:
    """Yield the results of tasks as they come, ``jobs`` at a time, until ``until`` (time.time()).

    Compiled passes leave Python's lock alone and run in threads, which start at once and share the
    data. torch's small steps hold it, so they run in processes of their own (never forked).
    """
    usual = trainer.config.trial_recipe({})
    in_time = itertools.takewhile(lambda _: time.time() < until, tasks)
    by_torch = usual.engine is Engine.minibatch
    if by_torch:
        _set_torch_threads(usual.workers)
    if jobs == 1 or len(tasks) < 2:
        for task in in_time:
            if result := trainer(task, until, _never):
                yield result
        return
    if by_torch:
        yield from _in_processes(trainer, in_time, jobs, until)
        return
    stop = threading.Event()
    # Each product takes one thread; set here once, as threads that set it would undo each other.
    # No joblib here: a thread of its pool that finds no memory leaves the others waiting for ever.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(jobs) as pool:
        try:
            waiting = [pool.submit(trainer, task, until, stop.is_set) for task in tasks]
            for future in as_completed(waiting):
                if (result := future.result()) is not None:
                    yield result
        finally:
            stop.set()  # a training looks at it several times a second; the others do not begin


def _in_processes(
    trainer: Trainer, tasks: Iterable[Task], jobs: int, until: float
) -> Iterator[TrialResult]:
    from joblib import Parallel, delayed  # it warns where there is no memory: only if needed

    parallel = Parallel(n_jobs=jobs, backend="loky", return_as="generator_unordered")
    results = parallel(delayed(_elsewhere)(trainer, task, until, os.getpid()) for task in tasks)
    try:
        yield from (result for result in results if result is not None)
    finally:
        results.close()


def end_processes() -> None:
    """End worker processes, which joblib keeps for further rounds."""
    from joblib.externals.loky import reusable_executor

    if reusable_executor._executor is not None:
        reusable_executor._executor.shutdown(wait=True, kill_workers=True)


def _set_torch_threads(number: int) -> None:
    import torch  # takes seconds, and the other engines do without

    torch.set_num_threads(number)


def _elsewhere(trainer: Trainer, task: Task, until: float, parent: int) -> TrialResult | None:
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
        _set_torch_threads(trainer.config.trial_recipe({}).workers)
    return trainer(task, until, _never)


def _never() -> bool:
    return False
