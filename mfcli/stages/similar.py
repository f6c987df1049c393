"""``mfcli similar``: model.pt → the nearest items of items, or users of users."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from mfcli.artifacts import file_sha256, lineage_entry, lineage_of
from mfcli.artifacts.checkpoint import load_meta
from mfcli.artifacts.manifest import Facts, Manifest
from mfcli.codes import WarningCode
from mfcli.config import Role, SimilarConfig, TableFormat, format_of
from mfcli.events import OnEvent, Stage, Started, Warned, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.publishing.changes import Keys, check_changes, publish_changes
from mfcli.publishing.lists import ListSummary, write_lists
from mfcli.publishing.outputs import replaced_output
from mfcli.results import SimilarResult
from mfcli.scoring.files import load_neighbours
from mfcli.scoring.neighbours import NeighbourRanker
from mfcli.stages.telling import begin, end
from mfcli.system.streams import standard_output
from mfcli.wording import part_of


def similar(
    model: Path, out: Path | None, config: SimilarConfig, on_event: OnEvent = ignore
) -> SimilarResult:
    """Write the k nearest of each item or user asked for; None stands for standard output.

    Raises UsageError for a model without vectors, InputError, LockedError.
    """
    on_event = without(config.ignore, on_event)
    began = begin(Stage.similar, on_event)
    kind = TableFormat.csv if out is None else format_of(out.name)
    config.check_format(kind)
    config.check_stream(to_stdout=out is None)
    changes = None
    with compiling(on_event):
        if out is None:
            written = _write(model, standard_output().buffer, kind, config, on_event)
        else:
            written, changes = _replace(model, out, kind, config, on_event)
    lacking = written.n_asked - len(written.ranker.rows)
    result = SimilarResult(
        out="-" if out is None else str(out),
        by=str(config.by),
        n_asked=written.n_asked,
        n_rows=written.summary.rows,
        without=lacking,
        seconds=time.perf_counter() - began,
        preview=written.summary.preview,
        changes=changes,
    )
    return end(Stage.similar, began, result, on_event)


class _Written(NamedTuple):
    """Neighbours that were written: who ranked them, for how many that were asked for."""

    ranker: NeighbourRanker
    n_asked: int
    summary: ListSummary


def _replace(
    model: Path, out: Path, kind: TableFormat, config: SimilarConfig, on_event: OnEvent
) -> tuple[_Written, dict[str, int] | None]:
    """Write neighbours in place of ``out``, and --changes; return how many these are."""
    inputs = [str(model), *(str(getattr(config, name)) for name in config.given(Role.file))]
    check_changes(out, config.changes, inputs)
    manifest = Manifest(wanted=config.manifest)
    with replaced_output(out, inputs, wait=config.wait, describe=manifest.describe) as temporary:
        with temporary.open("wb") as stream:
            written = _write(model, stream, kind, config, on_event)
        if config.manifest:
            manifest.facts = _facts_of(model, config)(written.summary)
        before, columns = out if out.exists() else None, written.ranker.columns()
        keys = Keys(columns[0].name, "similar_id")
        return written, publish_changes(before, [temporary], config, columns, keys)


def _write(
    model: Path,
    stream: IO[bytes],
    kind: TableFormat,
    config: SimilarConfig,
    on_event: OnEvent,
) -> _Written:
    ranker, n_asked = load_neighbours(model, config, on_event)
    word, lacking = ranker.side.word, n_asked - len(ranker.rows)
    if lacking:
        text = (
            f"{part_of(lacking, n_asked, word, 'has', 'have')} no vector, or not known to the model"
        )
        on_event(Warned(WarningCode.cold, text))
    on_event(Started("similar", len(ranker.rows), f"{word}s"))
    summary = write_lists(
        ranker,
        ranker.rows,
        stream,
        kind,
        csv_safe=config.csv_safe,
        facts=_facts_of(model, config) if config.manifest else None,
        on_event=on_event,
    )
    return _Written(ranker, n_asked, summary)


def _facts_of(model: Path, config: SimilarConfig) -> Callable[[ListSummary], Facts]:
    """Return what makes the facts of a manifest: what was read does not depend on the rows."""
    sources = {"model": str(model)} | {
        name: source
        for name in ("of", "items", "exclude_items")
        if (source := getattr(config, name)) not in (None, "-")
    }
    inputs = [
        {"role": role, "sha256": file_sha256(Path(source))} for role, source in sources.items()
    ]
    step = lineage_entry("similar", config.stored(), inputs)
    lineage = [*lineage_of(load_meta(model)), step]

    def facts(summary: ListSummary) -> Facts:
        return Facts("similar", {"rows": summary.rows, "asked": summary.users}, lineage)

    return facts
