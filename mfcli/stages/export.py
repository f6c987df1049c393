"""``mfcli export``: model.pt → factors, biases and ids as Parquet, for a store or an ANN index."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, flush, output_lock
from mfcli.artifacts.folders import META, building_place, publish, real_folder, remove_tree
from mfcli.artifacts.meta import lineage_of
from mfcli.artifacts.tables.table import arrow_array
from mfcli.data.interactions import Ids
from mfcli.models.loading import load_model, vectors_of
from mfcli.results import ExportResult, OnEvent, Progress, Started, ignore

GROUP_ROWS = 1 << 16


def export(model: Path, out: Path, on_event: OnEvent = ignore) -> ExportResult:
    """Write items.parquet, users.parquet and meta.json to a folder, whole or not at all.

    score = ⟨user, item⟩ + bias of the user + bias of the item + mean. Raises UsageError for a model
    whose score is something else, InputError, LockedError.
    """
    began = time.perf_counter()
    target = real_folder(out)
    building = building_place(target)
    with output_lock(out):
        loaded = load_model(model)
        vectors = vectors_of(loaded, model, "export")
        catalog = loaded.checkpoint.catalog
        on_event(Started("export", 2, "files"))
        remove_tree(building)
        building.mkdir(parents=True)
        try:
            item = (catalog.item_ids, vectors.items, vectors.item_bias, catalog.item_names)
            _write(building / "items.parquet", "item_id", *item)
            on_event(Progress(1, 2))
            user = (catalog.user_ids, vectors.users, vectors.user_bias, None)
            _write(building / "users.parquet", "user_id", *user)
            on_event(Progress(2, 2))
            kind = str(loaded.checkpoint.options.get("model"))
            meta: dict[str, Any] = {
                "schema": 1,
                "kind": "export",
                "model": {"kind": kind, "sha256": file_sha256(model)},
                "score": "dot(user.factors, item.factors) + user.bias + item.bias + mean",
                "mean": vectors.mean,
                "factors": vectors.users.shape[1],
                "users": vectors.shape[0],
                "items": vectors.shape[1],
                "sha256": {
                    name: file_sha256(building / name)
                    for name in ("items.parquet", "users.parquet")
                },
                "lineage": lineage_of(loaded.checkpoint.meta),
            }
            publish(building, target, meta, name=META)
        except BaseException:
            remove_tree(building)
            raise
    n_users, n_items = vectors.shape
    return ExportResult(
        out=str(out),
        model=kind,
        n_users=n_users,
        n_items=n_items,
        factors=vectors.users.shape[1],
        seconds=time.perf_counter() - began,
    )


def _write(
    path: Path,
    name: str,
    ids: Ids,
    factors: NDArray[np.float32],
    bias: NDArray[np.float32],
    names: Ids | None,
) -> None:
    """Write a table of one side: id, bias, factors (a list of a fixed size), name where known."""
    width = factors.shape[1]
    fields = [
        pa.field(name, pa.int64() if ids.dtype.kind == "i" else pa.string(), nullable=False),
        pa.field("bias", pa.float32(), nullable=False),
        pa.field("factors", pa.list_(pa.float32(), width), nullable=False),
    ]
    if names is not None:
        fields.append(pa.field("name", pa.string(), nullable=False))
    schema = pa.schema(fields)
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(ids), GROUP_ROWS):
            part = slice(start, start + GROUP_ROWS)
            flat = pa.array(np.ascontiguousarray(factors[part]).reshape(-1))
            columns = [
                arrow_array(ids[part]),
                pa.array(bias[part]),
                pa.FixedSizeListArray.from_arrays(flat, width),
            ]
            if names is not None:
                columns.append(arrow_array(names[part]))
            writer.write_table(pa.table(columns, schema=schema), row_group_size=GROUP_ROWS)
    flush(path)
