"""What validation and test sets have to be: of the same split, and no part of train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mfcli.data.interactions import Catalog, Interactions
from mfcli.data.rows import CsrRows
from mfcli.errors import InputError
from mfcli.wording import counted, part_of


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
    check_same_split(held_out, path, train_meta, train_path)
    if str(held_out.meta.get("part")).endswith("history"):
        raise InputError(
            f"{path}: is the history of held-out users, which is folded in: name it with --history "
            "of evaluate or --valid-history of train, and measure on the rows beside it"
        )
    if common := count_common(seen, held_out):
        raise InputError(
            f"{path}: {part_of(common, held_out.n_ratings, 'rating', 'is', 'are')} in the training "
            "data as well: measure on held-out rows, made with mfcli split"
        )
    if not held_out.n_ratings:
        raise InputError(f"{path}: holds no ratings")


def check_history(
    history: Interactions, path: Path | str, held_out: Interactions, other: Path | str
) -> None:
    """Refuse, with InputError, a history that does not belong to the held-out rows of ``other``.

    Both must have one catalogue and come from one split, share no entry, and have a user in common.
    """
    if not history.catalog.same_ids(held_out.catalog):
        raise InputError(
            f"{path}: its users and items are not those of {other}: take both files from one split"
        )
    check_same_split(history, path, held_out.meta, other)
    if common := count_common(history.rows, held_out):
        raise InputError(
            f"{path}: holds {common} of the {counted(held_out.n_ratings, 'row')} of {other}: what "
            "is tested may not be known, so name the history of the same split"
        )
    if not (history.user_counts * held_out.user_counts).any():
        raise InputError(
            f"{path}: has no row of a user of {other}: history.npz belongs to test.npz, and "
            "valid-history.npz to valid.npz"
        )


def check_known(
    valid: Interactions, path: Path | str, train: Interactions, train_path: Path | str
) -> None:
    """Refuse, with InputError, validation rows of users of whom none has a row in train."""
    if not (valid.user_counts * train.user_counts).any():
        raise InputError(
            f"{path}: none of its users has a row in {train_path}, so it would say nothing of "
            "the model: give what is known of them with --valid-history"
        )


def check_same_split(
    rows: Interactions, path: Path | str, meta: dict[str, Any], other: Path | str
) -> None:
    """Refuse, with InputError, rows of another split or fold than the file ``other`` of a meta.

    Where one of them has no split_id there is nothing to compare.
    """
    for name in ("split_id", "fold"):
        theirs, ours = rows.meta.get(name), meta.get(name)
        if theirs is not None and ours is not None and theirs != ours:
            raise InputError(
                f"{path}: belongs to another split than {other} ({name} {theirs}, not {ours})"
            )


def count_common(seen: CsrRows, held_out: Interactions) -> int:
    """Return how many user and item pairs of ``held_out`` are among the ``seen``."""
    if not len(seen.indices):
        return 0
    known, asked = seen.keys(held_out.n_items), held_out.rows.keys(held_out.n_items)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return int((known[place] == asked).sum())
