"""Tables of metrics: of one or several models, of their differences, of folds and repeats."""

from __future__ import annotations

import math
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfcli.console.cells import facts_table
from mfcli.results import EvaluateResult, FoldsResult, RepeatsResult


def evaluate_tables(result: EvaluateResult) -> list[RenderableType]:
    """Return the metrics of the models, their differences, the protocol and the counts."""
    sampled = result.protocol.get("sampled")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    table = Table(title=f"metrics{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    models = result.models or [{"metrics": result.metrics, "intervals": result.intervals}]
    for model in models:
        table.add_column(Text(model.get("name", "value")), justify="right")
        table.add_column("± standard error", justify="right")
        table.add_column("95 % interval", justify="right")
    for name in result.metrics:
        cells = [cell for model in models for cell in _measured(model, name)]
        table.add_row(name, *cells)
    tables: list[RenderableType] = [table]
    tables.extend(_difference(difference, label) for difference in result.differences)
    counts = facts_table("counts", dict(result.counts))
    return [*tables, facts_table("protocol", result.protocol), counts]


def _measured(of: dict[str, Any], name: str) -> tuple[str, str, str]:
    value, spread = of["metrics"].get(name), of["intervals"].get(name)
    if value is None:
        return "", "", ""
    text = "not defined" if math.isnan(value) else f"{value:.6f}"
    return text, *(_spread(spread) if spread else ("", ""))


def _spread(of: dict[str, float]) -> tuple[str, str]:
    error = "" if math.isnan(of["standard_error"]) else f"{of['standard_error']:.6f}"
    return error, "" if math.isnan(of["low"]) else f"{of['low']:.6f} to {of['high']:.6f}"


def _difference(of: dict[str, Any], label: str) -> Table:
    title = f"{of['model']} − {of['base']}, paired by user{label}"
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for name in ("metric", "difference", "± standard error", "95 % interval", "beyond noise"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for name, metric in of["metrics"].items():
        beyond = "yes" if metric["beyond_noise"] else "no"
        table.add_row(name, f"{metric['difference']:+.6f}", *_spread(metric), beyond)
    return table


def spread_table(
    title: str, one: str, runs: list[dict[str, Any]], of: FoldsResult | RepeatsResult
) -> Table:
    """Return the metrics of each of several trainings, their mean and standard deviation."""
    sampled = of.protocol.get("sampled")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    table = Table(title=f"{title}{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    for run in runs:
        table.add_column(run[one], justify="right")
    table.add_column("mean ± sd", justify="right")
    for name, mean in of.mean.items():
        cells = (f"{run['metrics'][name]:.6f}" for run in runs)
        table.add_row(name, *cells, f"{mean:.6f} ± {of.sd[name]:.6f}")
    return table
