"""The trials of a search in a given time: the best so far, of all and of each way to train."""

from __future__ import annotations

import bisect
import dataclasses
import json

from mfcli.config import Engine, Recipe, Setting
from mfcli.events import TrialResult
from mfcli.tuning.tasks import order, scored

_A_DRAW = 0.2  # what a draw that a negative is the hardest of costs, of a step


class Ledger:
    """What was tried; each trial is counted in by ``add``, in order.

    results: of all trials; only the best one's keeps what each user got.
    """

    def __init__(self, lower_is_better: bool) -> None:
        self.lower = lower_is_better
        self.results: list[TrialResult] = []
        self._ranked: list[TrialResult] = []  # those with a score, best first
        self._by_way: dict[Setting, list[TrialResult]] = {}  # the same of each way
        self._cost: dict[Setting, float] = {}  # seconds of a unit of work, the least seen
        self._seen: set[str] = set()

    @property
    def best(self) -> TrialResult | None:
        """The best trial so far."""
        return self._ranked[0] if self._ranked else None

    @property
    def ways(self) -> list[Setting]:
        """The ways that have a score, the one of the best trial first."""
        return sorted(self._by_way, key=lambda way: self._place(self._by_way[way][0]))

    def ranked(self, way: Setting | None = None) -> list[TrialResult]:
        """Return the trials with a score, of one way or of all, best first."""
        return self._ranked if way is None else self._by_way.get(way, [])

    def is_new(self, recipe: Recipe) -> bool:
        """Tell whether no trial had these options; the next call with them says no."""
        key = json.dumps(recipe.options, sort_keys=True, default=str)
        new = key not in self._seen
        self._seen.add(key)
        return new

    def add(self, result: TrialResult, recipe: Recipe) -> None:
        """Count a trial in."""
        before = self.best
        self.results.append(result)
        if scored([result]):
            bisect.insort(self._ranked, result, key=self._place)
            of_way = self._by_way.setdefault(recipe.setting, [])
            bisect.insort(of_way, result, key=self._place)
            cost = result.training / _work(recipe)
            self._cost[recipe.setting] = min(cost, self._cost.get(recipe.setting, cost))
        for worse in (before, result):
            if worse is not None and worse is not self.best:
                self._forget(worse)

    def expected(self, recipe: Recipe) -> float:
        """Return the seconds that a training should take, by others of its way; 0 if unknown."""
        return self._cost.get(recipe.setting, 0.0) * _work(recipe)

    def is_behind(self, way: Setting, part: float) -> bool:
        """Tell whether the best of a way is further behind the best of all than this part of it."""
        best, own = self.best, self._by_way.get(way)
        if best is None or not own:
            return False
        assert best.value is not None
        assert own[0].value is not None
        gap = own[0].value - best.value
        return (gap if self.lower else -gap) > part * abs(best.value)

    def _place(self, result: TrialResult) -> tuple[float, int, int]:
        return order(result, self.lower)

    def _forget(self, worse: TrialResult) -> None:
        """Keep no more of a trial than its figures: what each user got is long."""
        short = dataclasses.replace(worse, statistic=None)
        for kept in (self.results, self._ranked, *self._by_way.values()):
            for place, result in enumerate(kept):
                if result is worse:
                    kept[place] = short


def _work(recipe: Recipe) -> float:
    """Return what a training costs, in a unit of its way's own."""
    negatives = recipe.negatives * (1 + _A_DRAW * (recipe.hardest_of - 1))
    work = max(1, recipe.ends) * (recipe.factors + 16.0) * (1 + negatives)
    # als multiplies matrices of factors × factors beside; it is half of the work from here on.
    return work * (1 + recipe.factors / 256) if recipe.engine is Engine.als else work
