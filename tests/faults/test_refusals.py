"""A refusal is a refusal: a table that is wrong further down ends a command with 3, every time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli

ROOT = Path(__file__).parents[2]
RUNS = 25

Statuses = Callable[..., set[int | None]]

RAGGED = "user_id,item_id\n1,2\n7\n"
LATE = "user_id,item_id\n" + "1,2\n" * 3_000_000 + "7\n" + "1,2\n" * 3_000_000  # 24 MB
OBJECTS = '{"user_id": 1, "item_id": 2}\n' * 400_000 + "{\n" + '{"user_id": 1, "item_id": 2}\n'


@pytest.fixture
def model(tmp_path: Path, cli: Cli) -> Path:
    """Return a small model."""
    data, model = tmp_path / "d.npz", tmp_path / "m.pt"
    sample = ("--users", "50", "--items", "40", "--ratings", "600")
    assert cli("fetch", "demo", "--out", data, *sample).exit_code == 0
    quick = ("--model", "bias", "--engine", "closed-form")
    assert cli("train", data, "--out", model, *quick).exit_code == 0
    return model


@pytest.fixture
def statuses() -> Statuses:
    """Return a function that runs a command many times and returns its exit statuses."""

    def call(*command: str | Path, after: float = 0.0, runs: int = RUNS) -> set[int | None]:
        words = [sys.executable, "-m", "tests.torture.refusals", str(runs), str(after)]
        done = subprocess.run(
            [*words, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return {json.loads(status) for status in json.loads(done.stdout)}

    return call


@pytest.mark.slow
@pytest.mark.parametrize("content", [RAGGED, LATE, OBJECTS], ids=["small", "large", "JSON"])
def test_fetch_refuses_every_time(tmp_path: Path, statuses: Statuses, content: str) -> None:
    (tmp_path / "table.txt").write_text(content)
    assert statuses("fetch", tmp_path / "table.txt", "--out", tmp_path / "{pid}.npz") == {3}


@pytest.mark.slow
@pytest.mark.parametrize("content", [RAGGED, LATE], ids=["small", "large"])
@pytest.mark.parametrize("option", ["--pairs", "--exclude", "--history"])
def test_recommend_refuses_every_time(
    tmp_path: Path, statuses: Statuses, model: Path, option: str, content: str
) -> None:
    (tmp_path / "table.txt").write_text(content)
    out = ("--out", tmp_path / "{pid}.csv")
    assert statuses("recommend", model, option, tmp_path / "table.txt", *out) == {3}


@pytest.mark.slow
def test_an_interruption_ends_fetch_every_time(tmp_path: Path, statuses: Statuses) -> None:
    (tmp_path / "table.txt").write_text(LATE.replace("7\n", ""))
    found = statuses("fetch", tmp_path / "table.txt", "--out", tmp_path / "{pid}.npz", after=1.0)
    assert found <= {0, 130, -2}, found
    assert 130 in found
