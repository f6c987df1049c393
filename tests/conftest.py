"""What tests share: real data sets where there are any, and the command line in this process."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings
from typer.testing import CliRunner

# As mfcli does, and before torch is loaded: threads that spin while they wait keep the cores from
# the other processes that run tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# One terminal, whatever the tests were started from: rich draws nothing live on a dumb one, and
# takes its width and its colours from the others.
os.environ["TERM"] = "xterm"
for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)

# The proof says the same of the same state each time; other examples are tried by
# make test HYPOTHESIS=default.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def datasets() -> Path:
    """Return the folder of real data sets (ml-100k, ml-latest-small, …): MFCLI_DATASETS."""
    folder = os.environ.get("MFCLI_DATASETS")
    if not folder:
        pytest.skip("MFCLI_DATASETS names no folder of real data sets")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"MFCLI_DATASETS={folder} is no folder")
    return path


@dataclass(frozen=True)
class CliResult:
    """What a command left: its status, both streams, and the exception that was expected."""

    exit_code: int
    stdout: str
    stderr: str
    stdout_bytes: bytes
    exception: BaseException | None


class Cli(Protocol):
    """Calls the command line: ``cli("fetch", "demo", "--out", path)``."""

    def __call__(
        self,
        *args: str | Path,
        input: str | bytes | None = None,
        env: dict[str, str | None] | None = None,
        raises: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> CliResult:
        """Run in this process; an exception that is not among ``raises`` is raised here."""
        ...


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Run commands in this process, standard output and standard error apart.

    A bug's exception comes through to the test; with ``raises`` (say, for --debug) it is returned.
    """
    from mfcli.cli import main

    def run(
        *args: str | Path,
        input: str | bytes | None = None,
        env: dict[str, str | None] | None = None,
        raises: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> CliResult:
        # Wide and plain, whatever terminal the tests were started from.
        plain: dict[str, str | None] = {"COLUMNS": "200", "NO_COLOR": "1", "FORCE_COLOR": None}
        status, error = 0, None
        before = signal.getsignal(signal.SIGINT)
        with CliRunner().isolation(input=input, env=plain | (env or {})) as (stdout, stderr, _):
            try:
                main([str(arg) for arg in args])
            except SystemExit as ended:
                status = int(ended.code or 0)
            except expected(raises) as found:
                status, error = 1, found
            finally:
                signal.signal(signal.SIGINT, before)  # a command that ends ignores it
                sys.stdout.flush()
                sys.stderr.flush()
            out, err = stdout.getvalue(), stderr.getvalue()
            return CliResult(status, text_of(out), text_of(err), out, error)

    return run


def text_of(content: bytes) -> str:
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def expected(
    raises: type[BaseException] | tuple[type[BaseException], ...],
) -> tuple[type[BaseException], ...]:
    return raises if isinstance(raises, tuple) else (raises,)
