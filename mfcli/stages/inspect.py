"""``mfcli inspect``: what is in any file that mfcli wrote."""

from __future__ import annotations

from pathlib import Path

from mfcli.inspecting.kinds import describe
from mfcli.results import InspectResult


def inspect(path: Path) -> InspectResult:
    """Describe a file or a folder that mfcli wrote.

    Raises InputError for one of another kind, or a damaged one.
    """
    return describe(path)
