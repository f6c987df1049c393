"""Options of the command line, generated from the configuration classes; and their layers."""

from __future__ import annotations

import dataclasses
import inspect as inspection
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

from mfcli.config import Config
from mfcli.config.files import load_config, load_preset
from mfcli.config.options import field_types, flag
from mfcli.config.tune import of_the_model

AnyConfig = TypeVar("AnyConfig", bound=Config)
Tables = Mapping[str, Mapping[str, Any]]

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
    fields = [each for each in dataclasses.fields(cls) if each.metadata["cli"]]
    return sorted(fields, key=lambda each: each.name == "seed")


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
        return ", ".join(str(each) for each in field.default_factory())
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
        tables = load_config(path)
        if table == "tune":
            layers.append((f"{path}: [train] ", of_the_model(tables.get("train", {}))))
        layers.append((f"{path}: [{table}] ", tables.get(table, {})))
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
