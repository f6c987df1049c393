"""How sure a metric is: standard errors, bootstrap intervals over users, paired differences.

Every metric is a ratio of two sums over users: for a mean over users, the user's value over 1 (0
over 0 where it is not defined); for rmse and mae, the user's sum of errors over the number of rows.
So rows of one user are drawn together, as they are not independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats64 = NDArray[np.float64]

RESAMPLED_AT_ONCE = 1 << 22  # draws held in memory
LEVEL = 95.0  # percent


@dataclass(frozen=True, eq=False)
class Statistic:
    """A metric as Σ top / Σ bottom over users, both (Q,); with ``root`` its square root."""

    top: Floats64
    bottom: Floats64
    root: bool = False

    @property
    def value(self) -> float:
        """Return the metric; NaN where no user defines it."""
        return float(_ratio(self.top.sum(), self.bottom.sum(), self.root))

    @property
    def per_user(self) -> Floats64:
        """Return each user's own metric, (Q,); NaN where it is not defined."""
        return _ratio(self.top, self.bottom, self.root)

    @property
    def n(self) -> int:
        """Return the number of users who define it."""
        return int((self.bottom > 0).sum())

    def influence(self) -> Floats64:
        """Return what each user adds to the error, linearised, (Q,): zero in sum."""
        total, value = self.bottom.sum(), self.value
        if not total > 0:
            return np.zeros_like(self.top)
        slope = (1.0 / (2.0 * value) if value else 0.0) if self.root else 1.0
        mean = value**2 if self.root else value
        return slope * (self.top - mean * self.bottom) / total


def mean_of(values: Floats64) -> Statistic:
    """Return the mean over users of values (Q,), NaN left out."""
    there = np.isfinite(values)
    return Statistic(np.where(there, values, 0.0), there.astype(np.float64))


def _ratio(top: Floats64, bottom: Floats64, root: bool) -> Floats64:
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(np.asarray(bottom) > 0, np.asarray(top) / bottom, np.nan)
    return np.sqrt(found) if root else found


def resampled(statistics: list[Statistic], resamples: int, seed: int) -> Floats64:
    """Compute each statistic on bootstrap samples of the users (Efron 1979): (resamples, M).

    All statistics are of the same Q users, and a resample draws the same users for each of them:
    differences of columns are paired. Depends on Q, ``resamples`` and ``seed`` only.
    """
    n_users = len(statistics[0].top)
    out = np.empty((resamples, len(statistics)))
    if not n_users or not resamples:
        out.fill(np.nan)
        return out
    tops = np.stack([statistic.top for statistic in statistics], axis=1)  # (Q, M)
    bottoms = np.stack([statistic.bottom for statistic in statistics], axis=1)
    unlike, column = np.unique(bottoms, axis=1, return_inverse=True)  # few: most are all ones
    both = np.hstack([tops, unlike])
    random = np.random.default_rng(seed)
    step = max(1, RESAMPLED_AT_ONCE // n_users)
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, resamples, step):
            part = out[start : start + step]
            draws = random.integers(0, n_users, (len(part), n_users))
            draws += np.arange(len(part))[:, None] * n_users
            times = np.bincount(draws.reshape(-1), minlength=draws.size)
            sums = times.reshape(draws.shape).astype(np.float64) @ both
            width = len(statistics)
            part[:] = _ratio(sums[:, :width], sums[:, width:][:, column.reshape(-1)], False)
    roots = np.array([statistic.root for statistic in statistics])
    out[:, roots] = np.sqrt(np.maximum(out[:, roots], 0.0))
    return out


def interval(statistic: Statistic, draws: Floats64) -> dict[str, float]:
    """Return standard_error, low and high; NaN for fewer than two users.

    The standard error is that of a mean over users, sd/√n, or its linearisation for a ratio; low
    and high are percentiles of the bootstrap ``draws`` (resamples,).
    """
    return _summary(statistic.influence(), statistic.n, draws)


def difference(
    statistic: Statistic, base: Statistic, draws: Floats64, base_draws: Floats64
) -> dict[str, float | bool]:
    """Return the difference to ``base``, paired by user, its interval, and beyond_noise.

    Beyond noise: the interval does not hold 0. Several comparisons are not corrected for.
    """
    both = (statistic.bottom > 0) | (base.bottom > 0)
    found = _summary(statistic.influence() - base.influence(), int(both.sum()), draws - base_draws)
    beyond = bool(found["low"] > 0 or found["high"] < 0)
    return {"difference": statistic.value - base.value, **found, "beyond_noise": beyond}


def paired(statistic: Statistic, base: Statistic) -> tuple[float, float, int]:
    """Return the difference to ``base``, its standard error paired by user, and the users.

    The error is NaN where there are fewer than two users.
    """
    users = int(((statistic.bottom > 0) | (base.bottom > 0)).sum())
    influence = statistic.influence() - base.influence()
    error = float(np.sqrt(users / (users - 1) * np.sum(influence**2))) if users > 1 else np.nan
    return statistic.value - base.value, error, users


def _summary(influence: Floats64, n: int, draws: Floats64) -> dict[str, float]:
    draws = draws[np.isfinite(draws)]
    low = high = error = float("nan")
    if n > 1:
        error = float(np.sqrt(n / (n - 1) * np.sum(influence**2)))
        if len(draws):
            tail = (100.0 - LEVEL) / 2
            low, high = (float(end) for end in np.percentile(draws, [tail, 100.0 - tail]))
    return {"standard_error": error, "low": low, "high": high}
