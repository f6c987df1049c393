"""One command of mfcli, hundreds of times, each to the very end of its process: the exit statuses.

    python -m tests.torture.refusals RUNS AFTER COMMAND…

AFTER: each run gets a SIGINT at random within so many seconds; 0: none. ``{pid}`` in
the command becomes the number of the process. Prints a JSON object: status → runs (null: hung).

The other children of torture leave at once; here the interpreter ends as it always does, because
that is where threads which are left over take a process down (134), or keep it.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter

from tests.torture.children import HANG_SECONDS, warm_up

AT_ONCE = 4


def main() -> None:
    """Fork the runs; each of them goes on behind this function."""
    runs, after, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    _import(command[0])
    found: Counter[int | None] = Counter()
    began: dict[int, float] = {}
    moments: dict[int, float] = {}
    started = 0
    while started < runs or began:
        if started < runs and len(began) < AT_ONCE:
            pid = os.fork()
            if not pid:
                _become(command)
                return
            started += 1
            began[pid] = time.monotonic()
            if after:
                moments[pid] = began[pid] + random.uniform(0, after)
            continue
        for pid in list(began):
            if pid in moments and time.monotonic() > moments[pid]:
                del moments[pid]
                _signal(pid, signal.SIGINT)
            if time.monotonic() - began[pid] > HANG_SECONDS:
                _signal(pid, signal.SIGKILL)
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.002)
            continue
        hung = time.monotonic() - began.pop(pid) > HANG_SECONDS
        found[None if hung else os.waitstatus_to_exitcode(status)] += 1
    print(json.dumps({json.dumps(status): number for status, number in found.items()}))


def _import(command: str) -> None:
    """Import what a command needs, and not torch where it does not: its end takes a second."""
    if command != "fetch":
        warm_up()
        return
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401

    import mfcli.cli
    import mfcli.sources.reading
    import mfcli.stages.fetch  # noqa: F401


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _become(command: list[str]) -> None:
    """Turn this child into a run of mfcli, which begins when ``main`` returns."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.argv = ["mfcli", *(word.replace("{pid}", str(os.getpid())) for word in command)]


if __name__ == "__main__":
    main()
    if sys.argv[0] == "mfcli":
        from mfcli.cli import main as run

        run()
