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

from mfcli.errors import InterruptedRunError, MfcliError, SystemRefusedError
from mfcli.system.refusals import expected_error
from mfcli.system.streams import emit, standard_error

AGAIN_SECONDS = 0.02  # after which a lost interruption comes again


class Interruption:
    """What Ctrl-C and SIGTERM do: a KeyboardInterrupt, which a library cannot take for its own.

    came: whether one did. A library may make another error of it, as NumPy's C interface does of
    whatever ends an import.
    """

    def __init__(self) -> None:
        """Nothing came yet."""
        self.came = False

    def __call__(self, number: int, frame: object) -> NoReturn:  # noqa: ARG002
        """Interrupt, as a handler of signals."""
        self.came = True
        raise KeyboardInterrupt(*(["terminated"] if number == signal.SIGTERM else []))

    def status_of(self, error: BaseException) -> MfcliError | None:
        """Return an error as one that a user can mend, and None for a bug.

        After an interruption what nobody expects is no bug.
        """
        expected = expected_error(error)
        return InterruptedRunError("interrupted") if expected is None and self.came else expected


@contextlib.contextmanager
def interruptions(interruption: Interruption | None = None) -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does, and let no interruption get lost in a callback."""
    interruption, hook = interruption or Interruption(), sys.unraisablehook
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, interruption)
    if before[signal.SIGINT] is signal.default_int_handler:  # else a shell's "&" ignores it
        signal.signal(signal.SIGINT, interruption)

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
        for number, handler in before.items():
            if handler is not None:  # Python's or the system's own
                signal.signal(number, handler)
        sys.unraisablehook = hook


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
