"""Documents of JSON: metrics, manifests, and the status of the last night."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mfcli.artifacts.manifest import MADE_BY
from mfcli.artifacts.meta import is_plain, lineage_of
from mfcli.artifacts.metrics import TABLES, load_metrics
from mfcli.data.times import shown_time
from mfcli.inspecting.found import damaged, found, text_of, unknown
from mfcli.nights.generations import KIND
from mfcli.results import InspectResult


def describe_document(path: Path) -> InspectResult:
    """Describe a document by what it holds; raises InputError for one that is not ours."""
    try:
        document = json.loads(text_of(path, "document"))
    except (ValueError, RecursionError):
        raise damaged(path, "document") from None
    if not isinstance(document, dict) or not is_plain(document):
        raise damaged(path, "document")
    for is_one, describe in _KINDS:
        if is_one(document):
            try:
                return describe(path, document)
            except (KeyError, TypeError, AttributeError, ValueError):
                raise damaged(path, "document") from None
    raise unknown(path)


def _metrics(path: Path, _: Mapping[str, Any]) -> InspectResult:
    content = load_metrics(path)
    details = dict(content["counts"])
    for name in ("models", "folds", "repeats"):
        if content.get(name):
            details[name] = len(content[name])
    return found(
        path,
        "metrics",
        details,
        options=content["protocol"],
        lineage=lineage_of(content["meta"]),
        metrics=content["metrics"],
    )


def describe_generation(path: Path, document: Mapping[str, Any]) -> InspectResult:
    """Describe a generation by its manifest."""
    figures = document["figures"]
    counts = {name: it for name, it in figures.items() if isinstance(it, str | int | float)}
    gates = document.get("gates") or []
    details = {
        "number": document["number"],
        "as of": document.get("as_of"),
        "published": shown_time(int(document["times"]["published"])),
        "the one before": document.get("last"),
        **counts,
        "gates passed": sum(bool(gate.get("passed")) for gate in gates),
        "files": list(document["files"]),
        "bytes": sum(int(entry["bytes"]) for entry in document["files"].values()),
        "forgotten users": document.get("forgotten"),
        "mfcli": document.get("mfcli"),
    }
    metrics = figures.get("metrics") or {}
    return found(path, "generation", details, metrics=dict(metrics))


def _manifest(path: Path, document: Mapping[str, Any]) -> InspectResult:
    """Describe a manifest beside a file, and that of a folder, by its counts and its lineage."""
    kind = str(document["kind"])
    plain = {
        name: it
        for name, it in document.items()
        if isinstance(it, str | int | float) and name not in ("made_by", "kind")
    }
    details = {**document.get("counts", {}), **plain, "parts": len(document.get("parts", []))}
    lineage = list(document.get("lineage", []))
    return found(
        path,
        f"manifest of {kind}",
        details,
        options=document.get("options", {}),
        lineage=lineage,
    )


def _status(path: Path, document: Mapping[str, Any]) -> InspectResult:
    names = ("status", "exit_status", "reason", "generation", "as_of", "current", "last")
    gates = document.get("gates") or []
    figures = document.get("figures") or {}
    counts = {name: it for name, it in figures.items() if isinstance(it, str | int | float)}
    details = {
        **{name.replace("_", " "): document.get(name) for name in names},
        **document.get("times", {}),
        **counts,
        "gates passed": sum(bool(gate.get("passed")) for gate in gates),
        "refused by": [gate["sentence"] for gate in gates if not gate.get("passed")],
        "stages taken over": document.get("reused"),
        "warnings": [warning["text"] for warning in document.get("warnings", [])],
        "mfcli": document.get("mfcli"),
    }
    metrics = figures.get("metrics") or {}
    return found(path, "status of the last night", details, metrics=dict(metrics))


# What tells a document, and what describes it; the first one that fits.
_KINDS: tuple[
    tuple[
        Callable[[Mapping[str, Any]], bool],
        Callable[[Path, Mapping[str, Any]], InspectResult],
    ],
    ...,
] = (
    (lambda it: (it.get("made_by"), it.get("kind")) == (MADE_BY, KIND), describe_generation),
    (lambda it: it.get("made_by") == MADE_BY, _manifest),
    (lambda it: set(TABLES) <= it.keys(), _metrics),
    (lambda it: {"status", "exit_status", "times"} <= it.keys(), _status),
)
