"""A search from beginning to end, in memory: what is drawn, trained on and measured on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mfcli.config import SplitConfig, TuneConfig
from mfcli.config.spaces import Log, Space
from mfcli.data import splitting
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.events import OnEvent, TrialResult, TuningStarted, ignore
from mfcli.system.processors import available_workers
from mfcli.training.defaults import for_data
from mfcli.training.engines.devices import choose_device
from mfcli.tuning.search import Halving, Task, draw, search
from mfcli.tuning.trials import Trainer, end_processes, run_tasks

_VALIDATION_STREAM = 2  # of the seed: those of split are 0 and 1

Known = Mapping[tuple[int, int], TrialResult]  # (trial, round) → what an earlier search found


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search ends with.

    title:   model, objective and engine in words.
    trials:  the options of each trial; none for the first one, the defaults.
    results: one for each training.
    late:    whether the time limit ended it.
    """

    title: str
    trials: list[dict[str, Any]]
    plan: Halving
    results: list[TrialResult]
    late: bool


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
    trials = draw(space, config.trials, config.seed)
    plan = Halving(config.rungs, config.eta)
    lower = config.lower_is_better
    title = " · ".join(str(choice) for choice in config.setting if choice)
    on_event(
        TuningStarted(
            title=title,
            trials=len(trials),
            rungs=plan.rungs,
            metric=config.metrics[0],
            lower_is_better=lower,
        )
    )
    rounds = _Rounds(Trainer(train, valid, config, tuple(config.metrics), history), plan)
    epochs = config.trial_recipe({}).options.get("epochs")
    known = {} if known is None else known
    unused = dict(known)
    results = []
    try:
        for result in search(trials, epochs, plan, lower, rounds, known):
            results.append(result)
            on_result(result, unused.pop((result.trial, result.rung), None) is None)
    finally:
        end_processes()
    # Of a shorter search that was made longer: trained once, though not chosen any more.
    results += [result for result in unused.values() if result.trial < len(trials)]
    return Found(title=title, trials=trials, plan=plan, results=results, late=rounds.late)


class _Rounds:
    """Trains the tasks of one round after the other, each in its share of the time."""

    def __init__(self, trainer: Trainer, plan: Halving) -> None:
        self.trainer, self.plan = trainer, plan
        self.jobs = jobs_of(trainer.config)
        self.started = time.time()
        self.late = False
        self._warm = False

    def __call__(self, tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
        # The rounds cost about the same, so each may use its share of the time.
        limit, share = self.trainer.config.time_limit, (rung + 1) / self.plan.rungs
        until = float("inf") if limit is None else self.started + limit * share
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
    return f"{how.chosen}, {how.n} rows a user, out of the matrix (seed {how.seed})"


def space_of_data(config: TuneConfig, train: Interactions) -> Space:
    """Return where each option is drawn from, fitted to the data.

    What is not observed weighs about ten times as much as what is, whatever the catalogue's
    size; weights by value mean nothing where all values are the same.
    """
    space, given = config.space(), config.given_ranges()
    if "unobserved_weight" in space and "unobserved_weight" not in given:
        usual = for_data(config.trial_recipe({}), train).unobserved_weight
        space["unobserved_weight"] = Log(usual / 10, usual * 10)
    if train.data.min() < train.data.max():
        return space
    idle = {"positive_weight", "confidence", "alpha"} - given.keys()
    return {name: drawn_from for name, drawn_from in space.items() if name not in idle}
