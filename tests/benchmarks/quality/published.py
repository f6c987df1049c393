"""Our defaults and the older systems' settings, on the splits that were published with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mfcli.config import (
    EvaluateConfig,
    FetchConfig,
    Objective,
    SplitConfig,
    TrainConfig,
    combinations,
)
from mfcli.config.layers import merge_layers
from mfcli.stages.evaluate import evaluate
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.stages.train import train

SEEDS = (0, 1, 2)
CONSOLE = Console(width=120)


def measured(parts: Path, config: TrainConfig, k: int = 10) -> dict[str, float]:
    """Train on parts/train.npz, measure on parts/test.npz; metrics, and seconds of training."""
    model = parts / "model.pt"
    trained = train(parts / "train.npz", model, config)
    metrics = evaluate(model, parts / "test.npz", None, EvaluateConfig(k=[5, k])).metrics
    return metrics | {"seconds": trained.seconds}


def options(**given: Any) -> TrainConfig:
    """Return a training configuration; None stands for the default."""
    given = {name: value for name, value in given.items() if value is not None}
    return TrainConfig.merge(("", given))


def cell(values: list[float]) -> str:
    """Return mean ± standard deviation."""
    return f"{np.mean(values):.4f} ± {np.std(values):.4f}"


def folds(data: Path, work: Path) -> None:
    """Print the RMSE over u1–u5."""
    table = Table(title="ml-100k, u1–u5, all test rows: RMSE, mean ± sd over seeds of five folds")
    for name in ("model", "RMSE", "seconds a fold"):
        table.add_column(name)
    for fold in range(1, 6):
        names = {part: str(data / f"ml-100k/u{fold}.{part}") for part in ("base", "test")}
        config = SplitConfig(train_file=names["base"], test_file=names["test"])
        split(None, work / f"u{fold}", config)
    for title, given in {
        "bias (closed form)": {"model": "bias"},
        "--mode explicit": {},
        "--mode hogwild --objective mse": {"mode": "hogwild", "objective": "mse"},
        "--objective mse --engine als": {"engine": "als"},
        "--model svdpp": {"model": "svdpp"},
    }.items():
        runs = [
            [measured(work / f"u{fold}", options(**given, seed=seed)) for fold in range(1, 6)]
            for seed in SEEDS
        ]
        means = [float(np.mean([step["rmse"] for step in run])) for run in runs]
        seconds = float(np.median([step["seconds"] for run in runs for step in run]))
        table.add_row(title, cell(means), f"{seconds:.2f}")
    CONSOLE.print(table)


def implicit(data: Path, work: Path) -> None:
    """Print ranking metrics and training time of every sampled objective on both engines."""
    table = Table(title="ml-100k, rating ≥ 4, leave-10-out, train masked: mean ± sd of 3 seeds")
    for name in ("model", "AUC", "precision@5", "ndcg@10", "seconds"):
        table.add_column(name)
    fetch(str(data / "ml-100k"), work / "ml-100k.npz", FetchConfig())
    for seed in SEEDS:
        config = SplitConfig(threshold=4.0, seed=seed)
        split(work / "ml-100k.npz", work / f"seed{seed}", config)
    for model, objective, engine in combinations():
        if objective is Objective.mse:
            continue
        found = [
            measured(
                work / f"seed{seed}",
                options(model=model, objective=objective, engine=engine, seed=seed),
            )
            for seed in SEEDS
        ]
        cells = [cell([row[name] for row in found]) for name in ("auc", "precision@5", "ndcg@10")]
        seconds = float(np.median([row["seconds"] for row in found]))
        title = " · ".join(str(part) for part in (model, objective, engine) if part)
        table.add_row(title, *cells, f"{seconds:.2f}")
    CONSOLE.print(table)


def older(data: Path, work: Path) -> None:
    """Print what the presets of the two older systems reach, and our defaults beside them."""
    table = Table(title="the older systems' settings and splits, one seed each")
    for name in ("preset", "data", "RMSE", "MSE", "AUC", "precision@5"):
        table.add_column(name)
    presets = [
        ("torchmf-explicit", "ml-100k"),
        ("torchmf-implicit", "ml-100k"),
        ("torchmf-hogwild", "ml-100k"),
        ("notebook-mf", "ml-latest-small"),
        ("notebook-mf-bias", "ml-latest-small"),
        ("notebook-neural", "ml-latest-small"),
    ]
    for preset, name in presets:
        source, parts = work / f"{name}-all.npz", work / preset
        fetch(str(data / name), source, FetchConfig())
        split(source, parts, merge_layers(SplitConfig, "split", (None, preset), {}))
        rows = [(preset, merge_layers(TrainConfig, "train", (None, preset), {}))]
        if preset == "notebook-mf-bias":
            rows.append(("--mode explicit, same split", options()))
        for title, config in rows:
            metrics = measured(parts, config)
            rmse = metrics.get("rmse")
            table.add_row(
                title,
                name,
                "" if rmse is None else f"{rmse:.4f}",
                "" if rmse is None else f"{rmse**2:.4f}",
                f"{metrics['auc']:.4f}",
                f"{metrics['precision@5']:.4f}",
            )
    CONSOLE.print(table)


def lightfm(data: Path, work: Path) -> None:
    """Print BPR and WARP in the protocol of LightFM's MovieLens example; three seeds."""
    names = {part: str(data / f"ml-100k/ua.{part}") for part in ("base", "test")}
    rows = SplitConfig(train_file=names["base"], test_file=names["test"], threshold=1.0)
    split(None, work, rows)
    table = Table(title="ml-100k ua, 10 factors, 10 epochs, learning rate .05, train not masked")
    for name in ("model", "precision@10", "AUC", "LightFM's precision@10, AUC"):
        table.add_column(name)
    for objective, theirs in (("bpr", ".10, .86"), ("warp", ".11, .90")):
        found = []
        for seed in SEEDS:
            config = options(
                mode="hogwild",
                objective=objective,
                factors=10,
                epochs=10,
                learning_rate=0.05,
                workers=1,
                seed=seed,
            )
            model = work / "model.pt"
            train(work / "train.npz", model, config)
            measuring = EvaluateConfig(include_seen=True)
            found.append(evaluate(model, work / "test.npz", None, measuring).metrics)
        cells = [cell([row[name] for row in found]) for name in ("precision@10", "auc")]
        table.add_row(objective, *cells, theirs)
    CONSOLE.print(table)
