"""An option that means nothing any more: files that hold it are read, scripts that give it run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mfcli.artifacts.checkpoint import load_checkpoint, load_resume, save_resume
from mfcli.config import TrainConfig, TuneConfig
from mfcli.errors import InterruptedRunError, UsageError
from mfcli.events import EpochResult
from mfcli.stages import train as training
from tests.conftest import Cli

ZOO = Path(__file__).parent / "zoo/files"
RETIRED = sorted(TrainConfig.retired)
ALS = ("--objective", "ials", "--factors", "4", "--epochs", "3", "--workers", "1")


def ok(cli: Cli, *words: str | Path) -> str:
    result = cli(*words)
    assert result.exit_code == 0, result.stderr
    return result.stderr


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    return Path(shutil.copy(ZOO / "likes/train.npz", tmp_path / "train.npz"))


def test_no_option_of_today_is_retired():
    fields = TrainConfig.__dataclass_fields__
    assert RETIRED == ["block_size"]
    assert not fields.keys() & TrainConfig.retired.keys()
    assert TuneConfig.retired == TrainConfig.retired


@pytest.mark.parametrize("key", ["block-size", "block_size"])
def test_a_configuration_file_may_hold_it(cli, tmp_path, matrix, key):
    for name, text in (("new", ""), ("old", f"{key} = 2\n")):
        config = tmp_path / f"{name}.toml"
        config.write_text('[train]\nobjective = "ials"\nfactors = 4\nepochs = 3\n' + text, "utf-8")
        said = ok(cli, "train", matrix, "--config", config, "--out", tmp_path / f"{name}.pt")
        assert "block" not in said
    assert (tmp_path / "new.pt").read_bytes() == (tmp_path / "old.pt").read_bytes()


def test_the_settings_of_an_old_search_may_hold_it(cli, tmp_path, matrix):
    """best.toml is read by train as [train], and by a new search as what is fixed."""
    best = tmp_path / "best.toml"
    search = ("tune", matrix, "--trials", "1", "--jobs", "1", "--quiet")
    ok(cli, *search, "--out", best, *ALS[:-2])
    text = best.read_text("utf-8")
    assert "[train]\n" in text
    best.write_text(text.replace("[train]\n", "[train]\nblock-size = 128\n"), "utf-8")
    ok(cli, "train", matrix, "--config", best, "--out", tmp_path / "m.pt")
    ok(cli, *search, "--config", best, "--out", tmp_path / "again.toml")
    assert "block" not in (tmp_path / "again.toml").read_text("utf-8")


def test_an_interrupted_run_that_had_it_goes_on(cli, tmp_path, matrix):
    given = {"objective": "ials", "factors": 4, "epochs": 3, "workers": 1}
    whole, out = tmp_path / "whole.pt", tmp_path / "m.pt"
    ok(cli, "train", matrix, "--out", whole, *ALS)

    def interrupt(event: Any) -> None:
        if isinstance(event, EpochResult) and event.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError):
        training.train(matrix, out, TrainConfig.merge(("", given)), interrupt)
    state = tmp_path / "m.pt.resume"
    document = load_resume(state)
    document["options"]["block_size"] = 128
    save_resume(state, document)
    ok(cli, "train", matrix, "--out", out, *ALS, "--resume")
    assert out.read_bytes() == whole.read_bytes()


def test_an_old_model_that_had_it_serves_and_is_gone_on_from(cli, tmp_path, matrix):
    model = ZOO / "models/ials-blocks.pt"
    assert load_checkpoint(model).options["block_size"] == 2
    ok(cli, "recommend", model, "--out", tmp_path / "lists.csv", "--k", "3")
    ok(cli, "train", matrix, "--out", tmp_path / "m.pt", *ALS, "--init-from", model)


def test_a_script_that_gives_it_goes_on_and_is_told(cli, tmp_path, matrix):
    ok(cli, "train", matrix, "--out", tmp_path / "new.pt", *ALS)
    said = ok(cli, "train", matrix, "--out", tmp_path / "old.pt", *ALS, "--block-size", "2")
    assert "--block-size does nothing any more: als solves rows of any width exactly" in said
    assert (tmp_path / "new.pt").read_bytes() == (tmp_path / "old.pt").read_bytes()
    result = cli("train", "--help")
    assert "--block-size" not in result.stdout


def test_code_that_gives_it_is_told_that_there_is_none():
    with pytest.raises(UsageError, match="unknown key 'block_size'"):
        TrainConfig.merge(("", {"objective": "ials", "block_size": 2}))
