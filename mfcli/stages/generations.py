"""What ``mfcli nightly`` does with the generations that are there.

They are listed, rolled back, compared, and rid of users.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mfcli import __version__
from mfcli.artifacts import load_interactions, output_lock, real_output
from mfcli.config import format_of
from mfcli.config.nightly import NightConfigs
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent, ignore
from mfcli.nights.forgetting import forget
from mfcli.nights.generations import Generation, all_generations, current_generation
from mfcli.nights.keeping import empty_trash, reading, unread
from mfcli.nights.listed import changes_from, save_changes_from
from mfcli.nights.places import GENERATIONS, MATRIX, Place
from mfcli.nights.publishing import find_target, finish_switch, rollback
from mfcli.nights.staging import discard_staging
from mfcli.nights.status import Status, read_status, write_status
from mfcli.results import ChangesResult, ForgetResult, GenerationsResult, RollbackResult
from mfcli.scoring.id_lists import read_ids
from mfcli.scoring.ids import IdIndex
from mfcli.system import clock
from mfcli.wording import counted


def list_generations(configs: NightConfigs) -> GenerationsResult:
    """Return what is known of each generation, in the order of their publication."""
    place = Place(configs.folder)
    current, there = place.current_name(), all_generations(place)
    status = read_status(place)
    return GenerationsResult(
        folder=str(place.folder),
        current=current,
        latest={name: status[name] for name in ("status", "reason") if name in status},
        generations=[_row(it, current) for it in there],
    )


def _row(generation: Generation, current: str | None) -> dict[str, Any]:
    figures, document = generation.figures, generation.document
    with unread(generation.folder) as free:
        in_use = not free
    return {
        "name": generation.name,
        "number": generation.number,
        "current": generation.name == current,
        "in_use": in_use,
        "as_of": document.get("as_of"),
        "published": clock.stamp(datetime.fromtimestamp(generation.published, UTC)),
        "last": document.get("last"),
        "rows": figures.rows,
        "users": figures.users,
        "items": figures.items,
        "lists": figures.lists,
        "churn": figures.churn,
        "metrics": figures.metrics,
        "bytes": generation.n_bytes,
        "forgotten": document.get("forgotten", 0),
    }


def roll_back(
    configs: NightConfigs,
    asked: str,
    on_event: OnEvent = ignore,
    *,
    changes: Path | None = None,
    dry_run: bool = False,
) -> RollbackResult:
    """Make an earlier generation current, in one step; its files are what they were, to the byte.

    asked: a generation's name, or ``previous``. changes: a table to write before that, of the users
    whose list is then another one. Raises UsageError where there is none, InputError where it is
    damaged, LockedError.
    """
    place = Place(configs.folder)
    with _settled(place, configs, on_event):
        before, target = current_generation(place), find_target(place, asked)
        counts = None
        if changes is not None:
            if before is None:
                raise UsageError("--changes: no generation is current")
            counts = _write_changes(configs, before, target, changes, dry_run=dry_run)
        was = None if before is None else before.name
        if not dry_run:
            rollback(place, target)
            _tell(place, Status.rolled_back, f"from {was} to {target.name}")
    return RollbackResult(
        folder=str(place.folder), before=was, current=target.name, dry_run=dry_run, changes=counts
    )


def changes_since(configs: NightConfigs, since: str, out: Path) -> ChangesResult:
    """Write the users whose list in the current generation is not what it was in an earlier one.

    since: a generation's name, or ``previous``. Both are held as a reader holds them; a night may
    be at work meanwhile. Raises UsageError, InputError.
    """
    place = Place(configs.folder)
    before = find_target(place, since, "--since")
    after = current_generation(place)
    if after is None:
        raise UsageError("--since: no generation is current")
    with reading(before), reading(after):
        counts = _write_changes(configs, before, after, out)
    return ChangesResult(
        folder=str(place.folder),
        since=before.name,
        current=after.name,
        out=str(out),
        changes=counts,
    )


def _write_changes(
    configs: NightConfigs,
    before: Generation,
    after: Generation,
    out: Path,
    *,
    dry_run: bool = False,
) -> dict[str, int]:
    """Write the changes from one generation to another one, and return how many they are."""
    place = Path(os.path.realpath(configs.folder))
    own = real_output(out)
    if place / GENERATIONS in own.parents:
        raise UsageError(f"--changes {out}: lies in a generation: name another file")
    format_of(out.name, "--changes")
    found = changes_from(before, after)
    if dry_run:
        return found.counts()
    with output_lock(out, configs.nightly.wait):
        return save_changes_from(found, after, out, csv_safe=configs.run.recommend.csv_safe)


def forget_users(
    configs: NightConfigs, file: str, on_event: OnEvent = ignore, *, dry_run: bool = False
) -> ForgetResult:
    """Remove the users of a file from all generations: none comes back by a rollback.

    A night that was cut off is given up: it holds them as well. Raises InputError for a file that
    cannot be read or names nobody, and what nights.forgetting does.
    """
    place = Place(configs.folder)
    done: list[dict[str, Any]] = []
    with _settled(place, configs, on_event):
        there = all_generations(place)
        known = load_interactions(there[-1].folder / MATRIX).catalog.user_ids
        users = read_ids(file, "user", IdIndex(known), on_event)  # known: what is no header
        if not users:
            raise InputError(f"{file}: names no user")
        if not dry_run:
            discard_staging(place)
            for generation in there:
                found = forget(place, generation, users, configs.nightly.wait)
                if found is not None:
                    done.append(vars(found))
            where = counted(len(done), "generation")
            _tell(place, Status.forgotten, f"{counted(len(users), 'user')}, in {where}")
        on_event(
            Noted(
                f"take them out of {', '.join(configs.source)} as well: the next night reads it "
                "anew"
            )
        )
    return ForgetResult(
        folder=str(place.folder),
        asked=len(users),
        generations=[it.name for it in there],
        forgotten=done,
        dry_run=dry_run,
    )


@contextmanager
def _settled(place: Place, configs: NightConfigs, on_event: OnEvent) -> Iterator[None]:
    """Hold the folder, and finish what a run that was killed had decided."""
    if not all_generations(place):
        raise InputError(f"{place.folder}: holds no generation yet: run a night first")
    with place.locked(configs.nightly.wait):
        finished = finish_switch(place)
        if finished is not None:
            on_event(Noted(f"{finished}: published now; the last run was killed meanwhile"))
        empty_trash(place)
        yield


def _tell(place: Place, status: Status, reason: str) -> None:
    before = read_status(place)
    before.pop("before", None)
    moment = clock.stamp(clock.now())
    write_status(
        place,
        {
            "status": str(status),
            "exit_status": 0,
            "reason": reason,
            "generation": None,
            "current": place.current_name(),
            "times": {"started": moment, "ended": moment},
            "mfcli": __version__,
            "before": before,
        },
    )
