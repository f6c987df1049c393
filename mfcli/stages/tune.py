"""``mfcli tune``: a matrix → the best settings found, as a TOML file for ``train --config``."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mfcli import __version__
from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    load_interactions,
    open_input,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.meta import to_json
from mfcli.config import Role, SplitConfig, TrainConfig, TuneConfig
from mfcli.config.options import flag, names_with
from mfcli.config.ranges import described
from mfcli.config.spaces import Log
from mfcli.data import splitting
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.errors import DivergedError, InputError, InterruptedRunError, UsageError
from mfcli.events import Noted, OnEvent, TrialResult, TuningStarted, Warned, ignore
from mfcli.kernels.announcing import compiling
from mfcli.results import TuneResult
from mfcli.system.processors import available_workers
from mfcli.training.defaults import for_data, usual_weight
from mfcli.training.engines.devices import choose_device
from mfcli.tuning.search import Halving, Task, best_of, draw, order, scored, search
from mfcli.tuning.trials import Trainer, end_processes, run_tasks

_VALIDATION_STREAM = 2  # of the seed: those of split are 0 and 1
_SHOWN = 10
SAVE_SECONDS = 0.5  # the trials' file is saved at most this often


def tune(
    source: Path, out: Path, config: TuneConfig, on_event: OnEvent = ignore, *, resume: bool = False
) -> TuneResult:
    """Search on the matrix ``source`` and write the best settings to ``out``.

    Every training is a line of ``out``'s .trials.csv, which is also what ``resume`` goes on from.
    Raises UsageError, InputError, InterruptedRunError; DivergedError if no training has a score.
    """
    config = config.ready()
    real_output(out)
    trials_path = out.with_suffix(".trials.csv")
    if trials_path == out:
        raise UsageError(f"--out {out}: that is the name of the trials' own file")
    for each in (out, trials_path):
        refuse_input_as_output(each, source, config.valid)
    with output_lock(out), compiling(on_event):
        return _Search(source, out, trials_path, config, on_event).run(resume)


class _Search:
    """One call of tune, with what its steps share."""

    def __init__(
        self, source: Path, out: Path, trials_path: Path, config: TuneConfig, on_event: OnEvent
    ) -> None:
        self.out, self.trials_path, self.config, self.on_event = out, trials_path, config, on_event
        self.began, self.names = time.perf_counter(), config.metrics
        self.lower = config.lower_is_better
        whole = load_interactions(source)
        self.inputs = [{"role": "train", "sha256": file_sha256(source)}]
        self.train, self.valid, self.held_out = self._parts(whole, source)
        self.space = self._space()
        self.results: list[TrialResult] = []
        self.jobs = self._jobs()
        self.late = False
        self._warm = False
        self._rows: dict[tuple[int, int], list[Any]] = {}
        self._saved = self.began

    def _parts(self, whole: Interactions, source: Path) -> tuple[Interactions, Interactions, str]:
        """Return train, validation, and how the latter was made."""
        if not whole.n_ratings:
            raise InputError(f"{source}: has no rating to train on")
        if self.config.valid is not None:
            path = Path(self.config.valid)
            valid = load_interactions(path)
            check_held_out(valid, path, whole.meta, whole.catalog, whole.rows, source)
            self.inputs.append({"role": "valid", "sha256": file_sha256(path)})
            return whole, valid, "a set of its own"
        how = self.config.valid_split()
        mask = splitting.held_out(whole, how, (how.seed, _VALIDATION_STREAM))
        if not mask.any() or mask.all():
            raise InputError(
                f"{source}: --valid-strategy {how.chosen} leaves "
                f"{'nothing to train on' if mask.all() else 'no validation row'}: choose another "
                "--valid-n or --valid-fraction, or name a set with --valid"
            )
        return whole.keep(~mask), whole.keep(mask), _in_words(how)

    def _space(self) -> dict[str, Any]:
        """Return the ranges, fitted to the data.

        What is not observed weighs about ten times as much as what is, whatever the catalogue's
        size; weights by value mean nothing where all values are the same.
        """
        space, given = self.config.space(), self.config.given_ranges()
        if "unobserved_weight" in space and "unobserved_weight" not in given:
            usual = usual_weight(self.train)
            space["unobserved_weight"] = Log(usual / 10, usual * 10)
        if self.train.data.min() < self.train.data.max():
            return space
        idle = {"positive_weight", "confidence", "alpha"} - given.keys()
        return {name: each for name, each in space.items() if name not in idle}

    def _jobs(self) -> int:
        cuda = choose_device(self.config.device, self.config.setting.engine).type == "cuda"
        usual = 1 if cuda else max(1, available_workers() // (self.config.workers or 1))
        return self.config.jobs or usual

    @functools.cached_property
    def identity(self) -> str:
        """What tells this search from one with other options or inputs, 16 hex digits."""
        what = {
            "mfcli": __version__,
            "inputs": self.inputs,
            "options": self.config.stored(),
            "space": described(self.space),
        }
        return hashlib.sha256(to_json(what).encode()).hexdigest()[:16]

    def run(self, resume: bool) -> TuneResult:
        config = self.config
        trials = draw(self.space, config.trials, config.seed)
        plan = Halving(config.rungs, config.eta)
        known = self._known() if resume else {}
        title = " · ".join(str(each) for each in config.setting if each)
        self.on_event(
            TuningStarted(
                title=title,
                trials=len(trials),
                rungs=plan.rungs,
                metric=self.names[0],
                lower_is_better=self.lower,
            )
        )
        trainer = Trainer(self.train, self.valid, config, tuple(self.names))
        epochs = config.trial_recipe({}).options.get("epochs")
        started = time.time()

        def run_rung(tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
            # The rounds cost about the same, so each may use its share of the time.
            limit = config.time_limit
            until = float("inf") if limit is None else started + limit * (rung + 1) / plan.rungs
            # The first training of all alone: what is compiled is compiled once, and said.
            first = 0 if self._warm else 1
            self._warm = self._warm or bool(tasks)
            ended = 0
            for part, jobs in ((tasks[:first], 1), (tasks[first:], self.jobs)):
                for result in run_tasks(trainer, part, jobs, until):
                    ended += result.status != "late"
                    yield result
            self.late |= ended < len(tasks)

        try:
            for result in search(trials, epochs, plan, self.lower, run_rung, dict(known)):
                self._take(result, is_new=known.pop((result.trial, result.rung), None) is None)
        except (KeyboardInterrupt, InterruptedRunError):
            raise InterruptedRunError(
                f"interrupted after {len(self.results)} trainings: go on with --resume "
                f"(they are in {self.trials_path})"
            ) from None
        finally:
            end_processes()
            if self._rows:
                self._save_trials()
        # Of a shorter search that was made longer: trained once, though not chosen any more.
        self.results += [each for each in known.values() if each.trial < len(trials)]
        return self._finish(trials, plan, title)

    def _take(self, result: TrialResult, is_new: bool) -> None:
        self.results.append(result)
        if not is_new:
            return
        shown = self.config.trial_recipe(result.options).options
        self._rows[result.rung, result.trial] = [
            self.identity,
            result.trial,
            result.rung + 1,
            result.epochs,
            result.status,
            *(result.metrics.get(name) for name in self.names),
            round(result.seconds, 6),
            *(shown.get(name) for name in self._drawn),
        ]
        if time.perf_counter() - self._saved > SAVE_SECONDS:
            self._save_trials()
        self.on_event(result)

    @property
    def _drawn(self) -> list[str]:
        """The options that have a column; epochs, which differ by round, have their own."""
        return [name for name in self.space if name != "epochs"]

    def _save_trials(self) -> None:
        """Write a line a training, by round and trial; unlike the TOML it holds timings."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        head = ["search", "trial", "rung", "epochs", "status", *self.names, "seconds"]
        writer.writerow([*head, *self._drawn])
        writer.writerows(self._rows[key] for key in sorted(self._rows))
        with atomic_file(self.trials_path) as stream:
            stream.write(text.getvalue().encode())
        self._saved = time.perf_counter()

    def _known(self) -> dict[tuple[int, int], TrialResult]:
        """Read the trainings of an interrupted search."""
        if not self.trials_path.exists():
            raise InputError(
                f"{self.trials_path}: no interrupted search to resume: start without --resume"
            )
        with open_input(self.trials_path) as stream:
            text = stream.read().decode("utf-8", "replace")
        known: dict[tuple[int, int], TrialResult] = {}
        try:
            for row in csv.DictReader(io.StringIO(text, newline="")):
                if row["search"] != self.identity:
                    raise UsageError(
                        "--resume: the interrupted search had other options or inputs: give the "
                        "same, or start without --resume"
                    )
                result = self._read_row(row)
                self._rows[result.rung, result.trial] = list(row.values())
                if result.status in ("ok", "diverged", "not defined"):
                    known[result.trial, result.rung] = result
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{self.trials_path}: is damaged: start without --resume") from None
        self.on_event(Noted(f"{len(known)} trainings are there already"))
        return known

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

    def _finish(self, trials: list[dict[str, Any]], plan: Halving, title: str) -> TuneResult:
        best = best_of(self.results, self.lower)
        if best is None:
            if self.late:
                raise UsageError("--time-limit: no training ended in time: give more of it")
            raise DivergedError("no training has a score (all diverged): see the trials' file")
        options = self._whole_options(trials[best.trial], best)
        protocol = self._protocol(plan, title)
        default = best_of([each for each in self.results if each.trial == 0], self.lower)
        defaults = None if default is None else default.value
        if best.rung + 1 == plan.rungs and best.epochs == self._most_epochs():
            self.on_event(
                Warned("the best one has the most epochs of the range: more may be better")
            )
        with atomic_file(self.out) as stream:
            stream.write(_toml(options, self._header(best, defaults, protocol)).encode())
        ranked = sorted(scored(self.results), key=lambda each: order(each, self.lower))
        shown = [
            {
                "trial": each.trial,
                "rung": each.rung + 1,
                **({} if each.epochs is None else {"epochs": each.epochs}),
                **each.metrics,
                **{name: value for name, value in trials[each.trial].items() if name != "epochs"},
            }
            for each in ranked[:_SHOWN]
        ]
        assert best.value is not None
        return TuneResult(
            out=str(self.out),
            trials_file=str(self.trials_path),
            metric=self.names[0],
            value=best.value,
            default=defaults,
            trial=best.trial,
            epochs=best.epochs,
            options=options,
            trials=len(trials),
            trainings=len(self.results),
            diverged=sum(each.status == "diverged" for each in self.results),
            stopped="time limit" if self.late else "trials",
            protocol=protocol,
            best=shown,
            seconds=time.perf_counter() - self.began,
        )

    def _most_epochs(self) -> int | None:
        each = self.space.get("epochs")
        return None if each is None else max(getattr(each, "values", each))

    def _whole_options(self, drawn: dict[str, Any], best: TrialResult) -> dict[str, Any]:
        """Return all that train needs: what a later version's defaults are changes nothing."""
        epochs = {} if best.epochs is None else {"epochs": best.epochs}
        recipe = for_data(self.config.trial_recipe(drawn | epochs), self.train)
        left_out = Role.shorthand | Role.watch | Role.nested
        if self.config.seed == 0:
            left_out |= Role.seed
        names = names_with(TrainConfig, left_out)
        return {name: value for name, value in recipe.options.items() if name not in names}

    def _protocol(self, plan: Halving, title: str) -> dict[str, Any]:
        return {
            "search": f"{title}: random search of {self.config.trials} trials, the first one the "
            f"defaults; successive halving, {plan.rungs} rounds, one in {plan.eta} goes on; every "
            f"round trains anew; seed {self.config.seed}",
            "validation": f"{self.held_out}: {self.valid.n_ratings} rows, "
            f"{self.train.n_ratings} to train on",
            "ranges": described(self.space),
            "inputs": self.inputs,
        }

    def _header(
        self, best: TrialResult, default: float | None, protocol: dict[str, Any]
    ) -> list[str]:
        name = self.names[0]
        defaults = "" if default is None else f"; the defaults: {default:.6f}"
        return [
            f"mfcli tune: {name} {best.value:.6f} on validation, trial {best.trial}{defaults}",
            f"search: {protocol['search']}",
            f"validation: {protocol['validation']}",
            *(f"{each['role']}: SHA-256 {each['sha256']}" for each in self.inputs),
        ]


def _in_words(how: SplitConfig) -> str:
    if how.test_fraction is not None:
        of = "each user's rows" if how.per_user else "the rows"
        return f"fraction {how.test_fraction:g} of {of}, out of the matrix (seed {how.seed})"
    return f"{how.chosen}, {how.n} rows a user, out of the matrix (seed {how.seed})"


def _toml(options: dict[str, Any], header: list[str]) -> str:
    """Return a [train] table; a string of JSON is one of TOML as well."""
    lines = [f"# {each}" for each in header] + ["", "[train]"]
    for name, value in options.items():
        lines.append(f"{flag(name).removeprefix('--')} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"
