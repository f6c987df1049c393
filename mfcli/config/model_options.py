"""The options of train that say what is trained."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.budget_options import BudgetOptions
from mfcli.config.choices import Engine, Mode, ModelKind, Objective
from mfcli.config.options import option
from mfcli.config.roles import Role, Tier

_CHOICE = "What is trained"
_LEARN = "How it learns"


@dataclass(frozen=True, kw_only=True)
class ModelOptions(BudgetOptions):
    """Model, objective and engine, and what the model is made of."""

    mode: Mode | None = option(
        None,
        "A named default of model, objective and engine.",
        role=Role.choice | Role.shorthand,
        shown="explicit; with --init-from that model's",
        panel=_CHOICE,
        tier=Tier.first,
    )
    model: ModelKind | None = option(
        None,
        "What is scored.",
        role=Role.choice,
        shown="by mode",
        panel=_CHOICE,
        tier=Tier.first,
    )
    objective: Objective | None = option(
        None,
        "What is minimised.",
        role=Role.choice,
        shown="by mode",
        panel=_CHOICE,
        tier=Tier.first,
    )
    engine: Engine | None = option(
        None,
        "How it is minimised.",
        role=Role.choice,
        shown="by mode",
        panel=_CHOICE,
        tier=Tier.first,
    )
    factors: int | None = option(
        None,
        "Width of an embedding; 0 leaves the biases.",
        low=0,
        high=65536,
        shown="by mode, fitted to the data",
        panel=_CHOICE,
        metavar="WIDTH",
        tier=Tier.first,
    )
    item_factors: int | None = option(
        None,
        "Width of the items' embeddings of --model neural.",
        low=1,
        high=65536,
        shown="as --factors",
        panel=_CHOICE,
        metavar="WIDTH",
    )
    hidden: list[int] | None = option(
        None,
        "Width of a hidden layer of --model neural; repeat for several.",
        low=1,
        high=65536,
        shown="10",
        panel=_CHOICE,
        metavar="WIDTH",
    )
    global_mean: bool | None = option(
        None, "Start predictions from the mean rating.", shown="by objective", panel=_CHOICE
    )
    rating_unit: float | None = option(
        None,
        "Of mse: train on ratings divided by this, so that rates and regularisation mean "
        "the same on any scale.",
        low=1e-30,
        high=1e30,
        shown="by their standard deviation: 1 for stars",
        panel=_LEARN,
    )
    dropout: float | None = option(
        None,
        "Probability that a factor is dropped in training.",
        low=0.0,
        high=0.99,
        shown="0",
        panel=_CHOICE,
        metavar="SHARE",
    )
    rank_shrinkage: float | None = option(
        None,
        "Of mse: lists take an item of N ratings as far as N/(N + this) of the way from the "
        "user's mean to its prediction; 0 ranks by the predictions.",
        low=0.0,
        high=1e9,
        shown="20",
        panel=_CHOICE,
        metavar="RATINGS",
    )
