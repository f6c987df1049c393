"""Defaults of the ways that learn to rank, as functions of the data."""

from __future__ import annotations

from typing import Any

from mfcli.config import Engine, Objective, Recipe
from mfcli.training.facts import Facts, clipped
from mfcli.training.rules import Rules


def _ials(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return the unobserved weight at which all pairs weigh ten times the interactions.

    The penalty of a row grows with λ α₀ m and what the row knows with its interactions: where
    λ α₀ is more than about half of the share of pairs that are interactions, all factors go to 0.
    """
    return {"unobserved_weight": clipped(10 * facts.density, 0.0, 1.0)}


RULES: Rules = {(Engine.als, Objective.ials): _ials}
