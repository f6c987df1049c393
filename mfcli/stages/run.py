"""``mfcli run``: all stages in one call, their files kept in one folder.

One run goes from fetch to recommend. With folds or repeats, several trainings are measured instead,
and metrics.json holds each of them, their mean and their standard deviation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_entry,
    lineage_of,
    meta_for,
    output_lock,
    remove_file,
)
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.artifacts.meta import document_text, warnings_of
from mfcli.config import RecommendConfig, Role, TrainConfig
from mfcli.config.layers import merge_layers
from mfcli.config.run import RunConfigs, with_history
from mfcli.errors import UsageError
from mfcli.evaluation.repetition import FOLDS, REPEATS, WINDOWS, Repetition, Summary, summarize
from mfcli.events import Noted, OnEvent, Stage, ignore, once
from mfcli.results import (
    EvaluateResult,
    FetchResult,
    FoldsResult,
    RepeatsResult,
    RunResult,
    SplitResult,
    TrainResult,
)
from mfcli.stages.evaluate import evaluate
from mfcli.stages.fetch import fetch
from mfcli.stages.recommend import check_place, recommend
from mfcli.stages.refit import JOINED, everything, settings_of
from mfcli.stages.split import split
from mfcli.stages.suiting import suited
from mfcli.stages.telling import begin, end
from mfcli.stages.train import train

if TYPE_CHECKING:
    from mfcli.tuning.plan import Follows


def run(
    source: str | Sequence[str] | None,
    out: Path,
    configs: RunConfigs,
    on_event: OnEvent = ignore,
    *,
    repeats: int | None = None,
) -> RunResult | FoldsResult | RepeatsResult:
    """Run fetch, split, train, evaluate and recommend; each reads what the one before wrote.

    ``out`` gets interactions.npz, split/, evaluated.pt, metrics.json, model.pt, trained again on
    everything, and recommendations.csv; without ``configs.refit``, model.pt is what was measured.
    With ``configs.split.folds`` or ``repeats`` it gets a folder for each training, metrics.json
    over all of them, and no recommendations; gates hold for every training. Raises UsageError, and
    what the stages raise.
    """
    source = source or configs.fetch.source
    if not source:
        raise UsageError("name a SOURCE, or give it in the configuration as [fetch] source")
    folds = configs.split.folds
    if not (folds or repeats):
        check_place(out / "recommendations.csv", configs.recommend, folder=False)
    elif configs.evaluate.per_user is not None:
        raise UsageError(
            "--per-user writes one evaluation, and --folds and --repeats make several: leave it out"
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    out.mkdir(parents=True, exist_ok=True)
    on_event = once(on_event)
    began, place = begin(Stage.run, on_event), _Place(out)
    result: RunResult | FoldsResult | RepeatsResult
    if repeats:
        result = _run_repeats(source, place, configs, on_event, repeats)
    elif folds:
        result = _run_folds(source, place, configs, on_event, folds)
    else:
        result = _run_once(source, place, configs, on_event)
    return end(Stage.run, began, result, on_event)


@dataclass(frozen=True)
class _Place:
    """Where a run keeps its files."""

    folder: Path

    @property
    def interactions(self) -> Path:
        return self.folder / "interactions.npz"

    @property
    def split(self) -> Path:
        return self.folder / "split"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def model(self) -> Path:
        return self.folder / "model.pt"

    @property
    def evaluated(self) -> Path:
        return self.folder / "evaluated.pt"

    @property
    def lists(self) -> Path:
        return self.folder / "recommendations.csv"


def _run_once(
    source: str | Sequence[str], place: _Place, configs: RunConfigs, on_event: OnEvent
) -> RunResult:
    fetched = fetch(source, place.interactions, configs.fetch, on_event)
    configs = suited(configs, place.interactions, fetched, on_event)
    parts = split(place.interactions, place.split, configs.split, on_event)
    measured = place.evaluated if configs.refit else place.model
    # What evaluate finds on the test rows is kept, in place of what validation would say.
    trained = train(
        place.split / "train.npz",
        measured,
        configs.train,
        on_event,
        warnings=[],
        follows=_what_follows(configs, fetched, parts),
    )
    config = with_history(configs, place.split)
    evaluated = evaluate(
        measured, place.split / "test.npz", place.metrics, config, on_event, keep=True
    )
    refitted, rows = None, None
    if configs.refit:
        rows = everything(
            place.interactions, fetched.n_ratings, parts, configs.split, place.folder / JOINED
        )
        refitted = _refit(rows, place, configs, trained, on_event)
    else:
        for stale in (place.evaluated, place.evaluated.with_suffix(".history.csv")):
            remove_file(stale)
        on_event(
            Noted(
                f"{place.lists} comes from {place.model}, which was measured and does not know the "
                "test rows; nothing that a user has in the source is listed"
            )
        )
    lists = configs.recommend
    if rows != place.interactions:
        lists = _without_source(lists, place, on_event)
    return RunResult(
        out=str(place.folder),
        fetch=fetched,
        split=parts,
        train=trained,
        evaluate=evaluated,
        refit=refitted,
        recommend=recommend(place.model, place.lists, lists, on_event),
    )


def _what_follows(configs: RunConfigs, fetched: FetchResult, parts: SplitResult) -> Follows | None:
    """Return what comes after the first training, for which --budget has to leave time."""
    if configs.train.budget is None:
        return None
    from mfcli.tuning.plan import Follows

    tested = sum(part.n_users for part in parts.parts[1:])
    return Follows(rows=fetched.n_ratings if configs.refit else 0, users=tested + parts.n_users)


def _refit(
    rows: Path, place: _Place, configs: RunConfigs, trained: TrainResult, on_event: OnEvent
) -> TrainResult:
    """Train model.pt on all ``rows`` as evaluated.pt was trained on a part of them."""
    measured = load_checkpoint(place.evaluated)
    config = configs.train
    if trained.settings is not None:  # what --budget chose
        config = merge_layers(TrainConfig, "train", (Path(trained.settings), None), {})
    settings = settings_of(config, measured, trained)
    on_event(
        Noted(
            f"{place.evaluated} was measured; {place.lists} comes from {place.model}, which is now "
            "trained with the same settings on everything, test rows included"
        )
    )
    return train(rows, place.model, settings, on_event, warnings=warnings_of(measured.meta))


def _without_source(config: RecommendConfig, place: _Place, on_event: OnEvent) -> RecommendConfig:
    """Return the options of recommend that leave out what a user has in the source.

    A model knows it only where it was trained on everything and the split has filtered nothing.
    """
    if config.include_seen or config.pairs is not None:
        return config
    if config.seen is not None:
        on_event(Noted(f"only {config.seen} and what {place.model} was trained on is left out"))
        return config
    return replace(config, seen=str(place.interactions))


def _run_folds(
    source: str | Sequence[str],
    place: _Place,
    configs: RunConfigs,
    on_event: OnEvent,
    folds: int,
) -> FoldsResult:
    """Fetch and split, then train and evaluate over each of the K folds.

    The place gets split/foldN/, foldN/model.pt and foldN/metrics.json.
    """
    began = time.perf_counter()
    with output_lock(place.metrics, configs.evaluate.wait):
        fetched = fetch(source, place.interactions, configs.fetch, on_event)
        configs = suited(configs, place.interactions, fetched, on_event)
        parts = split(place.interactions, place.split, configs.split, on_event)
        names = [f"fold{number}" for number in range(1, folds + 1)]
        measured = {}
        for name in names:
            on_event(Noted(f"{name} of {folds}"))
            training = _validated_in(configs.train, place.split, place.split / name)
            fold = replace(configs, train=training)
            measured[name] = _measure(place.folder / name, place.split / name, fold, on_event)
        kind = WINDOWS if configs.split.windows else FOLDS
        summary = summarize(kind, measured)
        meta = _save_summary(kind, place, summary, measured, configs)
    return FoldsResult(
        out=str(place.folder),
        fetch=fetched,
        split=parts,
        folds=summary.runs,
        mean=summary.mean,
        sd=summary.sd,
        protocol=summary.protocol,
        meta=meta,
        seconds=time.perf_counter() - began,
    )


def _run_repeats(
    source: str | Sequence[str],
    place: _Place,
    configs: RunConfigs,
    on_event: OnEvent,
    repeats: int,
) -> RepeatsResult:
    """Fetch, then split, train and evaluate ``repeats`` times, the seeds counting up.

    The place gets repeatN/split/, repeatN/model.pt and repeatN/metrics.json. A given split stays
    what it is; its validation rows are drawn anew.
    """
    began = time.perf_counter()
    with output_lock(place.metrics, configs.evaluate.wait):
        fetched = fetch(source, place.interactions, configs.fetch, on_event)
        configs = suited(configs, place.interactions, fetched, on_event)
        measured, splits = {}, []
        for ahead in range(repeats):
            name = f"repeat{ahead + 1}"
            on_event(Noted(f"{name} of {repeats}"))
            folder = place.folder / name
            training = _validated_in(configs.train, place.split, folder / "split")
            repeat = replace(
                configs,
                split=replace(configs.split, seed=configs.split.seed + ahead),
                train=replace(training, seed=training.seed + ahead),
            )
            splits.append(split(place.interactions, folder / "split", repeat.split, on_event))
            measured[name] = _measure(folder, folder / "split", repeat, on_event)
        first = configs.train.seed
        summary = summarize(REPEATS, measured, f"{first} to {first + repeats - 1}")
        meta = _save_summary(REPEATS, place, summary, measured, configs)
    return RepeatsResult(
        out=str(place.folder),
        fetch=fetched,
        splits=splits,
        repeats=summary.runs,
        mean=summary.mean,
        sd=summary.sd,
        protocol=summary.protocol,
        meta=meta,
        seconds=time.perf_counter() - began,
    )


def _validated_in(config: TrainConfig, whole: Path, own: Path) -> TrainConfig:
    """Point the validation set of the whole split at that of one run."""
    moved: dict[str, Any] = {
        name: str(own / Path(path).name)
        for name in ("valid", "valid_history")
        if (path := getattr(config, name)) is not None and Path(path).parent == whole
    }
    return replace(config, **moved)


def _measure(out: Path, parts: Path, configs: RunConfigs, on_event: OnEvent) -> EvaluateResult:
    """Train on one split and measure the model; both write below ``out``."""
    model = out / "model.pt"
    train(parts / "train.npz", model, configs.train, on_event, warnings=[])
    metrics = out / "metrics.json"
    config = with_history(configs, parts)
    return evaluate(model, parts / "test.npz", metrics, config, on_event, keep=True)


def _save_summary(
    kind: Repetition,
    place: _Place,
    summary: Summary,
    measured: dict[str, EvaluateResult],
    configs: RunConfigs,
) -> dict[str, Any]:
    """Write metrics.json over all trainings, and return its meta."""
    inputs = [
        {"role": name, "sha256": file_sha256(place.folder / name / "metrics.json")}
        for name in measured
    ]
    first = next(iter(measured.values()))
    lineage = [step for step in lineage_of(first.meta) if step["stage"] in kind.shared]
    options = {
        "train": configs.train.options(leave_out=Role.speed | Role.file | Role.telling),
        "evaluate": configs.evaluate.stored(),
    }
    meta = meta_for("metrics", [*lineage, lineage_entry(kind.stage, options, inputs)])
    content: dict[str, Any] = {
        "metrics": summary.mean,
        "sd": summary.sd,
        kind.many: summary.runs,
        "protocol": summary.protocol,
        "counts": {kind.many: len(summary.runs)},
        "meta": meta,
    }
    with atomic_file(place.metrics) as stream:
        stream.write(document_text(content).encode())
    return meta
