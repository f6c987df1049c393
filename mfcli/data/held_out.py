"""What validation and test sets have to be: of the same split, and no part of train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mfcli.data.interactions import Catalog, Interactions, SeenItems
from mfcli.errors import InputError


def check_held_out(
    held_out: Interactions,
    path: Path,
    train_meta: dict[str, Any],
    catalog: Catalog,
    seen: SeenItems,
    train_path: Path,
) -> None:
    """Refuse, with InputError, a validation or test set that does not belong to the training data.

    Both must have one catalogue and no common entry, and come from one split; a set without a
    split_id (made elsewhere over the same ids) is taken.
    """
    if not held_out.catalog.same_ids(catalog):
        raise InputError(
            f"{path}: its users and items are not those of {train_path}: take both from one split"
        )
    for name in ("split_id", "fold"):
        theirs, ours = held_out.meta.get(name), train_meta.get(name)
        if theirs is not None and ours is not None and theirs != ours:
            raise InputError(
                f"{path}: is of another split than {train_path} ({name} {theirs}, not {ours})"
            )
    if common := count_common(seen, held_out):
        raise InputError(
            f"{path}: {common} of its {held_out.n_ratings} ratings are in the training data as "
            "well: measure on held-out rows, made with mfcli split"
        )
    if not held_out.n_ratings:
        raise InputError(f"{path}: has no rating")


def count_common(seen: SeenItems, held_out: Interactions) -> int:
    """Return how many user and item pairs of ``held_out`` are among the ``seen``."""
    indptr, indices = seen
    if not len(indices):
        return 0
    width = np.int64(held_out.n_items)
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    known = users * width + indices  # sorted: rows ascend, items ascend within a row
    asked = held_out.users * width + held_out.indices
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return int((known[place] == asked).sum())
