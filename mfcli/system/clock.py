"""When the command that runs began: a budget of time counts from there, imports included."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

_began: float | None = None  # of time.monotonic()


def begin(*, with_process: bool) -> None:
    """Note that a command begins: now, or ``with_process`` when this process did."""
    global _began
    _began = time.monotonic() - (_age_of_process() if with_process else 0.0)


def since_begin() -> float:
    """Return the seconds since the command began; 0 where none is noted, as in a library."""
    return 0.0 if _began is None else time.monotonic() - _began


def now() -> datetime:
    """Return the time of the clock, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601 writes it, in milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _age_of_process() -> float:
    """Return the seconds since this process was started; its CPU time where nothing tells."""
    try:
        with open("/proc/self/stat", "rb") as file:
            # The name of the program, in brackets, may hold blanks; the start is field 22.
            started = int(file.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return time.process_time()
