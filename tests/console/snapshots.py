"""The most seen tables as text, at 80 and 120 columns and in a pipe, in ``golden``.

python -m tests.console.snapshots writes the files anew, after a table was meant to change.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from mfcli.console.live import epoch_cells, epoch_sheet, trial_sheet
from mfcli.console.sheets import UNLIMITED, Sheet
from mfcli.console.tables import SHEETS
from tests.console.results import RESULTS, SNAPSHOTS, epoch, trial

GOLDEN = Path(__file__).parent / "golden"
WIDTHS: dict[str, int] = {"80": 80, "120": 120, "piped": UNLIMITED}


def drawn(sheets: Iterable[Sheet], width: int) -> str:
    """Return tables as a screen of that width has them, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False)
    for number, sheet in enumerate(sheets):
        if number:
            console.print()
        console.print(sheet, crop=False)
    return out.getvalue()


def result_text(name: str, width: int) -> str:
    """Return the tables of one of ``RESULTS``."""
    result = RESULTS[name]
    return drawn(SHEETS[type(result)](result), width)


def live_training(n_metrics: int = 2) -> Sheet:
    """Return what a live display shows of a training."""
    epochs = [epoch(number, n_metrics=n_metrics) for number in (1, 2, 3)]
    cells = [epoch_cells(it, 20, 12.3 * (20 - it.epoch)) for it in epochs]
    return epoch_sheet(cells, frozenset([1]))


def live_search(rungs: int | None) -> Sheet:
    """Return what a live display shows of a search, in rounds or in a given time."""
    return trial_sheet([trial(number) for number in (7, 0, 3)], "ndcg@10", rungs, "best so far")


def snapshot(width: int) -> str:
    """Return all of a golden file."""
    texts = {name: result_text(name, width) for name in SNAPSHOTS}
    if width < UNLIMITED:  # a pipe has no live display
        texts["training, live"] = drawn([live_training()], width)
        texts["tune, live"] = drawn([live_search(3)], width)
        texts["train --budget, live"] = drawn([live_search(None)], width)
    return "\n".join(f"=== {name}\n{text}" for name, text in texts.items())


def renew() -> None:
    """Write all golden files."""
    GOLDEN.mkdir(exist_ok=True)
    for name, width in WIDTHS.items():
        (GOLDEN / f"{name}.txt").write_text(snapshot(width), "utf-8")


if __name__ == "__main__":
    renew()
