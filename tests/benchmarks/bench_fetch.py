"""Time and peak memory of the sample, fetch and split, in fresh processes, against their bars.

    python -m tests.benchmarks.bench_fetch [--ratings 20000000] [--ids integers|text] [--keep DIR]

ratings.csv is made with the sample (MovieLens 20M's shape) and written out. The bars at 20 million
rows: the sample 15 s and 2.5 GB, fetch 60 s and 3 GB, split 60 s and 4 GB; one run each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks.measuring import Row, machine, table, versions

GIGABYTE = 1_000_000_000


def measured(*arguments: str | Path) -> tuple[float, float]:
    """Run mfcli in a process of its own; return its seconds and its peak of memory in GB."""
    command = [sys.executable, "-m", "mfcli", *map(str, arguments), "--quiet"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss * 1024 / GIGABYTE


def write_csv(sample: Path, target: Path, ids: str) -> None:
    """Write a matrix as ratings.csv, users in order as in MovieLens."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    from mfcli.artifacts import load_interactions

    matrix = load_interactions(sample)
    columns = {
        "userId": pa.array(matrix.catalog.user_ids[matrix.users]),
        "movieId": pa.array(matrix.catalog.item_ids[matrix.indices]),
        "rating": pa.array(matrix.data.astype(np.float64)),
        "timestamp": pa.array(matrix.timestamps),
    }
    if ids == "text":
        for name in ("userId", "movieId"):
            digits = columns[name].cast(pa.string())
            columns[name] = pc.binary_join_element_wise("id-", digits, "-of-" + name, "")
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    pyarrow.csv.write_csv(pa.table(columns), target, options)


# What each command may take at 20 million rows: seconds, GB.
BARS = {"sample": (15.0, 2.5), "fetch": (60.0, 3.0), "split": (60.0, 4.0)}


def row(name: str, what: str, *arguments: str | Path) -> Row:
    """Measure a command and hold it against its bars."""
    seconds, peak = measured(*arguments)
    most, memory = BARS[name]
    passed = seconds <= most and peak <= memory
    bar = f"≤ {most:g} s, ≤ {memory:g} GB"
    return Row(f"{name}: {what}", f"{seconds:.1f} s, {peak:.2f} GB", bar=bar, passed=passed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--ids", choices=("integers", "text"), default="integers")
    parser.add_argument("--keep", type=Path, help="folder for the files (default: a temporary one)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    chosen = parser.parse_args()
    ratings = chosen.ratings // 10 if chosen.quick else chosen.ratings
    users = max(ratings // 145, 2)
    items = max(min(27_000, ratings // 20), 2)
    title = f"fetch and split: {machine()}; {versions('pyarrow', 'numpy')}"
    with tempfile.TemporaryDirectory(prefix="mfcli-bench-") as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sample, csv, fetched = (folder / name for name in ("sample.npz", "ratings.csv", "all.npz"))
        size = ("--users", str(users), "--items", str(items), "--ratings", str(ratings))
        rows = [row("sample", f"{ratings:,} ratings", "fetch", "demo", "--out", sample, *size)]
        # In a process of its own: the kernel counts a parent's memory as its children's peak.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(write_csv, sample, csv, chosen.ids).result()
        what = f"{csv.stat().st_size / 1e6:.0f} MB of CSV, {chosen.ids}"
        rows.append(row("fetch", what, "fetch", csv, "--out", fetched))
        rows.append(row("split", "leave-n-out", "split", fetched, "--out", folder / "split"))
    table(title, rows)


if __name__ == "__main__":
    main()
