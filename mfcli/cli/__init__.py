"""The command line: options → one call of a stage → exit status.

app       the Typer app: registering a command; main, where every error becomes an exit status
options   options generated from the configuration classes
statuses  interruptions, and how an error is told
watching  who watches a command besides the person at the screen
commands  the commands themselves; nights: that of nights
"""

from mfcli.cli import commands, nights  # noqa: F401 - registers them
from mfcli.cli.app import app, main

__all__ = ["app", "main"]
