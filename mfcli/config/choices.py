"""The choices behind a training run, and the smaller ones that come with them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class Choice(StrEnum):
    """A word that can be chosen, and what it is in at most four words, for help."""

    about: str

    def __new__(cls, word: str, about: str = "") -> Self:
        """Make a member of its word and of what that is."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.about = about
        return member


class Mode(Choice):
    """A named default of model, objective and engine; nothing more."""

    explicit = "explicit", "predicts ratings"
    implicit = "implicit", "ranks, from likes alone"
    hogwild = "hogwild", "implicit, on all cores"


class ModelKind(Choice):
    """What is scored."""

    mf = "mf", "factors of users, items"
    biased_mf = "biased-mf", "factors and biases"
    svdpp = "svdpp", "biased-mf plus rated items"
    neural = "neural", "layers upon the factors"
    ease = "ease", "weights between all items"
    popularity = "popularity", "counts of each item"
    bias = "bias", "means of users, items"


class Objective(Choice):
    """What is minimised."""

    mse = "mse", "squared error of ratings"
    bpr = "bpr", "likes above other items"
    bpr_squared = "bpr-squared", "bpr by squared loss"
    logistic = "logistic", "likes 1, others 0"
    warp = "warp", "sharpens the list's top"
    softmax = "softmax", "likes among shared negatives"
    ccl = "ccl", "cosines with a margin"
    ials = "ials", "squares over all pairs"


# Objectives of cosines: a block of positives shares its negatives, and vectors have length 1.
COSINE = frozenset({Objective.softmax, Objective.ccl})
# Objectives of the difference between a positive and a negative, which may be the hardest of some.
PAIRWISE = frozenset({Objective.bpr, Objective.bpr_squared})
# Objectives whose negative can be the hardest of several draws.
CHOOSY = PAIRWISE | {Objective.warp}


class Engine(Choice):
    """How it is minimised."""

    minibatch = "minibatch", "batches of samples, torch"
    hogwild = "hogwild", "threads on shared factors"
    als = "als", "users, items in turn"
    closed_form = "closed-form", "computed at once"


class Optimizer(Choice):
    """The torch optimizers of the minibatch engine."""

    sgd = "sgd", "plain steps"
    adam = "adam", "steps scaled by history"
    adagrad = "adagrad", "steps that only shrink"
    sparse_adam = "sparse-adam", "adam on touched rows"


class Schedule(Choice):
    """How the learning rate changes from epoch to epoch."""

    constant = "constant", "stays as it is"
    exponential = "exponential", "shrinks by a factor"
    inverse = "inverse", "shrinks as 1/epoch"
    linear = "linear", "straight down to 0"
    cosine = "cosine", "down along a cosine"


class Reduction(Choice):
    """Whether a batch's loss is the sum or the mean over its samples."""

    mean = "mean", "over the batch"
    sum = "sum", "over the batch"


class Device(Choice):
    """Where the engines of torch compute."""

    auto = "auto", "GPU if there's one"
    cpu = "cpu", "the processor"
    cuda = "cuda", "an NVIDIA GPU"


ON_DEVICES = frozenset({Engine.minibatch, Engine.als})  # the others compute on the CPU


class Order(Choice):
    """In which order the hogwild engine visits ratings, and whether its threads wait."""

    grid = "grid", "threads never share rows"
    free = "free", "without locks, as published"


class PositiveWeight(Choice):
    """What the value of an interaction weighs in the loss of a sampled objective."""

    none = "none", "all alike"
    linear = "linear", "in proportion"
    log = "log", "by its logarithm"


class Confidence(Choice):
    """What the value of an interaction weighs in ials."""

    none = "none", "all alike"
    linear = "linear", "in proportion"
    log = "log", "by its logarithm"


class Take(Choice):
    """Which settings tune writes."""

    sure = "sure", "better beyond chance"
    best = "best", "in any case"


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
