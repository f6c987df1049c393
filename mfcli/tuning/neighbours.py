"""Settings near those that did well: what a search draws from what it has seen.

An evolution strategy (Rechenberg 1973) on the options' own scales: a parent among the best so far,
a few of its options moved, by steps that shrink as draws go by. With some twenty trainings there
is too little for a model of the whole space, and the defaults of the data, or a portfolio, are in
its better part already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from mfcli.config.ranges import plain
from mfcli.config.spaces import Choice, Range, Space
from mfcli.tuning.draws import as_written, draw_value, meaningful
from mfcli.tuning.spaces import LIMITS

PARENTS = 4  # how many of the best are looked around of
_MOVED = 0.5  # of the options at a time
_BEYOND = 2.0  # how far past the ends of a range, as a factor: the data may ask for it


class Neighbours:
    """Draws options near good ones; the same seed and the same calls give the same draws.

    step: the first one, a part of half a range's width. kept: options that stay within their
    ranges, and on the values of a choice, whatever is found.
    """

    def __init__(self, seed: int, step: float, kept: Set[str] = frozenset()) -> None:
        self.random = np.random.default_rng([seed, 3])
        self.step = step
        self.kept = kept
        self.drawn = 0

    def draw(self, good: Sequence[Mapping[str, Any]], space: Space) -> dict[str, Any]:
        """Return options near one of the ``good`` ones, which are best first and all of a space.

        Options outside of the space stay as the parent has them.
        """
        return self.several(1, good, space)[0]

    def several(
        self, n: int, good: Sequence[Mapping[str, Any]], space: Space
    ) -> list[dict[str, Any]]:
        """Return as many draws, which count as one: the next ones are no nearer for them."""
        self.drawn += 1
        return [self._draw(good, space) for _ in range(n)]

    def _draw(self, good: Sequence[Mapping[str, Any]], space: Space) -> dict[str, Any]:
        place = min(int(self.random.exponential(0.8)), len(good) - 1)
        parent = dict(good[place])
        moved = self.random.random(len(space)) < max(_MOVED, 1.0 / max(1, len(space)))
        if not moved.any() and len(space):
            moved[self.random.integers(len(space))] = True
        step = self.step / math.sqrt(1.0 + self.drawn / 8.0)
        for (name, span), moves in zip(sorted(space.items()), moved, strict=True):
            if moves:
                parent[name] = self._moved(name, parent.get(name), span, step)
        return meaningful(parent)

    def _moved(self, name: str, value: Any, span: Range, step: float) -> Any:
        """Return a value near ``value``; any one of the range where there is none."""
        if value is None:
            return draw_value(name, span, self.random)
        ends = ends_of(span)
        if ends is None:
            assert isinstance(span, Choice)
            return plain(span.values[self.random.integers(len(span.values))])
        by = float(self.random.standard_normal()) * step
        if isinstance(span, Choice) and name in self.kept:
            return _next(value, span, up=by > 0)
        low, high = ends
        if low > 0 and value > 0:
            moved = value * math.exp(by * max(0.7, math.log(high / low) / 2))
            if name not in self.kept:
                # A width of 1 is not halved to 0, which is another model.
                least = 1.0 if isinstance(span, Choice) and low >= 1 else 0.0
                low, high = _within(name, max(low / _BEYOND, least), high * _BEYOND)
        else:
            moved = value + by * (high - low) / 2
        return as_written(name, moved, low, high)


def _next(value: float, span: Choice, *, up: bool) -> Any:
    """Return the next value of a choice of numbers, or the last one there is that way."""
    values = sorted(span.values)
    beyond = [it for it in values if (it > value if up else it < value)]
    return (beyond[0] if up else beyond[-1]) if beyond else values[-1 if up else 0]


def _within(name: str, low: float, high: float) -> tuple[float, float]:
    """Return the part of a range that an option may have."""
    least, most = LIMITS[name]
    return (
        low if least is None else max(low, least),
        high if most is None else min(high, most),
    )


def ends_of(span: Range) -> tuple[float, float] | None:
    """Return the ends of a range of numbers, None for words."""
    if not isinstance(span, Choice):
        return span.low, span.high
    numbers = [value for value in span.values if type(value) in (int, float)]
    if len(numbers) < len(span.values) or len(numbers) < 2:
        return None
    return float(min(numbers)), float(max(numbers))
