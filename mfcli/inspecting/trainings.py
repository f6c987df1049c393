"""Histories of trainings, lists of the trials of a search, and the settings that one found."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfcli.artifacts.records import csv_records
from mfcli.config.metrics import Better, better_of
from mfcli.inspecting.found import damaged, found, text_of
from mfcli.results import InspectResult

HISTORY = ("epoch", "stage", "learning_rate", "train_loss")
TRIALS = ("search", "trial", "rung", "epochs", "status")
SETTINGS = (b"# mfcli tune: ", b"# mfcli train --budget ")
_COLUMNS = frozenset((*HISTORY, "valid_loss", "seconds", "ratings_per_second"))


def describe_history(path: Path) -> InspectResult:
    """Describe a history.csv: its epochs, and what the last one reached."""
    rows = _rows(path, "history")
    try:
        last = rows[-1] if rows else {}
        details = {
            "epochs": len(rows),
            "stages": len({row["stage"] for row in rows}),
            "seconds": sum(float(row["seconds"]) for row in rows),
            "first train loss": _number(rows[0]["train_loss"]) if rows else None,
            "lowest validation loss": min(
                (it for row in rows if (it := _number(row["valid_loss"])) is not None),
                default=None,
            ),
        }
        names = ["train_loss", "valid_loss", *(name for name in last if name not in _COLUMNS)]
        metrics = {name: _number(last[name]) for name in names if name in last}
    except (KeyError, TypeError, ValueError):
        raise damaged(path, "history") from None
    there = {name: value for name, value in metrics.items() if value is not None}
    return found(path, "history of a training", details, metrics=there)


def describe_trials(path: Path) -> InspectResult:
    """Describe a trials.csv: what was trained, and the best of it with its options."""
    rows = _rows(path, "list of trials")
    try:
        names = list(rows[0]) if rows else []
        measured = names[len(TRIALS) : names.index("seconds")] if rows else []
        drawn = names[names.index("seconds") + 1 :] if rows else []
        best = _best(rows, measured[0]) if measured else None
        details = {
            "search": rows[0]["search"] if rows else None,
            "trainings": len(rows),
            "trials": len({row["trial"] for row in rows}),
            "rounds": len({row["rung"] for row in rows}),
            "status": dict(Counter(row["status"] for row in rows)),
            "seconds": sum(float(row["seconds"]) for row in rows),
            "best trial": None if best is None else best["trial"],
            "epochs of the best": None if best is None else best["epochs"],
        }
    except (KeyError, TypeError, ValueError):
        raise damaged(path, "list of trials") from None
    if best is None:
        return found(path, "trials of a search", details)
    options = {name: best[name] for name in drawn if best[name]}
    metrics = {name: float(best[name]) for name in measured if best[name]}
    return found(path, "trials of a search", details, options=options, metrics=metrics)


def _best(rows: list[dict[str, str]], metric: str) -> dict[str, str] | None:
    """Return the best training that went as far as any, as tune chooses it."""
    ended = [row for row in rows if row["status"] == "ok" and _number(row[metric]) is not None]
    most = max((int(row["rung"]) for row in ended), default=0)
    sign = -1.0 if better_of(metric) is Better.lower else 1.0
    last = [row for row in ended if int(row["rung"]) == most]
    return max(last, key=lambda row: sign * float(row[metric]), default=None)


def describe_settings(path: Path) -> InspectResult:
    """Describe what tune or train --budget found: how, and the options for train --config."""
    text = text_of(path, "settings")
    said = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    try:
        tables = tomllib.loads(text)
        options = dict(tables["train"])
        evidence = options.pop("evidence", [])
        details: dict[str, Any] = {}
        for line in said:
            name, colon, value = line.partition(": ")
            details[name if colon else "note"] = value if colon else line
        details |= _evidence(evidence[0]) if evidence else {}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise damaged(path, "settings") from None
    return found(path, "settings", details, options=options)


def _evidence(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of how options were chosen, and the counts of its lists."""
    plain = {name: it for name, it in of.items() if isinstance(it, str | int | float | bool)}
    return plain | {f"{name} kept": len(it) for name, it in of.items() if isinstance(it, list)}


def _rows(path: Path, what: str) -> list[dict[str, str]]:
    try:
        return list(csv_records(text_of(path, what)))
    except ValueError:
        raise damaged(path, what) from None


def _number(text: str) -> float | None:
    """Return a number that a CSV holds, None where it is empty or not finite."""
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None
