"""Interruptions, and an error as one line on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from mfcli.errors import MfcliError, SystemRefusedError
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
