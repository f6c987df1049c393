"""``mfcli tune``: a matrix → the best settings found, as a TOML file for ``train --config``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    load_interactions,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.manifest import Facts
from mfcli.artifacts.meta import lineage_entry, lineage_of
from mfcli.codes import WarningCode
from mfcli.config import TuneConfig
from mfcli.config.choices import Take
from mfcli.config.ranges import described
from mfcli.config.spaces import Choice, Space
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.errors import DivergedError, InputError, InterruptedRunError, UsageError
from mfcli.events import Noted, OnEvent, Stage, TrialResult, Warned, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.results import TuneResult
from mfcli.stages.telling import begin, end
from mfcli.stages.train import load_history
from mfcli.stages.trials import TrialsFile
from mfcli.training.defaults import for_data
from mfcli.training.guards import check_values
from mfcli.training.notices import notices
from mfcli.tuning.settings import settings_text, whole_options
from mfcli.tuning.tasks import best_of, order, scored
from mfcli.tuning.tuner import Found, find_settings, hold_out, jobs_of, space_of_data
from mfcli.tuning.verdict import Verdict
from mfcli.wording import counted

_SHOWN = 10


def tune(
    source: Path,
    out: Path,
    config: TuneConfig,
    on_event: OnEvent = ignore,
    *,
    resume: bool = False,
    resume_if_any: bool = False,
) -> TuneResult:
    """Search on the matrix ``source`` and write the best settings to ``out``.

    Every training is a line of ``out``'s .trials.csv, which is also what ``resume`` goes on from;
    with ``resume_if_any``, where it is of the same files and options.
    Raises UsageError, InputError, InterruptedRunError; DivergedError if no training has a score.
    """
    config = config.ready()
    on_event = without(config.ignore, on_event)
    start = begin(Stage.tune, on_event)
    real_output(out)
    trials_path = out.with_suffix(".trials.csv")
    if trials_path == out:
        raise UsageError(
            f"--out {out}: the list of trials is written under this name: choose another"
        )
    for path in (out, trials_path):
        refuse_input_as_output(path, source, config.valid, config.valid_history)
    with output_lock(out, config.wait), compiling(on_event):
        began = time.perf_counter()
        loaded = _load(source, config, on_event)
        space = space_of_data(config, loaded.train)
        if config.draws < min(config.trials, jobs_of(config)):
            on_event(
                Noted(
                    f"at most {counted(config.draws, 'trial')} are trained side by side, as many "
                    f"as are drawn at a time: --draws {jobs_of(config)} keeps more cores busy"
                )
            )
        defaults = for_data(config.trial_recipe({}), loaded.train).options
        file = TrialsFile(trials_path, config, space, defaults, loaded.inputs, on_event)
        known = file.load() if resume else file.load_if_any() if resume_if_any else {}
        try:
            found = find_settings(
                loaded.train,
                loaded.valid,
                config,
                space,
                history=loaded.history,
                known=known,
                on_event=on_event,
                on_result=file.take,
            )
        except (KeyboardInterrupt, InterruptedRunError):
            raise InterruptedRunError(
                f"interrupted after {counted(file.taken, 'training')}: go on with --resume "
                f"(they are in {trials_path})"
            ) from None
        finally:
            file.save()
        best, default = _best(found, config)
        verdict, usual = found.verdict, _usual(found)
        if usual and verdict and config.take is Take.sure and not verdict.beyond_noise:
            best = usual
            on_event(Noted(f"the best trial is {verdict.words()}: the defaults are kept"))
        epochs = {} if best.epochs is None else {"epochs": best.epochs}
        recipe = config.trial_recipe(found.trials[best.trial] | epochs)
        options = whole_options(for_data(recipe, loaded.train))
        protocol = _protocol(found, config, space, loaded)
        if best.rung + 1 == found.plan.rungs and best.epochs == _most_epochs(space):
            on_event(
                Warned(
                    WarningCode.epochs,
                    "the best trial has the most epochs of the range: more may be better",
                )
            )
        header = _header(best, default, config, protocol, found.verdict)
        step = lineage_entry("tune", config.stored(), loaded.inputs)
        counts = {
            "trials": len(found.trials),
            "trainings": len(found.results),
        }
        facts = Facts("settings", counts, [*lineage_of(loaded.train.meta), step])
        with atomic_file(out, facts.describe if config.manifest else None) as stream:
            stream.write(settings_text(options, header).encode())
    assert best.value is not None
    result = TuneResult(
        out=str(out),
        trials_file=str(trials_path),
        metric=config.metrics[0],
        value=best.value,
        default=default,
        trial=best.trial,
        epochs=best.epochs,
        options=options,
        trials=len(found.trials),
        trainings=len(found.results),
        diverged=sum(result.status == "diverged" for result in found.results),
        stopped="time limit" if found.late else "trials",
        protocol=protocol,
        best=_ranked(found, config),
        seconds=time.perf_counter() - began,
        verdict={} if found.verdict is None else found.verdict.document(),
    )
    return end(Stage.tune, start, result, on_event)


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """What a search trains and validates on; ``held_out`` says how the latter was made."""

    train: Interactions
    valid: Interactions
    held_out: str
    history: Interactions | None = None
    inputs: list[dict[str, Any]]


def _load(source: Path, config: TuneConfig, on_event: OnEvent) -> _Loaded:
    """Read what a search needs; refuse values of which it would learn nonsense, or warn of them."""
    whole = load_interactions(source)
    inputs = [{"role": "train", "sha256": file_sha256(source)}]
    if not whole.n_ratings:
        raise InputError(f"{source}: has no rating to train on")
    recipe = config.trial_recipe({})
    check_values(recipe, whole, str(source))
    for notice in notices(recipe, whole, workers=1):
        on_event(notice)
    if config.valid is not None:
        path = Path(config.valid)
        valid = load_interactions(path)
        check_held_out(valid, path, whole.meta, whole.catalog, whole.rows, source)
        inputs.append({"role": "valid", "sha256": file_sha256(path)})
        history = load_history(config, valid, whole, source, inputs)
        words = "a set of its own" + ("" if history is None else ", its users folded in")
        return _Loaded(train=whole, valid=valid, held_out=words, history=history, inputs=inputs)
    try:
        train, valid, words = hold_out(whole, config)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    return _Loaded(train=train, valid=valid, held_out=words, inputs=inputs)


def _best(found: Found, config: TuneConfig) -> tuple[TrialResult, float | None]:
    """Return the best training, and the score of the defaults, if they have one."""
    lower = config.lower_is_better
    best = best_of(found.results, lower)
    if best is None:
        if found.late:
            raise UsageError("--time-limit: no training ended in time: give more of it")
        raise DivergedError("no training has a score (all diverged): see the trials' file")
    default = _usual(found)
    return best, None if default is None else default.value


def _usual(found: Found) -> TrialResult | None:
    """Return the defaults, with the most of their epochs that have a score."""
    of_them = [result for result in scored(found.results) if result.trial == 0]
    return max(of_them, key=lambda result: result.rung, default=None)


def _ranked(found: Found, config: TuneConfig) -> list[dict[str, Any]]:
    """Return the best trainings as they are shown."""
    ranked = sorted(scored(found.results), key=lambda result: order(result, config.lower_is_better))
    return [
        {
            "trial": result.trial,
            "rung": result.rung + 1,
            **({} if result.epochs is None else {"epochs": result.epochs}),
            **result.metrics,
            **{
                name: value
                for name, value in found.trials[result.trial].items()
                if name != "epochs"
            },
        }
        for result in ranked[:_SHOWN]
    ]


def _most_epochs(space: Space) -> float | None:
    span = space.get("epochs")
    if span is None:
        return None
    return max(span.values) if isinstance(span, Choice) else span.high


def _protocol(found: Found, config: TuneConfig, space: Space, loaded: _Loaded) -> dict[str, Any]:
    return {
        "search": f"{found.title}: {counted(config.trials, 'trial')}, {config.draws} at a time, "
        "the first one "
        "the defaults, the first ones at random, then those that should gain most by a Gaussian "
        "process over the trials so far; successive halving, "
        f"{counted(found.plan.rungs, 'round')}, one in "
        f"{found.plan.eta} goes on; every round trains anew; seed {config.seed}",
        "validation": f"{loaded.held_out}: {counted(loaded.valid.n_ratings, 'row')}, "
        f"{loaded.train.n_ratings:,} to train on",
        "ranges": described(space),
        "inputs": loaded.inputs,
    }


def _header(
    best: TrialResult,
    default: float | None,
    config: TuneConfig,
    protocol: dict[str, Any],
    verdict: Verdict | None,
) -> list[str]:
    defaults = "" if default is None else f"; the defaults: {default:.6f}"
    reached = f"{config.metrics[0]} {best.value:.6f} on validation, trial {best.trial}{defaults}"
    return [
        f"mfcli tune: {reached}",
        f"search: {protocol['search']}",
        f"validation: {protocol['validation']}",
        *([] if verdict is None else [f"the best trial: {verdict.words()}"]),
        *(f"{entry['role']}: SHA-256 {entry['sha256']}" for entry in protocol["inputs"]),
    ]
