"""Exceptions → one line on standard error and the exit status."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

import typer

from mfcli.errors import (
    InterruptedRunError,
    MfcliError,
    SystemRefusedError,
    is_out_of_memory,
)
from mfcli.system.streams import emit, standard_error

AGAIN_SECONDS = 0.02  # after which a lost interruption comes again


@dataclasses.dataclass(frozen=True)
class Common:
    """The options of every command."""

    json: bool
    quiet: bool
    debug: bool


class statuses:  # noqa: N801 - used like a function
    """Turn exceptions into one line on standard error and the exit status."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.before: Any = None
        self.hook: Any = None

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGTERM, _terminated)
        self.hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def _unraisable(self, found: Any) -> None:
        """Repeat an interruption that came within a library's callback, where it would be lost."""
        if issubclass(found.exc_type, KeyboardInterrupt):
            terminated = str(found.exc_value) == "terminated"
            number = signal.SIGTERM if terminated else signal.SIGINT
            again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
        else:
            self.hook(found)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        signal.signal(signal.SIGTERM, self.before)
        sys.unraisablehook = self.hook
        if error is None or isinstance(error, typer.Exit | SystemExit):
            return
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(0) from None  # the reader of standard output has all that it wanted
        expected = as_expected(error)
        if expected is None or self.common.debug:
            return  # a bug, or --debug: the traceback
        fail(expected, self.common)


def _terminated(signum: int, frame: object) -> NoReturn:  # noqa: ARG001
    # As Ctrl-C: no Exception, which a library may take for one of its own.
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
    errno.ENOTDIR: "a part of the path is no folder",
    errno.EISDIR: "a folder has the name of a file that is to be written: move it away",
    errno.ENOENT: "the file or its folder is gone",
    errno.ELOOP: "the links of the path lead in a circle",
    errno.EFBIG: "the file would be too large: raise ulimit -f, or choose another place",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOLCK: "the file system has no locks: choose another place",
    errno.EOPNOTSUPP: "the file system cannot do it: choose another place",
    errno.ESTALE: "the network file system lost the file: run again",
    errno.ETIMEDOUT: "the file system does not answer",
}


def as_expected(error: BaseException) -> MfcliError | None:
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


def fail(error: MfcliError, common: Common) -> NoReturn:
    """Say what went wrong, as JSON too where it was asked for, and end with its status."""
    standard_error().write(f"error: {error}\n")
    if common.json:
        document = {"error": {"message": str(error), "exit_status": error.exit_status}}
        with contextlib.suppress(OSError, SystemRefusedError):  # the status says it as well
            emit(json.dumps(document, ensure_ascii=False) + "\n")
    raise typer.Exit(error.exit_status) from None
