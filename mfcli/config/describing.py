"""What help and the reference say of an option: its choices, its default, how a value is called."""

from __future__ import annotations

import dataclasses
import typing
from enum import StrEnum
from typing import Any

from mfcli.config.options import Config


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


def choices_of(hint: Any) -> list[str]:
    """Return the words that an option takes, or none where it takes any value of its type."""
    element = element_type(hint)
    return [str(choice) for choice in element] if issubclass(element, StrEnum) else []


def placeholder(hint: Any) -> str | None:
    """Name an option's value in a few letters, so that help keeps its columns on 80."""
    element = element_type(hint)
    if element is bool:
        return None
    return {int: "N", float: "X"}.get(element, "NAME" if choices_of(hint) else "TEXT")


def default_text(field: dataclasses.Field[Any]) -> str:
    """Return an option's default in words, or "" where it is off or has none."""
    if field.metadata["shown"]:
        return str(field.metadata["shown"])
    if field.default_factory is not dataclasses.MISSING:
        return ", ".join(str(value) for value in field.default_factory())
    return "" if field.default is None or field.default is False else str(field.default)
