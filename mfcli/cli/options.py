"""Options of the command line, generated from the configuration classes."""

from __future__ import annotations

import dataclasses
import inspect as inspection
from pathlib import Path
from typing import Annotated, Any

import typer

from mfcli.config import Config
from mfcli.config.describing import choices_of, cli_fields, default_text, placeholder
from mfcli.config.options import field_types, flag

_COMMON = "Everywhere"
_FILES = "Configuration"
_WATCHING = "Watching"


def _parameter(name: str, annotation: Any, default: Any = None) -> inspection.Parameter:
    kind = inspection.Parameter.KEYWORD_ONLY
    return inspection.Parameter(name, kind, default=default, annotation=annotation)


def common_parameters() -> list[inspection.Parameter]:
    """Return the options that every command has."""

    def switch(name: str, help: str) -> inspection.Parameter:
        option = typer.Option(f"--{name}", help=help, rich_help_panel=_COMMON)
        return _parameter(name, Annotated[bool, option], False)

    ignored = typer.Option(
        "--ignore",
        help="Give no warning of this code, such as W-positives; repeat for several.",
        metavar="CODE",
        rich_help_panel=_COMMON,
    )
    return [
        switch("json", "Standard output holds exactly one JSON document."),
        switch("quiet", "Errors and warnings only, and no warning that is mere advice."),
        switch("debug", "Show the traceback of an error."),
        _parameter("ignore", Annotated[list[str] | None, ignored]),
        *_watching_parameters(),
        _parameter("context", typer.Context),
    ]


def _watching_parameters() -> list[inspection.Parameter]:
    """Return the options of a log and a monitor, which every command has."""
    log_file = typer.Option(
        "--log-file",
        help="Append a line for each event; opened again after logrotate.",
        metavar="FILE",
        rich_help_panel=_WATCHING,
    )
    log_format = typer.Option(
        "--log-format",
        help="Of the lines of --log-file. One of: text, json.",
        metavar="CHOICE",
        show_default="text",
        rich_help_panel=_WATCHING,
    )
    metrics_file = typer.Option(
        "--metrics-file",
        help="Write status, seconds and figures in Prometheus' text format, of a failed run too.",
        metavar="FILE.prom",
        rich_help_panel=_WATCHING,
    )
    return [
        _parameter("log_file", Annotated[Path | None, log_file]),
        _parameter("log_format", Annotated[str | None, log_format]),
        _parameter("metrics_file", Annotated[Path | None, metrics_file]),
    ]


def config_parameters(cls: type[Config]) -> list[inspection.Parameter]:
    """Return one keyword parameter a field: None where it is not given on the command line."""
    hints, made = field_types(cls), []
    for field in cli_fields(cls):
        hint = hints[field.name]
        names = [flag(field.name)]
        if hint is bool:
            names = [f"{names[0]}/--no-{names[0][2:]}"]
        panel = _COMMON if field.name == "seed" else field.metadata["panel"]
        option = typer.Option(
            *names,
            help=_help(field, hint),
            show_default=default_text(field) or False,
            rich_help_panel=panel,
            metavar=placeholder(hint),
        )
        made.append(_parameter(field.name, Annotated[hint | None, option]))
    return made


def retired_parameters(cls: type[Config]) -> list[inspection.Parameter]:
    """Return the options that did something once: scripts that give them go on working."""
    return [
        _parameter(name, Annotated[str | None, typer.Option(flag(name), hidden=True)])
        for name in cls.retired
    ]


def _help(field: dataclasses.Field[Any], hint: Any) -> str:
    """Return an option's help, with the choices of an enumeration."""
    choices, text = choices_of(hint), str(field.metadata["help"])
    return f"{text} One of: {', '.join(choices)}." if choices else text


def file_parameters(with_preset: bool) -> list[inspection.Parameter]:
    """Return --config, and --preset where presets have a table for the command."""
    config = typer.Option("--config", help="TOML file of options.", rich_help_panel=_FILES)
    preset = typer.Option(
        "--preset", help="A configuration that ships with mfcli.", rich_help_panel=_FILES
    )
    made = [_parameter("config_file", Annotated[Path | None, config])]
    if with_preset:
        made.append(_parameter("preset", Annotated[str | None, preset]))
    return made
