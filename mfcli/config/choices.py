"""The choices behind a training run, and the smaller ones that come with them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Mode(StrEnum):
    """A named default of model, objective and engine; nothing more."""

    explicit = "explicit"
    implicit = "implicit"
    hogwild = "hogwild"


class ModelKind(StrEnum):
    """What is scored."""

    mf = "mf"
    biased_mf = "biased-mf"
    svdpp = "svdpp"
    neural = "neural"
    ease = "ease"
    popularity = "popularity"
    bias = "bias"


class Objective(StrEnum):
    """What is minimised."""

    mse = "mse"
    bpr = "bpr"
    bpr_squared = "bpr-squared"
    logistic = "logistic"
    warp = "warp"
    softmax = "softmax"
    ccl = "ccl"
    ials = "ials"


# Objectives of cosines: a block of positives shares its negatives, and vectors have length 1.
COSINE = frozenset({Objective.softmax, Objective.ccl})
# Objectives of the difference between a positive and a negative, which may be the hardest of some.
PAIRWISE = frozenset({Objective.bpr, Objective.bpr_squared})
# Objectives whose negative can be the hardest of several draws.
CHOOSY = PAIRWISE | {Objective.warp}


class Engine(StrEnum):
    """How it is minimised."""

    minibatch = "minibatch"
    hogwild = "hogwild"
    als = "als"
    closed_form = "closed-form"


class Optimizer(StrEnum):
    """The torch optimizers of the minibatch engine."""

    sgd = "sgd"
    adam = "adam"
    adagrad = "adagrad"
    sparse_adam = "sparse-adam"


class Schedule(StrEnum):
    """How the learning rate changes from epoch to epoch."""

    constant = "constant"
    exponential = "exponential"
    inverse = "inverse"
    linear = "linear"
    cosine = "cosine"


class Reduction(StrEnum):
    """Whether a batch's loss is the sum or the mean over its samples."""

    mean = "mean"
    sum = "sum"


class Device(StrEnum):
    """Where the engines of torch compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


ON_DEVICES = frozenset({Engine.minibatch, Engine.als})  # the others compute on the CPU


class Order(StrEnum):
    """In which order the hogwild engine visits ratings, and whether its threads wait."""

    grid = "grid"
    free = "free"


class PositiveWeight(StrEnum):
    """What the value of an interaction weighs in the loss of a sampled objective."""

    none = "none"
    linear = "linear"
    log = "log"


class Confidence(StrEnum):
    """What the value of an interaction weighs in ials."""

    none = "none"
    linear = "linear"
    log = "log"


class Take(StrEnum):
    """Which settings tune writes."""

    sure = "sure"
    best = "best"


MODES: dict[Mode, tuple[ModelKind, Objective, Engine]] = {
    Mode.explicit: (ModelKind.biased_mf, Objective.mse, Engine.minibatch),
    Mode.implicit: (ModelKind.biased_mf, Objective.bpr, Engine.minibatch),
    Mode.hogwild: (ModelKind.biased_mf, Objective.bpr, Engine.hogwild),
}

BIASED = frozenset({ModelKind.biased_mf, ModelKind.svdpp})
BASELINES = frozenset({ModelKind.popularity, ModelKind.bias})
CLOSED_FORM = BASELINES | {ModelKind.ease}  # computed, not learnt in steps


class Setting(NamedTuple):
    """What decides whether an option means something."""

    model: ModelKind
    objective: Objective | None
    engine: Engine

    @property
    def sampled(self) -> bool:
        """Whether the objective draws negatives."""
        return self.objective not in (None, Objective.mse, Objective.ials)

    @property
    def cosine(self) -> bool:
        """Whether scores are cosines: vectors have length 1."""
        return self.objective in COSINE

    @property
    def biased(self) -> bool:
        """Whether the model learns biases."""
        return self.model in BIASED
