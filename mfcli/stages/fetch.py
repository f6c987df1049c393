"""fetch: any table of ratings → interactions.npz."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfcli import capacity
from mfcli.artifacts import (
    file_sha256,
    lineage_entry,
    meta_for,
    output_lock,
    real_output,
    refuse_input_as_output,
    save_interactions,
    stored_bytes,
)
from mfcli.config import FetchConfig
from mfcli.config.stages import Format
from mfcli.errors import InputError, UsageError
from mfcli.interactions import (
    Catalog,
    Interactions,
    Rows,
    apply_threshold,
    compact,
    filter_counts,
    from_codes,
    name_items,
)
from mfcli.locate import Located, is_demo, locate, names_source
from mfcli.readers import names, read_table
from mfcli.readers.source import Source
from mfcli.readers.table import Table
from mfcli.results import FetchResult, Noted, Progress, Report, Started, Warned, ignore
from mfcli.streams import printable

# What says where things are or which sample it is, not how the source is read.
_WHERE = ("cache_dir", "base_url", "item_names", "max_size", "sha256")
_SAMPLE = ("users", "items", "ratings", "seed")
_READING = ("format", "columns", "header", "duplicates")

Inputs = list[dict[str, Any]]


@dataclass(frozen=True)
class _Read:
    """A source as it was read: its table, item id → name, and where it came from."""

    table: Table
    names: dict[Any, str]
    format: str
    inputs: Inputs
    notice: str


def fetch(source: str, out: Path, config: FetchConfig, report: Report = ignore) -> FetchResult:
    """Read SOURCE, merge and filter its rows, and write ``out``.

    Raises InputError for a source that cannot be used or of which nothing is left, DownloadError,
    UsageError for options that do not fit the source, LockedError.
    """
    started = time.perf_counter()
    real_output(out)
    refuse_input_as_output(out, source, config.item_names)
    with output_lock(out):
        if is_demo(source, report):
            interactions, rows_read, merged = _sample(config, report), config.ratings, 0
            read = None
        else:
            read = _read(source, config, report)
            rows_read = len(read.table.users.codes)
            interactions, merged = _merge(read, config, source)
        if merged:
            report(Noted(f"{merged} rows repeat a user and item: --duplicates {config.duplicates}"))
        n_merged = interactions.n_ratings
        interactions = _threshold(interactions, config, source)
        n_above = interactions.n_ratings
        interactions = _filter(interactions, config, source)
        entry = lineage_entry("fetch", _options(config, read), read.inputs if read else [])
        interactions = interactions.with_meta(meta_for("interactions", [entry]))
        capacity.require_disk(out, stored_bytes(interactions))
        report(Started(f"writing {out.name}"))
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


def read_rows(
    source: str, config: FetchConfig, report: Report = ignore, *, candidates: bool = False
) -> tuple[Rows, Inputs]:
    """Read SOURCE as fetch does, without merging or filtering: ``(rows, inputs)``.

    With ``candidates`` the rows need not be interactions.

    inputs describes the files that were read: name, sha256 and bytes. Raises as ``fetch`` does.
    """
    if is_demo(source, report):
        sample = _sample(config, report)
        ids = sample.catalog
        item_names = {} if ids.item_names is None else dict(
            zip(ids.item_ids.tolist(), ids.item_names.tolist(), strict=True)
        )  # fmt: skip
        rows = Rows(
            ids.user_ids[sample.users], ids.item_ids[sample.indices], sample.data,
            sample.timestamps, item_names,
        )  # fmt: skip
        return rows, []
    read = _read(source, config, report, candidates)
    return read.table.rows(read.names), read.inputs


def _sample(config: FetchConfig, report: Report) -> Interactions:
    from mfcli.sample import make_sample

    for name in (*_READING[:-1], "item_names", "sha256"):
        if getattr(config, name) is not None:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} has no meaning for the built-in sample")
    capacity.require_memory(
        f"a sample of {config.ratings:,} ratings", capacity.sampling(config.ratings),
        "ask for fewer --ratings", report,
    )  # fmt: skip
    report(Started("making the sample", config.ratings, "ratings"))
    return make_sample(
        config.users, config.items, config.ratings, config.seed,
        lambda done: report(Progress(done, config.ratings)),
    )  # fmt: skip


def _read(source: str, config: FetchConfig, report: Report, candidates: bool = False) -> _Read:
    with locate(source, config, report) as located:
        item_names, files = located.names, located.files
        if config.item_names is not None:
            item_names, named = names_source(config.item_names)
            files = (*files, named)
        with _watched(files) as inputs:
            _check_digest(located, inputs, config, source)
            report(Started(f"reading {located.data.name}", located.data.size, "bytes"))
            table, kind = read_table(located.data, config, report)
            if kind == Format.negatives and not candidates:
                raise InputError(
                    f"{located.data.name}: holds negatives of a test set, no interactions: give it "
                    "to mfcli evaluate as --candidates"
                )
            if not len(table.users.codes):
                raise InputError(f"{located.data.name}: holds no rows")
            found = _read_names(item_names, table, report)
    return _Read(table, found, kind, inputs, located.notice)


def _read_names(source: Source | None, table: Table, report: Report) -> dict[Any, str]:
    if source is None:
        return {}
    ids = table.items.values
    listed = names.read_names(source)
    found = names.fit(listed, ids)
    named = sum(each in found for each in ids.tolist())
    if not named:
        report(Warned(f"{source.name}: none of its {len(listed)} names belongs to an item"))
        return {}
    if named < len(ids):
        report(Noted(f"{source.name}: names {named} of {len(ids)} items; the others show their id"))
    return found


@contextmanager
def _watched(files: tuple[tuple[str, Path], ...]) -> Iterator[Inputs]:
    """Yield name, SHA-256 and size of the files; raises InputError if one changes meanwhile."""
    before = [_signature(path) for _, path in files]
    yield [
        {"name": printable(name), "sha256": file_sha256(path), "bytes": path.stat().st_size}
        for name, path in files
    ]
    for (name, path), signature in zip(files, before, strict=True):
        if _signature(path) != signature:
            raise InputError(f"{name}: changed while it was read: fetch it again")


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_digest(located: Located, inputs: Inputs, config: FetchConfig, source: str) -> None:
    """Hold a single file against --sha256 (a download was held against it before)."""
    if config.sha256 is None:
        return
    if len(located.files) != 1:
        raise UsageError(f"--sha256 is of one file, and {source} is a folder")
    if inputs[0]["sha256"] != config.sha256.lower():
        raise InputError(f"{source}: its SHA-256 is {inputs[0]['sha256']}, not as --sha256 says")


def _merge(read: _Read, config: FetchConfig, source: str) -> tuple[Interactions, int]:
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


def _options(config: FetchConfig, read: _Read | None) -> dict[str, Any]:
    """Return the options that shape the artifact, without where anything is."""
    options = config.options(leave_out=(*_WHERE, *(_SAMPLE if read else _READING)))
    return options | {"format": read.format} if read else options | {"sample": True}
