"""What a training keeps beside model.pt: the state that --resume goes on from, and its history."""

from __future__ import annotations

import csv
import dataclasses
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mfcli.artifacts import atomic_file, meta_for
from mfcli.artifacts.checkpoint import load_resume, save_resume
from mfcli.config import Recipe, TrainConfig
from mfcli.errors import InputError, InterruptedRunError, UsageError
from mfcli.events import EpochResult
from mfcli.training.life import State

# What an option that an earlier version did not have had been.
_NEUTRAL = {field.name: field.default for field in dataclasses.fields(Recipe)}
# A resumable state is saved at most this often, and at most 5 % of the time goes into it.
SAVE_SECONDS, SAVE_SHARE = 1.0, 0.05


class UnfitStateError(Exception):
    """What is left of an interrupted run is damaged, or of a run of other files or options."""


class OtherStateError(UnfitStateError, InputError):
    """It is damaged, or had other input files."""


class OtherOptionsError(UnfitStateError, UsageError):
    """It had other options."""


class StateFile:
    """OUT.resume: what an interrupted run goes on from, kept while a training runs."""

    def __init__(
        self,
        out: Path,
        recipe: Recipe,
        lineage: Callable[[], list[dict[str, Any]]],
        inputs: list[dict[str, Any]],
    ) -> None:
        self.out, self.path = out, state_path(out)
        self.options, self.inputs = dict(recipe.options), inputs
        self._lineage, self._given = lineage, sorted(recipe.chosen)
        self.meta = self._meta()
        self.resumed = False
        self._make_state: Callable[[], State] | None = None
        self._saved, self._cost = time.perf_counter(), 0.0

    def load(self) -> State:
        """Return the state of the interrupted run; raises InputError, or UsageError for another."""
        if not self.path.exists():
            raise InputError(f"{self.path}: no interrupted run to resume: start without --resume")
        try:
            document = load_resume(self.path)
        except InputError as error:
            raise OtherStateError(str(error)) from None
        try:
            inputs, then, state = document["inputs"], document["options"], document["state"]
            names = sorted((then.keys() | self.options.keys()) - TrainConfig.retired.keys())
        except (KeyError, TypeError, AttributeError) as error:
            raise self.damaged(error) from None
        # What it began from is in the state by now, whether it is there still or not.
        if [it for it in inputs if it.get("role") != "init_from"] != self.inputs:
            raise OtherStateError(
                f"{self.path}: the interrupted run had other input files: start without --resume"
            )
        for name in names:
            before = then.get(name, _NEUTRAL.get(name))
            if before != self.options.get(name):
                raise OtherOptionsError(
                    f"--resume: the interrupted run had {name} {before}, this one has "
                    f"{self.options.get(name)}: give the same options, or start without --resume"
                )
        self.inputs[:] = inputs
        self.meta = self._meta()
        self.resumed = True
        return state

    def _meta(self) -> dict[str, Any]:
        return meta_for("resume", self._lineage(), given=self._given)

    def keep(self, make_state: Callable[[], State]) -> None:
        """Save the state, if the last time is long enough ago."""
        if self._make_state is None and not self.resumed:
            self.path.unlink(missing_ok=True)  # of an earlier run, which is given up now
        begins, self._make_state = self._make_state is None, make_state
        since = time.perf_counter() - self._saved
        if not begins and since >= max(SAVE_SECONDS, self._cost / SAVE_SHARE):
            self.save()

    def save(self) -> None:
        """Write the state after the last whole epoch, and the history so far."""
        if self._make_state is None:
            return
        began = time.perf_counter()
        state = self._make_state()
        document = {"meta": self.meta, "options": self.options, "inputs": self.inputs}
        save_resume(self.path, document | {"state": state})
        save_history(self.out, [EpochResult(**result) for result in state["history"]])
        self._saved = time.perf_counter()
        self._cost = self._saved - began

    def interrupted(self) -> InterruptedRunError:
        """Save the state, and return the error that says how to go on."""
        if self._make_state is None:
            return InterruptedRunError("interrupted before the first epoch")
        self.save()
        done = len(self._make_state()["history"])
        return InterruptedRunError(
            f"interrupted after epoch {done}: go on with --resume (state in {self.path})"
        )

    def damaged(self, error: Exception) -> InputError:
        """Return the error that refuses the file."""
        return OtherStateError(f"{self.path}: is damaged ({error}): start without --resume")


def save_history(out: Path, history: list[EpochResult]) -> None:
    """Write the history with its timings; unlike the checkpoint it differs from run to run."""
    names = sorted({name for result in history for name in result.metrics})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["epoch", "stage", "learning_rate", "train_loss", "valid_loss"]
    writer.writerow([*head, *names, "seconds", "ratings_per_second"])
    for result in history:
        values: list[Any] = [getattr(result, name) for name in head]
        values += [result.metrics.get(name) for name in names]
        writer.writerow([*values, round(result.seconds, 6), round(result.ratings_per_second)])
    with atomic_file(history_path(out)) as stream:
        stream.write(text.getvalue().encode())


def state_path(out: Path) -> Path:
    """Return where the state of the training of a model is."""
    return out.with_name(out.name + ".resume")


def history_path(out: Path) -> Path:
    """Return where its history is."""
    return out.with_suffix(".history.csv")
