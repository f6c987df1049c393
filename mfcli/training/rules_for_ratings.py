"""Defaults of the ways that learn ratings, as functions of the data.

What is known of a row grows with its ratings, and what noise does to its factors shrinks with their
square root. So λ, which is charged for each rating, falls with the root of x: the mean number of
ratings of a user plus that of an item, against the 133 of a fold of ml-100k. als, which goes all
the way to the minimum, is charged for the root of a row's ratings instead (ν = ½), where nearly one
λ does for all sets. The dose, the sum of the learning rates of a schedule's epochs, grows with the
root of x up to that of ml-100k: rows of few ratings are learnt by heart when it is larger.

The constants are those of ml-100k, and the exponent of λ is the one above, not a fitted one: at the
x of ml-1m λ is 0.06, where 0.057 was best, and at that of ml-10m 0.037, where Rendle, Zhang & Koren
(2019) use 0.04. epinions took part in the exponent of the dose and in als, mainly. RMSE on
validation rows inside train, by these functions, and the best that a descent by coordinates found
with hogwild (25 to 35 trainings a set):

| set                         | bias  | explicit | hogwild | best  | als   | svdpp |
|-----------------------------|-------|----------|---------|-------|-------|-------|
| ml-100k, u1.base            | 0.933 | 0.903    | 0.903   | 0.902 | 0.906 | 0.893 |
| ml-latest-small             | 0.876 | 0.857    | 0.856   | 0.853 | 0.852 | 0.851 |
| a quarter of u1.base's rows | 0.982 | 0.984    | 0.983   | 0.981 | 0.981 | 0.982 |
| epinions                    | 1.026 | 1.026    |         | 1.026 | 1.031 |       |
| 0.8 million generated rows  | 0.924 | 0.840    | 0.847   |       | 0.845 | 0.845 |

The fixed defaults of before had with als 0.912, 0.859 and, on epinions, 1.045, and with hogwild
0.905, 0.854 and 1.032. ndcg@10 of rows of at least 4 on u1.base is 0.064 by biases, and 0.069,
0.071, 0.081 and 0.087 by the four; no listed item has at most five ratings, as lists shrink.
"""

from __future__ import annotations

from typing import Any

from mfcli.config import Engine, ModelKind, Objective, Optimizer, Recipe, Reduction
from mfcli.training.engines.devices import SHARED_STEP
from mfcli.training.facts import Facts, clipped, stepped
from mfcli.training.rules import Rules

KNOWN = 133.0  # ratings a user and an item, their means summed, of a fold of ml-100k

# A step of SGD that sums over its batch adds up what all ratings of one row ask for. The row is
# thrown past its aim where 2 · rate · (its ratings in the batch) · (1 + ‖v‖²) is above 2: on
# ml-100k training diverges at 2.1 for the 2 · rate · ratings of the busiest row, and not at 1.8.
STEADY = 0.8
STEADIEST = 32  # the smallest batch that is chosen


def _known(facts: Facts) -> float:
    """Return x: ratings a user and ratings an item, their means summed, over those of ml-100k."""
    return (facts.per_user + facts.per_item) / KNOWN


def _penalties(facts: Facts) -> dict[str, Any]:
    """Return λ of factors and of biases where each is charged for each rating.

    A bias is as uncertain as the side of fewer ratings: the harmonic mean of both, 60 on ml-100k.
    """
    fewer = 2 / (1 / facts.per_user + 1 / facts.per_item)
    return {
        "regularization": clipped(0.1 * _known(facts) ** -0.5, 0.02, 0.3),
        "bias_regularization": clipped(0.05 * (fewer / 60) ** -0.8, 0.01, 0.15),
    }


def _dose(facts: Facts) -> float:
    """Return the rate times the number of epochs, of a schedule that falls to 0."""
    return min(max(0.6 * _known(facts) ** 0.5, 0.2), 0.7)


def _width(facts: Facts) -> int:
    """Return the factors of SGD: more of them pay where more is known."""
    return stepped(100 * _known(facts) ** 0.2, 64, 160, 4)


def _hogwild(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    epochs = stepped(40 * (2e6 / max(facts.rows, 2e6)) ** 0.2, 20, 40)
    over = recipe.epochs if "epochs" in recipe.chosen else epochs
    return _penalties(facts) | {
        "factors": _width(facts),
        "epochs": epochs,
        "learning_rate": clipped(_dose(facts) / over, 0.001, 0.05),
    }


def _svdpp(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    """Return those of hogwild with a smaller λ and rate: a user's vector is a sum of many."""
    found = _hogwild(facts, recipe)
    return found | {
        "regularization": clipped(0.6 * found["regularization"], 0.012, 0.2),
        "learning_rate": clipped(0.3 * found["learning_rate"], 0.0003, 0.015),
    }


def _als(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    if {"regularization_exponent", "regularization"} & recipe.chosen:  # one belongs to the other
        return {}
    return {
        "regularization_exponent": 0.5,
        "regularization": clipped(1.4 * _known(facts) ** -0.2, 0.7, 2.0),
        "bias_regularization": 1.2,
        "epochs": 10,
    }


# What belongs to an optimizer: where one of these is given, the fixed defaults of Adam hold.
_OF_OPTIMIZERS = {
    "optimizer",
    "learning_rate",
    "batch_size",
    "reduction",
    "sparse",
    "clip_norm",
    "weight_decay",
    "bias_weight_decay",
}


def _minibatch(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    if recipe.stages or _OF_OPTIMIZERS & recipe.chosen:
        return {}
    if recipe.model is not ModelKind.biased_mf:  # vectors that hold the mean too throw SGD's steps
        return _adam(facts)
    return _sgd(facts, recipe)


def _steady(facts: Facts, rate: float) -> float:
    """Return the largest batch that keeps the busiest row's steps steady at a rate."""
    return STEADY * facts.rows / (2 * rate * facts.busiest)


def _sgd(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    """Return steps of SGD over sums: half the epochs of Adam, and a fraction of a step's time."""
    epochs = stepped(12 * (facts.rows / 8e4) ** 0.2, 8, 20)
    over = recipe.epochs if "epochs" in recipe.chosen else epochs
    rate = min(_dose(facts) / over, _steady(facts, 1.0) / STEADIEST)
    rate = clipped(rate, 1e-4, 0.15)
    factors = stepped(64 * _known(facts) ** 0.2, 48, 128, 4)
    limit = min(
        _steady(facts, rate), 2048, (SHARED_STEP - 1) / factors
    )  # one thread, and its cache
    batch = STEADIEST
    while 2 * batch <= limit:
        batch *= 2
    return _penalties(facts) | {
        "optimizer": str(Optimizer.sgd),
        "reduction": str(Reduction.sum),
        "factors": factors,
        "epochs": epochs,
        "learning_rate": rate,
        "batch_size": str(batch),
    }


def _adam(facts: Facts) -> dict[str, Any]:
    """Return larger batches for more rows: a step of Adam goes over the whole of both tables."""
    grown = facts.rows / 8e4
    return {
        "batch_size": str(stepped(1024 * grown**0.7, 64, 16384, 64)),
        "epochs": stepped(20 * grown**-0.2, 8, 40),
    }


RULES: Rules = {
    (Engine.minibatch, Objective.mse): _minibatch,
    (Engine.hogwild, Objective.mse): _hogwild,
    (Engine.hogwild, ModelKind.svdpp): _svdpp,
    (Engine.als, Objective.mse): _als,
}
