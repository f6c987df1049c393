"""What the benchmarks share: generated data, alternating runs, and the tables they print."""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

# `make bench` puts the peers there; appended, so that everything else comes from the venv.
PEERS = Path(__file__).resolve().parents[2] / ".bench"
BUFFALO_ENVIRONMENT = PEERS / "buffalo-env"
sys.path.append(str(PEERS))


class Row(NamedTuple):
    """A line of a table: what was measured, against what, and the bar that it should pass."""

    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    bar: str = ""  # such as "≥ 0.9" or "≤ 60 s"
    passed: bool | None = None


def machine() -> str:
    """Return the processor, the cores that this process may use, and the load before."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, load {os.getloadavg()[0]:.2f}"


def versions(*names: str) -> str:
    """Return the versions of Python and of distributions; "absent" for what is not there."""
    found = [f"Python {platform.python_version()}"]
    for name in names:
        apart = map(str, BUFFALO_ENVIRONMENT.glob("lib/*/site-packages"))
        there = [*distributions(name=name), *distributions(name=name, path=list(apart))]
        found.append(f"{name} {there[0].version if there else 'absent'}")
    return ", ".join(found)


def alternated(runs: Sequence[Callable[[], float]], repeats: int) -> list[list[float]]:
    """Call the functions in turn, `repeats` times; return each one's results.

    Every other round goes backwards: whoever comes first finds other caches and clocks.
    """
    results: list[list[float]] = [[] for _ in runs]
    for repeat in range(repeats):
        for at in range(len(runs)) if repeat % 2 == 0 else reversed(range(len(runs))):
            results[at].append(runs[at]())
    return results


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of ours over theirs of each round: neighbours share the machine's load."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def at_least(bar: float, value: float) -> tuple[str, bool]:
    """Return a bar's text and whether a value passes it."""
    return f"≥ {bar:g}", value >= bar


def at_most(bar: float, value: float, unit: str = "") -> tuple[str, bool]:
    """Return a bar's text and whether a value passes it."""
    return f"≤ {bar:g}{unit}", value <= bar


def against(
    what: str,
    mine: Sequence[float],
    theirs: Sequence[float],
    bar: float | None,
    unit: str,
    digits: int = 1,
) -> Row:
    """Make the row of speeds, ours and a peer's: medians with their range, ratio, bar."""
    quotient = ratio(mine, theirs)
    text, passed = at_least(bar, quotient) if bar is not None else ("", None)
    return Row(what, shown(mine, unit, digits), shown(theirs, unit, digits), quotient, text, passed)


def shown(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """Return the median of values, and their range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}–{high:.{digits}f})"


def table(title: str, rows: Iterable[Row], notes: Iterable[str] = ()) -> None:
    """Print one table, and notes below it."""
    lines = [("", "ours: median (range)", "peer", "ratio", "bar", "")]
    verdicts = {None: "", True: "ok", False: "MISSED"}
    for row in rows:
        quotient = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append((row.what, row.ours, row.peer, quotient, row.bar, verdicts[row.passed]))
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    print(f"\n{title}")
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  " + "  ".join(cells).rstrip())
    for note in notes:
        print(f"  {note}")
    sys.stdout.flush()


def tailed(
    n_users: int = 30_000, n_items: int = 41_000, number: int = 840_000, groups: int = 60
) -> sp.csr_matrix:
    """Pairs with a long tail, as ones: log-normal activity and popularity, and groups of taste.

    An item of a user's group is sixty times as likely. A mean user has 27 items, an item 20 users.
    """
    rng = np.random.default_rng(0)
    activity, popularity = rng.lognormal(0, 1.0, n_users), rng.lognormal(0, 1.3, n_items)
    of_user, of_item = rng.integers(0, groups, n_users), rng.integers(0, groups, n_items)
    users = rng.choice(n_users, number, p=activity / activity.sum())
    items = np.empty(number, np.int64)
    for group in range(groups):
        members = of_user[users] == group
        weights = popularity * np.where(of_item == group, 60, 1)
        items[members] = rng.choice(n_items, members.sum(), p=weights / weights.sum())
    ones = np.ones(number, np.float32)
    matrix = sp.csr_matrix((ones, (users, items)), shape=(n_users, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def liked(n_users: int, n_items: int, number: int) -> sp.csr_matrix:
    """Generate the better half of twice as many ratings, as ones."""
    matrix = generate(n_users, n_items, 2 * number)
    best = np.zeros(matrix.nnz, bool)
    best[np.argsort(-matrix.data, kind="stable")[:number]] = True
    indptr = np.concatenate([[0], np.cumsum(best)])[matrix.indptr]
    indices = matrix.indices[best]
    ones = np.ones(number, np.float32)
    return sp.csr_matrix((ones, indices, indptr.astype(np.int32)), shape=matrix.shape)


def generate(n_users: int, n_items: int, number: int, seed: int = 0) -> sp.csr_matrix:
    """Half stars from biases, eight tastes and noise; activity log-normal, popularity zipfian."""
    rng = np.random.default_rng(seed)
    activity = np.cumsum(rng.lognormal(0, 1, n_users))
    popularity = np.cumsum(rng.permutation((np.arange(n_items) + 20.0) ** -0.9))
    keys = np.empty(0, np.int64)
    while len(keys) < number:
        more = int((number - len(keys)) * 1.3) + 1000
        users = np.searchsorted(activity / activity[-1], rng.random(more))
        items = np.searchsorted(popularity / popularity[-1], rng.random(more))
        keys = np.unique(np.concatenate([keys, users * n_items + items]))
    keys = np.sort(rng.choice(keys, number, replace=False))
    users, items = (keys // n_items).astype(np.int32), (keys % n_items).astype(np.int32)
    tastes = rng.normal(0, 1, (n_users, 8)).astype(np.float32)
    appeal = rng.normal(0, 8**-0.5, (n_items, 8)).astype(np.float32)
    generous, good = rng.normal(0, 0.4, n_users), rng.normal(0, 0.5, n_items)
    values = np.empty(number, np.float32)
    for start in range(0, number, 1 << 20):
        part = slice(start, start + (1 << 20))
        u, i = users[part], items[part]
        taste = 0.5 * (tastes[u] * appeal[i]).sum(axis=1)
        values[part] = 3.5 + generous[u] + good[i] + taste + rng.normal(0, 0.5, len(u))
    values = np.clip(np.round(values * 2) / 2, 0.5, 5)
    # Cells come in order and once each, so this is CSR as it stands.
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    matrix = sp.csr_matrix(
        (values, items, indptr.astype(np.int32)), shape=(n_users, n_items), copy=False
    )
    matrix.has_sorted_indices = True
    return matrix
