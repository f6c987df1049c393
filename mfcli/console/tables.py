"""What stages hand back, as tables for a person: one function a kind of result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfcli.console.cells import facts_table, preview_tables, shown, way_of
from mfcli.console.metrics import evaluate_tables, spread_table
from mfcli.console.nights import NIGHT_TABLES
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
    WarmUpResult,
)

_TRIALS = 10  # shown of a search


def _fetch(result: FetchResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "format": result.format,
        "users": result.n_users,
        "items": result.n_items,
        "ratings": result.n_ratings,
        "values": f"{result.minimum:g} to {result.maximum:g}, mean {result.mean:.4g}",
        **_columns(result),
        "rows read": result.rows_read,
        **({"rows without an id, left out": result.without_id} if result.without_id else {}),
        **({"rows without a value, left out": result.valueless} if result.valueless else {}),
        **({"rows of values left out": result.dropped_values} if result.dropped_values else {}),
        **({"rows of ids left out": result.dropped} if result.dropped else {}),
        "duplicates merged": result.duplicates,
        "below the threshold": result.below_threshold,
        "filtered out": result.filtered,
        "times": result.times or result.has_timestamps,
        "item names": result.has_item_names,
    }
    notice: list[RenderableType] = [Text(result.notice)] if result.notice else []
    return [facts_table("fetch", facts), *notice]


def _columns(result: FetchResult) -> dict[str, str]:
    """Return what was read as what: where a guess is wrong, it can be seen."""
    if not result.columns:
        return {}
    shown = {"rating column": "none: every row counts as 1"}
    for role, about in result.columns.items():
        distinct = f" ({about['distinct']:,} distinct)" if "distinct" in about else ""
        shown[f"{role} column"] = f"{about['column']}{distinct}"
    order = [f"{role} column" for role in ("user", "item", "rating", "time")]
    return {name: shown[name] for name in order if name in shown}


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
        table.add_row(part.path, *(f"{number:,}" for number in numbers))
    return [table]


def _searched(evidence: dict[str, Any]) -> list[RenderableType]:
    """Return the best trials of a search in a given time, and what it says of the choice."""
    if not evidence:
        return []
    metric = evidence["metric"]
    table = Table(title="best trials", title_justify="left", title_style="bold")
    rows = [
        {
            "trial": str(trial["trial"]),
            "way": way_of(trial["options"]),
            "factors": shown(trial["options"].get("factors", "")),
            metric: f"{trial[metric]:.6f}",
            "seconds": f"{trial['seconds']:.2f}",
        }
        for trial in evidence["best"][:_TRIALS]
    ]
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if name == "way" else "right")
    for row in rows:
        table.add_row(*row.values())
    facts = {
        f"{metric} on validation": evidence.get("value"),
        "the defaults": evidence.get("defaults", {}).get("value"),
        "gap to them": evidence.get("gap"),
        "validation": evidence["validation"],
        "trials": evidence["trials"],
    }
    return [*([table] if rows else []), facts_table("search", facts)]


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
        "settings": result.settings,
    }
    tables: list[RenderableType] = [*_searched(result.evidence), facts_table("train", facts)]
    if len(result.stage_losses) > 1:
        table = Table(title="losses at the end of each stage", title_justify="left")
        for name in result.stage_losses[0]:
            table.add_column(name.replace("_", " "), justify="right")
        for losses in result.stage_losses:
            table.add_row(*("" if value is None else shown(value) for value in losses.values()))
        tables.append(table)
    return tables


def _folds(result: FoldsResult) -> list[RenderableType]:
    table = spread_table("cross-validation", "fold", result.folds, result)
    return [
        *_fetch(result.fetch),
        *_split(result.split),
        table,
        facts_table("protocol", result.protocol),
    ]


def _repeats(result: RepeatsResult) -> list[RenderableType]:
    table = spread_table("repeats", "repeat", result.repeats, result)
    return [
        *_fetch(result.fetch),
        *_split(result.splits[0]),
        table,
        facts_table("protocol", result.protocol),
    ]


def _recommend(result: RecommendResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "users": result.n_users,
        "rows": result.n_rows,
        "unknown users": result.unknown_users,
        "users with fewer than k": result.short_users,
        "coverage": result.coverage,
        "churn": result.churn,
        "lists that changed": result.changes,
        "left out as unknown": result.counts,
        "parts": result.parts,
        "published": None if result.parts is None else result.published,
        "model's age in days": result.model_seconds_old / 86_400,
        "seconds": result.seconds,
    }
    return [
        facts_table("recommend", facts),
        *preview_tables("first recommendations", result.preview),
    ]


def _pairs(result: PairsResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "rows": result.n_rows,
        "of unknown users": result.unknown_user_rows,
        "of unknown items": result.unknown_item_rows,
        "seconds": result.seconds,
    }
    return [facts_table("scores of pairs", facts)]


def _similar(result: SimilarResult) -> list[RenderableType]:
    facts = {
        "file": result.out,
        "by": result.by,
        "asked for": result.n_asked,
        "rows": result.n_rows,
        "without a vector, or unknown": result.without,
        "seconds": result.seconds,
    }
    return [facts_table("similar", facts), *preview_tables("first neighbours", result.preview)]


def _export(result: ExportResult) -> list[RenderableType]:
    facts = {
        "folder": result.out,
        "model": result.model,
        "users": result.n_users,
        "items": result.n_items,
        "factors": result.factors,
        "seconds": result.seconds,
    }
    return [facts_table("export", facts)]


def _inspect(result: InspectResult) -> list[RenderableType]:
    tables: list[RenderableType] = [facts_table(f"{result.kind}: {result.path}", result.details)]
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
        tables.append(facts_table("options", result.options))
    if result.metrics:
        tables.append(facts_table("metrics", dict(result.metrics)))
    tables.extend(
        facts_table(f"made by {step.get('stage', '?')}", step.get("options", {}) | _inputs(step))
        for step in result.lineage
    )
    return tables


def _inputs(step: dict[str, Any]) -> dict[str, str]:
    """Return one line an input of a lineage's step: what it was, and its SHA-256."""
    return {
        f"input {number}": f"{of.get('name') or of.get('role', '')} sha256 {of.get('sha256')}"
        for number, of in enumerate(step.get("inputs", []), 1)
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
        return [facts_table("report", facts)]
    table = Table(title="worth knowing", title_justify="left", title_style="bold")
    for name in ("", "run", "finding"):
        table.add_column(name, overflow="fold")
    for finding in result.findings:
        table.add_row(*(Text(finding[name]) for name in ("level", "run", "message")))
    return [facts_table("report", facts), table]


def _tune(result: TuneResult) -> list[RenderableType]:
    table = Table(title="best trainings", title_justify="left", title_style="bold")
    names = list(dict.fromkeys(name for row in result.best for name in row))
    for name in names:
        table.add_column(name.replace("_", "-"), justify="right")
    for row in result.best:
        table.add_row(*(shown(row[name]) if name in row else "" for name in names))
    facts = {
        "file": result.out,
        result.metric: result.value,
        "the defaults": result.default,
        "best against them": result.verdict,
        "trial": str(result.trial),
        "epochs": result.epochs,
        "trainings": result.trainings,
        "diverged": result.diverged or None,
        "ended by": result.stopped,
        "validation": result.protocol["validation"],
        "all trainings": result.trials_file,
        "seconds": result.seconds,
    }
    options = {name.replace("_", "-"): value for name, value in result.options.items()}
    return [table, facts_table("options", options), facts_table("tune", facts)]


def _warm_up(result: WarmUpResult) -> list[RenderableType]:
    table = Table("kernels of", "kept", title="warm-up", title_justify="left")
    if not result.listed:
        table.add_column("compiled now", justify="right")
        table.add_column("seconds", justify="right")
    for group in result.groups:
        cells = [group["name"], "yes" if group["kept"] else "no"]
        if not result.listed:
            cells += [str(group["compiled"]), f"{group['seconds']:.1f}"]
        table.add_row(*cells)
    folders = {"folder": ", ".join(result.folders) or "none that can be written"}
    return [table, facts_table("compiled kernels", folders)]


def _run(result: RunResult) -> list[RenderableType]:
    parts = [result.fetch, result.split, result.train, result.evaluate, result.recommend]
    lists = result.train if result.refit is None else result.refit
    facts = {
        "measured": result.train.out,
        "lists come from": f"{lists.out}, "
        + ("the same" if result.refit is None else "trained again on everything"),
    }
    tables = [table for part in parts for table in TABLES[type(part)](part)]
    return [*tables, facts_table("run", facts)]


TABLES: dict[type[Result], Callable[[Any], list[RenderableType]]] = {
    FetchResult: _fetch,
    FoldsResult: _folds,
    SplitResult: _split,
    TrainResult: _train,
    TuneResult: _tune,
    EvaluateResult: evaluate_tables,
    RecommendResult: _recommend,
    PairsResult: _pairs,
    SimilarResult: _similar,
    ExportResult: _export,
    InspectResult: _inspect,
    RepeatsResult: _repeats,
    ReportResult: _report,
    WarmUpResult: _warm_up,
    RunResult: _run,
    **NIGHT_TABLES,
}
