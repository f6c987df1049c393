"""Whole processes on a data set of ml-100k's shape: train and recommend, warm and cold.

    python -m tests.benchmarks.bench_startup [--repeats 5] [--quick]

Warm: ``train --mode hogwild`` and ``recommend`` for all users to a CSV, against two processes
that do nothing but ``import torch``, in turn. Cold: the first ``train`` on a fresh
NUMBA_CACHE_DIR, which compiles. The data are generated: 943 × 1,682, 100,000 ratings.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.measuring import (
    Row,
    alternated,
    at_most,
    generate,
    machine,
    ratio,
    shown,
    table,
    versions,
)

MFCLI = (sys.executable, "-m", "mfcli")
TORCH = (sys.executable, "-c", "import torch")


def seconds(*command: str, **environment: str) -> float:
    """Run a command and return its seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - start


def prepared(folder: Path) -> Path:
    """Write ratings and fetch them."""
    matrix = generate(943, 1682, 100_000).tocoo()
    cells = np.stack([matrix.row, matrix.col, matrix.data], axis=1)
    head = "user,item,rating"
    np.savetxt(folder / "ratings.csv", cells, "%g", ",", header=head, comments="")
    source, out = str(folder / "ratings.csv"), folder / "matrix.npz"
    seconds(*MFCLI, "fetch", source, "--out", str(out), "--quiet")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="each run once")
    asked = parser.parse_args()
    repeats = 1 if asked.quick else max(asked.repeats, 5)
    with tempfile.TemporaryDirectory(prefix="mfcli-bench-") as name:
        folder = Path(name)
        matrix, model, out = prepared(folder), folder / "model.pt", folder / "recs.csv"
        train = (*MFCLI, "train", str(matrix), "--mode", "hogwild", "--out", str(model), "--quiet")
        recommend = (*MFCLI, "recommend", str(model), "--out", str(out), "--quiet")
        warm: list[Callable[[], float]] = [
            lambda: seconds(*train),
            lambda: seconds(*recommend),
            lambda: seconds(*TORCH) + seconds(*TORCH),
        ]
        for run in warm:
            run()
        found = alternated(warm, repeats)
        cold = [
            seconds(*train, NUMBA_CACHE_DIR=str(folder / f"cache-{at}"))
            for at in range(1 if asked.quick else 3)
        ]
    both = [a + b for a, b in zip(found[0], found[1], strict=True)]
    times = ratio(both, found[2])
    rows = [
        Row("train --mode hogwild", shown(found[0], "s", 2)),
        Row("recommend, all users to CSV", shown(found[1], "s", 2)),
        Row(
            "both; peer: two `import torch`",
            shown(both, "s", 2),
            shown(found[2], "s", 2),
            times,
            *at_most(1.5, times),
        ),
        Row("first train on a fresh cache", shown(cold, "s", 1)),
    ]
    table(f"start-up: {machine()}; {versions('numba', 'numpy', 'torch')}", rows)


if __name__ == "__main__":
    main()
