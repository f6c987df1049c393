"""Ranked lists → the rows of a table; a file of recommendations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import lineage_entry, lineage_of
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.manifest import Facts, Manifest
from mfcli.artifacts.tables import open_table
from mfcli.artifacts.tables.table import Encoded
from mfcli.config import RecommendConfig, TableFormat, format_of
from mfcli.events import OnEvent, Progress, Started, ignore
from mfcli.publishing.changes import publish_changes
from mfcli.publishing.gates import (
    Figures,
    check_figures,
    coverage_of,
    earlier_output,
    figures_of,
)
from mfcli.publishing.outputs import replaced_output
from mfcli.ranking.catalogue import Block
from mfcli.scoring.files import Inputs, load_recommender
from mfcli.scoring.lists import RankedLists, Ranker
from mfcli.scoring.recommender import Recommender
from mfcli.system.streams import standard_output

PREVIEW_ROWS = 10


@dataclass(frozen=True, eq=False, kw_only=True)
class ListSummary:
    """What was written.

    rows: of the table; users: those with a row; short: those with fewer than k; covered: (I,)
    bool, items that somebody got; preview: the first rows, name of the column → value.
    """

    rows: int
    users: int
    short: int
    covered: NDArray[np.bool_]
    preview: list[dict[str, Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class WrittenLists:
    """A recommender and what became of its lists; ``figures`` are None where no gate looked.

    parts: of a folder, those that this run wrote; published: false where parts are missing yet.
    changes: how many users --changes names, by what became of their lists.
    """

    recommender: Recommender
    summary: ListSummary
    figures: Figures | None = None
    parts: int | None = None
    published: bool = True
    changes: dict[str, int] | None = None

    @property
    def coverage(self) -> float:
        """The share of the allowed items that somebody got."""
        if self.figures is not None:
            return self.figures.coverage
        return coverage_of(self.summary.covered, self.recommender.request.allowed)


def write_lists(
    ranker: Ranker,
    rows: NDArray[np.int64],
    stream: IO[bytes],
    kind: TableFormat,
    *,
    csv_safe: bool = False,
    facts: Callable[[ListSummary], Facts] | None = None,
    on_event: OnEvent = ignore,
) -> ListSummary:
    """Rank for ``rows`` of a matrix and write their lists; the bytes depend on no worker's pace.

    facts: of what was written; a Parquet file keeps them.
    """
    covered = np.zeros(ranker.scorer.n_items + 1, bool)  # the last for −1, where a list ends
    users = short = done = 0
    preview: list[dict[str, Any]] = []
    with open_table(stream, kind, ranker.columns(), csv_safe=csv_safe) as table:

        def work(block: Block) -> tuple[RankedLists, Encoded]:
            lists = ranker.rank(block)
            return lists, table.encode(ranker.cells(lists))

        for lists, encoded in ranker.blocks(rows, work):
            table.append(encoded)
            lengths = lists.lengths
            users += int((lengths > 0).sum())
            short += int((lengths < ranker.k).sum())
            covered[lists.items] = True
            preview = preview or preview_of(ranker, lists)
            done += len(lists.rows)
            on_event(Progress(done, len(rows)))
        summary = ListSummary(
            rows=table.n_rows, users=users, short=short, covered=covered[:-1], preview=preview
        )
        if facts is not None:
            table.describe(facts(summary).text())
    return summary


def preview_of(ranker: Ranker, lists: RankedLists) -> list[dict[str, Any]]:
    """Return the first rows of a table of lists as plain values, for a person to look at."""
    columns = ranker.table(lists.head(PREVIEW_ROWS))
    values = [column[:PREVIEW_ROWS].tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def publish_file(
    model: Path,
    out: Path | None,
    config: RecommendConfig,
    on_event: OnEvent,
    held: Held = NOTHING,
) -> WrittenLists:
    """Write the lists of a model's users to a file, if the gates are passed; None: to stdout.

    held: what is in memory of the model. Raises UsageError, InputError, LockedError, and GateError:
    the earlier file then stays.
    """
    if out is None:
        recommender, _ = load_recommender(model, config, on_event, held)
        stream = standard_output().buffer
        return WrittenLists(
            recommender=recommender,
            summary=_write_all(recommender, stream, TableFormat.csv, on_event),
        )
    kind = format_of(out.name)
    manifest = Manifest(wanted=config.manifest)
    replaced = replaced_output(
        out,
        [model, *config.files],
        wait=config.wait,
        keep_previous=config.keep_previous,
        describe=manifest.describe,
    )
    with replaced as temporary:
        recommender, inputs = load_recommender(model, config, on_event, held)
        recommender.check_types(kind)

        def facts(found: ListSummary) -> Facts:
            return _facts(found, recommender, held.sha256(model), inputs)

        with temporary.open("wb") as stream:
            summary = _write_all(
                recommender, stream, kind, on_event, facts if config.manifest else None
            )
        if config.manifest:
            manifest.facts = facts(summary)
        coverage = coverage_of(summary.covered, recommender.request.allowed)
        figures = figures_of(summary.users, coverage, out, [temporary], config, on_event)
        check_figures(figures, config, on_event)
        before = earlier_output(out, config)
        changes = publish_changes(before, [temporary], config, recommender.columns())
    return WrittenLists(recommender=recommender, summary=summary, figures=figures, changes=changes)


def _write_all(
    recommender: Recommender,
    stream: IO[bytes],
    kind: TableFormat,
    on_event: OnEvent,
    facts: Callable[[ListSummary], Facts] | None = None,
) -> ListSummary:
    rows, csv_safe = recommender.rows, recommender.config.csv_safe
    on_event(Started("recommend", len(rows), "users"))
    return write_lists(
        recommender, rows, stream, kind, csv_safe=csv_safe, facts=facts, on_event=on_event
    )


def _facts(summary: ListSummary, recommender: Recommender, model: str, inputs: Inputs) -> Facts:
    """Return what the manifest of a file of recommendations says; model: its SHA-256."""
    counts = {
        "users": summary.users,
        "items": int(summary.covered.sum()),
        "rows": summary.rows,
    }
    read = [{"role": "model", "sha256": model}, *inputs]
    step = lineage_entry("recommend", recommender.config.stored(), read)
    return Facts("recommendations", counts, [*lineage_of(recommender.checkpoint.meta), step])
