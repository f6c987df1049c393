"""What stages hand back, as tables for a person: one function a kind of result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mfcli.console.cells import (
    facts_sheet,
    flags,
    options_sheet,
    preview_sheets,
    records_sheet,
    shown,
    way_of,
)
from mfcli.console.inspected import inspect_sheets
from mfcli.console.metrics import evaluate_sheets, spread_sheet
from mfcli.console.nights import NIGHT_SHEETS
from mfcli.console.sheets import Column, Kind, Sheet
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
from mfcli.wording import counted, duration, figure, size

_TRIALS = 10  # shown of a search


def _fetch(result: FetchResult) -> list[Sheet]:
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
    notice = [Sheet("", [Column(kind=Kind.text)], [[result.notice]])] if result.notice else []
    return [facts_sheet("fetch", facts), *notice]


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


def _split(result: SplitResult) -> list[Sheet]:
    title = (
        f"split {result.strategy}: {counted(result.n_users, 'user')} × "
        f"{counted(result.n_items, 'item')}"
    )
    names = ("ratings", "users", "items", "rows of unknown users or items")
    rows = [
        [part.path, *map(shown, (part.n_ratings, part.n_users, part.n_items, part.unknown_rows))]
        for part in result.parts
    ]
    return [Sheet(title, [Column("file", Kind.text), *map(Column, names)], rows)]


def _searched(evidence: dict[str, Any]) -> list[Sheet]:
    """Return the best trials of a search in a given time, and what it says of the choice."""
    if not evidence:
        return []
    metric = evidence["metric"]
    rows = [
        {
            "trial": str(trial["trial"]),
            "way": way_of(trial["options"]),
            "factors": shown(trial["options"].get("factors")),
            metric: figure(trial[metric]),
            "time": duration(trial["seconds"]),
        }
        for trial in evidence["best"][:_TRIALS]
    ]
    columns = [
        Column(name, Kind.text if name == "way" else Kind.figure)
        for name in (rows[0] if rows else ())
    ]
    best = Sheet("best trials", columns, [list(row.values()) for row in rows])
    facts = {
        f"{metric} on validation": evidence.get("value"),
        "the defaults": evidence.get("defaults", {}).get("value"),
        "gap to them": evidence.get("gap"),
        "validation": evidence["validation"],
        "trials": evidence["trials"],
    }
    return [*([best] if rows else []), facts_sheet("search", facts)]


def _train(result: TrainResult) -> list[Sheet]:
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
        "time": duration(result.seconds),
        "history": result.history,
        "settings": result.settings,
    }
    sheets = [*_searched(result.evidence), facts_sheet("train", facts)]
    if len(result.stage_losses) > 1:
        sheets.append(records_sheet("losses at the end of each stage", result.stage_losses))
    return sheets


def _folds(result: FoldsResult) -> list[Sheet]:
    table = spread_sheet("cross-validation", "fold", result.folds, result)
    return [
        *_fetch(result.fetch),
        *_split(result.split),
        table,
        options_sheet("protocol", result.protocol),
    ]


def _repeats(result: RepeatsResult) -> list[Sheet]:
    table = spread_sheet("repeats", "repeat", result.repeats, result)
    return [
        *_fetch(result.fetch),
        *_split(result.splits[0]),
        table,
        options_sheet("protocol", result.protocol),
    ]


def _recommend(result: RecommendResult) -> list[Sheet]:
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
        "model's age": duration(result.model_seconds_old),
        "time": duration(result.seconds),
    }
    return [
        facts_sheet("recommend", facts),
        *preview_sheets("first recommendations", result.preview),
    ]


def _pairs(result: PairsResult) -> list[Sheet]:
    facts = {
        "file": result.out,
        "rows": result.n_rows,
        "of unknown users": result.unknown_user_rows,
        "of unknown items": result.unknown_item_rows,
        "time": duration(result.seconds),
    }
    return [facts_sheet("scores of pairs", facts)]


def _similar(result: SimilarResult) -> list[Sheet]:
    facts = {
        "file": result.out,
        "by": result.by,
        "asked for": result.n_asked,
        "rows": result.n_rows,
        "without a vector, or unknown": result.without,
        "lists that changed": result.changes,
        "time": duration(result.seconds),
    }
    return [facts_sheet("similar", facts), *preview_sheets("first neighbours", result.preview)]


def _export(result: ExportResult) -> list[Sheet]:
    facts = {
        "folder": result.out,
        "model": result.model,
        "users": result.n_users,
        "items": result.n_items,
        "factors": result.factors,
        "time": duration(result.seconds),
    }
    return [facts_sheet("export", facts)]


def _report(result: ReportResult) -> list[Sheet]:
    facts = {
        "file": result.out,
        "runs": ", ".join(result.runs),
        "size": size(result.n_bytes),
        "not there": result.missing,
        "time": duration(result.seconds),
    }
    sheets = [facts_sheet("report", facts)]
    if result.findings:
        names = ("level", "run", "message")
        columns = [Column(name, Kind.text) for name in ("", "run", "finding")]
        rows = [[finding[name] for name in names] for finding in result.findings]
        sheets.append(Sheet("worth knowing", columns, rows))
    return sheets


def _tune(result: TuneResult) -> list[Sheet]:
    facts = {
        "file": result.out,
        result.metric: result.value,
        "the defaults": result.default,
        "best against them": _verdict(result.verdict),
        "trial": str(result.trial),
        "epochs": result.epochs,
        "trainings": result.trainings,
        "diverged": result.diverged or None,
        "ended by": result.stopped,
        "validation": result.protocol["validation"],
        "all trainings": result.trials_file,
        "time": duration(result.seconds),
    }
    return [
        records_sheet("best trainings", result.best),
        options_sheet("options", flags(result.options)),
        facts_sheet("tune", facts),
    ]


def _verdict(of: dict[str, Any]) -> str:
    """Return in words whether the best trial is better than the defaults by more than chance."""
    if not of:
        return ""
    is_beyond = "more than" if of["beyond_noise"] else "within"
    needed = "not known" if not math.isfinite(of["needed"]) else figure(of["needed"])
    return (
        f"{figure(of['difference'], signed=True)}, {is_beyond} the {needed} that the best of "
        f"{counted(of['candidates'], 'trial')} may be better by chance "
        f"(paired over {counted(of['users'], 'user')})"
    )


def _warm_up(result: WarmUpResult) -> list[Sheet]:
    rows = [
        {"kernels of": group["name"], "kept": shown(group["kept"])}
        | (
            {}
            if result.listed
            else {"compiled now": group["compiled"], "time": duration(group["seconds"])}
        )
        for group in result.groups
    ]
    folders = {"folder": ", ".join(result.folders) or "none that can be written"}
    return [records_sheet("warm-up", rows), facts_sheet("compiled kernels", folders)]


def _run(result: RunResult) -> list[Sheet]:
    parts = [result.fetch, result.split, result.train, result.evaluate, result.recommend]
    lists = result.train if result.refit is None else result.refit
    facts = {
        "measured": result.train.out,
        "lists come from": f"{lists.out}, "
        + ("the same" if result.refit is None else "trained again on everything"),
    }
    sheets = [sheet for part in parts for sheet in SHEETS[type(part)](part)]
    return [*sheets, facts_sheet("run", facts)]


SHEETS: dict[type[Result], Callable[[Any], list[Sheet]]] = {
    FetchResult: _fetch,
    FoldsResult: _folds,
    SplitResult: _split,
    TrainResult: _train,
    TuneResult: _tune,
    EvaluateResult: evaluate_sheets,
    RecommendResult: _recommend,
    PairsResult: _pairs,
    SimilarResult: _similar,
    ExportResult: _export,
    InspectResult: inspect_sheets,
    RepeatsResult: _repeats,
    ReportResult: _report,
    WarmUpResult: _warm_up,
    RunResult: _run,
    **NIGHT_SHEETS,
}
