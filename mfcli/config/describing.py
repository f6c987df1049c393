"""What help and the reference say of an option: its choices, its default, how a value is called."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from mfcli.config.choices import MODES, Choice, Setting
from mfcli.config.options import Config
from mfcli.config.roles import Role
from mfcli.config.ways import WAYS, defaults_for

# In the text of a default, these stand for the values that are shown.
BY_MODE = "by mode"
BY_WAY = "by way"


def cli_fields(cls: type[Config]) -> list[dataclasses.Field[Any]]:
    """Return the fields that are options of the command line, the seed last."""
    fields = [field for field in dataclasses.fields(cls) if field.metadata["cli"]]
    return sorted(fields, key=lambda field: field.name == "seed")


def help_of(cls: type[Config], name: str) -> str:
    """Return the help of an option, for a command that declares it by hand."""
    return str(cls.__dataclass_fields__[name].metadata["help"])


def element_type(hint: Any) -> Any:
    """Return the type of one value of an option that may be repeated."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is list else hint


def choices_of(hint: Any) -> dict[str, str]:
    """Return the words that an enumeration takes, each with what it is in four words, or ""."""
    element = element_type(hint)
    if not issubclass(element, StrEnum):
        return {}
    return {str(word): word.about if isinstance(word, Choice) else "" for word in element}


def words_of(field: dataclasses.Field[Any], hint: Any) -> dict[str, str]:
    """Return the words that an option takes, as ``choices_of`` does, or none where it takes any."""
    words = field.metadata["words"]
    return choices_of(hint) if words is None else dict.fromkeys(words(), "")


def placeholder(field: dataclasses.Field[Any], hint: Any) -> str | None:
    """Name an option's value in one word; None for a switch."""
    element = element_type(hint)
    if element is bool:
        return None
    if field.metadata["metavar"]:
        return str(field.metadata["metavar"])
    if field.metadata["role"] & Role.file:
        return "FILE|-" if field.metadata["role"] & Role.stdin else "FILE"
    return {int: "N", float: "X"}.get(element, "NAME" if choices_of(hint) else "TEXT")


def default_text(field: dataclasses.Field[Any]) -> str:
    """Return an option's default in words, or "" where it is off or has none."""
    shown = field.metadata["shown"]
    if shown:
        text = str(shown)
        text = text.replace(BY_MODE, default_by_mode(field.name)) if BY_MODE in text else text
        return text.replace(BY_WAY, default_by_way(field.name)) if BY_WAY in text else text
    if field.default_factory is not dataclasses.MISSING:
        return ", ".join(str(value) for value in field.default_factory())
    if field.default is None or field.default is False:
        return ""
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def default_by_mode(name: str) -> str:
    """Return the default of an option of train in each mode: ``20 (explicit), 30 (implicit)``.

    Modes with the same value share it, and one value of all stands alone. These are the values of
    the tables, which the data may move.
    """
    settings = {str(mode): Setting(*choice) for mode, choice in MODES.items()}
    values = {mode: it._asdict() | defaults_for(it) for mode, it in settings.items()}
    having = {mode: found[name] for mode, found in values.items() if name in found}
    return _shared(having, among=len(MODES))


def default_by_way(name: str) -> str:
    """Return the default of an option that no mode has, in each way that has it."""
    ways = {f"{objective} by {engine}": way.defaults for (engine, objective), way in WAYS.items()}
    having = {way: found[name] for way, found in ways.items() if name in found}
    return _shared(having, among=len(having))


def _shared(values: Mapping[str, Any], among: int) -> str:
    """Write values with the names of those that have them; one value of all ``among`` alone."""
    names_of: dict[str, list[str]] = {}
    for name, value in values.items():
        text = f"{value:g}" if isinstance(value, float) else str(value)
        names_of.setdefault(text, []).append(name)
    if len(names_of) == 1 and len(values) == among:
        return next(iter(names_of))
    return ", ".join(f"{value} ({', '.join(names)})" for value, names in names_of.items())
