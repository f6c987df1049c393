"""``mfcli fetch``: any table of ratings → interactions.npz."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mfcli.artifacts import (
    output_lock,
    real_output,
    refuse_input_as_output,
    save_interactions,
    stored_bytes,
)
from mfcli.artifacts.held import NOTHING, Held
from mfcli.config import FetchConfig
from mfcli.data.times import span_of
from mfcli.events import OnEvent, Started, ignore, without
from mfcli.results import FetchResult
from mfcli.sources.reading import read_interactions
from mfcli.system import capacity


def fetch(
    source: str | Sequence[str],
    out: Path,
    config: FetchConfig,
    on_event: OnEvent = ignore,
    *,
    held: Held = NOTHING,
) -> FetchResult:
    """Read SOURCE, or several as one table, merge and filter its rows, and write ``out``.

    held: what is in memory; takes the matrix.

    Raises InputError for a source that cannot be used or of which nothing is left, DownloadError,
    UsageError for options that do not fit the source, LockedError.
    """
    began = time.perf_counter()
    on_event = without(config.ignore, on_event)
    real_output(out)
    sources = [source] if isinstance(source, str) else source
    refuse_input_as_output(out, *sources, config.item_names)
    with output_lock(out):
        interactions, facts = read_interactions(source, config, on_event)
        capacity.require_disk(out, stored_bytes(interactions))
        on_event(Started(f"writing {out.name}"))
        save_interactions(out, interactions)
    held.keep(out, interactions)
    ratings = interactions.data
    return FetchResult(
        out=str(out),
        format=facts.format,
        n_users=interactions.n_users,
        n_items=interactions.n_items,
        n_ratings=interactions.n_ratings,
        rows_read=facts.rows_read,
        without_id=facts.without_id,
        dropped=facts.dropped,
        duplicates=facts.duplicates,
        below_threshold=facts.below_threshold,
        filtered=facts.filtered,
        minimum=float(ratings.min()),
        maximum=float(ratings.max()),
        mean=float(ratings.mean(dtype=np.float64)),
        has_timestamps=interactions.timestamps is not None,
        has_item_names=interactions.catalog.item_names is not None,
        times=span_of(interactions),
        columns=facts.columns,
        dropped_values=facts.dropped_values,
        valueless=facts.valueless,
        notice=facts.notice,
        seconds=time.perf_counter() - began,
    )
