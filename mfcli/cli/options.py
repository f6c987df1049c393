"""Options of the command line, generated from the configuration classes."""

from __future__ import annotations

import inspect as inspection
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from mfcli.codes import WarningCode
from mfcli.config import Config
from mfcli.config.describing import (
    choices_of,
    cli_fields,
    default_text,
    placeholder,
    words_of,
)
from mfcli.config.files import preset_names
from mfcli.config.options import field_types, flag
from mfcli.config.roles import Tier
from mfcli.config.watching import LogFormat

_COMMON = "Everywhere"
_FILES = "Configuration"
_WATCHING = "Watching"


@dataclass(frozen=True)
class About:
    """What a parameter's annotation says of it beside Typer's own.

    tier:  how soon help speaks of it. words: what it takes, each with what that is, or "".
    """

    tier: Tier = Tier.first
    words: Mapping[str, str] = field(default_factory=dict)


REST = About(Tier.rest)


def about_parameters(parameters: Iterable[inspection.Parameter]) -> dict[str, About]:
    """Return what the annotations of a command's parameters say of them."""
    return {
        parameter.name: about
        for parameter in parameters
        for about in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(about, About)
    }


def common_panels() -> list[str]:
    """Return the panels of options that many commands have, as help puts them last."""
    return [_COMMON, _FILES, _WATCHING]


def _parameter(name: str, annotation: Any, default: Any = None) -> inspection.Parameter:
    kind = inspection.Parameter.KEYWORD_ONLY
    return inspection.Parameter(name, kind, default=default, annotation=annotation)


def common_parameters() -> list[inspection.Parameter]:
    """Return the options that every command has."""

    def switch(name: str, help: str, about: About) -> inspection.Parameter:
        option = typer.Option(f"--{name}", help=help, rich_help_panel=_COMMON)
        return _parameter(name, Annotated[bool, option, about], False)

    ignored = typer.Option(
        "--ignore",
        help="Give no warning of this code, such as W-positives; repeat for several.",
        metavar="CODE",
        rich_help_panel=_COMMON,
    )
    codes = {str(code): "" for code in WarningCode}
    return [
        switch("json", "Standard output holds exactly one JSON document.", About()),
        switch("quiet", "Errors and warnings only, and no warning that is mere advice.", About()),
        switch("debug", "Show the traceback of an error.", REST),
        _parameter("ignore", Annotated[list[str] | None, ignored, About(Tier.rest, codes)]),
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
        help="Of the lines of --log-file.",
        metavar="NAME",
        show_default="text",
        rich_help_panel=_WATCHING,
    )
    metrics_file = typer.Option(
        "--metrics-file",
        help="Write status, seconds and figures in Prometheus' text format, of a failed run too.",
        metavar="FILE.prom",
        rich_help_panel=_WATCHING,
    )
    formats = About(Tier.rest, choices_of(LogFormat))
    return [
        _parameter("log_file", Annotated[Path | None, log_file, REST]),
        _parameter("log_format", Annotated[str | None, log_format, formats]),
        _parameter("metrics_file", Annotated[Path | None, metrics_file, REST]),
    ]


def config_parameters(cls: type[Config]) -> list[inspection.Parameter]:
    """Return one keyword parameter a field: None where it is not given on the command line."""
    hints, made = field_types(cls), []
    for declared in cli_fields(cls):
        hint = hints[declared.name]
        names = [flag(declared.name)]
        if hint is bool:
            names = [f"{names[0]}/--no-{names[0][2:]}"]
        option = typer.Option(
            *names,
            help=str(declared.metadata["help"]),
            show_default=default_text(declared) or False,
            rich_help_panel=_COMMON if declared.name == "seed" else declared.metadata["panel"],
            metavar=placeholder(declared, hint),
        )
        about = About(declared.metadata["tier"], words_of(declared, hint))
        made.append(_parameter(declared.name, Annotated[hint | None, option, about]))
    return made


def retired_parameters(cls: type[Config]) -> list[inspection.Parameter]:
    """Return the options that did something once: scripts that give them go on working."""
    return [
        _parameter(name, Annotated[str | None, typer.Option(flag(name), hidden=True)])
        for name in cls.retired
    ]


def file_parameters(with_preset: bool) -> list[inspection.Parameter]:
    """Return --config, and --preset where presets have a table for the command."""
    made = [
        _parameter("config_file", Annotated[Path | None, config_option("TOML file of options.")])
    ]
    if with_preset:
        made.append(_parameter("preset", Preset))
    return made


def config_option(help: str) -> Any:
    """Return the declaration of --config."""
    return typer.Option("--config", help=help, metavar="FILE.toml", rich_help_panel=_FILES)


Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="A configuration that ships with mfcli.",
        metavar="NAME",
        rich_help_panel=_FILES,
    ),
    About(Tier.first, dict.fromkeys(preset_names(), "")),
]
