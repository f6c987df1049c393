"""Where the values of an option may be drawn from."""

from __future__ import annotations

from typing import Any, NamedTuple


class Log(NamedTuple):
    """Log-uniform from low to high; whole numbers where the option is one."""

    low: float
    high: float


class Uniform(NamedTuple):
    """Uniform from low to high; whole numbers where the option is one."""

    low: float
    high: float


class Choice(NamedTuple):
    """One of the values, each as likely as the others."""

    values: tuple[Any, ...]


Range = Log | Uniform | Choice
Space = dict[str, Range]
