"""What every combination of model, objective and engine keeps to, through the command line."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import load_interactions
from mfcli.artifacts.checkpoint import save_resume
from mfcli.config import Engine, ModelKind, Objective, TrainConfig, combinations
from mfcli.config.choices import BASELINES
from mfcli.errors import InterruptedRunError
from mfcli.events import EpochResult
from mfcli.stages import train as training

COMBINATIONS = [
    pytest.param(*combination, id="-".join(str(part) for part in combination if part))
    for combination in combinations()
]
K = 5

# What a catalogue can shrink to.
EDGES = {
    "one rating": "1,1,5\n",
    "one user": "a,1,5\na,2,5\na,3,4\n",
    "one item": "1,i,5\n2,i,5\n3,i,4\n",
    "all seen": "1,1,5\n1,2,5\n2,1,5\n2,2,4\n",
    "text": "007,é,5\n7,é,5\n007,日本,4\nü x,b,5\n",
    "zeros": "1,1,0\n1,2,-10\n2,1,10\n2,3,0\n3,2,0\n",
}


def refusal_of(matrix: Any, model: ModelKind, objective: Objective | None) -> int:
    """Return the status of training on values of which nothing but nonsense could be learnt."""
    if model in BASELINES:
        return 0
    if objective is Objective.mse:
        return 2 if len(np.unique(matrix.data)) == 1 else 0
    return 3 if (matrix.data <= 0).any() else 0


def ok(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def options_of(
    model: ModelKind, objective: Objective | None, engine: Engine, **more: str
) -> list[str]:
    """Return the options of train that choose a combination; baselines take no steps."""
    options = {"--model": model, "--engine": engine, "--workers": "1"}
    if objective is not None:
        options["--objective"] = objective
    if engine is not Engine.closed_form:
        options |= {"--epochs": "2", **more}
    return [str(word) for pair in options.items() for word in pair]


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make a small matrix, and splits with ratings and with positives only."""
    folder = tmp_path_factory.mktemp("contract")
    size = ("--users", "60", "--items", "50", "--ratings", "900")
    ok(cli("fetch", "demo", "--out", folder / "data.npz", *size))
    ok(cli("split", folder / "data.npz", "--out", folder / "ratings", "--n", "4"))
    positives = ("--n", "2", "--threshold", "3.5")
    ok(cli("split", folder / "data.npz", "--out", folder / "positives", *positives))
    return folder


@pytest.mark.parametrize(("model", "objective", "engine"), COMBINATIONS)
def test_a_combination_trains_measures_recommends_and_repeats(
    made, tmp_path, cli, model, objective, engine
):
    split = made / ("ratings" if objective is Objective.mse else "positives")
    options = options_of(model, objective, engine)
    checkpoint, again = tmp_path / "model.pt", tmp_path / "other place" / "m.pt"
    summary = json.loads(
        ok(cli("train", split / "train.npz", "--out", checkpoint, *options, "--json")).stdout
    )
    assert (summary["model"], summary["engine"]) == (model, engine)
    ok(cli("train", split / "train.npz", "--out", again, *options, "--quiet"))
    assert sha256(again) == sha256(checkpoint)

    table = tmp_path / "recommendations.csv"
    ok(cli("recommend", checkpoint, "--out", table, "--k", K))
    test = load_interactions(split / "test.npz")
    lists = lists_of(table, load_interactions(split / "train.npz"), test)

    figures = json.loads(
        ok(cli("evaluate", checkpoint, split / "test.npz", "--k", K, "--json")).stdout
    )["metrics"]
    assert ("rmse" in figures) == (objective is Objective.mse)
    hits = [
        len(lists[user] & set(test.indices[test.indptr[user] : test.indptr[user + 1]].tolist()))
        for user in np.flatnonzero(test.user_counts).tolist()
    ]
    assert figures[f"precision@{K}"] == pytest.approx(np.mean(hits) / K)
    assert figures[f"hit_rate@{K}"] == pytest.approx(np.mean([hit > 0 for hit in hits]))

    details = json.loads(ok(cli("inspect", checkpoint, "--json")).stdout)
    assert details["kind"] == "model"
    assert details["options"]["engine"] == engine


def lists_of(table: Path, train: Any, test: Any) -> dict[int, set[int]]:
    """Return user row → item columns of a CSV, after checking ranks, order, and what is left out.

    A cold item may be no recommendation but a candidate of evaluate: the sample has none.
    """
    assert (train.item_counts > 0).all() or not (test.item_counts[train.item_counts == 0]).any()
    users = {entry: row for row, entry in enumerate(train.catalog.user_ids.tolist())}
    items = {entry: row for row, entry in enumerate(train.catalog.item_ids.tolist())}
    seen = set(zip(train.users.tolist(), train.indices.tolist(), strict=True))
    lists: dict[int, set[int]] = {}
    last: tuple[int, int, float] | None = None
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            user, item = users[int(row["user_id"])], items[int(row["item_id"])]
            rank, score = int(row["rank"]), float(row["score"])
            assert (user, item) not in seen
            assert train.item_counts[item] > 0
            if last is not None and last[0] == user:
                assert rank == last[1] + 1
                assert score <= last[2]
            else:
                assert rank == 1
                assert last is None or user > last[0]
            last = (user, rank, score)
            lists.setdefault(user, set()).add(item)
    return lists


@pytest.mark.parametrize("edge", EDGES)
def test_every_combination_survives_the_smallest_data(tmp_path, cli, edge):
    (tmp_path / "rows.csv").write_text(EDGES[edge], encoding="utf-8")
    ok(cli("fetch", tmp_path / "rows.csv", "--out", tmp_path / "data.npz", "--no-header"))
    matrix = load_interactions(tmp_path / "data.npz")
    unseen = matrix.n_users * matrix.n_items - matrix.n_ratings
    for model, objective, engine in combinations():
        options = options_of(model, objective, engine, **{"--factors": "3"})
        path = tmp_path / "model.pt"
        result = cli("train", tmp_path / "data.npz", "--out", path, *options, "--quiet")
        assert result.exit_code == refusal_of(matrix, model, objective), result.stderr
        if result.exit_code:
            continue
        rows = ok(cli("recommend", path, "--out", "-", "--k", "1000", "--quiet")).stdout
        assert len(list(csv.reader(rows.splitlines()))) == 1 + unseen


def test_a_resumed_run_with_metrics_ends_in_the_same_bytes(made, tmp_path, cli):
    """Names that a resumed run read back are other objects than those it makes itself."""
    ok(cli("split", made / "data.npz", "--out", tmp_path, "--n", "3", "--valid"))
    config = TrainConfig.merge(
        ("", {"epochs": 5, "metric": ["ndcg"], "valid": str(tmp_path / "valid.npz"), "workers": 1})
    )
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    training.train(tmp_path / "train.npz", whole, config)

    def interrupt(event: Any) -> None:
        if isinstance(event, EpochResult) and event.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="after epoch 3"):
        training.train(tmp_path / "train.npz", parts, config, interrupt)
    training.train(tmp_path / "train.npz", parts, config, resume=True)
    assert sha256(parts) == sha256(whole)


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("train",), "Missing argument"),
        (("fetch", "demo"), "Missing option '--out'"),
        (("train", "x.npz", "--out", "m.pt", "--fctors", "3"), "--factors"),
        (("train", "x.npz", "--out", "m.pt", "--engine", "quick"), "'minibatch', 'hogwild'"),
        (("train", "x.npz", "--out", "m.pt", "--factors", "few"), "'--factors'"),
        (("trian",), "Did you mean 'train'"),
    ],
)
def test_wrong_usage_is_one_line_and_one_document(cli, words, mend):
    result = cli(*words, "--json")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("--help")
    if words != ("trian",):
        assert mend in line
    error = json.loads(result.stdout)["error"]
    assert error["exit_status"] == 2
    assert f"error: {error['message']}" == line


def test_an_ending_of_no_format_is_no_output(made, tmp_path, cli):
    """Nor is the model itself, whose ending says so."""
    ok(cli("train", made / "data.npz", "--out", tmp_path / "model.pt", "--model", "bias"))
    result = cli("recommend", tmp_path / "model.pt", "--out", tmp_path / "model.pt")
    assert result.exit_code == 2
    assert ".pt is the ending of no format" in result.stderr


def test_no_command_replaces_what_it_reads(made, tmp_path, cli):
    (tmp_path / "rows.csv").write_text("1,1,5\n")
    ok(cli("split", made / "data.npz", "--out", tmp_path, "--n", "4"))
    train, test, model = (tmp_path / name for name in ("train.npz", "test.npz", "model.pt"))
    ok(cli("train", train, "--out", model, "--model", "bias"))
    (tmp_path / "link.npz").symlink_to(train)
    before = {path.name: sha256(path) for path in tmp_path.iterdir()}
    for words in (
        ("fetch", tmp_path / "rows.csv", "--out", tmp_path / "rows.csv"),
        ("split", train, "--out", tmp_path, "--n", "1"),
        ("train", train, "--out", tmp_path / "link.npz", "--model", "bias"),
        ("train", train, "--out", test, "--valid", test),
        ("evaluate", model, test, "--out", model),
        ("evaluate", model, test, "--out", test),
        ("recommend", model, "--users", tmp_path / "rows.csv", "--out", tmp_path / "rows.csv"),
    ):
        result = cli(*words)
        assert result.exit_code == 2, words
        assert "is an input as well" in result.stderr
    assert {name: sha256(tmp_path / name) for name in before} == before
    # A warm start may well replace the model that it starts from.
    warm = ("--epochs", "1", "--factors", "2", "--quiet")
    ok(cli("train", train, "--out", model, *warm))
    ok(cli("train", train, "--out", model, "--init-from", model, *warm))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"meta": {"schema": 99, "kind": "metrics"}}, "newer mfcli"),
        ({"meta": {}}, "damaged"),
        ({"counts": []}, "is not a metrics.json"),
        ({"protocol": 3}, "is not a metrics.json"),
        ({"metrics": {"auc": "high"}}, "is not a metrics.json"),
    ],
)
def test_metrics_of_another_schema_or_shape_are_refused(made, tmp_path, cli, change, reason):
    ok(cli("train", made / "ratings/train.npz", "--out", tmp_path / "m.pt", "--model", "bias"))
    path = tmp_path / "metrics.json"
    ok(cli("evaluate", tmp_path / "m.pt", made / "ratings/test.npz", "--out", path))
    ok(cli("inspect", path))
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    result = cli("inspect", path)
    assert result.exit_code == 3
    assert reason in result.stderr


def test_a_configuration_of_windows_is_read_and_its_typos_are_met_with_words(made, tmp_path, cli):
    config = tmp_path / "c.toml"
    config.write_text('\ufeff[train]\nmodel = "biass"\n', "utf-8")
    out = ("--out", tmp_path / "m.pt", "--config", config)
    result = cli("train", made / "data.npz", *out)
    assert result.exit_code == 2
    assert "(did you mean 'bias'?)" in result.stderr


def test_ids_of_users_may_hold_what_ends_a_line_elsewhere(tmp_path, cli):
    (tmp_path / "rows.csv").write_text("user,item\na\u2028b,1\nc,2\n", "utf-8")
    ok(cli("fetch", tmp_path / "rows.csv", "--out", tmp_path / "data.npz"))
    ok(cli("train", tmp_path / "data.npz", "--out", tmp_path / "m.pt", "--model", "popularity"))
    asked = ("--users", "-", "--unknown-users", "error", "--out", "-", "--quiet")
    result = ok(cli("recommend", tmp_path / "m.pt", *asked, input="a\u2028b\r\n".encode()))
    assert result.stdout_bytes.decode() == "user_id,item_id,rank,score\na\u2028b,2,1,1\n"


def test_a_disk_that_fills_up_within_an_archive_is_told_as_such(tmp_path, monkeypatch):
    """To end the archive after a failed write would hide why it failed."""

    class Full:
        def __init__(self) -> None:
            self.left = 2000

        def write(self, data: bytes) -> int:
            self.left -= len(data)
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return len(data)

        def flush(self) -> None:
            pass

    @contextmanager
    def full(_: Path):
        yield Full()

    monkeypatch.setattr("mfcli.artifacts.checkpoint.atomic_file", full)
    with pytest.raises(OSError, match="No space left") as error:
        save_resume(tmp_path / "r", {"meta": {}, "state": {"weights": list(range(10_000))}})
    assert error.value.errno == errno.ENOSPC
