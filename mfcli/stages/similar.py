"""``mfcli similar``: model.pt → the nearest items of items, or users of users."""

from __future__ import annotations

import time
from pathlib import Path

from mfcli.codes import WarningCode
from mfcli.config import SimilarConfig, TableFormat, format_of
from mfcli.events import OnEvent, Started, Warned, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.publishing.lists import write_lists
from mfcli.publishing.outputs import output_stream
from mfcli.results import SimilarResult
from mfcli.scoring.files import load_neighbours


def similar(
    model: Path, out: Path | None, config: SimilarConfig, on_event: OnEvent = ignore
) -> SimilarResult:
    """Write the k nearest of each item or user asked for; None stands for standard output.

    Raises UsageError for a model without vectors, InputError, LockedError.
    """
    began = time.perf_counter()
    on_event = without(config.ignore, on_event)
    kind = TableFormat.csv if out is None else format_of(out.name)
    config.check_format(kind)
    inputs = (model, config.of, config.items, config.exclude_items)
    with output_stream(out, inputs, wait=config.wait) as stream, compiling(on_event):
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
        summary = write_lists(
            ranker, ranker.rows, stream, kind, csv_safe=config.csv_safe, on_event=on_event
        )
    return SimilarResult(
        out="-" if out is None else str(out),
        by=str(config.by),
        n_asked=n_asked,
        n_rows=summary.rows,
        without=lacking,
        seconds=time.perf_counter() - began,
        preview=summary.preview,
    )
