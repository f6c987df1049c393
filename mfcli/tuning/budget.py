"""The best model that a given time allows: a portfolio first, then what lies near its best.

Every training is stopped where it could not be repeated on all rows in the time that is left, and
the search ends where the best one found needs what is left for its last training. So the time holds
whatever is found.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from mfcli.config import ModelKind, Recipe, Setting
from mfcli.config.spaces import Space
from mfcli.config.ways import space_for
from mfcli.errors import DivergedError, InputError, SystemRefusedError, UsageError
from mfcli.evaluation.confidence import paired
from mfcli.events import Noted, OnEvent, TrialResult, ignore
from mfcli.system.processors import available_workers
from mfcli.training.defaults import for_data
from mfcli.training.engines.ease import seconds_about
from mfcli.training.fit import fit
from mfcli.tuning.ledger import Ledger
from mfcli.tuning.neighbours import PARENTS, Neighbours
from mfcli.tuning.plan import RESERVE, Chosen, Plan
from mfcli.tuning.portfolio import BASELINE, Entry, narrowed, refusal
from mfcli.tuning.readiness import (
    MEASURING,
    few_rows,
    kernels_of,
    seconds_to_compile,
    seconds_to_import,
)
from mfcli.tuning.spaces import fitted_space
from mfcli.tuning.tasks import Task
from mfcli.tuning.trials import Trainer

_WORSE = 0.06  # a way whose best is so far behind, as a part of the best, is tried no further
_NEAR = 0.03  # and near the best is looked where the best of a way is not further behind than this
_STEP = 0.3  # the first one of its neighbours: what a portfolio finds is near the best
_GAIN = 0.1  # what defaults that were not measured should be ahead of a narrow model at most
_NARROWER = (1.0, 0.85, 0.7, 0.55, 0.45)  # of their factors where the time is short
_WIDER = 1.3  # times the factors of what was measured, at least
_MISSES = 8  # draws in a row that would take too long end the search


def find_in_time(plan: Plan, on_event: OnEvent = ignore) -> Chosen:
    """Search until the time that is left is needed for the last training; see ``Plan``.

    Raises UsageError where no way to train has what is pinned.
    """
    search = _Search(plan, on_event)
    entries = narrowed(plan.aim, plan.pinned)
    search.try_baseline()
    for entry in entries:
        search.try_entry(entry)
    if not search.bets:
        search.look_around()
    return search.chosen()


@dataclasses.dataclass(frozen=True)
class _Bet:
    """What is to be trained unmeasured, its training's seconds, and the factors by default."""

    recipe: Recipe
    seconds: float
    usual_factors: int


class _Search:
    def __init__(self, plan: Plan, on_event: OnEvent) -> None:
        self.plan, self.on_event = plan, on_event
        self.trainer = Trainer(
            plan.train, plan.valid, plan.pinned, (plan.metric,), plan.history, foresees=True
        )
        self.ledger = Ledger(plan.lower_is_better)
        self.defaults: dict[Setting, TrialResult] = {}  # in the order of the portfolio
        self.neighbours = Neighbours(plan.seed, _STEP)
        self._bet: _Bet | None = None
        self._needed = 0.0  # seconds of the best one's last training
        self._measuring = 0.0  # seconds of the last measurement
        self._warm: set[Setting] = set()
        self._spaces: dict[Setting, Space] = {}
        self._said = False

    def try_baseline(self) -> None:
        """Measure what is there in no time, if nothing that was given speaks against it."""
        entry = BASELINE[self.plan.aim]
        if refusal(entry, self.plan.pinned) is None and self._compiles_in_time(MEASURING):
            self._try(self.plan.pinned.options_of(entry, self.plan.train))

    def try_entry(self, entry: Entry) -> None:
        """Train an entry, unless its way is behind already, or it could not be ready in time."""
        if self.ledger.is_behind(entry.setting, _WORSE):
            return
        options = self.plan.pinned.options_of(entry, self.plan.train)
        if entry.is_default and self._bets_on(self._recipe(options)):
            return
        result = self._try(options)
        if entry.is_default and (result is None or result.value is None):
            self._bets_on(self._recipe(options), late=True)
        if result is not None and result.value is not None and entry.is_default:
            self.defaults.setdefault(entry.setting, result)

    @property
    def bets(self) -> bool:
        """Whether defaults are to be trained that there was no time to measure."""
        return self._bet is not None

    def _bets_on(self, recipe: Recipe, *, late: bool = False) -> bool:
        """Tell whether defaults are to be trained without a trial, and keep the time for it.

        late: whether a trial was cut off already, or not begun.

        That is where both would take too long and the training alone would not, and a smaller model
        of the same way is the best so far: the wider one is better on all sets that the defaults
        were fitted on, by 3 to 24 % where they have a million rows. Where the training alone takes
        too long too, it is the widest model that does not.
        """
        best = self.ledger.best
        if self._bet is not None or best is None or not self.ledger.ranked(recipe.setting):
            return False
        narrow = self._recipe(best.options)
        if narrow.setting != recipe.setting:
            return False
        left = self._left_of_all()
        if not late:
            seconds = RESERVE * self.ledger.expected(recipe) + self._measuring
            if seconds + self._alone(recipe) < left:
                return False
        for part in _NARROWER:
            width = 8 * round(recipe.factors * part / 8)
            wide = recipe
            if part < 1.0:
                wide = self._recipe({**recipe.options, "factors": width})
            if part < 1.0 and wide.factors < _WIDER * narrow.factors:
                return False
            if self._alone(wide) <= left:
                self._bet = _Bet(wide, self.ledger.expected(wide), recipe.factors)
                self._needed = max(self._needed, self._alone(wide))
                return True
        return False

    def _alone(self, recipe: Recipe) -> float:
        """Return the seconds that training a recipe on all rows, and the rest, may take."""
        seconds = self.ledger.expected(recipe)
        return RESERVE * seconds / self.plan.part + self.plan.after(self._unmade(recipe))

    def look_around(self) -> None:
        """Draw options near the best ones, until the time is up or nothing is left to move."""
        missed = 0
        while missed < _MISSES and self._left() > 0:
            ways = [
                way
                for way in self.ledger.ways
                if self._space(way) and not self.ledger.is_behind(way, _NEAR)
            ]
            if not ways:
                return
            # The second best way has one turn of three.
            way = ways[min(1, len(ways) - 1) if self.neighbours.drawn % 3 == 2 else 0]
            space = self._space(way)
            parents = [result.options for result in self.ledger.ranked(way)[:PARENTS]]
            drawn = self.neighbours.draw(parents, space)
            missed = missed + 1 if self._try(drawn) is None else 0

    def _space(self, way: Setting) -> Space:
        if way not in self._spaces:
            usual = self._recipe({name: of for name, of in way._asdict().items() if of is not None})
            space = fitted_space(space_for(way), set(), self.plan.train, usual)
            given = self.plan.pinned.given
            self._spaces[way] = {name: of for name, of in space.items() if name not in given}
        return self._spaces[way]

    def chosen(self) -> Chosen:
        """Return the best trial that can still be trained anew, else the cheapest there is."""
        left = self.plan.deadline - time.time()
        if self._bet is not None:
            return self._chosen_bet(self._bet)
        for result in self.ledger.ranked():
            if self._final(result) / RESERVE <= left:
                return self._chosen(self._plainest(result, left))
        return self._chosen(self._unmeasured())

    def _chosen_bet(self, bet: _Bet) -> Chosen:
        """Return what was not measured, or what is ahead of its way by more than that gains."""
        recipe = bet.recipe
        best, own = self.ledger.best, self.ledger.ranked(recipe.setting)[0]
        assert best is not None
        if (
            self.ledger.is_behind(recipe.setting, _GAIN)
            and self._final(best) <= self._left_of_all()
        ):
            return self._chosen(best)
        unmeasured = dataclasses.replace(self._unmade(recipe), training=bet.seconds)
        return dataclasses.replace(
            self._chosen(unmeasured), instead=own, usual_factors=bet.usual_factors
        )

    def _left_of_all(self) -> float:
        return self.plan.deadline - time.time()

    def _plainest(self, best: TrialResult, left: float) -> TrialResult:
        """Return the defaults of the best one's way, unless they are behind by more than chance.

        The one-standard-error rule (Breiman et al. 1984), paired by user: the best of many trials
        owes part of its lead to the rows that it was measured on.
        """
        usual = self.defaults.get(self._recipe(best.options).setting)
        if usual is None or usual.trial == best.trial or self._final(usual) / RESERVE > left:
            return best
        if best.statistic is None or usual.statistic is None:
            return best
        gap, error, _ = paired(best.statistic, usual.statistic)
        return usual if abs(gap) <= error else best

    def _chosen(self, best: TrialResult) -> Chosen:
        default = next(iter(self.defaults.values()), None)
        return Chosen(best=best, default=default, results=self.ledger.results)

    def _unmeasured(self) -> TrialResult:
        """Return a trial that was not made: the baseline, or the first of what was asked for."""
        entry = BASELINE[self.plan.aim]
        if refusal(entry, self.plan.pinned) is not None:
            entry = narrowed(self.plan.aim, self.plan.pinned)[0]
        return self._unmade(self._recipe(self.plan.pinned.options_of(entry, self.plan.train)))

    def _unmade(self, recipe: Recipe) -> TrialResult:
        """Return a trial of a recipe that measures as long as the last one, and trains no time."""
        return TrialResult(
            trial=len(self.ledger.results),
            rung=0,
            epochs=recipe.options.get("epochs"),
            status="not tried",
            value=None,
            metrics={},
            seconds=self._measuring,
            options=dict(recipe.options),
        )

    def _recipe(self, options: Mapping[str, Any]) -> Recipe:
        return for_data(self.plan.pinned.trial_recipe(options), self.plan.train)

    def _left(self) -> float:
        """Return the seconds that a further trial may take, the best one's last training apart."""
        return self.plan.deadline - self._needed - time.time()

    def _final(self, result: TrialResult) -> float:
        """Return the seconds that training a trial's model on all rows, and the rest, may take."""
        return RESERVE * result.training / self.plan.part + self.plan.after(result)

    def _try(self, options: Mapping[str, Any]) -> TrialResult | None:
        """Train and measure; None where that, and training it anew, would take too long."""
        try:
            recipe = self._recipe(options)
        except UsageError:  # two options that were drawn do not go together
            return None
        if not self.ledger.is_new(recipe):
            return None
        if not self._begins_in_time(recipe):
            return None
        self._warm_up(recipe)
        now = time.time()
        # Alone: for this and its last one, of which a second takes one part and RESERVE parts.
        rest = self.plan.after(self._unmade(recipe)) + self._measuring
        alone = self.plan.deadline - now - rest
        again = RESERVE * (1.0 + self.plan.follows.rows / self.plan.n_all) / self.plan.part
        longest = min(alone / (1.0 + again), self._left() - self._measuring)
        if longest <= 0.0 or self._expected(recipe) > longest:
            return None
        task = Task(len(self.ledger.results), 0, dict(recipe.options))
        try:
            result = self.trainer(task, now + longest, lambda: False)
        except (InputError, UsageError, SystemRefusedError, MemoryError):
            return None  # too large for the memory, or for this engine
        if result is None:
            return None
        self._measuring = max(result.seconds - result.training, 0.0)
        self.ledger.add(result, recipe)
        if result is self.ledger.best:
            kept = self._alone(self._bet.recipe) if self._bet is not None else 0.0
            self._needed = max(self._final(result), kept)
        self.on_event(result)
        return result

    def _expected(self, recipe: Recipe) -> float:
        """Return the seconds that a training should take: ease cannot be stopped at any time."""
        if recipe.model is not ModelKind.ease:
            return self.ledger.expected(recipe)
        train = self.plan.train
        workers = recipe.workers or available_workers()
        about = seconds_about(train.n_users, train.n_items, train.n_ratings, workers)
        return max(self.ledger.expected(recipe), about)

    def _begins_in_time(self, recipe: Recipe) -> bool:
        """Tell whether there is time for what cannot be stopped."""
        if seconds_to_import(recipe) * self.plan.pace > self._left():
            return False
        return self._compiles_in_time(*kernels_of(recipe))

    def _compiles_in_time(self, *kernels: tuple[tuple[str, ...], float]) -> bool:
        if (seconds := seconds_to_compile(*kernels)) == 0.0 or seconds < self._left():
            return True
        if not self._said:
            self.on_event(
                Noted(
                    "too little time is left to compile kernels, which is done once: mfcli warm-up "
                    "does it beforehand"
                )
            )
        self._said = True
        return False

    def _warm_up(self, recipe: Recipe) -> None:
        """Train a few rows the first time, so that compiling does not count as training."""
        if recipe.setting in self._warm:
            return
        self._warm.add(recipe.setting)
        least: dict[str, Any] = {"epochs": 1, "factors": 4}
        small = {**recipe.options, **{key: least[key] for key in least if key in recipe.options}}
        try:
            fit(few_rows(self.plan.train), self.plan.pinned.freely(small))
        except (DivergedError, InputError, UsageError):
            return  # the training itself will show it
