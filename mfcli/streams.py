"""The standard streams, which a shell, cron or a service may have closed or filled."""

from __future__ import annotations

import os
import sys
from typing import IO, Any, TextIO, cast

from mfcli.errors import InputError, SystemRefusedError


def standard_output() -> TextIO:
    """Return standard output; raises SystemRefusedError where the caller closed it."""
    if sys.stdout is None:  # >&-
        raise SystemRefusedError("standard output is closed: name a file")
    return sys.stdout


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
                self._drop()
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._drop()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def _drop(self) -> None:
        """Send the rest nowhere: Python flushes at exit what it could not write, and complains."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
