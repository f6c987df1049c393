"""Break things, hundreds of times, and count what is lost: `make torture`.

    python -m tests.torture.run [--quick] [--seed N] [--without-load]

Prints the table: fault, times tried, files lost or wrong, hangs, tracebacks; exit 1 unless all of
the last three are 0. Takes some 20 minutes on two idle cores.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.torture import faults, nights
from tests.torture.children import ROOT, warm_up
from tests.torture.stages import Trial, prepare, right_bytes, stages
from tests.torture.table import Row, show, timed


def main() -> None:
    parser = argparse.ArgumentParser(description="Break things, and count what is lost.")
    parser.add_argument("--quick", action="store_true", help="each fault a few times")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments")
    parser.add_argument("--without-load", action="store_true", help="leave out 20 million ratings")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mfcli-torture-") as name:
        warm_up()
        rows = torture(Path(name), asked)
    bad = show(rows)
    if not (asked.quick or asked.without_load):
        print("\n20 million ratings: peak, time and status of each stage", flush=True)
        load = [sys.executable, "-m", "tests.torture.load"]
        bad += subprocess.run(load, cwd=ROOT, check=False).returncode
    print(f"{time.monotonic() - began:.0f} s in all")
    sys.exit(bad != 0)


def torture(work: Path, asked: argparse.Namespace) -> list[Row]:
    """Run all faults; the killing in two processes side by side."""
    quick, seed = asked.quick, asked.seed
    data = work / "data"
    data.mkdir()
    prepare(data)
    trials = []
    for number, stage in enumerate(stages(data)):
        folder = work / f"t{number}"
        folder.mkdir()
        right, seconds = right_bytes(stage, folder)
        trials.append((Trial(stage, folder, right), seconds))
    print(", ".join(f"{trial.stage.name} {seconds:.2f} s" for trial, seconds in trials), flush=True)

    some = [trials[0], trials[-1]] if quick else trials  # fetch and recommend

    def parts(which: faults.Timed) -> Callable[[], list[Row]]:
        def call() -> list[Row]:
            rows = faults.kills(which, 1 if quick else 60, seed, 210.0)
            few = [number for number in which if number in some]
            return rows + faults.interrupts(few, 1 if quick else 15, seed + 1, 100.0)

        return call

    rows = timed("kills and interrupts", lambda: beside(parts(trials[::2]), parts(trials[1::2])))
    room = (0,) if quick else (0, 4096, 65536, 300_000)
    kills = 10 if quick else 300
    rows += timed("nights", lambda: beside(lambda: nights.nights(work, kills, seed, 1500.0)))
    rows += timed("disks", lambda: faults.full_disk(some, work, room))
    steps = (100,) if quick else (0, 1, 5, 20, 50, 100, 150, 200, 300, 400, 600, 1000, 2000)
    rows += timed("memory", lambda: faults.memory(some, steps))
    rows += timed("streams", lambda: faults.streams(some))
    rows += timed("damage", lambda: faults.damage(data, work, 100 if quick else 2000, seed))
    rows += timed("readers", lambda: faults.readers(trials, 4 if quick else 12, 1 if quick else 3))
    rows += timed("many runs", lambda: faults.many_runs(trials, 40 if quick else 3000))
    if not quick:
        rows += timed("locks", lambda: faults.locked(trials))
        rows += timed("folders", lambda: faults.gone(trials, seed))
        rows += timed("circumstances", lambda: faults.circumstances(work))
    return rows


def beside(*calls: Callable[[], list[Row]]) -> list[Row]:
    """Make each call in a process of its own, and return all rows."""
    waiting = []
    for call in calls:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            status = 1
            try:
                with os.fdopen(writing, "w") as stream:
                    json.dump([asdict(row) for row in call()], stream)
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        os.close(writing)
        waiting.append((pid, reading))
    rows = []
    for pid, reading in waiting:
        with os.fdopen(reading) as stream:
            text = stream.read()
        assert os.waitpid(pid, 0)[1] == 0, "a part of the torture broke"
        rows += [Row(**fields) for fields in json.loads(text)]
    return rows


if __name__ == "__main__":
    main()
