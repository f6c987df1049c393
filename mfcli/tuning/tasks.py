"""One training of a search, and which of several is the best."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from mfcli.events import TrialResult


@dataclasses.dataclass(frozen=True)
class Task:
    """One training: a trial's options, with the epochs of a round."""

    trial: int
    rung: int
    options: dict[str, Any]

    @property
    def key(self) -> tuple[int, int]:
        """What tells a training from the others of a search."""
        return self.trial, self.rung


def scored(results: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the results that have a score: neither diverged nor out of time."""
    return [
        result for result in results if result.value is not None and math.isfinite(result.value)
    ]


def order(result: TrialResult, lower_is_better: bool) -> tuple[float, int, int]:
    """Return what sorts results, best first; of equal ones the earlier trial, the later round."""
    assert result.value is not None
    value = result.value if lower_is_better else -result.value
    return value, result.trial, -result.rung


def best_of(results: Sequence[TrialResult], lower_is_better: bool) -> TrialResult | None:
    """Return the best result of all rounds, or None if none has a score."""
    return min(scored(results), key=lambda result: order(result, lower_is_better), default=None)
