"""Which generations stay, and how the others go without a reader's losing one.

Four things stay whatever ``keep`` says: the current generation; the one before it, which a reader
that asked a moment ago still reads; one whose manifest.json a reader has locked, shared, as
``flock --shared FOLDER/current/manifest.json COMMAND`` does; and one of which a process on this
machine has a file open, or is in its folder, as far as the system lets us see.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mfcli.artifacts.folders import remove_tree
from mfcli.config.nightly import Keep
from mfcli.errors import InputError
from mfcli.nights.generations import Generation, all_generations
from mfcli.nights.places import MANIFEST, Place


def beyond(
    there: list[Generation], current: str | None, keep: Keep, now: float
) -> list[Generation]:
    """Return the generations that ``keep`` does not keep, in order.

    there: all of them in the order of publication. now: seconds since 1970.
    """
    if keep.number is not None:
        old = there[: -keep.number]
    else:
        assert keep.seconds is not None
        old = [it for it in there if now - it.published > keep.seconds]
    spared = {current, _before(there, current)}
    return [it for it in old if it.name not in spared]


def _before(there: list[Generation], current: str | None) -> str | None:
    """Return the name of the generation that was current before the current one was published.

    After a rollback that is not the one with the number before.
    """
    found = next((it for it in there if it.name == current), None)
    before = None if found is None else previous_to(found, there)
    return None if before is None else before.name


def previous_to(generation: Generation, there: list[Generation]) -> Generation | None:
    """Return the generation that one took the place of; where it is gone, the newest older one."""
    earlier = [it for it in there if it.number < generation.number]
    last = [it for it in earlier if it.name == generation.document.get("last")]
    candidates = last or earlier
    return candidates[-1] if candidates else None


def clean(place: Place, keep: Keep, *, dry_run: bool = False) -> tuple[list[str], list[str]]:
    """Remove the generations that are not kept: their names, and those that a reader holds.

    ``dry_run`` removes nothing.
    """
    removed: list[str] = []
    held: list[str] = []
    if not dry_run:
        empty_trash(place)
    for generation in beyond(all_generations(place), place.current_name(), keep, time.time()):
        with unread(generation.folder) as free:
            (removed if free else held).append(generation.name)
            if free and not dry_run:
                discard(place, generation.folder)
    return removed, held


def discard(place: Place, folder: Path) -> None:
    """Take a folder out of the way in one step, then remove it: it is never there in part."""
    place.trash.mkdir(exist_ok=True)
    gone = place.trash / folder.name
    remove_tree(gone)
    os.rename(folder, gone)
    empty_trash(place)


def empty_trash(place: Place) -> None:
    """Remove what a run that was killed meant to remove."""
    remove_tree(place.trash)


@contextmanager
def reading(generation: Generation) -> Iterator[None]:
    """Hold a generation as a reader does, for the time of a ``with``; raises InputError."""
    try:
        descriptor = os.open(generation.folder / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise InputError(f"{generation.folder}: has just been removed") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unread(folder: Path, wait: float = 0.0, *, declared: bool = False) -> Iterator[bool]:
    """Hold off new readers of a generation for the time of a ``with``; yield whether it is unread.

    wait: seconds to wait for readers to end. declared: only readers that hold the lock count.
    """
    try:
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield True
        return
    try:
        deadline = time.monotonic() + wait
        while not (free := _is_free(descriptor, folder, declared)) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield free
    finally:
        os.close(descriptor)


def _is_free(descriptor: int, folder: Path, declared: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return declared or not _is_open(folder)


def _is_open(folder: Path) -> bool:
    """Tell whether another process is known to use a file of a folder, or to be in it."""
    inside, own = f"{os.path.realpath(folder)}/", str(os.getpid())
    with suppress(OSError):
        for process in os.listdir("/proc"):
            if process.isdigit() and process != own:
                for target in _used_by(f"/proc/{process}"):
                    if f"{target}/".startswith(inside):
                        return True
    return False


def _used_by(process: str) -> Iterator[str]:
    """Yield the paths that a process has open, mapped, or as its folder; none of a stranger's."""
    with suppress(OSError):
        yield os.readlink(f"{process}/cwd")
    for kind in ("fd", "map_files"):
        with suppress(OSError):
            for name in os.listdir(f"{process}/{kind}"):
                with suppress(OSError):
                    yield os.readlink(f"{process}/{kind}/{name}")
