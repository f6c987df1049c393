"""What is in a file, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mfcli.console.cells import facts_sheet, flags, options_sheet, shown
from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.results import InspectResult
from mfcli.wording import duration, size

_BAR = 40  # columns of the longest bar


# Details that have a unit: under which name they are shown, and how.
_UNITS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "seconds": ("time", duration),
    "bytes": ("size", size),
    "range of ratings": ("range of ratings", lambda ends: f"{ends[0]:g} to {ends[-1]:g}"),
}


def inspect_sheets(result: InspectResult) -> list[Sheet]:
    """Return what a file is and holds, its options, and the steps that led to it."""
    details = {}
    for name, value in result.details.items():
        shown_as, in_words = _UNITS.get(name, (name, shown))
        details[shown_as] = None if value is None else in_words(value)
    sheets = [facts_sheet(f"{result.kind}: {result.path}", details)]
    if result.histogram:
        sheets.append(_histogram(result.histogram))
    if result.options:
        measured = result.kind == "metrics"  # what was measured how is no option
        title, options = ("protocol", dict) if measured else ("options", flags)
        sheets.append(options_sheet(title, options(result.options)))
    if result.metrics:
        sheets.append(facts_sheet("metrics", result.metrics))
    return [*sheets, *_steps(result)]


def _steps(result: InspectResult) -> Iterator[Sheet]:
    """Yield the steps that led to a file; of the last one, what the options do not say already."""
    for number, step in enumerate(result.lineage, 1):
        options = step.get("options", {})
        if number == len(result.lineage):
            options = {
                name: value
                for name, value in options.items()
                if name not in result.options or result.options[name] != value
            }
        sheet = options_sheet(f"made by {step.get('stage', '?')}", flags(options) | _inputs(step))
        if sheet.rows:
            yield sheet


def _histogram(counts: dict[str, int]) -> Sheet:
    """Return how often each value is there, with a bar where there is room for it."""
    most = max(counts.values())
    columns = [Column("rating", Kind.label), Column("count"), Column(kind=Kind.label, spare=1)]
    rows = [
        [value, shown(count), "█" * round(_BAR * count / most)] for value, count in counts.items()
    ]
    return Sheet("ratings", columns, rows)


def _inputs(step: dict[str, Any]) -> dict[str, str]:
    """Return one line an input of a step: its part in it, its name where known, its SHA-256."""
    inputs: dict[str, str] = {}
    for of in step.get("inputs", []):
        role = base = f"input: {of.get('role') or of.get('name') or 'matrix'}"
        number = 1
        while role in inputs:
            number += 1
            role = f"{base} {number}"
        name = f"{of['name']}, " if of.get("name") and of.get("role") else ""
        inputs[role] = f"{name}sha256 {of.get('sha256')}"
    return inputs
