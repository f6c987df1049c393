"""The arrays of a model as a folder of Parquet files, for a store or an index of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, flush
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.folders import META, building_place, publish, real_folder, remove_tree
from mfcli.artifacts.meta import lineage_of
from mfcli.artifacts.tables.table import arrow_array
from mfcli.data.interactions import Ids
from mfcli.events import OnEvent, Progress, ignore
from mfcli.models.arrays import Vectors
from mfcli.system.refusals import naming

GROUP_ROWS = 1 << 16


class _Side(NamedTuple):
    """The users or the items of a model."""

    word: str  # user or item
    ids: Ids  # (N,)
    factors: NDArray[np.float32]  # (N, F)
    bias: NDArray[np.float32]  # (N,)
    names: Ids | None  # (N,)


def publish_arrays(
    out: Path, checkpoint: Checkpoint, vectors: Vectors, sha256: str, on_event: OnEvent = ignore
) -> None:
    """Write items.parquet, users.parquet and meta.json to a folder, whole or not at all.

    score = ⟨user, item⟩ + bias of the user + bias of the item + mean. ``sha256`` is that of the
    model's file. Hold the lock of ``out``.
    """
    target = real_folder(out)
    building = building_place(target)
    remove_tree(building)
    building.mkdir(parents=True)
    catalog = checkpoint.catalog
    sides = (
        _Side("item", catalog.item_ids, vectors.items, vectors.item_bias, catalog.item_names),
        _Side("user", catalog.user_ids, vectors.users, vectors.user_bias, None),
    )
    try:
        for done, side in enumerate(sides, 1):
            with naming(out):
                _write(building / _name(side), side)
            on_event(Progress(done, len(sides)))
        meta: dict[str, Any] = {
            "schema": 1,
            "kind": "export",
            "model": {"kind": str(checkpoint.model_args.model), "sha256": sha256},
            "score": "dot(user.factors, item.factors) + user.bias + item.bias + mean",
            "mean": vectors.mean,
            "rank_shrinkage": checkpoint.rank_shrinkage,
            "factors": vectors.users.shape[1],
            "users": vectors.shape[0],
            "items": vectors.shape[1],
            "sha256": {_name(side): file_sha256(building / _name(side)) for side in sides},
            "lineage": lineage_of(checkpoint.meta),
        }
        publish(building, target, meta, name=META)
    except BaseException:
        remove_tree(building)
        raise


def _name(side: _Side) -> str:
    return f"{side.word}s.parquet"


def _write(path: Path, side: _Side) -> None:
    """Write a table of one side: id, bias, factors (a list of a fixed size), name where known."""
    width = side.factors.shape[1]
    kind = pa.int64() if side.ids.dtype.kind == "i" else pa.string()
    fields = [
        pa.field(f"{side.word}_id", kind, nullable=False),
        pa.field("bias", pa.float32(), nullable=False),
        pa.field("factors", pa.list_(pa.float32(), width), nullable=False),
    ]
    if side.names is not None:
        fields.append(pa.field("name", pa.string(), nullable=False))
    schema = pa.schema(fields)
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, len(side.ids), GROUP_ROWS):
            part = slice(start, start + GROUP_ROWS)
            flat = pa.array(np.ascontiguousarray(side.factors[part]).reshape(-1))
            columns = [
                arrow_array(side.ids[part]),
                pa.array(side.bias[part]),
                pa.FixedSizeListArray.from_arrays(flat, width),
            ]
            if side.names is not None:
                columns.append(arrow_array(side.names[part]))
            writer.write_table(pa.table(columns, schema=schema), row_group_size=GROUP_ROWS)
    flush(path)
