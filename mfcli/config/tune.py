"""The options of tune: those of train, each of which fixes what it names, and the search's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mfcli.config.choices import Mode, Objective, Setting, Take
from mfcli.config.metrics import Better, better_of, expand_metrics, is_rating_metric, metric_words
from mfcli.config.options import names_with, option
from mfcli.config.ranges import check_space, parse_range, plain
from mfcli.config.recipe import Recipe
from mfcli.config.roles import Role, Tier
from mfcli.config.spaces import Space
from mfcli.config.split import (
    SplitConfig,
    Strategy,
)
from mfcli.config.train import TrainConfig
from mfcli.config.ways import space_for
from mfcli.errors import UsageError

_SEARCH = "How the search goes"
_VALID = "What it validates on"

# Options of train that say how it is watched and run: the search has its own.
_WATCHING = Role.file | Role.speed | Role.limit | Role.watch | Role.telling


def of_the_model(train: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file's [train] says of the model, which tune then leaves as it is."""
    own = names_with(TrainConfig, _WATCHING | Role.seed)
    return {key: value for key, value in train.items() if key.replace("-", "_") not in own}


@dataclass(frozen=True, kw_only=True)
class TuneConfig(TrainConfig):
    """Options of ``mfcli tune``."""

    trials: int = option(
        30,
        "Settings to try; the first one is the defaults.",
        role=Role.limit,
        low=1,
        high=10_000,
        panel=_SEARCH,
        tier=Tier.first,
    )
    draws: int = option(
        6,
        "Trials drawn at a time, by what is known of the others; with as many as --trials, all at "
        "random.",
        low=1,
        high=10_000,
        panel=_SEARCH,
    )
    rungs: int = option(
        2,
        "Rounds of successive halving; the last one trains all epochs.",
        low=1,
        high=10,
        panel=_SEARCH,
    )
    eta: int = option(
        3,
        "From round to round one in ETA goes on, with ETA times the epochs.",
        low=2,
        high=10,
        panel=_SEARCH,
    )
    range: list[str] = option(
        [],
        "Draw this option from here: NAME=LOW:HIGH (log-uniform if LOW is above 0) or "
        "NAME=A,B,…; repeat for several.",
        shown="by objective and engine",
        panel=_SEARCH,
        metavar="NAME=RANGE",
        tier=Tier.first,
    )
    jobs: int | None = option(
        None,
        "Trials side by side, of --workers threads each.",
        role=Role.speed,
        low=1,
        high=1024,
        shown="the cores available",
        panel=_SEARCH,
    )
    time_limit: float | None = option(
        None,
        "End after this many seconds with the best so far.",
        role=Role.limit,
        low=0.001,
        shown="off",
        panel=_SEARCH,
        metavar="SECONDS",
        tier=Tier.first,
    )
    workers: int | None = option(
        None, "Threads of one trial.", role=Role.speed, low=1, high=1024, shown="1", panel=_SEARCH
    )

    take: Take = option(
        Take.sure,
        "Which settings to write: the best trial's where it is better than the defaults by more "
        "than chance (sure), else the defaults; or the best trial's in any case (best).",
        role=Role.gate,
        panel=_SEARCH,
    )

    metric: list[str] = option(
        [],
        "What is tuned, name or name@k; further ones are recorded.",
        role=Role.watch,
        shown="rmse with mse, else ndcg@10",
        panel=_VALID,
        metavar="NAME",
        words=metric_words,
        tier=Tier.first,
    )
    k: list[int] = option(
        [10],
        "Length of the ranked list of the metrics.",
        role=Role.watch,
        low=1,
        panel=_VALID,
        metavar="LENGTH",
    )
    valid: str | None = option(
        None,
        "Validation .npz of the same split.",
        role=Role.file | Role.watch,
        shown="taken out of MATRIX",
        panel=_VALID,
        tier=Tier.first,
    )
    valid_strategy: Strategy | None = option(
        None,
        "How validation rows are taken out of MATRIX, as by split.",
        role=Role.held_out,
        shown="fraction",
        panel=_VALID,
    )
    valid_n: int | None = option(
        None,
        "Rows a user for leave-n-out and latest.",
        role=Role.held_out,
        low=1,
        shown="5",
        panel=_VALID,
    )
    valid_fraction: float | None = option(
        None,
        "For fraction: this part of all rows, or of each user's for ranking metrics.",
        role=Role.held_out,
        low=0.0,
        high=1.0,
        shown="0.1; 0.2 for ranking",
        panel=_VALID,
        metavar="SHARE",
    )

    eval_every: int = option(1, "", role=Role.watch, low=1, cli=False)
    patience: int | None = option(None, "", role=Role.unsearched, low=1, cli=False)
    init_from: str | None = option(None, "", role=Role.unsearched, cli=False)
    init_from_if_any: str | None = option(None, "", role=Role.unsearched, cli=False)
    stages: list[dict[str, Any]] = option([], "", role=Role.unsearched, cli=False)
    budget: str | None = option(None, "", role=Role.unsearched, cli=False)
    evidence: list[dict[str, Any]] = option([], "", role=Role.telling, cli=False)

    def check(self) -> None:
        """Refuse malformed values, and ways to validate that exclude each other."""
        self.check_values()
        if self.valid_history is not None and self.valid is None:
            raise UsageError("--valid-history is of the users of --valid FILE.npz: give both")
        for name in self.given(Role.unsearched):
            raise UsageError(f"{name.replace('_', '-')} has no meaning for tune")
        if self.valid is not None and self.given(Role.held_out):
            raise UsageError(
                "--valid names the validation set: leave out --valid-strategy, "
                "--valid-n and --valid-fraction"
            )
        if self.valid_strategy is Strategy.given:
            raise UsageError("--valid-strategy given: name the file with --valid")
        if self.valid_strategy is Strategy.users:
            raise UsageError(
                "--valid-strategy users: split with --valid-users, and name its files with --valid "
                "and --valid-history"
            )
        self.given_ranges()

    def given_ranges(self) -> Space:
        """Return the ranges of ``--range``; raises UsageError."""
        found: Space = {}
        for text in self.range:
            name, drawn_from = parse_range(text)
            if name in found:
                raise UsageError(f"--range gives {name.replace('_', '-')} twice")
            found[name] = drawn_from
        return found

    def fixed(self) -> dict[str, Any]:
        """Return the options of train that are given, plain values: every trial has them."""
        own = names_with(TrainConfig, _WATCHING | Role.nested | Role.shorthand)
        names = [field.name for field in dataclasses.fields(TrainConfig) if field.name not in own]
        given = {name: getattr(self, name) for name in names}
        return {name: plain(value) for name, value in given.items() if value is not None} | {
            "mode": str(self.mode or Mode.explicit)
        }

    def trial_recipe(self, options: dict[str, Any]) -> Recipe:
        """Return the recipe of a trial with these options drawn."""
        given = self.fixed() | {"workers": self.workers or 1} | options
        recipe = TrainConfig.merge(("", given)).recipe()
        return dataclasses.replace(recipe, device=self.device)

    @property
    def setting(self) -> Setting:
        """Model, objective and engine of every trial."""
        return self.trial_recipe({}).setting

    def space(self) -> Space:
        """Return what is drawn from where; raises UsageError where nothing is left."""
        setting, fixed, given = self.setting, self.fixed(), self.given_ranges()
        space = space_for(setting) | given
        space = {name: space[name] for name in sorted(space) if name not in fixed}
        check_space(space, given, setting, fixed)
        return space

    @property
    def metrics(self) -> list[str]:
        """The full names of the metrics, the one that is tuned first; raises UsageError."""
        rates = self.setting.objective is Objective.mse
        names = expand_metrics(self.metric or ["rmse" if rates else "ndcg"], self.k)
        for name in names:
            if is_rating_metric(name) and not rates:
                raise UsageError(f"--metric {name}: only --objective mse predicts ratings")
        return names

    @property
    def lower_is_better(self) -> bool:
        """Whether less of the first metric is better."""
        return better_of(self.metrics[0]) is Better.lower

    def valid_split(self) -> SplitConfig:
        """Return how the validation rows are taken; raises UsageError."""
        ranks = not is_rating_metric(self.metrics[0])
        strategy = self.valid_strategy or Strategy.fraction
        drawn = strategy is Strategy.fraction
        n, fraction = self.valid_n, self.valid_fraction
        if drawn and n is not None:
            raise UsageError("--valid-n needs --valid-strategy leave-n-out or latest")
        if not drawn and fraction is not None:
            raise UsageError("--valid-fraction needs --valid-strategy fraction")
        return SplitConfig(
            strategy=strategy,
            seed=self.seed,
            per_user=drawn and ranks,
            n=None if drawn else n or 5,
            test_fraction=(fraction or (0.2 if ranks else 0.1)) if drawn else None,
        )

    def ready(self) -> TuneConfig:
        """Refuse, with UsageError, what cannot work, before anything is read; return itself."""
        self.space()
        if self.valid is None:
            self.valid_split()
        return self
