"""``mfcli run --folds K`` and ``--repeats N``: several trainings, and the spread of their metrics.

Folds cut one matrix into K parts, each of which is tested once; repeats make N splits and
trainings, of seeds that follow each other.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_entry,
    lineage_of,
    meta_for,
    output_lock,
)
from mfcli.config import EvaluateConfig, FetchConfig, SplitConfig, TrainConfig
from mfcli.errors import UsageError
from mfcli.results import (
    EvaluateResult,
    FetchResult,
    FoldsResult,
    Noted,
    OnEvent,
    RepeatsResult,
    ignore,
)
from mfcli.stages.evaluate import evaluate, without_nan
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.stages.train import train


class _Summary(NamedTuple):
    """The single runs, and what is said of all of them."""

    runs: list[dict[str, Any]]
    mean: dict[str, float]
    sd: dict[str, float]
    protocol: dict[str, Any]
    meta: dict[str, Any]


class _Kind(NamedTuple):
    """What the several trainings are: names in metrics.json, and the words of the protocol."""

    one: str
    several: str
    stage: str
    protocol: str
    words: str


_FOLDS = _Kind(
    "fold",
    "folds",
    "cross-validate",
    "cross_validation",
    "{n} folds; metrics: mean over folds; sd: sample standard deviation over folds (n − 1), not a "
    "standard error: folds share train rows",
)
_REPEATS = _Kind(
    "repeat",
    "repeats",
    "repeat",
    "repeats",
    "{n} splits and trainings of seeds {seeds}; metrics: mean over repeats; sd: sample standard "
    "deviation over repeats (n − 1), not a standard error: the splits are of the same ratings",
)


def run_folds(
    source: str | None,
    out: Path,
    fetch_config: FetchConfig,
    split_config: SplitConfig,
    train_config: TrainConfig,
    evaluate_config: EvaluateConfig,
    on_event: OnEvent = ignore,
) -> FoldsResult:
    """Run fetch and split, then train and evaluate over each of the K folds.

    ``out`` gets interactions.npz, split/foldN/, foldN/model.pt and foldN/metrics.json, and
    metrics.json with every fold, the mean and the standard deviation. Gates hold for every fold.
    """
    began = time.perf_counter()
    with _fetched(source, out, fetch_config, evaluate_config, on_event) as fetched:
        folder = out / "split"
        parts = split(out / "interactions.npz", folder, split_config, on_event)
        names = [f"fold{number}" for number in range(1, (split_config.folds or 0) + 1)]
        configs = [_validated_in(train_config, folder, folder / name) for name in names]
        measured = []
        for name, config in zip(names, configs, strict=True):
            on_event(Noted(f"{name} of {len(names)}"))
            measured.append(_one(out / name, folder / name, config, evaluate_config, on_event))
        summary = _summary(_FOLDS, out, names, measured, train_config, evaluate_config)
    return FoldsResult(str(out), fetched, parts, *summary, time.perf_counter() - began)


def run_repeats(
    repeats: int,
    source: str | None,
    out: Path,
    fetch_config: FetchConfig,
    split_config: SplitConfig,
    train_config: TrainConfig,
    evaluate_config: EvaluateConfig,
    on_event: OnEvent = ignore,
) -> RepeatsResult:
    """Run fetch, then split, train and evaluate ``repeats`` times, the seeds counting up.

    ``out`` gets interactions.npz, repeatN/split/, repeatN/model.pt and repeatN/metrics.json, and
    metrics.json with every repeat, the mean and the standard deviation. A given split stays what
    it is; its validation rows are drawn anew. Gates hold for every repeat.
    """
    began = time.perf_counter()
    with _fetched(source, out, fetch_config, evaluate_config, on_event) as fetched:
        names = [f"repeat{number}" for number in range(1, repeats + 1)]
        measured, parts = [], []
        for ahead, name in enumerate(names):
            on_event(Noted(f"{name} of {len(names)}"))
            folder = out / name / "split"
            cut = dataclasses.replace(split_config, seed=split_config.seed + ahead)
            parts.append(split(out / "interactions.npz", folder, cut, on_event))
            config = dataclasses.replace(
                _validated_in(train_config, out / "split", folder), seed=train_config.seed + ahead
            )
            measured.append(_one(out / name, folder, config, evaluate_config, on_event))
        first, last = train_config.seed, train_config.seed + repeats - 1
        summary = _summary(
            _REPEATS, out, names, measured, train_config, evaluate_config, f"{first} to {last}"
        )
    return RepeatsResult(str(out), fetched, parts, *summary, time.perf_counter() - began)


@contextmanager
def _fetched(
    source: str | None,
    out: Path,
    config: FetchConfig,
    evaluating: EvaluateConfig,
    on_event: OnEvent,
) -> Iterator[FetchResult]:
    """Check what both kinds need, hold the lock of metrics.json, and fetch."""
    source = source or config.source
    if source is None:
        raise UsageError("name a SOURCE, or give it in the configuration as [fetch] source")
    if evaluating.per_user is not None:
        raise UsageError("--per-user is of one evaluation: leave it out with --folds or --repeats")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    out.mkdir(parents=True, exist_ok=True)
    with output_lock(out / "metrics.json"):
        yield fetch(source, out / "interactions.npz", config, on_event)


def _one(
    out: Path, parts: Path, training: TrainConfig, evaluating: EvaluateConfig, on_event: OnEvent
) -> EvaluateResult:
    """Train and measure on one split."""
    model = out / "model.pt"
    train(parts / "train.npz", model, training, on_event)
    return evaluate(model, parts / "test.npz", out / "metrics.json", evaluating, on_event)


def _summary(
    kind: _Kind,
    out: Path,
    names: list[str],
    measured: list[EvaluateResult],
    training: TrainConfig,
    evaluating: EvaluateConfig,
    seeds: str = "",
) -> tuple[
    list[dict[str, Any]], dict[str, float], dict[str, float], dict[str, Any], dict[str, Any]
]:
    """Write metrics.json over all runs, and return what it holds."""
    runs = [
        {
            kind.one: name,
            "metrics": each.metrics,
            "intervals": each.intervals,
            "counts": each.counts,
        }
        for name, each in zip(names, measured, strict=True)
    ]
    mean, sd = spread([each.metrics for each in measured])
    inputs = [{"role": name, "sha256": file_sha256(out / name / "metrics.json")} for name in names]
    # Up to the split, all have one lineage; repeats differ in its seed.
    shared = ("fetch", "split") if kind is _FOLDS else ("fetch",)
    lineage = [step for step in lineage_of(measured[0].meta) if step["stage"] in shared]
    options = {
        "train": training.options(leave_out=("valid", "workers", "device")),
        "evaluate": evaluating.options(leave_out=("workers", "per_user", "candidates")),
    }
    meta = meta_for("metrics", [*lineage, lineage_entry(kind.stage, options, inputs)])
    words = kind.words.format(n=len(names), seeds=seeds)
    protocol = measured[0].protocol | {kind.protocol: words}
    content: dict[str, Any] = {
        "metrics": mean,
        "sd": sd,
        kind.several: runs,
        "protocol": protocol,
        "counts": {kind.several: len(names)},
        "meta": meta,
    }
    with atomic_file(out / "metrics.json") as stream:
        text = json.dumps(without_nan(content), indent=2, ensure_ascii=False)
        stream.write(f"{text}\n".encode())
    return _Summary(runs, mean, sd, protocol, meta)


def spread(runs: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean and the sample standard deviation (n − 1) of each metric over runs."""
    mean, sd = {}, {}
    for name in runs[0]:
        values = np.array([each[name] for each in runs])
        mean[name], sd[name] = float(values.mean()), float(values.std(ddof=1))
    return mean, sd


def _validated_in(config: TrainConfig, whole: Path, own: Path) -> TrainConfig:
    """Point the validation set of the whole split at that of one run."""
    if config.valid is None or Path(config.valid).parent != whole:
        return config
    return dataclasses.replace(config, valid=str(own / Path(config.valid).name))
