"""Ranked lists of blocks of users, as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts.tables import CodedCells, Column, open_table
from mfcli.artifacts.tables.table import Cells, Encoded, TableWriter
from mfcli.config import RecommendConfig, TableFormat
from mfcli.data.interactions import Catalog, Ids
from mfcli.data.rows import empty_rows
from mfcli.errors import InputError
from mfcli.models.loading import Loaded, load_model
from mfcli.ranking.catalogue import Block, BlockScorer, best_items
from mfcli.results import OnEvent, Progress, ignore
from mfcli.scoring.history import with_history
from mfcli.scoring.request import Request, read_request
from mfcli.system.processors import available_workers

PREVIEW_ROWS = 10


@dataclass(frozen=True, eq=False)
class Lists:
    """Ranked lists of a block: users (B,) rows, items (B, k) with −1 for none, scores (B, k)."""

    users: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float32]


@dataclass(eq=False)
class Tally:
    """What was written: users with a row, users with fewer than k, rows, and which items, (I,)."""

    covered: NDArray[np.bool_]
    users: int = 0
    short: int = 0
    rows: int = 0
    preview: list[dict[str, Any]] = field(default_factory=list)


class ListJob:
    """A model and a request, laid out for scoring; any number of calls may share it.

    Whoever has a checkpoint of another making (more users, say) makes a Job of it.
    """

    def __init__(self, loaded: Loaded, request: Request, config: RecommendConfig) -> None:
        """Lay the model out."""
        checkpoint = loaded.checkpoint
        self.loaded, self.request, self.config = loaded, request, config
        self.catalog: Catalog = checkpoint.catalog
        self.n_users, self.n_items = checkpoint.n_users, checkpoint.n_items
        self.k = min(config.k, self.n_items)
        self.scorer = BlockScorer(loaded.scoring, request.allowed)
        self._unknown = checkpoint.user_counts == 0  # (U,)
        self._ranks = np.arange(1, self.k + 1)

    def check_types(self, kind: TableFormat) -> None:
        """Refuse ids of two types where a column has one; raises InputError."""
        strangers = self.request.strangers
        if not len(strangers) or kind in (TableFormat.csv, TableFormat.csv_gz):
            return
        if strangers.dtype.kind != self.catalog.user_ids.dtype.kind:
            raise InputError(
                f"the model's users have integers for ids, and among those asked for is one that "
                f"has not: a {kind} column is of one type: choose --unknown-users skip, or CSV"
            )

    def columns(self) -> list[Column]:
        """Return the columns of the table."""
        names = self.catalog.item_names
        return [
            Column.of("user_id", self.catalog.user_ids),
            Column.of("item_id", self.catalog.item_ids),
            Column("rank", pa.int32()),
            Column("score", pa.float32()),
            *([] if names is None else [Column.of("item_name", names)]),
        ]

    def ids_of(self, users: NDArray[np.int64]) -> Ids:
        """Return the original ids of rows, all of the matrix or all strangers."""
        if len(users) and users[0] >= self.n_users:
            return self.request.strangers[users - self.n_users]
        return self.catalog.user_ids[users]

    def cells(self, lists: Lists) -> list[Cells]:
        """Return the rows of lists, best first within a user."""
        there = lists.items >= 0
        row, place = np.nonzero(there)
        items = lists.items[there]
        names = self.catalog.item_names
        return [
            CodedCells(row, self.ids_of(lists.users)),
            CodedCells(items, self.catalog.item_ids),
            CodedCells(place, self._ranks),
            lists.scores[there],
            *([] if names is None else [CodedCells(items, names)]),
        ]

    def ranked(self, users: NDArray[np.int64], work: Callable[[Lists], Any]) -> Iterator[Any]:
        """Yield ``work(lists)`` of blocks of ``users``, ascending rows; work runs in threads."""
        inside = users[users < self.n_users]

        def known(block: Block) -> Any:
            popular = self._unknown[block.users]
            if popular.any():
                block.scores[popular] = self.request.popular
            constant = np.where(popular, np.float32(0), self.scorer.constant[block.users])
            return work(self._lists(block, constant, ~popular))

        workers = self.config.workers or available_workers()
        yield from self.scorer.blocks(inside, known, workers)
        outside = users[len(inside) :]
        for start in range(0, len(outside), self.scorer.block_rows):
            rows = outside[start : start + self.scorer.block_rows]
            scores = np.tile(self.request.popular, (len(rows), 1))
            nothing = np.zeros(len(rows), np.float32)
            block = Block(rows, rows, scores)
            yield work(self._lists(block, nothing, np.zeros(len(rows), bool)))

    def _lists(
        self, block: Block, constant: NDArray[np.float32], scored: NDArray[np.bool_]
    ) -> Lists:
        """Rank a block; --min-score holds where the model ``scored`` (B,)."""
        masks = [
            mask.cut(block.users)
            for mask in self.request.masks
            if len(block.users) and block.users[-1] < len(mask.indptr) - 1
        ]
        first, *others = masks or [empty_rows(len(block.users))]
        for indptr, indices in others:
            rows = np.repeat(np.arange(len(block.users)), np.diff(indptr))
            block.scores[rows, indices] = -np.inf
        items, scores = best_items(block, first, self.k)
        scores += constant[:, None]
        if self.config.min_score is not None:
            items[scored[:, None] & (scores < np.float32(self.config.min_score))] = -1
        return Lists(block.users, items, scores)

    def preview(self, lists: Lists) -> list[dict[str, Any]]:
        """Return the first rows, as the table for a person shows them."""
        names = [each.name for each in self.columns()]
        few = slice(PREVIEW_ROWS)
        part = Lists(lists.users[few], lists.items[few], lists.scores[few])
        columns = [
            (each.values[each.codes] if isinstance(each, CodedCells) else each)[
                :PREVIEW_ROWS
            ].tolist()
            for each in self.cells(part)
        ]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def prepare(model: Path, config: RecommendConfig, on_event: OnEvent = ignore) -> ListJob:
    """Map a model and read the files of the options; raises InputError."""
    loaded = load_model(model)
    if config.history is None:
        return ListJob(loaded, read_request(loaded.checkpoint, config, on_event), config)
    loaded, users, inputs = with_history(loaded, model, config.history, config.workers, on_event)
    request = read_request(loaded.checkpoint, config, on_event, users)
    request.inputs.extend(inputs)
    return ListJob(loaded, request, config)


def write_lists(
    job: ListJob,
    users: NDArray[np.int64],
    stream: IO[bytes],
    kind: TableFormat,
    on_event: OnEvent = ignore,
) -> Tally:
    """Rank the items of ``users`` and write the rows; the bytes depend on no worker's pace."""
    tally = Tally(np.zeros(job.n_items, bool))
    done = 0
    with open_table(stream, kind, job.columns(), csv_safe=job.config.csv_safe) as table:
        for lists, rows in job.ranked(users, _encoder(job, table)):
            table.append(rows)
            qualified = (lists.items >= 0).sum(axis=1)
            tally.users += int((qualified > 0).sum())
            tally.short += int((qualified < job.k).sum())
            tally.covered[lists.items[lists.items >= 0]] = True
            if not tally.preview:
                tally.preview = job.preview(lists)
            done += len(lists.users)
            on_event(Progress(done, len(users)))
        tally.rows = table.n_rows
    return tally


def _encoder(job: ListJob, table: TableWriter) -> Callable[[Lists], tuple[Lists, Encoded]]:
    def work(lists: Lists) -> tuple[Lists, Encoded]:
        return lists, table.encode(job.cells(lists))

    return work
