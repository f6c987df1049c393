"""The ``.npz`` of interactions: SciPy's CSR file with ids, names, times and meta beside it."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from mfcli.artifacts.array_headers import Header, array_headers
from mfcli.artifacts.files import atomic_file, open_input
from mfcli.artifacts.manifest import Facts
from mfcli.artifacts.meta import from_json, lineage_of, to_json
from mfcli.artifacts.zips import EMPTY_ZIP_MAGIC, ZIP_MAGIC, check_members
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError, is_out_of_memory

Made = TypeVar("Made")

_OPTIONAL = ("timestamps", "item_names")
_REQUIRED = ("format", "shape", "data", "indices", "indptr", "user_ids", "item_ids", "meta")


def save_interactions(path: Path, interactions: Interactions, *, manifest: bool = False) -> None:
    """Write interactions whole or not at all; the same interactions give the same bytes.

    manifest: with ``path``.manifest.json beside them.
    """
    counts = {
        "users": interactions.n_users,
        "items": interactions.n_items,
        "rows": interactions.n_ratings,
    }
    facts = Facts("interactions", counts, lineage_of(interactions.meta))
    with atomic_file(path, facts.describe if manifest else None) as stream:
        write_interactions(stream, interactions)


def write_interactions(stream: IO[bytes], interactions: Interactions) -> None:
    """Write the ``.npz`` of interactions to a stream that can seek.

    Stored without compression: at 100 million ratings that writes 60 times and reads 8 times
    faster, for 2.4 times the size.
    """
    catalog = interactions.catalog
    arrays: dict[str, Any] = {
        "format": np.array(b"csr"),
        "shape": np.array([interactions.n_users, interactions.n_items], dtype=np.int64),
        "indptr": interactions.indptr,
        "indices": interactions.indices,
        "data": interactions.data,
        "user_ids": catalog.user_ids,
        "item_ids": catalog.item_ids,
        "meta": np.array(to_json(interactions.meta)),
    }
    if interactions.timestamps is not None:
        arrays["timestamps"] = interactions.timestamps
    if catalog.item_names is not None:
        arrays["item_names"] = catalog.item_names
    np.savez(stream, allow_pickle=False, **arrays)


def stored_bytes(interactions: Interactions) -> int:
    """Return about how many bytes a matrix takes on disk."""
    catalog = interactions.catalog
    arrays = (
        interactions.indptr,
        interactions.indices,
        interactions.data,
        interactions.timestamps,
        catalog.user_ids,
        catalog.item_ids,
        catalog.item_names,
    )
    return sum(array.nbytes for array in arrays if array is not None)


def matrix_headers(path: Path) -> dict[str, Header]:
    """Return the heads of a matrix's arrays, by name, without loading any; raises InputError."""
    with open_input(path) as stream:
        return _reading(path, lambda: _headers(stream))


def _headers(stream: IO[bytes]) -> dict[str, Header]:
    with zipfile.ZipFile(stream) as archive:
        check_members(archive, os.fstat(stream.fileno()).st_size, packed=True)
        return array_headers(archive, (*_REQUIRED, *_OPTIONAL))


def _arrays(stream: IO[bytes]) -> dict[str, Any]:
    names = _headers(stream)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in names}
    if "meta" in arrays:
        arrays["meta"] = str(arrays["meta"])  # raises for invalid Unicode
    return arrays


def _reading(path: Path | str, read: Callable[[], Made]) -> Made:
    """Call ``read``; whatever a parser says of bytes that are not as they should be: InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{path}: is damaged ({reason}): make it again") from None


def load_interactions(path: Path) -> Interactions:
    """Read and validate interactions; raises InputError for anything that is not whole."""
    with open_input(path) as stream:
        if stream.read(4) not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
            raise InputError(f"{path}: is not an .npz file: make one with mfcli fetch")
        stream.seek(0)
        return interactions_from(stream, path)


def is_matrix(path: Path) -> bool:
    """Tell whether a file is an ``.npz`` that mfcli wrote, or one that should be."""
    if path.suffix != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return True  # whoever loads it says what is wrong
    return "user_ids.npy" in names


def interactions_from(stream: IO[bytes], path: Path | str) -> Interactions:
    """Read and validate interactions from a stream that can seek and has a file number.

    Raises InputError, which calls the file ``path``, for anything that is not whole.
    """
    arrays = _reading(path, lambda: _arrays(stream))
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise InputError(
            f"{path}: has no {missing[0]}, so it was not made by mfcli fetch or mfcli split"
        )
    if arrays["format"].tobytes() != b"csr":
        raise InputError(f"{path}: is not a CSR matrix: make one with mfcli fetch")
    meta = from_json(arrays["meta"], str(path))
    try:
        interactions = Interactions(
            arrays["indptr"],
            arrays["indices"],
            arrays["data"],
            Catalog(arrays["user_ids"], arrays["item_ids"], arrays.get("item_names")),
            arrays.get("timestamps"),
            meta,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}: make the file again") from None
    if arrays["shape"].tolist() != [interactions.n_users, interactions.n_items]:
        raise InputError(f"{path}: its shape is not that of its ids: make the file again")
    return interactions
