"""Exceptions → one line on standard error and the exit status."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from mfcli.errors import (
    InterruptedRunError,
    MfcliError,
    SystemRefusedError,
    is_out_of_memory,
)
from mfcli.system.streams import emit, standard_error

if TYPE_CHECKING:  # help does without
    from mfcli.events import Warned

AGAIN_SECONDS = 0.02  # after which a lost interruption comes again


@contextlib.contextmanager
def interruptions() -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does, and let no interruption get lost in a callback."""
    before, hook = signal.signal(signal.SIGTERM, _terminated), sys.unraisablehook

    def repeat_interruption(found: Any) -> None:
        """Send an interruption again that came within a library's callback, which drops it."""
        if not issubclass(found.exc_type, KeyboardInterrupt):
            hook(found)
            return
        terminated = str(found.exc_value) == "terminated"
        number = signal.SIGTERM if terminated else signal.SIGINT
        again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = repeat_interruption
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.unraisablehook = hook


def _terminated(signum: int, frame: object) -> NoReturn:  # noqa: ARG001
    # A KeyboardInterrupt as of Ctrl-C: a library may catch an Exception as one of its own.
    raise KeyboardInterrupt("terminated")


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
        where = f"{error.filename}: " if error.filename else ""
        return SystemRefusedError(f"{where}{REFUSALS[error.errno]}")
    return None


def tell(error: MfcliError, as_json: bool, warned: list[Warned]) -> None:
    """Say what went wrong on standard error, and as a JSON document where that was asked for.

    ``warned``: the warnings before it, which the document repeats.
    """
    standard_error().write(f"error: {error}\n")
    if as_json:
        document = {
            "error": {"message": str(error), "exit_status": error.exit_status},
            "warnings": [warning.document() for warning in warned],
        }
        with contextlib.suppress(OSError, SystemRefusedError):  # the status says it as well
            emit(json.dumps(document, ensure_ascii=False) + "\n")
