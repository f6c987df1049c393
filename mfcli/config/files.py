"""Configuration files and presets: TOML → one table a stage."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from mfcli.config.options import nearest
from mfcli.errors import InputError, UsageError

LARGEST = 1 << 20  # bytes of a configuration file
EVERYWHERE = ("ignore",)  # keys at the top of a file that stand for one in each table
TABLES = ("fetch", "split", "train", "tune", "evaluate", "recommend", "similar", "nightly")


def preset_names() -> list[str]:
    """Return the names of the presets that ship with the package, sorted."""
    folder = resources.files("mfcli.config").joinpath("presets")
    return sorted(
        file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")
    )


def load_preset(name: str) -> dict[str, dict[str, Any]]:
    """Return the tables of a preset; raises UsageError if there is none of that name."""
    names = preset_names()
    if name not in names:
        raise UsageError(
            f"--preset {name!r} does not exist{nearest(name, names)}; there are: {', '.join(names)}"
        )
    text = resources.files("mfcli.config").joinpath("presets", f"{name}.toml").read_text("utf-8")
    return _tables(tomllib.loads(text), f"preset {name}: ")


def load_config(path: Path) -> dict[str, dict[str, Any]]:
    """Read a TOML file; raises InputError if it cannot be read, UsageError if it is wrong."""
    try:
        with path.open("rb") as stream:  # a pipe will do: --config <(…)
            content = stream.read(LARGEST + 1)
        text = content.decode("utf-8-sig")  # Windows' editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot read the configuration: {reason}") from None
    if len(content) > LARGEST:
        raise InputError(
            f"{path}: is larger than {LARGEST} bytes: too large for a configuration file"
        )
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits is a plain one
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{path}: not valid TOML: {reason}") from None
    return _tables(document, f"{path}: ")


def _tables(document: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    everywhere = {key: document.pop(key) for key in EVERYWHERE if key in document}
    for key, value in document.items():
        if key not in TABLES:
            raise UsageError(f"{where}unknown table [{key}]{nearest(key, TABLES)}")
        if not isinstance(value, dict):
            raise UsageError(f"{where}{key} should be a table: [{key}]")
    if not everywhere:
        return document
    return {table: everywhere | document.get(table, {}) for table in TABLES}
