"""The Makefile's pipeline: real files, rebuilt when their source or their options change."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mfcli.artifacts import load_interactions

ROOT = Path(__file__).parent.parent

# Stands for mfcli: notes the call, and makes what the stage would make.
STUB = """#!/bin/sh
echo "$@" >> calls
out=
while [ $# -gt 0 ]; do
    case $1 in --out) out=$2 ;; esac
    stage=${stage:-$1}
    shift
done
mkdir -p "$(dirname "$out")"
if [ "$stage" = split ]; then
    mkdir -p "$out"
    touch "$out/train.npz" "$out/test.npz"
else
    touch "$out"
fi
"""


@pytest.fixture
def make(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    shutil.copy(ROOT / "Makefile", tmp_path)
    stub = tmp_path / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    (tmp_path / "venv").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".requirements.lock").touch()
    (tmp_path / "venv/ready").touch()
    (tmp_path / "ratings.csv").write_text("user,item,rating\n")

    def run(*arguments: str) -> list[str]:
        """Return the stages that were called."""
        time.sleep(0.02)  # file times must differ
        command = ["make", "MFCLI=./stub", "VENV=venv", "pipeline", *arguments]
        env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=env)
        calls = tmp_path / "calls"
        text = calls.read_text() if calls.exists() else ""
        calls.unlink(missing_ok=True)
        return [line.split()[0] for line in text.splitlines()]

    run.folder = tmp_path  # type: ignore[attr-defined]
    return run


ALL = ["fetch", "split", "train", "evaluate", "recommend"]
RUN = ("DATASET=mine", "SOURCE=ratings.csv")


def test_a_second_call_does_nothing(make):
    assert make(*RUN) == ALL
    assert make(*RUN) == []
    assert (make.folder / "artifacts/mine-explicit/recommendations.csv").exists()


def test_touching_the_source_rebuilds_everything(make):
    make(*RUN)
    time.sleep(0.02)
    (make.folder / "ratings.csv").touch()
    assert make(*RUN) == ALL
    assert make(*RUN) == []


@pytest.mark.parametrize(
    ("option", "rebuilt"),
    [
        ("FETCH_OPTIONS=--duplicates max", ALL),
        ("SPLIT_OPTIONS=--n 5", ALL[1:]),
        ("TRAIN_OPTIONS=--init 'normal:0.1'", ALL[2:]),
        ("EVALUATE_OPTIONS=--k 5", ["evaluate"]),
        ("RECOMMEND_OPTIONS=--k 5", ["recommend"]),
    ],
)
def test_changing_an_option_rebuilds_what_depends_on_it(make, option, rebuilt):
    make(*RUN)
    assert make(*RUN, option) == rebuilt
    assert make(*RUN, option) == []


def test_modes_live_beside_each_other(make):
    make(*RUN)
    assert make(*RUN, "MODE=implicit") == ALL[1:]
    assert make(*RUN) == []


def test_a_lost_file_is_made_again(make):
    make(*RUN)
    (make.folder / "data/mine-explicit/test.npz").unlink()
    assert "split" in make(*RUN)
    assert (make.folder / "data/mine-explicit/test.npz").exists()


def test_the_makefile_uses_nothing_newer_than_make_3_81():
    text = (ROOT / "Makefile").read_text()
    for newer in ("&:", ".ONESHELL", "$(file ", "!=", "$(let ", "$(intcmp "):
        assert newer not in text.replace("'!='", "")


def test_the_demo_beats_popularity_clearly_and_lists_nothing_of_the_source(tmp_path, cli):
    """What ``make demo`` runs, on a smaller sample; the stub notes the command lines."""
    text = (ROOT / "Makefile").read_text()
    mode = re.search(r"^demo:.*\n\t.* DATASET=demo SOURCE=demo MODE=(\w+) SHOW=yes$", text, re.M)
    assert mode is not None
    assert "$(if $(filter explicit,$(MODE)),,--threshold 4)" in text
    assert "RECOMMEND_OPTIONS ?= --seen $(MATRIX)" in text
    matrix, parts, model = tmp_path / "d.npz", tmp_path / "s", tmp_path / "m.pt"
    size = ["--users", "400", "--items", "300", "--ratings", "24000"]
    lists = tmp_path / "r.csv"
    for words in (
        ["fetch", "demo", "--out", matrix, *size],
        ["split", matrix, "--out", parts, "--threshold", "4"],
        ["train", parts / "train.npz", "--mode", mode[1], "--out", model],
        ["recommend", model, "--out", lists, "--seen", matrix],
    ):
        done = cli(*words)
        assert done.exit_code == 0, done.stderr
    measured = cli("evaluate", model, parts / "test.npz", "--json")
    found = json.loads(measured.stdout)
    assert found["metrics"]["ndcg@10"] > 1.3 * found["baseline"]["metrics"]["ndcg@10"]
    assert found["baseline"]["better"]
    assert "W-" not in measured.stderr
    source = load_interactions(matrix)
    users, items = source.catalog.user_ids[source.users], source.catalog.item_ids[source.indices]
    known = set(zip(users.tolist(), items.tolist(), strict=True))
    rows = [line.split(",")[:2] for line in lists.read_text().splitlines()[1:]]
    assert not known & {(int(user), int(item)) for user, item in rows}
