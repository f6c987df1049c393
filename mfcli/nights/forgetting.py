"""A generation without some of its users: matrix, model, lists and manifest.

What was learnt from them is in the items' vectors still, as a sum over all users; nothing that is
a person's own stays: no id, no row, no vector, nothing seen, no list.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_entry,
    lineage_of,
    load_interactions,
    save_interactions,
)
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfcli.artifacts.folders import MANIFEST as PARTS_MANIFEST
from mfcli.artifacts.folders import exchange, remove_tree
from mfcli.artifacts.meta import document_text
from mfcli.artifacts.tables import Column, open_table
from mfcli.artifacts.tables.reading import read_columns
from mfcli.artifacts.tables.text import FORMULA
from mfcli.config.output import DELIMITED
from mfcli.data.filtering import without_users
from mfcli.errors import InputError, LockedError
from mfcli.nights.figures import figures_of
from mfcli.nights.generations import Generation, describe_files, write_manifest
from mfcli.nights.keeping import unread
from mfcli.nights.places import CHANGES, LISTS, MANIFEST, MATRIX, MODEL, Place
from mfcli.publishing.changes import read_counts
from mfcli.scoring.ids import IdIndex


@dataclass(frozen=True)
class Forgotten:
    """What went of a generation: users of the matrix, and rows of the lists."""

    name: str
    users: int
    list_rows: int


def forget(
    place: Place, generation: Generation, users: Collection[str], wait: float
) -> Forgotten | None:
    """Take users out of a generation, in one step; None where it has none of them.

    users: ids as they stand in the source. wait: seconds to wait for readers that hold it. Raises
    InputError for a generation that is damaged or would be empty, LockedError where a reader
    holds it still.
    """
    problem = generation.problem()
    if problem is not None:
        raise InputError(f"{problem}: nobody can be forgotten there: remove the generation")
    folder, made = generation.folder, place.trash / f"{generation.name}.without"
    remove_tree(made)
    made.mkdir(parents=True)
    _link_all(folder, made)
    found = _matrix(made, users)
    _model(made, users)
    listed = {*users, *found}  # as they are asked for, and as the matrix has them
    rows = sum(_lists(path, listed) for path in sorted(made.glob(f"{LISTS}*")))
    for path in made.glob(f"{CHANGES}.*"):
        users_taken_out(path, listed)
    n_users = len(found)
    if not n_users and not rows and describe_files(made) == generation.files:
        remove_tree(made)
        return None
    write_manifest(made, _document(generation, made, n_users, rows))
    with unread(folder, wait, declared=True) as free:
        if not free:
            remove_tree(made)
            raise LockedError(
                f"{folder}: a reader holds it: nobody is forgotten there yet: run again when it "
                "has ended, or with --wait SECONDS"
            )
        exchange(made, folder, place.trash / f"{generation.name}.old")
    remove_tree(place.trash)
    return Forgotten(generation.name, n_users, rows)


def _link_all(folder: Path, made: Path) -> None:
    """Give all files of a generation a second name; what changes is written anew."""
    for path in folder.rglob("*"):
        target = made / path.relative_to(folder)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.name != MANIFEST or path.parent != folder:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)


def _gone(ids: NDArray[Any], users: Collection[str], what: Path) -> NDArray[np.bool_]:
    """Return which of (U,) ids are among users; raises InputError where all of them are."""
    rows = IdIndex(ids).rows(list(users))
    gone = np.zeros(len(ids), bool)
    gone[rows[rows >= 0]] = True
    if len(gone) and gone.all():
        raise InputError(f"{what}: would be without a user: remove the generation's folder instead")
    return gone


def _with_step(meta: dict[str, Any], n_users: int) -> dict[str, Any]:
    step = lineage_entry("forget", {"users": n_users}, [])
    return meta | {"lineage": [*lineage_of(meta), step]}


def _matrix(folder: Path, users: Collection[str]) -> list[str]:
    """Take users out of the matrix; return their ids as it has them."""
    path = folder / MATRIX
    rows = load_interactions(path)
    gone = _gone(rows.catalog.user_ids, users, path)
    if gone.any():
        kept = without_users(rows, gone)
        save_interactions(path, kept.with_meta(_with_step(rows.meta, int(gone.sum()))))
    return [str(user) for user in rows.catalog.user_ids[gone]]


def _model(folder: Path, users: Collection[str]) -> None:
    path = folder / MODEL
    model = load_checkpoint(path)
    gone = _gone(model.catalog.user_ids, users, path)
    if gone.any():
        save_checkpoint(path, model_without(model, gone))


def model_without(model: Checkpoint, gone: NDArray[np.bool_]) -> Checkpoint:
    """Return a model without the users of a (U,) mask: ids, vectors and what they have seen."""
    lengths = np.diff(model.seen_indptr)
    entries = np.repeat(~gone, lengths)
    ends = np.concatenate([[0], np.cumsum(lengths[~gone])])
    catalog = model.catalog
    return dataclasses.replace(
        model,
        model_args=dataclasses.replace(model.model_args, n_users=int((~gone).sum())),
        weights={
            name: weight[~gone] if name.startswith("user_") else weight
            for name, weight in model.weights.items()
        },
        catalog=dataclasses.replace(catalog, user_ids=catalog.user_ids[~gone]),
        seen_indptr=ends.astype(model.seen_indptr.dtype),
        seen_indices=model.seen_indices[entries],
        meta=_with_step(model.meta, int(gone.sum())),
    )


def _lists(path: Path, users: Collection[str]) -> int:
    """Take the lists of users out of a file, or out of the parts of a folder; return the rows."""
    if not path.is_dir():
        return users_taken_out(path, users)
    document = json.loads((path / PARTS_MANIFEST).read_text("utf-8"))
    gone = 0
    for entry in document["parts"]:
        part = path / entry["name"]
        before = users_taken_out(part, users)
        if before:
            gone += before
            table = read_columns(part, ("user_id",))[1]
            held = len(pc.unique(table["user_id"]))
            entry |= {"rows": entry["rows"] - before, "users": held, "sha256": file_sha256(part)}
    document["rows"] = sum(entry["rows"] for entry in document["parts"])
    document["users"] = sum(entry["users"] for entry in document["parts"])
    document["model"] = {"sha256": file_sha256(path.parent / MODEL)}
    if gone:
        with atomic_file(path / PARTS_MANIFEST) as stream:
            stream.write(document_text(document).encode())
    return gone


def users_taken_out(path: Path, users: Collection[str]) -> int:
    """Take the lists of users out of one table, whatever its format; return the rows."""
    kind, table = read_columns(path, None)
    names = [*users]
    if kind in DELIMITED:  # as text, so that it is written as it was
        table = read_columns(path, table.column_names)[1]
        names += [f"'{user}" for user in users if re.match(FORMULA, user)]  # by --csv-safe
    ids = table["user_id"].cast(pa.string())
    kept = table.filter(pc.invert(pc.is_in(ids, pa.array(names, pa.string()))))
    gone = table.num_rows - kept.num_rows
    if gone:
        columns = [Column(field.name, _written(field.type)) for field in table.schema]
        with atomic_file(path) as stream, open_table(stream, kind, columns) as writer:
            cells = [_whole(kept[column.name].cast(column.type)) for column in columns]
            writer.append(writer.encode(cells))
    return gone


def _written(kind: Any) -> Any:
    """Return the type in which a column is written: that of recommend."""
    if pa.types.is_floating(kind):
        return pa.float32()
    return pa.string() if pa.types.is_large_string(kind) else kind


def _whole(column: Any) -> Any:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _document(generation: Generation, made: Path, n_users: int, rows: int) -> dict[str, Any]:
    """Return the manifest of a generation without some of its users."""
    before = generation.figures
    counted = figures_of(load_interactions(made / MATRIX))
    lists = made.glob(f"{LISTS}*")
    size = sum(it.stat().st_size for path in lists for it in _files_of(path))
    figures = dataclasses.replace(
        before,
        **{
            name: getattr(counted, name)
            for name in ("rows", "users", "items", "mean_rating", "deviation", "values")
        },
        rows_a_user=counted.rows_a_user,
        oldest=counted.oldest,
        newest=counted.newest,
        lists=None if before.lists is None else max(0, before.lists - n_users),
        list_rows=None if before.list_rows is None else before.list_rows - rows,
        list_bytes=size,
    )
    for path in made.glob(f"{CHANGES}.*"):
        figures = figures.with_changes(read_counts(path))
    document = {
        name: value
        for name, value in generation.document.items()
        if name not in ("made_by", "schema", "kind")
    }
    forgotten = int(document.get("forgotten", 0)) + n_users
    return document | {
        "figures": figures.to_json(),
        "files": describe_files(made),
        "forgotten": forgotten,
    }


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(it for it in path.iterdir() if it.is_file() and not it.name.startswith("_"))
