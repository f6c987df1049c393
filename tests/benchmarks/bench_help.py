"""Seconds of help and completion, against those of a bare Typer app like mfcli.

    python -m tests.benchmarks.bench_help [--repeats 11] [--only completion]

The bare app has as many commands, and the command as many options with as long a help; each run is
a process of its own.
"""

from __future__ import annotations

import argparse
import inspect
import os
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
    table,
    versions,
)

BARE = """
from typing import Annotated
import typer
app = typer.Typer(name="bare", help="A bare app.", no_args_is_help=True,
                  pretty_exceptions_enable=False)
"""
MOST = 1.2  # times the bare app
BREAKS = " \t\n\"'@><=;|&(:"
# Words before the cursor, and the one that is completed.
COMPLETED = (((), "tr"), (("train",), "--"), (("evaluate", "--metric"), "nd"), (("fetch",), "ml"))


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
    path.write_text("\n".join([*lines, "app(prog_name='bare')\n"]))
    return path


def seconds(*command: str, variables: dict[str, str] | None = None) -> Callable[[], float]:
    """Return a function that runs a command, with variables set, and returns its seconds."""
    environment = os.environ | (variables or {})

    def run() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.perf_counter() - start

    return run


def help_row(command: str, bare: str, repeats: int) -> Row:
    """Measure the help of a command; of mfcli itself where there is none."""
    words = [*([command] if command else []), "--help"]
    runs = [seconds(sys.executable, "-m", "mfcli", *words), seconds(sys.executable, bare, *words)]
    mine, other = measured(runs, repeats)
    row = judged(f"mfcli {' '.join(words)}", mine, other)
    if command:
        return row
    text, passed = at_most(0.3, statistics.median(mine), " s")
    return row._replace(bar=f"{row.bar}, {text}", passed=bool(row.passed) and passed)


def completion_row(words: tuple[str, ...], current: str, bare: str, repeats: int) -> Row:
    """Measure what a TAB takes: bash's script of each app calls it so."""
    line = " ".join(["mfcli", *words, current])
    asked = {"_MFCLI_COMPLETE": "bash", "_MFCLI_LINE": line, "_MFCLI_BREAKS": BREAKS}
    typer_asks = {
        "_BARE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["bare", *words, current]),
        "COMP_CWORD": str(len(words) + 1),
    }
    runs = [
        seconds(sys.executable, "-m", "mfcli", variables=asked),
        seconds(sys.executable, bare, variables=typer_asks),
    ]
    return judged(f"TAB after {line!r}", *measured(runs, repeats))


def measured(runs: list[Callable[[], float]], repeats: int) -> list[list[float]]:
    """Run ours and theirs in turn, after one run of each."""
    for run in runs:
        run()
    return alternated(runs, repeats)


def judged(what: str, mine: list[float], other: list[float]) -> Row:
    """Return the row of a measurement, held against the bar."""
    row = against(what, mine, other, None, "s", 2)
    assert row.ratio is not None
    text, passed = at_most(MOST, row.ratio)
    return row._replace(bar=text, passed=passed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--quick", action="store_true", help="three repeats")
    parser.add_argument("--only", choices=["help", "completion"])
    chosen = parser.parse_args()
    repeats = 3 if chosen.quick else max(chosen.repeats, 5)
    title = f"help: {machine()}; {versions('typer', 'rich')}"
    rows = []
    with tempfile.TemporaryDirectory(prefix="mfcli-bench-") as folder:
        bare = str(write_bare(Path(folder)))
        if chosen.only != "completion":
            rows += [help_row(command, bare, repeats) for command in ("", *commands())]
        if chosen.only != "help":
            rows += [completion_row(words, current, bare, repeats) for words, current in COMPLETED]
    table(title, rows)


if __name__ == "__main__":
    main()
