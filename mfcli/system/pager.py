"""A pager for long pages on a terminal, as git and man have one."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping

PLAIN = ("", "cat")  # pagers that page nothing


def pager(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """Return the command that ``PAGER`` names, less without it; None where there is none.

    It is none for a terminal that cannot move its cursor, and where PAGER is empty or cat.
    """
    if environment.get("TERM", "dumb") == "dumb":
        return None
    asked = environment.get("PAGER", "less")
    try:
        words = shlex.split(asked)
    except ValueError:  # a quote that is not closed
        return None
    if not words or asked in PLAIN or shutil.which(words[0], path=environment.get("PATH")) is None:
        return None
    return words


def page(text: str, command: list[str]) -> bool:
    """Show a text in a pager until the reader leaves it; False where it does not start.

    less keeps colours and leaves at once what fits the screen (``LESS=FRX``, unless that is set).
    """
    try:
        running = subprocess.Popen(  # noqa: S603 - the user's own command
            command, stdin=subprocess.PIPE, env={"LESS": "FRX", "LV": "-c"} | dict(os.environ)
        )
    except OSError:
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's
    try:
        running.communicate(text.encode("utf-8", "backslashreplace"))
    finally:
        signal.signal(signal.SIGINT, before)
    return True
