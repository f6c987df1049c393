"""Run the benchmarks one after the other, each in a process of its own.

    python tests/benchmarks/run.py [help] [startup] [bpr] [als] … [--quick]

All of them without a name. Each prints one table or more, with the machine and its load before,
versions, medians of alternating runs with their range, ratios, and the bars of the project.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "help",
    "startup",
    "minibatch",
    "hogwild",
    "bpr",
    "als",
    "recommend",
    "evaluate",
    "fetch",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="smaller data, to try it out")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}")
    began, failed = time.perf_counter(), []
    for name in chosen.names or NAMES:
        command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
        command += ["--quick"] if chosen.quick else []
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    print(f"\n{time.perf_counter() - began:.0f} s in all")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
