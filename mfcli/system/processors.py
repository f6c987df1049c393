"""How many processors there are to work on."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def let_waiting_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait, unless the environment says otherwise.

    Those that spin make an epoch on a busy machine up to a hundred times slower, and save nothing
    on an idle one. It is read once, when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def usable_cores() -> int:
    """Return the number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_workers() -> int:
    """Return how many threads can work at a time: as many as cores, or as a quota keeps busy.

    Of a quota, as a container has, whole cores count: threads beyond it wait for their turns.
    """
    quota = _own_quota()
    return usable_cores() if quota is None else max(1, min(usable_cores(), int(quota)))


@cache
def _own_quota() -> float | None:
    """Return the limit of this process, which is read once."""
    return cpu_quota()


def cpu_quota(
    root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")
) -> float | None:
    """Return how many cores' time the control group allows, None where it sets no limit.

    root: where the groups are mounted; groups: those of this process. A group's limit holds for
    those within it, so all up to the root count. Versions 1 and 2.
    """
    try:
        lines = [line.split(":", 2) for line in groups.read_text().splitlines()]
    except OSError:
        return None
    found = []
    for line in lines:
        if len(line) == 3 and (not line[1] or "cpu" in line[1].split(",")):
            base = root / "cpu" if line[1] else root
            path = base / line[2].strip().lstrip("/")
            while path.is_relative_to(base):
                found += [limit for limit in (_quota(path),) if limit is not None]
                if path == base:
                    break
                path = path.parent
    return min(found, default=None)


def _quota(folder: Path) -> float | None:
    """Read the limit of one group: time in each period."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()[:2]
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        limit = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max", no such group
        return None
    return limit if limit > 0 else None
