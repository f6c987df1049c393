"""The best items of users: a model and a request, laid out for ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.tables import CodedCells, Column
from mfcli.artifacts.tables.table import Cells
from mfcli.config import RecommendConfig, TableFormat
from mfcli.config.output import DELIMITED
from mfcli.data.interactions import Ids
from mfcli.data.rows import empty_rows
from mfcli.errors import InputError
from mfcli.events import OnEvent, ignore
from mfcli.models.arrays import ScoreArrays
from mfcli.models.loading import scoring_of
from mfcli.ranking.catalogue import Block, best_items
from mfcli.ranking.serving import ListScorer, Trained
from mfcli.scoring.lists import Made, RankedLists, Ranker, shown_names
from mfcli.scoring.request import NO_FILTERS, Filters, ListRequest, make_request
from mfcli.system.processors import available_workers


class Recommender(Ranker):
    """Ranks the items that a request allows for its users, as ``ListScorer`` scores them.

    Users without a rating in train, strangers among them, get the popular items.
    """

    scorer: ListScorer

    def __init__(
        self,
        checkpoint: Checkpoint,
        scoring: ScoreArrays,
        request: ListRequest,
        config: RecommendConfig,
    ) -> None:
        """Lay the model out."""
        self.checkpoint, self.request, self.config = checkpoint, request, config
        self.catalog = checkpoint.catalog
        self.n_users, self.n_items = checkpoint.n_users, checkpoint.n_items
        self.rows = request.users
        self.k = min(config.k, self.n_items)
        self.workers = config.workers or available_workers()
        self.scorer = ListScorer(scoring, Trained.of(checkpoint), request.allowed)
        strangers = len(request.strangers)
        # (U + strangers,): whose list is the popular items, and what is added to a user's scores.
        self._unknown = np.pad(self.scorer.unknown, (0, strangers), constant_values=True)
        self._constant = np.pad(self.scorer.constant, (0, strangers))
        self._ranks = np.arange(1, self.k + 1, dtype=np.int32)
        self._names = shown_names(self.catalog.item_names, config.names, self.n_items)

    def check_types(self, kind: TableFormat) -> None:
        """Refuse ids of two types where a column can hold one only; raises InputError."""
        strangers = self.request.strangers
        if not len(strangers) or kind in DELIMITED:
            return
        if strangers.dtype.kind != self.catalog.user_ids.dtype.kind:
            raise InputError(
                f"the model's user ids are integers, and one of the users asked for has another "
                f"id: a column of {kind} holds one type only: choose --unknown-users skip, or "
                "write CSV"
            )

    def gets_popular(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which rows (B,) have no scores of their own: their list is the popular items."""
        return np.asarray(self._unknown[rows])

    def columns(self) -> list[Column]:
        """Return the columns of recommendations.csv."""
        return [
            Column.of("user_id", self.catalog.user_ids),
            Column.of("item_id", self.catalog.item_ids),
            Column("rank", pa.int32()),
            Column("score", pa.float32()),
            *([] if self._names is None else [Column.of("item_name", self._names)]),
            *([Column("fallback", pa.bool_())] if self.config.fallback_flag else []),
        ]

    def cells(self, lists: RankedLists) -> list[Cells]:
        """Return the cells of recommendations.csv."""
        there = lists.items >= 0
        row, place = np.nonzero(there)
        items = lists.items[there]
        flags = [self._unknown[lists.rows][row]] if self.config.fallback_flag else []
        return [
            CodedCells(row, self.user_ids(lists.rows)),
            CodedCells(items, self.catalog.item_ids),
            CodedCells(place, self._ranks),
            lists.scores[there],
            *([] if self._names is None else [CodedCells(items, self._names)]),
            *flags,
        ]

    def user_ids(self, rows: NDArray[np.int64]) -> Ids:
        """Return the ids of ascending rows, (B,); as text where those of strangers are."""
        split = int(np.searchsorted(rows, self.n_users))
        known, others = rows[:split], rows[split:] - self.n_users
        if not len(others):
            return self.catalog.user_ids[known]
        if not len(known):
            return self.request.strangers[others]
        parts = [self.catalog.user_ids[known], self.request.strangers[others]]
        if parts[0].dtype.kind != parts[1].dtype.kind:
            parts = [part.astype(np.str_) for part in parts]
        return np.concatenate(parts)

    def blocks(self, rows: NDArray[np.int64], work: Callable[[Block], Made]) -> Iterator[Made]:
        """Yield ``work(block)`` of ascending rows: those of the matrix, then strangers."""
        split = int(np.searchsorted(rows, self.n_users))
        yield from super().blocks(rows[:split], work)
        size = self.scorer.block_rows
        for start in range(split, len(rows), size):
            some = rows[start : start + size]
            scores = np.tile(self.scorer.popular, (len(some), 1))
            yield work(Block(some, np.arange(start, start + len(some)), scores))

    def rank(self, block: Block) -> RankedLists:
        """Return the lists of a block's users; --min-score holds where the model scores them."""
        # A mask may end before the strangers, who lie in blocks of their own.
        masks = [
            mask.cut(block.users)
            for mask in self.request.masks
            if len(block.users) and block.users[-1] < len(mask.indptr) - 1
        ]
        first, *others = masks or [empty_rows(len(block.users))]
        for mask in others:
            rows = np.repeat(np.arange(len(block.users)), mask.lengths)
            block.scores[rows, mask.indices] = -np.inf
        items, scores = best_items(block, first, self.k)
        scores += self._constant[block.users, None]
        if self.config.min_score is not None:
            unknown = self._unknown[block.users]
            items[~unknown[:, None] & (scores < np.float32(self.config.min_score))] = -1
        return RankedLists(block.users, items, scores)


def make_recommender(
    checkpoint: Checkpoint,
    config: RecommendConfig | None = None,
    *,
    users: Sequence[Any] | Ids | None = None,
    filters: Filters = NO_FILTERS,
    on_event: OnEvent = ignore,
) -> Recommender:
    """Return what ranks the items of ``users``, given by their ids; None for all users.

    Of ``config``, what names files is not looked at: give ``users`` and ``filters`` instead.
    Raises InputError for unknown users where ``config.unknown_users`` is ``error``, and for
    weights that do not fit the model.
    """
    config = RecommendConfig() if config is None else config
    request = make_request(checkpoint, config, users=users, filters=filters, on_event=on_event)
    return Recommender(checkpoint, scoring_of(checkpoint), request, config)


def recommend_lists(
    checkpoint: Checkpoint,
    config: RecommendConfig | None = None,
    *,
    users: Sequence[Any] | Ids | None = None,
    filters: Filters = NO_FILTERS,
    on_event: OnEvent = ignore,
) -> RankedLists:
    """Return the best items of users as rows and columns of the matrix, as ``make_recommender``.

    A row from U on is a user whom the matrix does not have. ``Recommender.table`` gives ids.
    """
    made = make_recommender(checkpoint, config, users=users, filters=filters, on_event=on_event)
    return made.rank_all()
