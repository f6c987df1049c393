"""What a live display and its plain lines show of a training and of a search."""

from __future__ import annotations

from collections.abc import Sequence

from mfcli.console.cells import flags, shown, way_of
from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.events import EpochResult, TrialResult
from mfcli.wording import duration, figure


def epoch_cells(result: EpochResult, epochs: int, left: float) -> dict[str, str]:
    """Return what is shown of an epoch of so many; left: seconds that the others should take."""
    cells = {"epoch": f"{result.epoch}/{epochs}", "train": figure(result.train_loss)}
    if result.valid_loss is not None:
        cells["valid"] = figure(result.valid_loss)
    cells |= {name: figure(value) for name, value in result.metrics.items()}
    return cells | {
        "time": duration(result.seconds),
        "ratings/s": f"{result.ratings_per_second:,.0f}",
        "left": duration(left),
    }


def epoch_sheet(rows: Sequence[dict[str, str]], best: frozenset[int]) -> Sheet:
    """Return epochs, a line each; where there is little room, what they took is left out first."""
    columns = [Column(name, spare=_EPOCH_SPARE.get(name, 1)) for name in (rows[-1] if rows else ())]
    cells = [[row.get(column.name, "–") for column in columns] for row in rows]
    return Sheet("", columns, cells, bold=best, ruled=False, hint="the history has them")


# What stays, and what goes before the metrics.
_EPOCH_SPARE = {"epoch": 0, "train": 0, "valid": 0, "left": 2, "time": 3, "ratings/s": 4}


# What has a column of its own, or says nothing of how a training learns.
_APART = frozenset(("epochs", "factors", "model", "objective", "engine", "seed"))


def trial_cells(result: TrialResult, metric: str, rungs: int | None) -> dict[str, str]:
    """Return what is shown of one training of a search; ``rungs`` is None where it has no rounds.

    Then the trials differ in the way that they train, which is shown.
    """
    value = result.status if result.value is None else figure(result.value)
    options = result.options
    kind = {"round": f"{result.rung + 1}/{rungs}"}
    if rungs is None:
        kind = {"way": way_of(options)}
        kind |= {name: str(options[name]) for name in ("factors",) if name in options}
    epochs = {} if result.epochs is None else {"epochs": str(result.epochs)}
    return {
        "trial": str(result.trial),
        metric: value,
        **kind,
        **epochs,
        "time": duration(result.seconds),
    }


def trial_sheet(
    results: Sequence[TrialResult], metric: str, rungs: int | None, title: str
) -> Sheet:
    """Return the best trainings so far, a line each, with what was drawn for it.

    Where there is little room, the options are left out first, and trial and score last.
    """
    cells = [trial_cells(result, metric, rungs) for result in results]
    names = list(dict.fromkeys(name for row in cells for name in row))
    stay = ("trial", metric)
    columns = [
        Column(name, Kind.label if name == "way" else Kind.figure, 0 if name in stay else 1)
        for name in names
    ]
    rows = []
    for result, row in zip(results, cells, strict=True):
        apart = _APART if rungs is None else ("epochs",)
        drawn = {name: value for name, value in result.options.items() if name not in apart}
        is_default = rungs is not None and not result.trial
        options = "the defaults" if is_default else shown(flags(drawn))
        rows.append([*(row.get(name, "–") for name in names), options])
    columns.append(Column("options", Kind.parts, 2))
    return Sheet(title, columns, rows, ruled=False, hint=None)
