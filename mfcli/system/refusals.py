"""Exceptions of any library → an error that a user can mend, or a bug."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mfcli.errors import (
    InterruptedRunError,
    MfcliError,
    SystemRefusedError,
    is_out_of_memory,
)

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
REFUSALS = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk quota is used up: make room",
    errno.EACCES: "permission denied: choose a place where you may write",
    errno.EPERM: "permission denied: choose a place where you may write",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.ENOMEM: "out of memory",
    errno.EIO: "input/output error of the disk",
    errno.EMFILE: "too many open files: raise ulimit -n",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "a folder has the name of a file that is to be written: move it away",
    errno.ENOENT: "the file or its folder is gone",
    errno.ELOOP: "the links of the path lead in a circle",
    errno.EFBIG: "the file would be too large: raise ulimit -f, or choose another place",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOLCK: "the file system has no locks: choose another place",
    errno.EOPNOTSUPP: "the file system does not support this: choose another place",
    errno.ESTALE: "the network file system lost the file: run again",
    errno.ETIMEDOUT: "the file system does not answer",
}


def expected_error(error: BaseException) -> MfcliError | None:
    """Return the error as one that a user can mend, or None if it is a bug."""
    if isinstance(error, MfcliError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError(str(error) or "interrupted")
    if is_out_of_memory(error):
        return SystemRefusedError("out of memory: take fewer --factors or less data")
    if isinstance(error, OSError) and error.errno in REFUSALS:
        name = error.filename
        where = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes | os.PathLike) else ""
        words = REFUSALS[error.errno]
        if where and error.errno in FULL:
            words = words.replace(": ", f" (mounted on {mount_point(os.fsdecode(name))}): ", 1)
        return SystemRefusedError(f"{where}{words}")
    return None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file that is written where a disk is full: a failed write does not say it."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


def mount_point(path: str) -> str:
    """Return where the file system is mounted that a path lies in, whether it is there or not."""
    place = os.path.realpath(path)
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    return place
