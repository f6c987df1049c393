"""Nights and generations as tables for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from mfcli.console.cells import facts_table
from mfcli.results import ForgetResult, GenerationsResult, NightResult, Result, RollbackResult

_COUNTED = ("rows", "users", "items", "lists")


def _night(result: NightResult) -> list[RenderableType]:
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
        **({"gates": f"{len(result.gates)} passed"} if result.gates else {}),
        **({"taken over": ", ".join(result.reused)} if result.reused else {}),
        **({"removed": ", ".join(result.removed)} if result.removed else {}),
        **({"kept for a reader": ", ".join(result.in_use)} if result.in_use else {}),
        **{f"seconds of {name}": spent for name, spent in result.seconds.items()},
    }
    return [facts_table("nightly", facts)]


def _generations(result: GenerationsResult) -> list[RenderableType]:
    table = Table(title=f"generations in {result.folder}", title_justify="left")
    for name in ("generation", "published", "rows", "users", "items", "lists", "churn", "MB", ""):
        table.add_column(
            name, justify="left" if name in ("generation", "published", "") else "right"
        )
    for it in result.generations:
        numbers = [f"{it[name]:,}" if it[name] is not None else "" for name in _COUNTED]
        churn = "" if it["churn"] is None else f"{it['churn']:.3f}"
        marks = [
            mark for mark, there in (("current", it["current"]), ("in use", it["in_use"])) if there
        ]
        table.add_row(
            it["name"],
            it["published"],
            *numbers,
            churn,
            f"{it['bytes'] / 1e6:.1f}",
            ", ".join(marks),
        )
    last = {"last run": ": ".join(filter(None, result.latest.values())) or "none"}
    return [table, facts_table("nightly", last)]


def _rollback(result: RollbackResult) -> list[RenderableType]:
    facts = {"folder": result.folder, "was current": result.before, "current": result.current}
    return [facts_table("rollback (dry run)" if result.dry_run else "rollback", facts)]


def _forget(result: ForgetResult) -> list[RenderableType]:
    facts = {
        "folder": result.folder,
        "users asked for": result.asked,
        "generations": len(result.generations),
        **{
            it["name"]: f"{it['users']:,} users, {it['list_rows']:,} rows of lists"
            for it in result.forgotten
        },
    }
    return [facts_table("forget (dry run)" if result.dry_run else "forget", facts)]


NIGHT_TABLES: dict[type[Result], Callable[[Any], list[RenderableType]]] = {
    NightResult: _night,
    GenerationsResult: _generations,
    RollbackResult: _rollback,
    ForgetResult: _forget,
}
