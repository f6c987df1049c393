"""What is known of a part of a table from outside of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A file as one of several.

    constants: columns that the names of its folders hold (Hive's ``dt=2024-01-01``), each with its
    value, the same in every row. header: the columns of the first part, which a later one need
    not name again.
    """

    constants: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] | None = None


WHOLE = Part()
