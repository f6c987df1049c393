"""Held-out users of a test set, folded into a model from their history before it is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import EvaluateConfig, UnknownUsers
from mfcli.data.held_out import check_same_split, count_common
from mfcli.data.ids import encode
from mfcli.data.interactions import Interactions
from mfcli.data.rows import rows_from_keys
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned, ignore
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import fold_in
from mfcli.training.guards import check_rated


@dataclass(frozen=True, eq=False, kw_only=True)
class History:
    """What is known of a test set's users: their ``rows``, and what messages call them.

    rated: whether the rows have ratings. left_out: rows of users without a test row.
    """

    rows: Interactions
    name: str
    rated: bool
    left_out: int


def history_for(
    history: Interactions, test: Interactions, *, name: str, test_name: str, rated: bool
) -> History:
    """Return the rows of a history that are of users with a test row; ids are matched by value.

    Raises InputError for a history of another split, one that holds a test row, and one of other
    users.
    """
    check_same_split(history, name, test.meta, test_name)
    users, _ = encode(history.catalog.user_ids, test.catalog.user_ids)
    items, _ = encode(history.catalog.item_ids, test.catalog.item_ids)
    rows, columns = users[history.users], items[history.indices]
    known = (rows >= 0) & (columns >= 0)
    keys = np.unique(rows[known].astype(np.int64) * test.n_items + columns[known])
    if common := count_common(rows_from_keys(keys, test.n_users, test.n_items), test):
        raise InputError(
            f"{name}: holds {common} of the {test.n_ratings} rows of {test_name}: what is tested "
            "may not be known, so name the history of the same split"
        )
    tested = np.append(test.user_counts > 0, False)[rows]  # −1 is the last one
    if not tested.any():
        raise InputError(
            f"{name}: has no row of a user of {test_name}: history.npz belongs to test.npz, and "
            "valid-history.npz to valid.npz"
        )
    return History(rows=history.keep(tested), name=name, rated=rated, left_out=int((~tested).sum()))


def fold_newcomers(
    checkpoint: Checkpoint,
    history: History,
    test: Interactions,
    config: EvaluateConfig,
    *,
    on_event: OnEvent = ignore,
) -> tuple[Checkpoint, dict[str, int]]:
    """Return the model with the users of a history solved for, and what metrics.json counts.

    What the history says replaces what the model knew of a user; what it has seen is both. Users
    whose history holds no item that the model knows are as unknown as without one. Raises what
    ``fold_in`` raises, and InputError for a history without ratings where these are predicted.
    """
    check_rated(checkpoint, history.rated, history.name)
    folded = fold_in(checkpoint, history.rows, config.workers or available_workers())
    # Of whom neither train nor the history knows anything.
    unknown = folded.checkpoint.user_counts[: test.n_users] == 0
    useless = int((unknown & (test.user_counts > 0)).sum())
    if folded.untrained_rows:
        on_event(
            Noted(
                f"{history.name}: {folded.untrained_rows} rows are of items without a rating in "
                "train: they count as seen, and say nothing of a user"
            )
        )
    if useless:
        on_event(
            Warned(
                WarningCode.cold,
                f"{history.name}: {useless} users of the test set have no item there that the "
                f"model knows: they {_FATES[config.unknown_users]}",
            )
        )
    counts = {
        "users_folded_in": len(folded.users),
        "history_rows": history.rows.n_ratings,
        "history_rows_untrained_item": folded.untrained_rows + folded.unknown_rows,
        "history_rows_of_others": history.left_out,
        "users_without_history": useless,
    }
    return folded.checkpoint, counts


_FATES = {
    UnknownUsers.popular: "are ranked by the popular items",
    UnknownUsers.skip: "are left out of ranking metrics",
    UnknownUsers.error: "are refused",
}
