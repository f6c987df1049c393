"""Interactions, models, and trainings that were interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import load_interactions
from mfcli.artifacts.meta import lineage_of, warnings_of
from mfcli.config.options import flag
from mfcli.data.times import span_of
from mfcli.errors import InputError
from mfcli.inspecting.found import found
from mfcli.results import InspectResult

MAX_BARS = 20


def describe_matrix(path: Path) -> InspectResult:
    """Describe an interactions.npz; raises InputError for a damaged one."""
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
    return found(
        path,
        "interactions",
        details,
        histogram=histogram(matrix.data),
        lineage=lineage_of(meta),
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


def describe_checkpoint(path: Path) -> InspectResult:
    """Describe a model.pt or a model.pt.resume; raises InputError for a damaged one."""
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
    return found(
        path,
        meta["kind"],
        details,
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
        "items": _n_ids(document["item_ids"]),
        "ratings": len(document["seen_indices"]),
        "range of ratings": document["rating_range"],
        "mean rating": document["rating_mean"],
        "epochs": len(document["history"]),
        "split_id": meta.get("split_id"),
        "fold": meta.get("fold"),
        "options by the data": ", ".join(map(flag, meta.get("by_data", ()))) or None,
        "warnings": [warning.message for warning in warnings_of(meta)] or None,
    }


def _n_ids(packed: dict[str, Any]) -> int:
    """Return how many ids a checkpoint holds: int64, or texts by their offsets."""
    return len(packed["int64"]) if "int64" in packed else len(packed["offsets"]) - 1


# Kind of a checkpoint → what holds its weights and its history, and what is said of it.
_DETAILS = {"model": _model_details, "resume": _resume_details}
