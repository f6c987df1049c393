"""The options of train, as they are declared: what each is called, means and may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mfcli.config.budget_options import BudgetOptions
from mfcli.config.choices import (
    Confidence,
    Device,
    Engine,
    Mode,
    ModelKind,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    Reduction,
    Schedule,
)
from mfcli.config.metrics import LONGEST_LIST
from mfcli.config.options import option
from mfcli.config.roles import Role

_CHOICE = "What is trained"
_LEARN = "How it learns"
_WATCH = "Validation and stopping"
_START = "Where it starts"
_RUN = "How it runs"


@dataclass(frozen=True, kw_only=True)
class TrainOptions(BudgetOptions):
    """Options of ``mfcli train``; None stands for what the other choices imply."""

    retired: ClassVar[Mapping[str, str]] = {"block_size": "als solves rows of any width exactly"}

    mode: Mode | None = option(
        None,
        "A named default of model, objective and engine.",
        role=Role.choice | Role.shorthand,
        shown="explicit; with --init-from that model's",
        panel=_CHOICE,
    )
    model: ModelKind | None = option(
        None, "What is scored.", role=Role.choice, shown="by mode", panel=_CHOICE
    )
    objective: Objective | None = option(
        None, "What is minimised.", role=Role.choice, shown="by mode", panel=_CHOICE
    )
    engine: Engine | None = option(
        None, "How it is minimised.", role=Role.choice, shown="by mode", panel=_CHOICE
    )
    factors: int | None = option(
        None,
        "Width of an embedding; 0 leaves the biases.",
        low=0,
        high=65536,
        shown="by mode",
        panel=_CHOICE,
    )
    item_factors: int | None = option(
        None,
        "Width of the items' embeddings of --model neural.",
        low=1,
        high=65536,
        shown="as --factors",
        panel=_CHOICE,
    )
    hidden: list[int] | None = option(
        None,
        "Width of a hidden layer of --model neural; repeat for several.",
        low=1,
        high=65536,
        shown="10",
        panel=_CHOICE,
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
    )
    rank_shrinkage: float | None = option(
        None,
        "Of mse: lists take an item of N ratings as far as N/(N + this) of the way from the "
        "user's mean to its prediction; 0 ranks by the predictions.",
        low=0.0,
        high=1e9,
        shown="20",
        panel=_CHOICE,
    )

    epochs: int | None = option(
        None,
        "Passes over the ratings.",
        role=Role.stage,
        low=1,
        high=1_000_000,
        shown="by mode",
        panel=_LEARN,
    )
    last_epoch: int | None = option(
        None,
        "End after this epoch, the schedule staying that of --epochs: what --patience found.",
        role=Role.watch | Role.stage,
        low=1,
        shown="the last of --epochs",
        panel=_LEARN,
    )
    learning_rate: float | None = option(
        None, "Step size.", role=Role.stage, low=0.0, shown="by mode", panel=_LEARN
    )
    schedule: Schedule | None = option(
        None,
        "How the learning rate changes by epoch.",
        role=Role.stage,
        shown="by mode",
        panel=_LEARN,
    )
    decay: float | None = option(
        None,
        "Rate of the exponential (lr·decay^e) and inverse (lr/(1+decay·e)) schedules.",
        role=Role.stage,
        low=0.0,
        shown="0.95",
        panel=_LEARN,
    )
    regularization: float | None = option(
        None,
        "L2 per observed sample on the factors it touches; of ease, on the weights of each item.",
        role=Role.stage,
        low=0.0,
        shown="by mode",
        panel=_LEARN,
    )
    bias_regularization: float | None = option(
        None,
        "The same on the biases.",
        role=Role.stage,
        low=0.0,
        shown="as --regularization, else by mode",
        panel=_LEARN,
    )
    weight_decay: float | None = option(
        None,
        "torch's own decay of all factors at each step.",
        role=Role.stage,
        low=0.0,
        shown="0",
        panel=_LEARN,
    )
    bias_weight_decay: float | None = option(
        None,
        "The same on the biases.",
        role=Role.stage,
        low=0.0,
        shown="as --weight-decay",
        panel=_LEARN,
    )
    optimizer: Optimizer | None = option(
        None,
        "torch optimizer of the minibatch engine.",
        role=Role.stage,
        shown="by mode",
        panel=_LEARN,
    )
    sparse: bool | None = option(
        None,
        "Sparse gradients: a step touches the batch's rows only.",
        role=Role.stage,
        shown="no",
        panel=_LEARN,
    )
    batch_size: str | None = option(
        None,
        "Samples a step, or 'full' for all of them.",
        role=Role.stage,
        shown="by mode",
        panel=_LEARN,
    )
    reduction: Reduction | None = option(
        None,
        "Whether a batch's loss is a sum or a mean.",
        role=Role.stage,
        shown="mean",
        panel=_LEARN,
    )
    clip_norm: float | None = option(
        None,
        "Scale gradients down to this norm.",
        role=Role.stage,
        low=1e-12,
        shown="off",
        panel=_LEARN,
    )
    negatives: int | None = option(
        None,
        "Sampled negatives a positive; for warp, the most draws; for softmax and ccl, of a "
        "block of positives that shares them.",
        role=Role.stage,
        low=1,
        high=10_000,
        shown="by mode",
        panel=_LEARN,
    )
    hardest_of: int | None = option(
        None,
        "Of bpr and bpr-squared: a negative is the one of so many draws that scores highest.",
        low=1,
        high=1_000,
        shown="by mode",
        panel=_LEARN,
    )
    negative_power: float | None = option(
        None,
        "Draw negatives by popularity to this power; 0 is uniform.",
        low=0.0,
        high=2.0,
        shown="0",
        panel=_LEARN,
    )
    positive_weight: PositiveWeight | None = option(
        None,
        "Weight of a positive in a sampled loss by its value (play count): none, in "
        "proportion, or by log(1 + value); the mean weight is 1.",
        shown="none",
        panel=_LEARN,
    )
    temperature: float | None = option(
        None,
        "Of softmax: what cosines are divided by; the lower, the more the negatives count that "
        "score highest.",
        low=0.005,
        high=100.0,
        shown="by mode",
        panel=_LEARN,
    )
    margin: float | None = option(
        None,
        "Of ccl: negatives whose cosine is below it cost nothing.",
        low=-1.0,
        high=1.0,
        shown="by mode",
        panel=_LEARN,
    )
    negative_weight: float | None = option(
        None,
        "Of ccl: weight of the mean over the negatives, beside a positive's 1.",
        low=0.0,
        high=1e9,
        shown="by mode",
        panel=_LEARN,
    )
    unobserved_weight: float | None = option(
        None,
        "Of ials: weight of every pair of a user and an item, whose target is 0; an "
        "interaction adds a weight of 1 with target 1.",
        low=0.0,
        shown="by density",
        panel=_LEARN,
    )
    regularization_exponent: float | None = option(
        None,
        "Of als: λ is scaled by a row's entries to this power; of ials by (a user's interactions + "
        "unobserved weight · all items), items likewise.",
        low=0.0,
        high=10.0,
        shown="1, of mse by the data",
        panel=_LEARN,
    )
    confidence: Confidence | None = option(
        None,
        "Of ials: weight of an interaction of value r (play count): 1, 1 + alpha · r, or "
        "1 + alpha · log(1 + r).",
        shown="none",
        panel=_LEARN,
    )
    alpha: float | None = option(
        None, "Of --confidence linear and log.", low=0.0, shown="1", panel=_LEARN
    )
    damping: float | None = option(
        None,
        "Of --model bias: ratings that pull a bias towards 0.",
        low=0.0,
        shown="5",
        panel=_LEARN,
    )

    init: str | None = option(
        None,
        "Start of the factors: normal:STD, scaled:STD (STD/√factors) or uniform:LOW:HIGH.",
        shown="by mode",
        panel=_START,
    )
    bias_init: str | None = option(
        None, "Start of the biases, in the same form.", shown="0", panel=_START
    )
    init_from: str | None = option(
        None,
        "Go on from this checkpoint's weights, with a fresh optimizer.",
        role=Role.file,
        panel=_START,
    )
    init_from_if_any: str | None = option(
        None,
        "As --init-from where the file is there; else training starts anew, which is said.",
        role=Role.file,
        panel=_START,
    )

    valid: str | None = option(
        None, "Validation .npz of the same split.", role=Role.file | Role.watch, panel=_WATCH
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
    )
    k: list[int] = option(
        [10],
        "Length of the ranked list of the metrics.",
        role=Role.watch,
        low=1,
        high=LONGEST_LIST,
        panel=_WATCH,
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
    )
    time_limit: float | None = option(
        None,
        "Stop after this many seconds, at the last whole epoch.",
        role=Role.limit,
        low=0.001,
        shown="off",
        panel=_WATCH,
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
    )
    stages: list[dict[str, Any]] = option(
        [], "[[train.stages]] of a configuration file", role=Role.nested, cli=False
    )
