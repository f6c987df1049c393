"""Defaults of the ways that learn ratings: what they are for any data, and that they learn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.models.tables import Tables
from mfcli.training.defaults import by_data
from mfcli.training.facts import Facts
from mfcli.training.fit import fit
from mfcli.training.neighbours import Told
from mfcli.training.rules_for_ratings import RULES, STEADIEST, STEADY
from tests.helpers import interactions

WAYS: dict[str, dict[str, Any]] = {
    "explicit": {"mode": "explicit"},
    "hogwild": {"mode": "hogwild", "objective": "mse"},
    "als": {"engine": "als", "objective": "mse"},
    "svdpp": {"model": "svdpp"},
    "neural": {"model": "neural"},
}
TRAIN = interactions(25, 20, 0.3, seed=3)


def recipe_of(**options: Any) -> Any:
    return TrainConfig.merge(("", options)).recipe()


def rule_of(way: str) -> Any:
    recipe = recipe_of(**WAYS[way])
    found = RULES.get((recipe.engine, recipe.model)) or RULES[recipe.engine, recipe.objective]
    return lambda facts: found(facts, recipe)


@st.composite
def facts_of(draw: st.DrawFn) -> Facts:
    users, items = draw(st.integers(1, 10**7)), draw(st.integers(1, 10**7))
    most = min(users * items, 10**9)
    rows = draw(st.integers(min(max(users, items), most), most))
    least = max(-(-rows // users), -(-rows // items))  # a mean is at most the largest
    told = Told(*(draw(st.floats(0.002, 1.0)) for _ in range(2)))
    busiest = draw(st.integers(least, max(least, min(rows, max(users, items)))))
    return Facts(
        users=users, items=items, rows=rows, pairs=users * items, tell=lambda: told, busiest=busiest
    )


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=50, deadline=None)
@given(facts=facts_of())
def test_numbers_are_finite_and_positive(way: str, facts: Facts) -> None:
    values = rule_of(way)(facts)
    numbers = [float(it) for it in values.values() if not str(it).isalpha()]
    assert all(0 < it < 1e5 for it in numbers)


@pytest.mark.parametrize("way", ["explicit", "hogwild", "als", "svdpp"])
@settings(max_examples=50, deadline=None)
@given(facts=facts_of(), more=st.integers(2, 50))
def test_more_ratings_of_each_row_ask_for_no_more_regularization_and_no_less_width(
    way: str, facts: Facts, more: int
) -> None:
    larger = dataclasses.replace(facts, rows=facts.rows * more, busiest=facts.busiest * more)
    few, many = rule_of(way)(facts), rule_of(way)(larger)
    assert many["regularization"] <= few["regularization"]
    assert many["bias_regularization"] <= few["bias_regularization"]
    assert many.get("factors", 1) >= few.get("factors", 1)


@settings(max_examples=50, deadline=None)
@given(facts=facts_of())
def test_batches_keep_the_steps_of_the_busiest_row_steady(facts: Facts) -> None:
    values = rule_of("explicit")(facts)
    batch = int(values["batch_size"])
    assert STEADIEST <= batch <= 2048
    # Rates have three digits.
    assert 2 * values["learning_rate"] * batch * facts.busiest <= 1.01 * STEADY * facts.rows


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd"},
        {"reduction": "mean"},
        {"batch_size": "full"},
        {"learning_rate": 0.01},
        {"stages": [{"epochs": 2}, {"epochs": 3}]},
    ],
    ids=str,
)
def test_what_goes_with_another_optimizer_brings_none_of_sgds_options(
    options: dict[str, Any],
) -> None:
    assert by_data(recipe_of(**options), TRAIN) == {}


@pytest.mark.parametrize("chosen", ["regularization", "regularization_exponent"])
def test_als_keeps_what_belongs_together(chosen: str) -> None:
    values = by_data(recipe_of(engine="als", objective="mse", **{chosen: 0.3}), TRAIN)
    assert not values.keys() & {"regularization", "regularization_exponent"}


def one_row(entries: int, *, of_users: bool) -> Interactions:
    """Return ratings of one user, or of one item."""
    rows, columns = (entries, 1) if of_users else (1, entries)
    indptr = np.arange(rows + 1) * columns
    ratings = np.random.default_rng(0).integers(1, 6, entries).astype(np.float32)
    catalog = Catalog(np.arange(rows), np.arange(columns))
    indices = np.tile(np.arange(columns), rows)
    return Interactions(indptr.astype(np.int32), indices.astype(np.int32), ratings, catalog)


EXTREMES = {
    "one user": one_row(3000, of_users=False),
    "one item": one_row(3000, of_users=True),
    "fifty rows": interactions(10, 10, 0.5, seed=1),
    "all pairs": interactions(60, 50, 1.0, seed=2),
}


@pytest.mark.parametrize("data", EXTREMES)
@pytest.mark.parametrize("way", [way for way in WAYS if way != "neural"])
def test_extreme_data_are_learnt_without_divergence(way: str, data: str) -> None:
    """Better than the mean, whatever the shape."""
    train = EXTREMES[data]
    checkpoint = fit(train, recipe_of(**WAYS[way], workers=1)).checkpoint
    assert checkpoint.history[-1]["train_loss"] < 1.05 * train.data.var()
    assert Tables.of(checkpoint.model_args, checkpoint.weights).are_finite()


# All epochs are some ten thousand steps of a few rows each: half a minute.
@pytest.mark.parametrize("epochs", [2, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("data", EXTREMES)
def test_layers_stay_finite_on_extreme_data(data: str, epochs: int | None) -> None:
    given = {} if epochs is None else {"epochs": epochs}
    recipe = recipe_of(**WAYS["neural"], **given, workers=1)
    checkpoint = fit(EXTREMES[data], recipe).checkpoint
    assert Tables.of(checkpoint.model_args, checkpoint.weights).are_finite()
