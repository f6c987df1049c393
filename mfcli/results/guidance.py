"""What guides a person: pages of the documentation, and what was found on the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mfcli.results.base import Result


@dataclass(frozen=True, kw_only=True)
class HelpResult(Result):
    """A page of the documentation, or the list of them.

    topic: its name, None for the list. text: of the page, Markdown or as it is to be shown.
    topics: of the list, each with what it is about.
    """

    topic: str | None = None
    text: str = ""
    markdown: bool = True
    topics: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What was found of one thing on this machine.

    state: ok; advice, where mfcli works and something is worth doing; bad, where it does not work.
    mend: what to do, where there is something.
    """

    name: str
    state: str
    value: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class DoctorResult(Result):
    """What was found on this machine."""

    found: list[Found]

    @property
    def exit_status(self) -> int:
        """That of a system that refuses, where something keeps mfcli from working."""
        return 8 if any(it.state == "bad" for it in self.found) else 0

    def document(self) -> dict[str, Any]:
        """Return what was found, and whether it is well enough to work with."""
        return {"well": not self.exit_status, **super().document()}
