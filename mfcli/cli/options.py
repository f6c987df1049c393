"""Options of the command line, generated from the configuration classes."""

from __future__ import annotations

import dataclasses
import inspect as inspection
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from mfcli.config import Config
from mfcli.config.options import field_types, flag

_COMMON = "Everywhere"
_FILES = "Configuration"


def _parameter(name: str, annotation: Any, default: Any = None) -> inspection.Parameter:
    kind = inspection.Parameter.KEYWORD_ONLY
    return inspection.Parameter(name, kind, default=default, annotation=annotation)


def common_parameters() -> list[inspection.Parameter]:
    """Return the options that every command has."""

    def switch(name: str, help: str) -> inspection.Parameter:
        option = typer.Option(f"--{name}", help=help, rich_help_panel=_COMMON)
        return _parameter(name, Annotated[bool, option], False)

    return [
        switch("json", "Standard output holds exactly one JSON document."),
        switch("quiet", "Errors and warnings only."),
        switch("debug", "Show the traceback of an error."),
    ]


def cli_fields(cls: type[Config]) -> list[dataclasses.Field[Any]]:
    """Return the fields that are options of the command line, the seed last."""
    fields = [field for field in dataclasses.fields(cls) if field.metadata["cli"]]
    return sorted(fields, key=lambda field: field.name == "seed")


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
            show_default=_shown_default(field),
            rich_help_panel=panel,
            metavar=_metavar(hint),
        )
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
        return ", ".join(str(value) for value in field.default_factory())
    if field.default is None or field.default is False:
        return False
    return str(field.default)


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
