"""tune by the command line: what it writes, goes on from, and refuses."""

from __future__ import annotations

import csv
import itertools
import json
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mfcli.artifacts import load_interactions, save_interactions
from mfcli.config import TuneConfig
from mfcli.data.splitting import held_out
from mfcli.errors import InterruptedRunError
from mfcli.events import TrialResult
from mfcli.stages.tune import tune
from mfcli.training.defaults import for_data
from mfcli.tuning import trials, tuner

FAST = ("--factors", "4", "--epochs", "6", "--trials", "5", "--jobs", "2", "--take", "best")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    folder = tmp_path_factory.mktemp("tune")
    size = ("--users", "80", "--items", "60", "--ratings", "2000")
    assert cli("fetch", "demo", "--out", folder / "data.npz", *size).exit_code == 0
    likes = ("--threshold", "3.5", "--n", "3", "--valid")
    assert cli("split", folder / "data.npz", "--out", folder / "likes", *likes).exit_code == 0
    return folder


def ok(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_the_settings_found_go_into_train_and_reach_what_was_said(cli, made, tmp_path):
    """Trained on the same rows and measured on the same others, to the last digit."""
    out = tmp_path / "best.toml"
    search = ["tune", made / "likes/train.npz", "--mode", "hogwild", *FAST, "--out", out]
    found = json.loads(ok(cli(*search, "--json")).stdout)
    found_by = rows(tmp_path / "best.trials.csv")
    assert [entry["trial"] for entry in found_by if entry["rung"] == "1"] == list("01234")
    assert {entry["status"] for entry in found_by} == {"ok"}
    assert found["value"] == max(float(entry["ndcg@10"]) for entry in found_by)
    assert found["value"] >= found["default"]
    text = out.read_text()
    assert text.startswith(f"# mfcli tune: ndcg@10 {found['value']:.6f} on validation")
    assert str(tmp_path) not in text

    matrix = load_interactions(made / "likes/train.npz")
    how = TuneConfig.merge(("", {"mode": "hogwild"})).valid_split()
    mask = held_out(matrix, how, (0, 2))
    first = TuneConfig.merge(("", {"mode": "hogwild", "factors": 4})).trial_recipe({})
    usual = for_data(first, matrix.keep(~mask)).options["regularization"]
    assert float(found_by[0]["regularization"]) == usual  # the defaults are those of the data
    for name, part in (("train", matrix.keep(~mask)), ("valid", matrix.keep(mask))):
        save_interactions(tmp_path / f"{name}.npz", part)
    model = tmp_path / "m.pt"
    ok(cli("train", tmp_path / "train.npz", "--config", out, "--workers", "1", "--out", model))
    measured = ok(cli("evaluate", model, tmp_path / "valid.npz", "--json")).stdout
    assert json.loads(measured)["metrics"]["ndcg@10"] == found["value"]


@pytest.mark.parametrize("done", [1, 4, 6])
def test_an_interrupted_search_goes_on_to_the_same_bytes(made, tmp_path, done):
    config = TuneConfig.merge(
        ("", {"mode": "hogwild", "factors": 4, "epochs": 6, "trials": 5, "jobs": 2})
    )
    whole, parts = tmp_path / "whole.toml", tmp_path / "parts.toml"
    source = made / "likes/train.npz"
    tune(source, whole, config)
    left = done

    def interrupt(event: Any) -> None:
        nonlocal left
        if isinstance(event, TrialResult):
            left -= 1
            if not left:
                raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="--resume"):
        tune(source, parts, config, interrupt)
    assert not parts.exists()
    assert len(rows(tmp_path / "parts.trials.csv")) == done
    anew: list[TrialResult] = []
    result = tune(
        source,
        parts,
        config,
        lambda event: anew.append(event) if isinstance(event, TrialResult) else None,
        resume=True,
    )
    assert parts.read_bytes() == whole.read_bytes()
    assert len(anew) == result.trainings - done
    assert [row["trial"] for row in rows(tmp_path / "parts.trials.csv")] == [
        row["trial"] for row in rows(tmp_path / "whole.trials.csv")
    ]


def test_a_search_can_be_made_longer_by_resuming_it(cli, made, tmp_path):
    out = tmp_path / "best.toml"
    search = ["tune", made / "data.npz", "--model", "bias", "--out", out]
    ok(cli(*search, "--trials", "3"))
    first = rows(tmp_path / "best.trials.csv")
    told = ok(cli(*search, "--trials", "6", "--resume")).stderr
    assert "3 trainings were done before the interruption" in told
    second = rows(tmp_path / "best.trials.csv")
    assert second[:3] == first
    assert len(second) == 6
    assert list(tomllib.loads(out.read_text())["train"]) == [
        "model",
        "objective",
        "engine",
        "rank-shrinkage",
        "damping",
    ]


def test_what_a_shorter_search_found_counts_in_the_longer_one(cli, made, tmp_path):
    """The best of it may not be among those that the longer one lets go on."""
    out = tmp_path / "best.toml"
    search = ["tune", made / "likes/train.npz", "--mode", "hogwild", "--factors", "4"]
    search += ["--epochs", "6", "--eta", "2", "--out", out, "--json"]
    short = json.loads(ok(cli(*search, "--trials", "3")).stdout)
    first = rows(tmp_path / "best.trials.csv")
    long = json.loads(ok(cli(*search, "--trials", "7", "--resume")).stdout)
    assert long["value"] >= short["value"]
    assert [entry for entry in first if entry not in rows(tmp_path / "best.trials.csv")] == []


def test_only_the_same_search_is_resumed(cli, made, tmp_path):
    out = tmp_path / "best.toml"
    search = ["tune", made / "data.npz", "--model", "bias", "--trials", "2", "--out", out]
    assert cli(*search, "--resume").exit_code == 3
    ok(cli(*search))
    before = out.read_bytes()
    for other in (["--seed", "1"], ["--range", "damping=1:5"], ["--metric", "mae"]):
        result = cli(*search, "--resume", *other)
        assert result.exit_code == 2
        assert "other options or inputs" in result.stderr
    (tmp_path / "best.trials.csv").write_text("search,trial\nx\n")
    assert cli(*search, "--resume").exit_code in (2, 3)
    assert out.read_bytes() == before


def test_resume_if_any_goes_on_with_the_same_search_and_else_starts_anew(cli, made, tmp_path):
    out, list_ = tmp_path / "best.toml", tmp_path / "best.trials.csv"
    search = ["tune", made / "data.npz", "--model", "bias", "--trials", "2", "--out", out]
    assert "anew" not in ok(cli(*search, "--resume-if-any")).stderr
    first, whole = rows(list_), list_.read_bytes()
    list_.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))  # as an interrupted one
    told = ok(cli(*search, "--resume-if-any")).stderr
    assert "1 training was done before the interruption" in told
    assert [row["trial"] for row in rows(list_)] == [row["trial"] for row in first]
    told = ok(cli(*search, "--resume-if-any", "--seed", "1")).stderr
    assert "starts anew: the interrupted search had other options or inputs than this one" in told
    list_.write_text("search,trial\nx\n")
    assert "starts anew" in ok(cli(*search, "--resume-if-any")).stderr
    assert cli(*search, "--resume-if-any", "--resume").exit_code == 2


def test_trainings_that_diverge_are_recorded_and_no_end(cli, made, tmp_path):
    out = tmp_path / "best.toml"
    search = ["tune", made / "data.npz", "--mode", "hogwild", "--objective", "mse", "--out", out]
    options = ["--factors", "4", "--epochs", "3", "--trials", "4", "--rungs", "1"]
    ok(cli(*search, *options, "--range", "learning-rate=0.01,1e20", "--metric", "rmse"))
    status = {row["learning_rate"]: row["status"] for row in rows(tmp_path / "best.trials.csv")}
    assert status.pop("1e+20") == "diverged"
    assert set(status.values()) == {"ok"}
    result = cli(*search, *options, "--learning-rate", "1e20")
    assert result.exit_code == 5
    assert out.exists()  # of the search before


def test_time_runs_out_with_the_best_so_far(cli, made, tmp_path, monkeypatch):
    """By a clock that goes on by a second whenever somebody looks."""
    seconds = itertools.count()
    clock = SimpleNamespace(time=lambda: next(seconds), perf_counter=time.perf_counter)
    for module in (trials, tuner):
        monkeypatch.setattr(module, "time", clock)
    out = tmp_path / "best.toml"
    search = ["tune", made / "likes/train.npz", "--mode", "hogwild", "--factors", "8", "--out", out]
    limited = [*search, "--trials", "50", "--time-limit", "160", "--epochs", "6"]
    found = json.loads(ok(cli(*limited, "--json")).stdout)
    assert found["stopped"] == "time limit"
    done = rows(tmp_path / "best.trials.csv")
    # Both rounds had their share, and what was cut short has no score.
    assert {entry["rung"] for entry in done if entry["status"] == "ok"} == {"1", "2"}
    assert all(entry["ndcg@10"] == "" for entry in done if entry["status"] == "late")
    assert len(done) < 50
    nothing = cli(*search, "--time-limit", "1")
    assert nothing.exit_code == 2
    assert "no training ended in time" in nothing.stderr


def test_a_validation_set_of_the_split_is_taken_as_it_is(cli, made, tmp_path):
    out = tmp_path / "best.toml"
    likes = made / "likes"
    ok(
        cli(
            "tune",
            likes / "train.npz",
            "--valid",
            likes / "valid.npz",
            "--mode",
            "hogwild",
            *FAST,
            "--rungs",
            "1",
            "--metric",
            "recall@5",
            "--metric",
            "auc",
            "--out",
            out,
        )
    )
    assert "a set of its own" in out.read_text()
    assert {"recall@5", "auc"} < set(rows(tmp_path / "best.trials.csv")[0])
    mixed = cli("tune", made / "data.npz", "--valid", likes / "valid.npz", "--out", out)
    assert mixed.exit_code == 3


def test_a_file_fixes_what_its_train_table_says(cli, made, tmp_path):
    file, out = tmp_path / "c.toml", tmp_path / "best.toml"
    file.write_text(
        "[train]\nmode = 'hogwild'\nfactors = 3\nepochs = 2\nvalid = 'none.npz'\npatience = 4\n"
        "[tune]\ntrials = 2\nrungs = 1\nrange = ['negatives=2,3']\n"
    )
    ok(cli("tune", made / "likes/train.npz", "--config", file, "--out", out))
    found = tomllib.loads(out.read_text())["train"]
    assert (found["factors"], found["epochs"], found["engine"]) == (3, 2, "hogwild")
    assert len(rows(tmp_path / "best.trials.csv")) == 2
    assert cli("tune", made / "data.npz", "--config", out, "--out", tmp_path / "b").exit_code == 2


def test_data_that_leave_nothing_to_validate_on_are_refused(cli, tmp_path):
    (tmp_path / "rows.csv").write_text("a,x\nb,y\n")
    ok(cli("fetch", tmp_path / "rows.csv", "--out", tmp_path / "d.npz", "--no-header"))
    result = cli("tune", tmp_path / "d.npz", "--mode", "hogwild", "--out", tmp_path / "b.toml")
    assert result.exit_code == 3
    assert "no validation row" in result.stderr
    assert not (tmp_path / "b.toml").exists()


def test_weights_by_value_are_searched_only_where_values_differ(cli, made, tmp_path):
    """Or where the caller says so."""
    matrix = load_interactions(made / "data.npz")
    save_interactions(tmp_path / "counts.npz", matrix)
    cases = [
        (made / "likes/train.npz", 3, [], set()),
        (made / "likes/train.npz", 3, ["--range", "confidence=log"], {"confidence"}),
        (tmp_path / "counts.npz", 8, [], {"confidence", "alpha"}),
    ]
    for source, number, more, expected in cases:
        out = tmp_path / "best.toml"
        search = ["tune", source, "--objective", "ials", *FAST[:-4], "--trials", str(number), *more]
        ok(cli(*search, "--out", out))
        drawn = {name for row in rows(tmp_path / "best.trials.csv") for name in row if row[name]}
        assert drawn & {"confidence", "alpha"} == expected


def test_a_winner_within_noise_leaves_the_defaults(cli, made, tmp_path):
    """Two trials alike: the one that is ahead is so by chance, and the file says it."""
    out = tmp_path / "best.toml"
    range_ = ("--range", "learning-rate=0.0999:0.1001", "--bias-regularization", "0.025")
    fixed = ("--regularization", "0.01", "--negatives", "5", "--negative-power", "0")
    alike = (
        "--init",
        "normal:0.03",
        "--positive-weight",
        "none",
        "--order",
        "grid",
        "--rungs",
        "1",
    )
    search = ("tune", made / "likes/train.npz", "--mode", "hogwild", *FAST[:-2], "--out", out)
    found = json.loads(ok(cli(*search, *range_, *fixed, *alike, "--json")).stdout)
    if found["verdict"]:  # else the defaults won
        assert not found["verdict"]["beyond_noise"]
        assert "within the" in out.read_text()
    assert found["trial"] == 0
    assert found["value"] == found["default"]
    before = out.read_bytes()
    # After a resumption, which knows only figures, the two are measured again.
    again = ok(cli(*search, *range_, *fixed, *alike, "--resume", "--json"))
    assert json.loads(again.stdout)["verdict"] == found["verdict"]
    assert out.read_bytes() == before
    best = json.loads(
        ok(cli(*search, *range_, *fixed, *alike, "--resume", "--take", "best", "--json")).stdout
    )
    assert best["value"] >= found["value"]
    assert best["trial"] == best["best"][0]["trial"]
