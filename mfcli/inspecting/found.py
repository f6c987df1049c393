"""What is said of a file: an ``InspectResult`` of which most is empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mfcli.artifacts import open_input
from mfcli.errors import InputError
from mfcli.results import InspectResult

MOST_TEXT = 1 << 28  # bytes of a text that is read whole


def found(
    path: Path,
    kind: str,
    details: dict[str, Any],
    *,
    histogram: dict[str, int] | None = None,
    options: dict[str, Any] | None = None,
    lineage: list[dict[str, Any]] | None = None,
    metrics: dict[str, float] | None = None,
) -> InspectResult:
    """Return what was found in a file of a kind."""
    return InspectResult(
        path=str(path),
        kind=kind,
        details=details,
        histogram=histogram or {},
        options=options or {},
        lineage=lineage or [],
        metrics=metrics or {},
    )


def unknown(path: Path) -> InputError:
    """Return the error of what mfcli did not write: what it can read, in one line."""
    return InputError(
        f"{path}: mfcli wrote no such thing: inspect reads interactions and splits (.npz), models "
        "and interrupted trainings (.pt), metrics.json, tables of lists, scores and changes, "
        "settings, trials and histories, manifests, logs, reports, and folders of these"
    )


def damaged(path: Path, what: str) -> InputError:
    """Return the error of a file that begins like one of ours, and is none."""
    return InputError(f"{path}: is damaged, or no {what} of mfcli: make it anew")


def text_of(path: Path, what: str) -> str:
    """Return a file as text; raises InputError where it is none, or too long to be read whole."""
    with open_input(path) as stream:
        content = stream.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise InputError(f"{path}: is too long to be a {what} of mfcli")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise damaged(path, what) from None
