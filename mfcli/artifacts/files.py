"""Files that appear whole or not at all, and the lock that keeps two runs off one output."""

from __future__ import annotations

import fcntl
import grp
import hashlib
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mfcli.errors import InputError, LockedError, SystemRefusedError, UsageError
from mfcli.system.refusals import naming
from mfcli.system.streams import is_open_stream

# Of a file that is whole but not in its place yet → the bytes of its manifest.
Describe = Callable[[Path], bytes]

POLL_SECONDS = 0.2  # between two tries for a lock; flock has no time-out of its own


def real_output(path: Path) -> Path:
    """Follow links to where ``path`` would be written; refuse what is not a regular file.

    Raises UsageError for a folder, a device, or a name of an open stream, behind which a file may
    lie that others have written to: a rename would replace it. Raises SystemRefusedError where the
    group of the file could not be kept.
    """
    if is_open_stream(str(path)):
        raise UsageError(
            f"--out {path} is an open stream, whose file would be replaced: name a file, or - for "
            "standard output"
        )
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise UsageError(f"--out {path} is a folder: name a file")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise UsageError(f"--out {path} is not a regular file: it would be replaced by one")
    if target.exists():
        _refuse_lost_group(target)
    return target


def refuse_input_as_output(out: Path, *inputs: Path | str | None) -> None:
    """Raise UsageError where ``out`` is one of the files that are read: it would be replaced."""
    for source in inputs:
        if source is None or not os.path.exists(source) or not out.exists():
            continue
        if os.path.samefile(out, source):
            raise UsageError(f"--out {out} is an input as well: name another file")


@contextmanager
def output_lock(path: Path, wait: float = 0.0, *, shared: bool = False) -> Iterator[None]:
    """Hold ``path``.lock for the time of a ``with``; LockedError if another run does.

    ``wait``: seconds to try for. ``shared``: beside others that share it, as shards do. The lock
    file stays: unlinking it would let two runs hold locks on two files of one name. The kernel
    releases the lock when the process dies, however it dies. Missing folders are made.
    """
    lock = Path(f"{os.path.realpath(path)}.lock")
    _make_folder(lock.parent, path)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + wait
        while not _locked(descriptor, shared):
            left = deadline - time.monotonic()
            if left <= 0:
                waited = f" after {wait:g} s" if wait else ""
                raise LockedError(
                    f"{path}: another run is writing it{waited} (it holds {lock.name}): wait for "
                    "it to end, as --wait SECONDS does"
                )
            time.sleep(min(left, POLL_SECONDS))
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def atomic_path(path: Path, describe: Describe | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; flush and rename it when the ``with`` ends well.

    describe: returns the text of the file's manifest, ``path``.manifest.json, which is written
    before and renamed right after it. Without one, the manifest of an earlier file is removed: it
    would not be true of this one.

    The temporary names are always the same, so that a killed run leaves at most one file of each,
    which the next run overwrites: hold the output's lock.
    """
    target = real_output(path)
    _make_folder(target.parent, path)
    temporary = _temporary(target)
    described = manifest_of(temporary)
    temporary.unlink(missing_ok=True)
    described.unlink(missing_ok=True)
    try:
        if target.exists():  # others see no more of it now than when it is whole
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with naming(path):
            yield temporary
            flush(temporary)
            if describe is not None:
                described.write_bytes(describe(temporary))
                flush(described)
        with uninterrupted():
            move_file(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        described.unlink(missing_ok=True)
        raise
    flush(target.parent)


def is_manifest(path: Path) -> bool:
    """Tell whether a file is a manifest of ours, by its first line; it may be missing."""
    try:
        with path.open("rb") as stream:
            return b'"made_by": "mfcli"' in stream.read(100)
    except OSError:
        return False


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def move_file(file: Path, target: Path) -> None:
    """Put a whole file in the place of ``target``, its manifest with it or the old one removed.

    It gets the mode and the group of what it replaces.
    """
    keep_access(file, target)
    os.replace(file, target)
    if manifest_of(file).exists():
        keep_access(manifest_of(file), target)
        os.replace(manifest_of(file), manifest_of(target))
    elif is_manifest(manifest_of(target)):
        manifest_of(target).unlink()


def keep_access(file: Path, replaced: Path) -> None:
    """Give a file, or a folder, the mode and the group of what it replaces, which may be missing.

    Raises SystemRefusedError where the group cannot be given away.
    """
    try:
        before = replaced.stat()
    except FileNotFoundError:
        return
    if file.stat().st_gid != before.st_gid:
        try:
            os.chown(file, -1, before.st_gid)
        except OSError:
            raise SystemRefusedError(_lost_group(replaced, before.st_gid)) from None
    if stat.S_IMODE(file.stat().st_mode) != stat.S_IMODE(before.st_mode):
        os.chmod(file, stat.S_IMODE(before.st_mode))


def _refuse_lost_group(target: Path) -> None:
    """Raise SystemRefusedError early where a new file could not have the group of ``target``."""
    folder = target.parent.stat()
    group = folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid()
    wanted = target.stat().st_gid
    if os.geteuid() != 0 and wanted not in (group, os.getegid(), *os.getgroups()):
        raise SystemRefusedError(_lost_group(target, wanted))


def _lost_group(path: Path, group: int) -> str:
    return (
        f"{path}: its group {_group_name(group)} cannot be kept by who is not in it: run as a "
        "member, or give the file another group first"
    )


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def remove_file(path: Path) -> None:
    """Remove a file and its manifest; they may be missing."""
    path.unlink(missing_ok=True)
    if is_manifest(manifest_of(path)):
        manifest_of(path).unlink()


def manifest_of(path: Path) -> Path:
    """Return where the manifest of a file lies."""
    return path.with_name(f"{path.name}.manifest.json")


@contextmanager
def atomic_file(path: Path, describe: Describe | None = None) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes ``path`` when the ``with`` ends well; see atomic_path."""
    with atomic_path(path, describe) as temporary, temporary.open("wb") as stream:
        yield stream


def previous_of(path: Path) -> Path:
    """Return where the output that ``path`` replaces is kept."""
    return path.with_name(f"{path.name}.previous")


def keep_as_previous(path: Path) -> None:
    """Make the file at ``path`` also ``path``.previous, in one step; it may be missing.

    Its manifest goes with it, as ``path``.previous.manifest.json.
    """
    target = real_output(path)
    if not target.exists():
        return
    previous = previous_of(target)
    _link(target, previous)
    if is_manifest(manifest_of(target)):
        _link(manifest_of(target), manifest_of(previous))
    elif is_manifest(manifest_of(previous)):
        manifest_of(previous).unlink()


def _link(file: Path, other: Path) -> None:
    """Give a file a second name, in one step whatever is there."""
    link = _temporary(other)
    link.unlink(missing_ok=True)
    os.link(file, link)
    os.replace(link, other)


def _make_folder(folder: Path, path: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--out {path}: a part of the path is a file, not a folder") from None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off to the end of the ``with``: several renames belong together."""
    caught: list[int] = []
    before: dict[int, Any] = {}
    if (
        threading.current_thread() is threading.main_thread()
    ):  # no other thread may set handlers, nor gets signals
        for sent in (signal.SIGINT, signal.SIGTERM):
            before[sent] = signal.signal(sent, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in caught[:1]:
        signal.raise_signal(number)


def flush(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with open_input(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def open_input(path: Path) -> IO[bytes]:
    """Open a regular file for reading; raises InputError that says why it cannot be."""
    try:
        stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, not a file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise InputError(f"{path}: is not a regular file")
    return stream


def _without_waiting(name: str, flags: int) -> int:
    """Open a pipe that nobody writes to as well, instead of waiting forever."""
    return os.open(name, flags | os.O_NONBLOCK)


def seconds_old(path: Path) -> float:
    """Return the seconds since a file was last written."""
    return max(0.0, time.time() - path.stat().st_mtime)
