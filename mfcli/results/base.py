"""What all results have: a document, figures of it, and JSON without NaN."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


def without_nan(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by None, within lists and tables."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return value


@dataclass(frozen=True)
class Result:
    """Base of what a stage returns: ``document`` is what ``--json`` prints."""

    @property
    def exit_status(self) -> int:
        """With what the command ends that shows the result."""
        return 0

    def document(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        return dataclasses.asdict(self)

    def figures(self) -> dict[str, Any]:
        """Return what of the document a log or a monitor takes: plain values, and tables of them.

        Lists and tables of lists are left out, and what says nothing: None and empty tables.
        """
        return {name: value for name, value in self.document().items() if _is_figure(value)}


def _is_figure(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(map(_is_plain, value.values()))
    return _is_plain(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)
