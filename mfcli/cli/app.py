"""The Typer app, how a command is registered, and the one place where an error becomes a status."""

from __future__ import annotations

import functools
import inspect as inspection
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from mfcli import __version__
from mfcli.cli.following import after, alone
from mfcli.cli.guides import GUIDES
from mfcli.cli.helping import ABOUT, HelpfulCommand, HelpfulGroup, command_help, show_all
from mfcli.cli.options import (
    REST,
    about_parameters,
    common_parameters,
    config_parameters,
    file_parameters,
    retired_parameters,
)
from mfcli.cli.shells import SCRIPTS, SHELL, install, shell_of, with_shell
from mfcli.cli.statuses import Interruption, interruptions, tell
from mfcli.cli.watching import Watch, WatchOptions
from mfcli.codes import WarningCode
from mfcli.config import Config
from mfcli.config.describing import cli_fields
from mfcli.config.layers import merge_layers
from mfcli.config.options import coerce, flag
from mfcli.errors import UsageError
from mfcli.system import clock
from mfcli.system.processors import let_waiting_threads_sleep
from mfcli.system.streams import emit, is_standard_output, settle_output, tolerate_any_text

if TYPE_CHECKING:  # help does without
    from mfcli.results import Result

Command = TypeVar("Command", bound="Callable[..., Result]")

# Typer has no public name for the base of its errors of usage; older ones took click's.
_WrongUsage: Any = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="mfcli",
    cls=HelpfulGroup,
    help="Matrix factorization for the command line: ratings or clicks in, recommendations out.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line, or that of the process, and exit with its status.

    Every error ends here: one that a user can mend is told on one line, anything else is a bug and
    keeps its traceback, as does every error with --debug.
    """
    let_waiting_threads_sleep()
    tolerate_any_text()
    if arguments is None and SHELL in os.environ:
        _complete()
    clock.begin(with_process=arguments is None)
    words = sys.argv[1:] if arguments is None else [*arguments]
    as_json, status = "--json" in words, 0
    message: str | None = None  # what went wrong
    watch, interruption = Watch(), Interruption()
    try:
        group = _group()
        # As typer.Typer's own call does, which would catch interruptions and closed pipes first.
        asked = with_shell(words)
        with (
            interruptions(interruption),
            group.make_context("mfcli", asked, obj=watch) as context,
        ):
            group.invoke(context)
    except typer.Exit as error:  # --help and --version
        status = error.exit_code
    except (BrokenPipeError, SystemExit):
        pass  # The reader of standard output has all that it wanted; rich exits where that is so.
    except _WrongUsage as error:
        status = error.exit_code
        path = error.ctx.command_path if error.ctx else "mfcli"
        text = error.format_message().replace("Value error, ", "").rstrip(".")
        message = f"{text}: see {path} --help"
        tell(UsageError(message), watch.document() if as_json else None)
    except BaseException as error:
        expected = interruption.status_of(error)
        debug = "--debug" in words and not isinstance(error, KeyboardInterrupt)
        status, message = (expected.exit_status if expected else 1), str(expected or repr(error))
        if expected is None or debug:
            raise
        tell(expected, watch.document() if as_json else None)
    finally:
        watch.end(status, message)
        settle_output()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could stop
    sys.exit(status)


@functools.cache
def _group() -> Any:
    """Return all commands as they are parsed: made once, which takes longer than most refusals."""
    return typer.main.get_command(app)


_HELP_ALL = inspection.Parameter(
    "help_all",
    inspection.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            "--help-all",
            help="Show every option and exit; -h shows those that matter first.",
            is_eager=True,
            callback=show_all,
            rich_help_panel="Everywhere",
        ),
        REST,
    ],
)


def _complete() -> NoReturn:
    """Answer the script of a shell that completes a line, and exit."""
    from mfcli.cli.completion import respond  # commands do without

    respond(_group())
    sys.exit(0)


def command(config: type[Config] | None = None) -> Callable[[Command], Command]:
    """Register a function as the command of its name.

    The function takes the command's own arguments, ``on_event``, and where the command has one its
    ``config``, which stands for generated options; it returns the result that is shown.
    """
    return functools.partial(_register, config=config)


def commands() -> list[str]:
    """Return the names of all commands."""
    return list(GUIDES)


def help_text(name: str) -> str:
    """Return the help of a command, every option of it."""
    return command_help(_group().commands[name], everything=True)


def _register(function: Command, config: type[Config] | None) -> Command:
    table = function.__name__  # of a configuration file
    # Help does without the modules of these two types.
    types = {"OnEvent": object, "Result": object}
    signature = inspection.signature(function, eval_str=True, locals=types)
    options = [
        parameter
        for name, parameter in signature.parameters.items()
        if name not in ("config", "on_event")
    ]
    if config is not None:
        options += [*config_parameters(config), *file_parameters(table == "train")]
        options += retired_parameters(config)
    options += [*common_parameters(), _HELP_ALL]
    ABOUT[table.replace("_", "-")] = about_parameters(options)

    @functools.wraps(function)
    def run(
        *,
        json: bool,
        quiet: bool,
        debug: bool,  # noqa: ARG001 - main has seen it
        ignore: list[str] | None,
        log_file: Path | None,
        log_format: str | None,
        metrics_file: Path | None,
        context: typer.Context,
        help_all: bool,  # noqa: ARG001 - it ends a command before this
        **given: Any,
    ) -> None:
        from mfcli.console import Screen  # help does without
        from mfcli.events import Noted
        from mfcli.stages import prepare

        watch: Watch = context.obj
        watching = WatchOptions.of(log_file, log_format, metrics_file)
        watching.check(given.values())
        watch.begin(table.replace("_", "-"), watching)
        retired = {} if config is None else config.retired
        useless = [name for name in retired if given.pop(name, None) is not None]
        ignored = coerce("--ignore", ignore or [], list[WarningCode], "")
        if config is not None:
            given["config"] = _configured(config, table, given)
        to_stdout = given.get("out") is not None and is_standard_output(given["out"])
        if to_stdout:
            given["out"] = "-"
        if to_stdout and json:
            raise UsageError("--out - and --json both want standard output: choose one")
        with Screen(
            as_json=json, quiet=quiet, data_on_stdout=to_stdout, warned=watch.warned
        ) as screen:
            for name in useless:
                screen.show(Noted(f"{flag(name)} does nothing any more: {retired[name]}"))
            prepare(table)
            result = function(**given, on_event=watch.beside(screen.show, ignored))
            screen.show_result(result, watch.document())
            screen.show_next(after(table, given))
        if result.exit_status:
            raise typer.Exit(result.exit_status)

    run.__signature__ = inspection.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    app.command(cls=HelpfulCommand)(run)
    return function


def _configured(config: type[Config], table: str, given: dict[str, Any]) -> Config:
    """Take the options of a configuration out of ``given``, and merge them with their files."""
    files = (given.pop("config_file"), given.pop("preset", None))
    asked = {field.name: given.pop(field.name, None) for field in cli_fields(config)}
    return merge_layers(config, table, files, asked)


def output_path(out: str, what: str) -> Path:
    """Return the path of an output that standard output cannot be."""
    if out == "-":
        raise UsageError(f"--out - is standard output: {what} needs a file")
    return Path(out)


Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        max=1e7,
        help="For another run that holds the output.",
        show_default="0",
        rich_help_panel="Output",
    ),
    REST,
]
Out = Annotated[str, typer.Option("--out", "-o", help="Where to write.", metavar="FILE")]


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            "--install-completion",
            metavar="[SHELL]",
            help="Let TAB complete mfcli in bash, zsh or fish.",
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="[SHELL]",
            help="Show the script that does it: bash, zsh or fish.",
        ),
    ] = None,
) -> None:
    """Matrix factorization for the command line: ratings or clicks in, recommendations out."""
    if version:
        emit(f"mfcli {__version__}\n")
    elif show_completion is not None:
        emit(SCRIPTS[shell_of("--show-completion", show_completion)])
    elif install_completion is not None:
        emit(install(shell_of("--install-completion", install_completion)) + "\n")
    elif context.invoked_subcommand is not None:
        return
    else:  # no command was named: what is there says which may come next
        emit(alone(Path.cwd()) or context.get_help() + "\n")
        raise typer.Exit(UsageError.exit_status)
    raise typer.Exit
