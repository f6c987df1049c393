"""Results and events as stages give them, for tests of how they look: plain and at their worst."""

from __future__ import annotations

import math
from typing import Any

from mfcli.events import EpochResult, TrialResult
from mfcli.results import (
    ChangesResult,
    EvaluateResult,
    ExportResult,
    FetchResult,
    FoldsResult,
    ForgetResult,
    GenerationsResult,
    InspectResult,
    NightResult,
    PairsResult,
    RecommendResult,
    RepeatsResult,
    ReportResult,
    Result,
    RollbackResult,
    RunResult,
    SimilarResult,
    SplitPart,
    SplitResult,
    TrainResult,
    TuneResult,
    WarmUpResult,
)

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LONG = "/srv/recommendations/nightly/2026-11/implicit feedback of the shop in Köln/warp-64.pt"
METRICS = {"ndcg@10": 0.351234, "recall@10": 0.2801, "precision@10": 0.09517, "auc": 0.90122}
OPTIONS = {
    "factors": 64,
    "learning_rate": 0.0123456,
    "regularization": 1.5e-05,
    "batch_size": 65536,
    "objective": "bpr",
    "seed": 20261127,
    "metric": ["ndcg@10", "auc"],
}


def fetch() -> FetchResult:
    return FetchResult(
        out="interactions.npz",
        format="delimited",
        n_users=6040,
        n_items=3706,
        n_ratings=1_000_209,
        rows_read=1_000_209,
        without_id=0,
        dropped=0,
        duplicates=12,
        below_threshold=0,
        filtered=0,
        minimum=1.0,
        maximum=5.0,
        mean=3.58156,
        has_timestamps=True,
        has_item_names=True,
        times="2000-04-25 to 2003-02-28",
        columns={
            "user": {"column": "user_id", "distinct": 6040},
            "item": {"column": "movie_id", "distinct": 3706},
            "rating": {"column": "3"},
            "time": {"column": "timestamp"},
        },
        notice="Cite Harper and Konstan (2015), The MovieLens Datasets: History and Context, ACM "
        "TiiS 5(4), where results on this data are published.",
        seconds=1.2,
    )


def split() -> SplitResult:
    parts = [
        SplitPart(
            path="split/train.npz", n_ratings=939_809, n_users=6040, n_items=3700, unknown_rows=0
        ),
        SplitPart(
            path="split/test.npz", n_ratings=60_400, n_users=6040, n_items=3102, unknown_rows=6
        ),
    ]
    return SplitResult(
        out="split", strategy="leave-n-out", split_id="0123456789abcdef", n_users=6040,
        n_items=3706, parts=parts, seconds=0.4,
    )  # fmt: skip


def train(**changes: Any) -> TrainResult:
    given: dict[str, Any] = {
        "out": "model.pt",
        "model": "biased-mf",
        "objective": "bpr",
        "engine": "hogwild",
        "device": "cpu",
        "epochs": 20,
        "best_epoch": 17,
        "stopped": "early stopping",
        "train_loss": 0.21567,
        "valid_loss": 0.25111,
        "metrics": {"ndcg@10": 0.31456},
        "stage_losses": [],
        "seconds": 83.4,
        "history": "model.history.csv",
    }
    return TrainResult(**(given | changes))


def searched() -> TrainResult:
    best = [
        {
            "trial": number,
            "options": {"model": "biased-mf", "objective": "bpr-squared", "engine": "hogwild"}
            | {"factors": 64 * (1 + number)},
            "ndcg@10": 0.3512 - 0.001 * number,
            "seconds": 3.7 * (1 + number),
        }
        for number in range(4)
    ]
    evidence = {
        "metric": "ndcg@10",
        "best": best,
        "value": 0.3512,
        "defaults": {"value": 0.3301},
        "gap": 0.0211,
        "validation": "the latest, 5 rows a user, out of the matrix (seed 0): 30200 rows",
        "trials": 17,
    }
    losses: list[dict[str, float | int | None]] = [
        {"stage": 1, "epochs": 5, "train_loss": 0.51, "valid_loss": None},
        {"stage": 2, "epochs": 15, "train_loss": 0.21, "valid_loss": 0.25},
    ]
    return train(evidence=evidence, settings="model.toml", stage_losses=losses)


def spread(value: float, width: float) -> dict[str, float]:
    return {"standard_error": width / 2, "low": value - width, "high": value + width}


def intervals(metrics: dict[str, float]) -> dict[str, dict[str, float]]:
    return {name: spread(value, 0.01 * value) for name, value in metrics.items()}


def difference(value: float, width: float) -> dict[str, Any]:
    beyond = abs(value) > width
    return {"difference": value, **spread(value, width), "beyond_noise": beyond}


PROTOCOL = {
    "candidates": "all items of train that a user has not seen there",
    "k": [10],
    "resamples": 1000,
}
COUNTS = {"test_rows": 60_400, "users_with_test_row": 6040, "rows_of_unknown_items": 1}


def popularity(metrics: dict[str, float], by: float) -> dict[str, Any]:
    theirs = {name: value - by for name, value in metrics.items()}
    return {
        "name": "popularity",
        "judged_by": "ndcg@10",
        "better": by > 0,
        "metrics": theirs,
        "intervals": intervals(theirs),
        "differences": {name: difference(by, 0.02) for name in metrics},
    }


def evaluate() -> EvaluateResult:
    groups = {
        name: {"users": users, "metrics": METRICS}
        for name, users in (("known", 6000), ("warm", 30), ("cold", 10))
    }
    return EvaluateResult(
        out="metrics.json",
        metrics=METRICS,
        protocol=PROTOCOL,
        counts=COUNTS,
        meta={},
        intervals=intervals(METRICS),
        user_groups=groups,
        baseline=popularity(METRICS, 0.1),
    )


def compared(names: list[str]) -> EvaluateResult:
    """Return an evaluation of several models, every second one of them worse than the first."""
    models: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        metrics = {key: value - 0.01 * (number % 2) for key, value in METRICS.items()}
        metrics["rmse"] = 0.91234 + 0.01 * (number % 2)
        models.append(
            {
                "name": name,
                "metrics": metrics,
                "intervals": intervals(metrics),
                "baseline": popularity(metrics, 0.01),
            }
        )
    differences = [
        {
            "model": name,
            "base": names[0],
            "metrics": {
                key: difference(models[number]["metrics"][key] - models[0]["metrics"][key], 0.005)
                for key in models[0]["metrics"]
            },
        }
        for number, name in enumerate(names[1:], 1)
    ]
    return EvaluateResult(
        out=None,
        metrics=models[0]["metrics"],
        protocol=PROTOCOL,
        counts=COUNTS,
        meta={},
        intervals=models[0]["intervals"],
        models=models,
        differences=differences,
    )


def undefined() -> EvaluateResult:
    """Return an evaluation in which hardly anything is defined."""
    nan = math.nan
    lost = {"standard_error": nan, "low": nan, "high": nan}
    metrics = {"ndcg@10": nan, "auc": 0.5}
    differences = {name: {"difference": nan, **lost, "beyond_noise": False} for name in metrics}
    beside = popularity(metrics, 0.0) | {"differences": differences}
    model = {"name": "a.pt", "metrics": metrics, "intervals": dict.fromkeys(metrics, lost)}
    return EvaluateResult(
        out=None,
        metrics=metrics,
        protocol=PROTOCOL | {"sampled": 1, "relevant_from": 4.0},
        counts=COUNTS,
        meta={},
        intervals=dict.fromkeys(metrics, lost),
        models=[model | {"baseline": beside}, {**model, "name": "b.pt", "metrics": {"auc": 0.4}}],
        differences=[{"model": "b.pt", "base": "a.pt", "metrics": differences}],
    )


def recommend(**changes: Any) -> RecommendResult:
    preview = [
        {"user_id": 42, "item_id": item, "rank": rank, "score": 4.75 - rank / 10, "item_name": name}
        for rank, (item, name) in enumerate([(318, "Shawshank Redemption, The (1994)"),
                                             (858, "Godfather, The (1972)"),
                                             (50, "Usual Suspects, The (1995)")], 1)
    ]  # fmt: skip
    given: dict[str, Any] = {
        "out": "recommendations.csv",
        "n_users": 6040,
        "n_rows": 60_400,
        "unknown_users": 0,
        "short_users": 1,
        "model_seconds_old": 9.84,
        "seconds": 0.9,
        "preview": preview,
        "users_with_rows": 6040,
        "coverage": 0.41234,
        "churn": 0.123,
        "counts": {"users": 2},
        "changes": {"added": 10, "changed": 300, "dropped": 1},
    }
    return RecommendResult(**(given | changes))


def pairs() -> PairsResult:
    return PairsResult(
        out="scores.csv", n_rows=1, unknown_user_rows=0, unknown_item_rows=1,
        model_seconds_old=3 * 3600.0, lineage=[], seconds=0.02,
    )  # fmt: skip


def similar() -> SimilarResult:
    preview = [
        {"item_id": "318", "similar_id": str(858 + rank), "rank": rank, "similarity": 1 - rank / 9}
        for rank in (1, 2)
    ]
    return SimilarResult(
        out="similar.csv", by="items", n_asked=3706, n_rows=37_060, without=4, seconds=0.4,
        preview=preview,
    )  # fmt: skip


def export() -> ExportResult:
    return ExportResult(
        out="vectors", model="biased-mf", n_users=6040, n_items=3706, factors=64, seconds=0.3
    )


def inspect() -> InspectResult:
    return InspectResult(
        path="split/train.npz",
        kind="interactions",
        details={
            "users": 6040,
            "items": 3706,
            "ratings": 939_809,
            "density": 0.041986,
            "times": "2000-04-25 to 2003-02-28",
            "item names": True,
            "schema": 1,
        },
        histogram={"1": 53_000, "2": 101_000, "3": 245_000, "4": 330_000, "5": 210_809},
        options={},
        lineage=[
            {
                "stage": "fetch",
                "options": {"format": "delimited", "duplicates": "last"},
                "inputs": [{"role": "source", "name": "ratings.dat", "sha256": SHA}],
            },
            {"stage": "split", "options": OPTIONS, "inputs": [{"role": "matrix", "sha256": SHA}]},
        ],
        metrics={},
    )


def repeats(number: int, kind: type[FoldsResult] | type[RepeatsResult]) -> Result:
    one = "fold" if kind is FoldsResult else "repeat"
    runs = [
        {
            one: f"{one}{at}",
            "metrics": {name: value + 0.001 * at for name, value in METRICS.items()},
        }
        for at in range(1, number + 1)
    ]
    given: dict[str, Any] = {
        "out": "cv",
        "fetch": fetch(),
        "mean": METRICS,
        "sd": dict.fromkeys(METRICS, 0.001),
        "protocol": PROTOCOL,
        "meta": {},
        f"{one}s": runs,
    }
    return kind(**given, **({"split": split()} if one == "fold" else {"splits": [split()]}))


def trials(number: int) -> list[dict[str, Any]]:
    return [
        {
            "trial": at,
            "rung": 3,
            "epochs": 27,
            "ndcg@10": 0.34567 - 0.001 * at,
            "auc": 0.912,
            "factors": 16 * (at + 1),
            "learning_rate": 0.012345 / (at + 1),
            "regularization": 1.5e-05,
            "negatives": 3,
            "optimizer": "adam",
        }
        for at in range(number)
    ]


def tune() -> TuneResult:
    return TuneResult(
        out="best.toml",
        trials_file="best.trials.csv",
        metric="ndcg@10",
        value=0.34567,
        default=0.33,
        trial=4,
        epochs=27,
        options=OPTIONS,
        trials=27,
        trainings=40,
        diverged=1,
        stopped="trials",
        protocol={"validation": "the latest, 5 rows a user: 30,200 rows, 909,609 to train on"},
        best=trials(5),
        seconds=3725.0,
        verdict={
            "difference": 0.01567,
            "needed": 0.01,
            "users": 6040,
            "candidates": 26,
            "beyond_noise": True,
        },
    )


def run() -> RunResult:
    return RunResult(
        out="demo",
        fetch=fetch(),
        split=split(),
        train=train(out="demo/evaluated.pt"),
        evaluate=evaluate(),
        refit=train(),
        recommend=recommend(),
    )


def gates(n: int) -> list[dict[str, Any]]:
    return [
        {
            "gate": name,
            "bound": "drop",
            "passed": True,
            "tonight": tonight,
            "last": last,
            "limit": 0.5,
            "sentence": f"{name}: {tonight} tonight, {last} the last time",
        }
        for name, tonight, last in [
            ("rows", 1_000_209.0, 999_000.0),
            ("newest", "2026-11-26", None),
            ("ndcg@10", 0.35123, 0.34999),
        ][:n]
    ]


def night() -> NightResult:
    return NightResult(
        folder="shop",
        status="published",
        reason="",
        generation="0003-2026-11-27",
        as_of="2026-11-27",
        current="0003-2026-11-27",
        counted={
            "rows": 1_000_209,
            "users": 6040,
            "items": 3706,
            "lists": 6040,
            "churn": 0.2345,
            "metrics": METRICS,
        },
        gates=gates(3),
        reused=[],
        removed=["0001-2026-11-25"],
        in_use=[],
        seconds={"fetch": 1.2, "train": 83.4, "recommend": 3725.0},
    )


def generations() -> GenerationsResult:
    there: list[dict[str, Any]] = [
        {
            "name": f"000{number}-2026-11-2{number}",
            "current": number == 3,
            "in_use": number == 2,
            "published": f"2026-11-2{number}T03:14:15Z",
            "rows": 1_000_209 if number > 1 else None,
            "users": 6040,
            "items": 3706,
            "lists": 6040,
            "churn": None if number == 1 else 0.2,
            "bytes": 123_456_789 * number,
        }
        for number in (1, 2, 3)
    ]
    return GenerationsResult(
        folder="shop", current=there[2]["name"], latest={"status": "published"}, generations=there
    )


def forget() -> ForgetResult:
    return ForgetResult(
        folder="shop",
        asked=2,
        generations=["0001", "0002"],
        forgotten=[{"name": "0002", "users": 1, "list_rows": 1}],
        dry_run=True,
    )


def changes() -> ChangesResult:
    return ChangesResult(
        folder="shop",
        since="0001",
        current="0002",
        out="changes.csv",
        changes={"added": 1, "changed": 1_200, "dropped": 0},
    )


def rollback() -> RollbackResult:
    return RollbackResult(folder="shop", before="0003", current="0002", dry_run=False)


def warm_up(*, listed: bool) -> WarmUpResult:
    groups = [
        {"name": name, "kernels": 3, "kept": kept, "compiled": 2, "seconds": 12.3}
        for name, kept in (("training by samples", True), ("ranking", False))
    ]
    return WarmUpResult(folders=["/home/me/.cache/mfcli"], groups=groups, listed=listed)


def report() -> ReportResult:
    finding = {
        "level": "warning",
        "run": "demo-explicit",
        "message": "the runs were measured on different test sets: their figures say nothing of "
        "each other",
    }
    return ReportResult(
        out="report.html",
        runs=["demo-explicit", "demo-implicit"],
        missing={"demo-implicit": ["history"]},
        findings=[finding],
        n_bytes=123_456,
        seconds=0.2,
    )


# Every kind of result; those of the snapshots first.
RESULTS: dict[str, Result] = {
    "fetch": fetch(),
    "split": split(),
    "train": train(),
    "evaluate": evaluate(),
    "compare": compared(["bpr.pt", "runs/2026-11-27/warp-large.pt", "ials.pt"]),
    "recommend": recommend(),
    "inspect": inspect(),
    "tune": tune(),
    "nightly": night(),
    "generations": generations(),
    "budget": searched(),
    "many": compared([f"{LONG}{number}" for number in range(5)]),
    "undefined": undefined(),
    "pairs": pairs(),
    "similar": similar(),
    "export": export(),
    "folds": repeats(10, FoldsResult),
    "repeats": repeats(3, RepeatsResult),
    "run": run(),
    "changes": changes(),
    "forget": forget(),
    "rollback": rollback(),
    "warm-up": warm_up(listed=False),
    "warm-up --list": warm_up(listed=True),
    "report": report(),
}
SNAPSHOTS = list(RESULTS)[:10]


def epoch(number: int, *, n_metrics: int = 2) -> EpochResult:
    names = ["ndcg@10", "recall@10", "precision@10", "auc", "map@10", "mrr", "hit_rate@10"]
    return EpochResult(
        epoch=number,
        stage=1,
        learning_rate=0.1,
        train_loss=0.51234,
        valid_loss=0.6,
        metrics=dict.fromkeys(names[:n_metrics], 0.31234),
        seconds=12.3,
        ratings_per_second=1_234_567.8,
        best=number == 2,
    )


def trial(number: int) -> TrialResult:
    return TrialResult(
        trial=number,
        rung=1,
        epochs=27,
        status="ok",
        value=0.31234 + 0.001 * number,
        metrics={"ndcg@10": 0.31234},
        seconds=83.4,
        options=OPTIONS | {"model": "biased-mf", "engine": "hogwild"},
    )
