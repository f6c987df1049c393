"""Commands that run after a night: told what became of it, and ended where they take long."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mfcli.system.streams import standard_error

GRACE_SECONDS = 5.0  # between asking a hook to end and ending it


def run_hook(command: Sequence[str], variables: Mapping[str, str], timeout: float) -> str | None:
    """Run a command to its end; return what went wrong in one sentence, None where nothing did.

    variables: what its environment says beside ours. Its standard output goes to our standard
    error, which holds messages; after ``timeout`` seconds it is ended, and what it started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command
            list(command),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=_error_stream(),
            stderr=_error_stream(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"{command[0]}: cannot be run: {reason}"
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"{command[0]}: was ended after {timeout:g} s"
    except BaseException:
        _end(process)
        raise
    if status:
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return f"{command[0]}: ended with {how}"
    return None


def _error_stream() -> int:
    try:
        return standard_error().fileno()
    except (OSError, ValueError):
        return subprocess.DEVNULL


def _end(process: subprocess.Popen[bytes]) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
