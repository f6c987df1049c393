"""A trained model over another catalogue: what it knows moves along with the ids."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog
from mfcli.data.rows import CsrRows, rows_from_keys
from mfcli.errors import InputError
from mfcli.models.tables import Tables

SQUARE = "item_weights"  # of ease: items × items


@dataclass(frozen=True, eq=False)
class Places:
    """Where the rows of one catalogue lie in another, matched by the ids' values.

    users: (U,) and items: (I,) int64, −1 for what the other one does not have.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]

    @classmethod
    def of(cls, catalog: Catalog, within: Catalog) -> Places:
        """Match the ids; those of two types are matched as they are written."""
        return cls(
            encode(catalog.user_ids, within.user_ids)[0],
            encode(catalog.item_ids, within.item_ids)[0],
        )

    def keys(self, seen: CsrRows, n_items: int) -> NDArray[np.int64]:
        """Return the pairs of ``seen`` as keys ``user * n_items + item`` of the other catalogue.

        Ascending and without doubles; pairs of which it lacks the user or the item are left out.
        """
        users = np.repeat(self.users, seen.lengths)
        items = self.items[seen.indices]
        there = (users >= 0) & (items >= 0)
        return np.unique(users[there] * n_items + items[there])


def relaid(
    checkpoint: Checkpoint, catalog: Catalog, places: Places, name: Path | str = "the model"
) -> Checkpoint:
    """Return a model over ``catalog``, which need not have its users, and may have more of both.

    places: of the model's catalogue within ``catalog``. Users and items that the model does not
    have are as those without a row in train: known terms count. The counts of items stay those of
    train, also of users who are left out. Raises InputError, which names the model, where its
    weights do not fit it.
    """
    try:
        old = Tables.of(checkpoint.model_args, checkpoint.weights)
    except ValueError as error:
        raise InputError(f"{name}: is damaged ({error}): train it anew") from None
    n_users, n_items = len(catalog.user_ids), len(catalog.item_ids)
    args = dataclasses.replace(checkpoint.model_args, n_users=n_users, n_items=n_items)
    new = Tables.zeros(args)
    for names, of_side in ((old.user_names, places.users), (old.item_names, places.items)):
        there = of_side >= 0
        for weight in names:
            table = old.weights[weight][there]
            if weight == SQUARE:
                new.weights[weight][np.ix_(of_side[there], of_side[there])] = table[:, there]
            else:
                new.weights[weight][of_side[there]] = table
    for weight in old.weights.keys() - {*old.user_names, *old.item_names}:
        new.weights[weight][...] = old.weights[weight]
    seen = rows_from_keys(places.keys(checkpoint.seen, n_items), n_users, n_items)
    counts = np.zeros(n_items, np.int64)
    counts[places.items[places.items >= 0]] = checkpoint.item_counts[places.items >= 0]
    new.settle_unknown(seen.lengths > 0, counts > 0)
    return dataclasses.replace(
        checkpoint,
        model_args=args,
        weights=new.weights,
        catalog=catalog,
        seen_indptr=seen.indptr,
        seen_indices=seen.indices,
        train_counts=counts,
    )
