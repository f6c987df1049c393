"""``mfcli inspect``: what is in any file that mfcli wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import load_interactions, open_input
from mfcli.artifacts.folders import read_manifest
from mfcli.artifacts.meta import lineage_of, warnings_of
from mfcli.artifacts.splits import split_files
from mfcli.artifacts.unpacking import GZIP_MAGIC
from mfcli.config.options import flag
from mfcli.data.times import span_of
from mfcli.errors import InputError
from mfcli.results import InspectResult

MAX_BARS = 20

# The first three columns of a table, and what it is.
TABLES = {
    ("user_id", "item_id", "rank"): "recommendations",
    ("user_id", "item_id", "score"): "scores of pairs",
    ("item_id", "similar_id", "rank"): "similar items",
    ("user_id", "similar_id", "rank"): "similar users",
}


def inspect(path: Path) -> InspectResult:
    """Describe an interactions.npz, model.pt, model.pt.resume, metrics.json, a table or a folder.

    Raises InputError for a file of another kind, or a damaged one.
    """
    if path.is_dir():
        return _folder(path)
    with open_input(path) as stream:
        head = stream.read(64)
    for begins_like, describe in _KINDS:
        if begins_like(head):
            return describe(path)
    raise InputError(f"{path}: mfcli does not write files like this one")


def _matrix(path: Path) -> InspectResult:
    matrix = load_interactions(path)
    meta = matrix.meta
    details: dict[str, Any] = {
        "users": matrix.n_users,
        "items": matrix.n_items,
        "ratings": matrix.n_ratings,
        "density": matrix.n_ratings / max(1, matrix.n_users * matrix.n_items),
        "users with a rating": int((matrix.user_counts > 0).sum()),
        "items with a rating": int((matrix.item_counts > 0).sum()),
        "times": span_of(matrix),
        "item names": matrix.catalog.item_names is not None,
        "user ids": _kind(matrix.catalog.user_ids),
        "item ids": _kind(matrix.catalog.item_ids),
        "part": meta.get("part"),
        "fold": meta.get("fold"),
        "split_id": meta.get("split_id"),
        "schema": meta["schema"],
    }
    return InspectResult(
        path=str(path),
        kind="interactions",
        details=details,
        histogram=histogram(matrix.data),
        options={},
        lineage=lineage_of(meta),
        metrics={},
    )


def _kind(ids: NDArray[Any]) -> str:
    return "integers" if ids.dtype.kind == "i" else "strings"


def histogram(ratings: NDArray[np.float32]) -> dict[str, int]:
    """Count ratings by value, or in 20 equal bins where there are more values than that."""
    if not len(ratings):
        return {}
    values, counts = np.unique(ratings, return_counts=True)
    if len(values) <= MAX_BARS:
        return {f"{value:g}": int(n) for value, n in zip(values, counts, strict=True)}
    counts, edges = np.histogram(ratings, bins=MAX_BARS)
    return {
        f"{low:g} to {high:g}": int(n)
        for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
    }


def _checkpoint(path: Path) -> InspectResult:
    from mfcli.artifacts.checkpoint import load_any

    document = load_any(path)
    try:
        return _described(path, document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error}): make it anew") from None


def _described(path: Path, document: dict[str, Any]) -> InspectResult:
    meta = document["meta"]
    state, details = _DETAILS[meta["kind"]](document)
    weights, history = state["weights"], state["history"]
    details["weights"] = {name: str(tuple(tensor.shape)) for name, tensor in weights.items()}
    details["schema"] = meta["schema"]
    last = history[-1] if history else {}
    metrics = {name: last[name] for name in ("train_loss", "valid_loss") if last.get(name)}
    metrics |= last.get("metrics", {})
    return InspectResult(
        path=str(path),
        kind=meta["kind"],
        details=details,
        histogram={},
        options=document["options"],
        lineage=lineage_of(meta),
        metrics=metrics,
    )


def _resume_details(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    state = document["state"]
    return state, {"stage": state["stage"] + 1, "epochs done": len(state["history"])}


def _model_details(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    meta = document["meta"]
    return document, {
        "users": len(document["seen_indptr"]) - 1,
        "ratings": len(document["seen_indices"]),
        "range of ratings": document["rating_range"],
        "mean rating": document["rating_mean"],
        "epochs": len(document["history"]),
        "split_id": meta.get("split_id"),
        "fold": meta.get("fold"),
        "options by the data": ", ".join(map(flag, meta.get("by_data", ()))) or None,
        "warnings": [warning.message for warning in warnings_of(meta)] or None,
    }


# Kind of a checkpoint → what holds its weights and its history, and what is said of it.
_DETAILS = {"model": _model_details, "resume": _resume_details}


def _metrics(path: Path) -> InspectResult:
    from mfcli.artifacts.metrics import load_metrics

    content = load_metrics(path)
    return InspectResult(
        path=str(path),
        kind="metrics",
        details=dict(content["counts"]),
        histogram={},
        options=content["protocol"],
        lineage=lineage_of(content["meta"]),
        metrics=content["metrics"],
    )


def _table(path: Path) -> InspectResult:
    from mfcli.artifacts.tables.reading import read_columns

    kind, table = read_columns(path, None)
    what = TABLES.get(tuple(table.column_names[:3]))
    if what is None:
        raise InputError(f"{path}: mfcli does not write files like this one")
    first, second = table.column_names[:2]
    details = {
        "format": str(kind),
        "rows": table.num_rows,
        "columns": ", ".join(table.column_names),
        f"different {first}": len(table[first].unique()),
        f"different {second}": len(table[second].unique()),
    }
    return InspectResult(
        path=str(path), kind=what, details=details, histogram={}, options={}, lineage=[], metrics={}
    )


def _folder(path: Path) -> InspectResult:
    """Describe a split by its parts, and a folder of parts, or an export, by its manifest."""
    found = read_manifest(path)
    if found is None and (parts := split_files(path)):
        return _split(path, parts)
    if found is None:
        raise InputError(f"{path}: mfcli does not write folders like this one")
    details = {
        "rows": found.get("rows"),
        "users": found.get("users"),
        "items": found.get("items"),
        "parts": len(found.get("parts", [])) or None,
        "factors": found.get("factors"),
        "model's sha256": found.get("model", {}).get("sha256"),
    }
    return InspectResult(
        path=str(path),
        kind=str(found.get("kind")),
        details=details,
        histogram={},
        options=found.get("options", {}),
        lineage=list(found.get("lineage", [])),
        metrics={},
    )


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
            f"{matrix.n_ratings:,} ratings, {users:,} users, {items:,} items"
        )
    if len(set(ids)) > 1:
        raise InputError(f"{path}: its files are of different splits: split anew")
    return InspectResult(
        path=str(path),
        kind="split",
        details=details | {"split_id": ids[0], "schema": first["schema"]},
        histogram={},
        options={},
        lineage=lineage_of(first),
        metrics={},
    )


# How tables of results begin: in CSV, JSON lines, gzip, Parquet.
_TABLE_HEADS = (
    *(f"{side}_id,".encode() for side in ("user", "item")),
    *(f'{{"{side}_id":'.encode() for side in ("user", "item")),
    GZIP_MAGIC,
    b"PAR1",
)
# How a file of a kind begins, and what describes it; the first one that fits.
_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[Path], InspectResult]], ...] = (
    (lambda head: head.startswith(_TABLE_HEADS), _table),
    (lambda head: head.lstrip().startswith(b"{"), _metrics),
    # torch's archives and NumPy's are both zip files; only NumPy's members end in .npy.
    (lambda head: head.startswith(b"PK") and b".npy" in head, _matrix),
    (lambda head: head.startswith(b"PK"), _checkpoint),
)
