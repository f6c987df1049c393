"""``mfcli similar``: model.pt → the nearest items of items, or users of users."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts import atomic_file, output_lock, real_output, refuse_input_as_output
from mfcli.artifacts.tables import CodedCells, Column, open_table
from mfcli.artifacts.tables.table import Cells
from mfcli.config import SimilarConfig, TableFormat, format_of
from mfcli.data.interactions import Ids
from mfcli.errors import InputError
from mfcli.kernels.announcing import compiling
from mfcli.models.loading import load_model, vectors_of
from mfcli.results import OnEvent, Progress, SimilarResult, Started, Warned, ignore
from mfcli.scoring.ids import ITEM_NAMES, USER_NAMES, Lookup, read_ids
from mfcli.scoring.lists import PREVIEW_ROWS, Lists
from mfcli.scoring.neighbours import nearest
from mfcli.scoring.request import Reader
from mfcli.system.processors import available_workers
from mfcli.system.streams import standard_output


@dataclass(frozen=True, eq=False)
class _Neighbourhood:
    """Items or users: vectors (N, F), ids, names or None, and which may be neighbours."""

    word: str
    vectors: NDArray[np.float32]
    ids: Ids
    names: Ids | None
    allowed: NDArray[np.bool_]

    def columns(self) -> list[Column]:
        ids = [Column.of(f"{self.word}_id", self.ids), Column.of("similar_id", self.ids)]
        numbers = [Column("rank", pa.int32()), Column("score", pa.float32())]
        names = (
            []
            if self.names is None
            else [Column.of(f"{self.word}_name", self.names), Column.of("similar_name", self.names)]
        )
        return [*ids, *numbers, *names]

    def cells(self, lists: Lists) -> list[Cells]:
        there = lists.items >= 0
        row, place = np.nonzero(there)
        asked, found = lists.users[row], lists.items[there]
        names = (
            []
            if self.names is None
            else [CodedCells(asked, self.names), CodedCells(found, self.names)]
        )
        return [
            CodedCells(asked, self.ids),
            CodedCells(found, self.ids),
            place + 1,
            lists.scores[there],
            *names,
        ]

    def preview(self, lists: Lists) -> list[dict[str, Any]]:
        columns = [
            (each.values[each.codes] if isinstance(each, CodedCells) else each)[
                :PREVIEW_ROWS
            ].tolist()
            for each in self.cells(lists)
        ]
        names = [each.name for each in self.columns()]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def similar(
    model: Path, out: Path | None, config: SimilarConfig, on_event: OnEvent = ignore
) -> SimilarResult:
    """Write the k nearest of each item or user asked for; None stands for standard output.

    Raises UsageError for a model without vectors, InputError, LockedError.
    """
    began = time.perf_counter()
    kind = format_of("" if out is None else out.name)
    config.check_format(kind)
    if out is None:
        with compiling(on_event):
            return _similar(
                model, standard_output().buffer, "-", TableFormat.csv, config, on_event, began
            )
    real_output(out)
    refuse_input_as_output(out, model, config.of, config.items, config.exclude_items)
    with output_lock(out, config.wait), atomic_file(out) as stream, compiling(on_event):
        return _similar(model, stream, str(out), kind, config, on_event, began)


def _similar(
    model: Path,
    stream: IO[bytes],
    out: str,
    kind: TableFormat,
    config: SimilarConfig,
    on_event: OnEvent,
    began: float,
) -> SimilarResult:
    side = _side(model, config, on_event)
    asked, n_asked = _asked(side, config)
    pointing = np.einsum("nf,nf->n", side.vectors, side.vectors) > 0
    asked = asked[pointing[asked]]
    without = n_asked - len(asked)
    if without:
        on_event(Warned(f"{without} of {n_asked} {side.word}s have no vector, or are unknown"))
    on_event(Started("similar", len(asked), f"{side.word}s"))
    preview: list[dict[str, Any]] = []
    done = 0
    with open_table(stream, kind, side.columns(), csv_safe=config.csv_safe) as table:
        for lists, rows in nearest(
            side.vectors,
            asked,
            side.allowed & pointing,
            min(config.k, len(side.ids)),
            config.by,
            config.workers or available_workers(),
            lambda lists: (lists, table.encode(side.cells(lists))),
        ):
            table.append(rows)
            preview = preview or side.preview(lists)
            done += len(lists.users)
            on_event(Progress(done, len(asked)))
    return SimilarResult(
        out=out,
        by=str(config.by),
        n_asked=n_asked,
        n_rows=table.n_rows,
        without=without,
        seconds=time.perf_counter() - began,
        preview=preview,
    )


def _side(model: Path, config: SimilarConfig, on_event: OnEvent) -> _Neighbourhood:
    loaded = load_model(model)
    vectors = vectors_of(loaded, model, "similar")
    checkpoint = loaded.checkpoint
    counts = checkpoint.user_counts if config.users else checkpoint.item_counts
    allowed = np.ones(len(counts), bool) if config.include_cold else counts > 0
    if config.users:
        return _Neighbourhood("user", vectors.users, checkpoint.catalog.user_ids, None, allowed)
    reader = Reader(checkpoint, on_event)
    if config.items is not None:
        allowed &= reader.items_of(config.items, "items")
    if config.exclude_items is not None:
        allowed &= ~reader.items_of(config.exclude_items, "exclude_items")
    catalog = checkpoint.catalog
    return _Neighbourhood("item", vectors.items, catalog.item_ids, catalog.item_names, allowed)


def _asked(side: _Neighbourhood, config: SimilarConfig) -> tuple[NDArray[np.int64], int]:
    """Return the rows asked for, ascending, and how many ids that were."""
    if config.of is None:
        return np.arange(len(side.ids)), len(side.ids)
    lookup = Lookup(side.ids)
    tokens = read_ids(config.of, USER_NAMES if config.users else ITEM_NAMES, lookup)
    rows = lookup.rows(tokens)
    if not (rows >= 0).any():
        raise InputError(f"{config.of}: names no {side.word} that the model knows")
    return np.sort(rows[rows >= 0]), len(tokens)
