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
    label = _label(result.protocol)
    table = Table(title=f"metrics{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    models = result.models or [{"metrics": result.metrics, "intervals": result.intervals}]
    for model in models:
        table.add_column(Text(model.get("name", "value")), justify="right")
        table.add_column("± standard error", justify="right")
        table.add_column("95 % interval", justify="right")
    beside = [model | {"baseline": model.get("baseline")} for model in result.models]
    beside = beside or [{"name": "model", "metrics": result.metrics, "baseline": result.baseline}]
    beside = [model for model in beside if model["baseline"] is not None]
    alone = beside[0]["baseline"]["metrics"] if len(models) == len(beside) == 1 else None
    if alone is not None:
        table.add_column(beside[0]["baseline"]["name"], justify="right")
    for name in result.metrics:
        cells = [cell for model in models for cell in _measured(model, name)]
        if alone is not None:
            cells.append(f"{alone[name]:.6f}" if name in alone else "")
        table.add_row(name, *cells)
    tables: list[RenderableType] = [table]
    if any(result.user_groups.get(name, {}).get("users") for name in ("warm", "cold")):
        tables.append(_by_group(result, label))
    if beside:
        tables.append(_against(beside, label))
    tables.extend(_difference(difference, label) for difference in result.differences)
    counts = facts_table("counts", dict(result.counts))
    return [*tables, facts_table("protocol", result.protocol), counts]


def _by_group(result: EvaluateResult, label: str) -> Table:
    """Return the first model's metrics of known, warm and cold users."""
    table = Table(title=f"by users{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    for name, group in result.user_groups.items():
        table.add_column(f"{group['users']:,} {name}", justify="right")
    for metric in result.intervals:
        values = [group["metrics"].get(metric, math.nan) for group in result.user_groups.values()]
        table.add_row(metric, *("" if math.isnan(value) else f"{value:.6f}" for value in values))
    return table


def _label(protocol: dict[str, Any]) -> str:
    """Return what the title of a table of metrics says of how they were measured."""
    sampled, least = protocol.get("sampled"), protocol.get("relevant_from")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    return label + ("" if least is None else f", positives: rated {least:g} or more")


def _against(models: list[dict[str, Any]], label: str) -> Table:
    """Return each model beside the baseline, a row a model."""
    table = Table(title=f"beside popularity{label}", title_justify="left", title_style="bold")
    for name in ("", "metric", "value", "popularity", "difference, 95 % interval", "better"):
        table.add_column(name, justify="right" if name in ("value", "popularity") else "left")
    for model in models:
        found = model["baseline"]
        metric = found["judged_by"]
        table.add_row(
            Text(model["name"]),
            metric,
            f"{model['metrics'][metric]:.6f}",
            f"{found['metrics'][metric]:.6f}",
            _spread(found["differences"][metric])[1],
            "yes" if found["better"] else "NO",
        )
    return table


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
    label = _label(of.protocol)
    table = Table(title=f"{title}{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    for run in runs:
        table.add_column(run[one], justify="right")
    table.add_column("mean ± sd", justify="right")
    for name, mean in of.mean.items():
        cells = (f"{run['metrics'][name]:.6f}" for run in runs)
        table.add_row(name, *cells, f"{mean:.6f} ± {of.sd[name]:.6f}")
    return table
