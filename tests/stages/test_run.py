"""``mfcli run``: what is measured, what the lists come from, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.config import Engine, Objective, TrainConfig, combinations
from mfcli.results import TrainResult
from mfcli.stages.refit import settings_of
from mfcli.training.fit import fit
from tests.helpers import interactions

SMALL = "[fetch]\nusers = 80\nitems = 60\nratings = 2000\n"
TRAIN = "[train]\nepochs = 3\nfactors = 4\n"


@pytest.fixture
def run(cli, tmp_path):
    """Return what runs the built-in sample under a configuration: the document of --json."""

    def once(config: str, *options: str | Path, source: str | Path = "demo") -> dict[str, Any]:
        path = tmp_path / "c.toml"
        path.write_text(config)
        result = cli("run", source, "--out", tmp_path / "run", "--config", path, "--json", *options)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout) | {"stderr": result.stderr}

    return once


def listed(folder: Path) -> set[tuple[str, str]]:
    table = pyarrow.csv.read_csv(folder / "recommendations.csv").to_pydict()
    return set(zip(map(str, table["user_id"]), map(str, table["item_id"]), strict=True))


def source_pairs(folder: Path) -> set[tuple[str, str]]:
    matrix = load_interactions(folder / "interactions.npz")
    users = matrix.catalog.user_ids[matrix.users].tolist()
    items = matrix.catalog.item_ids[matrix.indices].tolist()
    return set(zip(map(str, users), map(str, items), strict=True))


@pytest.mark.parametrize(
    ("split", "joined"),
    [
        ("n = 5\n", False),
        ("n = 5\nvalid = true\n", False),
        ("n = 3\nthreshold = 3.5\n", True),
        ("strategy = 'fraction'\nmin-user-ratings = 20\ndrop-unknown = true\nvalid = true\n", True),
    ],
)
def test_lists_hold_nothing_of_the_source_and_come_from_everything(run, tmp_path, split, joined):
    document = run(f"{SMALL}[split]\n{split}{TRAIN}mode = 'hogwild'\nworkers = 1\n")
    folder = tmp_path / "run"
    assert not listed(folder) & source_pairs(folder)
    assert listed(folder)
    parts = [load_interactions(path) for path in sorted((folder / "split").glob("*.npz"))]
    measured, model = (load_checkpoint(folder / f"{name}.pt") for name in ("evaluated", "model"))
    keys = np.sort(np.concatenate([part.rows.keys(part.n_items) for part in parts]))
    assert model.seen.keys(model.n_items).tolist() == keys.tolist()
    assert len(measured.seen_indices) == document["split"]["parts"][0]["n_ratings"]
    assert (folder / "everything.npz").exists() is joined
    assert document["train"]["out"].endswith("evaluated.pt")
    assert document["refit"]["out"].endswith("model.pt")
    metrics = json.loads((folder / "metrics.json").read_text())
    inputs = metrics["meta"]["lineage"][-1]["inputs"]
    assert file_sha256(folder / "evaluated.pt") in [entry["sha256"] for entry in inputs]
    assert "evaluated.pt was measured" in document["stderr"].replace("\n", " ")


def test_without_refit_the_measured_model_recommends_and_leaves_out_the_source(run, tmp_path):
    folder = tmp_path / "run"
    config = f"{SMALL}[split]\nn = 5\n{TRAIN}"
    run(config)
    document = run(config, "--no-refit")
    assert document["refit"] is None
    assert not (folder / "evaluated.pt").exists()
    assert not listed(folder) & source_pairs(folder)
    assert "measured and does not know the test rows" in document["stderr"].replace("\n", " ")
    parts = {path.stem: load_interactions(path) for path in (folder / "split").glob("*.npz")}
    assert len(load_checkpoint(folder / "model.pt").seen_indices) == parts["train"].n_ratings


def test_the_refit_ends_at_the_best_epoch_with_the_options_of_the_measured_model(run, tmp_path):
    # At that rate the validation loss rises soon.
    train = (
        "[train]\nepochs = 30\nfactors = 16\npatience = 2\nlearning-rate = 0.05\n"
        "regularization = 0.0\nmetric = ['ndcg@5']\n"
    )
    document = run(f"{SMALL}[split]\nvalid = true\nn = 5\n{train}")
    folder = tmp_path / "run"
    best = document["train"]["best_epoch"]
    assert best < 30
    assert document["train"]["stopped"] == "early"
    measured, model = (load_checkpoint(folder / f"{name}.pt") for name in ("evaluated", "model"))
    assert len(model.history) == best
    # On the same schedule, not on one that ends there.
    rates = [[epoch["learning_rate"] for epoch in of.history] for of in (measured, model)]
    assert rates[1] == rates[0][:best]
    apart = {"patience", "metric", "last_epoch"}
    same = [
        {key: value for key, value in of.options.items() if key not in apart}
        for of in (measured, model)
    ]
    assert same[0] == same[1]


def test_the_stages_of_a_refit_end_where_those_of_the_measured_model_did(run, tmp_path):
    train = (
        "[train]\nfactors = 8\n"
        "[[train.stages]]\nepochs = 2\nlearning-rate = 0.01\n"
        "[[train.stages]]\nepochs = 20\nlearning-rate = 0.1\npatience = 1\n"
    )
    document = run(f"{SMALL}[split]\nvalid = true\nn = 5\n{train}")
    model = load_checkpoint(tmp_path / "run/model.pt")
    assert len(model.history) == document["train"]["best_epoch"]
    assert [epoch["stage"] for epoch in model.history[:2]] == [1, 1]


def test_a_refit_is_refused_where_nothing_is_recommended(cli, tmp_path):
    for several in ("--folds", "--repeats"):
        refused = cli("run", "demo", several, "2", "--refit", "--out", tmp_path / "cv")
        assert refused.exit_code == 2
        assert "--refit" in refused.stderr


@pytest.mark.parametrize(("model", "objective", "engine"), combinations(), ids=str)
def test_stored_options_train_the_same_model_again(model, objective, engine):
    """What a model stores of its options can be given again, and stands for the same options."""
    given = {"model": model, "engine": engine, "objective": objective}
    config = TrainConfig(**{name: value for name, value in given.items() if value is not None})
    matrix = interactions(12, 9, 0.5, seed=1)
    if objective is not Objective.mse:
        matrix = matrix.keep(matrix.data > 0)
    asked = {"workers": 1}
    if engine is not Engine.closed_form:
        asked |= {"epochs": 1, "factors": 2}
    config = TrainConfig.merge(("", config.options() | asked))
    measured = fit(matrix, config.recipe()).checkpoint
    result = TrainResult(
        out="",
        model="",
        objective="",
        engine="",
        device="",
        epochs=1,
        best_epoch=None,
        stopped="epochs",
        train_loss=None,
        valid_loss=None,
        metrics={},
        stage_losses=[],
        seconds=0.0,
        history="",
    )
    again = settings_of(config, measured, result)
    assert fit(matrix, again.recipe()).checkpoint.options == measured.options


def test_the_report_of_a_run_is_true_of_both_models(run, cli, tmp_path):
    run(f"{SMALL}[split]\nn = 5\nvalid = true\n{TRAIN}metric = ['rmse']\n")
    page = tmp_path / "r.html"
    found = json.loads(cli("report", tmp_path / "run", "--out", page, "--json").stdout)
    messages = [finding["message"] for finding in found["findings"]]
    assert not any("another model" in message for message in messages)
    assert any("those of evaluated.pt" in message for message in messages)
    text = page.read_text("utf-8")
    assert "rmse on validation" in text  # the curves are of the training that was validated
    for name in ("model.pt", "evaluated.pt"):
        assert file_sha256(tmp_path / "run" / name) in text


def two_groups(folder: Path, seed: int = 0) -> tuple[Path, dict[str, int]]:
    """Write clicks of two groups, 30 users and 20 items each, at most 10 rows a user; the groups.

    A user clicks on items of the own group alone; the second group's items are the popular ones.
    """
    random = np.random.default_rng(seed)
    lines, group_of = ["user,item"], {}
    for user in range(60):
        group = int(user < 18)
        items = random.choice(20, random.integers(6, 11), replace=False)
        lines += [f"u{user:02},{'ab'[group]}{item:02}" for item in items]
        group_of[f"u{user:02}"] = group
    path = folder / "clicks.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, group_of


@pytest.mark.parametrize("seed", [0, 1])
def test_clicks_of_two_groups_are_recommended_within_the_group(run, tmp_path, seed):
    path, group_of = two_groups(tmp_path, seed)
    document = run("[train]\nworkers = 1\n", source=path)
    said = document["stderr"].replace("\n", " ")
    assert "--mode hogwild" in said
    assert "holds out 1 row of a user, not 10" in said
    assert document["train"]["objective"] == "bpr"
    own: dict[str, list[bool]] = {}
    for user, item in listed(tmp_path / "run"):
        own.setdefault(user, []).append(item[0] == "ab"[group_of[user]])
    assert len(own) == 60
    # A user has up to ten of the group's twenty items, and gets up to ten: all of the own group.
    assert np.mean([np.mean(hits) for hits in own.values()]) > 0.97


def test_what_is_asked_for_is_not_chosen_by_the_data(run, cli, tmp_path):
    path, _ = two_groups(tmp_path)
    asked = run("[train]\nmodel = 'popularity'\n[split]\nn = 4\n", source=path)
    assert asked["train"]["model"] == "popularity"
    assert "--mode hogwild" not in asked["stderr"]
    train = load_interactions(tmp_path / "run/split/train.npz")
    test = load_interactions(tmp_path / "run/split/test.npz")
    assert test.user_counts.max() == 4
    assert train.n_ratings + test.n_ratings == asked["fetch"]["n_ratings"]
    config = tmp_path / "ten.toml"
    config.write_text("[split]\nn = 10\n")
    refused = cli("run", path, "--config", config, "--out", tmp_path / "other")
    assert refused.exit_code == 3
    assert "no user has more than 10" in refused.stderr


def test_stars_are_trained_as_ratings_and_ten_rows_held_out(run):
    document = run(f"{SMALL}{TRAIN}")
    assert document["train"]["objective"] == "mse"
    assert "rows: the split holds out" not in document["stderr"].replace("\n", " ")
    likes = run(f"{SMALL}[split]\nthreshold = 3\nn = 3\n{TRAIN}")
    assert likes["train"]["objective"] == "bpr"
