"""The Typer app: how a command is registered, run under a screen, and ends."""

from __future__ import annotations

import functools
import inspect as inspection
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mfcli import __version__
from mfcli.cli.options import (
    cli_fields,
    common_parameters,
    config_parameters,
    file_parameters,
    merged,
)
from mfcli.cli.statuses import Common, as_expected, fail, statuses
from mfcli.config import Config
from mfcli.errors import InterruptedRunError, MfcliError, UsageError
from mfcli.system.streams import emit, settle_output

if TYPE_CHECKING:
    from mfcli.console import Screen
    from mfcli.results import Result

# Typer has no public name for the base of its errors of usage; older ones took click's.
_WrongUsage: Any = typer.BadParameter.__bases__[0]


class _Commands(typer.core.TyperGroup):
    """The commands, with wrong usage and refused streams told like any other error."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit with its status."""
        words = sys.argv[1:] if args is None else list(args)
        run = functools.partial(
            super().main,
            words,
            prog_name,
            complete_var,
            windows_expand_args=windows_expand_args,
            **extra,
        )
        if not words or not standalone_mode:
            return run(standalone_mode=standalone_mode)
        common = Common(*(f"--{name}" in words for name in ("json", "quiet", "debug")))
        try:
            sys.exit(self._status(functools.partial(run, standalone_mode=False), common))
        except typer.Exit as error:
            sys.exit(error.exit_code)
        finally:
            settle_output()

    def _status(self, run: Callable[[], Any], common: Common) -> int:
        try:
            return run() or 0
        except _WrongUsage as error:
            text = error.format_message().replace("Value error, ", "").rstrip(".")
            path = error.ctx.command_path if error.ctx else "mfcli"
            fail(UsageError(f"{text}: see {path} --help"), common)
        except SystemExit:  # only Typer and rich exit, and only where standard output is closed
            return 0
        except (typer.Abort, KeyboardInterrupt):  # before or after the command itself
            fail(InterruptedRunError("interrupted"), common)
        except (OSError, MfcliError, MemoryError, ImportError) as error:
            expected = as_expected(error)
            if expected is None or common.debug:
                raise
            fail(expected, common)


app = typer.Typer(
    name="mfcli",
    cls=_Commands,
    help="Matrix factorization for the command line: ratings or clicks in, recommendations out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def command(
    table: str | None = None, config: type[Config] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose parameters ``common`` and ``config`` stand for generated options.

    ``table`` is the command's table in a configuration file.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            each
            for name, each in inspection.signature(function, eval_str=True).parameters.items()
            if name not in ("common", "config")
        ]
        made = [*common_parameters()]
        if config is not None:
            made = [*config_parameters(config), *file_parameters(table == "train"), *made]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            common = Common(*(bool(given.pop(name)) for name in ("json", "quiet", "debug")))
            with statuses(common):
                if config is not None:
                    assert table is not None
                    files = (given.pop("config_file"), given.pop("preset", None))
                    names = [each.name for each in cli_fields(config)]
                    asked = {name: given.pop(name, None) for name in names}
                    given["config"] = merged(config, table, files, asked)
                function(common=common, **given)

        run.__signature__ = inspection.Signature([*own, *made])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in [*own, *made]}
        app.command()(run)
        return function

    return register


def _screen(common: Common, out: str | None = None) -> Screen:
    from mfcli.console import Screen

    if out == "-" and common.json:
        raise UsageError("--out - and --json both want standard output: choose one")
    return Screen(as_json=common.json, quiet=common.quiet, data_on_stdout=out == "-")


def run_stage(
    common: Common, out: str | None, call: Callable[[Callable[[Any], None]], Result]
) -> None:
    """Run a stage under a screen that shows its events and its result."""
    with _screen(common, out) as screen:
        result = call(screen.report)
        screen.result(result)


def output_path(out: str, what: str) -> Path:
    """Return the path of an output that standard output cannot be."""
    if out == "-":
        raise UsageError(f"--out -: {what} needs a file")
    return Path(out)


Out = Annotated[str, typer.Option("--out", "-o", help="Where to write.", metavar="FILE")]


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Matrix factorization for the command line: ratings or clicks in, recommendations out."""
    if version:
        emit(f"mfcli {__version__}\n")
        raise typer.Exit
