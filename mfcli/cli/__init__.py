"""The command line: options → one call of a stage → exit status.

app       the Typer app: registering a command, the screen, wrong usage
options   options generated from the configuration classes, and the layers that fill them
statuses  exceptions → one line and the exit status
commands  the commands themselves
"""

from __future__ import annotations

import os
import signal
import sys

from mfcli.cli import commands  # noqa: F401 - registers them
from mfcli.cli.app import app
from mfcli.cli.options import merged
from mfcli.system.streams import standard_error, tolerate_any_text

__all__ = ["app", "main", "merged"]


def main() -> None:
    """Run the command line; the console script's entry."""
    # OpenMP threads that spin while they wait make an epoch on a busy machine up to a hundred times
    # slower, and save nothing on an idle one. Read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    tolerate_any_text()
    try:
        app()
    except KeyboardInterrupt:  # while Typer makes its commands
        standard_error().write("error: interrupted\n")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could stop
