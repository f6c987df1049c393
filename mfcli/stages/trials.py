"""The list of a search's trainings, OUT.trials.csv: what it shows, and goes on from."""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfcli import __version__
from mfcli.artifacts import atomic_file, open_input
from mfcli.artifacts.meta import to_json
from mfcli.artifacts.records import csv_records
from mfcli.config import TuneConfig
from mfcli.config.ranges import described
from mfcli.config.spaces import Space
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent, TrialResult
from mfcli.wording import counted

SAVE_SECONDS = 0.5  # it is saved at most this often
# What the name of a search begins with: another where the same options would draw other trials.
_ANEW = ": start without --resume"
_SCHEME = "near:"


class TrialsFile:
    """OUT.trials.csv: a line a training, by round and trial; unlike the TOML it holds timings."""

    def __init__(
        self,
        path: Path,
        config: TuneConfig,
        space: Space,
        defaults: Mapping[str, Any],
        inputs: list[dict[str, Any]],
        on_event: OnEvent,
    ) -> None:
        self.path, self.config, self.on_event = path, config, on_event
        self.defaults = defaults  # on the data
        self.names = config.metrics
        # The options that have a column; epochs, which differ by round, have their own.
        self.drawn = [name for name in space if name != "epochs"]
        self.identity = _identity(config, space, inputs)
        self.taken = 0
        self._rows: dict[tuple[int, int], list[Any]] = {}
        self._saved = time.perf_counter()

    def take(self, result: TrialResult, is_new: bool) -> None:
        """Add a training; show and save it, if it is new."""
        self.taken += 1
        if not is_new:
            return
        recipe = self.config.trial_recipe(result.options)
        options = recipe.options if result.trial else self.defaults
        self._rows[result.rung, result.trial] = [
            self.identity,
            result.trial,
            result.rung + 1,
            result.epochs,
            result.status,
            *(result.metrics.get(name) for name in self.names),
            round(result.seconds, 6),
            *(options.get(name) for name in self.drawn),
        ]
        if time.perf_counter() - self._saved > SAVE_SECONDS:
            self.save()
        self.on_event(result)

    def save(self) -> None:
        """Write the file, if there is a training."""
        if not self._rows:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        head = ["search", "trial", "rung", "epochs", "status", *self.names, "seconds"]
        writer.writerow([*head, *self.drawn])
        writer.writerows(self._rows[key] for key in sorted(self._rows))
        with atomic_file(self.path) as stream:
            stream.write(text.getvalue().encode())
        self._saved = time.perf_counter()

    def load(self) -> dict[tuple[int, int], TrialResult]:
        """Read the trainings of an interrupted search, by trial and round."""
        if not self.path.exists():
            raise InputError(f"{self.path}: no interrupted search to resume{_ANEW}")
        with open_input(self.path) as stream:
            text = stream.read().decode("utf-8", "replace")
        known: dict[tuple[int, int], TrialResult] = {}
        try:
            for row in csv_records(text):
                if not row["search"].startswith(_SCHEME):
                    raise UsageError(
                        "--resume: the interrupted search is of an earlier version, which drew its "
                        f"trials otherwise{_ANEW}"
                    )
                if row["search"] != self.identity:
                    raise UsageError(
                        "--resume: the interrupted search had other options or inputs than this one"
                        f"{_ANEW}"
                    )
                result = self._read_row(row)
                self._rows[result.rung, result.trial] = list(row.values())
                if result.status in ("ok", "diverged", "not defined"):
                    known[result.trial, result.rung] = result
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{self.path}: is damaged{_ANEW}") from None
        done = counted(len(known), "training was", "trainings were")
        self.on_event(Noted(f"{done} done before the interruption"))
        return known

    def load_if_any(self) -> dict[tuple[int, int], TrialResult]:
        """Read the trainings of an interrupted search, if there is one that this one goes on from.

        Else there are none, and it is said why.
        """
        if not self.path.exists():
            return {}
        try:
            return self.load()
        except (UsageError, InputError) as error:
            self._rows.clear()
            why = str(error).removeprefix("--resume: ").removesuffix(_ANEW)
            self.on_event(Noted(f"the search starts anew: {why}"))
            return {}

    def _read_row(self, row: dict[str, str]) -> TrialResult:
        metrics = {name: float(row[name]) for name in self.names if row[name]}
        status = row["status"]
        options = {"epochs": int(row["epochs"])} if row["epochs"] else {}
        return TrialResult(
            trial=int(row["trial"]),
            rung=int(row["rung"]) - 1,
            epochs=options.get("epochs"),
            status=status,
            value=metrics[self.names[0]] if status == "ok" else None,
            metrics=metrics,
            seconds=float(row["seconds"]),
            options=options,
        )


def _identity(config: TuneConfig, space: Space, inputs: list[dict[str, Any]]) -> str:
    """Return what tells this search from one with other options or inputs: 16 hex digits."""
    what = {
        "mfcli": __version__,
        "inputs": inputs,
        "options": config.stored(),
        "space": described(space),
    }
    return _SCHEME + hashlib.sha256(to_json(what).encode()).hexdigest()[:16]
