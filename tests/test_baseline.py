"""Popularity beside a model: as the general ranking gives it, judged, said, kept and said again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts import load_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.artifacts.meta import warnings_of, with_warnings
from mfcli.codes import WarningCode
from mfcli.config.metrics import METRICS, MetricKind
from mfcli.evaluation.baseline import judged_by, score_popularity
from mfcli.evaluation.measuring import BY_USER, measure, measure_common
from mfcli.evaluation.relevance import looks_like_scale
from mfcli.events import Warned
from mfcli.models.arrays import Vectors
from mfcli.ranking.candidates import Pool
from tests.helpers import interactions

RANKING = [
    f"{name}@4" if entry.kind is MetricKind.list else name
    for name, entry in METRICS.items()
    if entry.kind is not MetricKind.rating
]


# A model of ratings that learns nothing: its lists are as random as its start.
RANDOM = ["--epochs", "1", "--learning-rate", "1e-9", "--init", "normal:1"]


def as_model(scores: np.ndarray, n_users: int) -> Vectors:
    """Return a model that gives all users the same scores."""
    users = np.zeros((n_users, 1), np.float32)
    return Vectors(users, np.zeros((len(scores), 1), np.float32), users[:, 0], scores, 0.0)


@settings(deadline=None)  # kernels are compiled
@given(
    seed=st.integers(0, 1000),
    n_users=st.integers(1, 30),
    n_items=st.integers(1, 40),
    density=st.floats(0.05, 0.9),
    sampled=st.sampled_from([None, 3]),
    include_seen=st.booleans(),
)
def test_scores_that_all_share_are_ranked_as_any_others(
    seed, n_users, n_items, density, sampled, include_seen
):
    whole = interactions(n_users, n_items, density, seed)
    held = np.random.default_rng(seed).random(whole.n_ratings) < 0.3
    train, test = whole.keep(~held), whole.keep(held)
    scores = score_popularity(train.item_counts)
    pool = Pool(n_items, None if include_seen else train.rows, None, sampled, seed)
    fast = measure_common(scores, train.rows, test, RANKING, pool=pool)
    slow = measure(as_model(scores, n_users), train.rows, test, RANKING, pool=pool)
    for name in BY_USER:
        np.testing.assert_array_equal(
            getattr(fast.ranked, name), getattr(slow.ranked, name), err_msg=name
        )
    assert str(fast.metrics) == str(slow.metrics)


@pytest.mark.parametrize(
    ("names", "metric"),
    [
        (["rmse", "auc", "precision@5", "ndcg@5", "ndcg@10"], "ndcg@5"),
        (["auc", "recall@20"], "recall@20"),
        (["auc"], "auc"),
        (["popularity@10"], None),
        (["rmse", "mae"], None),
    ],
)
def test_a_model_is_judged_by_ndcg_at_the_first_k_else_by_the_next_best(names, metric):
    assert judged_by(names) == metric


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 2, 3, 4, 5, 4, 4, 5], True),
        ([0.5, 3, 3.5, 4, 5], True),
        ([5, 5, 5, 5, 1], True),
        ([0, 1, 1, 1], True),  # liked or not
        ([-1, 1, 1], True),
        ([-9.5, 2.3, 4.1, 9.9], True),  # Jester
        ([7, 8, 10, 3, 9], True),
        ([20, 80, 100, 60], True),  # in percent
        ([1, 1, 1, 1], False),
        ([1, 1, 1, 2, 3], False),  # purchases
        ([13, 260, 500, 4000, 352_698], False),  # plays
        ([0.99, 20, 30, 500], False),  # money
        ([], False),
    ],
)
def test_a_scale_of_ratings_is_told_from_counts(values, scale):
    assert looks_like_scale(np.array(values, np.float32)) is scale


def test_the_warnings_of_a_file_are_read_back_whatever_it_holds():
    warning = Warned(WarningCode.popularity, "no better")
    meta = with_warnings({"schema": 2}, [warning])
    assert warnings_of(meta) == [warning]
    assert with_warnings(meta, []) == {"schema": 2}
    later = {"code": "W-of-a-later-version", "text": "?"}
    strange: list[Any] = [None, 3, [3, None, {}, {"code": 4}, {"code": []}, later]]
    for found in strange:
        assert warnings_of({"warnings": found}) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: Any, cli: Any) -> Path:
    """Make split/ of stars, good.pt (learns to rank), bad.pt (learns ratings), popular.pt."""
    folder = tmp_path_factory.mktemp("baseline")
    sample = ["--users", "300", "--items", "120", "--ratings", "9000"]
    assert cli("fetch", "demo", "--out", folder / "d.npz", *sample).exit_code == 0
    split = ["split", folder / "d.npz", "--out", folder / "split", "--n", "5", "--valid"]
    assert cli(*split).exit_code == 0
    for name, *options in (
        ("good", "--mode", "hogwild", "--objective", "logistic", "--factors", "16"),
        ("bad", *RANDOM),
        ("popular", "--model", "popularity"),
    ):
        path = folder / f"{name}.pt"
        result = cli("train", folder / "split/train.npz", "--out", path, *options)
        assert result.exit_code == 0, result.stderr
    return folder


def measured(cli: Any, made: Path, *options: Any) -> tuple[dict[str, Any], str]:
    models = [option for option in options if str(option).endswith(".pt")]
    others = [option for option in options if option not in models]
    out = made / "metrics.json"
    files = [*(made / model for model in models), made / "split/test.npz"]
    result = cli("evaluate", *files, "--out", out, *others)
    assert result.exit_code == 0, result.stderr
    return json.loads(out.read_text()), result.stderr + result.stdout


def test_popularity_stands_beside_every_model(cli, made):
    popular, text = measured(cli, made, "popular.pt")
    assert "baseline" not in popular  # it would stand beside itself
    assert "W-popularity" not in text
    for model, better in (("good.pt", True), ("bad.pt", False)):
        found, text = measured(cli, made, model)
        baseline = found["baseline"]
        assert baseline["name"] == "popularity"
        assert baseline["judged_by"] == "ndcg@10"
        ranked = {
            name: value for name, value in found["metrics"].items() if name not in ("rmse", "mae")
        }
        assert baseline["metrics"].keys() == ranked.keys()
        for name, value in baseline["metrics"].items():
            assert value == pytest.approx(popular["metrics"][name])
        difference = baseline["differences"]["ndcg@10"]
        ours = found["metrics"]["ndcg@10"] - baseline["metrics"]["ndcg@10"]
        assert difference["difference"] == pytest.approx(ours)
        assert baseline["better"] is better is (difference["low"] > 0)
        assert ("W-popularity" in text) is not better
        codes = [warning["code"] for warning in found["warnings"]]
        assert ("W-popularity" in codes) is not better
        assert "popularity on the same rows" in text
        assert "models" not in found


def test_every_one_of_several_models_has_its_baseline(cli, made):
    found, text = measured(cli, made, "good.pt", "bad.pt")
    assert [model["baseline"]["better"] for model in found["models"]] == [True, False]
    assert "bad.pt: the lists are" in text
    assert len(found["differences"]) == 1


def test_without_baseline_nothing_is_compared(cli, made):
    found, text = measured(cli, made, "bad.pt", "--no-baseline")
    assert "baseline" not in found
    assert "W-popularity" not in text
    only_rmse, text = measured(cli, made, "bad.pt", "--metric", "rmse")
    assert "baseline" not in only_rmse
    assert "W-" not in text
    files = [made / "bad.pt", made / "split/test.npz"]
    assert cli("evaluate", *files, "--no-baseline", "--beat", "popularity").exit_code == 2


def test_without_resamples_the_values_decide(cli, made):
    for model, better in (("good.pt", True), ("bad.pt", False)):
        found, _ = measured(cli, made, model, "--resamples", "0")
        assert found["baseline"]["better"] is better


def test_train_says_and_keeps_what_validation_shows_and_recommend_says_it_again(
    cli, made, tmp_path
):
    model = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--valid", made / "split/valid.npz"]
    train += ["--out", model, "--metric", "auc"]
    trained = cli(*train, *RANDOM)
    assert trained.exit_code == 0, trained.stderr
    assert "auc on validation" in trained.stderr
    (kept,) = warnings_of(load_checkpoint(model).meta)
    assert kept.message in trained.stderr
    again = cli("recommend", model, "--out", tmp_path / "r.csv")
    assert again.exit_code == 0
    assert kept.message in again.stderr
    good = cli(*train, "--mode", "hogwild", "--workers", "1", "--factors", "16")
    assert "W-popularity" not in good.stderr
    assert "W-popularity" not in cli("recommend", model, "--out", tmp_path / "r.csv").stderr


@pytest.mark.parametrize("refit", ["--refit", "--no-refit"])
def test_run_keeps_it_in_both_models_and_in_the_report(cli, tmp_path, refit):
    out, config = tmp_path / "run", tmp_path / "c.toml"
    train = "[train]\nepochs = 1\nlearning-rate = 1e-9\ninit = 'normal:1'\n"
    config.write_text(f"[fetch]\nusers = 100\nitems = 60\nratings = 3000\n{train}")
    result = cli("run", "demo", "--out", out, "--config", config, refit, "--relevant-from", "4")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("W-popularity") == 1
    metrics = json.loads((out / "metrics.json").read_text())
    (warning,) = metrics["warnings"]
    for path in out.glob("*.pt"):
        assert [kept.message for kept in warnings_of(load_checkpoint(path).meta)] == [
            warning["text"]
        ]
    assert warning["text"] in cli("recommend", out / "model.pt", "--out", "-").stderr
    page = tmp_path / "r.html"
    found = json.loads(cli("report", out, "--out", page, "--json").stdout)["findings"]
    messages = [finding["message"] for finding in found if finding["level"] == "warning"]
    assert sum("W-popularity" in message for message in messages) == 1
    assert not any("another model" in message for message in messages)
    assert "Differences to popularity" in page.read_text("utf-8")
    before = (out / "metrics.json").read_bytes()
    assert cli("run", "demo", "--out", out, "--config", config, refit, "--relevant-from", "4")
    assert (out / "metrics.json").read_bytes() == before


def test_only_rows_of_a_good_rating_are_positives(cli, made):
    """Every ranking metric is that of the same rows alone; rmse stays over all of them."""
    test = load_interactions(made / "split/test.npz")
    train = load_interactions(made / "split/train.npz")
    good = test.keep(test.data >= 4)
    everything, _ = measured(cli, made, "bad.pt")
    found, text = measured(cli, made, "bad.pt", "--relevant-from", "4")
    assert "W-relevance" not in text
    assert "rated 4 or more" in found["protocol"]["positives"]
    for name in ("rmse", "mae"):
        assert found["metrics"][name] == everything["metrics"][name]
    popular = as_model(score_popularity(train.item_counts), train.n_users)
    expected = measure(popular, train.rows, good, ["ndcg@10", "auc"]).metrics
    for name, value in expected.items():
        assert found["baseline"]["metrics"][name] == pytest.approx(value)
    counts = found["counts"]
    assert counts["test_rows"] == test.n_ratings
    assert counts["test_rows_relevant"] == good.n_ratings
    assert counts["users_ranked"] == int((good.user_counts > 0).sum())
    without = (test.user_counts > 0) & (good.user_counts == 0)
    assert counts["users_without_relevant_row"] == int(without.sum()) > 0
    split_ids = [step["inputs"] for step in found["meta"]["lineage"]]
    assert split_ids[:-1] == [step["inputs"] for step in everything["meta"]["lineage"]][:-1]


def test_ratings_that_differ_are_warned_of_where_all_of_them_count(cli, made, tmp_path):
    _, text = measured(cli, made, "bad.pt")
    assert "0.5 to 5, count as hits" in text
    assert "W-relevance" in text
    files = [made / "bad.pt", made / "split/test.npz"]
    refused = cli("evaluate", *files, "--relevant-from", "7")
    assert refused.exit_code == 3
    assert "no row is rated 7 or more" in refused.stderr
    likes = tmp_path / "likes"
    assert cli("split", made / "d.npz", "--threshold", "4", "--out", likes).exit_code == 0
    train = ["train", likes / "train.npz", "--mode", "hogwild", "--out", tmp_path / "m.pt"]
    assert cli(*train, "--epochs", "1").exit_code == 0
    shown = cli("evaluate", tmp_path / "m.pt", likes / "test.npz")
    assert "W-relevance" not in shown.stderr
