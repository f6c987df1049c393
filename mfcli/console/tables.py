"""What stages hand back, as tables for a person: one function a kind of result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfcli.events import TrialResult
from mfcli.results import (
    EvaluateResult,
    ExportResult,
    FetchResult,
    FoldsResult,
    InspectResult,
    PairsResult,
    RecommendResult,
    RepeatsResult,
    ReportResult,
    Result,
    RunResult,
    SimilarResult,
    SplitResult,
    TrainResult,
    TuneResult,
)


def _facts(title: str, facts: dict[str, Any]) -> Table:
    """Return a two-column table, values without content left out."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            table.add_row(name, Text(_shown(value)))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return str(value)


def _fetch(result: FetchResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "format": result.format,
        "users": result.n_users,
        "items": result.n_items,
        "ratings": result.n_ratings,
        "values": f"{result.minimum:g} to {result.maximum:g}, mean {result.mean:.4g}",
        "rows read": result.rows_read,
        "duplicates merged": result.duplicates,
        "below the threshold": result.below_threshold,
        "filtered out": result.filtered,
        "times": result.has_timestamps,
        "item names": result.has_item_names,
    }
    notice: list[RenderableType] = [Text(result.notice)] if result.notice else []
    return [_facts("fetch", facts), *notice]


def _split(result: SplitResult) -> list[RenderableType]:
    table = Table(
        title=f"split {result.strategy}: {result.n_users:,} users × {result.n_items:,} items",
        title_justify="left",
        title_style="bold",
    )
    for name in ("file", "ratings", "users", "items", "rows of unknown users or items"):
        table.add_column(name, justify="left" if name == "file" else "right")
    for part in result.parts:
        numbers = (part.n_ratings, part.n_users, part.n_items, part.unknown_rows)
        table.add_row(part.path, *(f"{each:,}" for each in numbers))
    return [table]


def _train(result: TrainResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "model": result.model,
        "objective": result.objective,
        "engine": result.engine,
        "device": result.device,
        "epochs": result.epochs,
        "best epoch": result.best_epoch,
        "stopped by": result.stopped,
        "train loss": result.train_loss,
        "validation loss": result.valid_loss,
        **result.metrics,
        "seconds": result.seconds,
        "history": result.history,
    }
    tables: list[RenderableType] = [_facts("train", facts)]
    if len(result.stage_losses) > 1:
        table = Table(title="losses at the end of each stage", title_justify="left")
        for name in result.stage_losses[0]:
            table.add_column(name.replace("_", " "), justify="right")
        for each in result.stage_losses:
            table.add_row(*("" if value is None else _shown(value) for value in each.values()))
        tables.append(table)
    return tables


def _evaluate(result: EvaluateResult) -> list[RenderableType]:
    sampled = result.protocol.get("sampled")
    label = f", SAMPLED: {sampled} candidates a user and the positives" if sampled else ""
    table = Table(title=f"metrics{label}", title_justify="left", title_style="bold")
    table.add_column("metric")
    models = result.models or [{"metrics": result.metrics, "intervals": result.intervals}]
    for each in models:
        table.add_column(Text(each.get("name", "value")), justify="right")
        table.add_column("± standard error", justify="right")
        table.add_column("95 % interval", justify="right")
    for name in result.metrics:
        cells = [cell for each in models for cell in _measured(each, name)]
        table.add_row(name, *cells)
    tables: list[RenderableType] = [table]
    tables.extend(_difference(each, label) for each in result.differences)
    counts = _facts("counts", dict(result.counts))
    return [*tables, _facts("protocol", result.protocol), counts]


def _measured(of: dict[str, Any], name: str) -> tuple[str, str, str]:
    value, spread = of["metrics"].get(name), of["intervals"].get(name)
    if value is None:
        return "", "", ""
    shown = "not defined" if math.isnan(value) else f"{value:.6f}"
    return shown, *(_spread(spread) if spread else ("", ""))


def _spread(of: dict[str, float]) -> tuple[str, str]:
    error = "" if math.isnan(of["standard_error"]) else f"{of['standard_error']:.6f}"
    return error, "" if math.isnan(of["low"]) else f"{of['low']:.6f} to {of['high']:.6f}"


def _difference(of: dict[str, Any], label: str) -> Table:
    title = f"{of['model']} − {of['base']}, paired by user{label}"
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for name in ("metric", "difference", "± standard error", "95 % interval", "beyond noise"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for name, each in of["metrics"].items():
        beyond = "yes" if each["beyond_noise"] else "no"
        table.add_row(name, f"{each['difference']:+.6f}", *_spread(each), beyond)
    return table


def _folds(result: FoldsResult) -> list[RenderableType]:
    table = _spread_table("cross-validation", "fold", result.folds, result)
    return [
        *_fetch(result.fetch),
        *_split(result.split),
        table,
        _facts("protocol", result.protocol),
    ]


def _repeats(result: RepeatsResult) -> list[RenderableType]:
    table = _spread_table("repeats", "repeat", result.repeats, result)
    return [
        *_fetch(result.fetch),
        *_split(result.splits[0]),
        table,
        _facts("protocol", result.protocol),
    ]


def _spread_table(
    title: str, one: str, runs: list[dict[str, Any]], of: FoldsResult | RepeatsResult
) -> Table:
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


def _recommend(result: RecommendResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "users": result.n_users,
        "rows": result.n_rows,
        "unknown users": result.unknown_users,
        "users with fewer than k": result.short_users,
        "coverage": result.coverage,
        "churn": result.churn,
        "left out as unknown": result.counts,
        "parts": result.parts,
        "published": None if result.parts is None else result.published,
        "model's age in days": result.model_seconds_old / 86_400,
        "seconds": result.seconds,
    }
    return [_facts("recommend", facts), *_preview("first recommendations", result.preview)]


def _preview(title: str, rows: list[dict[str, Any]]) -> list[RenderableType]:
    if not rows:
        return []
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        cells = (f"{each:.4f}" if isinstance(each, float) else str(each) for each in row.values())
        table.add_row(*(Text(cell) for cell in cells))
    return [table]


def _pairs(result: PairsResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "rows": result.n_rows,
        "of unknown users": result.unknown_user_rows,
        "of unknown items": result.unknown_item_rows,
        "seconds": result.seconds,
    }
    return [_facts("scores of pairs", facts)]


def _similar(result: SimilarResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "by": result.by,
        "asked for": result.n_asked,
        "rows": result.n_rows,
        "without a vector, or unknown": result.without,
        "seconds": result.seconds,
    }
    return [_facts("similar", facts), *_preview("first neighbours", result.preview)]


def _export(result: ExportResult) -> list[RenderableType]:
    facts = {
        "folder": result.out,
        "model": result.model,
        "users": result.n_users,
        "items": result.n_items,
        "factors": result.factors,
        "seconds": result.seconds,
    }
    return [_facts("export", facts)]


def _inspect(result: InspectResult) -> list[RenderableType]:
    tables: list[RenderableType] = [_facts(f"{result.kind}: {result.path}", result.details)]
    if result.histogram:
        table = Table(title="ratings", title_justify="left")
        table.add_column("value")
        table.add_column("count", justify="right")
        table.add_column("")
        most = max(result.histogram.values())
        for value, count in result.histogram.items():
            table.add_row(value, f"{count:,}", "█" * round(40 * count / most))
        tables.append(table)
    if result.options:
        tables.append(_facts("options", result.options))
    if result.metrics:
        tables.append(_facts("metrics", dict(result.metrics)))
    tables.extend(
        _facts(f"made by {step.get('stage', '?')}", step.get("options", {}) | _inputs(step))
        for step in result.lineage
    )
    return tables


def _inputs(step: dict[str, Any]) -> dict[str, str]:
    """Return one line an input of a lineage's step: what it was, and its SHA-256."""
    return {
        f"input {number}": f"{each.get('name') or each.get('role', '')} sha256 {each.get('sha256')}"
        for number, each in enumerate(step.get("inputs", []), 1)
    }


def _report(result: ReportResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "runs": ", ".join(result.runs),
        "bytes": result.n_bytes,
        "not there": result.missing,
        "seconds": result.seconds,
    }
    if not result.findings:
        return [_facts("report", facts)]
    table = Table(title="worth knowing", title_justify="left", title_style="bold")
    for name in ("", "run", "finding"):
        table.add_column(name, overflow="fold")
    for each in result.findings:
        table.add_row(*(Text(each[name]) for name in ("level", "run", "message")))
    return [_facts("report", facts), table]


def trial_cells(result: TrialResult, metric: str, rungs: int) -> dict[str, str]:
    """Return what is shown of one training of a search."""
    value = result.status if result.value is None else f"{result.value:.6f}"
    epochs = {} if result.epochs is None else {"epochs": str(result.epochs)}
    return {
        "trial": str(result.trial),
        "round": f"{result.rung + 1}/{rungs}",
        **epochs,
        metric: value,
        "seconds": f"{result.seconds:.2f}",
    }


def trial_table(results: Sequence[TrialResult], metric: str, rungs: int, title: str) -> Table:
    """Return the best trainings so far, each with what was drawn for it."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    rows = [trial_cells(each, metric, rungs) for each in results]
    for name in rows[0]:
        table.add_column(name, justify="right")
    table.add_column("options", overflow="ellipsis", no_wrap=True)
    for each, cells in zip(results, rows, strict=True):
        drawn = {name: of for name, of in each.options.items() if name != "epochs"}
        table.add_row(*cells.values(), Text(_shown(drawn) if each.trial else "the defaults"))
    return table


def _tune(result: TuneResult) -> list[RenderableType]:
    table = Table(title="best trainings", title_justify="left", title_style="bold")
    names = list(dict.fromkeys(name for each in result.best for name in each))
    for name in names:
        table.add_column(name.replace("_", "-"), justify="right")
    for each in result.best:
        table.add_row(*(_shown(each[name]) if name in each else "" for name in names))
    facts = {
        "file": result.out,
        result.metric: result.value,
        "the defaults": result.default,
        "trial": str(result.trial),
        "epochs": result.epochs,
        "trainings": result.trainings,
        "diverged": result.diverged or None,
        "ended by": result.stopped,
        "validation": result.protocol["validation"],
        "all trainings": result.trials_file,
        "seconds": result.seconds,
    }
    options = {name.replace("_", "-"): each for name, each in result.options.items()}
    return [table, _facts("options", options), _facts("tune", facts)]


def _run(result: RunResult) -> list[RenderableType]:
    parts = (result.fetch, result.split, result.train, result.evaluate, result.recommend)
    return [table for part in parts for table in TABLES[type(part)](part)]


TABLES: dict[type[Result], Callable[[Any], list[RenderableType]]] = {
    FetchResult: _fetch,
    FoldsResult: _folds,
    SplitResult: _split,
    TrainResult: _train,
    TuneResult: _tune,
    EvaluateResult: _evaluate,
    RecommendResult: _recommend,
    PairsResult: _pairs,
    SimilarResult: _similar,
    ExportResult: _export,
    InspectResult: _inspect,
    RepeatsResult: _repeats,
    ReportResult: _report,
    RunResult: _run,
}
