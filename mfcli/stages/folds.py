"""``mfcli run --folds K``: cross-validation, every fold trained and measured in one call."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

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
from mfcli.results import FoldsResult, Noted, Report, ignore
from mfcli.stages.evaluate import evaluate, without_nan
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.stages.train import train


def run_folds(
    source: str | None,
    out: Path,
    fetch_config: FetchConfig,
    split_config: SplitConfig,
    train_config: TrainConfig,
    evaluate_config: EvaluateConfig,
    report: Report = ignore,
) -> FoldsResult:
    """Run fetch and split, then train and evaluate over each of the K folds.

    ``out`` gets interactions.npz, split/foldN/, foldN/model.pt and foldN/metrics.json, and
    metrics.json with every fold, the mean and the standard deviation. Gates hold for every fold.
    """
    began = time.perf_counter()
    source = source or fetch_config.source
    if source is None:
        raise UsageError("name a SOURCE, or give it in the configuration as [fetch] source")
    if evaluate_config.per_user is not None:
        raise UsageError("--per-user is of one evaluation: leave it out with --folds")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    out.mkdir(parents=True, exist_ok=True)
    matrix, folder = out / "interactions.npz", out / "split"
    with output_lock(out / "metrics.json"):
        fetched = fetch(source, matrix, fetch_config, report)
        parts = split(matrix, folder, split_config, report)
        names = [f"fold{number}" for number in range(1, (split_config.folds or 0) + 1)]
        measured = []
        for name in names:
            report(Noted(f"{name} of {len(names)}"))
            model = out / name / "model.pt"
            train(folder / name / "train.npz", model, _of_fold(train_config, folder, name), report)
            test, target = folder / name / "test.npz", out / name / "metrics.json"
            measured.append(evaluate(model, test, target, evaluate_config, report))
        folds = [
            {"fold": name, "metrics": each.metrics, "intervals": each.intervals,
             "counts": each.counts}
            for name, each in zip(names, measured, strict=True)
        ]  # fmt: skip
        mean, sd = spread([each.metrics for each in measured])
        inputs = [
            {"role": name, "sha256": file_sha256(out / name / "metrics.json")} for name in names
        ]
        # Up to the split, all folds have one lineage.
        lineage = [
            step for step in lineage_of(measured[0].meta) if step["stage"] in ("fetch", "split")
        ]
        options = {
            "train": _plain(train_config),
            "evaluate": evaluate_config.options(leave_out=("workers", "per_user", "candidates")),
        }
        meta = meta_for("metrics", [*lineage, lineage_entry("cross-validate", options, inputs)])
        protocol = measured[0].protocol | {
            "cross_validation": f"{len(names)} folds; metrics: mean over folds; sd: sample "
            "standard deviation over folds (n − 1), not a standard error: folds share train rows"
        }
        content: dict[str, Any] = {
            "metrics": mean, "sd": sd, "folds": folds, "protocol": protocol,
            "counts": {"folds": len(names)}, "meta": meta,
        }  # fmt: skip
        with atomic_file(out / "metrics.json") as stream:
            text = json.dumps(without_nan(content), indent=2, ensure_ascii=False)
            stream.write(f"{text}\n".encode())
    seconds = time.perf_counter() - began
    return FoldsResult(str(out), fetched, parts, folds, mean, sd, protocol, meta, seconds)


def spread(folds: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean and the sample standard deviation (n − 1) of each metric over folds."""
    mean, sd = {}, {}
    for name in folds[0]:
        values = np.array([each[name] for each in folds])
        mean[name], sd[name] = float(values.mean()), float(values.std(ddof=1))
    return mean, sd


def _of_fold(config: TrainConfig, folder: Path, name: str) -> TrainConfig:
    """Point the validation set of the whole split at the fold's own."""
    if config.valid is None or Path(config.valid).parent != folder:
        return config
    return dataclasses.replace(config, valid=str(folder / name / Path(config.valid).name))


def _plain(config: TrainConfig) -> dict[str, Any]:
    return config.options(leave_out=("valid", "workers", "device"))
