"""The weights of a model as plain arrays: names and shapes, and the arrays that score."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.config import ModelArgs, ModelKind
from mfcli.models.arrays import Layers, ScoreArrays, Vectors

Shapes = dict[str, tuple[int, ...]]
Weights = dict[str, NDArray[np.float32]]


def _factors(args: ModelArgs) -> Shapes:
    return {
        "user_factors": (args.n_users, args.factors),
        "item_factors": (args.n_items, args.item_factors),
    }


def _biased(args: ModelArgs) -> Shapes:
    biases = {"user_bias": (args.n_users, 1), "item_bias": (args.n_items, 1)}
    return _factors(args) | biases | {"global_mean": ()}


def _svdpp(args: ModelArgs) -> Shapes:
    return _biased(args) | {
        "item_implicit": (args.n_items, args.factors),
        "user_implicit": (args.n_users, args.factors),
    }


def _neural(args: ModelArgs) -> Shapes:
    widths = (args.factors + args.item_factors, *args.hidden, 1)
    shapes = _factors(args)
    for number, (wide, narrow) in enumerate(itertools.pairwise(widths)):
        shapes |= {f"layers.{number}.weight": (narrow, wide), f"layers.{number}.bias": (narrow,)}
    return shapes


@dataclass(frozen=True, eq=False)
class Tables:
    """The weights of a model: name → array, in the shapes that its ``args`` ask for.

    Made by ``of``, on the memory that it is given.
    """

    args: ModelArgs
    weights: Weights

    @classmethod
    def of(cls, args: ModelArgs, weights: Mapping[str, Any]) -> Tables:
        """Take weights as they are; raises ValueError where they do not fit the model."""
        shapes = KINDS[args.model].shapes(args)
        for name in sorted(shapes.keys() ^ weights.keys()):
            lacks = "lacks" if name in shapes else "has no place for"
            raise ValueError(f"its model, {args.model}, {lacks} the weight {str(name)[:40]}")
        for name, shape in shapes.items():
            found = weights[name]
            if found.shape != shape or found.dtype != np.float32:
                raise ValueError(
                    f"its {name} are {found.dtype} of {found.shape}, not float32 of {shape}"
                )
        return cls(args, {name: weights[name] for name in shapes})

    @property
    def user_factors(self) -> NDArray[np.float32]:
        """The users' vectors, (U, F)."""
        return self.weights["user_factors"]

    @property
    def item_factors(self) -> NDArray[np.float32]:
        """The items' vectors, (I, F)."""
        return self.weights["item_factors"]

    @property
    def layers(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Weight (out, in) and bias (out,) of each layer of a neural model, else none."""
        count = sum(name.startswith("layers.") for name in self.weights) // 2
        return [
            (self.weights[f"layers.{number}.weight"], self.weights[f"layers.{number}.bias"])
            for number in range(count)
        ]

    def biases(self, name: str) -> NDArray[np.float32]:
        """Return user_bias (U,) or item_bias (I,), zeros where there are none."""
        found = self.weights.get(name)
        if found is None:
            rows = self.args.n_users if name == "user_bias" else self.args.n_items
            return np.zeros(rows, np.float32)
        return found.reshape(-1)

    def scoring(self) -> ScoreArrays:
        """Return the arrays that score, on the same memory where no sum is needed."""
        return KINDS[self.args.model].scoring(self)

    def largest_score(self) -> float:
        """Return a bound on the size of any score."""
        sizes = {
            name: float(np.abs(weight).max(initial=0.0)) for name, weight in self.weights.items()
        }
        users, items = sizes["user_factors"], sizes["item_factors"]
        bound = max(users, items)
        layers = self.layers
        for number, (weight, _) in enumerate(layers):
            bound *= sizes[f"layers.{number}.weight"] * weight.shape[1]
            bound += sizes[f"layers.{number}.bias"]
        if layers:
            return bound
        others = sum(size for name, size in sizes.items() if not name.endswith("_factors"))
        return users * items * self.args.factors + others


def vectors(tables: Tables) -> Vectors:
    """Return factors, biases and mean as they are; the score is their sum."""
    mean = tables.weights.get("global_mean")
    return Vectors(
        tables.user_factors,
        tables.item_factors,
        tables.biases("user_bias"),
        tables.biases("item_bias"),
        0.0 if mean is None else float(mean),
    )


def _svdpp_vectors(tables: Tables) -> Vectors:
    """Return u + h_u as the users' factors."""
    return vectors(tables)._replace(users=tables.user_factors + tables.weights["user_implicit"])


def _layers(tables: Tables) -> Layers:
    return Layers(tables.user_factors, tables.item_factors, tables.layers)


class Kind(NamedTuple):
    """What a kind of model is, as arrays.

    shapes:  the shape of each weight; those named user_… have one row a user, item_… one an item.
    scoring: its weights → the arrays that score.
    """

    shapes: Callable[[ModelArgs], Shapes]
    scoring: Callable[[Tables], ScoreArrays]


# The baselines are biases without factors, computed in closed form.
KINDS: dict[ModelKind, Kind] = {
    ModelKind.mf: Kind(_factors, vectors),
    ModelKind.biased_mf: Kind(_biased, vectors),
    ModelKind.svdpp: Kind(_svdpp, _svdpp_vectors),
    ModelKind.neural: Kind(_neural, _layers),
    ModelKind.popularity: Kind(_biased, vectors),
    ModelKind.bias: Kind(_biased, vectors),
}
