"""Seconds of `mfcli --help` and of each command's help, against a bare Typer app like it.

    python -m tests.benchmarks.bench_help [--repeats 7]

The bare app has as many commands, and the command as many options with as long a help; each run is
a process of its own.
"""

from __future__ import annotations

import argparse
import inspect
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mfcli.cli import app
from tests.benchmarks.measuring import (
    Row,
    against,
    alternated,
    at_most,
    machine,
    shown,
    table,
    versions,
)

BARE = """
from typing import Annotated
import typer
app = typer.Typer(name="bare", help="A bare app.", no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)
"""


def commands() -> dict[str, int]:
    """Map each command of mfcli to the number of its parameters."""
    made = {}
    for registered in app.registered_commands:
        assert registered.callback is not None
        name = registered.name or registered.callback.__name__.replace("_", "-")
        made[name] = len(inspect.signature(registered.callback).parameters)
    return made


def write_bare(folder: Path) -> Path:
    """Write a Typer app with the same commands and as many options, that does nothing."""
    lines = [BARE]
    for command, count in commands().items():
        options = ", ".join(
            f"option_{at}: Annotated[str | None, typer.Option('--option-{at}', "
            f"help='What this option is for, in about as many words.')] = None"
            for at in range(count)
        )
        lines.append(f"@app.command({command!r})\ndef run_{command.replace('-', '_')}({options}):")
        lines.append(f'    """Do what {command} does."""\n')
    path = folder / "bare.py"
    path.write_text("\n".join([*lines, "app()\n"]))
    return path


def seconds(*command: str) -> Callable[[], float]:
    """Return a function that runs a command and returns its seconds."""

    def run() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="three repeats")
    chosen = parser.parse_args()
    repeats = 3 if chosen.quick else max(chosen.repeats, 5)
    title = f"help: {machine()}; {versions('typer', 'rich')}"
    rows = []
    with tempfile.TemporaryDirectory(prefix="mfcli-bench-") as folder:
        bare = str(write_bare(Path(folder)))
        for command in ("", *commands()):
            words = [*([command] if command else []), "--help"]
            ours = seconds(sys.executable, "-m", "mfcli", *words)
            theirs = seconds(sys.executable, bare, *words)
            ours(), theirs()
            mine, other = alternated([ours, theirs], repeats)
            row = against(f"mfcli {' '.join(words)}", mine, other, None, "s", 2)
            assert row.ratio is not None
            text, passed = at_most(1.3, row.ratio)
            if not command:
                row, (text, passed) = (
                    Row("mfcli --help", shown(mine, "s", 2), shown(other, "s", 2), row.ratio),
                    at_most(0.3, statistics.median(mine), " s"),
                )
            rows.append(row._replace(bar=text, passed=passed))
    table(title, rows)


if __name__ == "__main__":
    main()
