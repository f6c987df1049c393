"""20 million ratings through all five stages, each a process of its own: its peak, time and file.

    python -m tests.torture.load [--ratings 20000000] [--users 138000] [--items 27000]

Prints a line a stage: the peak of its memory as the kernel counted it, seconds, exit status; ends
with 1 where a stage fails or takes more than the bar. tests/test_capacity.py holds the estimates of
mfcli.system.capacity against these peaks.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR = 6 * 10**9  # bytes that a stage may take
MFCLI = [sys.executable, "-m", "mfcli"]

WRITE_CSV = """
import sys
import numpy as np, pyarrow as pa
from pyarrow import csv
from mfcli.artifacts import load_interactions
matrix = load_interactions(__import__("pathlib").Path(sys.argv[1]))
order = np.random.default_rng(0).permutation(matrix.n_ratings)
schema = pa.schema([("userId", pa.int64()), ("movieId", pa.int64()), ("rating", pa.float32()),
                    ("timestamp", pa.int64())])
with csv.CSVWriter(sys.argv[2], schema) as out:
    for part in np.array_split(order, max(1, len(order) >> 20)):
        out.write(pa.record_batch([
            pa.array(matrix.catalog.user_ids[matrix.users[part]]),
            pa.array(matrix.catalog.item_ids[matrix.indices[part]]),
            pa.array(matrix.data[part]), pa.array(matrix.timestamps[part])], schema=schema))
"""


def run(words: list[str]) -> tuple[int, float, int]:
    """Return (status, seconds, peak in bytes) of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.perf_counter() - began, peak_of(used)


def peak_of(used: resource.struct_rusage) -> int:
    """Return the largest resident size in bytes; Linux counts it in KiB."""
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description="20 million ratings through all five stages.")
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--items", type=int, default=27_000)
    parser.add_argument("--folder", help="where to work (default: a temporary folder)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mfcli-load-", dir=asked.folder) as name:
        sys.exit(measure(Path(name), asked))


def measure(folder: Path, asked: argparse.Namespace) -> int:
    sample, table = str(folder / "sample.npz"), str(folder / "ratings.csv")
    matrix, split = str(folder / "data.npz"), folder / "split"
    size = [
        "--users",
        str(asked.users),
        "--items",
        str(asked.items),
        "--ratings",
        str(asked.ratings),
    ]
    train, test = str(split / "train.npz"), str(split / "test.npz")
    model, valid = str(folder / "model.pt"), str(split / "valid.npz")
    ranked = str(folder / "ranked.pt")
    stages: dict[str, list[str]] = {
        "fetch demo": ["fetch", "demo", "--out", sample, *size],
        "(write the csv)": [],
        "fetch csv": ["fetch", table, "--out", matrix],
        "split": ["split", matrix, "--out", str(split), "--valid"],
        "train explicit": [
            "train",
            train,
            "--out",
            model,
            "--epochs",
            "1",
            "--batch-size",
            "65536",
            "--valid",
            valid,
        ],
        "train hogwild mse": [
            "train",
            train,
            "--out",
            model,
            "--mode",
            "hogwild",
            "--objective",
            "mse",
            "--epochs",
            "2",
        ],
        "train hogwild bpr": [
            "train",
            train,
            "--out",
            ranked,
            "--mode",
            "hogwild",
            "--epochs",
            "2",
        ],
        "evaluate": ["evaluate", model, test, "--out", str(folder / "metrics.json")],
        "recommend": ["recommend", model, "--out", str(folder / "recs.csv")],
    }
    worst = 0
    for title, words in stages.items():
        command = (
            [*MFCLI, *words, "--quiet"]
            if words
            else [sys.executable, "-c", WRITE_CSV, sample, table]
        )
        status, seconds, peak = run(command)
        if words:
            print(f"{title:18} {peak / 1e9:6.2f} GB {seconds:7.1f} s  exit {status}", flush=True)
            worst = max(worst, status, int(peak > BAR))
    return worst


if __name__ == "__main__":
    main()
