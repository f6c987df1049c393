"""Folding users in: a train user's own history gives its own factors, whatever the id's place."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mfcli.api import Model, read
from mfcli.artifacts import save_interactions
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.config import ModelKind, TrainConfig, combinations
from mfcli.data.building import RawRows, from_rows
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError, UsageError
from mfcli.models.loading import scoring_of
from mfcli.stages import train as training
from mfcli.training.fold_in import fold_in
from tests.helpers import interactions

TRAIN = dataclasses.replace(interactions(60, 40, 0.3, seed=1), meta={"schema": 1, "lineage": []})
TRAIN = dataclasses.replace(TRAIN, data=TRAIN.data + 1)

FACTOR_MODELS = [
    combination for combination in combinations() if combination[0] is not ModelKind.neural
]
LEARNT = [model for model in FACTOR_MODELS if model[2] != "closed-form"]


def trained(tmp_path: Path, train: Interactions = TRAIN, **options: Any) -> Checkpoint:
    save_interactions(tmp_path / "train.npz", train)
    config = TrainConfig.merge(("", {"workers": 1} | options))
    training.train(tmp_path / "train.npz", tmp_path / "model.pt", config)
    return load_checkpoint(tmp_path / "model.pt")


def history_of(train: Interactions, users: list[int], ids: list[Any]) -> Interactions:
    """Return the entries of some rows under other ids."""
    chosen = np.isin(train.users, users)
    names = dict(zip(users, ids, strict=True))
    rows = RawRows(
        np.array([names[user] for user in train.users[chosen].tolist()]),
        train.catalog.item_ids[train.indices[chosen]],
        train.data[chosen],
    )
    return from_rows(rows)[0]


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "ials", "factors": 12, "epochs": 4},
        {"objective": "ials", "factors": 12, "confidence": "log", "alpha": 3.0, "epochs": 4},
        {"engine": "als", "factors": 12, "epochs": 4},
        {"engine": "als", "model": "mf", "factors": 12, "epochs": 4},
        {"model": "bias"},
    ],
    ids=lambda each: "-".join(map(str, each.values())),
)
def test_a_train_users_own_history_gives_its_own_weights(tmp_path, options):
    checkpoint = trained(tmp_path, **options)
    users = np.flatnonzero(TRAIN.user_counts)[[3, 7, 20]].tolist()
    known = [int(TRAIN.catalog.user_ids[user]) for user in users]
    folded = fold_in(checkpoint, history_of(TRAIN, users, known))
    assert (folded.new_users, folded.unknown_rows) == (0, 0)
    assert folded.users.tolist() == users
    strangers = fold_in(checkpoint, history_of(TRAIN, users, [5000, 4000, 6000]))
    assert strangers.new_users == 3
    assert strangers.checkpoint.catalog.user_ids[-3:].tolist() == [4000, 5000, 6000]
    for name, before in checkpoint.weights.items():
        after, appended = (entry.checkpoint.weights[name] for entry in (folded, strangers))
        np.testing.assert_allclose(after, before, atol=2e-4, rtol=1e-3)
        if name.startswith("user"):
            np.testing.assert_allclose(appended[: len(before)], before, atol=0, rtol=0)
            new = appended[len(before) :][[1, 0, 2]]
            np.testing.assert_allclose(new, before[users], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("choice", LEARNT, ids=lambda each: "-".join(map(str, each)))
def test_a_folded_user_scores_its_own_items_above_the_others(tmp_path, choice):
    options = dict(zip(("model", "objective", "engine"), map(str, choice), strict=True))
    train = TRAIN
    if options["objective"] != "mse":  # users like the items of their own half
        halves = TRAIN.keep(TRAIN.users % 2 == TRAIN.indices % 2)
        train = dataclasses.replace(halves, data=np.ones_like(halves.data))
    if options["engine"] == "minibatch":
        options["batch_size"] = "32"
    # warp takes small steps, one a positive.
    epochs = 100 if options["objective"] == "warp" else 20
    checkpoint = trained(tmp_path, train, **options, factors=8, epochs=epochs)
    users = np.flatnonzero(train.user_counts >= 6)[:8].tolist()
    history = history_of(train, users, [f"new {number}" for number in range(len(users))])
    folded = fold_in(checkpoint, history)
    again = fold_in(checkpoint, history).checkpoint.weights
    assert all(
        np.array_equal(again[name], entry) for name, entry in folded.checkpoint.weights.items()
    )
    scoring = scoring_of(folded.checkpoint, tmp_path / "model.pt")
    rows = np.repeat(folded.users, np.diff(history.indptr))
    items = np.searchsorted(train.catalog.item_ids, history.catalog.item_ids)[history.indices]
    scores = scoring.pairs(rows, items)
    if options["objective"] == "mse":
        own = scoring.pairs(np.repeat(users, np.diff(history.indptr)), items)
        errors = [float(np.mean((entry - history.data) ** 2)) for entry in (scores, own)]
        assert errors[0] <= errors[1] * 1.05
        return
    everything = scoring.catalogue()(0, scoring.shape[0]) + scoring.constant()[:, None]
    mine = np.array([scores[rows == user].mean() for user in folded.users])
    assert (mine > everything[folded.users].mean(axis=1)).all()


def test_what_is_seen_is_that_of_train_and_of_the_history(tmp_path):
    checkpoint = trained(tmp_path, objective="ials", factors=4, epochs=2)
    user = int(np.argmax(TRAIN.user_counts))
    before = set(TRAIN.indices[TRAIN.indptr[user] : TRAIN.indptr[user + 1]].tolist())
    new = sorted(set(range(40)) - before)[:2]
    history, _ = from_rows(
        RawRows(TRAIN.catalog.user_ids[[user, user]], TRAIN.catalog.item_ids[new])
    )
    after = fold_in(checkpoint, history).checkpoint
    seen = after.seen_indices[after.seen_indptr[user] : after.seen_indptr[user + 1]]
    assert set(seen.tolist()) == before | set(new)
    assert len(after.seen_indices) == TRAIN.n_ratings + 2
    others = np.delete(np.diff(after.seen_indptr), user)
    assert others.tolist() == np.delete(TRAIN.user_counts, user).tolist()


def test_items_that_the_model_does_not_know_are_left_out_and_counted(tmp_path):
    checkpoint = trained(tmp_path, objective="ials", factors=4, epochs=2)
    rows = RawRows(np.array([1, 1, 2, 3]), np.array([100, 999, 999, 998]))
    folded = fold_in(checkpoint, from_rows(rows)[0])
    assert (folded.new_users, folded.unknown_items, folded.unknown_rows) == (1, 2, 3)
    assert folded.checkpoint.catalog.user_ids[folded.users].tolist() == [1]


def test_layers_between_users_and_items_are_refused(tmp_path):
    checkpoint = trained(tmp_path, model="neural", factors=4, epochs=1)
    with pytest.raises(UsageError, match="--model neural has layers"):
        fold_in(checkpoint, TRAIN)


def test_a_user_with_few_ratings_is_held_where_train_had_no_regularization(tmp_path):
    checkpoint = trained(tmp_path, regularization=0.0, factors=8, epochs=3)
    history, _ = from_rows(RawRows(np.array([1]), np.array([100]), np.array([5.0], np.float32)))
    found = fold_in(checkpoint, history).checkpoint.weights["user_factors"][-1]
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) < 100


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foldin")
    trained(folder, objective="ials", factors=4, epochs=3)
    return folder


def test_recommend_writes_the_users_of_the_history(made, tmp_path, cli):
    (tmp_path / "new.csv").write_text("user,item\nzoe,100\nzoe,101\n12,102\nzoe,7\n")
    asked = ("recommend", made / "model.pt", "--history", tmp_path / "new.csv", "--k", "3")
    result = cli(*asked, "--out", "-")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["user_id"] for row in rows] == ["12"] * 3 + ["zoe"] * 3
    assert {row["item_id"] for row in rows[3:]}.isdisjoint({"100", "101"})
    assert "1 item is not in the model: 1 row is left out" in result.stderr
    assert "folded in 1 new user, and 1 that the model knows" in result.stderr
    (tmp_path / "users").write_text("zoe\n10\n")
    chosen = cli(*asked, "--out", "-", "--users", tmp_path / "users", "--quiet")
    users = [entry["user_id"] for entry in csv.DictReader(io.StringIO(chosen.stdout))]
    assert users == ["10"] * 3 + ["zoe"] * 3
    matrix, _ = from_rows(RawRows(np.array(["zoe", "zoe"]), np.array([100, 101])))
    save_interactions(tmp_path / "new.npz", dataclasses.replace(matrix, meta=TRAIN.meta))
    of_matrix = cli(
        "recommend",
        made / "model.pt",
        "--history",
        tmp_path / "new.npz",
        "--k",
        "3",
        "--out",
        "-",
        "--quiet",
    )
    assert of_matrix.stdout.splitlines()[1:] == result.stdout.splitlines()[4:]


def test_a_history_without_a_known_item_is_refused(made, tmp_path, cli):
    (tmp_path / "new.csv").write_text("user,item\nzoe,7\n")
    out = tmp_path / "r.csv"
    result = cli(
        "recommend", made / "model.pt", "--history", tmp_path / "new.csv", "--out", out, "--json"
    )
    assert result.exit_code == 3
    assert "holds no item that the model knows" in json.loads(result.stdout)["error"]["message"]
    assert not out.exists()
    same = cli(
        "recommend",
        made / "model.pt",
        "--history",
        tmp_path / "new.csv",
        "--out",
        tmp_path / "new.csv",
    )
    assert same.exit_code == 2


@pytest.mark.parametrize(
    "options", [{}, {"objective": "ials"}, {"model": "svdpp"}], ids=["biased-mf", "ials", "svdpp"]
)
def test_a_warm_start_keeps_the_rows_that_it_knows(tmp_path, cli, options):
    old = TRAIN.keep(TRAIN.users < 50)
    old = Interactions(
        old.indptr[:51],
        old.indices,
        old.data,
        Catalog(TRAIN.catalog.user_ids[:50], TRAIN.catalog.item_ids),
        meta=TRAIN.meta,
    )
    before = trained(tmp_path, old, factors=4, epochs=2, **options)
    # The grown matrix: ten users more, and its rows in another order of ids.
    order = np.random.default_rng(0).permutation(60)
    grown, _ = from_rows(
        RawRows(
            np.array([f"{entry}" for entry in TRAIN.catalog.user_ids[order][TRAIN.users]]),
            TRAIN.catalog.item_ids[TRAIN.indices],
            TRAIN.data,
        )
    )
    save_interactions(tmp_path / "grown.npz", dataclasses.replace(grown, meta=TRAIN.meta))
    words = [
        "train",
        tmp_path / "grown.npz",
        "--out",
        tmp_path / "new.pt",
        "--init-from",
        tmp_path / "model.pt",
        "--factors",
        "4",
        "--epochs",
        "1",
    ]
    words += [word for name, value in options.items() for word in (f"--{name}", value)]
    words += [] if "objective" in options else ["--learning-rate", "0"]
    result = cli(*words)
    assert result.exit_code == 0, result.stderr
    kept = int((old.user_counts > 0).sum())
    assert f"{kept} users and 40 items continue with its weights, " in result.stderr
    if "objective" in options:
        return
    after = load_checkpoint(tmp_path / "new.pt")
    place = {str(entry): at for at, entry in enumerate(before.catalog.user_ids.tolist())}
    for row, name in enumerate(after.catalog.user_ids.tolist()):
        if name in place and old.user_counts[place[name]]:
            was = before.weights["user_factors"][place[name]]
            # Through the unit of ratings and back.
            np.testing.assert_allclose(after.weights["user_factors"][row], was, rtol=1e-6, atol=0)
    assert np.array_equal(after.weights["item_factors"], before.weights["item_factors"])
    if "model" in options:
        ours, theirs = (entry.weights["item_implicit"] for entry in (after, before))
        assert theirs.any()
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0)


@pytest.mark.parametrize("form", ["{}", "{}.0"])
def test_a_warm_start_matches_ids_of_another_type(tmp_path, cli, form):
    """One odd id makes text of a column of integers overnight: all others are still the same."""
    trained(tmp_path, factors=4, epochs=1)
    names = [form.format(entry) for entry in TRAIN.catalog.user_ids.tolist()]
    names[-1] = "odd"
    rows = RawRows(np.array(names)[TRAIN.users], TRAIN.catalog.item_ids[TRAIN.indices], TRAIN.data)
    matrix = dataclasses.replace(from_rows(rows)[0], meta=TRAIN.meta)
    save_interactions(tmp_path / "new.npz", matrix)
    start = ("--init-from", tmp_path / "model.pt", "--factors", "4", "--epochs", "1")
    result = cli("train", tmp_path / "new.npz", "--out", tmp_path / "new.pt", *start)
    assert result.exit_code == 0, result.stderr
    kept = int((TRAIN.user_counts[:-1] > 0).sum())
    assert f"{kept} users and 40 items continue with its weights" in result.stderr
    assert "its user ids are integers, those of the matrix are text ('" in result.stderr
    assert f"{kept} of {TRAIN.n_users} are known" in result.stderr
    assert result.stderr.count("[W-id-type]") == 1


def test_a_warm_start_without_a_common_id_is_refused(tmp_path, cli):
    trained(tmp_path, factors=4, epochs=1)
    ratings = np.array([3, 4], np.float32)
    other, _ = from_rows(RawRows(np.array(["a", "a"]), np.array(["b", "c"]), ratings))
    save_interactions(tmp_path / "other.npz", dataclasses.replace(other, meta=TRAIN.meta))
    result = cli(
        "train",
        tmp_path / "other.npz",
        "--out",
        tmp_path / "n.pt",
        "--init-from",
        tmp_path / "model.pt",
        "--factors",
        "4",
    )
    assert result.exit_code == 3
    assert "has no user or item in common" in result.stderr


@pytest.mark.parametrize(
    ("options", "text", "status"),
    [
        ({"engine": "als", "epochs": 2}, "user,item\nnew,100\nnew,101\n", 3),
        ({"engine": "als", "epochs": 2}, "user,item,rating\nnew,100,4\nnew,101,5\n", 0),
        ({"objective": "ials", "epochs": 2}, "user,item\nnew,100\nnew,101\n", 0),
        ({"model": "popularity"}, "user,item\nnew,100\nnew,101\n", 0),
    ],
)
def test_a_history_without_ratings_is_no_history_of_dislikes(
    cli, tmp_path, options, text, status
) -> None:
    trained(tmp_path, **options)
    (tmp_path / "h.csv").write_text(text)
    model, out = tmp_path / "model.pt", tmp_path / "r.csv"
    found = cli("recommend", model, "--history", tmp_path / "h.csv", "--out", out)
    assert found.exit_code == status, found.stderr
    assert out.exists() == (status == 0)
    if status:
        assert "has no ratings" in found.stderr
        assert "column of ratings" in found.stderr


HISTORIES: dict[str, tuple[str, str]] = {
    "rated": ("user,item,rating\nnew,100,4\nnew,101,1\n", ""),
    "all 1": ("user,item,rating\nnew,100,1\nnew,101,1\n", ""),
    "unrated": ("user,item\nnew,100\nnew,101\n", "has no ratings, and this model predicts them"),
}


@pytest.mark.parametrize("split", [False, True], ids=["fetched", "split"])
@pytest.mark.parametrize("name", HISTORIES)
def test_a_matrix_knows_whether_its_table_had_ratings(cli, tmp_path, name, split) -> None:
    trained(tmp_path, engine="als", epochs=2)
    text, refused = HISTORIES[name]
    (tmp_path / "h.csv").write_text(text)
    history, out = tmp_path / "h.npz", tmp_path / "r.csv"
    assert cli("fetch", tmp_path / "h.csv", "--out", history, "--quiet").exit_code == 0
    if split:
        assert cli("split", history, "--out", tmp_path / "parts", "--n", "1").exit_code == 0
        history = tmp_path / "parts/train.npz"
    found = cli("recommend", tmp_path / "model.pt", "--history", history, "--out", out)
    assert found.exit_code == (3 if refused else 0), found.stderr
    assert refused in found.stderr
    assert out.exists() != bool(refused)


SOURCES: dict[str, tuple[Any, bool]] = {
    "columns": ({"user": ["new"] * 2, "item": [100, 101]}, False),
    "rated columns": ({"user": ["new"] * 2, "item": [100, 101], "rating": [5, 4]}, True),
    "frame": (pd.DataFrame({"user": ["new"] * 2, "item": [100, 101]}), False),
    "arrays": ((["new"] * 2, [100, 101]), False),
    "arrays and None": ((["new"] * 2, [100, 101], None), False),
    "rated arrays": ((["new"] * 2, [100, 101], [5.0, 1.0]), True),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_api_folds_in_as_the_command_does(tmp_path, name) -> None:
    history, rated = SOURCES[name]
    ratings = Model(trained(tmp_path, engine="als", epochs=2))
    if rated:
        assert "new" in ratings.fold_in(history).user_ids.astype(str)
    else:
        with pytest.raises(InputError, match=r"has no ratings, .*column of ratings"):
            ratings.fold_in(history)
        with pytest.raises(InputError, match="has no ratings"):
            ratings.fold_in(read(history))
    likes = Model(trained(tmp_path, objective="ials", epochs=2))
    assert len(likes.fold_in(history).user_ids) == TRAIN.n_users + 1


def test_a_baseline_on_clicks_folds_clicks_in(tmp_path) -> None:
    clicks = dataclasses.replace(TRAIN, data=np.ones_like(TRAIN.data))
    model = Model(trained(tmp_path, clicks, model="bias"))
    assert len(model.fold_in({"user": [900], "item": [100]}).user_ids) == TRAIN.n_users + 1


@pytest.mark.parametrize("empty", ["", "NULL"])
def test_a_row_of_a_history_that_lacks_its_rating_is_named(cli, tmp_path, empty) -> None:
    trained(tmp_path, engine="als", epochs=2)
    rows = f"user,item,rating\nnew,100,4\nnew,101,{empty}\nnew,102,{empty}\n"
    (tmp_path / "h.csv").write_text(rows)
    out = tmp_path / "r.csv"
    found = cli("recommend", tmp_path / "model.pt", "--history", tmp_path / "h.csv", "--out", out)
    assert found.exit_code == 3
    for words in ("h.csv, line 3", "rating is missing", "2 of 3 rows", "--drop-missing"):
        assert words in found.stderr
    assert not out.exists()
