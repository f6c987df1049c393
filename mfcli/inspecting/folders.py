"""Folders: splits, parts and exports, runs, generations, and all nights of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mfcli.artifacts import load_interactions
from mfcli.artifacts.folders import read_manifest
from mfcli.artifacts.meta import is_plain, lineage_of
from mfcli.artifacts.metrics import load_metrics
from mfcli.artifacts.splits import split_files
from mfcli.errors import InputError
from mfcli.inspecting.documents import describe_generation
from mfcli.inspecting.found import damaged, found, text_of, unknown
from mfcli.nights.generations import KIND, all_generations
from mfcli.nights.history import holds_nights
from mfcli.nights.places import MANIFEST, Place
from mfcli.nights.status import read_status
from mfcli.report.folder import EVALUATED, FILES
from mfcli.results import InspectResult
from mfcli.wording import counted

Describe = Callable[[Path], InspectResult]
_MATRIX = "interactions.npz"


def describe_folder(path: Path, describe: Describe) -> InspectResult:
    """Describe a folder of ours by what lies in it; raises InputError for any other.

    describe: what describes a file in it.
    """
    if (manifest := read_manifest(path)) is not None:
        return _written(path, manifest)
    if (path / MANIFEST).is_file():
        return _generation(path)
    if holds_nights(path):
        return _nights(path)
    if any((path / name).is_file() for name in (*FILES, EVALUATED)):
        return _run(path, describe)
    if parts := split_files(path):
        return _split(path, parts)
    raise unknown(path)


def _written(path: Path, manifest: dict[str, Any]) -> InspectResult:
    """Describe a folder of parts, or an export, by its manifest."""
    details = {
        "rows": manifest.get("rows"),
        "users": manifest.get("users"),
        "items": manifest.get("items"),
        "parts": len(manifest.get("parts", [])) or None,
        "factors": manifest.get("factors"),
        "model's sha256": manifest.get("model", {}).get("sha256"),
    }
    return found(
        path,
        str(manifest.get("kind")),
        details,
        options=manifest.get("options", {}),
        lineage=list(manifest.get("lineage", [])),
    )


def _generation(path: Path) -> InspectResult:
    file = path / MANIFEST
    try:
        document = json.loads(text_of(file, "manifest"))
        if document["kind"] != KIND or not is_plain(document):
            raise ValueError
        return describe_generation(path, document)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise damaged(file, "manifest of a generation") from None


def _nights(path: Path) -> InspectResult:
    place = Place(path)
    there, status = all_generations(place), read_status(place)
    details: dict[str, Any] = {
        "generations": len(there),
        "current": place.current_name(),
        "last run": status.get("status"),
        "reason": status.get("reason"),
    }
    for it in there:
        details[it.name] = {
            name: value
            for name in ("rows", "users", "items", "lists")
            if (value := getattr(it.figures, name)) is not None
        }
    return found(path, "nights", details, metrics=dict(there[-1].figures.metrics if there else {}))


def _run(path: Path, describe: Describe) -> InspectResult:
    """Describe the files of a run, each in short, with the metrics and how it was made."""
    details: dict[str, Any] = {}
    lineage: list[dict[str, Any]] = []
    names = dict.fromkeys((_MATRIX, EVALUATED, *FILES))
    for name in names:
        if (path / name).is_file():
            of = describe(path / name)
            details[name] = {it: of.details[it] for it in _IN_SHORT if of.details.get(it)}
            lineage = of.lineage if len(of.lineage) > len(lineage) else lineage
    if parts := split_files(path / "split"):
        details["split"] = [str(part.relative_to(path / "split")) for part in parts]
    for kind in ("fold", "repeat"):
        if runs := sorted(it.name for it in path.glob(f"{kind}[0-9]*") if it.is_dir()):
            details[f"{kind}s"] = len(runs)
    metrics = path / "metrics.json"
    measured = load_metrics(metrics)["metrics"] if metrics.is_file() else {}
    return found(path, "run", details, lineage=lineage, metrics=measured)


# Of the details of a file, what a line on it says.
_IN_SHORT = ("users", "items", "ratings", "rows", "epochs", "different user_id")


def _split(path: Path, files: list[Path]) -> InspectResult:
    details: dict[str, Any] = {}
    first: dict[str, Any] = {}
    ids = []
    for file in files:
        matrix = load_interactions(file)
        first = first or matrix.meta
        ids.append(matrix.meta.get("split_id"))
        if not details:
            details |= {"users": matrix.n_users, "items": matrix.n_items}
        users = int((matrix.user_counts > 0).sum())
        items = int((matrix.item_counts > 0).sum())
        details[str(file.relative_to(path))] = (
            f"{counted(matrix.n_ratings, 'rating')}, {counted(users, 'user')}, "
            f"{counted(items, 'item')}"
        )
    if len(set(ids)) > 1:
        raise InputError(f"{path}: its files are of different splits: split anew")
    details |= {"split_id": ids[0], "schema": first["schema"]}
    return found(path, "split", details, lineage=lineage_of(first))
