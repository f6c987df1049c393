"""The Typer commands: options → one call of a stage → exit status.

A command imports its stage when it runs, so that help pays for nothing that computes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import inspect as inspection
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, get_args, get_origin

import typer

from mfcli import __version__
from mfcli.config import (
    Config,
    EvaluateConfig,
    FetchConfig,
    Mode,
    RecommendConfig,
    SplitConfig,
    TrainConfig,
)
from mfcli.config.files import load_config, load_preset
from mfcli.config.options import field_types, flag
from mfcli.errors import InterruptedRunError, MfcliError, SystemRefusedError, UsageError
from mfcli.streams import emit, settle_output, standard_error, tolerate_any_text

if TYPE_CHECKING:
    from mfcli.console import Screen
    from mfcli.results import Result

# Typer has no public name for the base of its errors of usage; older ones took click's.
_WrongUsage: Any = typer.BadParameter.__bases__[0]


class _Commands(typer.core.TyperGroup):
    """The commands, with wrong usage and refused streams told like any other error."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None,
        complete_var: str | None = None, standalone_mode: bool = True,
        windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        """Run a command line and exit with its status."""
        words = sys.argv[1:] if args is None else list(args)
        run = functools.partial(
            super().main, words, prog_name, complete_var, windows_expand_args=windows_expand_args,
            **extra,
        )  # fmt: skip
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
            _fail(UsageError(f"{text}: see {path} --help"), common)
        except SystemExit:  # only Typer and rich exit, and only where standard output is closed
            return 0
        except (OSError, MfcliError) as error:
            expected = as_expected(error)
            if expected is None or common.debug:
                raise
            _fail(expected, common)


app = typer.Typer(
    name="mfcli",
    cls=_Commands,
    help="Matrix factorization for the command line: ratings or clicks in, recommendations out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

AnyConfig = TypeVar("AnyConfig", bound=Config)
Tables = Mapping[str, Mapping[str, Any]]

_COMMON = "Everywhere"
_FILES = "Configuration"


@dataclasses.dataclass(frozen=True)
class Common:
    """The options of every command."""

    json: bool
    quiet: bool
    debug: bool


def _parameter(name: str, annotation: Any, default: Any = None) -> inspection.Parameter:
    kind = inspection.Parameter.KEYWORD_ONLY
    return inspection.Parameter(name, kind, default=default, annotation=annotation)


def _common_parameters() -> list[inspection.Parameter]:
    def switch(name: str, help: str) -> inspection.Parameter:
        option = typer.Option(f"--{name}", help=help, rich_help_panel=_COMMON)
        return _parameter(name, Annotated[bool, option], False)

    return [
        switch("json", "Standard output holds exactly one JSON document."),
        switch("quiet", "Errors and warnings only."),
        switch("debug", "Show the traceback of an error."),
    ]


def _cli_fields(cls: type[Config]) -> list[dataclasses.Field[Any]]:
    """Return the fields that are options of the command line, the seed last."""
    fields = [each for each in dataclasses.fields(cls) if each.metadata["cli"]]
    return sorted(fields, key=lambda each: each.name == "seed")


def _config_parameters(cls: type[Config]) -> list[inspection.Parameter]:
    """Return one keyword parameter a field: None where it is not given on the command line."""
    hints, made = field_types(cls), []
    for field in _cli_fields(cls):
        hint = hints[field.name]
        names = [flag(field.name)]
        if hint is bool:
            names = [f"{names[0]}/--no-{names[0][2:]}"]
        panel = _COMMON if field.name == "seed" else field.metadata["panel"]
        option = typer.Option(
            *names, help=_help(field, hint), show_default=_shown_default(field),
            rich_help_panel=panel, metavar=_metavar(hint),
        )  # fmt: skip
        made.append(_parameter(field.name, Annotated[hint | None, option]))
    return made


def _element(hint: Any) -> Any:
    """Return the type of one value of an option that may be repeated."""
    return get_args(hint)[0] if get_origin(hint) is list else hint


def _metavar(hint: Any) -> str | None:
    """Name an option's value in a few letters, so that help keeps its columns on 80."""
    element = _element(hint)
    if element is bool:
        return None
    return {int: "N", float: "X"}.get(element, "NAME" if issubclass(element, StrEnum) else "TEXT")


def _help(field: dataclasses.Field[Any], hint: Any) -> str:
    """Return an option's help, with the choices of an enumeration."""
    element, text = _element(hint), str(field.metadata["help"])
    return f"{text} One of: {', '.join(element)}." if issubclass(element, StrEnum) else text


def _shown_default(field: dataclasses.Field[Any]) -> str | bool:
    if field.metadata["shown"]:
        return str(field.metadata["shown"])
    if field.default_factory is not dataclasses.MISSING:
        return ", ".join(str(each) for each in field.default_factory())
    if field.default is None or field.default is False:
        return False
    return str(field.default)


def _file_parameters(with_preset: bool) -> list[inspection.Parameter]:
    config = typer.Option("--config", help="TOML file of options.", rich_help_panel=_FILES)
    preset = typer.Option(
        "--preset", help="A configuration that ships with mfcli.", rich_help_panel=_FILES
    )
    made = [_parameter("config_file", Annotated[Path | None, config])]
    if with_preset:
        made.append(_parameter("preset", Annotated[str | None, preset]))
    return made


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
        made = [*_common_parameters()]
        if config is not None:
            made = [*_config_parameters(config), *_file_parameters(table == "train"), *made]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            common = Common(*(bool(given.pop(name)) for name in ("json", "quiet", "debug")))
            with _statuses(common):
                if config is not None:
                    assert table is not None
                    files = (given.pop("config_file"), given.pop("preset", None))
                    names = [each.name for each in _cli_fields(config)]
                    asked = {name: given.pop(name, None) for name in names}
                    given["config"] = merged(config, table, files, asked)
                function(common=common, **given)

        run.__signature__ = inspection.Signature([*own, *made])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in [*own, *made]}
        app.command()(run)
        return function

    return register


def merged(
    cls: type[AnyConfig], table: str, files: tuple[Path | None, str | None], asked: dict[str, Any]
) -> AnyConfig:
    """Merge the layers of a configuration: defaults, preset, file, command line."""
    path, preset = files
    given = {name: value for name, value in asked.items() if value is not None and value != []}
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if preset is not None:
        layers.append((f"preset {preset}: [{table}] ", load_preset(preset).get(table, {})))
    if path is not None:
        layers.append((f"{path}: [{table}] ", load_config(path).get(table, {})))
    return cls.merge(*_without_overruled_stages(layers, given), ("", given))


def _without_overruled_stages(
    layers: list[tuple[str, Mapping[str, Any]]], given: Mapping[str, Any]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Take options of the command line out of every [[train.stages]]: they win there as well."""
    cleaned = []
    for where, layer in layers:
        stages = layer.get("stages")
        if isinstance(stages, list) and all(isinstance(each, dict) for each in stages):
            kept = [
                {key: value for key, value in each.items() if key.replace("-", "_") not in given}
                for each in stages
            ]
            layer = {**layer, "stages": kept}
        cleaned.append((where, layer))
    return cleaned


class _statuses:  # noqa: N801 - used like a function
    """Turn exceptions into one line on standard error and the exit status."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.before: Any = None

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGTERM, _terminated)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        signal.signal(signal.SIGTERM, self.before)
        if error is None or isinstance(error, typer.Exit | SystemExit):
            return
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(0) from None  # the reader of standard output has all that it wanted
        expected = as_expected(error)
        if expected is None or self.common.debug:
            return  # a bug, or --debug: the traceback
        _fail(expected, self.common)


def _terminated(signum: int, frame: object) -> NoReturn:  # noqa: ARG001
    raise InterruptedRunError("terminated")


REFUSALS = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk quota is used up: make room",
    errno.EACCES: "permission denied: choose a place where you may write",
    errno.EPERM: "permission denied: choose a place where you may write",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.ENOMEM: "out of memory",
    errno.EIO: "input/output error of the disk",
    errno.EMFILE: "too many open files: raise ulimit -n",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a part of the path is no folder",
}


def as_expected(error: BaseException) -> MfcliError | None:
    """Return the error as one that a user can mend, or None if it is a bug."""
    if isinstance(error, MfcliError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError("interrupted")
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    ):
        return SystemRefusedError("out of memory: take fewer --factors or less data")
    if isinstance(error, OSError) and error.errno in REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        return SystemRefusedError(f"{where}{REFUSALS[error.errno]}")
    return None


def _fail(error: MfcliError, common: Common) -> NoReturn:
    standard_error().write(f"error: {error}\n")
    if common.json:
        document = {"error": {"message": str(error), "exit_status": error.exit_status}}
        with contextlib.suppress(OSError, SystemRefusedError):  # the status says it as well
            emit(json.dumps(document, ensure_ascii=False) + "\n")
    raise typer.Exit(error.exit_status) from None


def _screen(common: Common, out: str | None = None) -> Screen:
    from mfcli.console import Screen

    if out == "-" and common.json:
        raise UsageError("--out - and --json both want standard output: choose one")
    return Screen(as_json=common.json, quiet=common.quiet, data_on_stdout=out == "-")


def _stage(
    common: Common, out: str | None, call: Callable[[Callable[[Any], None]], Result]
) -> None:
    """Run a stage under a screen that shows its events and its result."""
    with _screen(common, out) as screen:
        result = call(screen.report)
        screen.result(result)


def _output(out: str, what: str) -> Path:
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


@command("fetch", FetchConfig)
def fetch(
    source: Annotated[
        str, typer.Argument(help="demo, a data set's name, a file, folder, zip, URL, or - (stdin).")
    ],
    *,
    out: Out,
    config: FetchConfig,
    common: Common,
) -> None:
    """Turn a table of ratings or clicks into interactions.npz."""
    path = _output(out, "a matrix")

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.fetch import fetch as stage

        return stage(source, path, config, report)

    _stage(common, out, call)


@command("split", SplitConfig)
def split(
    matrix: Annotated[Path | None, typer.Argument(metavar="[FILE.npz]")] = None,
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    config: SplitConfig,
    common: Common,
) -> None:
    """Split interactions into train.npz, test.npz and, when asked, valid.npz."""
    folder = _output(out, "a split")

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.split import split as stage

        return stage(matrix, folder, config, report)

    _stage(common, out, call)


@command("train", TrainConfig)
def train(
    matrix: Annotated[Path, typer.Argument(metavar="MATRIX.npz", help="Any interactions.")],
    *,
    out: Out,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from OUT.resume of an interrupted run.")
    ] = False,
    config: TrainConfig,
    common: Common,
) -> None:
    """Train a factor model: interactions.npz → model.pt."""
    path = _output(out, "a checkpoint")
    config.resolved()  # refuse what cannot work before anything heavy is imported

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.train import train as stage

        return stage(matrix, path, config, report, resume=resume)

    _stage(common, out, call)


@command("evaluate", EvaluateConfig)
def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL.pt [MORE.pt …] TEST.npz",
            help="Several models are compared, the first one being the base.",
        ),
    ],
    *,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="metrics.json to write.", metavar="FILE")
    ] = None,
    config: EvaluateConfig,
    common: Common,
) -> None:
    """Measure models on held-out rows."""
    if len(files) < 2:
        raise UsageError(f"name a MODEL.pt and the TEST.npz, not {files[0]} alone")
    if config.per_user == "-":
        raise UsageError("--per-user -: it needs a file")

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.evaluate import document
        from mfcli.stages.evaluate import evaluate as stage

        path = None if out in (None, "-") else Path(str(out))
        result = stage(files[:-1], files[-1], path, config, report)
        if out == "-":
            emit(document(result))
        return dataclasses.replace(result, out=out)

    _stage(common, out, call)


@command("recommend", RecommendConfig)
def recommend(
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt")],
    *,
    out: Out,
    config: RecommendConfig,
    common: Common,
) -> None:
    """Write the best items of all users, or of some, as CSV."""

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.recommend import recommend as stage

        return stage(model, None if out == "-" else Path(out), config, report)

    _stage(common, out, call)


@command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Any file that mfcli wrote.")], *, common: Common
) -> None:
    """Show what is in a file: kind, shape, ratings, options, lineage, metrics."""

    def call(report: Callable[[Any], None]) -> Result:  # noqa: ARG001
        from mfcli.stages.inspect import inspect as stage

        return stage(file)

    _stage(common, None, call)


@command()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_DIR...", help="Folders of mfcli run or make pipeline."),
    ],
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Page to write.", metavar="FILE.html")],
    users: Annotated[
        int, typer.Option("--users", help="Users shown with their items, a run.", metavar="N")
    ] = 5,
    common: Common,
) -> None:
    """Write one HTML page on one run, or on several compared."""
    path = _output(out, "a report")

    def call(events: Callable[[Any], None]) -> Result:
        from mfcli.stages.report import report as stage

        return stage(folders, path, users=users, report=events)

    _stage(common, out, call)


@command()
def run(
    source: Annotated[
        str | None, typer.Argument(help="As for fetch; the preset may name one.")
    ] = None,
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    mode: Annotated[
        Mode | None, typer.Option("--mode", help="As for train.", show_default="explicit")
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            metavar="K",
            help="Cross-validate: train and evaluate over K folds, and recommend nothing.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of all stages.", show_default="0")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="TOML file with a table a stage.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="A configuration that ships with mfcli.")
    ] = None,
    common: Common,
) -> None:
    """Run all stages, fetch to recommend, or cross-validate; the files are kept in a folder."""
    folder = _output(out, "a run")
    files = (config_file, preset)

    def made(cls: type[AnyConfig], table: str, **asked: Any) -> AnyConfig:
        return merged(cls, table, files, {"seed": seed, **asked})

    cut = made(SplitConfig, "split", folds=folds)
    valid = str(folder / "split" / "valid.npz") if cut.valid else None
    training = made(TrainConfig, "train", mode=mode, valid=valid)
    if training.stages and training.valid is None:
        # A staged recipe shows the held-out loss of each stage; nothing is chosen by it.
        training = dataclasses.replace(training, valid=str(folder / "split" / "test.npz"))
    training.resolved()
    configs = (
        made(FetchConfig, "fetch"), cut, training,
        made(EvaluateConfig, "evaluate"), made(RecommendConfig, "recommend"),
    )  # fmt: skip

    def call(report: Callable[[Any], None]) -> Result:
        from mfcli.stages.run import run as stage

        if cut.folds:
            from mfcli.stages.folds import run_folds

            return run_folds(source, folder, *configs[:-1], report)
        return stage(source, folder, *configs, report)

    _stage(common, out, call)


def main() -> None:
    """Run the command line; the console script's entry."""
    # OpenMP threads that spin while they wait make an epoch on a busy machine up to a hundred times
    # slower, and save nothing on an idle one. Read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    tolerate_any_text()
    app()
