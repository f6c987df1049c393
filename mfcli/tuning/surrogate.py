"""What trials that were not made would reach, guessed from those that were: a Gaussian process.

Regression with Matérn's kernel of 5/2 (Rasmussen & Williams 2006, section 2.2 and algorithm 2.1) on
the options' own scales. Lengths and noise are those of the largest marginal likelihood among a few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

from mfcli.config.spaces import Choice, Space
from mfcli.tuning.neighbours import ends_of

Points = NDArray[np.float64]
_LENGTHS, _NOISES = (0.15, 0.3, 0.6, 1.2, 2.4), (1e-4, 1e-2, 1e-1)
_LONG = 2  # the length at the beginning
_TAIL = 2.0  # how far below the median the worst count, in gaps of the best to the median


class Surrogate:
    """Knows points of a space and what was reached there, larger values being better.

    Trainings of all lengths are known, and of full ones is guessed: the length is one more
    coordinate, along which values are alike as well.
    """

    def __init__(
        self,
        space: Space,
        known: Sequence[Mapping[str, Any]],
        parts: Sequence[float],
        values: Points,
    ) -> None:
        """Fit to ``values`` (N,), none of them NaN, of the ``known`` options.

        parts: (N,) of their rounds, 1 for the last one.
        """
        self.space = space
        self.x = np.column_stack([self._points(known), parts])
        full = values[np.asarray(parts) == 1.0]
        middle = float(np.median(values))
        y = np.maximum(values, middle - _TAIL * max(values.max() - middle, 1e-12))
        self.mean, self.scale = float(y.mean()), float(y.std()) or 1.0
        self.y = (y - self.mean) / self.scale
        best = full.max() if len(full) else values.max()
        self.best = (float(best) - self.mean) / self.scale
        self.lengths, self.noise = np.full(self.x.shape[1], _LENGTHS[_LONG]), _NOISES[1]
        with threadpool_limits(1, user_api="blas"):
            self._choose()
            self._factor()

    def believe(self, options: Mapping[str, Any]) -> None:
        """Add a point as if it reached what is guessed: what is drawn next should lie elsewhere."""
        point = self._full([options])
        with threadpool_limits(1, user_api="blas"):
            guess, _ = self._guess(point)
            self.x, self.y = np.vstack([self.x, point]), np.append(self.y, guess)
            self._factor()
        self.best = max(self.best, float(guess[0]))

    def expected_gain(self, options: Sequence[Mapping[str, Any]]) -> Points:
        """Return by how much each should exceed the best so far, (M,): expected improvement.

        Jones, Schonlau & Welch 1998, equation 15.
        """
        with threadpool_limits(1, user_api="blas"):
            guess, spread = self._guess(self._full(options))
        gap = guess - self.best
        ratio = gap / spread
        density = np.exp(-0.5 * ratio**2) / math.sqrt(2.0 * math.pi)
        gain: Points = gap * ndtr(ratio) + spread * density
        return gain

    def _full(self, options: Sequence[Mapping[str, Any]]) -> Points:
        return np.column_stack([self._points(options), np.ones(len(options))])

    def _points(self, options: Sequence[Mapping[str, Any]]) -> Points:
        """Return options as points of about unit width, (N, D); words have a column each."""
        columns = []
        for name, span in sorted(self.space.items()):
            given = [it.get(name) for it in options]
            ends = ends_of(span)
            if ends is None:
                assert isinstance(span, Choice)
                columns += [[float(it == value) / 2.0 for it in given] for value in span.values]
                continue
            low, high = ends
            by_ratio = low > 0
            width = math.log(high / low) if by_ratio else high - low
            columns.append(
                [
                    0.5
                    if it is None or (by_ratio and it <= 0)
                    else (math.log(it / low) if by_ratio else it - low) / (width or 1.0)
                    for it in given
                ]
            )
        return np.array(columns, np.float64).T.reshape(len(options), -1)

    def _kernel(self, a: Points, b: Points) -> Points:
        """Return Matérn's kernel of 5/2, (N, M)."""
        apart = (a[:, None] - b[None]) / self.lengths
        r = np.sqrt(5.0 * (apart**2).sum(axis=2))
        found: Points = (1.0 + r + r * r / 3.0) * np.exp(-r)
        return found

    def _factor(self) -> float:
        """Factor the kernel of the known points; return their log marginal likelihood."""
        kernel = self._kernel(self.x, self.x)
        np.einsum("ii->i", kernel)[:] += self.noise
        self.root = np.linalg.cholesky(kernel)
        self.white = solve_triangular(self.root, self.y, lower=True)
        return float(-0.5 * self.white @ self.white - np.log(np.diag(self.root)).sum())

    def _choose(self) -> None:
        """Let one length or the noise be the likeliest at a time, twice over."""
        for _ in range(2):
            found = []
            for noise in _NOISES:
                self.noise = noise
                found.append(self._factor())
            self.noise = _NOISES[int(np.argmax(found))]
            for column in range(len(self.lengths)):
                found = []
                for length in _LENGTHS:
                    self.lengths[column] = length
                    found.append(self._factor())
                self.lengths[column] = _LENGTHS[int(np.argmax(found))]

    def _guess(self, points: Points) -> tuple[Points, Points]:
        """Return mean and standard deviation at points, (M,) each."""
        across = solve_triangular(self.root, self._kernel(self.x, points), lower=True)
        spread = np.sqrt(np.maximum(1.0 - (across**2).sum(axis=0), 1e-12))
        return across.T @ self.white, spread
