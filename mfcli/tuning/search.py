"""A search in batches with successive halving: what is trained, for how long, in which order.

Every trial of a round is trained anew with its share of its own epochs (Jamieson & Talwalkar 2016).
Going on from the round before would save less than a quarter of the work and would not be what
``train`` does: the learning rate falls to nothing over the epochs that a training is asked for, so
a model half-way through a long schedule says little of what the same settings reach in that time.
So each score is that of a model which ``train`` makes with these options, and a short training that
beats all longer ones may win.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mfcli.events import TrialResult
from mfcli.tuning.asking import Asks
from mfcli.tuning.tasks import Task, order, scored


class Halving(NamedTuple):
    """``rungs`` rounds: in each, one trial in ``eta`` goes on, with ``eta`` times the epochs."""

    rungs: int
    eta: int

    def share(self, rung: int) -> float:
        """Return the part of a trial's epochs that round 0, 1, … trains."""
        return float(self.eta) ** (rung + 1 - self.rungs)

    def quota(self, n_trials: int, rung: int) -> int:
        """Return how many of so many trials come to a round, the defaults apart."""
        return math.ceil(n_trials / self.eta**rung)


# Trains the tasks of one round, in any order; a result may be missing (out of time).
RunRung = Callable[[Sequence[Task], int], Iterator[TrialResult]]


def search(
    asks: Asks,
    n_trials: int,
    epochs: int | None,
    plan: Halving,
    lower_is_better: bool,
    run: RunRung,
    known: Mapping[tuple[int, int], TrialResult],
) -> Iterator[TrialResult]:
    """Yield the result of every training as it comes; what is ``known`` is not trained again.

    ``epochs`` are those of a trial for which none are drawn, None where the engine takes no steps:
    then there is one round. Each batch of trials goes through all rounds before the next one is
    asked for; the best of all so far go on, as many as if there were no further trials. The
    defaults, trial 0, go on to the last round in any case, so that the best result is never worse
    than they are.
    """
    plan = plan if epochs is not None else plan._replace(rungs=1)
    rungs: list[_Rung] = [_Rung(lower_is_better) for _ in range(plan.rungs)]
    while len(asks.trials) < n_trials:
        told = [result for rung in rungs for result in rung.results]
        chosen = asks.ask(_ranked(told, lower_is_better), n_trials - len(asks.trials))
        ended = False
        for rung, round_ in enumerate(rungs):
            if rung:
                quota = plan.quota(len(asks.trials), rung)
                chosen = round_.promoted(rungs[rung - 1], quota)
            tasks = [_task(number, asks.trials[number], epochs, plan, rung) for number in chosen]
            for result in _results(tasks, rung, run, known):
                round_.results.append(dataclasses.replace(result, statistic=None))  # it is long
                ended |= result.status != "late"
                yield result
        if not ended:  # out of time
            return


class _Rung:
    """One round of a search, over all batches: its results, and who was the best to come to it."""

    def __init__(self, lower_is_better: bool) -> None:
        self.lower = lower_is_better
        self.results: list[TrialResult] = []
        self._here: set[int] = set()
        self._by_rank: set[int] = set()

    def promoted(self, before: _Rung, quota: int) -> list[int]:
        """Return the trials that come from the round before: its best, and the defaults, 0.

        Over all batches, ``quota`` come by their rank.
        """
        left = quota - len(self._by_rank)
        ranked = [result.trial for result in _ranked(before.results, self.lower)]
        best = [trial for trial in ranked if trial not in self._by_rank][: max(0, left)]
        self._by_rank.update(best)
        new = {0, *best} - self._here
        self._here |= new
        return sorted(new)


def _results(
    tasks: Sequence[Task], rung: int, run: RunRung, known: Mapping[tuple[int, int], TrialResult]
) -> Iterator[TrialResult]:
    for task in tasks:
        if task.key in known:
            yield dataclasses.replace(known[task.key], options=task.options)
    yield from run([task for task in tasks if task.key not in known], rung)


def _ranked(results: Sequence[TrialResult], lower_is_better: bool) -> list[TrialResult]:
    return sorted(scored(results), key=lambda result: order(result, lower_is_better))


def _task(
    number: int, options: dict[str, Any], epochs: int | None, plan: Halving, rung: int
) -> Task:
    if epochs is not None:
        whole = options.get("epochs", epochs)
        options = options | {"epochs": max(1, round(whole * plan.share(rung)))}
    return Task(number, rung, options)
