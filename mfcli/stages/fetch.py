"""fetch: any table of ratings → interactions.npz."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from mfcli.artifacts import (
    lineage_entry,
    meta_for,
    output_lock,
    real_output,
    refuse_input_as_output,
    save_interactions,
    stored_bytes,
)
from mfcli.config import FetchConfig
from mfcli.data.interactions import (
    Catalog,
    Interactions,
    apply_threshold,
    compact,
    filter_counts,
    from_codes,
    name_items,
)
from mfcli.errors import InputError
from mfcli.results import FetchResult, Noted, OnEvent, Started, ignore
from mfcli.sources.locate import is_demo
from mfcli.sources.reading import ReadTable, make_demo, read_source
from mfcli.system import capacity

# What says where things are or which sample it is, not how the source is read.
_WHERE = ("cache_dir", "base_url", "item_names", "max_size", "sha256")
_SAMPLE = ("users", "items", "ratings", "seed")
_READING = ("format", "columns", "header", "duplicates")


def fetch(source: str, out: Path, config: FetchConfig, on_event: OnEvent = ignore) -> FetchResult:
    """Read SOURCE, merge and filter its rows, and write ``out``.

    Raises InputError for a source that cannot be used or of which nothing is left, DownloadError,
    UsageError for options that do not fit the source, LockedError.
    """
    started = time.perf_counter()
    real_output(out)
    refuse_input_as_output(out, source, config.item_names)
    with output_lock(out):
        if is_demo(source, on_event):
            interactions, rows_read, merged = make_demo(config, on_event), config.ratings, 0
            read = None
        else:
            read = read_source(source, config, on_event)
            rows_read = len(read.table.users.codes)
            interactions, merged = _merge(read, config, source)
        if merged:
            on_event(
                Noted(f"{merged} rows repeat a user and item: --duplicates {config.duplicates}")
            )
        n_merged = interactions.n_ratings
        interactions = _threshold(interactions, config, source)
        n_above = interactions.n_ratings
        interactions = _filter(interactions, config, source)
        entry = lineage_entry("fetch", _options(config, read), read.inputs if read else [])
        interactions = interactions.with_meta(meta_for("interactions", [entry]))
        capacity.require_disk(out, stored_bytes(interactions))
        on_event(Started(f"writing {out.name}"))
        save_interactions(out, interactions)
    data = interactions.data
    return FetchResult(
        out=str(out),
        format=read.format if read else "demo",
        n_users=interactions.n_users,
        n_items=interactions.n_items,
        n_ratings=interactions.n_ratings,
        rows_read=rows_read,
        duplicates=merged,
        below_threshold=n_merged - n_above,
        filtered=n_above - interactions.n_ratings,
        minimum=float(data.min()),
        maximum=float(data.max()),
        mean=float(data.mean(dtype=np.float64)),
        has_timestamps=interactions.timestamps is not None,
        has_item_names=interactions.catalog.item_names is not None,
        notice=read.notice if read else "",
        seconds=time.perf_counter() - started,
    )


def _merge(read: ReadTable, config: FetchConfig, source: str) -> tuple[Interactions, int]:
    table = read.table
    item_ids = table.items.values
    item_names = name_items(item_ids, read.names)
    catalog = Catalog(table.users.values, item_ids, item_names)
    try:
        return from_codes(
            table.users.codes,
            table.items.codes,
            table.ratings,
            table.times,
            catalog,
            config.duplicates,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _threshold(interactions: Interactions, config: FetchConfig, source: str) -> Interactions:
    if config.threshold is None:
        return interactions
    kept = apply_threshold(interactions, config.threshold)
    if not kept.n_ratings:
        raise InputError(
            f"{source}: no rating reaches --threshold {config.threshold:g} (the largest is "
            f"{float(interactions.data.max()):g}): choose a smaller one"
        )
    return compact(kept)


def _filter(interactions: Interactions, config: FetchConfig, source: str) -> Interactions:
    least_user, least_item = config.min_user_ratings, config.min_item_ratings
    if least_user <= 1 and least_item <= 1:
        return compact(interactions)
    kept = filter_counts(interactions, least_user, least_item)
    if not kept.n_ratings:
        raise InputError(
            f"{source}: no rating is left by --min-user-ratings {least_user} --min-item-ratings "
            f"{least_item}: choose smaller ones"
        )
    return compact(kept)


def _options(config: FetchConfig, read: ReadTable | None) -> dict[str, Any]:
    """Return the options that shape the artifact, without where anything is."""
    options = config.options(leave_out=(*_WHERE, *(_SAMPLE if read else _READING)))
    return options | {"format": read.format} if read else options | {"sample": True}
