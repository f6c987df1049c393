"""evaluate and run --folds by the command line: what they print, store and refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import load_interactions, output_lock
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.errors import UsageError
from mfcli.evaluation.repetition import mean_and_sd

SAMPLE = ["--users", "120", "--items", "80", "--ratings", "3000"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make split/, and three models: a.pt (mse), b.pt (bpr), popular.pt."""
    folder = tmp_path_factory.mktemp("evaluated")
    assert cli("fetch", "demo", "--out", folder / "data.npz", *SAMPLE).exit_code == 0
    assert cli("split", folder / "data.npz", "--out", folder / "split", "--n", "5").exit_code == 0
    for name, *options in (
        ("a", "--epochs", "2", "--factors", "4"),
        ("b", "--mode", "hogwild", "--epochs", "30", "--factors", "4", "--workers", "1"),
        ("popular", "--model", "popularity"),
    ):
        path = folder / f"{name}.pt"
        assert cli("train", folder / "split/train.npz", "--out", path, *options).exit_code == 0
    return folder


def evaluated(cli: Any, made: Path, *args: Any, models: str = "a") -> dict[str, Any]:
    """Return metrics.json of an evaluation."""
    files = [made / f"{model}.pt" for model in models.split()]
    out = made / "metrics.json"
    result = cli("evaluate", *files, made / "split/test.npz", "--out", out, *args)
    assert result.exit_code == 0, result.stderr
    return json.loads(out.read_text())


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_every_metric_but_coverage_has_an_interval_that_holds_it(cli, made):
    found = evaluated(cli, made)
    assert set(found["metrics"]) - set(found["intervals"]) == {"coverage@10"}
    for name, interval in found["intervals"].items():
        assert interval["low"] <= found["metrics"][name] <= interval["high"]
        assert interval["standard_error"] > 0
    assert "models" not in found
    assert "bootstrap over users" in found["protocol"]["intervals"]


def test_the_same_call_writes_the_same_bytes_with_any_workers(cli, made):
    out = made / "metrics.json"
    texts = set()
    for workers in ("1", "2"):
        evaluated(cli, made, "--workers", workers, "--sampled", "20", models="a b")
        texts.add(out.read_bytes())
    assert len(texts) == 1


def test_without_resamples_there_are_standard_errors_only(cli, made):
    spread_of = evaluated(cli, made, "--resamples", "0")["intervals"]["auc"]
    assert spread_of["low"] is None
    assert spread_of["standard_error"] > 0


def test_models_are_compared_pair_by_pair(cli, made):
    found = evaluated(cli, made, models="a b popular")
    assert [model["name"] for model in found["models"]] == ["a.pt", "b.pt", "popular.pt"]
    assert found["models"][0]["metrics"] == found["metrics"]
    assert [(pair["model"], pair["base"]) for pair in found["differences"]] == [
        ("b.pt", "a.pt"),
        ("popular.pt", "a.pt"),
    ]
    ours, base = found["models"][2]["metrics"], found["metrics"]
    for name, difference in found["differences"][1]["metrics"].items():
        assert difference["difference"] == pytest.approx(ours[name] - base[name], abs=1e-12)
        assert difference["beyond_noise"] == (difference["low"] > 0 or difference["high"] < 0)
    assert "rmse" not in found["differences"][1]["metrics"]


def test_a_model_is_not_beyond_noise_of_itself(cli, made):
    found = evaluated(cli, made, models="a a")
    assert not any(
        difference["beyond_noise"] for difference in found["differences"][0]["metrics"].values()
    )


def test_models_of_other_ids_are_refused(cli, made, tmp_path):
    cli("fetch", "demo", "--out", tmp_path / "d.npz", "--users", "50", "--ratings", "900")
    cli("train", tmp_path / "d.npz", "--out", tmp_path / "m.pt", "--model", "popularity")
    files = [made / "a.pt", tmp_path / "m.pt", made / "split/test.npz"]
    assert cli("evaluate", *files).exit_code == 3
    assert cli("evaluate", made / "a.pt").exit_code == 2


def test_sampled_metrics_say_so_wherever_they_appear(cli, made, tmp_path):
    path = tmp_path / "users.csv"
    options = ["--sampled", "10", "--per-user", path]
    found = evaluated(cli, made, *options)
    assert found["protocol"]["candidates"].startswith("SAMPLED: 10 ")
    assert "ndcg@10" in found["protocol"]["sampled_metrics"]
    assert "rmse" not in found["protocol"]["sampled_metrics"]
    assert {"rmse", "ndcg@10 (sampled 10)"} <= set(table(path)[0])
    evaluate = ["evaluate", made / "a.pt", made / "split/test.npz", "--sampled", "10"]
    shown = cli(*evaluate).stdout
    assert "metrics, SAMPLED: 10 candidates a user" in shown
    assert "(sampled 10)" in cli(*evaluate, "--fail-under", "ndcg@10=1.5").stderr
    assert found["metrics"]["ndcg@10"] != evaluated(cli, made)["metrics"]["ndcg@10"]
    counts = found["counts"]  # N sampled and five positives a user, but for those with fewer
    missing = counts["users_ranked"] * 15 - counts["candidates_ranked"]
    assert 0 < counts["users_with_fewer_sampled"] <= missing < 10 * counts["users_ranked"]


def test_a_candidate_file_is_counted_and_may_hold_anything(cli, made, tmp_path):
    test, train = (load_interactions(made / f"split/{part}.npz") for part in ("test", "train"))
    users, items = test.catalog.user_ids, test.catalog.item_ids
    user = int(test.users[0])
    positives = test.indices[test.indptr[user] : test.indptr[user + 1]].tolist()
    seen = train.indices[train.indptr[user] : train.indptr[user + 1]].tolist()
    free = [item for item in range(80) if item not in positives and item not in seen][:6]
    chosen = [positives[0], seen[0], *free, free[0]]
    rows = [f"{users[user]},{items[item]}" for item in chosen] + [f"999999,{items[0]}"]
    path = tmp_path / "candidates.csv"
    path.write_text("\n".join(["user_id,item_id", *rows]) + "\n")
    found = evaluated(cli, made, "--candidates", path)
    counts = found["counts"]
    assert counts["candidate_rows"] == 10
    assert counts["candidate_rows_doubled"] == 1
    assert counts["candidate_rows_of_unknown_ids"] == 1
    assert counts["candidate_rows_that_are_positives"] == 1
    assert counts["candidate_rows_seen_in_train"] == 1
    assert counts["users_ranked"] == 1
    assert counts["users_without_candidates"] == counts["users_with_test_row"] - 1
    assert counts["candidates_ranked"] == len(free) + len(positives)
    more = evaluated(cli, made, "--candidates", path, "--include-seen")["counts"]
    assert more["candidates_ranked"] == counts["candidates_ranked"] + 1
    assert "candidate file" in found["protocol"]["candidates"]
    assert [entry["role"] for entry in found["meta"]["lineage"][-1]["inputs"]] == [
        "model",
        "test",
        "candidates",
    ]


def test_candidates_that_cannot_be_used_are_refused(cli, made, tmp_path):
    evaluate = ["evaluate", made / "a.pt", made / "split/test.npz"]
    path = tmp_path / "c.csv"
    path.write_text("user_id,item_id\n999999,1\n")
    assert cli(*evaluate, "--candidates", path).exit_code == 3
    assert cli(*evaluate, "--candidates", tmp_path / "none.csv").exit_code == 3
    assert cli(*evaluate, "--candidates", path, "--sampled", "5").exit_code == 2
    assert cli(*evaluate, "--sampled", "0").exit_code == 2


def test_the_table_by_user_has_their_ids_and_averages_to_the_metrics(cli, made, tmp_path):
    path = tmp_path / "users.csv"
    found = evaluated(cli, made, "--per-user", path)
    rows = table(path)
    test = load_interactions(made / "split/test.npz")
    tested = np.flatnonzero(test.user_counts)
    assert [int(row["user_id"]) for row in rows] == test.catalog.user_ids[tested].tolist()
    for name in ("ndcg@10", "auc", "mrr", "r_precision", "popularity@10"):
        mean = np.mean([float(row[name]) for row in rows if row[name]])
        assert mean == pytest.approx(found["metrics"][name])
    two = evaluated(cli, made, "--per-user", path, models="a b")
    mean = np.mean([float(row["ndcg@10 (b.pt)"]) for row in table(path)])
    assert mean == pytest.approx(two["models"][1]["metrics"]["ndcg@10"])


def test_the_table_by_user_is_whole_and_locked(cli, made, tmp_path):
    path = tmp_path / "u.csv"
    evaluate = ["evaluate", made / "a.pt", made / "split/test.npz", "--per-user", path]
    assert cli(*evaluate, "--out", path).exit_code == 2
    with output_lock(path):
        assert cli(*evaluate).exit_code == 7
    assert not path.exists()


def test_popularity_of_the_models_own_train_data_is_to_be_beaten(cli, made):
    test = made / "split/test.npz"
    failed = cli("evaluate", made / "popular.pt", test, "--beat", "popularity")
    assert failed.exit_code == 6
    figure = evaluated(cli, made, models="popular")["metrics"]["ndcg@10"]
    assert f"ndcg@10 is {figure:.6f}, not above the {figure:.6f} of popularity" in failed.stderr
    beaten = cli(
        "evaluate",
        made / "b.pt",
        test,
        "--beat",
        "popularity",
        "--beat-on",
        "auc",
        "--out",
        made / "beat.json",
    )
    assert beaten.exit_code == 0, beaten.stderr
    found = json.loads((made / "beat.json").read_text())
    popular = evaluated(cli, made, models="popular")["metrics"]
    assert found["models"][1]["name"] == "popularity"
    assert found["models"][1]["metrics"]["auc"] == popular["auc"]
    assert found["differences"][0]["base"] == "popularity"
    assert cli("evaluate", made / "a.pt", test, "--beat-on", "auc").exit_code == 2
    given = ["--beat", "popularity", "--beat-on", "rmse"]
    assert cli("evaluate", made / "a.pt", test, *given).exit_code == 2


def test_variants_are_measured_where_they_are_asked_for(cli, made):
    assert not {"map_full@10", "rmse_user"} & set(evaluated(cli, made)["metrics"])
    names = ["rmse_user", "mae_user", "precision_listed", "recall_capped", "map_full"]
    found = evaluated(cli, made, *(word for name in names for word in ("--metric", name)))
    assert set(found["metrics"]) == {
        "rmse_user",
        "mae_user",
        "precision_listed@10",
        "recall_capped@10",
        "map_full@10",
    }


def test_leave_one_out_with_given_negatives_ranks_a_hundred(cli, tmp_path):
    """The files of neural collaborative filtering: train, test, and 99 negatives a test row."""
    random = np.random.default_rng(0)
    train, test, negatives = [], [], []
    for user in range(60):
        items = random.permutation(121)
        train += [f"{user}\t{item}\t1\t{time}" for time, item in enumerate(items[:20])]
        test.append(f"{user}\t{items[20]}\t1\t20")
        negatives.append("\t".join([f"({user},{items[20]})", *map(str, items[21:120])]))
    for name, lines in (("train.rating", train), ("test.rating", test), ("neg", negatives)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    given = ["--train-file", tmp_path / "train.rating", "--test-file", tmp_path / "test.rating"]
    assert cli("split", *given, "--out", tmp_path / "split").exit_code == 0
    model = tmp_path / "m.pt"
    training = ["--mode", "hogwild", "--epochs", "1", "--factors", "2", "--out", model]
    assert cli("train", tmp_path / "split/train.npz", *training).exit_code == 0
    measure = ["evaluate", model, tmp_path / "split/test.npz", "--json"]
    measure += ["--metric", "hit_rate@10", "--metric", "mrr"]
    found = json.loads(cli(*measure, "--candidates", tmp_path / "neg").stdout)
    assert found["counts"]["candidates_ranked"] == 60 * 100
    assert found["counts"]["candidate_rows_that_are_positives"] == 0
    assert set(found["metrics"]) == {"hit_rate@10", "mrr"}
    for command in (
        ["fetch", tmp_path / "neg", "--out", tmp_path / "n.npz"],
        ["split", *given[:3], tmp_path / "neg", "--out", tmp_path / "s"],
    ):
        refused = cli(*command)
        assert refused.exit_code == 3
        assert "--candidates" in refused.stderr


def test_adjacency_lists_are_a_given_split(cli, tmp_path):
    """An item of test alone, users without a list, and a user of one file alone."""
    (tmp_path / "train.txt").write_text("0 1 2 3 9\n1 2\n2\n3 1 2\n")
    (tmp_path / "test.txt").write_text("0 4\n1 1 3\n2 3\n3\n4 1 2 3\n")
    given = ["--train-file", tmp_path / "train.txt", "--test-file", tmp_path / "test.txt"]
    assert cli("split", *given, "--out", tmp_path).exit_code == 0
    train, test = (load_interactions(tmp_path / f"{name}.npz") for name in ("train", "test"))
    assert train.catalog.user_ids.tolist() == [0, 1, 2, 3, 4]
    assert train.catalog.item_ids.tolist() == [1, 2, 3, 4, 9]
    assert (train.n_ratings, test.n_ratings) == (7, 7)
    model = tmp_path / "m.pt"
    assert (
        cli("train", tmp_path / "train.npz", "--model", "popularity", "--out", model).exit_code == 0
    )
    measure = ["evaluate", model, tmp_path / "test.npz", "--metric", "recall@20", "--json"]
    counts = json.loads(cli(*measure).stdout)["counts"]
    assert counts["users_ranked"] == 4
    assert counts["test_rows_unknown_item"] == 1
    assert counts["test_rows_unknown_user"] == 4


def test_repeats_split_and_train_anew_with_each_seed(cli, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        "[fetch]\nusers = 60\nitems = 40\nratings = 1000\n[split]\nvalid = true\nn = 3\n"
        "[train]\nepochs = 1\nfactors = 3\nmetric = ['auc']\n"
    )
    out = tmp_path / "out"
    run = ["run", "demo", "--repeats", "2", "--seed", "5", "--out", out, "--config", config]
    result = cli(*run)
    assert result.exit_code == 0, result.stderr
    assert "repeat2" in result.stdout
    found = json.loads((out / "metrics.json").read_text())
    values = [repeat["metrics"]["rmse"] for repeat in found["repeats"]]
    assert values[0] != values[1]
    assert found["metrics"]["rmse"] == pytest.approx(np.mean(values))
    assert found["sd"]["rmse"] == pytest.approx(np.std(values, ddof=1))
    assert "seeds 5 to 6" in found["protocol"]["repeats"]
    assert load_checkpoint(out / "repeat2/model.pt").options["seed"] == 6
    splits = [load_interactions(out / f"repeat{number}/split/test.npz") for number in (1, 2)]
    assert splits[0].indices.tolist() != splits[1].indices.tolist()
    before = (out / "metrics.json").read_bytes()
    assert cli(*run, "--json").exit_code == 0
    assert (out / "metrics.json").read_bytes() == before
    assert cli("inspect", out / "metrics.json").exit_code == 0
    assert cli(*run, "--folds", "2").exit_code == 2


def test_folds_are_trained_and_measured_in_one_call(cli, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        "[fetch]\nusers = 80\nitems = 50\nratings = 1500\n[split]\nvalid = true\n"
        "[train]\nepochs = 1\nfactors = 3\nmetric = ['auc']\n"
    )
    out = tmp_path / "cv"
    run = ["run", "demo", "--folds", "3", "--out", out, "--config", config]
    result = cli(*run)
    assert result.exit_code == 0, result.stderr
    assert "mean ± sd" in result.stdout
    assert "fold3" in result.stdout
    found = json.loads((out / "metrics.json").read_text())
    assert [fold["fold"] for fold in found["folds"]] == ["fold1", "fold2", "fold3"]
    values = [fold["metrics"]["rmse"] for fold in found["folds"]]
    assert found["metrics"]["rmse"] == pytest.approx(np.mean(values))
    assert found["sd"]["rmse"] == pytest.approx(np.std(values, ddof=1))
    one = json.loads((out / "fold2/metrics.json").read_text())
    assert one["metrics"] == found["folds"][1]["metrics"]
    assert load_checkpoint(out / "fold2/model.pt").meta["fold"] == "fold2"
    assert sum(fold["counts"]["test_rows"] for fold in found["folds"]) == 1500
    before = (out / "metrics.json").read_bytes()
    assert cli(*run, "--json").exit_code == 0
    assert (out / "metrics.json").read_bytes() == before
    assert cli("inspect", out / "metrics.json").exit_code == 0


def test_the_spread_of_folds_is_mean_and_sample_deviation():
    mean, sd = mean_and_sd([{"auc": 0.5}, {"auc": 0.75}])
    assert mean == {"auc": 0.625}
    assert sd["auc"] == pytest.approx(0.1767766953)


def test_an_evaluation_by_user_of_folds_is_refused(cli, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[evaluate]\nper-user = 'x.csv'\n")
    run = ["run", "demo", "--folds", "2", "--out", tmp_path / "cv", "--config", config]
    assert cli(*run).exit_code == UsageError.exit_status
