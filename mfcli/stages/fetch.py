"""``mfcli fetch``: any table of ratings → interactions.npz."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mfcli.artifacts import (
    load_interactions,
    output_lock,
    real_output,
    refuse_input_as_output,
    save_interactions,
    stored_bytes,
)
from mfcli.artifacts.held import NOTHING, Held
from mfcli.config import FetchConfig
from mfcli.config.gates import Gate
from mfcli.config.limits import read_drops
from mfcli.data.interactions import Interactions
from mfcli.data.times import span_of
from mfcli.events import Judged, Noted, OnEvent, Stage, Started, ignore, without
from mfcli.publishing.drops import judge_drops, require_all
from mfcli.results import FetchResult
from mfcli.sources.reading import read_interactions
from mfcli.stages.telling import begin, end
from mfcli.system import capacity
from mfcli.wording import counted


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
    UsageError for options that do not fit the source, LockedError, and GateError where a gate is
    not met: the earlier file then stays.
    """
    on_event = without(config.ignore, on_event)
    began = begin(Stage.fetch, on_event)
    real_output(out)
    sources = [source] if isinstance(source, str) else source
    refuse_input_as_output(out, *sources, config.item_names)
    with output_lock(out, config.wait):
        interactions, facts = read_interactions(source, config, on_event)
        _check_gates(interactions, out, config, on_event)
        capacity.require_disk(out, stored_bytes(interactions))
        on_event(Started(f"writing {out.name}"))
        save_interactions(out, interactions, manifest=config.manifest)
    held.keep(out, interactions)
    ratings = interactions.data
    result = FetchResult(
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
    return end(Stage.fetch, began, result, on_event)


def _check_gates(read: Interactions, out: Path, config: FetchConfig, on_event: OnEvent) -> None:
    """Refuse too few rows, or far fewer of something than there were; raises GateError."""
    judged: list[Judged] = []
    if config.min_rows is not None:
        judged.append(
            Judged(
                gate="min-rows",
                passed=read.n_ratings >= config.min_rows,
                figure=read.n_ratings,
                limit=config.min_rows,
                message=f"{counted(read.n_ratings, 'row is', 'rows are')} left, "
                f"--min-rows asks for {config.min_rows:,}",
            )
        )
    limits = read_drops(config.max_drop)
    before = out if config.against is None else Path(config.against)
    if limits and config.against is None and not before.exists():
        on_event(Noted("--max-drop: there is no earlier file to compare with, so it passes"))
    elif limits:
        numbers = [_numbers(found) for found in (load_interactions(before), read)]
        judged += judge_drops(numbers[0], numbers[1], limits, str(before))
    require_all(judged, f"{out} is not written", on_event)


def _numbers(of: Interactions) -> dict[Gate, int]:
    """Return how many rows there are, and how many users and items have one."""
    return {
        Gate.rows: of.n_ratings,
        Gate.users: int((of.user_counts > 0).sum()),
        Gate.items: int((of.item_counts > 0).sum()),
    }
