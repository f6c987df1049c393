"""How a run is watched: the options that every command has for a log and a monitor."""

from __future__ import annotations

from enum import StrEnum


class LogFormat(StrEnum):
    """How a line of a log file is written."""

    text = "text"
    json = "json"
