"""Options of a call → the configuration of its stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfcli.config.layers import AnyConfig
from mfcli.config.options import names_with
from mfcli.config.roles import Role
from mfcli.errors import UsageError


def configured(cls: type[AnyConfig], options: Mapping[str, Any]) -> AnyConfig:
    """Return the configuration; raises UsageError for options about a file that is replaced."""
    for name in names_with(cls, Role.publishing):
        if name in options:
            raise UsageError(f"{name} is about the file of a command: nothing is written here")
    return cls.merge(("", options))
