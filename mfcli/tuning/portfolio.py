"""What ``--budget`` tries first: configurations that are near the best on some kind of data.

An entry is a way to train and what differs from the defaults that it has on the data, so it carries
over to data of another size. The order is that of a portfolio (Feurer et al. 2020; Erickson et al.
2020): each next entry is the one that brings the best so far closest to the best of all, over the
data sets that it was chosen on, with cheap ones first where they are alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mfcli.config import Engine, ModelKind, Objective, Setting, TrainConfig, combinations
from mfcli.config.choices import BASELINES
from mfcli.config.options import field_types
from mfcli.config.recipe import Recipe
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.training.defaults import for_data


class Aim(StrEnum):
    """What a model is for."""

    ratings = "ratings"
    ranking = "ranking"


@dataclass(frozen=True)
class Entry:
    """A way to train, and how it differs from the defaults on the data.

    times: numbers that multiply the defaults; options: values in place of them.
    """

    model: ModelKind
    objective: Objective | None
    engine: Engine
    times: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        """Model, objective and engine."""
        return Setting(self.model, self.objective, self.engine)

    @property
    def is_default(self) -> bool:
        """Whether it is the defaults of its way."""
        return not (self.times or self.options)


def _ials(**times: float) -> Entry:
    return Entry(ModelKind.mf, Objective.ials, Engine.als, times)


def _ease(**times: float) -> Entry:
    return Entry(ModelKind.ease, None, Engine.closed_form, times)


def _hogwild(objective: Objective, model: ModelKind = ModelKind.biased_mf, **times: float) -> Entry:
    return Entry(model, objective, Engine.hogwild, times)


def _softmax(**times: float) -> Entry:
    return Entry(ModelKind.mf, Objective.softmax, Engine.hogwild, times)


# A narrow ials is there in a tenth of the time of the defaults, so that small budgets have a model
# to fall back on. Of 446 trainings of ranking ways on nine data sets and samples of them, by
# validation rows inside train, ials was ahead on every set, the wider the better; ease, which came
# later, is ahead of it on citeulike-a and ml-100k, and softmax on lightgcn-lastfm. Of 462 of rating
# ways, each of svdpp, hogwild, als and the biases alone is ahead somewhere.
PORTFOLIO: dict[Aim, tuple[Entry, ...]] = {
    Aim.ranking: (
        _ials(factors=0.25),
        _ials(),
        _ease(),
        _softmax(),
        _hogwild(Objective.bpr),
        _hogwild(Objective.warp),
        _ease(regularization=0.3),
        _ials(regularization=0.6),
        _ials(unobserved_weight=0.4),
        _ease(regularization=3.0),
        _ials(regularization=0.4, regularization_exponent=0.75),
        _softmax(temperature=0.75),
        _hogwild(Objective.logistic),
        Entry(ModelKind.biased_mf, Objective.bpr, Engine.minibatch),
    ),
    Aim.ratings: (
        _hogwild(Objective.mse),
        _hogwild(Objective.mse, ModelKind.svdpp),
        _hogwild(Objective.mse, factors=2.0, regularization=1.5, bias_regularization=2.5),
        Entry(ModelKind.biased_mf, Objective.mse, Engine.als),
        _hogwild(Objective.mse, factors=2.0, learning_rate=0.6, bias_regularization=0.1),
        _hogwild(Objective.mse, ModelKind.svdpp, learning_rate=1.5),
    ),
}

# What is always there in no time, and must be beaten.
BASELINE: dict[Aim, Entry] = {
    Aim.ranking: Entry(ModelKind.popularity, None, Engine.closed_form),
    Aim.ratings: Entry(ModelKind.bias, Objective.mse, Engine.closed_form),
}


def aim_of(setting: Setting) -> Aim:
    """Return what the models of a setting are for."""
    return Aim.ratings if setting.objective is Objective.mse else Aim.ranking


@dataclass(frozen=True)
class Pinned:
    """The options that the user gave, and what is the same for every training of a search."""

    given: Mapping[str, Any]
    common: Mapping[str, Any]  # seed, workers, device

    def trial_recipe(self, options: Mapping[str, Any]) -> Recipe:
        """Return the recipe of these options, the given ones winning; raises UsageError."""
        return TrainConfig.merge(("", {**options, **self.common, **self.given})).recipe()

    def freely(self, options: Mapping[str, Any]) -> Recipe:
        """Return the recipe of these options, whatever was given."""
        return TrainConfig.merge(("", {**options, **self.common})).recipe()

    def options_of(self, entry: Entry, matrix: Interactions) -> dict[str, Any]:
        """Return the options of an entry on a matrix: those of its way, as far as they differ."""
        way = {name: value for name, value in entry.setting._asdict().items() if value is not None}
        options: dict[str, Any] = {**way, **entry.options}
        if entry.times:
            usual = for_data(self.trial_recipe(options), matrix).options
            hints = field_types(TrainConfig)
            options |= {
                name: rounded(usual[name] * by, hints[name] is int)
                for name, by in entry.times.items()
            }
        return options | {name: value for name, value in self.given.items() if name in options}


def rounded(value: float, whole: bool) -> float | int:
    """Return a number as options show it: three digits, or a whole number of at least 1."""
    return max(1, round(value)) if whole else float(f"{value:.3g}")


def narrowed(aim: Aim, pinned: Pinned) -> list[Entry]:
    """Return the entries that have what was given, without those that it makes the same.

    Where none has, the defaults of every way that has. Raises UsageError where nothing works.
    """
    found: dict[str, Entry] = {}
    for entry in PORTFOLIO[aim]:
        left = dataclasses.replace(
            entry,
            times={key: by for key, by in entry.times.items() if key not in pinned.given},
            options={key: of for key, of in entry.options.items() if key not in pinned.given},
        )
        if refusal(left, pinned) is None:
            found.setdefault(str((left.setting, left.times, left.options)), left)
    if found:
        return list(found.values())
    ways = [Entry(*way) for way in combinations() if way[0] not in BASELINES]
    ways = [way for way in ways if aim_of(way.setting) is aim]
    works = [way for way in ways if refusal(way, pinned) is None]
    if works:
        return works
    if refusal(BASELINE[aim], pinned) is None:
        return [BASELINE[aim]]
    reasons = [reason for way in ways if (reason := refusal(way, pinned))]
    raise UsageError(f"--budget: no way to train for {aim} has all that was given: {reasons[0]}")


def refusal(entry: Entry, pinned: Pinned) -> str | None:
    """Return why an entry cannot be trained with what was given, None where it can."""
    way = entry.setting._asdict()
    for name in ("model", "objective", "engine"):
        if pinned.given.get(name, way[name]) != way[name]:
            return f"--{name} {pinned.given[name]} is not {way[name]}"
    try:
        pinned.trial_recipe({name: value for name, value in way.items() if value is not None})
    except UsageError as error:
        return str(error)
    return None
