"""Where options are drawn from, fitted to the data."""

from __future__ import annotations

from collections.abc import Set

from mfcli.config import Recipe
from mfcli.config.spaces import Log, Space
from mfcli.data.interactions import Interactions


def fitted_space(space: Space, given: Set[str], train: Interactions, usual: Recipe) -> Space:
    """Return a space with the ranges that follow the data, the ``given`` ones apart.

    usual: the defaults on the data. What is not observed weighs about ten times as much as what is,
    whatever the catalogue's size; weights by value mean nothing where all values are the same.
    """
    space = dict(space)
    if "unobserved_weight" in space and "unobserved_weight" not in given:
        weight = usual.unobserved_weight
        space["unobserved_weight"] = Log(weight / 10, weight * 10)
    if train.data.min() < train.data.max():
        return space
    idle = {"positive_weight", "confidence", "alpha"} - given
    return {name: drawn_from for name, drawn_from in space.items() if name not in idle}
