"""``mfcli recommend --out DIR/``: a folder of parts, by one run, by shards, or by a resumed run.

The parts are built in a hidden folder beside the output, which stays as it is until all of them are
there and the gates are passed; then the two change places in one step.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mfcli.artifacts import atomic_file, file_sha256, output_lock, previous_of, seconds_old
from mfcli.artifacts.folders import (
    building_place,
    publish,
    read_manifest,
    real_folder,
    remove_tree,
)
from mfcli.artifacts.meta import lineage_of
from mfcli.artifacts.tables.reading import read_pairs
from mfcli.config import RecommendConfig, TableFormat
from mfcli.config.recommend import NOT_CONTENT, BatchEngine
from mfcli.errors import InputError, LockedError, UsageError
from mfcli.publishing.gates import Figures, check_figures, coverage_of, figures_of
from mfcli.publishing.parts import (
    PART_USERS,
    Part,
    PartResult,
    finished,
    forget_notes,
    parts_of,
    write_part,
)
from mfcli.results import Noted, OnEvent, Progress, RecommendResult, Started
from mfcli.scoring.ids import Lookup
from mfcli.scoring.lists import ListJob, prepare

PLAN = "plan.json"
TURN_SECONDS = 60.0  # a shard waits so long for another one that sets up or publishes


def recommend_parts(
    model: Path, out: Path, config: RecommendConfig, on_event: OnEvent, began: float
) -> RecommendResult:
    """Write the parts of this shard, and publish the folder if all parts are there."""
    target = real_folder(out)
    _refuse_inputs_inside(target, out, model, config)
    if config.keep_previous:
        real_folder(previous_of(target))
    building = building_place(target)
    number, total = config.shard_of
    with ExitStack() as held:
        if total == 1:
            held.enter_context(output_lock(out, config.wait))
        job = prepare(model, config, on_event)
        job.check_types(config.format or TableFormat.parquet)
        parts = parts_of(job)
        plan = _plan(model, job, parts)
        with _turn(building, config):
            alone = total == 1 or _free(out)
            if total > 1:
                held.enter_context(output_lock(out, config.wait, shared=True))
            _begin(building, target, plan, job, parts, alone=alone)
        mine = parts[number - 1 :: total]
        written = _write(model, plan, job, mine, building, on_event)
        with _turn(building, config):
            figures = _publish(building, target, out, plan, job, parts, on_event)
    return _result(out, model, job, written, figures, began)


def _write(
    model: Path,
    plan: dict[str, Any],
    job: ListJob,
    parts: list[Part],
    building: Path,
    on_event: OnEvent,
) -> list[PartResult]:
    """Write those of the parts that are not there and whole."""
    on_event(Started("recommend", len(parts), "parts"))
    there = [finished(building, part) for part in parts]
    written = [each for each in there if each is not None]
    if written:
        on_event(Noted(f"{len(written)} of {len(parts)} parts were there and whole"))
    todo = [part for part, each in zip(parts, there, strict=True) if each is None]
    if todo and job.config.engine is BatchEngine.dask:
        from mfcli.publishing.cluster import run_parts

        digest, inputs = plan["model"]["sha256"], job.request.inputs
        written += run_parts(model, digest, inputs, job.config, todo, building, on_event)
    else:
        for part in todo:
            written.append(write_part(job, part, building))
            on_event(Progress(len(written), len(parts)))
    return sorted(written, key=lambda each: each.number)


def _refuse_inputs_inside(target: Path, out: Path, model: Path, config: RecommendConfig) -> None:
    for each in (str(model), *config.files):
        if target in Path(os.path.realpath(each)).parents:
            raise UsageError(f"--out {out} holds the input {each}: name another folder")


def _free(out: Path) -> bool:
    try:
        with output_lock(out):
            return True
    except LockedError:
        return False


@contextmanager
def _turn(building: Path, config: RecommendConfig) -> Iterator[None]:
    """Let one shard at a time set up or publish."""
    if config.shard_of[1] == 1:
        yield
        return
    with output_lock(building, max(config.wait, TURN_SECONDS)):
        yield


def _plan(model: Path, job: ListJob, parts: list[Part]) -> dict[str, Any]:
    """Return what decides the bytes of all parts."""
    options = {
        **job.config.options(leave_out=NOT_CONTENT),
        "format": str(job.config.format or TableFormat.parquet),
        "part_users": job.config.part_users or PART_USERS,
    }
    return {
        "schema": 1,
        "kind": "recommendations",
        "model": {"sha256": file_sha256(model)},
        "options": dict(sorted(options.items())),
        "inputs": job.request.inputs,
        "part_names": [each.name for each in parts],
    }


def _begin(
    building: Path,
    target: Path,
    plan: dict[str, Any],
    job: ListJob,
    parts: list[Part],
    *,
    alone: bool,
) -> None:
    """Make the hidden folder, or go on in the one that is there; raises InputError.

    A shard that finds what another run left, and nobody at it, starts anew.
    """
    sharded = job.config.shard_of[1] > 1
    keep = job.config.resume or sharded
    there = _read_plan(building)
    if keep and there is not None and there != plan:
        if job.config.resume or not alone:
            raise InputError(
                f"{building}: was begun with {_difference(there, plan)}: leave out --resume to "
                "start anew, or let the other shards end"
            )
        there = None
    if not keep or there is None:
        remove_tree(building)
        building.mkdir(parents=True)
        with atomic_file(building / PLAN) as stream:
            stream.write(json.dumps(plan).encode())
        if keep:
            _adopt(building, target, plan, job, parts)


def _read_plan(building: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((building / PLAN).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _difference(there: dict[str, Any], plan: dict[str, Any]) -> str:
    if there.get("model") != plan["model"]:
        return "another model"
    old, new = there.get("options", {}), plan["options"]
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return f"another --{changed[0].replace('_', '-')}" if changed else "other input files"


def _adopt(
    building: Path, target: Path, plan: dict[str, Any], job: ListJob, parts: list[Part]
) -> None:
    """Take over the whole parts of a published folder of the same plan."""
    manifest = read_manifest(target)
    if manifest is None or any(manifest.get(name) != value for name, value in plan.items()):
        return
    listed = {each["name"]: each for each in manifest["parts"]}
    lookup = Lookup(job.catalog.item_ids)
    for part in parts:
        entry, path = listed.get(part.name), target / part.name
        if entry is None or not path.is_file() or file_sha256(path) != entry["sha256"]:
            continue
        rows = lookup.rows(read_pairs(path)["item_id"].unique().to_pylist())
        covered = np.zeros(job.n_items, bool)
        covered[rows] = True
        bits = base64.b64encode(np.packbits(covered).tobytes()).decode()
        result = PartResult(part.number, **entry, covered=bits, preview=[])
        os.link(path, building / part.name)
        with atomic_file(building / f".{part.name}.json") as stream:
            stream.write(json.dumps(result.__dict__).encode())


def _publish(
    building: Path,
    target: Path,
    out: Path,
    plan: dict[str, Any],
    job: ListJob,
    parts: list[Part],
    on_event: OnEvent,
) -> Figures | None:
    """Put the folder in its place if all parts are there and the gates are passed; else None."""
    if _read_plan(building) != plan:
        on_event(Noted(f"{out}: another shard has published it"))
        return None
    found = [finished(building, each) for each in parts]
    missing = sum(each is None for each in found)
    whole = [each for each in found if each is not None]
    if missing:
        on_event(Noted(f"{out}: {missing} of {len(parts)} parts are still to come"))
        return None
    covered = np.zeros(job.n_items, bool)
    for each in whole:
        covered |= each.items(job.n_items)
    users = sum(each.users for each in whole)
    coverage = coverage_of(covered, job.request.allowed)
    paths = [building / each.name for each in parts]
    figures = figures_of(users, coverage, target, paths, job.config, on_event)
    check_figures(figures, job.config)
    entries = [
        {name: getattr(each, name) for name in ("name", "rows", "users", "short", "sha256")}
        for each in whole
    ]
    manifest = {
        **plan,
        "rows": sum(each.rows for each in whole),
        "users": users,
        "parts": entries,
        "lineage": lineage_of(job.loaded.checkpoint.meta),
    }
    if job.config.shard_of[1] > 1 and _is_published(target, manifest):
        # A shard that was started again must not make tonight's output the previous one.
        on_event(Noted(f"{out}: is published already"))
        remove_tree(building)
        return figures
    forget_notes(building)
    (building / PLAN).unlink()
    publish(building, target, manifest, keep=job.config.keep_previous)
    return figures


def _is_published(target: Path, manifest: dict[str, Any]) -> bool:
    there = read_manifest(target)
    return (
        there is not None
        and all(there.get(name) == value for name, value in manifest.items())
        and all(
            (target / each["name"]).is_file()
            and file_sha256(target / each["name"]) == each["sha256"]
            for each in manifest["parts"]
        )
    )


def _result(
    out: Path,
    model: Path,
    job: ListJob,
    written: list[PartResult],
    figures: Figures | None,
    began: float,
) -> RecommendResult:
    covered = np.zeros(job.n_items, bool)
    for each in written:
        covered |= each.items(job.n_items)
    preview = next((each.preview for each in written if each.preview), [])
    result = RecommendResult(
        out=str(out),
        n_users=len(job.request.users),
        n_rows=sum(each.rows for each in written),
        unknown_users=job.request.unknown,
        short_users=sum(each.short for each in written),
        model_seconds_old=seconds_old(model),
        seconds=time.perf_counter() - began,
        preview=preview,
        users_with_rows=sum(each.users for each in written),
        coverage=coverage_of(covered, job.request.allowed),
        counts=job.request.counts,
        lineage=lineage_of(job.loaded.checkpoint.meta),
        parts=len(written),
        published=False,
    )
    if figures is None:
        return result
    return replace(result, published=True, churn=figures.churn, coverage=figures.coverage)
