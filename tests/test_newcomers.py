"""Held-out users end to end: split, train and evaluate --history against a naive reference."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mfcli
from mfcli.api import Model
from mfcli.artifacts import load_interactions, meta_for, save_interactions
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.splits import PARTS
from mfcli.config import EvaluateConfig, SplitConfig, TrainConfig, TuneConfig
from mfcli.config.run import run_configs
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import Warned
from mfcli.models.loading import scoring_of
from mfcli.scoring.newcomers import history_for
from mfcli.stages.evaluate import evaluate
from mfcli.stages.run import run
from mfcli.stages.split import split
from mfcli.stages.train import train
from mfcli.stages.tune import tune
from mfcli.training.fold_in import fold_in
from tests.helpers import from_triples, interactions

METRICS = ("recall_capped@5", "recall_capped@20", "recall@20", "ndcg@10", "ndcg@100")
IALS: dict[str, Any] = {"objective": "ials", "factors": 6, "epochs": 4, "unobserved_weight": 0.3}
MODELS: dict[str, dict[str, Any]] = {
    "ials": IALS,
    "bpr": {"mode": "hogwild", "factors": 4, "epochs": 5, "workers": 1},
    "popularity": {"model": "popularity"},
    "ease": {"model": "ease"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a split of likes with 15 held-out users, and the models."""
    folder = tmp_path_factory.mktemp("newcomers")
    matrix = interactions(80, 60, 0.25, 3)
    matrix = dataclasses.replace(matrix, data=np.ones_like(matrix.data))
    save_interactions(folder / "m.npz", matrix.with_meta(meta_for("interactions", [])))
    options = {"strategy": "users", "test_users": 15, "valid_users": 10, "fold_in": 0.6}
    split(folder / "m.npz", folder / "split", SplitConfig.merge(("", options)))
    for name, how in MODELS.items():
        train(folder / "split/train.npz", folder / f"{name}.pt", TrainConfig.merge(("", how)))
    return folder


def measure(made: Path, *names: str, **options: Any) -> dict[str, Any]:
    """Return metrics.json."""
    history = str(made / "split/history.npz")
    config = EvaluateConfig.merge(
        ("", {"history": history, "metric": list(METRICS), "resamples": 10, **options})
    )
    out = made / "metrics.json"
    evaluate([made / f"{name}.pt" for name in names], made / "split/test.npz", out, config)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


Scores = np.ndarray  # (I,) of one user


def naive_ials(checkpoint: Checkpoint, items: list[int]) -> Scores:
    """Solve the normal equations of Rendle et al. (2021) for one user, in float64."""
    table = checkpoint.weights["item_factors"].astype(np.float64)
    alpha, penalty = IALS["unobserved_weight"], checkpoint.options["regularization"]
    own = table[items]
    exponent = checkpoint.options["regularization_exponent"]
    ridge = penalty * (len(items) + alpha * len(table)) ** exponent
    left = alpha * table.T @ table + own.T @ own + ridge * np.eye(table.shape[1])
    return table @ np.linalg.solve(left, own.sum(axis=0))


def naive_ease(checkpoint: Checkpoint, items: list[int]) -> Scores:
    """Sum the rows of what the user has, in their order, in float32 as they are stored."""
    table = np.asarray(checkpoint.weights["item_weights"])
    scores = np.zeros(len(table), np.float32)
    for item in sorted(items):
        scores += table[item]
    return scores


def naive_popularity(checkpoint: Checkpoint, items: list[int]) -> Scores:  # noqa: ARG001
    return checkpoint.item_counts.astype(np.float64)


def naive_metrics(
    score: Callable[[int, list[int]], Scores], history: Interactions, test: Interactions
) -> dict[str, float]:
    """Measure by the definitions of Liang et al. (2018), a user and an item at a time."""
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    for user in sorted(set(test.users.tolist())):
        known = history.rows.of(user).tolist()
        wanted = set(test.rows.of(user).tolist())
        scores = score(user, known)
        ranked = sorted(
            (item for item in range(test.n_items) if item not in known),
            key=lambda item: (-scores[item], item),
        )
        for name in METRICS:
            metric, k = name.split("@")[0], int(name.split("@")[1])
            hits = [place for place, item in enumerate(ranked[:k]) if item in wanted]
            gain = sum(1 / math.log2(place + 2) for place in hits)
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
            values[name].append(
                {
                    "recall_capped": len(hits) / min(k, len(wanted)),
                    "recall": len(hits) / len(wanted),
                    "ndcg": gain / ideal,
                }[metric]
            )
    return {name: sum(each) / len(each) for name, each in values.items()}


@pytest.mark.parametrize("name", MODELS)
def test_the_figures_are_those_of_a_naive_reference(made: Path, name: str) -> None:
    history, test = (load_interactions(made / f"split/{part}.npz") for part in ("history", "test"))
    checkpoint = load_checkpoint(made / f"{name}.pt")
    if name == "bpr":  # what its passes find is in the tests of folding in
        folded = fold_in(checkpoint, history).checkpoint
        table = scoring_of(folded).catalogue()(0, folded.n_users)
        expected = naive_metrics(lambda user, _: table[user], history, test)
    else:
        solve = {"ials": naive_ials, "popularity": naive_popularity, "ease": naive_ease}[name]
        expected = naive_metrics(lambda _, items: solve(checkpoint, items), history, test)
    found = measure(made, name)
    assert found["metrics"] == pytest.approx(expected, abs=1e-9)
    assert found["counts"]["users_folded_in"] == found["counts"]["users_ranked"] == 15
    train_rows = load_interactions(made / "split/train.npz").n_ratings
    assert found["counts"]["train_rows"] == train_rows


def test_several_models_are_measured_beside_popularity(made: Path) -> None:
    found = measure(made, "ials", "bpr", "popularity")
    apart = [measure(made, name)["metrics"] for name in ("ials", "bpr", "popularity")]
    assert [model["metrics"] for model in found["models"]] == apart
    assert found["baseline"]["metrics"] == apart[2]
    assert found["protocol"]["masked"] == "the items that the user has in train or in the history"
    assert "folded in" in found["protocol"]["history"]
    roles = [entry["role"] for entry in found["meta"]["lineage"][-1]["inputs"]]
    assert roles == ["model", "model", "model", "test", "history"]


def test_every_ranking_metric_is_measured(made: Path) -> None:
    found = measure(made, "ials", metric=[], k=[5])
    assert {"auc", "mrr", "map@5", "coverage@5", "popularity@5"} <= found["metrics"].keys()
    counts = load_interactions(made / "split/train.npz").item_counts
    assert found["metrics"]["popularity@5"] <= counts.max()


def test_the_api_measures_what_the_command_does(made: Path) -> None:
    history, test = (load_interactions(made / f"split/{part}.npz") for part in ("history", "test"))
    model = Model.load(made / "ials.pt")
    found = mfcli.evaluate(
        model, test, history=history, metric=list(METRICS), resamples=10, ignore=["W-popularity"]
    )
    assert found.metrics == measure(made, "ials")["metrics"]
    parts = mfcli.split(load_interactions(made / "m.npz"), strategy="users")
    assert [part.meta["part"] for part in parts] == ["train", "history", "test"]


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("split/valid-history.npz", "has no row of a user of"),
        ("split/test.npz", "what is tested may not be known"),
        ("other/history.npz", "belongs to another split than"),
    ],
)
def test_a_history_that_does_not_belong_to_the_test_set_is_refused(
    made: Path, history: str, message: str
) -> None:
    options = {"strategy": "users", "test_users": 15, "seed": 1}
    split(made / "m.npz", made / "other", SplitConfig.merge(("", options)))
    with pytest.raises(InputError, match=message):
        measure(made, "ials", history=str(made / history))


def test_a_history_is_no_test_set(made: Path) -> None:
    with pytest.raises(InputError, match="is the history of held-out users"):
        evaluate(made / "ials.pt", made / "split/history.npz", None, EvaluateConfig())


def test_newcomers_without_a_history_are_warned_of(made: Path) -> None:
    events: list[Any] = []
    evaluate(made / "ials.pt", made / "split/test.npz", None, EvaluateConfig(), events.append)
    warned = [str(event.code) for event in events if isinstance(event, Warned)]
    assert warned == ["W-cold", "W-popularity"]


def test_users_whose_history_says_nothing_are_counted_and_ranked_as_unknown_ones(
    tmp_path: Path,
) -> None:
    """User 4's history is of item 5 alone, which train does not have."""
    rows = [(user, item, 1.0) for user in range(3) for item in range(4) if user != item]
    known = from_triples(rows, 6, 6).with_meta(meta_for("interactions", []))
    save_interactions(tmp_path / "train.npz", known)
    train(tmp_path / "train.npz", tmp_path / "m.pt", TrainConfig.merge(("", IALS)))
    history = from_triples([(3, 0, 1.0), (3, 5, 1.0), (4, 5, 1.0)], 6, 6)
    test = from_triples([(3, 1, 1.0), (4, 3, 1.0)], 6, 6)
    model = Model.load(tmp_path / "m.pt")
    with pytest.warns(UserWarning, match=r"1 user of the test set .* ranked by the popular items"):
        found = mfcli.evaluate(
            model, test, history=history, metric=["mrr"], ignore=["W-popularity"]
        )
    counts = found.subjects[0].counts
    assert (counts["users_folded_in"], counts["users_without_history"]) == (1, 1)
    assert counts["history_rows_untrained_item"] == 2
    # Items 0 to 2 have two rows, item 3 has three: the popular list begins with the wanted one.
    assert found.subjects[0].measured.ranked is not None
    assert found.subjects[0].measured.ranked.first.tolist()[1] == 1


def test_ids_of_a_history_are_matched_by_value(made: Path) -> None:
    test = load_interactions(made / "split/test.npz")
    user = int(np.flatnonzero(test.user_counts)[0])
    free = next(item for item in range(test.n_items) if item not in test.rows.of(user))
    text = {
        "user": [str(test.catalog.user_ids[user]), "stranger"],
        "item": [str(test.catalog.item_ids[free])] * 2,
    }
    found = history_for(mfcli.read(text), test, name="h", test_name="t", rated=False)
    assert (found.rows.n_ratings, found.unknown, found.others) == (1, 1, 0)


def test_layers_are_refused(made: Path) -> None:
    how = {"model": "neural", "factors": 2, "epochs": 1, "mode": "implicit"}
    train(made / "split/train.npz", made / "neural.pt", TrainConfig.merge(("", how)))
    with pytest.raises(UsageError, match="neural has layers"):
        measure(made, "neural")


WATCHED: dict[str, dict[str, Any]] = {
    "ials": IALS,
    "bpr": {"mode": "hogwild", "factors": 4, "epochs": 3, "workers": 1},
    "minibatch": {"mode": "implicit", "factors": 4, "epochs": 2, "batch_size": "64"},
}


@pytest.mark.parametrize("name", WATCHED)
def test_training_watches_newcomers_as_evaluate_measures_them(
    made: Path, tmp_path: Path, name: str
) -> None:
    parts = made / "split"
    watch = {
        "valid": str(parts / "valid.npz"),
        "valid_history": str(parts / "valid-history.npz"),
        "metric": ["ndcg@10", "auc"],
    }
    config = TrainConfig.merge(("", {**WATCHED[name], **watch}))
    watched = train(parts / "train.npz", tmp_path / "m.pt", config, warnings=[]).metrics
    measured = EvaluateConfig.merge(
        ("", {"history": watch["valid_history"], "metric": watch["metric"], "resamples": 0})
    )
    found = evaluate(tmp_path / "m.pt", parts / "valid.npz", None, measured).metrics
    assert watched == pytest.approx(found, abs=1e-6)
    plain = TrainConfig.merge(("", WATCHED[name]))
    train(parts / "train.npz", tmp_path / "plain.pt", plain, warnings=[])
    ours, theirs = (load_checkpoint(tmp_path / f"{each}.pt") for each in ("m", "plain"))
    for weight, array in ours.weights.items():
        assert np.array_equal(array, theirs.weights[weight])  # watching changes no bit


def test_validation_of_unknown_users_needs_their_history(made: Path, tmp_path: Path) -> None:
    parts = made / "split"
    config = TrainConfig.merge(("", {**IALS, "valid": str(parts / "valid.npz")}))
    with pytest.raises(InputError, match="give what is known of them with --valid-history"):
        train(parts / "train.npz", tmp_path / "m.pt", config)
    with pytest.raises(UsageError, match="--valid-history is of the users of --valid"):
        TrainConfig(valid_history="h.npz")
    with pytest.raises(UsageError, match="neural has layers"):
        TrainConfig.merge(
            ("", {"model": "neural", "valid": "v.npz", "valid_history": "h.npz"})
        ).resolved()


def test_a_search_measures_newcomers_too(made: Path, tmp_path: Path) -> None:
    parts = made / "split"
    options: dict[str, Any] = {
        "objective": "ials",
        "factors": 4,
        "trials": 2,
        "rungs": 1,
        "valid": str(parts / "valid.npz"),
        "valid_history": str(parts / "valid-history.npz"),
    }
    found = tune(parts / "train.npz", tmp_path / "b.toml", TuneConfig.merge(("", options)))
    assert "a set of its own, its users folded in" in found.protocol["validation"]
    roles = [entry["role"] for entry in found.protocol["inputs"]]
    assert roles == ["train", "valid", "valid_history"]
    best = TrainConfig.merge(("", found.options))
    train(parts / "train.npz", tmp_path / "m.pt", best, warnings=[])
    config = EvaluateConfig(history=options["valid_history"], metric=["ndcg@10"], resamples=0)
    again = evaluate(tmp_path / "m.pt", parts / "valid.npz", None, config).metrics
    assert again["ndcg@10"] == pytest.approx(found.value, abs=1e-6)


RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "users": ("strategy = 'users'\nvalid-users = 5\n", {}),
    "repeated": ("strategy = 'users'\nvalid-users = 5\n", {"repeats": 2}),
    "windows": ("strategy = 'latest'\n", {"folds": 2}),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_through_all_stages(tmp_path: Path, name: str) -> None:
    text, options = RUNS[name]
    file, out = tmp_path / "run.toml", tmp_path / "out"
    file.write_text(
        "[fetch]\nusers = 60\nitems = 50\nratings = 1500\n"
        f"[split]\nthreshold = 3\n{text}"
        "[train]\nobjective = 'ials'\nfactors = 4\nepochs = 2\n"
        "[evaluate]\nmetric = ['ndcg']\nresamples = 10\nbaseline = false\n"
    )
    configs = run_configs((file, None), out, **options)
    run("demo", out, configs, repeats=options.get("repeats"))
    found = json.loads((out / "metrics.json").read_text())
    assert 0 < found["metrics"]["ndcg@10"] <= 1
    if name == "windows":
        assert "2 windows of time, fold1 the oldest" in found["protocol"]["backtest"]
        assert found["meta"]["lineage"][-1]["stage"] == "backtest"
    else:
        assert "folded in" in found["protocol"]["history"]
    if name == "users":
        whole = load_interactions(out / "everything.npz")
        parts = [load_interactions(out / f"split/{part}.npz") for part in PARTS]
        assert whole.n_ratings == sum(part.n_ratings for part in parts)
        assert (out / "recommendations.csv").exists()
