"""``mfcli run``: all stages in one call, their files kept in one folder."""

from __future__ import annotations

from pathlib import Path

from mfcli.config import EvaluateConfig, FetchConfig, RecommendConfig, SplitConfig, TrainConfig
from mfcli.errors import UsageError
from mfcli.results import OnEvent, RunResult, ignore
from mfcli.stages.evaluate import evaluate
from mfcli.stages.fetch import fetch
from mfcli.stages.recommend import check_place, recommend
from mfcli.stages.split import split
from mfcli.stages.train import train


def run(
    source: str | None,
    out: Path,
    fetch_config: FetchConfig,
    split_config: SplitConfig,
    train_config: TrainConfig,
    evaluate_config: EvaluateConfig,
    recommend_config: RecommendConfig,
    on_event: OnEvent = ignore,
) -> RunResult:
    """Run fetch, split, train, evaluate and recommend; each reads what the one before wrote.

    ``out`` gets interactions.npz, split/, model.pt, metrics.json and recommendations.csv.
    """
    source = source or fetch_config.source
    if source is None:
        raise UsageError("name a SOURCE, or give it in the configuration as [fetch] source")
    check_place(out / "recommendations.csv", recommend_config, folder=False)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    out.mkdir(parents=True, exist_ok=True)
    matrix, folder, model = out / "interactions.npz", out / "split", out / "model.pt"
    fetched = fetch(source, matrix, fetch_config, on_event)
    parts = split(matrix, folder, split_config, on_event)
    trained = train(folder / "train.npz", model, train_config, on_event)
    measured = evaluate(model, folder / "test.npz", out / "metrics.json", evaluate_config, on_event)
    written = recommend(model, out / "recommendations.csv", recommend_config, on_event)
    return RunResult(str(out), fetched, parts, trained, measured, written)
