"""Options and filters, all of them values in memory → who gets a list, and out of which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import RecommendConfig, UnknownUsers
from mfcli.data.ids import of_two_types
from mfcli.data.interactions import Ids
from mfcli.data.rows import CsrRows, rows_from_keys
from mfcli.errors import InputError
from mfcli.events import OnEvent, Warned, ignore
from mfcli.scoring.ids import CatalogIndex, IdIndex, IdPairs, as_text, typed_like
from mfcli.wording import counted


@dataclass(frozen=True, eq=False, kw_only=True)
class Filters:
    """Which items may be recommended, and to whom not; None filters nothing.

    items:         ids of the only items that may be recommended.
    exclude_items: ids of items that may not be.
    exclude:       pairs that are left out of the lists.
    seen:          pairs that were seen after training, left out as what is seen in train is.
    names:         what a warning calls a filter, by the filter's name: the file that it came from.
    """

    items: Sequence[Any] | Ids | None = None
    exclude_items: Sequence[Any] | Ids | None = None
    exclude: IdPairs | None = None
    seen: IdPairs | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


NO_FILTERS = Filters()


@dataclass(frozen=True, eq=False, kw_only=True)
class ListRequest:
    """Who gets a list, and out of which items.

    users:   (N,) rows, ascending; those from U on stand for ``strangers``, who are not in the
             matrix, in the order in which they were asked for.
    allowed: (I,) bool, items that anybody may get.
    masks:   CSR rows of what a user does not get; a mask may end before the strangers.
    unknown: number of users without a rating in train, also of those who get no list.
    counts:  how many ids or pairs of a filter the model does not know, by the filter's name.
    """

    users: NDArray[np.int64]
    strangers: Ids
    allowed: NDArray[np.bool_]
    masks: list[CsrRows]
    unknown: int
    counts: dict[str, int]


def make_request(
    checkpoint: Checkpoint,
    config: RecommendConfig,
    *,
    users: Sequence[Any] | Ids | None = None,
    everyone: NDArray[np.int64] | None = None,
    filters: Filters = NO_FILTERS,
    index: CatalogIndex | None = None,
    on_event: OnEvent = ignore,
) -> ListRequest:
    """Match ids with a model's; of ``config``, what names files is not looked at.

    users:    ids of those who get a list, each once; None for everyone.
    everyone: (N,) ascending rows that None stands for; None again for all of the matrix.
    index:    the rows of the model's ids, where they were hashed already.

    Raises InputError for unknown users where ``config.unknown_users`` is ``error``.
    """
    matching = _Matching(checkpoint, filters, index, on_event)
    everyone = np.arange(checkpoint.n_users) if everyone is None else everyone
    rows, others = (everyone, []) if users is None else matching.users(users)
    unknown_rows = rows[checkpoint.user_counts[rows] == 0]
    unknown = len(unknown_rows) + len(others)
    if unknown:
        first = others[0] if others else checkpoint.catalog.user_ids[unknown_rows[0]]
        _meet_unknown(unknown, first, config.unknown_users, on_event)
    if config.unknown_users is UnknownUsers.skip:
        rows, others = rows[checkpoint.user_counts[rows] > 0], []
    strangers = typed_like(others, checkpoint.catalog.user_ids)
    allowed = matching.allowed_items(include_cold=config.include_cold)
    if not allowed.any():
        on_event(
            Warned(WarningCode.empty, "the options leave no item to recommend: no rows are written")
        )
    masks = matching.masks(strangers)
    if not config.include_seen:
        masks.insert(0, checkpoint.seen)
    return ListRequest(
        users=np.concatenate([rows, checkpoint.n_users + np.arange(len(strangers))]),
        strangers=strangers,
        allowed=allowed,
        masks=masks,
        unknown=unknown,
        counts=matching.counts,
    )


def allowed_items(
    checkpoint: Checkpoint,
    filters: Filters = NO_FILTERS,
    *,
    include_cold: bool = False,
    index: CatalogIndex | None = None,
    on_event: OnEvent = ignore,
) -> NDArray[np.bool_]:
    """Return which items the filters of items leave, (I,); without ``include_cold``, of train's."""
    matching = _Matching(checkpoint, filters, index, on_event)
    return matching.allowed_items(include_cold=include_cold)


class _Matching:
    """Matches the ids of filters with a model's, and counts those that it does not know."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        filters: Filters,
        index: CatalogIndex | None,
        on_event: OnEvent,
    ) -> None:
        self.checkpoint, self.filters, self.on_event = checkpoint, filters, on_event
        self.index = CatalogIndex(checkpoint.catalog) if index is None else index
        self.counts: dict[str, int] = {}

    def users(self, ids: Sequence[Any] | Ids) -> tuple[NDArray[np.int64], list[str]]:
        """Return the rows of the users asked for, ascending, and the ids of strangers."""
        tokens = as_text(ids)
        rows = self.index.users.rows(tokens)
        return np.sort(rows[rows >= 0]), tokens[rows < 0].tolist()

    def allowed_items(self, *, include_cold: bool) -> NDArray[np.bool_]:
        """Return the items that anybody may get, (I,)."""
        counts = self.checkpoint.item_counts
        allowed = np.ones(len(counts), bool) if include_cold else counts > 0
        if self.filters.items is not None:
            allowed &= self._named("items", self.filters.items)
        if self.filters.exclude_items is not None:
            allowed &= ~self._named("exclude_items", self.filters.exclude_items)
        return allowed

    def masks(self, strangers: Ids) -> list[CsrRows]:
        """Return CSR rows (U + strangers) of the pairs to leave out, if there is such a filter."""
        others = IdIndex(strangers)
        keys = [
            self._keys(name, pairs, others)
            for name, pairs in (("seen", self.filters.seen), ("exclude", self.filters.exclude))
            if pairs is not None
        ]
        if not keys:
            return []
        n_rows = self.checkpoint.n_users + len(strangers)
        every = np.unique(np.concatenate(keys))
        return [rows_from_keys(every, n_rows, self.checkpoint.n_items)]

    def _named(self, name: str, ids: Sequence[Any] | Ids) -> NDArray[np.bool_]:
        """Return which items a filter names, (I,)."""
        rows = self.index.items.rows(ids)
        if name in self.filters.names and len(rows) and (rows < 0).all():
            self._refuse(name, "item id", ids, self.checkpoint.catalog.item_ids)
        self._count(name, int((rows < 0).sum()), "item id")
        named = np.zeros(self.checkpoint.n_items, bool)
        named[rows[rows >= 0]] = True
        return named

    def _keys(self, name: str, pairs: IdPairs, strangers: IdIndex) -> NDArray[np.int64]:
        """Return the pairs that the model knows as keys user · I + item."""
        text = as_text(pairs.user_ids)
        rows, others = self.index.users.rows(text), strangers.rows(text)
        rows = np.where((rows < 0) & (others >= 0), self.checkpoint.n_users + others, rows)
        users, items = rows[pairs.users], self.index.items.rows(pairs.item_ids)[pairs.items]
        known = (users >= 0) & (items >= 0)
        if name == "seen":  # a matrix; a short list of pairs may well look otherwise
            self._compare_types(name, pairs)
        if name in self.filters.names and len(users):
            catalog = self.checkpoint.catalog
            if (users < 0).all():
                self._refuse(name, "user id", pairs.user_ids, catalog.user_ids)
            if (items < 0).all():
                self._refuse(name, "item id", pairs.item_ids, catalog.item_ids)
        self._count(name, int((~known).sum()), "row")
        return users[known] * self.checkpoint.n_items + items[known]

    def _compare_types(self, name: str, pairs: IdPairs) -> None:
        """Warn of a matrix whose ids have another type than the model's."""
        catalog = self.checkpoint.catalog
        for what, found, known, index in (
            ("user", pairs.user_ids, catalog.user_ids, self.index.users),
            ("item", pairs.item_ids, catalog.item_ids, self.index.items),
        ):
            if found.dtype.kind not in "iU" or found.dtype.kind == known.dtype.kind:
                continue
            matched = int((index.rows(found) >= 0).sum())
            text = of_two_types(what, found, known, matched, "the model")
            if text is not None:
                source = self.filters.names.get(name, name)
                self.on_event(Warned(WarningCode.id_type, f"{source}: {text}"))

    def _refuse(self, name: str, what: str, ids: Sequence[Any] | Ids, known: Ids) -> NoReturn:
        raise InputError(
            f"{self.filters.names[name]}: {counted(len(ids), what)}, and none is in the model (the "
            "first "
            f"is {str(ids[0])!r}, the model's first is {str(known[0])!r}): give ids as they stand "
            "in the source of the training data"
        )

    def _count(self, name: str, number: int, what: str) -> None:
        self.counts[f"{name}_unknown"] = number
        if number:
            source = self.filters.names.get(name, name)
            self.on_event(
                Warned(
                    WarningCode.ids,
                    f"{source}: {counted(number, f'{what} is', f'{what}s are')} unknown to the "
                    "model: left out",
                )
            )


def _meet_unknown(unknown: int, first: Any, wish: UnknownUsers, on_event: OnEvent) -> None:
    users = counted(unknown, "user has", "users have")
    what = f"{users} no rating in train (the first one: {first})"
    if wish is UnknownUsers.error:
        raise InputError(f"{what}: leave them out, or choose --unknown-users popular or skip")
    fate = "get the popular items" if wish is UnknownUsers.popular else "are left out"
    on_event(Warned(WarningCode.cold, f"{what}: they {fate}"))
