"""``mfcli recommend --out DIR/``: a folder of parts, by one run, by shards, or by a resumed run.

The parts are built in a hidden folder beside the output, which stays as it is until all of them are
there and the gates are passed; then the two change places in one step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfcli.artifacts import atomic_file, file_sha256, output_lock, previous_of
from mfcli.artifacts.folders import (
    building_place,
    publish,
    read_manifest,
    real_folder,
    remove_tree,
)
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.meta import lineage_of
from mfcli.artifacts.tables.reading import read_pairs
from mfcli.config import RecommendConfig, Role
from mfcli.config.recommend import (
    BatchEngine,
)
from mfcli.errors import InputError, LockedError, UsageError
from mfcli.events import Noted, OnEvent, Progress, Started
from mfcli.publishing.changes import publish_changes
from mfcli.publishing.gates import (
    Figures,
    check_figures,
    coverage_of,
    earlier_output,
    figures_of,
)
from mfcli.publishing.lists import ListSummary, WrittenLists
from mfcli.publishing.parts import (
    PART_USERS,
    Part,
    PartNote,
    forget_notes,
    part_format,
    parts_of,
    read_note,
    save_note,
    total_of,
    write_part,
)
from mfcli.scoring.files import Inputs, load_recommender
from mfcli.scoring.ids import IdIndex
from mfcli.scoring.recommender import Recommender
from mfcli.wording import part_of

PLAN = "plan.json"
TURN_SECONDS = 60.0  # a shard waits so long for another one that sets up or publishes


def publish_folder(
    model: Path,
    out: Path,
    config: RecommendConfig,
    on_event: OnEvent,
    held: Held = NOTHING,
) -> WrittenLists:
    """Write the parts of this shard, and publish the folder if all parts are there."""
    target = real_folder(out)
    _refuse_inputs_inside(target, out, model, config)
    if config.keep_previous:
        real_folder(previous_of(target))
    building = building_place(target)
    number, total = config.shard_of
    with ExitStack() as locks:
        if total == 1:
            locks.enter_context(output_lock(out, config.wait))
        recommender, inputs = load_recommender(model, config, on_event, held)
        recommender.check_types(part_format(config))
        parts = parts_of(recommender)
        folder = _Folder(
            model=model,
            out=out,
            target=target,
            building=building,
            recommender=recommender,
            parts=parts,
            plan=_plan(model, inputs, config, parts),
            on_event=on_event,
        )
        with _turn(building, config):
            alone = total == 1 or _is_free(out)
            if total > 1:
                locks.enter_context(output_lock(out, config.wait, shared=True))
            folder.begin(alone=alone)
        written = folder.write(parts[number - 1 :: total])
        with _turn(building, config):
            published = folder.publish()
    return WrittenLists(
        recommender=recommender,
        summary=total_of(written, recommender.n_items),
        figures=None if published is None else published.figures,
        parts=len(written),
        published=published is not None,
        changes=None if published is None else published.changes,
    )


def _refuse_inputs_inside(target: Path, out: Path, model: Path, config: RecommendConfig) -> None:
    for source in (str(model), *config.files):
        if target in Path(os.path.realpath(source)).parents:
            raise UsageError(f"--out {out} holds the input {source}: name another folder")


def _is_free(out: Path) -> bool:
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


def _plan(
    model: Path, inputs: Inputs, config: RecommendConfig, parts: list[Part]
) -> dict[str, Any]:
    """Return what decides the bytes of all parts."""
    options = {
        **config.stored(leave_out=Role.seed),
        "format": str(part_format(config)),
        "part_users": config.part_users or PART_USERS,
    }
    return {
        "schema": 1,
        "kind": "recommendations",
        "model": {"sha256": file_sha256(model)},
        "options": dict(sorted(options.items())),
        "inputs": inputs,
        "part_names": [part.name for part in parts],
    }


class Published(NamedTuple):
    """What there is to tell of a folder that is in its place; see ``WrittenLists``."""

    figures: Figures
    changes: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """A folder of parts on its way: built in ``building``, put in the place of ``target``.

    out: as the user names it; parts: all of them, whoever writes them; plan: what decides their
    bytes.
    """

    model: Path
    out: Path
    target: Path
    building: Path
    recommender: Recommender
    parts: list[Part]
    plan: dict[str, Any]
    on_event: OnEvent

    @property
    def config(self) -> RecommendConfig:
        return self.recommender.config

    @property
    def is_sharded(self) -> bool:
        return self.config.shard_of[1] > 1

    def begin(self, *, alone: bool) -> None:
        """Make the hidden folder, or go on in the one that is there; raises InputError.

        A shard that finds what another run left, and nobody at it, starts anew.
        """
        keep = self.config.resume or self.is_sharded
        there = _read_plan(self.building)
        if keep and there is not None and there != self.plan:
            if self.config.resume or not alone:
                raise InputError(
                    f"{self.building}: was begun with {_difference(there, self.plan)}: leave out "
                    "--resume to start anew, or let the other shards end"
                )
            there = None
        if not keep or there is None:
            remove_tree(self.building)
            self.building.mkdir(parents=True)
            with atomic_file(self.building / PLAN) as stream:
                stream.write(json.dumps(self.plan).encode())
            if keep:
                self._adopt()

    def _adopt(self) -> None:
        """Take over the whole parts of a published folder of the same plan."""
        manifest = read_manifest(self.target)
        if manifest is None or any(manifest.get(name) != it for name, it in self.plan.items()):
            return
        entries = {entry["name"]: entry for entry in manifest["parts"]}
        index = IdIndex(self.recommender.catalog.item_ids)
        for part in self.parts:
            entry, path = entries.get(part.name), self.target / part.name
            if entry is None or not _is_whole(path, entry):
                continue
            covered = np.zeros(self.recommender.n_items, bool)
            covered[index.rows(read_pairs(path)["item_id"].unique().to_pylist())] = True
            summary = ListSummary(
                rows=entry["rows"],
                users=entry["users"],
                short=entry["short"],
                covered=covered,
                preview=[],
            )
            os.link(path, self.building / part.name)
            save_note(self.building, PartNote.of(part, summary, entry["sha256"]))

    def write(self, parts: list[Part]) -> list[PartNote]:
        """Write those of ``parts`` that are not there and whole; return the notes of all."""
        self.on_event(Started("recommend", len(parts), "parts"))
        there = {part: read_note(self.building, part) for part in parts}
        written = [note for note in there.values() if note is not None]
        if written:
            self.on_event(
                Noted(f"{part_of(len(written), len(parts), 'part', 'was', 'were')} there and whole")
            )
        todo = [part for part, note in there.items() if note is None]
        if todo and self.config.engine is BatchEngine.dask:
            from mfcli.publishing.cluster import run_parts

            written += run_parts(
                self.model, self.plan, self.config, todo, self.building, self.on_event
            )
        else:
            for part in todo:
                written.append(write_part(self.recommender, part, self.building))
                self.on_event(Progress(len(written), len(parts)))
        return sorted(written, key=lambda note: note.number)

    def publish(self) -> Published | None:
        """Put the folder in its place if all parts are there and the gates passed; else None."""
        if _read_plan(self.building) != self.plan:
            self.on_event(Noted(f"{self.out}: another shard has published it"))
            return None
        found = [read_note(self.building, part) for part in self.parts]
        notes = [note for note in found if note is not None]
        missing = len(found) - len(notes)
        if missing:
            what = f"{part_of(missing, len(self.parts), 'part', 'is', 'are')} still to come"
            self.on_event(Noted(f"{self.out}: {what}"))
            return None
        total = total_of(notes, self.recommender.n_items)
        figures = self._check_gates(total)
        manifest = {
            **self.plan,
            "rows": total.rows,
            "users": total.users,
            "parts": [note.entry() for note in notes],
            "lineage": lineage_of(self.recommender.checkpoint.meta),
        }
        if self.is_sharded and _is_published(self.target, manifest):
            # A shard that was started again must not make tonight's output the previous one.
            self.on_event(Noted(f"{self.out}: is published already"))
            remove_tree(self.building)
            return Published(figures)
        changes = publish_changes(
            earlier_output(self.target, self.config),
            [self.building / part.name for part in self.parts],
            self.config,
            self.recommender.columns(),
        )
        forget_notes(self.building)
        (self.building / PLAN).unlink()
        publish(self.building, self.target, manifest, keep=self.config.keep_previous)
        return Published(figures, changes)

    def _check_gates(self, total: ListSummary) -> Figures:
        """Measure the whole folder; raises GateError."""
        coverage = coverage_of(total.covered, self.recommender.request.allowed)
        paths = [self.building / part.name for part in self.parts]
        figures = figures_of(total.users, coverage, self.target, paths, self.config, self.on_event)
        check_figures(figures, self.config, self.on_event)
        return figures


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


def _is_published(target: Path, manifest: dict[str, Any]) -> bool:
    there = read_manifest(target)
    return (
        there is not None
        and all(there.get(name) == value for name, value in manifest.items())
        and all(_is_whole(target / entry["name"], entry) for entry in manifest["parts"])
    )


def _is_whole(path: Path, entry: dict[str, Any]) -> bool:
    """Tell whether the file of a part is what the manifest's entry says."""
    return path.is_file() and file_sha256(path) == entry["sha256"]
