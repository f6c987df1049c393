"""Rows that are later than a model: ids are matched by value, and what is in train is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import EvaluateConfig
from mfcli.config.split import parse_time
from mfcli.data.building import from_codes
from mfcli.data.held_out import count_common
from mfcli.data.ids import encode, of_two_types
from mfcli.data.interactions import Catalog, Ids, Interactions
from mfcli.data.times import shown_time, span_of
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned, ignore
from mfcli.models.relaid import Places, relaid
from mfcli.wording import counted


@dataclass(frozen=True, eq=False, kw_only=True)
class Beside:
    """What is known of a model beside later rows.

    items:  (I,) whether the model's matrix has the item; no other can stand in its lists.
    counts: what metrics.json counts.
    """

    items: NDArray[np.bool_]
    counts: dict[str, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class ChosenRows:
    """The rows that models are measured on.

    rows:   of later data over the users of its file, and the items of the models and the file.
    counts: what was left out of the file.
    later:  whether ids are matched by value; else models and rows have one catalogue.
    """

    rows: Interactions
    counts: dict[str, int] = field(default_factory=dict)
    later: bool = False

    def beside(self, checkpoint: Checkpoint, name: str) -> tuple[Checkpoint, Beside | None]:
        """Return a model laid out as the rows are, and what there is to count of it."""
        if not self.later:
            return checkpoint, None
        rows = self.rows
        places = Places.of(checkpoint.catalog, rows.catalog)
        users, items = (
            _marked(found, size)
            for found, size in ((places.users, rows.n_users), (places.items, rows.n_items))
        )
        of_users, of_items = rows.user_counts > 0, rows.item_counts > 0
        counts = {
            "users_matched": int((of_users & users).sum()),
            "users_new": int((of_users & ~users).sum()),
            "items_matched": int((of_items & items).sum()),
            "items_new": int((of_items & ~items).sum()),
        }
        laid = relaid(checkpoint, rows.catalog, places, name)
        return laid, Beside(items=items, counts=counts)


def _marked(places: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    found = np.zeros(size, np.bool_)
    found[places[places >= 0]] = True
    return found


def choose_rows(
    test: Interactions,
    models: Iterable[tuple[str, Checkpoint]],
    config: EvaluateConfig,
    *,
    folded: bool = False,
    name: str = "the test set",
    on_event: OnEvent = ignore,
) -> ChosenRows:
    """Return the rows of ``test`` to measure ``models`` on, each given by its name and checkpoint.

    A part of a split is taken as it is. Other data is later data where it has other ids than a
    model, or rows that are in a model's train: these are left out for all models, so that all are
    measured on the same rows. ``config.since`` leaves out earlier rows of either.

    folded: whether users are folded in from a history, who need not be the model's. Raises
    InputError where no row is left, where ``since`` finds no times, and for data without an item or
    a user in common with a model.
    """
    kept = test if config.since is None else _since(test, config.since, name)
    counts = {} if config.since is None else {"rows_before_since": test.n_ratings - kept.n_ratings}
    if test.meta.get("split_id") is not None:
        return ChosenRows(rows=kept, counts=counts)
    checkpoints = list(models)
    if all(_fits(checkpoint, kept) for _, checkpoint in checkpoints):
        return ChosenRows(rows=kept, counts=counts)
    for whose, checkpoint in checkpoints:
        _compare_ids(test.catalog, checkpoint.catalog, (name, whose), on_event, folded=folded)
    rows = _over(_common_catalog(test.catalog, [it.catalog for _, it in checkpoints]), kept)
    seen = [
        Places.of(checkpoint.catalog, rows.catalog).keys(checkpoint.seen, rows.n_items)
        for _, checkpoint in checkpoints
    ]
    left = rows.keep(~np.isin(rows.rows.keys(rows.n_items), np.concatenate(seen)))
    if not left.n_ratings:
        raise InputError(
            f"{name}: {counted(rows.n_ratings, 'row')}, and all are in the training data as well: "
            "measure on later rows, or on held-out ones, made with mfcli split"
        )
    counts["rows_in_train"] = rows.n_ratings - left.n_ratings
    on_event(
        Noted(
            f"{name}: is no part of a split, so its ids are matched by value, and "
            f"{counts['rows_in_train']:,} of its {counted(rows.n_ratings, 'row')}, which are in "
            "train, are left out"
        )
    )
    return ChosenRows(rows=left, counts=counts, later=True)


def _since(test: Interactions, since: str, name: str) -> Interactions:
    """Return the rows from a time on; raises InputError where there are none."""
    if test.timestamps is None:
        raise InputError(f"{name}: has no times, which --since needs")
    start = parse_time(since, "--since")
    kept = test.keep(test.timestamps >= start)
    if test.n_ratings and not kept.n_ratings:
        raise InputError(
            f"{name}: no row is from {shown_time(start)} or later, its times run from "
            f"{span_of(test)}: give an earlier --since"
        )
    return kept


def _fits(checkpoint: Checkpoint, test: Interactions) -> bool:
    """Tell whether rows can be measured as they are: of the model's ids, and not in its train."""
    return checkpoint.catalog.same_ids(test.catalog) and not count_common(checkpoint.seen, test)


def _compare_ids(
    test: Catalog, model: Catalog, names: tuple[str, str], on_event: OnEvent, *, folded: bool
) -> None:
    """Refuse data that has nothing in common with a model; warn of ids of two types."""
    name, whose = names
    for what, ours, theirs in (
        ("user", test.user_ids, model.user_ids),
        ("item", test.item_ids, model.item_ids),
    ):
        matched = int((encode(ours, theirs)[0] >= 0).sum())
        if not matched and not (what == "user" and folded):
            raise InputError(
                f"{name}: has no {what} in common with {whose}, whose ids are matched by value "
                f"({_first(ours)}, there {_first(theirs)}): take data of the same shop"
            )
        odd = of_two_types(what, ours, theirs, matched, whose)
        if odd is not None:
            on_event(Warned(WarningCode.id_type, f"{name}: {odd}"))


def _first(ids: Ids) -> str:
    return f"such as {ids[0]}" if len(ids) else "there are none"


def _common_catalog(test: Catalog, models: list[Catalog]) -> Catalog:
    """Return the users of the data, and the items of the models, then those of the data."""
    items = models[0].item_ids
    for more in (*(it.item_ids for it in models[1:]), test.item_ids):
        new = more[encode(more, items)[0] < 0]
        if new.dtype.kind != items.dtype.kind:
            items, new = items.astype(np.str_), new.astype(np.str_)
        items = np.concatenate([items, new])
    return Catalog(test.user_ids, items)


def _over(catalog: Catalog, rows: Interactions) -> Interactions:
    """Return rows over a catalogue that has all of their users and items."""
    items = Places.of(rows.catalog, catalog).items
    found, _ = from_codes(rows.users, items[rows.indices], rows.data, rows.timestamps, catalog)
    return found.with_meta(rows.meta)
