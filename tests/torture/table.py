"""What was tried, and what came of it."""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

COLUMNS = ("times", "wrong", "hangs", "tracebacks")


@dataclass
class Row:
    """A fault: how often it was tried, files lost or wrong (statuses too), hangs, tracebacks."""

    fault: str
    times: int = 0
    wrong: int = 0
    hangs: int = 0
    tracebacks: int = 0
    notes: list[str] = field(default_factory=list)

    def wrongly(self, note: str) -> None:
        """Count something wrong, and keep the first few reasons."""
        self.wrong += 1
        if len(self.notes) < 5:
            self.notes.append(note)

    @property
    def bad(self) -> int:
        """How much went wrong."""
        return self.wrong + self.hangs + self.tracebacks


def show(rows: Iterable[Row]) -> int:
    """Print the table; return how much went wrong."""
    rows = list(rows)
    width = max(len(row.fault) for row in rows)
    print(f"\n{'fault':{width}}  " + "  ".join(f"{name:>10}" for name in COLUMNS))
    for row in rows:
        print(f"{row.fault:{width}}  " + "  ".join(f"{getattr(row, c):>10}" for c in COLUMNS))
    total = ["  ".join(f"{sum(getattr(row, c) for row in rows):>10}" for c in COLUMNS)]
    print(f"{'in all':{width}}  " + total[0])
    for row in rows:
        for note in row.notes:
            print(f"  {row.fault}: {note}")
    return sum(row.bad for row in rows)


def timed(title: str, call: Callable[[], list[Row]]) -> list[Row]:
    """Call, and say how long it took."""
    began = time.monotonic()
    rows = call()
    bad = sum(row.bad for row in rows)
    print(f"{title}: {time.monotonic() - began:.0f} s, {bad} wrong", flush=True)
    return rows


def running_as_root() -> bool:
    """Tell whether file systems can be mounted here."""
    return os.geteuid() == 0
