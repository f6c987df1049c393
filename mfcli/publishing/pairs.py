"""``mfcli recommend --pairs``: the score of each given pair, in constant memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

import pyarrow as pa

from mfcli.artifacts import (
    atomic_path,
    keep_as_previous,
    output_lock,
    previous_of,
    real_output,
    refuse_input_as_output,
    seconds_old,
)
from mfcli.artifacts.meta import lineage_of
from mfcli.artifacts.tables import Column, open_table
from mfcli.config import RecommendConfig, TableFormat, format_of
from mfcli.data.interactions import Catalog
from mfcli.errors import InputError
from mfcli.models.loading import load_model
from mfcli.results import OnEvent, PairsResult, Progress, Started, Warned
from mfcli.scoring.pairs import PairScorer, fits
from mfcli.sources.readers.streamed import pair_batches
from mfcli.system.streams import standard_output


def write_pairs(
    model: Path, out: Path | None, config: RecommendConfig, on_event: OnEvent, began: float
) -> PairsResult:
    """Write a score a row of --pairs, in its order; raises InputError, LockedError."""
    if out is None:
        stream = standard_output().buffer
        return _write(model, stream, "-", TableFormat.csv, config, on_event, began)
    target = real_output(out)
    if config.keep_previous:
        real_output(previous_of(target))
    refuse_input_as_output(out, model, config.pairs)
    with output_lock(out, config.wait), atomic_path(out) as temporary:
        with temporary.open("wb") as stream:
            result = _write(model, stream, str(out), format_of(out.name), config, on_event, began)
        if config.keep_previous:
            keep_as_previous(out)
    return result


def _write(
    model: Path,
    stream: IO[bytes],
    out: str,
    kind: TableFormat,
    config: RecommendConfig,
    on_event: OnEvent,
    began: float,
) -> PairsResult:
    loaded = load_model(model)
    score = PairScorer(loaded)
    catalog = loaded.checkpoint.catalog
    checked = _Checked(catalog, kind)
    columns = [
        Column.of("user_id", catalog.user_ids),
        Column.of("item_id", catalog.item_ids),
        Column("score", pa.float32()),
    ]
    on_event(Started("scores of pairs"))
    users = items = 0
    assert config.pairs is not None
    with open_table(stream, kind, columns, csv_safe=config.csv_safe) as table:
        for batch in pair_batches(config.pairs):
            cells = checked(*batch)
            found = score(*batch)
            users, items = users + found.unknown_users, items + found.unknown_items
            table.append(table.encode([*cells, found.scores]))
            on_event(Progress(table.n_rows, None))
    if users or items:
        on_event(
            Warned(
                f"{users} rows of users and {items} rows of items without a rating in train: "
                "scored by what is known"
            )
        )
    return PairsResult(
        out=out,
        n_rows=table.n_rows,
        unknown_user_rows=users,
        unknown_item_rows=items,
        model_seconds_old=seconds_old(model),
        lineage=lineage_of(loaded.checkpoint.meta),
        seconds=time.perf_counter() - began,
    )


class _Checked:
    """Refuses ids that do not fit the type of their column, which is that of the model's ids."""

    def __init__(self, catalog: Catalog, kind: TableFormat) -> None:
        self.kind = kind
        typed = kind in (TableFormat.parquet, TableFormat.jsonl)
        self.ids = (catalog.user_ids, catalog.item_ids)
        self.fits = [fits(each) for each in self.ids] if typed else []

    def __call__(self, *batch: pa.Array) -> list[pa.Array]:
        for what, each, fit in zip(("user", "item"), batch, self.fits, strict=False):
            if not fit(each):
                raise InputError(
                    f"the model's {what}s have integers for ids, and one of the pairs' has not: a "
                    f"{self.kind} column is of one type: write CSV"
                )
        if not self.fits:
            return list(batch)
        kinds = [Column.of("", each).type for each in self.ids]
        return [each.cast(kind) for each, kind in zip(batch, kinds, strict=True)]
