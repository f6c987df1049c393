"""A search from beginning to end, in memory: what is drawn, trained on and measured on."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mfcli.config import SplitConfig, TuneConfig
from mfcli.config.spaces import Space
from mfcli.data import splitting
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.events import OnEvent, TrialResult, TuningStarted, ignore
from mfcli.system.processors import available_workers
from mfcli.training.defaults import for_data
from mfcli.training.engines.devices import choose_device
from mfcli.tuning.asking import Asking
from mfcli.tuning.search import Halving, search
from mfcli.tuning.spaces import fitted_space
from mfcli.tuning.tasks import Task, best_of, scored
from mfcli.tuning.trials import Trainer, end_processes, run_tasks
from mfcli.tuning.verdict import Verdict, judge
from mfcli.wording import counted

_VALIDATION_STREAM = 2  # of the seed: those of split are 0 and 1

Known = Mapping[tuple[int, int], TrialResult]  # (trial, round) → what an earlier search found


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search ends with.

    title:   model, objective and engine in words.
    trials:  the options of each trial that was asked for; none for the first one, the defaults.
    results: one for each training.
    late:    whether the time limit ended it.
    verdict: of the best training against the defaults with all their epochs; None where one of them
             has no score, or both are the same.
    """

    title: str
    trials: list[dict[str, Any]]
    plan: Halving
    results: list[TrialResult]
    late: bool
    verdict: Verdict | None


def find_settings(
    train: Interactions,
    valid: Interactions,
    config: TuneConfig,
    space: Space,
    *,
    history: Interactions | None = None,
    known: Known | None = None,
    on_event: OnEvent = ignore,
    on_result: Callable[[TrialResult, bool], None] = lambda result, is_new: None,  # noqa: ARG005
) -> Found:
    """Train the trials of a search on ``train`` and measure them on ``valid``.

    ``history`` is what is known of the users of ``valid``, who are then folded in from it.
    ``known`` results are not trained again. ``on_result`` gets every result as it comes, and
    whether it is new.
    """
    usual = for_data(config.trial_recipe({}), train).options
    lower = config.lower_is_better
    asking = Asking(space, usual, config.seed, config.draws, lower_is_better=lower)
    epochs = usual.get("epochs")
    plan = Halving(1 if epochs is None else config.rungs, config.eta)
    title = " · ".join(str(choice) for choice in config.setting if choice)
    on_event(
        TuningStarted(
            title=title,
            trials=config.trials,
            rungs=plan.rungs,
            metric=config.metrics[0],
            lower_is_better=lower,
        )
    )
    rounds = _Rounds(Trainer(train, valid, config, tuple(config.metrics), history), config, plan)
    known = {} if known is None else known
    unused = dict(known)
    kept = _Kept(lower, plan)
    try:
        for result in search(asking, config.trials, epochs, plan, lower, rounds, known):
            kept.add(result)
            on_result(result, unused.pop((result.trial, result.rung), None) is None)
        # Of a shorter search that was made longer: trained once, though not chosen any more.
        for result in unused.values():
            if result.trial < len(asking.trials):
                kept.add(result)
        verdict = kept.judged(rounds.trainer, asking.trials)
    finally:
        end_processes()
    return Found(
        title=title,
        trials=asking.trials,
        plan=plan,
        results=kept.results,
        late=rounds.late,
        verdict=verdict,
    )


class _Kept:
    """The results of a search; of the two that are compared, what each user got as well."""

    def __init__(self, lower_is_better: bool, plan: Halving) -> None:
        self.lower, self.last = lower_is_better, plan.rungs - 1
        self.results: list[TrialResult] = []
        self.statistics: dict[tuple[int, int], Any] = {}

    def add(self, result: TrialResult) -> None:
        """Keep a result."""
        self.results.append(dataclasses.replace(result, statistic=None))
        self.statistics[result.trial, result.rung] = result.statistic
        best = best_of(self.results, self.lower)
        wanted = {(0, self.last)} | ({(best.trial, best.rung)} if best else set())
        self.statistics = {key: of for key, of in self.statistics.items() if key in wanted}

    def judged(self, trainer: Trainer, trials: Sequence[dict[str, Any]]) -> Verdict | None:
        """Return what is to be said of the best result; see ``Found``."""
        best = best_of(self.results, self.lower)
        usual = [it for it in self.results if (it.trial, it.rung) == (0, self.last)]
        if best is None or not scored(usual) or (best.rung == self.last and best.trial == 0):
            return None
        ours, theirs = (self._statistic(it, trainer, trials) for it in (best, usual[0]))
        if ours is None or theirs is None:
            return None
        candidates = {result.trial for result in scored(self.results)} - {0}
        return judge(ours, theirs, len(candidates), lower_is_better=self.lower)

    def _statistic(
        self, result: TrialResult, trainer: Trainer, trials: Sequence[dict[str, Any]]
    ) -> Any:
        """Return what each user got of a result; measured again where a file told of it only."""
        known = self.statistics.get((result.trial, result.rung))
        if known is not None:
            return known
        epochs = {} if result.epochs is None else {"epochs": result.epochs}
        task = Task(result.trial, result.rung, trials[result.trial] | epochs)
        again = next(iter(run_tasks(trainer, [task], 1, float("inf"))), None)
        return None if again is None else again.statistic


class _Rounds:
    """Trains the tasks of one round after the other, each in its share of the time that is left."""

    def __init__(self, trainer: Trainer, config: TuneConfig, plan: Halving) -> None:
        self.trainer, self.plan = trainer, plan
        self.jobs = jobs_of(config)
        self.began = time.time()  # with this batch
        self.end = self.began + (math.inf if config.time_limit is None else config.time_limit)
        self.late = False
        self._warm = False

    def __call__(self, tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
        if not rung:
            self.began = time.time()
        # The rounds of a batch cost about the same, so each may use its share of what is left.
        until = self.began + (self.end - self.began) * (rung + 1) / self.plan.rungs
        # The first training of all alone: what is compiled is compiled once, and said.
        first = 0 if self._warm else 1
        self._warm = self._warm or bool(tasks)
        ended = 0
        for part, jobs in ((tasks[:first], 1), (tasks[first:], self.jobs)):
            for result in run_tasks(self.trainer, part, jobs, until):
                ended += result.status != "late"
                yield result
        self.late |= ended < len(tasks)


def jobs_of(config: TuneConfig) -> int:
    """Return how many trials are trained side by side."""
    cuda = choose_device(config.device, config.setting.engine) == "cuda"
    usual = 1 if cuda else max(1, available_workers() // (config.workers or 1))
    return config.jobs or usual


def hold_out(whole: Interactions, config: TuneConfig) -> tuple[Interactions, Interactions, str]:
    """Return the rows to train on, the rows to validate on, and in words how these were taken.

    Raises InputError where one of the two is empty.
    """
    how = config.valid_split()
    mask = splitting.held_out(whole, how, (how.seed, _VALIDATION_STREAM))
    if not mask.any() or mask.all():
        raise InputError(
            f"--valid-strategy {how.chosen} leaves "
            f"{'nothing to train on' if mask.all() else 'no validation row'}: choose another "
            "--valid-n or --valid-fraction, or name a set with --valid"
        )
    return whole.keep(~mask), whole.keep(mask), _in_words(how)


def _in_words(how: SplitConfig) -> str:
    if how.test_fraction is not None:
        of = "each user's rows" if how.per_user else "the rows"
        return f"fraction {how.test_fraction:g} of {of}, out of the matrix (seed {how.seed})"
    return f"{how.chosen}, {counted(how.n or 0, 'row')} a user, out of the matrix (seed {how.seed})"


def space_of_data(config: TuneConfig, train: Interactions) -> Space:
    """Return where each option is drawn from, fitted to the data."""
    usual = for_data(config.trial_recipe({}), train)
    return fitted_space(config.space(), set(config.given_ranges()), train, usual)
