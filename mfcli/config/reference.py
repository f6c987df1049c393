"""The reference of all options, as Markdown, from their declarations."""

from __future__ import annotations

import dataclasses
from typing import Any

from mfcli.config.describing import choices_of, cli_fields, default_text, placeholder
from mfcli.config.evaluate import EvaluateConfig
from mfcli.config.fetch import FetchConfig
from mfcli.config.options import Config, field_types, flag
from mfcli.config.recommend import RecommendConfig
from mfcli.config.similar import SimilarConfig
from mfcli.config.split import SplitConfig
from mfcli.config.train import TrainConfig
from mfcli.config.tune import TuneConfig

# The commands whose options are declared, by the names of their tables in a configuration file.
CONFIGS: dict[str, type[Config]] = {
    "fetch": FetchConfig,
    "split": SplitConfig,
    "train": TrainConfig,
    "tune": TuneConfig,
    "evaluate": EvaluateConfig,
    "recommend": RecommendConfig,
    "similar": SimilarConfig,
}
_HEAD = "| option | value | default | what it does |\n|---|---|---|---|\n"


def reference_markdown() -> str:
    """Return a section for each command: a table of its options for each of help's panels.

    An option's key in a configuration file is its name without the leading dashes.
    """
    return "\n".join(_command(name, cls) for name, cls in CONFIGS.items())


def _command(name: str, cls: type[Config]) -> str:
    text = f"## mfcli {name}\n\nTable `[{name}]` of a configuration file.\n"
    panels: dict[str, list[dataclasses.Field[Any]]] = {}
    for field in cli_fields(cls):
        panels.setdefault(field.metadata["panel"] or "Options", []).append(field)
    for panel, fields in panels.items():
        text += f"\n### {panel}\n\n{_HEAD}{''.join(_row(field, cls) for field in fields)}"
    return text


def _row(field: dataclasses.Field[Any], cls: type[Config]) -> str:
    hint = field_types(cls)[field.name]
    option = f"`{flag(field.name)}`"
    if hint is bool:
        option += f", `--no-{flag(field.name)[2:]}`"
    words = [f"`{choice}`" for choice in choices_of(hint)] or [placeholder(hint) or ""]
    cells = (option, ", ".join(words), default_text(field), field.metadata["help"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
