"""The options of train that say how a model learns."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.choices import Confidence, Optimizer, PositiveWeight, Reduction, Schedule
from mfcli.config.model_options import ModelOptions
from mfcli.config.options import option
from mfcli.config.roles import Role, Tier

_LEARN = "How it learns"


@dataclass(frozen=True, kw_only=True)
class LearningOptions(ModelOptions):
    """Steps, regularisation and samples of an objective."""

    epochs: int | None = option(
        None,
        "Passes over the ratings.",
        role=Role.stage,
        low=1,
        high=1_000_000,
        shown="by mode, fitted to the data",
        panel=_LEARN,
        tier=Tier.first,
    )
    last_epoch: int | None = option(
        None,
        "End after this epoch, the schedule staying that of --epochs: what --patience found.",
        role=Role.watch | Role.stage,
        low=1,
        shown="the last of --epochs",
        panel=_LEARN,
        metavar="EPOCH",
    )
    learning_rate: float | None = option(
        None,
        "Step size.",
        role=Role.stage,
        low=0.0,
        shown="by mode, fitted to the data",
        panel=_LEARN,
        metavar="RATE",
        tier=Tier.first,
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
        metavar="RATE",
    )
    regularization: float | None = option(
        None,
        "L2 per observed sample on the factors it touches; of ease, on the weights of each item.",
        role=Role.stage,
        low=0.0,
        shown="by mode, fitted to the data",
        panel=_LEARN,
        metavar="WEIGHT",
        tier=Tier.first,
    )
    bias_regularization: float | None = option(
        None,
        "The same on the biases.",
        role=Role.stage,
        low=0.0,
        shown="as --regularization, else by mode, fitted to the data",
        panel=_LEARN,
        metavar="WEIGHT",
    )
    weight_decay: float | None = option(
        None,
        "torch's own decay of all factors at each step.",
        role=Role.stage,
        low=0.0,
        shown="0",
        panel=_LEARN,
        metavar="RATE",
    )
    bias_weight_decay: float | None = option(
        None,
        "The same on the biases.",
        role=Role.stage,
        low=0.0,
        shown="as --weight-decay",
        panel=_LEARN,
        metavar="RATE",
    )
    optimizer: Optimizer | None = option(
        None,
        "torch optimizer of the minibatch engine.",
        role=Role.stage,
        shown="by mode, fitted to the data",
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
        shown="by mode, fitted to the data",
        panel=_LEARN,
        metavar="N|full",
    )
    reduction: Reduction | None = option(
        None,
        "Whether a batch's loss is a sum or a mean.",
        role=Role.stage,
        shown="mean, fitted to the data",
        panel=_LEARN,
    )
    clip_norm: float | None = option(
        None,
        "Scale gradients down to this norm.",
        role=Role.stage,
        low=1e-12,
        shown="off",
        panel=_LEARN,
        metavar="NORM",
    )
    negatives: int | None = option(
        None,
        "Sampled negatives a positive; for warp, the most draws; for softmax and ccl, of a "
        "block of positives that shares them.",
        role=Role.stage,
        low=1,
        high=10_000,
        shown="by mode, fitted to the data",
        panel=_LEARN,
    )
    hardest_of: int | None = option(
        None,
        "Of bpr, bpr-squared and warp: a negative is the one of so many draws that scores highest.",
        low=1,
        high=1_000,
        shown="by mode, fitted to the data",
        panel=_LEARN,
    )
    negative_power: float | None = option(
        None,
        "Draw negatives by popularity to this power; 0 is uniform.",
        low=0.0,
        high=2.0,
        shown="0, fitted to the data",
        panel=_LEARN,
        metavar="POWER",
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
        shown="by way, fitted to the data",
        panel=_LEARN,
    )
    margin: float | None = option(
        None,
        "Of ccl: negatives whose cosine is below it cost nothing.",
        low=-1.0,
        high=1.0,
        shown="by way",
        panel=_LEARN,
        metavar="COSINE",
    )
    negative_weight: float | None = option(
        None,
        "Of ccl: weight of the mean over the negatives, beside a positive's 1.",
        low=0.0,
        high=1e9,
        shown="by way",
        panel=_LEARN,
        metavar="WEIGHT",
    )
    unobserved_weight: float | None = option(
        None,
        "Of ials: weight of every pair of a user and an item, whose target is 0; an "
        "interaction adds a weight of 1 with target 1.",
        low=0.0,
        shown="by density",
        panel=_LEARN,
        metavar="WEIGHT",
    )
    regularization_exponent: float | None = option(
        None,
        "Of als: λ is scaled by a row's entries to this power; of ials by (a user's interactions + "
        "unobserved weight · all items), items likewise.",
        low=0.0,
        high=10.0,
        shown="1, of mse by the data",
        panel=_LEARN,
        metavar="POWER",
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
        metavar="RATINGS",
    )
