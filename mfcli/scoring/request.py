"""Options and the files that they name → who gets rows, and out of which items."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import FetchConfig, RecommendConfig, UnknownUsers
from mfcli.data.interactions import Ids
from mfcli.data.rows import CsrRows, rows_from_keys
from mfcli.errors import InputError
from mfcli.results import OnEvent, Warned, ignore, quietly
from mfcli.scoring.ids import ITEM_NAMES, USER_NAMES, Lookup, read_ids
from mfcli.sources.locate import locate
from mfcli.sources.readers import read_table


@dataclass(frozen=True, eq=False)
class Request:
    """Who gets rows, and out of which items.

    users:   (N,) rows, ascending; those from U on stand for ``strangers``, who are not in the
             matrix, in the order of their file.
    allowed: (I,) bool, items that anybody may get.
    masks:   CSR rows of what a user does not get; a mask may end before the strangers.
    popular: (I,) float32, the score of every item for users without a rating in train.
    unknown: number of users without a rating in train, those who get no rows among them.
    counts:  what the files held that the model does not know; inputs: role and SHA-256 of each.
    """

    users: NDArray[np.int64]
    strangers: Ids
    allowed: NDArray[np.bool_]
    masks: list[CsrRows]
    popular: NDArray[np.float32]
    unknown: int
    counts: dict[str, int] = field(default_factory=dict)
    inputs: list[dict[str, str]] = field(default_factory=list)


class Reader:
    """Reads the files of the options against one checkpoint, and notes what it does not know."""

    def __init__(self, checkpoint: Checkpoint, on_event: OnEvent = ignore) -> None:
        """Start with nothing counted."""
        self.checkpoint, self.on_event, self._quietly = checkpoint, on_event, quietly(on_event)
        self.counts: dict[str, int] = {}
        self.inputs: list[dict[str, str]] = []

    @cached_property
    def users(self) -> Lookup:
        """The model's users; hashed only where a file names some."""
        return Lookup(self.checkpoint.catalog.user_ids)

    @cached_property
    def items(self) -> Lookup:
        """The model's items."""
        return Lookup(self.checkpoint.catalog.item_ids)

    def items_of(self, source: str, role: str) -> NDArray[np.bool_]:
        """Return which items a file of ids names, (I,)."""
        tokens = read_ids(source, ITEM_NAMES, self.items)
        rows = self.items.rows(tokens)
        self._count(source, f"{role}_unknown", int((rows < 0).sum()), "item ids")
        self.inputs.append({"role": role, "sha256": file_sha256(Path(source))})
        named = np.zeros(self.checkpoint.n_items, bool)
        named[rows[rows >= 0]] = True
        return named

    def users_of(self, source: str) -> tuple[NDArray[np.int64], list[str]]:
        """Return the rows of the users that a file or standard input names, and other ids."""
        tokens = read_ids(source, USER_NAMES, self.users)
        self.inputs.append({"role": "users", "sha256": _digest(tokens)})
        rows = self.users.rows(tokens)
        strangers = [each for each, row in zip(tokens, rows.tolist(), strict=True) if row < 0]
        return np.sort(rows[rows >= 0]), strangers

    def pairs_of(self, source: str, strangers: Lookup) -> NDArray[np.int64]:
        """Return the pairs of a table that fetch reads, as keys user · I + item."""
        with locate(source, FetchConfig(), self._quietly) as located:
            table, _ = read_table(located.data, FetchConfig(), self._quietly)
            sha256 = [file_sha256(path) for _, path in located.files]
        self.inputs += [{"role": "exclude", "sha256": each} for each in sha256]
        users = self._rows_of_users(table.users.values, strangers)[table.users.codes]
        items = self.items.rows(table.items.values.astype(np.str_))[table.items.codes]
        return self._keys(source, "exclude", users, items)

    def seen_of(self, source: str, strangers: Lookup) -> NDArray[np.int64]:
        """Return the entries of a newer matrix, as keys; its ids are matched by value."""
        matrix = load_interactions(Path(source))
        self.inputs.append({"role": "seen", "sha256": file_sha256(Path(source))})
        users = self._rows_of_users(matrix.catalog.user_ids, strangers)[matrix.users]
        items = self.items.rows(matrix.catalog.item_ids.astype(np.str_))[matrix.indices]
        return self._keys(source, "seen", users, items)

    def _rows_of_users(self, ids: Ids, strangers: Lookup) -> NDArray[np.int64]:
        text = ids.astype(np.str_)
        rows, others = self.users.rows(text), strangers.rows(text)
        return np.where((rows < 0) & (others >= 0), self.checkpoint.n_users + others, rows)

    def _keys(
        self, source: str, role: str, users: NDArray[np.int64], items: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        known = (users >= 0) & (items >= 0)
        self._count(source, f"{role}_unknown", int((~known).sum()), "rows")
        return users[known] * self.checkpoint.n_items + items[known]

    def _count(self, source: str, name: str, number: int, what: str) -> None:
        self.counts[name] = number
        if number:
            self.on_event(Warned(f"{source}: {number} {what} are unknown to the model: left out"))


def read_request(
    checkpoint: Checkpoint,
    config: RecommendConfig,
    on_event: OnEvent = ignore,
    everyone: NDArray[np.int64] | None = None,
) -> Request:
    """Read the files of the options; raises InputError for what cannot be used.

    ``everyone``: rows of those who get rows where --users names nobody; None for all users.
    """
    reader = Reader(checkpoint, on_event)
    everyone = np.arange(checkpoint.n_users) if everyone is None else everyone
    users, others = (everyone, []) if config.users is None else reader.users_of(config.users)
    unknown_rows = users[checkpoint.user_counts[users] == 0]
    unknown = len(unknown_rows) + len(others)
    if unknown:
        first = others[0] if others else checkpoint.catalog.user_ids[unknown_rows[0]]
        _meet_unknown(unknown, first, config, on_event)
    if config.unknown_users is UnknownUsers.skip:
        users, others = users[checkpoint.user_counts[users] > 0], []
    strangers = typed(others, checkpoint.catalog.user_ids)
    counts = checkpoint.item_counts
    allowed = np.ones(len(counts), bool) if config.include_cold else counts > 0
    if config.items is not None:
        allowed &= reader.items_of(config.items, "items")
    if config.exclude_items is not None:
        allowed &= ~reader.items_of(config.exclude_items, "exclude_items")
    if not allowed.any():
        on_event(Warned("no item is left by the options: no rows are written"))
    popular = np.where(allowed, counts, -np.inf).astype(np.float32)
    return Request(
        np.concatenate([users, checkpoint.n_users + np.arange(len(strangers))]),
        strangers,
        allowed,
        _masks(reader, config, strangers),
        popular,
        unknown,
        reader.counts,
        reader.inputs,
    )


def typed(tokens: list[str], like: Ids) -> Ids:
    """Return ids that are not in the matrix: of its type where all of them fit, else strings."""
    text = np.array(tokens, dtype=np.str_)
    if like.dtype.kind != "i":
        return text
    try:
        numbers = np.array([int(each) for each in tokens], dtype=np.int64)
    except (ValueError, OverflowError):
        return text
    return numbers if [str(each) for each in numbers.tolist()] == tokens else text


def _masks(reader: Reader, config: RecommendConfig, strangers: Ids) -> list[CsrRows]:
    checkpoint = reader.checkpoint
    masks: list[CsrRows] = []
    if not config.include_seen:
        masks.append(checkpoint.seen)
    keys: list[NDArray[np.int64]] = []
    others = Lookup(strangers)
    if config.seen is not None:
        keys.append(reader.seen_of(config.seen, others))
    if config.exclude is not None:
        keys.append(reader.pairs_of(config.exclude, others))
    if keys:
        rows = checkpoint.n_users + len(strangers)
        masks.append(rows_from_keys(np.unique(np.concatenate(keys)), rows, checkpoint.n_items))
    return masks


def _meet_unknown(unknown: int, first: Any, config: RecommendConfig, on_event: OnEvent) -> None:
    what = f"{unknown} users have no rating in train (the first one: {first})"
    if config.unknown_users is UnknownUsers.error:
        raise InputError(f"{what}: leave them out, or choose --unknown-users popular or skip")
    popular = config.unknown_users is UnknownUsers.popular
    does = "get the popular items" if popular else "are left out"
    on_event(Warned(f"{what}: they {does}"))


def _digest(tokens: list[str]) -> str:
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()
