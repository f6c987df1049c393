"""How values, facts and rows look as cells of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfcli.events import TrialResult


def facts_table(title: str, facts: dict[str, Any]) -> Table:
    """Return a two-column table, values without content left out."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            table.add_row(name, Text(shown(value)))
    return table


def shown(value: Any) -> str:
    """Return a value as a person reads it; lists and dictionaries on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(shown(part) for part in value)
    return str(value)


def preview_tables(title: str, rows: list[dict[str, Any]]) -> list[RenderableType]:
    """Return a table of the first rows, or none where there are none."""
    if not rows:
        return []
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        cells = (f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row.values())
        table.add_row(*(Text(cell) for cell in cells))
    return [table]


# What has a column of its own, or says nothing of how a training learns.
_APART = frozenset(("epochs", "factors", "model", "objective", "engine", "seed"))


def trial_cells(result: TrialResult, metric: str, rungs: int | None) -> dict[str, str]:
    """Return what is shown of one training of a search; ``rungs`` is None where it has no rounds.

    Then the trials differ in the way that they train, which is shown.
    """
    value = result.status if result.value is None else f"{result.value:.6f}"
    options = result.options
    kind = {"round": f"{result.rung + 1}/{rungs}"}
    if rungs is None:
        kind = {"way": way_of(options)}
        kind |= {name: str(options[name]) for name in ("factors",) if name in options}
    epochs = {} if result.epochs is None else {"epochs": str(result.epochs)}
    return {
        "trial": str(result.trial),
        **kind,
        **epochs,
        metric: value,
        "seconds": f"{result.seconds:.2f}",
    }


def way_of(options: Mapping[str, Any]) -> str:
    """Return model, objective and engine in words."""
    names = ("model", "objective", "engine")
    return " · ".join(str(options[name]) for name in names if options.get(name))


def trial_table(
    results: Sequence[TrialResult], metric: str, rungs: int | None, title: str
) -> Table:
    """Return the best trainings so far, each with what was drawn for it."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    rows = [trial_cells(result, metric, rungs) for result in results]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("options", overflow="ellipsis", no_wrap=True)
    for result, cells in zip(results, rows, strict=True):
        apart = _APART if rungs is None else ("epochs",)
        drawn = {name: value for name, value in result.options.items() if name not in apart}
        default = rungs is not None and not result.trial
        row = [cells.get(name, "") for name in names]
        table.add_row(*row, Text("the defaults" if default else shown(drawn)))
    return table
