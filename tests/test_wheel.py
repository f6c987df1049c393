"""The wheel in an empty environment, as `pip install FILE.whl` leaves it, with each extra."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bounds import ROOT

pytestmark = pytest.mark.slow

TORCH = next(
    line.removeprefix("TORCH = ")
    for line in (ROOT / "Makefile").read_text().splitlines()
    if line.startswith("TORCH = ")
)
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def test_the_wheel_runs_the_demo_in_an_empty_environment_and_with_its_extra(tmp_path: Path) -> None:
    """First torch, as README says, then the wheel, then its extra; the demo after each."""
    built = tmp_path / "dist"
    _run(sys.executable, "-m", "build", "--outdir", built, ROOT)
    (wheel,) = built.glob("mfcli_recommender-*.whl")
    assert list(built.glob("mfcli_recommender-*.tar.gz"))
    home = tmp_path / "env"
    _run(sys.executable, "-m", "venv", home)
    python, mfcli = home / "bin/python", home / "bin/mfcli"
    _run(python, *PIP, TORCH)
    lock = ("--constraint", ROOT / ".requirements.lock")
    _run(python, *PIP, *lock, wheel)
    run = (mfcli, "run", "demo", "--mode", "hogwild", "--threshold", "4", "--quiet")
    _run(*run, "--out", tmp_path / "run")
    lists = (tmp_path / "run/recommendations.csv").read_text().splitlines()
    assert lists[0].startswith("user_id,")
    assert len(lists) > 1000
    model, out = tmp_path / "run/model.pt", f"{tmp_path}/lists/"
    where = "tcp://127.0.0.1:1"
    dask = (mfcli, "recommend", model, "--out", out, "--engine", "dask", "--scheduler", where)
    assert "whl[dask]" in _run(*dask, status=2)
    _run(python, *PIP, *lock, f"{wheel}[dask]")
    _run(python, "-c", "import distributed, mfcli")


def _run(*command: object, status: int = 0) -> str:
    """Run a command away from the checkout, and return what it says."""
    clean = {name: of for name, of in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=Path(str(command[0])).anchor,
        env=clean,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
