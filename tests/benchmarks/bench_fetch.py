"""Time and peak memory of the sample and of fetch, in fresh processes, against their bars.

    python tests/benchmarks/bench_fetch.py [--ratings 20000000] [--ids integers|text] [--keep DIR]

ratings.csv is made with the sample (MovieLens 20M's shape) and written out; the bar for fetch is
60 s and 3 GB at 20 million rows, for the sample 15 s and 2.5 GB.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--ids", choices=("integers", "text"), default="integers")
    parser.add_argument("--keep", type=Path, help="folder for the files (default: a temporary one)")
    chosen = parser.parse_args()
    users = max(chosen.ratings // 145, 2)
    items = max(min(27_000, chosen.ratings // 20), 2)
    with tempfile.TemporaryDirectory(prefix="mfcli-bench-") as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sample, table = folder / "sample.npz", folder / "ratings.csv"
        size = ("--users", str(users), "--items", str(items), "--ratings", str(chosen.ratings))
        seconds, peak = measured("fetch", "demo", "--out", sample, *size)
        print(f"sample  {chosen.ratings:>11,} ratings  {seconds:6.1f} s  {peak:5.2f} GB")
        write_csv(sample, table, chosen.ids)
        seconds, peak = measured("fetch", table, "--out", folder / "fetched.npz")
        megabytes = table.stat().st_size / 1e6
        print(
            f"fetch   {chosen.ratings:>11,} rows     {seconds:6.1f} s  {peak:5.2f} GB  "
            f"({megabytes:.0f} MB of CSV, {chosen.ids})"
        )


if __name__ == "__main__":
    main()
