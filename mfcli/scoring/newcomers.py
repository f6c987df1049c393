"""Held-out users of a test set, folded into a model from their history before it is measured."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import EvaluateConfig, UnknownUsers
from mfcli.data.building import from_codes
from mfcli.data.held_out import check_history
from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Interactions
from mfcli.events import Noted, OnEvent, Warned, ignore
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import fold_in
from mfcli.training.guards import check_rated
from mfcli.wording import counted


@dataclass(frozen=True, eq=False, kw_only=True)
class History:
    """What is known of a test set's users: their ``rows``, and what messages call them.

    rated: whether the rows have ratings. unknown: rows of ids that the test set's catalogue does
    not have; others: rows of users without a test row. Both are left out.
    """

    rows: Interactions
    name: str
    rated: bool
    unknown: int
    others: int


def history_for(
    history: Interactions, test: Interactions, *, name: str, test_name: str, rated: bool
) -> History:
    """Return the rows of a history that are of users with a test row; ids are matched by value.

    Raises InputError for a history of another split, one that holds a test row, and one of other
    users.
    """
    n_rows = history.n_ratings
    if not history.catalog.same_ids(test.catalog):
        history = _over(test.catalog, history)
    check_history(history, name, test, test_name)
    tested = (test.user_counts > 0)[history.users]
    return History(
        rows=history.keep(tested),
        name=name,
        rated=rated,
        unknown=n_rows - history.n_ratings,
        others=int((~tested).sum()),
    )


def _over(catalog: Catalog, rows: Interactions) -> Interactions:
    """Return the rows whose users and items a catalogue has, over its rows and columns."""
    users, _ = encode(rows.catalog.user_ids, catalog.user_ids)
    items, _ = encode(rows.catalog.item_ids, catalog.item_ids)
    of_user, of_item = users[rows.users], items[rows.indices]
    known = (of_user >= 0) & (of_item >= 0)
    found, _ = from_codes(of_user[known], of_item[known], rows.data[known], None, catalog)
    return found.with_meta(rows.meta)


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
                f"{history.name}: {counted(folded.untrained_rows, 'row is', 'rows are')} of items "
                "without a rating in train: they count as seen, and say nothing of a user"
            )
        )
    if useless:
        on_event(
            Warned(
                WarningCode.cold,
                f"{history.name}: "
                f"{counted(useless, 'user of the test set has', 'users of the test set have')} no "
                f"item there that the model knows: they {_FATES[config.unknown_users]}",
            )
        )
    counts = {
        "users_folded_in": len(folded.users),
        "history_rows": history.rows.n_ratings,
        "history_rows_untrained_item": folded.untrained_rows,
        "history_rows_of_unknown_ids": history.unknown,
        "history_rows_of_others": history.others,
        "users_without_history": useless,
    }
    return folded.checkpoint, counts


_FATES = {
    UnknownUsers.popular: "are ranked by the popular items",
    UnknownUsers.skip: "are left out of ranking metrics",
    UnknownUsers.error: "are refused",
}
