"""The paired gate: tonight's model beside the last one, on rows that are newer than its data."""

from __future__ import annotations

import dataclasses
import tomllib

import numpy as np
import pytest

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import EvaluateConfig
from mfcli.config.limits import DEFAULTS, Limits, read_limits
from mfcli.data.interactions import Interactions
from mfcli.nights.gates import Verdict
from mfcli.nights.quality import judge_quality, unpaired
from tests.helpers import from_mask, interactions
from tests.models_on_disk import make_model

CONFIG = EvaluateConfig(k=[5], workers=1, relevant_from=-1.0)


def night(seed: int = 0) -> tuple[Interactions, Interactions]:
    """Return the rows up to last night, and the newer ones."""
    data = interactions(60, 40, 0.2, seed)
    late = np.random.default_rng(seed).random(data.n_ratings) < 0.3
    return data.keep(~late), data.keep(late)


def knowing(train: Interactions, newer: Interactions, share: float, seed: int = 1) -> Checkpoint:
    """Return a model that puts a share of the users' newer items first."""
    model = make_model(train, seed, model="mf", factors=train.n_items)
    random = np.random.default_rng(seed)
    scores = random.random((train.n_users, train.n_items)).astype(np.float32)
    told = random.random(newer.n_ratings) < share
    scores[newer.users[told], newer.indices[told]] += 2
    weights = {
        "user_factors": scores,
        "item_factors": np.eye(train.n_items, dtype=np.float32),
    }
    return dataclasses.replace(
        model, weights=weights, options=model.options | {"rank_shrinkage": 0.0}
    )


def verdict(last: float, tonight: float, limits: Limits = DEFAULTS) -> Verdict:
    train, newer = night()
    (found,) = judge_quality(
        knowing(train, newer, last, 1), knowing(train, newer, tonight, 2), newer, CONFIG, limits
    )
    return found


@pytest.mark.parametrize(
    ("last", "tonight", "passes"), [(0.5, 0.5, True), (0.3, 0.8, True), (0.9, 0.1, False)]
)
def test_a_model_that_is_worse_beyond_chance_is_refused(
    last: float, tonight: float, passes: bool
) -> None:
    found = verdict(last, tonight)
    assert found.passed is passes
    assert "ndcg@5 on " in found.sentence
    assert "paired by user" in found.sentence
    assert found.tonight is not None
    assert f"{found.tonight:.4g} tonight, {found.last:.4g} last" in found.sentence


def test_what_a_refusal_proposes_lets_the_model_pass() -> None:
    found = verdict(0.9, 0.3)
    assert not found.passed
    *_, settings = found.sentence.removesuffix(" in [nightly.gates] lets it pass").split(": ")
    number, off = settings.split(" or ")
    assert verdict(0.9, 0.3, read_limits(tomllib.loads(number))).passed
    train, newer = night()
    model = knowing(train, newer, 0.5)
    assert judge_quality(model, model, newer, CONFIG, read_limits(tomllib.loads(off))) == []


def test_a_model_beside_itself_passes_with_no_difference() -> None:
    train, newer = night()
    model = knowing(train, newer, 0.5)
    (found,) = judge_quality(model, model, newer, CONFIG, DEFAULTS)
    assert found.passed
    assert found.tonight == found.last
    assert "difference +0" in found.sentence


def test_rows_over_more_users_and_items_are_matched_by_value() -> None:
    train, newer = night()
    model = knowing(train, newer, 0.5)
    (expected,) = judge_quality(model, model, newer, CONFIG, DEFAULTS)
    user_ids, item_ids = np.r_[newer.catalog.user_ids, 900], np.r_[newer.catalog.item_ids, 900]
    there = np.zeros((len(user_ids), len(item_ids)), bool)
    there[newer.users, newer.indices] = True
    grown = from_mask(
        there,
        newer.data,
        dataclasses.replace(newer.catalog, user_ids=user_ids, item_ids=item_ids),
    ).with_meta({"split_id": "another", "part": "test"})
    (found,) = judge_quality(model, model, grown, CONFIG, DEFAULTS)
    assert (found.last, found.passed) == (expected.last, True)


def test_rows_that_both_models_know_leave_nothing_to_judge() -> None:
    train, newer = night()
    model = knowing(train, newer, 0.5)
    (found,) = judge_quality(model, model, train, CONFIG, DEFAULTS)
    assert found.passed
    assert "so there is no paired gate" in found.sentence


def test_where_there_is_nothing_to_pair_on_the_gate_says_so() -> None:
    (found,) = unpaired(DEFAULTS, "the data has no times")
    assert found.passed
    assert found.sentence == "quality: the data has no times, so there is no paired gate"
    assert unpaired(read_limits({"quality": False}), "the data has no times") == []


def test_models_of_ratings_are_compared_by_what_is_asked_for() -> None:
    train, newer = night()
    model = make_model(train)
    config = dataclasses.replace(CONFIG, metric=["rmse"])
    (found,) = judge_quality(model, model, newer, config, DEFAULTS)
    assert "quality: rmse on " in found.sentence
    weights = model.weights | {"global_mean": np.asarray(9.0, np.float32)}
    worse = dataclasses.replace(model, weights=weights)
    clipped = dataclasses.replace(worse, rating_range=(0.0, 9.0))
    (found,) = judge_quality(model, clipped, newer, config, DEFAULTS)
    assert not found.passed
    assert judge_quality(clipped, model, newer, config, DEFAULTS)[0].passed
