"""The command line: options → one call of a stage → exit status.

app       the Typer app: registering a command; main, where every error becomes an exit status
options   options generated from the configuration classes
helping   the text of help; guides: examples and pages of each command
completion: what may follow in a line; shells: their scripts, and where these are installed
following which command comes next
statuses  interruptions, and how an error is told
watching  who watches a command besides the person at the screen
commands  the commands of single stages; runs, nights: those of all stages; looking: the others
"""

from mfcli.cli import commands, looking, nights, runs  # noqa: F401 - registers them
from mfcli.cli.app import app, main

__all__ = ["app", "main"]
