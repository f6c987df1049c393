"""Writes mfcli/api/options.py from the declarations: ``python -m tests.api.typed_options``."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin

import mfcli.api
from mfcli.codes import WarningCode
from mfcli.config import Config, EvaluateConfig, FetchConfig, Role, SplitConfig, TrainConfig
from mfcli.config.options import field_types, names_with

FILE = Path(mfcli.api.__file__).with_name("options.py")
HEAD = '''"""The options of read, split, fit and evaluate, as keywords that editors and mypy know.

Generated from the declarations in mfcli.config: python -m tests.api.typed_options
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict
'''
# What a keyword cannot be: values in memory stand in place of these files.
CLASSES: dict[str, tuple[type[Config], str, frozenset[str]]] = {
    "FetchOptions": (
        FetchConfig,
        "read",
        frozenset({"source", *names_with(FetchConfig, Role.replacing)}),
    ),
    "SplitOptions": (SplitConfig, "split", frozenset({"train_file", "test_file", "folds"})),
    "TrainOptions": (
        TrainConfig,
        "fit",
        frozenset({"valid", "valid_history", "init_from", "init_from_if_any"}),
    ),
    "EvaluateOptions": (
        EvaluateConfig,
        "evaluate",
        frozenset({"per_user", "candidates", "history"}),
    ),
}


def typed_options() -> str:
    """Return the text of mfcli/api/options.py, formatted."""
    text = HEAD + "".join(
        _typed(name, config, call, without) for name, (config, call, without) in CLASSES.items()
    )
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _typed(name: str, config: type[Config], call: str, without: frozenset[str]) -> str:
    lines = [f"\n\nclass {name}(TypedDict, total=False):", f'    """Options of ``{call}``."""\n']
    hints = field_types(config)
    lines += [
        f"    {field.name}: {_written(hints[field.name])}"
        for field in dataclasses.fields(config)
        if field.name not in without and not field.metadata["role"] & Role.publishing
    ]
    return "\n".join(lines) + "\n"


def _written(hint: Any) -> str:
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        return f"list[{_written(inner)}]"
    if get_origin(hint) is dict:
        return "dict[str, Any]"
    if hint is WarningCode:  # there are many, and each new one would be a line in every class
        return "str"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return f"Literal[{', '.join(repr(str(choice)) for choice in hint)}]"
    return str(hint.__name__)


if __name__ == "__main__":
    FILE.write_text(typed_options(), encoding="utf-8")
