"""The options of train: those of the model and of how it learns, and those of the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mfcli.config.choices import Device, Order
from mfcli.config.learning_options import LearningOptions
from mfcli.config.metrics import LONGEST_LIST, metric_words
from mfcli.config.options import option
from mfcli.config.roles import Role, Tier

_WATCH = "Validation and stopping"
_START = "Where it starts"
_RUN = "How it runs"


@dataclass(frozen=True, kw_only=True)
class TrainOptions(LearningOptions):
    """Options of ``mfcli train``; None stands for what the other choices imply."""

    retired: ClassVar[Mapping[str, str]] = {"block_size": "als solves rows of any width exactly"}

    init: str | None = option(
        None,
        "Start of the factors: normal:STD, scaled:STD (STD/√factors) or uniform:LOW:HIGH.",
        shown="by mode",
        panel=_START,
        metavar="START",
    )
    bias_init: str | None = option(
        None,
        "Start of the biases, in the same form.",
        shown="0",
        panel=_START,
        metavar="START",
    )
    init_from: str | None = option(
        None,
        "Go on from this checkpoint's weights, with a fresh optimizer.",
        role=Role.file,
        panel=_START,
        tier=Tier.first,
    )
    init_from_if_any: str | None = option(
        None,
        "As --init-from where the file is there; else training starts anew, which is said.",
        role=Role.file,
        panel=_START,
    )

    valid: str | None = option(
        None,
        "Validation .npz of the same split.",
        role=Role.file | Role.watch,
        panel=_WATCH,
        tier=Tier.first,
    )
    valid_history: str | None = option(
        None,
        "What is known of the users of --valid, .npz of the same split (valid-history.npz of split "
        "--strategy users): they are folded in from it at each evaluation.",
        role=Role.file | Role.watch,
        shown="what they have in train",
        panel=_WATCH,
    )
    metric: list[str] = option(
        [],
        "Also this metric of evaluate at each evaluation; the first one drives --patience, and "
        "is what --budget makes best.",
        role=Role.watch,
        shown="validation loss",
        panel=_WATCH,
        metavar="NAME",
        words=metric_words,
        tier=Tier.first,
    )
    k: list[int] = option(
        [10],
        "Length of the ranked list of the metrics.",
        role=Role.watch,
        low=1,
        high=LONGEST_LIST,
        panel=_WATCH,
        metavar="LENGTH",
    )
    eval_every: int = option(
        1, "Evaluate every N epochs.", role=Role.watch | Role.stage, low=1, panel=_WATCH
    )
    patience: int | None = option(
        None,
        "Stop after N evaluations without improvement, and keep the best epoch.",
        role=Role.watch | Role.stage,
        low=1,
        shown="off",
        panel=_WATCH,
        tier=Tier.first,
    )
    time_limit: float | None = option(
        None,
        "Stop after this many seconds, at the last whole epoch.",
        role=Role.limit,
        low=0.001,
        shown="off",
        panel=_WATCH,
        metavar="SECONDS",
    )

    device: Device = option(
        Device.auto, "Where the minibatch and als engines compute.", role=Role.speed, panel=_RUN
    )
    order: Order | None = option(
        None,
        "Of the hogwild engine: a grid of blocks whose threads share no row and no column, so that "
        "the same seed gives the same bits at any number of workers (svdpp: on one), or free, "
        "Hogwild as published: threads without locks, and other lists in each run.",
        shown="grid",
        panel=_RUN,
    )
    workers: int | None = option(
        None,
        "Threads; torch uses one for small steps unless told.",
        role=Role.speed,
        low=1,
        high=1024,
        shown="the cores available",
        panel=_RUN,
        tier=Tier.first,
    )
    stages: list[dict[str, Any]] = option(
        [], "[[train.stages]] of a configuration file", role=Role.nested, cli=False
    )
