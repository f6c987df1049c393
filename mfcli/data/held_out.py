"""What validation and test sets have to be: of the same split, and no part of train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mfcli.data.interactions import Catalog, Interactions
from mfcli.data.rows import CsrRows
from mfcli.errors import InputError


def check_held_out(
    held_out: Interactions,
    path: Path | str,
    train_meta: dict[str, Any],
    catalog: Catalog,
    seen: CsrRows,
    train_path: Path | str,
) -> None:
    """Refuse, with InputError, a validation or test set that does not belong to the training data.

    Both must have one catalogue and no common entry, and come from one split; a set without a
    split_id (made elsewhere over the same ids) is taken.
    """
    if not held_out.catalog.same_ids(catalog):
        raise InputError(
            f"{path}: its users and items are not those of {train_path}: take both files from "
            "one split"
        )
    for name in ("split_id", "fold"):
        theirs, ours = held_out.meta.get(name), train_meta.get(name)
        if theirs is not None and ours is not None and theirs != ours:
            raise InputError(
                f"{path}: belongs to another split than {train_path} ({name} {theirs}, not {ours})"
            )
    if common := count_common(seen, held_out):
        raise InputError(
            f"{path}: {common} of its {held_out.n_ratings} ratings are in the training data as "
            "well: measure on held-out rows, made with mfcli split"
        )
    if not held_out.n_ratings:
        raise InputError(f"{path}: holds no ratings")


def count_common(seen: CsrRows, held_out: Interactions) -> int:
    """Return how many user and item pairs of ``held_out`` are among the ``seen``."""
    if not len(seen.indices):
        return 0
    known, asked = seen.keys(held_out.n_items), held_out.rows.keys(held_out.n_items)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return int((known[place] == asked).sum())
