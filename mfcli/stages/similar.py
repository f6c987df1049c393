"""``mfcli similar``: model.pt → the nearest items of items, or users of users."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mfcli.artifacts import file_sha256, lineage_entry, lineage_of
from mfcli.artifacts.checkpoint import load_meta
from mfcli.artifacts.manifest import Facts, Manifest
from mfcli.codes import WarningCode
from mfcli.config import SimilarConfig, TableFormat, format_of
from mfcli.events import OnEvent, Stage, Started, Warned, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.publishing.lists import ListSummary, write_lists
from mfcli.publishing.outputs import output_stream
from mfcli.results import SimilarResult
from mfcli.scoring.files import load_neighbours
from mfcli.stages.telling import begin, end


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
    inputs = (model, config.of, config.items, config.exclude_items)
    manifest = Manifest(wanted=config.manifest)
    output = output_stream(out, inputs, wait=config.wait, describe=manifest.describe)
    with output as stream, compiling(on_event):
        ranker, n_asked = load_neighbours(model, config, on_event)
        word, lacking = ranker.side.word, n_asked - len(ranker.rows)
        if lacking:
            on_event(
                Warned(
                    WarningCode.cold,
                    f"{lacking} of {n_asked} {word}s have no vector, or are unknown",
                )
            )
        on_event(Started("similar", len(ranker.rows), f"{word}s"))
        facts = _facts_of(model, config) if config.manifest else None
        summary = write_lists(
            ranker,
            ranker.rows,
            stream,
            kind,
            csv_safe=config.csv_safe,
            facts=facts,
            on_event=on_event,
        )
        if facts is not None:
            manifest.facts = facts(summary)
    result = SimilarResult(
        out="-" if out is None else str(out),
        by=str(config.by),
        n_asked=n_asked,
        n_rows=summary.rows,
        without=lacking,
        seconds=time.perf_counter() - began,
        preview=summary.preview,
    )
    return end(Stage.similar, began, result, on_event)


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
