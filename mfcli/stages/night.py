"""The stages of one night: each is done, or taken over from a night that was cut off.

Everything is made in the staging folder, in one process: what a stage wrote is in memory for the
next one. ``nightly`` calls ``make_night`` and publishes what it made. A step imports by itself what
only it needs: a night that its data's gates refuse has then no use for compiled kernels or torch.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mfcli.artifacts.meta import lineage_of, warnings_of
from mfcli.config import RecommendConfig, SplitConfig, TableFormat, TrainConfig
from mfcli.config.gates import About
from mfcli.config.layers import merge_layers
from mfcli.config.nightly import with_cutoff
from mfcli.config.run import RunConfigs, held_out_rows, with_history
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.events import Noted, Stage
from mfcli.nights.figures import ListFigures, figures_of
from mfcli.nights.gates import Verdict
from mfcli.results import EvaluateResult, FetchResult, SplitPart, SplitResult, TrainResult
from mfcli.stages.refit import JOINED, everything, settings_of
from mfcli.stages.steps import Night, Step
from mfcli.stages.suiting import suited
from mfcli.stages.telling import begin, end
from mfcli.training.continuing import continued
from mfcli.wording import counted

if TYPE_CHECKING:
    from mfcli.tuning.plan import Follows

LEAST_USERS = 20  # with newer rows: fewer say too little to be what the night is measured on


def make_night(night: Night) -> None:
    """Make all files of a generation, each gate where its figures are known.

    Raises GateError where a gate refuses, and what the stages raise.
    """
    staging = night.staging
    fetched = _fetch(night)
    with night.timed(Step.checks):
        rows = night.held.matrix(staging.matrix)
        before = night.last_model
        last = None if before is None else night.held.checkpoint(before, mapped=True)
        night.figures = figures_of(rows, last)
        night.judge(About.data)
        run = suited(night.configs.run, staging.matrix, fetched, night.on_event, held=night.held)
        newer = _newer(rows, night)
        if newer is not None:
            run = dataclasses.replace(run, split=newer)
        run = dataclasses.replace(run, train=_training(run, night, measured=newer is not None))
    parts = _split(night, run.split)
    trained = _train_on_a_part(night, run, fetched, parts)
    measured = _evaluate(night, run)
    with night.timed(Step.checks):
        night.figures = night.figures.with_metrics(measured.metrics)
        night.judge(About.quality)
        night.heed(_beside_the_last(night, run, paired=newer is not None))
    lists = _train_on_everything(night, run, fetched, parts, trained)
    _recommend(night, lists)
    with night.timed(Step.checks):
        night.judge(About.lists)


def _fetch(night: Night) -> FetchResult:
    staging, config = night.staging, night.configs.run.fetch

    def work() -> tuple[list[Path], dict[str, Any]]:
        from mfcli.stages.fetch import fetch

        result = fetch(
            night.configs.source, staging.matrix, config, night.on_event, held=night.held
        )
        steps = lineage_of(night.held.matrix(staging.matrix).meta)
        if steps[0].get("inputs") != night.inputs:
            raise InputError(f"{night.configs.source[0]}: changed while it was read: run again")
        return [staging.matrix], dataclasses.asdict(result)

    return FetchResult(**night.step(Step.fetch, work))


def _newer(rows: Interactions, night: Night) -> SplitConfig | None:
    """Return the options that hold out the rows newer than the last generation's data.

    They judge tonight's model and the last one alike. None where there are no times, or too few
    newer rows: [split] says then what is held out.
    """
    newest = None if night.last is None else night.last.figures.newest
    if newest is None or rows.timestamps is None:
        return None
    late = rows.timestamps > newest
    users = len(np.unique(rows.users[late]))
    if users < LEAST_USERS or late.all():
        night.on_event(
            Noted(
                f"{counted(users, 'user has', 'users have')} rows newer than the last generation's "
                "data: too few to measure on, so [split] says what is held out"
            )
        )
        return None
    return with_cutoff(night.configs.run.split, newest)


def _beside_the_last(night: Night, run: RunConfigs, *, paired: bool) -> list[Verdict]:
    """Return what the paired gate says of the measured model and the last generation's.

    paired: whether the rows that were held out are newer than the last generation's data.
    """
    from mfcli.nights.quality import judge_quality, unpaired

    limits, before = night.configs.limits, night.last_model
    if before is None:
        return unpaired(limits, "there is no earlier generation")
    if night.figures.newest is None:
        return unpaired(limits, "the data has no times")
    if not paired:
        return unpaired(limits, "too few rows are newer than the last generation's data")
    return judge_quality(
        night.held.checkpoint(before, mapped=True),
        night.held.checkpoint(night.staging.measured),
        night.held.matrix(night.staging.split / "test.npz"),
        run.evaluate,
        limits,
    )


def _training(run: RunConfigs, night: Night, *, measured: bool) -> TrainConfig:
    """Return the options of the training that is measured.

    A warm start has seen everything up to the last generation's data: where other rows are held
    out, the model that is measured is trained anew, as the last one was trained.
    """
    config = run.train
    if run.split.valid:
        config = dataclasses.replace(
            config, **held_out_rows(run.split, night.staging.folder, "valid")
        )
    before = night.last_model
    if not night.configs.nightly.warm or before is None:
        return config
    if measured:
        return dataclasses.replace(config, init_from=str(before))
    options = night.held.checkpoint(before, mapped=True).options
    return continued(config, options, str(before), watched=config.valid is not None)


def _split(night: Night, config: SplitConfig) -> SplitResult:
    staging = night.staging

    def work() -> tuple[list[Path], dict[str, Any]]:
        from mfcli.stages.split import split

        result = split(staging.matrix, staging.split, config, night.on_event, held=night.held)
        return [Path(part.path) for part in result.parts], dataclasses.asdict(result)

    found = night.step(Step.cut, work)
    return SplitResult(**{**found, "parts": [SplitPart(**part) for part in found["parts"]]})


def _train_on_a_part(
    night: Night, run: RunConfigs, fetched: FetchResult, parts: SplitResult
) -> TrainResult:
    source, out = night.staging.split / "train.npz", night.staging.measured
    follows = _what_follows(run, fetched, parts)

    def work() -> tuple[list[Path], dict[str, Any]]:
        # What evaluate finds on the test rows is kept, in place of what validation would say.
        result = _trained(night, source, out, run.train, warnings=[], follows=follows)
        return _files_of(result), dataclasses.asdict(result)

    return TrainResult(**night.step(Step.measured, work))


def _trained(
    night: Night, source: Path, out: Path, config: TrainConfig, **more: Any
) -> TrainResult:
    """Train, from the state of the night that was cut off where it left one."""
    from mfcli.stages.train import resume_or_start, train

    start = train if config.budget is not None else resume_or_start
    return start(source, out, config, night.on_event, held=night.held, **more)


def _files_of(result: TrainResult) -> list[Path]:
    return [Path(name) for name in (result.out, result.settings) if name is not None]


def _what_follows(run: RunConfigs, fetched: FetchResult, parts: SplitResult) -> Follows | None:
    """Return what comes after the first training, for which --budget has to leave time."""
    if run.train.budget is None:
        return None
    from mfcli.tuning.plan import Follows

    tested = sum(part.n_users for part in parts.parts[1:])
    return Follows(rows=fetched.n_ratings, users=tested + parts.n_users)


def _evaluate(night: Night, run: RunConfigs) -> EvaluateResult:
    staging = night.staging
    config = with_history(run, staging.split)

    def work() -> tuple[list[Path], dict[str, Any]]:
        from mfcli.stages.evaluate import evaluate

        result = evaluate(
            staging.measured,
            staging.split / "test.npz",
            staging.metrics,
            config,
            night.on_event,
            keep=True,
            held=night.held,
        )
        return [staging.metrics, staging.measured], dataclasses.asdict(result)

    return EvaluateResult(**night.step(Step.evaluate, work))


def _train_on_everything(
    night: Night, run: RunConfigs, fetched: FetchResult, parts: SplitResult, trained: TrainResult
) -> RecommendConfig:
    """Train model.pt on all rows as the measured one was trained; return the options of its lists.

    Nothing that a user has in the source is listed: a model knows it only where it was trained on
    all of it.
    """
    staging, matrix = night.staging, night.staging.matrix

    def work() -> tuple[list[Path], dict[str, Any]]:
        joined = staging.folder / JOINED
        rows = everything(matrix, fetched.n_ratings, parts, run.split, joined)
        measured = night.held.checkpoint(staging.measured)
        config = run.train
        if trained.settings is not None:  # what --budget chose
            config = merge_layers(TrainConfig, "train", (Path(trained.settings), None), {})
        settings = settings_of(config, measured, trained)
        if night.configs.nightly.warm and night.last_model is not None:
            settings = dataclasses.replace(settings, init_from=str(night.last_model))
        night.held.drop(*(Path(part.path) for part in parts.parts), staging.measured)
        result = _trained(night, rows, staging.model, settings, warnings=warnings_of(measured.meta))
        return _files_of(result), {"everything": rows == matrix}

    found = night.step(Step.train, work)
    config = night.configs.run.recommend
    if found["everything"] or config.include_seen:
        return config
    if config.seen is not None:
        night.on_event(Noted(f"only {config.seen} and what the model was trained on is left out"))
        return config
    return dataclasses.replace(config, seen=str(matrix))


def _recommend(night: Night, config: RecommendConfig) -> None:
    nightly, model = night.configs.nightly, night.staging.model
    out = night.staging.lists(None if nightly.parts else str(nightly.format))
    ending = (config.format or TableFormat.parquet) if nightly.parts else nightly.format
    changed = night.staging.changes(ending) if nightly.changes else None

    def work() -> tuple[list[Path], dict[str, Any]]:
        from mfcli.kernels.announcing import compiling
        from mfcli.nights.listed import figures_of_lists, write_changes_of
        from mfcli.publishing.folders import publish_folder
        from mfcli.publishing.lists import publish_file
        from mfcli.scoring.memory import require_scoring
        from mfcli.stages.recommend import result_of

        began = begin(Stage.recommend, night.on_event)
        require_scoring([model], None, config.workers, 0, night.on_event)
        publish = publish_folder if nightly.parts else publish_file
        with compiling(night.on_event):
            written = publish(model, out, config, night.on_event, night.held)
        changes = None
        if changed is not None:
            changes = write_changes_of(written, out, night.last_lists, changed, config)
        figures = figures_of_lists(written, out, night.last_lists, changes)
        result = result_of(written, out, model, time.perf_counter() - began, churn=figures.churn)
        end(Stage.recommend, began, result, night.on_event)
        files = sorted(out.iterdir()) if nightly.parts else [out]
        return files + ([] if changed is None else [changed]), dataclasses.asdict(figures)

    found = night.step(Step.recommend, work)
    night.figures = night.figures.with_lists(ListFigures(**found))
