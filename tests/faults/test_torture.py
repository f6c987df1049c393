"""A fast selection of what `make torture` does at length: each fault a few times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_nothing_is_lost_wrong_or_hanging_and_no_traceback_is_shown():
    """One process imports everything, and mfcli runs in some forty children of it."""
    command = [sys.executable, "-m", "tests.torture.run", "--quick", "--seed", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
