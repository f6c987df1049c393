"""``mfcli recommend``: model.pt → recommendations, as a file or a folder of parts."""

from __future__ import annotations

import time
from pathlib import Path

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
from mfcli.config import RecommendConfig, TableFormat, format_of
from mfcli.config.options import flag
from mfcli.errors import UsageError
from mfcli.kernels.announcing import compiling
from mfcli.publishing.folders import recommend_parts
from mfcli.publishing.gates import Figures, check_age, check_figures, coverage_of, figures_of
from mfcli.publishing.pairs import write_pairs
from mfcli.results import OnEvent, PairsResult, RecommendResult, Started, ignore
from mfcli.scoring.lists import ListJob, Tally, prepare, write_lists
from mfcli.scoring.memory import require_scoring
from mfcli.system.streams import standard_output

_OF_FOLDERS = ("format", "part_users", "shard", "resume", "scheduler")
_OF_PUBLISHING = ("keep_previous", "min_users", "min_coverage", "max_churn", "wait")


def recommend(
    model: Path,
    out: Path | None,
    config: RecommendConfig,
    on_event: OnEvent = ignore,
    *,
    folder: bool = False,
) -> RecommendResult | PairsResult:
    """Write the best k items of each user to ``out``, or with --pairs the scores of given pairs.

    None stands for standard output; ``folder`` asks for a folder of parts. Raises UsageError,
    InputError (also for an unknown user with ``--unknown-users error``), LockedError, and GateError
    where a gate is not met; the old output then stays.
    """
    began = time.perf_counter()
    check_place(out, config, folder=folder)
    check_age(model, config)
    if config.pairs is not None:
        return write_pairs(model, out, config, on_event, began)
    require_scoring([model], None, config.workers, 0, on_event)
    with compiling(on_event):
        if out is None:
            return _to_standard_output(model, config, on_event, began)
        if folder:
            return recommend_parts(model, out, config, on_event, began)
        return _to_file(model, out, config, on_event, began)


def check_place(out: Path | None, config: RecommendConfig, *, folder: bool) -> None:
    """Refuse options that mean nothing for this kind of output."""
    kind = format_of("" if out is None else out.name)
    config.check_format((config.format or TableFormat.parquet) if folder else kind)
    if folder:
        if config.pairs is not None:
            raise UsageError("--pairs writes a file: name one, not a folder")
        return
    asked = [name for name in _OF_FOLDERS if getattr(config, name)]
    if asked:
        raise UsageError(
            f"{flag(asked[0])} is of a folder of parts: name one with a slash at its end, --out "
            f"{'recs' if out is None else out}/"
        )
    if out is not None and out.is_dir():
        raise UsageError(
            f"--out {out} is a folder: name a file, or end it with a slash for a folder of parts"
        )
    if out is None:
        asked = [name for name in _OF_PUBLISHING if getattr(config, name) not in (None, False, 0.0)]
        if asked:
            raise UsageError(
                f"{flag(asked[0])} has no meaning with --out -, which replaces nothing"
            )


def _to_standard_output(
    model: Path, config: RecommendConfig, on_event: OnEvent, began: float
) -> RecommendResult:
    job = prepare(model, config, on_event)
    on_event(Started("recommend", len(job.request.users), "users"))
    stream = standard_output().buffer
    tally = write_lists(job, job.request.users, stream, TableFormat.csv, on_event)
    return _result("-", model, job, tally, None, began)


def _to_file(
    model: Path, out: Path, config: RecommendConfig, on_event: OnEvent, began: float
) -> RecommendResult:
    target = real_output(out)
    if config.keep_previous:
        real_output(previous_of(target))
    refuse_input_as_output(out, model, *config.files)
    kind = format_of(out.name)
    with output_lock(out, config.wait):
        job = prepare(model, config, on_event)
        job.check_types(kind)
        on_event(Started("recommend", len(job.request.users), "users"))
        with atomic_path(out) as temporary:
            with temporary.open("wb") as stream:
                tally = write_lists(job, job.request.users, stream, kind, on_event)
            coverage = coverage_of(tally.covered, job.request.allowed)
            figures = figures_of(tally.users, coverage, out, [temporary], config, on_event)
            check_figures(figures, config)
            if config.keep_previous:
                keep_as_previous(out)
    return _result(str(out), model, job, tally, figures, began)


def _result(
    out: str, model: Path, job: ListJob, tally: Tally, figures: Figures | None, began: float
) -> RecommendResult:
    return RecommendResult(
        out=out,
        n_users=len(job.request.users),
        n_rows=tally.rows,
        unknown_users=job.request.unknown,
        short_users=tally.short,
        model_seconds_old=seconds_old(model),
        seconds=time.perf_counter() - began,
        preview=tally.preview,
        users_with_rows=tally.users,
        coverage=coverage_of(tally.covered, job.request.allowed),
        churn=figures.churn if figures else None,
        counts=job.request.counts,
        lineage=lineage_of(job.loaded.checkpoint.meta),
    )
