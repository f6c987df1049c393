"""Interruptions, and an error as one line on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from mfcli.errors import MfcliError, SystemRefusedError
from mfcli.system.streams import emit, standard_error

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


def tell(error: MfcliError, about: dict[str, Any] | None) -> None:
    """Say what went wrong on standard error, and with --json as a document too.

    about: what the document says of the command besides; None where none was asked for.
    """
    standard_error().write(f"error: {error}\n")
    if about is not None:
        from mfcli.results import without_nan  # help does without

        document = {"error": {"message": str(error), "exit_status": error.exit_status}, **about}
        with contextlib.suppress(OSError, SystemRefusedError):  # the status says it as well
            emit(json.dumps(without_nan(document), ensure_ascii=False) + "\n")
