"""Ours and the peers, each tuned on validation rows out of train with the same number of trials."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from mfcli.artifacts import load_interactions
from mfcli.config import (
    EvaluateConfig,
    FetchConfig,
    Objective,
    SplitConfig,
    Strategy,
    TrainConfig,
    TuneConfig,
    combinations,
)
from mfcli.config.layers import merge_layers
from mfcli.stages.evaluate import evaluate
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.stages.train import train
from mfcli.stages.tune import tune
from tests.benchmarks.quality import peers
from tests.benchmarks.quality.published import CONSOLE, SEEDS, cell


class Plan(NamedTuple):
    """What the tuned parts do."""

    trials: int
    objectives: tuple[str, ...]  # none: all
    peers: tuple[str, ...]  # of implicit


class Row(NamedTuple):
    """One model over all splits and seeds: figures, and the seconds that made them."""

    name: str
    runs: list[dict[str, float]]
    half_width: float  # of the 95 % interval of the first metric over users, mean of the runs
    valid: list[float]
    tuning: list[float]
    training: list[float]


def settings_to_tune(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the fast engine of every ranking objective, by name."""
    found: dict[str, dict[str, Any]] = {}
    for model, objective, engine in combinations():
        if objective in (None, Objective.mse) or str(engine) not in ("hogwild", "als"):
            continue
        if not plan.objectives or str(objective) in plan.objectives:
            name = f"{objective} · {engine}"
            if name not in found:
                found[name] = {"model": model, "objective": objective, "engine": engine}
    return found


def lastfm(data: Path, work: Path, plan: Plan) -> None:
    """Print recall@20 and ndcg@20 on LightGCN's split of last.fm."""
    files = {part: str(data / f"lightgcn-lastfm/{part}1.txt") for part in ("data", "test")}
    split(None, work / "0", SplitConfig(train_file=files["data"], test_file=files["test"]))
    names = ["ndcg@20", "recall@20"]
    # One split: seeds change the training only.
    rows = _rows([work / "0"], names, plan, work)
    _show("lightgcn-lastfm, its own split, all items, train masked", names, rows, plan)


def hetrec(data: Path, work: Path, plan: Plan) -> None:
    """Print precision@10 and map@10 on play counts, 30 % of each user's artists held out."""
    fetch(str(data / "hetrec2011-lastfm"), work / "all.npz", FetchConfig())
    folders = []
    for seed in SEEDS:
        how = SplitConfig(strategy=Strategy.fraction, test_fraction=0.3, per_user=True, seed=seed)
        split(work / "all.npz", work / str(seed), how)
        folders.append(work / str(seed))
    names = ["precision@10", "map@10"]
    _show(
        "hetrec2011-lastfm, 30 % of each user's artists",
        names,
        _rows(folders, names, plan, work),
        plan,
    )


def likes(data: Path, work: Path, plan: Plan) -> None:
    """Print ndcg@10 of every objective on ml-100k, ratings of at least 4, leave-10-out."""
    fetch(str(data / "ml-100k"), work / "all.npz", FetchConfig())
    folders = []
    for seed in SEEDS:
        split(work / "all.npz", work / str(seed), SplitConfig(threshold=4.0, seed=seed))
        folders.append(work / str(seed))
    names = ["ndcg@10", "precision@10"]
    _show("ml-100k, rating ≥ 4, leave-10-out", names, _rows(folders, names, plan, work), plan)


def _rows(folders: list[Path], names: list[str], plan: Plan, work: Path) -> list[Row]:
    defaults = {"bpr by default": {"mode": "hogwild"}, "ials by default": {"objective": "ials"}}
    rows = [_ours(name, given, folders, names, None, work) for name, given in defaults.items()]
    for name, given in settings_to_tune(plan).items():
        rows.append(_said(_ours(name, given, folders, names, plan.trials, work)))
    if peers.there():
        rows += [_said(_peer(name, folders, names, plan.trials)) for name in plan.peers]
    return rows


def _said(row: Row) -> Row:
    """Print a row as soon as it is there: a search takes minutes, and the next may fail."""
    means = {
        name: round(float(np.mean([run[name] for run in row.runs])), 4) for name in row.runs[0]
    }
    CONSOLE.print(f"{row.name}: {means}", highlight=False, markup=False)
    return row


def _ours(
    name: str,
    given: dict[str, Any],
    folders: list[Path],
    names: list[str],
    trials: int | None,
    work: Path,
) -> Row:
    row = Row(name, [], 0.0, [], [], [])
    widths = []
    for number, seed in enumerate(SEEDS):
        folder = folders[min(number, len(folders) - 1)]
        settings: tuple[Path | None, str | None] = (None, None)
        if trials is not None:
            best = work / "best.toml"
            if number < len(folders):  # each split has its own search, inside its train
                asked = given | {"trials": trials, "metric": names[:1]}
                found = tune(folder / "train.npz", best, TuneConfig.merge(("", asked)))
                row.valid.append(found.value)
                row.tuning.append(found.seconds)
                CONSOLE.print(f"{name}: {best.read_text()}", highlight=False, markup=False)
            settings, given_now = (best, None), {}
        else:
            given_now = given
        config = merge_layers(TrainConfig, "train", settings, given_now | {"seed": seed})
        began = time.perf_counter()
        train(folder / "train.npz", work / "model.pt", config)
        row.training.append(time.perf_counter() - began)
        found_now = evaluate(
            work / "model.pt", folder / "test.npz", None, EvaluateConfig(metric=names)
        )
        row.runs.append(found_now.metrics)
        spread = found_now.intervals[names[0]]
        widths.append((spread["high"] - spread["low"]) / 2)
    return row._replace(half_width=float(np.mean(widths)))


def _peer(name: str, folders: list[Path], names: list[str], trials: int) -> Row:
    row = Row(f"implicit {name}", [], float("nan"), [], [], [])
    config = TuneConfig.merge(("", {"mode": "hogwild", "metric": names[:1], "trials": trials}))
    best = peers.Peer({}, 0.0, 0.0)
    for number, seed in enumerate(SEEDS):
        folder = folders[min(number, len(folders) - 1)]
        whole, test = (load_interactions(folder / f"{part}.npz") for part in ("train", "test"))
        if number < len(folders):
            best = peers.tuned(name, whole, config)
            row.valid.append(best.value)
            row.tuning.append(best.seconds)
            CONSOLE.print(f"implicit {name}: {best.settings}", highlight=False, markup=False)
        began = time.perf_counter()
        scoring = peers.trained(name, best.settings, whole, seed)
        row.training.append(time.perf_counter() - began)
        row.runs.append(peers.figures(scoring, whole, test, names))
    return row


def _show(title: str, names: list[str], rows: list[Row], plan: Plan) -> None:
    table = Table(title=f"{title}; {plan.trials} trials a search; mean ± sd of {len(SEEDS)} seeds")
    heads = [
        "model",
        *names,
        f"± 95 % of {names[0]} over users",
        "validation",
        "tuning s",
        "training s",
    ]
    for head in heads:
        table.add_column(head)
    for row in rows:
        cells = [cell([run[name] for run in row.runs]) for name in names]
        valid = f"{np.mean(row.valid):.4f}" if row.valid else ""
        tuning = f"{np.mean(row.tuning):.0f}" if row.tuning else ""
        width = "" if np.isnan(row.half_width) else f"{row.half_width:.4f}"
        training = f"{np.median(row.training):.2f}"
        table.add_row(row.name, *cells, width, valid, tuning, training)
    CONSOLE.print(table)
