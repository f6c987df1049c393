"""Scores of given pairs, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.config.choices import BIASED
from mfcli.data.interactions import Ids
from mfcli.models.arrays import Layers, Vectors
from mfcli.models.loading import Loaded
from mfcli.scoring.ids import Lookup


class Scored(NamedTuple):
    """Scores of a batch (N,), and in how many of its rows the user or the item is unknown."""

    scores: NDArray[np.float32]
    unknown_users: int
    unknown_items: int


class PairScorer:
    """Scores pairs of ids; what is unknown adds nothing but the mean bias of the known."""

    def __init__(self, loaded: Loaded) -> None:
        """Hash the ids, and find what stands for an unknown one."""
        checkpoint = loaded.checkpoint
        scoring = loaded.scoring
        assert isinstance(scoring, Vectors | Layers)
        self.scoring: Vectors | Layers = scoring
        self.users = Lookup(checkpoint.catalog.user_ids)
        self.items = Lookup(checkpoint.catalog.item_ids)
        self._unknown_users = checkpoint.user_counts == 0
        self._unknown_items = checkpoint.item_counts == 0
        self._user_bias = self._item_bias = np.float32(0)
        # As training leaves rows without a rating: see FactorModel.settle_unknown.
        if checkpoint.options.get("model") in BIASED and isinstance(scoring, Vectors):
            self._user_bias = _mean(scoring.user_bias, ~self._unknown_users)
            self._item_bias = _mean(scoring.item_bias, ~self._unknown_items)

    def __call__(self, users: pa.Array, items: pa.Array) -> Scored:
        """Score a batch of ids as text, (N,) and (N,)."""
        user, item = _rows(users, self.users), _rows(items, self.items)
        known_users, known_items = user >= 0, item >= 0
        scores = self._scores(user, item)
        known_users[known_users] = ~self._unknown_users[user[known_users]]
        known_items[known_items] = ~self._unknown_items[item[known_items]]
        return Scored(
            scores.astype(np.float32), int((~known_users).sum()), int((~known_items).sum())
        )

    def _scores(self, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        everyone = np.arange(len(user))
        of = self.scoring._replace(
            users=_taken(self.scoring.users, user), items=_taken(self.scoring.items, item)
        )
        if isinstance(of, Vectors):
            of = of._replace(
                user_bias=_taken(of.user_bias, user, self._user_bias),
                item_bias=_taken(of.item_bias, item, self._item_bias),
            )
        return of.pairs(everyone, everyone)


def fits(ids: Ids) -> Callable[[pa.Array], bool]:
    """Return what tells whether text ids can stand in a column of the type of ``ids``."""
    if ids.dtype.kind != "i":
        return lambda _: True
    pattern = "^(0|-?[1-9][0-9]{0,17})$"
    return lambda tokens: bool(pc.all(pc.match_substring_regex(tokens, pattern)).as_py())


def _rows(tokens: pa.Array, lookup: Lookup) -> NDArray[np.int64]:
    coded = tokens.dictionary_encode()
    rows = lookup.rows(coded.dictionary.to_pylist())
    return rows[coded.indices.to_numpy(zero_copy_only=False)]


def _taken(
    table: NDArray[np.float32], rows: NDArray[np.int64], unknown: np.float32 | int = 0
) -> NDArray[np.float32]:
    taken = table[np.maximum(rows, 0)] if len(table) else np.zeros((len(rows), *table.shape[1:]))
    taken[rows < 0] = unknown
    return taken.astype(np.float32, copy=False)


def _mean(bias: NDArray[np.float32], known: NDArray[np.bool_]) -> np.float32:
    return np.float32(bias[known].mean()) if known.any() else np.float32(0)
