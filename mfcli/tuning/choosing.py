"""``--budget`` from beginning to end, in memory: what is made best, the search, its evidence."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from mfcli.config import Recipe, TrainConfig
from mfcli.config.budget import parse_budget, pinned
from mfcli.config.metrics import Better, better_of
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.evaluation.confidence import paired
from mfcli.events import BudgetStarted, Noted, OnEvent, TrialResult, ignore
from mfcli.models.tables import KINDS
from mfcli.system.processors import available_workers
from mfcli.training.guards import check_values
from mfcli.tuning.aims import Target, hold_out_for, target_of
from mfcli.tuning.budget import find_in_time
from mfcli.tuning.plan import Chosen, Follows, Plan
from mfcli.tuning.portfolio import Pinned, narrowed
from mfcli.tuning.settings import digest_of, whole_options
from mfcli.tuning.tasks import order, scored
from mfcli.wording import counted

# What is left of the time for the process to end, and how fast a disk takes a model at least.
_ENDING, _ENDING_PART, _WRITING = 0.3, 0.005, 150e6
_KEPT = 20  # trials in the evidence


@dataclass(frozen=True)
class Found:
    """What a search ended with.

    config: the last training, on all rows, with its evidence: how it was chosen, plain values,
    which the model keeps; ``header`` the same in a few lines.
    """

    config: TrainConfig
    header: list[str]


def choose_in_time(
    whole: Interactions,
    valid: Interactions | None,
    config: TrainConfig,
    *,
    history: Interactions | None = None,
    name: str = "the data",
    spent: float = 0.0,
    reading: float = 0.0,
    follows: Follows | None = None,
    on_event: OnEvent = ignore,
) -> Found:
    """Search for the best model that ``config.budget`` allows; what is left of it is the limit.

    valid: rows to measure on; None takes some out of ``whole``. history: what is known of their
    users, who are folded in from it. name: of ``whole`` in messages.
    spent: seconds of the budget that are gone. reading: those that reading ``whole`` again takes.

    follows: what comes after the last training, and is to end in time as well.

    Raises UsageError, InputError.
    """
    assert config.budget is not None
    seconds = parse_budget(config.budget)
    started = time.time() - spent
    # Where the machine was slow so far, what is left to others will be slow as well.
    pace = max(1.0, spent / max(0.1, time.process_time()))
    given = pinned(config)
    workers = config.workers or available_workers()
    common = {"seed": config.seed, "workers": workers, "device": str(config.device)}
    pins = Pinned(given, common)
    target = target_of(config, given, whole)
    first = narrowed(target.aim, pins)[0]
    check_values(pins.trial_recipe(pins.options_of(first, whole)), whole, name)
    on_event(Noted(f"--budget makes {target.metric} best, {target.why}"))
    if valid is None:
        try:
            train, valid, words = hold_out_for(target, whole, seconds, config.seed)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    else:
        train, words = whole, "a set of its own"
    lower = better_of(target.metric) is Better.lower
    on_event(
        BudgetStarted(
            seconds=seconds,
            metric=target.metric,
            lower_is_better=lower,
            n_ratings=train.n_ratings,
            n_validation=valid.n_ratings,
        )
    )
    plan = Plan(
        train=train,
        valid=valid,
        history=history,
        n_all=whole.n_ratings,
        aim=target.aim,
        metric=target.metric,
        lower_is_better=lower,
        pinned=pins,
        seed=config.seed,
        deadline=started + seconds - reading - pace * _ENDING - _ENDING_PART * seconds,
        saving=lambda recipe: _saving(recipe, whole),
        follows=follows or Follows(),
        pace=pace,
    )
    chosen = find_in_time(plan, on_event)
    evidence = _evidence(chosen, target, plan, words, seconds)
    on_event(Noted(_in_words(chosen, target, evidence)))
    recipe = pins.trial_recipe(chosen.best.options)
    left = plan.deadline - time.time() - plan.after(chosen.best)
    options: dict[str, Any] = {
        **whole_options(recipe),
        "device": config.device,
        "workers": config.workers,
        "seed": config.seed,
        "ignore": config.ignore,
        "evidence": [evidence],
    }
    if "epochs" in recipe.options:
        options["time_limit"] = max(left, 0.001)
    given_now = {name: value for name, value in options.items() if value is not None}
    header = [
        f"mfcli train --budget {config.budget}: {_in_words(chosen, target, evidence)}",
        f"validation: {evidence['validation']}",
    ]
    return Found(TrainConfig.merge(("", given_now)), header)


def _saving(recipe: Recipe, matrix: Interactions) -> float:
    """Return the seconds that writing a model takes at most."""
    shapes = KINDS[recipe.model].shapes(recipe.model_args(matrix.n_users, matrix.n_items))
    weights = sum(4 * math.prod(shape) for shape in shapes.values())
    ids = 24 * (matrix.n_users + matrix.n_items)
    return 0.1 + (weights + ids + 4 * matrix.n_ratings) / _WRITING


def _evidence(
    chosen: Chosen, target: Target, plan: Plan, words: str, seconds: float
) -> dict[str, Any]:
    """Return how a model was chosen, as plain values that TOML has as well."""
    best, default = chosen.best, chosen.default
    found: dict[str, Any] = {
        "budget": seconds,
        "metric": target.metric,
        "validation": f"{words}: {counted(plan.valid.n_ratings, 'row')}, "
        f"{plan.train.n_ratings:,} to train on",
        "trials": dict(Counter(result.status for result in chosen.results)),
    }
    if best.value is not None:
        found |= {"value": best.value, "trial": best.trial}
    if default is not None and default.value is not None and best.value is not None:
        found["defaults"] = {"trial": default.trial, "value": default.value}
        if best.statistic is not None and best.trial != default.trial:
            gap, error, users = paired(best.statistic, default.statistic)
            if math.isfinite(error):
                found["gap"] = {"difference": gap, "standard_error": error, "users": users}
    ranked = sorted(scored(chosen.results), key=lambda result: order(result, plan.lower_is_better))
    found["best"] = [_trial(result, target.metric) for result in ranked[:_KEPT]]
    recipe = plan.pinned.trial_recipe(best.options)
    return found | {"of": digest_of(whole_options(recipe))}


def _trial(result: TrialResult, metric: str) -> dict[str, Any]:
    return {
        "trial": result.trial,
        metric: result.value,
        "seconds": round(result.seconds, 3),
        "options": {
            name: value for name, value in result.options.items() if name not in ("k", "metric")
        },
    }


def _in_words(chosen: Chosen, target: Target, evidence: dict[str, Any]) -> str:
    best = chosen.best
    way = " · ".join(
        str(best.options[name])
        for name in ("model", "objective", "engine")
        if best.options.get(name)
    )
    if chosen.instead is not None:
        factors, wide = best.options["factors"], "the defaults"
        if factors != chosen.usual_factors:
            wide += f" with {counted(factors, 'factor')} instead of {chosen.usual_factors}"
        return (
            f"{way}, {wide}, for which there was time to train, not to measure: a model of "
            f"{counted(chosen.instead.options['factors'], 'factor')} has {target.metric} "
            f"{chosen.instead.value:.6f} on validation, the best of "
            f"{counted(len(chosen.results), 'trial')}; give --budget more for a search"
        )
    if best.value is None:
        return (
            f"{way}, which is trained in the least time: there was none to compare, give --budget "
            "more"
        )
    text = f"{way}, {target.metric} {best.value:.6f} on validation, trial {best.trial} of "
    text += f"{len(chosen.results)}"
    if chosen.default is not None and chosen.default.value is not None:
        text += f"; the defaults of trial {chosen.default.trial}: {chosen.default.value:.6f}"
    if gap := evidence.get("gap"):
        text += f" (difference {gap['difference']:+.6f} ± {gap['standard_error']:.6f})"
    return text
