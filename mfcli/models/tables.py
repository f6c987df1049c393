"""The weights of a model as plain arrays: what engines train, checkpoints hold and scoring takes.

Names, shapes and starts of the weights, and what is done to all of them. ``modules`` wraps the same
memory for torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Init, ModelArgs, ModelKind, Recipe
from mfcli.data.rows import CsrRows
from mfcli.models.arrays import Layers, ScoreArrays, Vectors
from mfcli.models.starts import drawing

Shapes = dict[str, tuple[int, ...]]
Weights = dict[str, NDArray[np.float32]]


_FACTORS, _BIASES = ("user_factors", "item_factors"), ("user_bias", "item_bias")


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


def _ease(args: ModelArgs) -> Shapes:
    return {"item_weights": (args.n_items, args.n_items)}


@dataclass(frozen=True, eq=False)
class Tables:
    """The weights of a model: name → array, in the shapes that its ``args`` ask for.

    Made by ``zeros``, by ``drawn``, or by ``of`` on memory that is there. Those named user_… have
    one row a user, those named item_… one an item; all others belong to neither.
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

    @classmethod
    def zeros(cls, args: ModelArgs) -> Tables:
        """Allocate weights of zero."""
        shapes = KINDS[args.model].shapes(args)
        return cls(args, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})

    @classmethod
    def drawn(cls, recipe: Recipe, n_users: int, n_items: int) -> Tables:
        """Make the weights of a recipe, drawn from its seed.

        Layers begin within ±1/√width, as torch's own do; the mean and what svdpp sums over begin
        from zero.
        """
        tables = cls.zeros(recipe.model_args(n_users, n_items))
        draw = drawing(recipe)
        for names, init in ((_FACTORS, recipe.init), (_BIASES, recipe.bias_init)):
            for name in names:
                if name in tables.weights:
                    draw(tables.weights[name], init)
        for weight, bias in tables.layers:
            bound = weight.shape[1] ** -0.5
            for table in (weight, bias):
                draw(table, Init("uniform", -bound, bound))
        return tables

    @property
    def user_names(self) -> list[str]:
        """The names of the weights that have one row a user."""
        return [name for name in self.weights if name.startswith("user_")]

    @property
    def item_names(self) -> list[str]:
        """The names of the weights that have one row an item."""
        return [name for name in self.weights if name.startswith("item_")]

    @property
    def mean(self) -> float:
        """The global mean, 0 where the model has none."""
        found = self.weights.get("global_mean")
        return 0.0 if found is None else float(found)

    def set_mean(self, value: float) -> None:
        """Set the global mean of a model that has one."""
        self.weights["global_mean"][...] = value

    @property
    def has_biases(self) -> bool:
        """Whether users and items have biases."""
        return "user_bias" in self.weights

    @property
    def has_histories(self) -> bool:
        """Whether what a user has seen adds to its vector, as in svdpp."""
        return "user_implicit" in self.weights

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

    def copied(self) -> Weights:
        """Return a copy of the weights, for ``load``."""
        return {name: weight.copy() for name, weight in self.weights.items()}

    def load(self, weights: Mapping[str, Any]) -> None:
        """Copy weights in; raises ValueError where they do not fit."""
        for name, weight in Tables.of(self.args, weights).weights.items():
            self.weights[name][...] = weight

    def are_finite(self) -> bool:
        """Tell whether every weight is a finite number."""
        return all(is_finite(weight) for weight in self.weights.values())

    def settle_unknown(
        self, known_users: NDArray[np.bool_], known_items: NDArray[np.bool_]
    ) -> None:
        """Make rows without a training rating (masks (U,), (I,)) neutral: known terms count.

        They get no factors, and the mean bias of the known ones. With a global mean that is close
        to zero; without one it carries the level of the ratings.
        """
        for side, known in (("user", known_users), ("item", known_items)):
            factors = self.weights.get(f"{side}_factors")
            if factors is not None:
                factors[~known] = 0.0
            bias = self.weights.get(f"{side}_bias")
            if bias is not None:
                bias[~known] = bias[known].mean(dtype=np.float64) if known.any() else 0.0

    def normalise(self) -> None:
        """Bring the vectors of users and items to length 1; those of zeros stay."""
        _normalise(self.user_factors)
        _normalise(self.item_factors)

    def normalise_users(self) -> None:
        """Do so with the users' alone."""
        _normalise(self.user_factors)

    def rescale(self, by: float) -> None:
        """Multiply all scores by a number, in place.

        The users' side takes all of it: a user's factors solved for on fixed item factors then
        have the same λ as before. Of layers the last one does, which is linear.
        """
        weights = self.layers[-1] if self.layers else self._all_but_item_factors()
        for weight in weights:
            weight *= np.float32(by)

    def _all_but_item_factors(self) -> list[NDArray[np.float32]]:
        return [weight for name, weight in self.weights.items() if name != "item_factors"]

    def scoring(self, seen: CsrRows) -> ScoreArrays:
        """Return the arrays that score, on the same memory where no sum is needed.

        seen: what each user has, of which ease makes its scores.
        """
        return KINDS[self.args.model].scoring(self, seen)

    def largest_score(self) -> float:
        """Return a bound on the size of any score."""
        sizes = {name: _largest(weight) for name, weight in self.weights.items()}
        if "item_weights" in sizes:  # of a user who has every item
            return sizes["item_weights"] * self.args.n_items
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


def _normalise(factors: NDArray[np.float32]) -> None:
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    np.divide(factors, lengths, out=factors, where=lengths > 0)


def is_finite(weight: NDArray[np.float32]) -> bool:
    """Tell whether every number of a weight is finite, in no memory: NaN passes into the ends."""
    ends = (weight.min(initial=0.0), weight.max(initial=0.0))
    return bool(np.isfinite(ends).all())


def _largest(weight: NDArray[np.float32]) -> float:
    """Return the largest absolute value, 0 where there is none."""
    return max(float(weight.max(initial=0.0)), -float(weight.min(initial=0.0)))


def vectors(tables: Tables, _: CsrRows) -> Vectors:
    """Return factors, biases and mean as they are; the score is their sum."""
    return Vectors(
        tables.user_factors,
        tables.item_factors,
        tables.biases("user_bias"),
        tables.biases("item_bias"),
        tables.mean,
    )


def _svdpp_vectors(tables: Tables, seen: CsrRows) -> Vectors:
    """Return u + h_u as the users' factors."""
    users = tables.user_factors + tables.weights["user_implicit"]
    return vectors(tables, seen)._replace(users=users)


def _layers(tables: Tables, _: CsrRows) -> Layers:
    return Layers(tables.user_factors, tables.item_factors, tables.layers)


def _item_weights(tables: Tables, seen: CsrRows) -> ScoreArrays:
    from mfcli.models.item_weights import ItemWeights  # with kernels, which take most of a second

    return ItemWeights(seen, tables.weights["item_weights"])


class Kind(NamedTuple):
    """What a kind of model is, as arrays.

    shapes:  the shape of each weight; those named user_… have one row a user, item_… one an item.
    scoring: its weights, and what users have → the arrays that score.
    """

    shapes: Callable[[ModelArgs], Shapes]
    scoring: Callable[[Tables, CsrRows], ScoreArrays]


# The baselines are biases without factors, computed in closed form.
KINDS: dict[ModelKind, Kind] = {
    ModelKind.mf: Kind(_factors, vectors),
    ModelKind.biased_mf: Kind(_biased, vectors),
    ModelKind.svdpp: Kind(_svdpp, _svdpp_vectors),
    ModelKind.neural: Kind(_neural, _layers),
    ModelKind.ease: Kind(_ease, _item_weights),
    ModelKind.popularity: Kind(_biased, vectors),
    ModelKind.bias: Kind(_biased, vectors),
}
