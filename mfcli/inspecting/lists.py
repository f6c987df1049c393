"""Tables of lists, scores, vectors, changes and metrics by user, in any format they come in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mfcli.inspecting.found import damaged, found, unknown
from mfcli.results import InspectResult

# What a table is called by its first columns.
KINDS: dict[tuple[str, ...], str] = {
    ("user_id", "item_id", "rank"): "recommendations",
    ("user_id", "item_id", "score"): "scores of pairs",
    ("item_id", "similar_id", "rank"): "similar items",
    ("user_id", "similar_id", "rank"): "similar users",
    ("user_id", "change"): "changes of users' lists",
    ("item_id", "change"): "changes of items' lists",
    ("user_id", "test_rows"): "metrics by user",
    ("user_id", "bias", "factors"): "vectors of users",
    ("item_id", "bias", "factors"): "vectors of items",
}


def kind_of(columns: Sequence[str]) -> str | None:
    """Return what a table with these columns is, None where it is none of ours."""
    return next(
        (kind for begin, kind in KINDS.items() if tuple(columns[: len(begin)]) == begin), None
    )


def describe_table(path: Path) -> InspectResult:
    """Describe a table of results; raises InputError for any other table."""
    from mfcli.artifacts.tables.reading import read_columns

    form, table = read_columns(path, None)
    kind = kind_of(table.column_names)
    if kind is None:
        raise unknown(path)
    try:
        return _described(path, kind, str(form), table)
    except pa.ArrowException:
        raise damaged(path, f"table of {kind}") from None


def _described(path: Path, kind: str, form: str, table: pa.Table) -> InspectResult:
    names = table.column_names
    details: dict[str, Any] = {
        "format": form,
        "rows": table.num_rows,
        "columns": ", ".join(names),
    }
    for name in names[:2]:
        if name.endswith("_id"):
            details[f"different {name}"] = len(table[name].unique())
    if names[1] == "change":
        counted = table["change"].value_counts().to_pylist()
        details |= {entry["values"]: entry["counts"] for entry in counted}
    if "factors" in names:
        details["factors"] = table.schema.field("factors").type.list_size
    return found(path, kind, details, metrics=_means(table) if kind == "metrics by user" else {})


def _means(table: pa.Table) -> dict[str, float]:
    """Return the mean over users of each metric, of those who define it."""
    import pyarrow.compute as pc

    means = {}
    for name in table.column_names[2:]:
        column = table[name].cast(pa.float64())
        mean = pc.mean(column.filter(pc.is_finite(column))).as_py()
        if mean is not None:
            means[name] = mean
    return means
