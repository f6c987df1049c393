"""Ranges as they are written, checked and shown: where tune draws an option's values from."""

from __future__ import annotations

import typing
from enum import StrEnum
from typing import Any

from mfcli.config.applies import inapplicable
from mfcli.config.choices import Setting
from mfcli.config.options import coerce, field_types, flag, names_with, nearest
from mfcli.config.roles import Role
from mfcli.config.spaces import Choice, Log, Range, Space, Uniform
from mfcli.config.train import TrainConfig
from mfcli.errors import UsageError


def _drawable() -> list[str]:
    """Return the options that a search may choose: single values that say how training learns.

    Not the setting itself, nor what only watches or runs a training.
    """
    barred = Role.seed | Role.choice | Role.file | Role.speed | Role.limit | Role.watch
    apart = names_with(TrainConfig, barred)
    return [
        name
        for name, hint in field_types(TrainConfig).items()
        if name not in apart and typing.get_origin(hint) is not list
    ]


def parse_range(text: str) -> tuple[str, Range]:
    """Read NAME=LOW:HIGH (log-uniform if LOW is above 0) or NAME=A,B,…; raises UsageError."""
    key, equals, body = text.partition("=")
    name = key.strip().removeprefix("--").replace("-", "_")
    drawable = _drawable()
    if name not in drawable:
        known = [option.replace("_", "-") for option in drawable]
        raise UsageError(
            f"--range {text!r}: does not name an option that a search can draw{nearest(key, known)}"
        )
    hint, where = field_types(TrainConfig)[name], f"--range {text!r}: "
    if equals and ":" in body and hint in (int, float):
        try:
            low, high = (float(bound) for bound in body.split(":"))
        except ValueError:
            low, high = 1.0, 0.0
        if not low < high < float("inf"):
            raise UsageError(f"{where}LOW:HIGH should be two numbers, the larger one last")
        _in_bounds(name, hint, (low, high))
        return name, Log(low, high) if low > 0 else Uniform(low, high)
    tokens = [token.strip() for token in body.split(",")]
    if not equals or not all(tokens):
        raise UsageError(f"{where}it should look like NAME=LOW:HIGH or NAME=A,B,…")
    values = tuple(_value(name, token, hint, where) for token in tokens)
    _in_bounds(name, hint, values)
    return name, Choice(values)


def _value(name: str, token: str, hint: Any, where: str) -> Any:
    if hint is bool:
        if token.lower() in ("true", "yes", "false", "no"):
            return token.lower() in ("true", "yes")
        raise UsageError(f"{where}{token!r} should be true or false")
    if hint in (int, float):
        try:
            return hint(token)
        except ValueError:
            raise UsageError(
                f"{where}{token!r} is not a {'whole ' * (hint is int)}number"
            ) from None
    return coerce(name, token, hint, where)


def _in_bounds(name: str, hint: Any, values: tuple[Any, ...]) -> None:
    """Let the option itself refuse what lies outside of it."""
    for value in values:
        TrainConfig.merge(("", {name: hint(value) if hint is int else value}))


def described(space: Space) -> dict[str, str]:
    """Return the ranges in words, as the protocol and ``--json`` show them."""
    shown = {}
    for name, span in space.items():
        if isinstance(span, Choice):
            text = ", ".join(str(value) for value in span.values)
        else:
            text = f"{span.low:g} to {span.high:g}{' (log)' if isinstance(span, Log) else ''}"
        shown[name] = text
    return shown


def check_space(space: Space, given: Space, setting: Setting, fixed: dict[str, Any]) -> None:
    """Refuse ``given`` ranges of options that are fixed or mean nothing in a setting."""
    for name in given:
        if name in fixed:
            raise UsageError(f"{flag(name)} and --range {name.replace('_', '-')}=…: give one")
        if reason := inapplicable(setting).get(name):
            raise UsageError(f"--range {name.replace('_', '-')}=… has no meaning here: {reason}")
    if not space:
        raise UsageError("nothing is left to tune: leave an option open, or give a --range for one")


def plain(value: Any) -> Any:
    """Return an option's value as TOML and JSON hold it."""
    return str(value) if isinstance(value, StrEnum) else value
