"""Nights and generations as tables for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mfcli.console.cells import facts_sheet, shown
from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.results import (
    ChangesResult,
    ForgetResult,
    GenerationsResult,
    NightResult,
    Result,
    RollbackResult,
)
from mfcli.wording import counted, duration, size

_COUNTED = ("rows", "users", "items", "lists")


def _night(result: NightResult) -> list[Sheet]:
    figures, metrics = result.counted, result.counted.get("metrics", {})
    facts = {
        "folder": result.folder,
        "generation": result.generation,
        "as of": result.as_of,
        "current": result.current,
        "status": f"{result.status}{': ' if result.reason else ''}{result.reason}",
        **{name: figures.get(name) for name in ("rows", "users", "items") if figures},
        **metrics,
        **({"churn": figures["churn"]} if figures.get("churn") is not None else {}),
        **{
            f"lists {change}": figures[name]
            for change in ("added", "changed", "dropped")
            if figures.get(name := f"lists_{change}") is not None
        },
        **({"gates": f"{len(result.gates)} passed"} if result.gates else {}),
        **({"taken over": ", ".join(result.reused)} if result.reused else {}),
        **({"removed": ", ".join(result.removed)} if result.removed else {}),
        **({"kept for a reader": ", ".join(result.in_use)} if result.in_use else {}),
        "time": ", ".join(f"{name} {duration(it)}" for name, it in result.seconds.items()),
    }
    return [facts_sheet("nightly", facts)]


def _generations(result: GenerationsResult) -> list[Sheet]:
    columns = [
        Column("generation", Kind.label),
        Column("published", Kind.label, spare=1),
        *map(Column, (*_COUNTED, "churn", "size")),
        Column("state", Kind.label),
    ]
    rows = []
    for it in result.generations:
        marks = [
            mark for mark, there in (("current", it["current"]), ("in use", it["in_use"])) if there
        ]
        figures = (shown(it[name]) for name in (*_COUNTED, "churn"))
        rows.append([it["name"], it["published"], *figures, size(it["bytes"]), ", ".join(marks)])
    table = Sheet(f"generations in {result.folder}", columns, rows)
    last = {"last run": ": ".join(filter(None, result.latest.values())) or "none"}
    return [table, facts_sheet("nightly", last)]


def _rollback(result: RollbackResult) -> list[Sheet]:
    facts = {"folder": result.folder, "was current": result.before, "current": result.current}
    facts |= _changed(result.changes)
    return [facts_sheet("rollback (dry run)" if result.dry_run else "rollback", facts)]


def _changes(result: ChangesResult) -> list[Sheet]:
    facts = {"folder": result.folder, "since": result.since, "current": result.current}
    return [facts_sheet("changes", facts | _changed(result.changes) | {"written to": result.out})]


def _changed(changes: dict[str, int] | None) -> dict[str, Any]:
    return {f"lists {change}": number for change, number in (changes or {}).items()}


def _forget(result: ForgetResult) -> list[Sheet]:
    facts = {
        "folder": result.folder,
        "users asked for": result.asked,
        "generations": len(result.generations),
        **{
            it[
                "name"
            ]: f"{counted(it['users'], 'user')}, {counted(it['list_rows'], 'row')} of lists"
            for it in result.forgotten
        },
    }
    return [facts_sheet("forget (dry run)" if result.dry_run else "forget", facts)]


NIGHT_SHEETS: dict[type[Result], Callable[[Any], list[Sheet]]] = {
    NightResult: _night,
    GenerationsResult: _generations,
    RollbackResult: _rollback,
    ChangesResult: _changes,
    ForgetResult: _forget,
}
