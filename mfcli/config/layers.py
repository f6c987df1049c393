"""The layers of a configuration: defaults, preset, file, command line; later ones win."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from mfcli.config.files import load_config, load_preset
from mfcli.config.options import Config
from mfcli.config.tune import of_the_model

AnyConfig = TypeVar("AnyConfig", bound=Config)


def merge_layers(
    cls: type[AnyConfig],
    table: str,
    files: tuple[Path | None, str | None],
    asked: Mapping[str, Any],
) -> AnyConfig:
    """Build the configuration of a stage from its layers.

    table: the stage's table in a configuration file. files: a TOML file and the name of a preset,
    or None for either. asked: what the command line gives; None and [] stand for nothing.

    Raises InputError for a file that cannot be read, and UsageError for wrong options.
    """
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
    layers = [(where, _without_overruled_stages(layer, given)) for where, layer in layers]
    return cls.merge(*layers, ("", given))


def keys_in(table: str, files: tuple[Path | None, str | None]) -> set[str]:
    """Return the names of the options that a preset or a file gives in a table."""
    path, preset = files
    tables = [] if preset is None else [load_preset(preset)]
    tables += [] if path is None else [load_config(path)]
    return {key.replace("-", "_") for found in tables for key in found.get(table, {})}


def _without_overruled_stages(
    layer: Mapping[str, Any], given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Take options of the command line out of every [[train.stages]]: they win there as well."""
    stages = layer.get("stages")
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        return layer  # what it holds instead is refused when it is merged
    kept = [
        {key: value for key, value in stage.items() if key.replace("-", "_") not in given}
        for stage in stages
    ]
    return {**layer, "stages": kept}
