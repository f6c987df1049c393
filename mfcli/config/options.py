"""How a configuration class declares its options, checks them and merges their layers.

A field says everything about an option once: its type, default, help, range and panel. The command
line, the TOML tables and the artifacts' ``options`` are all read off the classes. Standard library
only: ``--help`` imports this package and nothing that computes.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from mfcli.codes import WarningCode
from mfcli.config.roles import Role, Tier
from mfcli.errors import UsageError


def option(
    default: Any,
    help: str,
    *,
    role: Role = Role.none,
    panel: str | None = None,
    low: float | None = None,
    high: float | None = None,
    shown: str | None = None,
    metavar: str | None = None,
    words: Callable[[], Iterable[str]] | None = None,
    tier: Tier = Tier.rest,
    cli: bool = True,
) -> Any:
    """Declare a field: its default, help, roles and range.

    ``shown`` is the default that help prints, ``metavar`` what it calls a value, where the type and
    the role do not say it, and ``words`` returns what can be chosen where the type is no enum.
    ``tier`` tells how soon help speaks of it, ``cli`` whether the command line has it.
    """
    metadata = {
        "help": help,
        "role": role,
        "panel": panel,
        "low": low,
        "high": high,
        "shown": shown,
        "metavar": metavar,
        "words": words,
        "tier": tier,
        "cli": cli,
    }
    if isinstance(default, list):
        values = tuple(default)
        # A list has no hash; without it, the configuration has one still.
        return dataclasses.field(
            default_factory=lambda: list(values), metadata=metadata, hash=False
        )
    return dataclasses.field(default=default, metadata=metadata)


def field_types(cls: type) -> Mapping[str, Any]:
    """Map each field of a configuration class to its type without the ``None``."""
    return _field_types(cls)


@functools.cache
def _field_types(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    types_of = {field.name: _bare(hints[field.name]) for field in dataclasses.fields(cls)}
    return types.MappingProxyType(types_of)


def _bare(hint: Any) -> Any:
    """Strip ``| None`` from a type."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kept = [part for part in typing.get_args(hint) if part is not type(None)]
        return kept[0]
    return hint


def names_with(cls: type, role: Role) -> tuple[str, ...]:
    """Return the names of a class's options that have one of the roles, as they are declared."""
    return tuple(field.name for field in dataclasses.fields(cls) if field.metadata["role"] & role)


def flag(name: str) -> str:
    """Turn a field's name into its option: ``batch_size`` → ``--batch-size``."""
    return "--" + name.replace("_", "-")


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """Return " (did you mean …?)" for the known word that looks most like ``word``, or ""."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {str(close[0])!r}?)" if close else ""


def coerce(name: str, value: Any, hint: Any, where: str) -> Any:
    """Check a TOML value against a field's type and return it in that type."""
    origin = typing.get_origin(hint)
    if origin is list:
        (inner,) = typing.get_args(hint)
        values = value if isinstance(value, list | tuple) else [value]
        return [coerce(name, element, inner, where) for element in values]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        try:
            return hint(value)
        except ValueError:
            choices = ", ".join(hint)
            hint_text = nearest(str(value), list(hint))
            raise UsageError(
                f"{where}{name} = {value!r} is not one of: {choices}{hint_text}"
            ) from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if origin is dict:
        hint = dict
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UsageError(f"{where}{name} = {value!r} should be of type {hint.__name__}")
    return value


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of all configurations: range checks, merging, plain-value export."""

    # Options of earlier versions that mean nothing any more, and why. Files may hold them still;
    # on the command line they are hidden, and a note says that they do nothing.
    retired: ClassVar[Mapping[str, str]] = {}

    seed: int = option(
        0,
        "Seed of everything random.",
        role=Role.seed,
        low=0,
        high=2**32 - 1,
        tier=Tier.first,
    )
    ignore: list[WarningCode] = option(
        [], "Codes of warnings not to give.", role=Role.telling, cli=False
    )

    def __post_init__(self) -> None:
        """Refuse values outside an option's range."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            for element in value if isinstance(value, list) else [value]:
                _check_range(field, element)
        self.check()

    def check(self) -> None:
        """Refuse options that cannot go together; a subclass says which."""

    @classmethod
    def merge(cls, *layers: tuple[str, Mapping[str, Any]]) -> Self:
        """Build from layers ``(where, options)``, later ones winning; unknown keys are errors.

        A layer that comes from a file may hold options of earlier versions, which are passed over.
        """
        hints = field_types(cls)
        merged: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for where, layer in layers:
            seen: set[str] = set()
            for key, value in layer.items():
                name = key.replace("-", "_")
                if where and name in cls.retired:
                    continue
                if name not in hints:
                    known = [hint.replace("_", "-") for hint in hints]
                    raise UsageError(f"{where}unknown key {key!r}{nearest(key, known)}")
                if name in seen:
                    raise UsageError(f"{where}key {key!r} is given twice")
                seen.add(name)
                merged[name] = coerce(key, value, hints[name], where)
                origin[name] = where
        try:
            return cls(**merged)
        except UsageError as error:
            raise UsageError(_blamed(str(error), origin)) from None

    def options(self, *, leave_out: Role = Role.none) -> dict[str, Any]:
        """Return the options as plain JSON values, without those of a role or without a value."""
        plain: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None or field.metadata["role"] & leave_out:
                continue
            plain[field.name] = str(value) if isinstance(value, StrEnum) else value
        return plain

    def stored(self, *, leave_out: Role = Role.none) -> dict[str, Any]:
        """Return the options that an artifact stores: those that say what is computed."""
        return self.options(leave_out=Role.unstored | leave_out)

    def given(self, role: Role) -> list[str]:
        """Return the names of a role's options that have another value than their default."""
        asked = self.asked()
        return [name for name in names_with(type(self), role) if name in asked]

    def asked(self) -> frozenset[str]:
        """Return the names of the options that have another value than their default."""
        fields = dataclasses.fields(self)
        return frozenset(it.name for it in fields if getattr(self, it.name) != _default(it))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _blamed(message: str, origin: Mapping[str, str]) -> str:
    """Put the file before a message on an option that came from one, if it is not there yet."""
    named = re.match(r"(?:--|\[\[train\.)([a-z0-9-]+)", message)
    where = origin.get(named[1].replace("-", "_"), "") if named else ""
    return where + message


def _check_range(field: dataclasses.Field[Any], value: Any) -> None:
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if value != value or value in (float("inf"), float("-inf")):
        raise UsageError(f"{flag(field.name)} {value} is not a finite number")
    if low is not None and value < low:
        raise UsageError(f"{flag(field.name)} {value} is below its minimum {low}")
    if high is not None and value > high:
        raise UsageError(f"{flag(field.name)} {value} is above its maximum {high}")
