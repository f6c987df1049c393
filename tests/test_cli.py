"""The command line in process: exit statuses, streams, options, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mfcli import __version__
from mfcli.artifacts import load_interactions, output_lock
from mfcli.artifacts.checkpoint import load_checkpoint

COMMANDS = ("fetch", "split", "train", "tune", "evaluate", "recommend", "inspect", "report", "run")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make a small pipeline: data.npz, split/, model.pt."""
    folder = tmp_path_factory.mktemp("made")
    sample = ["--users", "120", "--items", "80", "--ratings", "3000"]
    assert cli("fetch", "demo", "--out", folder / "data.npz", *sample).exit_code == 0
    split = cli("split", folder / "data.npz", "--out", folder / "split", "--n", "5", "--valid")
    assert split.exit_code == 0
    train = cli(
        "train",
        folder / "split/train.npz",
        "--out",
        folder / "model.pt",
        "--epochs",
        "3",
        "--factors",
        "4",
        "--valid",
        folder / "split/valid.npz",
        "--metric",
        "ndcg@5",
    )
    assert train.exit_code == 0, train.stderr
    return folder


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def error_of(result) -> str:
    """Return the one line of an error."""
    found = [line for line in lines(result.stderr) if line.startswith("error: ")]
    assert len(found) == 1
    assert "Traceback" not in result.stderr
    return found[0]


def test_version(cli):
    result = cli("--version")
    assert (result.exit_code, result.stdout) == (0, f"mfcli {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command):
    result = cli(command, "--help-all")
    assert result.exit_code == 0
    for option in ("--json", "--quiet", "--debug"):
        assert option in result.stdout


def test_a_wrong_option_exits_2(cli, tmp_path):
    assert cli("fetch", "demo", "--out", tmp_path / "x.npz", "--nonsense").exit_code == 2
    assert cli("fetch", "demo").exit_code == 2
    assert cli("nonsense").exit_code == 2
    assert cli("train", "x.npz", "--out", "m.pt", "--mode", "wrong").exit_code == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--epochs", "0"], "--epochs"),
        (["--factors", "-1"], "--factors"),
        (["--learning-rate", "nan"], "--learning-rate"),
        (["--init", "gauss:1"], "--init"),
        (["--batch-size", "none"], "--batch-size"),
        (["--metric", "ndgc@10", "--valid", "v.npz"], "ndcg@k"),
        (["--patience", "3"], "--valid"),
        (["--sparse", "--optimizer", "adam"], "sparse-adam"),
        (["--model", "mf", "--global-mean"], "--global-mean"),
        (["--negatives", "3"], "--negatives"),
        (["--preset", "torchmf-explict"], "torchmf-explicit"),
    ],
)
def test_options_that_cannot_work_are_refused_before_data_is_read(cli, tmp_path, options, word):
    result = cli("train", tmp_path / "none.npz", "--out", tmp_path / "m.pt", *options)
    assert result.exit_code == 2
    assert word in error_of(result)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_input_exits_3_and_leaves_the_output(cli, tmp_path, made):
    old = tmp_path / "model.pt"
    old.write_bytes(b"old")
    assert cli("train", tmp_path / "none.npz", "--out", old).exit_code == 3
    assert old.read_bytes() == b"old"
    result = cli("evaluate", tmp_path / "none.pt", made / "split/test.npz")
    assert result.exit_code == 3
    assert "none.pt: no such file" in error_of(result)
    assert cli("recommend", made / "data.npz", "--out", tmp_path / "r.csv").exit_code == 3
    assert cli("split", made / "model.pt", "--out", tmp_path / "s").exit_code == 3
    assert cli("inspect", tmp_path / "none").exit_code == 3


def test_divergence_exits_5_and_keeps_a_state_to_go_on_from(cli, tmp_path, made):
    out = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--out", out, "--optimizer", "sgd"]
    result = cli(*train, "--learning-rate", "1e30", "--epochs", "3", "--factors", "4")
    assert result.exit_code == 5
    assert "smaller --learning-rate" in error_of(result)
    assert not out.exists()
    state = tmp_path / "m.pt.resume"
    assert all(
        torch.isfinite(value).all()
        for value in torch.load(state, weights_only=True)["state"]["weights"].values()
    )
    # Its weights are good for a new start with a smaller step.
    go_on = cli(*train, "--init-from", state, "--learning-rate", "0.01", "--epochs", "1")
    assert go_on.exit_code == 0, go_on.stderr
    assert not state.exists()


def test_a_locked_output_exits_7(cli, tmp_path, made):
    for out, command in (
        (tmp_path / "m.pt", ["train", made / "split/train.npz"]),
        (tmp_path / "r.csv", ["recommend", made / "model.pt"]),
        (tmp_path / "s", ["split", made / "data.npz"]),
        (tmp_path / "d.npz", ["fetch", "demo"]),
        (tmp_path / "e.json", ["evaluate", made / "model.pt", made / "split/test.npz"]),
    ):
        with output_lock(out):
            result = cli(*command, "--out", out)
        assert result.exit_code == 7, command
        assert "another run" in error_of(result)
        assert not out.exists()


def test_a_gate_that_is_not_met_exits_6_with_the_figure(cli, tmp_path, made):
    evaluate = ["evaluate", made / "model.pt", made / "split/test.npz"]
    out = tmp_path / "m.json"
    passed = cli(*evaluate, "--out", out, "--fail-under", "auc=0.01")
    assert passed.exit_code == 0
    failed = cli(*evaluate, "--out", out, "--fail-under", "ndcg@10=0.9999")
    assert failed.exit_code == 6
    figure = json.loads(out.read_text())["metrics"]["ndcg@10"]
    assert f"{figure:.6f}" in error_of(failed)
    other = cli(*evaluate, "--out", out, "--metric", "auc", "--fail-under", "recall@3=0.9999")
    assert other.exit_code == 6  # a gate is measured, whatever else is asked for
    assert set(json.loads(out.read_text())["metrics"]) == {"auc", "recall@3"}
    assert cli(*evaluate, "--fail-under", "ndcg@10").exit_code == 2
    assert cli(*evaluate, "--fail-under", "rmse=1").exit_code == 2


def test_folders_and_devices_are_no_outputs(cli, tmp_path, made):
    for out in (tmp_path, Path("/dev/null")):
        assert cli("recommend", made / "model.pt", "--out", out).exit_code == 2
        assert cli("train", made / "split/train.npz", "--out", out).exit_code == 2
    assert Path("/dev/null").is_char_device()
    assert cli("split", made / "data.npz", "--out", made / "model.pt").exit_code == 2
    assert cli("fetch", "demo", "--out", "-").exit_code == 2


def test_json_is_exactly_one_document_on_standard_output(cli, tmp_path, made):
    commands = [
        ["fetch", "demo", "--out", tmp_path / "d.npz"],
        ["split", made / "data.npz", "--out", tmp_path / "s"],
        ["train", made / "split/train.npz", "--out", tmp_path / "m.pt", "--epochs", "1"],
        ["evaluate", made / "model.pt", made / "split/test.npz"],
        ["recommend", made / "model.pt", "--out", tmp_path / "r.csv"],
        ["inspect", made / "model.pt"],
    ]
    for command in commands:
        result = cli(*command, "--json")
        assert result.exit_code == 0
        assert isinstance(json.loads(result.stdout), dict)
    failed = cli("inspect", tmp_path / "none", "--json")
    document = json.loads(failed.stdout)
    assert document["error"]["exit_status"] == failed.exit_code == 3


def test_quiet_says_nothing(cli, tmp_path, made):
    train = cli("train", made / "split/train.npz", "--out", tmp_path / "m.pt", "--quiet")
    assert (train.exit_code, train.stdout, train.stderr) == (0, "", "")


def test_progress_goes_to_standard_error_one_line_an_epoch(cli, tmp_path, made):
    result = cli("train", made / "split/train.npz", "--out", tmp_path / "m.pt", "--epochs", "3")
    epochs = [line for line in lines(result.stderr) if line.startswith("epoch ")]
    assert [epoch.split()[1] for epoch in epochs] == ["1/3", "2/3", "3/3"]
    assert "epoch 1" not in result.stdout
    assert "device" in result.stdout


def test_data_on_standard_output_stands_alone(cli, made):
    result = cli("recommend", made / "model.pt", "--out", "-", "--k", "3")
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[0] == ["user_id", "item_id", "rank", "score", "item_name"]
    assert {len(row) for row in rows} == {5}
    assert "recommend" in result.stderr
    result = cli("evaluate", made / "model.pt", made / "split/test.npz", "--out", "-")
    found = {"metrics", "intervals", "user_groups", "protocol", "counts", "baseline", "warnings"}
    assert set(json.loads(result.stdout)) == found | {"meta"}
    assert "metrics" in result.stderr
    assert cli("recommend", made / "model.pt", "--out", "-", "--json").exit_code == 2


def test_the_table_of_recommendations_is_what_the_checkpoint_says(cli, tmp_path, made):
    out = tmp_path / "r.csv"
    assert cli("recommend", made / "model.pt", "--out", out, "--k", "7").exit_code == 0
    model = load_checkpoint(made / "model.pt")
    weights = {name: entry.astype(np.float64) for name, entry in model.weights.items()}
    scores = weights["user_factors"] @ weights["item_factors"].T + weights["item_bias"].T
    scores += weights["user_bias"] + weights["global_mean"]
    counts = model.item_counts  # what ranks is shrunk towards the user's mean prediction
    center = (scores * counts).sum(axis=1, keepdims=True) / counts.sum()
    scores = center + counts / (counts + 20) * (scores - center)
    scores[:, counts == 0] = -np.inf
    for user in range(model.n_users):
        seen = model.seen_indices[model.seen_indptr[user] : model.seen_indptr[user + 1]]
        scores[user, seen] = -np.inf
    best = np.sort(scores, axis=1)[:, ::-1][:, :7]
    rows = table_of(out)
    assert [int(row["rank"]) for row in rows] == list(range(1, 8)) * model.n_users
    users = model.catalog.user_ids.astype(str)
    assert [row["user_id"] for row in rows] == np.repeat(users, 7).tolist()
    found = np.array([float(row["score"]) for row in rows]).reshape(-1, 7)
    np.testing.assert_allclose(found, best, atol=1e-5)
    item_at = {str(entry): at for at, entry in enumerate(model.catalog.item_ids)}
    at = np.array([item_at[row["item_id"]] for row in rows]).reshape(-1, 7)
    np.testing.assert_allclose(np.take_along_axis(scores, at, 1), best, atol=1e-5)
    assert model.catalog.item_names is not None
    assert rows[0]["item_name"] == model.catalog.item_names[at[0, 0]]


def test_some_users_get_the_rows_that_they_have_among_all(cli, tmp_path, made):
    everybody, some = tmp_path / "all.csv", tmp_path / "some.csv"
    cli("recommend", made / "model.pt", "--out", everybody)
    ids = load_checkpoint(made / "model.pt").catalog.user_ids[[100, 3, 50]]
    (tmp_path / "users").write_text("".join(f"{entry}\n" for entry in ids))
    cli("recommend", made / "model.pt", "--out", some, "--users", tmp_path / "users")
    wanted = {str(entry) for entry in ids}
    rows = everybody.read_text().splitlines()
    expected = [row for row in rows if row.split(",")[0] in wanted | {"user_id"}]
    assert some.read_text().splitlines() == expected
    piped = cli("recommend", made / "model.pt", "--out", "-", "--users", "-", input=f"{ids[0]}\n")
    assert {line.split(",")[0] for line in piped.stdout.splitlines()[1:]} == {str(ids[0])}


def test_unknown_users_get_popular_items_no_rows_or_an_error(cli, made):
    model = load_checkpoint(made / "model.pt")
    recommend = ["recommend", made / "model.pt", "--out", "-", "--k", "2", "--users", "-"]
    popular = np.argsort(-model.item_counts, kind="stable")[:2]
    known = model.catalog.user_ids[model.user_counts.argmax()]
    result = cli(*recommend, input=f"{known}\nnobody\n")
    rows = list(csv.reader(io.StringIO(result.stdout)))[1:]
    assert [row[:3] for row in rows[2:]] == [
        ["nobody", str(model.catalog.item_ids[item]), str(rank)]
        for rank, item in enumerate(popular, 1)
    ]
    assert "1 user" in result.stderr
    result = cli(*recommend, "--unknown-users", "skip", "--allow-empty", input="nobody\n")
    assert len(lines(result.stdout)) == 1
    for more in ("", f"{known}\n"):
        result = cli(*recommend, "--unknown-users", "error", input=f"{more}nobody\n")
        assert result.exit_code == 3
        assert "nobody" in error_of(result)


def test_seen_and_cold_items_are_left_out_unless_asked_for(cli, made):
    model = load_checkpoint(made / "model.pt")

    def items(*options: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        result = cli("recommend", made / "model.pt", "--out", "-", "--k", "1000", *options)
        for row in csv.DictReader(io.StringIO(result.stdout)):
            found.setdefault(row["user_id"], set()).add(row["item_id"])
        return found

    everything = {str(entry) for entry in model.catalog.item_ids}
    warm = {str(entry) for entry in model.catalog.item_ids[model.item_counts > 0]}
    for at, user in enumerate(model.catalog.user_ids):
        seen = model.seen_indices[model.seen_indptr[at] : model.seen_indptr[at + 1]]
        assert items()[str(user)] == warm - {str(entry) for entry in model.catalog.item_ids[seen]}
        if at == 2:
            break
    assert set(map(frozenset, items("--include-seen").values())) == {frozenset(warm)}
    both = items("--include-seen", "--include-cold")
    assert set(map(frozenset, both.values())) == {frozenset(everything)}


def test_evaluate_refuses_data_that_the_model_was_trained_on(cli, made):
    result = cli("evaluate", made / "model.pt", made / "split/train.npz")
    assert result.exit_code == 3
    assert "training data" in error_of(result)


def test_files_of_two_splits_are_refused(cli, tmp_path, made):
    cli("split", made / "data.npz", "--out", tmp_path / "s", "--n", "5", "--seed", "9", "--valid")
    result = cli("evaluate", made / "model.pt", tmp_path / "s/test.npz")
    assert result.exit_code == 3
    assert "another split" in error_of(result)
    result = cli(
        "train",
        made / "split/train.npz",
        "--valid",
        tmp_path / "s/valid.npz",
        "--out",
        tmp_path / "m.pt",
    )
    assert result.exit_code == 3
    cli("fetch", "demo", "--out", tmp_path / "other.npz", "--users", "50", "--ratings", "1000")
    result = cli("evaluate", made / "model.pt", tmp_path / "other.npz")
    assert result.exit_code == 0  # of no split: its ids are matched by value
    assert "matched by value" in result.stderr


def test_rating_metrics_need_a_model_that_predicts_ratings(cli, tmp_path, made):
    out = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--out", out, "--mode", "implicit"]
    result = cli(*train, "--epochs", "1", "--factors", "4")
    assert "--threshold" in result.stderr
    result = cli("evaluate", out, made / "split/test.npz", "--json")
    assert not {"rmse", "mae"} & set(json.loads(result.stdout)["metrics"])
    assert cli("evaluate", out, made / "split/test.npz", "--metric", "rmse").exit_code == 2


def test_metrics_and_lengths_can_be_chosen(cli, made):
    result = cli(
        "evaluate",
        made / "model.pt",
        made / "split/test.npz",
        "--json",
        "--k",
        "5",
        "--k",
        "20",
        "--metric",
        "precision",
        "--metric",
        "recall@7",
        "--metric",
        "auc",
    )
    names = set(json.loads(result.stdout)["metrics"])
    assert names == {"precision@5", "precision@20", "recall@7", "auc"}


def test_a_configuration_file_gives_options_and_the_command_line_wins(cli, tmp_path, made):
    path = tmp_path / "c.toml"
    path.write_text("[train]\nepochs = 2\nfactors = 3\n[recommend]\nk = 4\n")
    out = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--out", out, "--config", path]
    assert cli(*train, "--factors", "5").exit_code == 0
    options = load_checkpoint(out).options
    assert (options["epochs"], options["factors"]) == (2, 5)
    result = cli("recommend", out, "--out", "-", "--config", path)
    assert max(int(row["rank"]) for row in csv.DictReader(io.StringIO(result.stdout))) == 4
    path.write_text("[train]\nepoch = 2\n")
    result = cli(*train)
    assert result.exit_code == 2
    assert "'epochs'" in error_of(result)
    assert "c.toml" in error_of(result)


def test_stages_print_each_stages_held_out_loss(cli, tmp_path, made):
    path = tmp_path / "c.toml"
    path.write_text(
        "[[train.stages]]\nepochs = 2\nlearning-rate = 0.1\n"
        "[[train.stages]]\nepochs = 1\nlearning-rate = 0.01\n"
    )
    result = cli(
        "train",
        made / "split/train.npz",
        "--out",
        tmp_path / "m.pt",
        "--config",
        path,
        "--json",
        "--valid",
        made / "split/valid.npz",
    )
    losses = json.loads(result.stdout)["stage_losses"]
    assert [(loss["stage"], loss["epochs"]) for loss in losses] == [(1, 2), (2, 3)]
    assert all(loss["valid_loss"] > 0 for loss in losses)


def test_init_from_goes_on_from_the_weights(cli, tmp_path, made):
    out = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--out", out, "--factors", "4", "--epochs", "1"]
    assert cli(*train, "--init-from", made / "model.pt", "--learning-rate", "0").exit_code == 0
    for name, entry in load_checkpoint(made / "model.pt").weights.items():
        np.testing.assert_allclose(load_checkpoint(out).weights[name], entry, rtol=1e-6)
    result = cli(*train, "--init-from", made / "model.pt", "--factors", "8")
    assert result.exit_code == 3
    assert "--factors" in error_of(result)


def test_resume_needs_the_state_of_the_same_run(cli, tmp_path, made):
    out = tmp_path / "m.pt"
    train = ["train", made / "split/train.npz", "--out", out, "--factors", "4"]
    result = cli(*train, "--resume")
    assert result.exit_code == 3
    assert "without --resume" in error_of(result)
    assert cli(*train, "--optimizer", "sgd", "--learning-rate", "1e30").exit_code == 5
    result = cli(*train, "--resume", "--learning-rate", "1e29")
    assert result.exit_code == 2
    assert "learning_rate" in error_of(result)
    other = ["train", made / "data.npz", "--out", out, "--factors", "4", "--optimizer", "sgd"]
    assert cli(*other, "--learning-rate", "1e30", "--resume").exit_code == 3


def test_history_has_a_line_an_epoch(made):
    rows = table_of(made / "model.history.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        for name in ("train_loss", "valid_loss", "ndcg@5", "seconds", "ratings_per_second"):
            assert float(row[name]) >= 0


def test_inspect_shows_what_is_in_every_artifact(cli, tmp_path, made):
    matrix = json.loads(cli("inspect", made / "data.npz", "--json").stdout)
    assert matrix["kind"] == "interactions"
    assert matrix["details"]["ratings"] == 3000
    assert sum(matrix["histogram"].values()) == 3000
    model = json.loads(cli("inspect", made / "model.pt", "--json").stdout)
    assert [entry["stage"] for entry in model["lineage"]] == ["fetch", "split", "train"]
    assert model["options"]["factors"] == 4
    cli("evaluate", made / "model.pt", made / "split/test.npz", "--out", tmp_path / "m.json")
    metrics = json.loads(cli("inspect", tmp_path / "m.json", "--json").stdout)
    assert metrics["metrics"]["auc"] > 0
    assert [metric["stage"] for metric in metrics["lineage"]][-1] == "evaluate"
    cli("recommend", made / "model.pt", "--out", tmp_path / "r.csv")
    table = json.loads(cli("inspect", tmp_path / "r.csv", "--json").stdout)
    assert table["details"]["rows"] == 1200
    (tmp_path / "junk").write_bytes(b"junk")
    assert cli("inspect", tmp_path / "junk").exit_code == 3
    for file in ("data.npz", "model.pt"):
        assert cli("inspect", made / file).exit_code == 0


def test_run_makes_every_file_in_one_call(cli, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        "[fetch]\nusers = 100\nitems = 60\nratings = 2000\nsource = 'demo'\n"
        "[split]\nn = 3\nvalid = true\n[train]\nepochs = 2\nfactors = 4\nmetric = ['auc']\n"
    )
    result = cli("run", "--out", tmp_path / "run", "--config", path, "--json", "--seed", "3")
    assert result.exit_code == 0, result.stderr
    assert set(json.loads(result.stdout)) == {
        "out",
        "fetch",
        "split",
        "train",
        "evaluate",
        "refit",
        "recommend",
        "version",
        "command",
        "start",
        "end",
        "warnings",
        "gates",
    }
    names = {file.name for file in (tmp_path / "run").iterdir() if file.suffix != ".lock"}
    assert names == {
        "interactions.npz",
        "split",
        "evaluated.pt",
        "evaluated.history.csv",
        "model.pt",
        "model.history.csv",
        "metrics.json",
        "recommendations.csv",
    }
    assert cli("run", "--out", tmp_path / "x").exit_code == 2


def test_the_disk_or_the_rights_refusing_exits_8(cli, tmp_path, made, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "r.csv"))

    monkeypatch.setattr("mfcli.artifacts.files.os.replace", refuse)
    out = tmp_path / "r.csv"
    out.write_text("old")
    result = cli("recommend", made / "model.pt", "--out", out)
    assert result.exit_code == 8
    assert "disk is full" in error_of(result)
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"r.csv", "r.csv.lock"}


def test_the_matrix_that_fetch_writes_is_what_train_reads(made):
    matrix = load_interactions(made / "data.npz")
    parts = [load_interactions(made / f"split/{name}.npz") for name in ("train", "test", "valid")]
    assert sum(part.n_ratings for part in parts) == matrix.n_ratings
    assert load_checkpoint(made / "model.pt").meta["split_id"] == parts[0].meta["split_id"]
