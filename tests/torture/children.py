"""mfcli in children of one warm process, so that a run costs no import and hundreds are affordable.

The parent imports everything and computes nothing: a fork after OpenMP has started its threads
would deadlock. A child runs the console script's own entry, with streams and limits as asked.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HANG_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]


def warm_up() -> None:
    """Import what the stages import; raises AssertionError where that started a thread."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # it starts its threads when it is loaded
    import torch
    from typer.testing import CliRunner

    import mfcli.cli
    import mfcli.console
    import mfcli.nights.listed
    import mfcli.nights.quality
    import mfcli.stages.evaluate
    import mfcli.stages.inspect
    import mfcli.stages.nightly
    import mfcli.stages.recommend
    import mfcli.stages.run

    # What is imported when it is first used.
    CliRunner().invoke(mfcli.cli.app, ["inspect", "nowhere"])
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(0))])
    tasks = Path("/proc/self/task")
    threads = {(task / "comm").read_text().strip() for task in tasks.iterdir()}
    threads -= {(tasks / str(os.getpid()) / "comm").read_text().strip()}
    # Arrow's allocator minds a fork.
    assert threads <= {"jemalloc_bg_thd"}, f"{threads} after importing: a fork could deadlock"


def load_kernels() -> None:
    """Load the compiled loops that a night uses; this process computes with one thread from now.

    Raises AssertionError where that left a thread.
    """
    import numpy as np
    import torch

    from mfcli.stages.warm_up import GROUPS

    torch.set_num_threads(1)
    square = np.ones((300, 300))
    square @ square  # OpenBLAS starts its threads, if it has any, and minds a fork
    before, end = set(os.listdir("/proc/self/task")), time.monotonic() + 5.0
    for name in ("recommend", "evaluate"):
        GROUPS[name].work()
    while more := set(os.listdir("/proc/self/task")) - before:
        assert time.monotonic() < end, f"{len(more)} threads were started: a fork could deadlock"
        time.sleep(0.01)  # those of a pool that was closed are ending


@dataclass
class Child:
    """A run: its process, and the files that its streams go to."""

    pid: int
    out: Path
    err: Path
    began: float

    def signal(self, number: int) -> None:
        """Send a signal; the process may have ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float = HANG_SECONDS) -> int | None:
        """Return the exit status (negative: the signal), None for a hang, which is killed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    @property
    def errors(self) -> str:
        """What it wrote to standard error; nothing where it was killed before it could."""
        return self.err.read_text("utf-8", "replace") if self.err.exists() else ""

    @property
    def traceback(self) -> bool:
        """Whether it wrote a traceback, or died in compiled code."""
        text = self.errors
        return any(word in text for word in ("Traceback", "Exception ignored", "Fatal Python"))


def start(
    words: Sequence[str | Path],
    folder: Path,
    *,
    stdout: int | None = None,
    limits: Sequence[tuple[int, int]] = (),
    closing: int | None = None,
    begin: Callable[[], None] | None = None,
) -> Child:
    """Fork a run of mfcli; ``limits`` are pairs of a resource and its soft limit.

    closing: a descriptor that the child should not have, such as the other end of its pipe. begin:
    is called in the child right before mfcli.
    """
    out, err = folder / "stdout", folder / "stderr"
    sys.stdout.flush()
    sys.stderr.flush()
    began = time.monotonic()
    pid = os.fork()
    if pid:
        return Child(pid, out, err, began)
    status = 70
    try:
        os.setsid()  # no terminal
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(out, flags, 0o644) if stdout is None else stdout, 1)
        os.dup2(os.open(err, flags, 0o644), 2)
        for name, number in (("stdout", 1), ("stderr", 2)):
            setattr(sys, name, os.fdopen(number, "w"))
        if closing is not None:
            os.close(closing)
        for which, size in limits:
            resource.setrlimit(which, (size, resource.getrlimit(which)[1]))
        if begin is not None:
            begin()
        status = _run([str(word) for word in words])
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(status)


def _run(words: list[str]) -> int:
    from mfcli.cli import main

    sys.argv = ["mfcli", *words]
    try:
        main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1


def address_space() -> int:
    """Return the bytes of address space of this process, which a child begins with."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
