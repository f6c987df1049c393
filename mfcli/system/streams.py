"""The standard streams, which a shell, cron or a service may have closed or filled."""

from __future__ import annotations

import os
import re
import sys
from io import TextIOWrapper
from typing import IO, Any, TextIO, cast

from mfcli.errors import InputError, SystemRefusedError


def standard_output() -> TextIO:
    """Return standard output; raises SystemRefusedError where the caller closed it."""
    if sys.stdout is None:  # >&-
        raise SystemRefusedError("standard output is closed: name a file")
    return sys.stdout


def is_standard_output(path: str) -> bool:
    """Tell whether a path is another name of standard output, as ``-`` is one.

    A file of such a name would replace what standard output was sent to, earlier lines and all.
    """
    names = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", f"/proc/{os.getpid()}/fd/1")
    return path == "-" or os.path.normpath(path) in names


def is_open_stream(path: str) -> bool:
    """Tell whether a path names a stream that a process has open, rather than a file."""
    whole = os.path.abspath(path)
    return re.match(r"/dev/(std(in|out|err)$|fd/)|/proc/[^/]+/fd/", whole) is not None


def emit(text: str) -> None:
    """Write data to standard output at once, as UTF-8 whatever the locale.

    Raises OSError, SystemRefusedError where that fails.
    """
    out = standard_output()
    out.flush()
    out.buffer.write(text.encode("utf-8", "backslashreplace"))
    out.buffer.flush()


def printable(name: str) -> str:
    """Return a file's name with its bytes that are no UTF-8 as escapes, as a file may hold it."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def tolerate_any_text() -> None:
    """Escape what the locale has no letter for, in tables and messages, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def settle_output() -> None:
    """Drop what standard output did not take: Python would complain at exit, with status 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _nowhere(sys.stdout)


def standard_input() -> IO[bytes]:
    """Return standard input, bytes; raises InputError where the caller closed it."""
    if sys.stdin is None:  # <&-
        raise InputError("standard input is closed: pipe the rows in, or name a file")
    return sys.stdin.buffer


def standard_error() -> TextIO:
    """Return standard error, where what cannot be written is dropped."""
    return cast(TextIO, _Dropping())


class _Dropping:
    """Standard error without its failures: progress that nobody can read must not end a run."""

    def __init__(self) -> None:
        self._stream: Any = sys.stderr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._stream is not None:  # 2>&-
            try:
                return int(self._stream.write(text))
            except OSError:
                _nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                _nowhere(self._stream)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()


def _nowhere(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
