"""The main job on real ratings: counts, film names, and the quality that the README promises."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from mfcli.artifacts import load_interactions, save_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.evaluation.measuring import measure
from mfcli.models.loading import scoring_of
from mfcli.training.fold_in import fold_in
from tests.conftest import Cli, CliResult


def ok(result: CliResult) -> CliResult:
    assert result.exit_code == 0, result.stderr
    return result


def metrics(cli: Cli, model: Path, test: Path, *options: str) -> dict[str, float]:
    result = ok(cli("evaluate", model, test, "--json", "--k", "5", "--k", "10", *options))
    return dict(json.loads(result.stdout)["metrics"])


def test_ml_100k_end_to_end_names_real_films(cli, datasets, tmp_path):
    ok(cli("fetch", datasets / "ml-100k", "--out", tmp_path / "ml.npz"))
    matrix = load_interactions(tmp_path / "ml.npz")
    assert (matrix.n_users, matrix.n_items, matrix.n_ratings) == (943, 1682, 100_000)
    assert np.bincount(matrix.data.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    assert scipy.sparse.load_npz(tmp_path / "ml.npz").sum() == matrix.data.sum()
    ok(cli("split", tmp_path / "ml.npz", "--out", tmp_path / "s", "--threshold", "4"))
    train = ["train", tmp_path / "s/train.npz", "--mode", "hogwild"]
    ok(cli(*train, "--out", tmp_path / "m.pt"))
    found = metrics(cli, tmp_path / "m.pt", tmp_path / "s/test.npz")
    assert found["auc"] >= 0.928
    assert found["precision@5"] >= 0.245
    result = ok(cli("recommend", tmp_path / "m.pt", "--out", "-", "--k", "5"))
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 943 * 5
    titles = dict(
        line.split("|")[:2]
        for line in (datasets / "ml-100k/u.item").read_text("latin-1").splitlines()
    )
    assert all(titles[row["item_id"]] == row["item_name"] for row in rows)
    seen = matrix.csr()
    likes = seen[:, :].toarray() >= 4
    held = load_interactions(tmp_path / "s/test.npz").csr().toarray() > 0
    for row in rows:
        user, item = int(row["user_id"]) - 1, int(row["item_id"]) - 1
        assert not likes[user, item] or held[user, item]


def test_published_folds_reach_the_rmse_of_the_readme(cli, datasets, tmp_path):
    """One of the five folds, the hardest; the default of the hogwild engine for ratings."""
    files = [f"{datasets}/ml-100k/u1.{part}" for part in ("base", "test")]
    ok(cli("split", "--train-file", files[0], "--test-file", files[1], "--out", tmp_path / "u1"))
    test = load_interactions(tmp_path / "u1/test.npz")
    assert test.n_ratings == 20_000
    model = tmp_path / "m.pt"
    train = ["train", tmp_path / "u1/train.npz", "--mode", "hogwild", "--objective", "mse"]
    ok(cli(*train, "--out", model))
    assert metrics(cli, model, tmp_path / "u1/test.npz")["rmse"] <= 0.922


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "bound"), [("notebook-mf", 0.764), ("notebook-mf-bias", 0.751)])
def test_the_notebooks_recipes_end_no_worse_than_there(cli, datasets, tmp_path, preset, bound):
    """Mean squared error on the notebook's own split, which seed 3 makes again to the row."""
    run = ["run", datasets / "ml-latest-small", "--preset", preset, "--out", tmp_path / "run"]
    document = json.loads(ok(cli(*run, "--json")).stdout)
    parts = document["split"]["parts"]
    assert parts[0]["n_items"] == 8998
    assert document["evaluate"]["metrics"]["rmse"] ** 2 <= bound
    losses = document["train"]["stage_losses"]
    assert [loss["stage"] for loss in losses] == [1, 2, 3]
    assert losses[0]["valid_loss"] > losses[1]["valid_loss"] > losses[2]["valid_loss"]
    assert losses[2]["valid_loss"] <= bound


@pytest.mark.slow
def test_explicit_defaults_beat_the_notebooks_models_on_its_split(cli, datasets, tmp_path):
    ok(cli("fetch", datasets / "ml-latest-small", "--out", tmp_path / "d.npz"))
    split = ["split", tmp_path / "d.npz", "--strategy", "fraction", "--seed", "3"]
    ok(cli(*split, "--drop-unknown", "--out", tmp_path / "s"))
    ok(cli("train", tmp_path / "s/train.npz", "--out", tmp_path / "m.pt"))
    assert metrics(cli, tmp_path / "m.pt", tmp_path / "s/test.npz")["rmse"] ** 2 <= 0.72


@pytest.mark.slow
def test_play_counts_train_a_ranking(cli, datasets, tmp_path):
    ok(cli("fetch", datasets / "hetrec2011-lastfm", "--out", tmp_path / "d.npz"))
    ok(cli("split", tmp_path / "d.npz", "--out", tmp_path / "s"))
    found = {}
    for name, options in {
        "popularity": ["--model", "popularity"],
        "plain": ["--mode", "hogwild"],
        "weighted": ["--mode", "hogwild", "--positive-weight", "log"],
    }.items():
        ok(cli("train", tmp_path / "s/train.npz", "--out", tmp_path / f"{name}.pt", *options))
        found[name] = metrics(cli, tmp_path / f"{name}.pt", tmp_path / "s/test.npz")["ndcg@10"]
    assert found["plain"] > 1.2 * found["popularity"]
    assert found["weighted"] > 1.2 * found["popularity"]


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["bpr", "warp"])
def test_folded_users_get_lists_nearly_as_good_as_trained_ones(cli, datasets, tmp_path, objective):
    """ml-100k: 150 users left out of train and folded in, against the model that had them."""
    ok(cli("fetch", str(datasets / "ml-100k"), "--threshold", "4", "--out", tmp_path / "all.npz"))
    ok(cli("split", tmp_path / "all.npz", "--out", tmp_path))
    whole, test = (load_interactions(tmp_path / f"{part}.npz") for part in ("train", "test"))
    gone = np.zeros(whole.n_users, bool)
    gone[np.random.default_rng(0).choice(whole.n_users, 150, replace=False)] = True
    save_interactions(tmp_path / "rest.npz", whole.keep(~gone[whole.users]))
    found, options = {}, ("--mode", "hogwild", "--objective", objective)
    for name in ("train", "rest"):
        model = tmp_path / f"{name}.pt"
        ok(cli("train", tmp_path / f"{name}.npz", "--out", model, *options))
        checkpoint = load_checkpoint(model)
        if name == "rest":
            checkpoint = fold_in(checkpoint, whole.keep(gone[whole.users])).checkpoint
        scoring, held_out = scoring_of(checkpoint, model), test.keep(gone[test.users])
        measured = measure(
            scoring,
            whole.rows,
            held_out,
            ["ndcg@10"],
        )
        found[name] = measured.metrics["ndcg@10"]
    assert found["rest"] >= 0.85 * found["train"]
