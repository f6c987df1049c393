"""Scores of given pairs of a user and an item, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config.choices import (
    BIASED,
)
from mfcli.data.interactions import Ids
from mfcli.models.arrays import Layers, ScoreArrays, Vectors
from mfcli.models.item_weights import ItemWeights
from mfcli.models.loading import scoring_of
from mfcli.scoring.ids import CatalogIndex, IdIndex, as_text
from mfcli.wording import counted


class PairScores(NamedTuple):
    """Scores of pairs (N,), and in how many of them train has no rating of the user or item."""

    scores: NDArray[np.float32]
    unknown_users: int
    unknown_items: int


class PairScorer:
    """Scores pairs of ids; what is unknown adds nothing but the mean bias of the known."""

    def __init__(self, checkpoint: Checkpoint, scoring: ScoreArrays) -> None:
        """Find what stands for an unknown user and item."""
        assert isinstance(scoring, Vectors | Layers | ItemWeights)
        self.scoring: Vectors | Layers | ItemWeights = scoring
        self.index = CatalogIndex(checkpoint.catalog)
        self._unknown_users = checkpoint.user_counts == 0
        self._unknown_items = checkpoint.item_counts == 0
        self._user_bias = self._item_bias = np.float32(0)
        # As training leaves rows without a rating: see FactorModel.settle_unknown.
        if checkpoint.model_args.model in BIASED and isinstance(scoring, Vectors):
            self._user_bias = _mean(scoring.user_bias, ~self._unknown_users)
            self._item_bias = _mean(scoring.item_bias, ~self._unknown_items)

    def score(self, users: pa.Array, items: pa.Array) -> PairScores:
        """Score pairs of ids as text, (N,) and (N,)."""
        user, item = _rows(users, self.index.users), _rows(items, self.index.items)
        known_users, known_items = user >= 0, item >= 0
        scores = self._scores(user, item)
        known_users[known_users] = ~self._unknown_users[user[known_users]]
        known_items[known_items] = ~self._unknown_items[item[known_items]]
        return PairScores(
            scores.astype(np.float32), int((~known_users).sum()), int((~known_items).sum())
        )

    def _scores(self, user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """Score rows of users and items, (N,) and (N,), −1 for unknown ones."""
        if isinstance(self.scoring, ItemWeights):
            return self.scoring.pairs(user, item)
        place = np.arange(len(user))  # each pair has a user and an item of its own
        pairs = self.scoring._replace(
            users=_taken(self.scoring.users, user), items=_taken(self.scoring.items, item)
        )
        if isinstance(pairs, Vectors):
            pairs = pairs._replace(
                user_bias=_taken(pairs.user_bias, user, self._user_bias),
                item_bias=_taken(pairs.item_bias, item, self._item_bias),
            )
        return pairs.pairs(place, place)


def score_pairs(
    checkpoint: Checkpoint, users: Sequence[Any] | Ids, items: Sequence[Any] | Ids
) -> PairScores:
    """Score pairs of ids (N,) and (N,), integers or text; raises ValueError for two lengths."""
    if len(users) != len(items):
        raise ValueError(
            f"{counted(len(users), 'user')} and {counted(len(items), 'item')} do not make pairs"
        )
    scorer = PairScorer(checkpoint, scoring_of(checkpoint))
    tokens = (pa.array(as_text(ids), pa.string()) for ids in (users, items))
    return scorer.score(*tokens)


def make_type_check(ids: Ids) -> Callable[[pa.Array], bool]:
    """Return a function that tells whether text ids fit a column of the type of ``ids``."""
    if ids.dtype.kind != "i":
        return lambda _: True
    pattern = "^(0|-?[1-9][0-9]{0,17})$"
    return lambda tokens: bool(pc.all(pc.match_substring_regex(tokens, pattern)).as_py())


def _rows(tokens: pa.Array, index: IdIndex) -> NDArray[np.int64]:
    coded = tokens.dictionary_encode()
    rows = index.rows(coded.dictionary.to_pylist())
    return rows[coded.indices.to_numpy(zero_copy_only=False)]


def _taken(
    table: NDArray[np.float32], rows: NDArray[np.int64], unknown: np.float32 | int = 0
) -> NDArray[np.float32]:
    taken = table[np.maximum(rows, 0)] if len(table) else np.zeros((len(rows), *table.shape[1:]))
    taken[rows < 0] = unknown
    return taken.astype(np.float32, copy=False)


def _mean(bias: NDArray[np.float32], known: NDArray[np.bool_]) -> np.float32:
    return np.float32(bias[known].mean()) if known.any() else np.float32(0)
