"""What ``mfcli nightly`` does with the generations that are there: list, roll back, forget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from mfcli import __version__
from mfcli.artifacts import load_interactions
from mfcli.config.nightly import NightConfigs
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, ignore
from mfcli.nights.forgetting import forget
from mfcli.nights.generations import Generation, all_generations
from mfcli.nights.keeping import empty_trash, unread
from mfcli.nights.places import MATRIX, Place
from mfcli.nights.publishing import find_target, finish_switch, rollback
from mfcli.nights.staging import discard_staging
from mfcli.nights.status import Status, read_status, write_status
from mfcli.results import ForgetResult, GenerationsResult, RollbackResult
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
    configs: NightConfigs, asked: str, on_event: OnEvent = ignore, *, dry_run: bool = False
) -> RollbackResult:
    """Make an earlier generation current, in one step; its files are what they were, to the byte.

    asked: a generation's name, or ``previous``. Raises UsageError where there is none, InputError
    where it is damaged, LockedError.
    """
    place = Place(configs.folder)
    with _settled(place, configs, on_event):
        before, target = place.current_name(), find_target(place, asked)
        if not dry_run:
            rollback(place, target)
            _tell(place, Status.rolled_back, f"from {before} to {target.name}")
    return RollbackResult(
        folder=str(place.folder), before=before, current=target.name, dry_run=dry_run
    )


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
