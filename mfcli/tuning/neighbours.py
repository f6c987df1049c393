"""Settings near those that did well: what a search in a given time draws from what it has seen.

An evolution strategy (Rechenberg 1973) on the options' own scales: a parent among the best so far,
a few of its options moved, by steps that shrink as trials go by. With some twenty trainings there
is too little for a model of the whole space, and the portfolio has found its better part already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfcli.config import Confidence, TrainConfig
from mfcli.config.options import field_types
from mfcli.config.ranges import plain
from mfcli.config.spaces import Choice, Log, Range, Space

_FIRST_STEP = 0.3  # of half a range's width
_MOVED = 0.5  # of the options at a time
_BEYOND = 2.0  # how far past the ends of a range, as a factor: the data may ask for it


class Neighbours:
    """Draws options near good ones; the same seed and the same calls give the same draws."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng([seed, 3])
        self.drawn = 0

    def draw(self, good: Sequence[Mapping[str, Any]], space: Space) -> dict[str, Any]:
        """Return options near one of the ``good`` ones, which are best first and all of a space.

        Options outside of the space stay as the parent has them.
        """
        self.drawn += 1
        place = min(int(self.random.exponential(0.8)), len(good) - 1)
        parent = dict(good[place])
        moved = self.random.random(len(space)) < max(_MOVED, 1.0 / max(1, len(space)))
        if not moved.any() and len(space):
            moved[self.random.integers(len(space))] = True
        step = _FIRST_STEP / math.sqrt(1.0 + self.drawn / 8.0)
        hints = field_types(TrainConfig)
        for (name, span), moves in zip(sorted(space.items()), moved, strict=True):
            if moves and name in parent:
                parent[name] = self._moved(parent[name], span, step, hints[name] is int)
        if parent.get("confidence") == Confidence.none:
            parent.pop("alpha", None)
        return parent

    def _moved(self, value: Any, span: Range, step: float, whole: bool) -> Any:
        ends = _ends(span)
        if ends is None:
            assert isinstance(span, Choice)
            return plain(span.values[self.random.integers(len(span.values))])
        low, high = ends
        by_ratio = low > 0 and value > 0
        draw = float(self.random.standard_normal()) * step
        if by_ratio:
            moved = value * math.exp(draw * max(0.7, math.log(high / low) / 2))
            moved = min(max(moved, low / _BEYOND), high * _BEYOND)
        else:
            moved = min(max(value + draw * (high - low) / 2, low), high)
        return max(1, round(moved)) if whole else float(f"{moved:.3g}")


def _ends(span: Range) -> tuple[float, float] | None:
    """Return the ends of a range of numbers, None for words."""
    if isinstance(span, Choice):
        numbers = [value for value in span.values if isinstance(value, int | float)]
        if len(numbers) < len(span.values) or len(numbers) < 2:
            return None
        return float(min(numbers)), float(max(numbers))
    if isinstance(span, Log):
        return span.low, span.high
    return span.low, span.high
