"""Scores of pairs → the rows of a table, in constant memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import pyarrow as pa

from mfcli.artifacts.manifest import Facts
from mfcli.artifacts.tables import Column, open_table
from mfcli.codes import WarningCode
from mfcli.config import TableFormat
from mfcli.data.interactions import Catalog
from mfcli.errors import InputError
from mfcli.events import OnEvent, Progress, Started, Warned, ignore
from mfcli.scoring.pairs import PairScorer, make_type_check
from mfcli.sources.readers.streamed import pair_batches
from mfcli.wording import counted


@dataclass(frozen=True)
class PairSummary:
    """Rows that were written, and in how many train has no rating of the user, or of the item."""

    rows: int
    unknown_users: int
    unknown_items: int


def write_pairs(
    scorer: PairScorer,
    source: str,
    stream: IO[bytes],
    kind: TableFormat,
    *,
    csv_safe: bool = False,
    allow_empty: bool = False,
    facts: Callable[[PairSummary], Facts] | None = None,
    on_event: OnEvent = ignore,
) -> PairSummary:
    """Write a score for each pair of a table, in its order; ``-`` is standard input.

    facts: of what was written; a Parquet file keeps them.

    Raises InputError for pairs that cannot be read, or whose ids do not fit their column; where
    there are none, or neither any user nor any item is known, unless ``allow_empty``.
    """
    catalog = scorer.index.catalog
    typed = _TypedIds(catalog, kind)
    columns = [
        Column.of("user_id", catalog.user_ids),
        Column.of("item_id", catalog.item_ids),
        Column("score", pa.float32()),
    ]
    on_event(Started("scores of pairs"))
    users = items = 0
    with open_table(stream, kind, columns, csv_safe=csv_safe) as table:
        integers = (scorer.index.users.integers, scorer.index.items.integers)
        for batch in pair_batches(source, allow_empty=allow_empty, integers=integers):
            cells = typed.cells(*batch)
            found = scorer.score(*batch)
            users, items = users + found.unknown_users, items + found.unknown_items
            table.append(table.encode([*cells, found.scores]))
            on_event(Progress(table.n_rows, None))
        if not table.n_rows and not allow_empty:
            raise InputError(f"{source}: holds no pairs: --allow-empty writes an empty output")
        if table.n_rows and users == items == table.n_rows and not allow_empty:
            raise InputError(
                f"{source}: {counted(table.n_rows, 'row')}, and none has a user or an item of "
                "the model: give ids as they stand in the source of the training data; if all are "
                "new, --allow-empty goes on"
            )
        summary = PairSummary(table.n_rows, users, items)
        if facts is not None:
            table.describe(facts(summary).text())
    if users or items:
        on_event(
            Warned(
                WarningCode.cold,
                f"{counted(users, 'row has', 'rows have')} a user and {counted(items, 'row')} an "
                "item without a rating in train: they are scored by what is known",
            )
        )
    return summary


class _TypedIds:
    """Turns ids as text into the type of their column, which is that of the model's ids."""

    def __init__(self, catalog: Catalog, kind: TableFormat) -> None:
        self.kind = kind
        typed = kind in (TableFormat.parquet, TableFormat.jsonl)
        self.ids = (catalog.user_ids, catalog.item_ids)
        self.fits = [make_type_check(ids) for ids in self.ids] if typed else []

    def cells(self, *batch: pa.Array) -> list[pa.Array]:
        """Return the users and items of a batch; raises InputError for an id that does not fit."""
        if not self.fits:
            return list(batch)
        for what, tokens, fits in zip(("user", "item"), batch, self.fits, strict=True):
            if not fits(tokens):
                raise InputError(
                    f"the model's {what} ids are integers, and one of the pairs has another id: a "
                    f"column of {self.kind} holds one type only: write CSV"
                )
        kinds = [Column.of("", ids).type for ids in self.ids]
        return [tokens.cast(kind) for tokens, kind in zip(batch, kinds, strict=True)]
