"""Ratings of any scale: the same settings give the same model, on the ratings' own scale."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mfcli.artifacts import load_interactions, save_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.training.defaults import for_data
from mfcli.training.units import rating_unit

MODELS = {
    "biased-mf": ["--engine", "hogwild"],
    "mf": ["--engine", "minibatch"],
    "svdpp": ["--workers", "1"],
    "neural": ["--engine", "minibatch"],
}


@pytest.fixture(scope="module")
def split(tmp_path_factory, cli):
    folder = tmp_path_factory.mktemp("units")
    sample = ["--users", "60", "--items", "50", "--ratings", "1200"]
    assert cli("fetch", "demo", "--out", folder / "d.npz", *sample).exit_code == 0
    assert cli("split", folder / "d.npz", "--out", folder, "--n", "4").exit_code == 0
    return folder


def scaled(folder, out, by: float) -> None:
    for name in ("train", "test"):
        part = load_interactions(folder / f"{name}.npz")
        save_interactions(
            out / f"{name}.npz", dataclasses.replace(part, data=part.data * np.float32(by))
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("by", [2.0**-10, 32.0])
def test_scaled_ratings_give_the_scaled_model(cli, split, tmp_path, model, by):
    """By a power of two, so that nothing is rounded: losses and errors scale to the last bit."""
    scaled(split, tmp_path, by)
    figures = []
    for folder in (split, tmp_path):
        out = tmp_path / f"{folder.name}.pt"
        options = ["--model", model, *MODELS[model], "--objective", "mse", "--epochs", "3"]
        watch = ["--valid", folder / "test.npz", "--metric", "rmse", "--factors", "4"]
        trained = cli("train", folder / "train.npz", "--out", out, *options, *watch, "--json")
        assert trained.exit_code == 0, trained.stderr
        measured = cli("evaluate", out, folder / "test.npz", "--metric", "rmse", "--json")
        figures.append((json.loads(trained.stdout), json.loads(measured.stdout)["metrics"]))
    (plain, error), (large, large_error) = figures
    assert large_error["rmse"] == pytest.approx(by * error["rmse"], rel=1e-6)
    assert large["metrics"]["rmse"] == pytest.approx(large_error["rmse"], rel=1e-6)
    for name in ("train_loss", "valid_loss"):
        assert large[name] == pytest.approx(by**2 * plain[name], rel=1e-6)


def test_training_goes_on_from_a_checkpoint_in_its_units(cli, split, tmp_path):
    scaled(split, tmp_path, 64.0)
    train = ["train", tmp_path / "train.npz", "--mode", "hogwild", "--objective", "mse"]
    train += ["--factors", "4"]
    assert cli(*train, "--epochs", "5", "--out", tmp_path / "a.pt").exit_code == 0
    more = [*train, "--init-from", tmp_path / "a.pt", "--learning-rate", "0", "--epochs", "1"]
    assert cli(*more, "--out", tmp_path / "b.pt").exit_code == 0
    a, b = (load_checkpoint(tmp_path / f"{name}.pt").weights for name in "ab")
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        assert np.allclose(a[name], b[name], rtol=1e-6, atol=0)


def test_stars_and_what_is_asked_for_are_taken_as_they_are(split):
    train = load_interactions(split / "train.npz")
    config = TrainConfig().recipe()
    stars = np.tile(np.array([3, 3, 4, 4, 5, 1, 3, 4, 3, 5], np.float32), 120)[: train.n_ratings]
    as_stars = dataclasses.replace(train, data=np.resize(stars, train.n_ratings))
    assert rating_unit(config, as_stars) == 1.0
    wide = dataclasses.replace(train, data=as_stars.data * np.float32(25))
    assert 20 < rating_unit(config, wide) < 30
    same = dataclasses.replace(train, data=np.full_like(train.data, 7))
    assert rating_unit(config, same) == 1.0
    asked = TrainConfig.merge(("", {"rating_unit": 1.0})).recipe()
    assert rating_unit(asked, wide) == 1.0
    ranks = TrainConfig.merge(("", {"mode": "hogwild"})).recipe()
    assert rating_unit(ranks, wide) == 1.0


def usual_weight(train: Interactions) -> float:
    recipe = TrainConfig.merge(("", {"objective": "ials"})).recipe()
    return for_data(recipe, train).unobserved_weight


def test_the_unobserved_weight_is_by_density_unless_given(cli, split, tmp_path):
    train = load_interactions(split / "train.npz")
    usual = usual_weight(train)
    assert usual == 1.0  # of a dense sample
    wide = dataclasses.replace(train.catalog, item_ids=np.arange(20_000), item_names=None)
    wider = dataclasses.replace(train, catalog=wide)
    widest = dataclasses.replace(train.catalog, item_ids=np.arange(40_000), item_names=None)
    twice = usual_weight(dataclasses.replace(train, catalog=widest))
    assert usual_weight(wider) == pytest.approx(2 * twice, rel=0.01)
    assert 0.001 < usual_weight(wider) < 0.02
    stored = []
    for more in ([], ["--unobserved-weight", "0.125"], ["--unobserved-weight", "0"]):
        words = ["train", split / "train.npz", "--objective", "ials", "--epochs", "1", *more]
        assert cli(*words, "--out", tmp_path / "m.pt").exit_code == 0
        stored.append(load_checkpoint(tmp_path / "m.pt").options["unobserved_weight"])
    assert stored == [usual, 0.125, 0.0]


def test_the_unobserved_weight_grows_with_what_interactions_weigh(split):
    train = load_interactions(split / "train.npz")
    recipe = TrainConfig.merge(("", {"objective": "ials", "confidence": "linear", "alpha": 3.0}))
    weight = for_data(recipe.recipe(), train).unobserved_weight
    assert weight == pytest.approx(usual_weight(train) * (1 + 3 * train.data.mean()), rel=0.01)


def test_a_sparse_catalogue_does_not_lose_its_factors(tmp_path, cli):
    """At a weight that suits ml-100k, the penalty over all pairs would leave none of them."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(2000), 12)
    rows = np.stack([users, (users % 40) * 200 + rng.integers(0, 200, len(users))], axis=1)
    np.savetxt(tmp_path / "t.csv", rows, "%d", ",", header="user,item", comments="")
    assert cli("fetch", tmp_path / "t.csv", "--out", tmp_path / "d.npz").exit_code == 0
    sizes = []
    for more in ([], ["--unobserved-weight", "0.26"]):
        words = ["train", tmp_path / "d.npz", "--objective", "ials", "--factors", "16", *more]
        assert cli(*words, "--out", tmp_path / "m.pt").exit_code == 0
        weights = load_checkpoint(tmp_path / "m.pt").weights
        sizes.append(float(np.abs(weights["user_factors"] @ weights["item_factors"].T).max()))
    assert sizes[0] > 0.05 > 1e-3 > sizes[1]
