"""Each metric against a plain loop over one user's list."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from mfcli.config.metrics import METRICS, MetricKind
from mfcli.evaluation import metrics
from mfcli.evaluation.metrics import Errors, Ranked

Hits = list[bool]


def precisions(hits: Hits) -> float:
    return sum(sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit)


# name → metric of one user: the list as booleans (hit or miss), the number of test items, and that
# of all candidates.
REFERENCES: dict[str, Callable[[Hits, int, int], float]] = {
    "precision": lambda hits, positives, candidates: sum(hits) / len(hits),  # noqa: ARG005
    "recall": lambda hits, positives, candidates: sum(hits) / positives,  # noqa: ARG005
    "ndcg": lambda hits, positives, candidates: (  # noqa: ARG005
        sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
        / sum(1 / math.log2(place + 2) for place in range(min(positives, len(hits))))
    ),
    "map": lambda hits, positives, candidates: (  # noqa: ARG005
        precisions(hits) / min(positives, len(hits))
    ),
    "hit_rate": lambda hits, positives, candidates: float(any(hits)),  # noqa: ARG005
    "precision_listed": lambda hits, positives, candidates: (  # noqa: ARG005
        sum(hits) / min(candidates, len(hits))
    ),
    "recall_capped": lambda hits, positives, candidates: (  # noqa: ARG005
        sum(hits) / min(positives, len(hits))
    ),
    "map_full": lambda hits, positives, candidates: precisions(hits) / positives,  # noqa: ARG005
    "map_hits": lambda hits, positives, candidates: (  # noqa: ARG005
        precisions(hits) / sum(hits) if any(hits) else 0.0
    ),
    "mrr_cut": lambda hits, positives, candidates: (  # noqa: ARG005
        1 / (hits.index(True) + 1) if any(hits) else 0.0
    ),
}


def ranked(hits: np.ndarray, positives: np.ndarray, candidates: np.ndarray) -> Ranked:
    """Return rankings of which nothing is known but the hits in the list."""
    nothing = np.zeros(len(hits), np.int64)
    return Ranked(
        users=nothing,
        positives=positives,
        items=np.full(hits.shape, -1, np.int32),
        hits=hits,
        auc=np.zeros(len(hits)),
        first=nothing,
        inside=nothing,
        candidates=candidates,
        item_counts=np.zeros(1, np.int64),
    )


def ranked_items(items: Any, item_counts: Any) -> Ranked:
    """Return rankings of which nothing is known but the items in the list."""
    items = np.array(items, np.int32)
    users = np.ones(len(items), np.int64)
    nothing = ranked(np.zeros(items.shape, bool), users, users)
    return dataclasses.replace(nothing, items=items, item_counts=np.array(item_counts))


def value(name: str, *lists: np.ndarray) -> Any:
    """Return a metric of hits, positives and candidates."""
    return metrics.RANKING_METRICS[name](ranked(*lists))


@st.composite
def lists(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw hits (Q, k), positives (Q,) that are at least as many, candidates (Q,) likewise."""
    k = draw(st.integers(1, 12))
    rows = draw(st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=1, max_size=6))
    hits = np.array(rows, bool)
    more = draw(st.lists(st.integers(0, 8), min_size=len(rows), max_size=len(rows)))
    positives = np.maximum(hits.sum(axis=1) + np.array(more), 1)
    # A hit stands at a place, so there are as many candidates at least.
    last = k - np.argmax(hits[:, ::-1], axis=1)
    return hits, positives, np.maximum(positives, np.where(hits.any(axis=1), last, 1))


def test_every_list_metric_has_a_reference_here() -> None:
    listed = {name for name, entry in METRICS.items() if entry.kind is MetricKind.list}
    assert {*REFERENCES, "coverage", "popularity"} == listed


@pytest.mark.parametrize("name", REFERENCES)
@settings(deadline=None, max_examples=60)
@given(lists())
def test_a_metric_equals_its_reference_for_every_user(
    name: str, drawn: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    found = value(name, *drawn)
    rows = zip(*(part.tolist() for part in drawn), strict=True)
    expected = [REFERENCES[name](*row) for row in rows]
    hits = drawn[0]
    assert found.shape == (len(hits),)
    assert found == pytest.approx(expected, abs=1e-12)
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()


@pytest.mark.parametrize("name", REFERENCES)
def test_a_perfect_list_is_worth_one(name: str) -> None:
    hits = np.array([[True] * 4, [True, True, False, False]])
    found = value(name, hits, np.array([4, 2]), np.array([9, 9]))
    # precision divides by k, even where fewer positives exist
    by_k = name in ("precision", "precision_listed")
    assert found.tolist() == ([1.0, 0.5] if by_k else [1.0, 1.0])


@pytest.mark.parametrize("name", REFERENCES)
def test_a_list_without_hits_is_worth_nothing(name: str) -> None:
    found = value(name, np.zeros((2, 3), bool), np.array([1, 9]), np.array([9, 9]))
    assert found.tolist() == [0, 0]


@pytest.mark.parametrize("name", REFERENCES)
def test_without_users_there_are_no_values(name: str) -> None:
    nobody = np.zeros(0, np.int64)
    none = value(name, np.zeros((0, 3), bool), nobody, nobody)
    assert none.shape == (0,)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 12))
def test_ndcg_equals_that_of_scikit_learn(seed: int, n_items: int, k: int) -> None:
    random = np.random.default_rng(seed)
    relevant = random.random(n_items) < 0.4
    relevant[random.integers(n_items)] = True
    scores = random.permutation(n_items).astype(float)  # no ties
    k = min(k, n_items)
    hits = relevant[np.argsort(-scores)[:k]][None]
    expected = ndcg_score(relevant[None].astype(float), scores[None], k=k, ignore_ties=True)
    found = value("ndcg", hits, np.array([relevant.sum()]), np.array([n_items]))[0]
    assert found == pytest.approx(expected, abs=1e-12)


def test_values_from_the_definition() -> None:
    """One list by hand: hits at ranks 1 and 3 of 4, of 3 positives."""
    one = ranked(np.array([[True, False, True, False]]), np.array([3]), np.array([3]))
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics.precision(one)[0] == 0.5
    assert metrics.recall(one)[0] == pytest.approx(2 / 3)
    assert metrics.ndcg(one)[0] == pytest.approx(1.5 / ideal)
    assert metrics.average_precision(one)[0] == pytest.approx((1 + 2 / 3) / 3)
    assert metrics.hit_rate(one)[0] == 1.0
    assert metrics.precision_listed(one)[0] == pytest.approx(2 / 3)
    assert value("recall_capped", np.array([[True, False]]), np.array([5]), np.array([9]))[0] == 0.5
    assert metrics.average_precision_hits(one)[0] == pytest.approx((1 + 2 / 3) / 2)


def test_popularity_is_the_mean_count_of_what_is_listed() -> None:
    found = metrics.popularity(ranked_items([[0, 2], [1, -1], [-1, -1]], [4, 7, 1]))
    assert found[:2].tolist() == [2.5, 7.0]
    assert math.isnan(found[2])


class TestCoverage:
    def test_it_is_the_share_of_items_in_any_list(self) -> None:
        lists = ranked_items([[0, 2], [2, -1], [-1, -1]], np.zeros(8, np.int64))
        assert metrics.coverage(lists) == 2 / 8

    def test_no_item_is_not_the_last_one(self) -> None:
        assert metrics.coverage(ranked_items([[-1]], np.zeros(4, np.int64))) == 0.0

    def test_without_lists_nothing_is_covered(self) -> None:
        assert metrics.coverage(ranked_items(np.zeros((0, 3)), np.zeros(4, np.int64))) == 0.0


class TestErrors:
    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(
            st.tuples(st.floats(-100, 100, width=32), st.floats(-100, 100, width=32)),
            min_size=1,
            max_size=30,
        )
    )
    def test_both_equal_a_plain_loop(self, rows: list[tuple[float, float]]) -> None:
        errors = np.array([predicted - rating for predicted, rating in rows])
        by_user = Errors(squares=errors**2, absolutes=np.abs(errors), rows=np.ones(len(rows)))
        squared = sum(error * error for error in errors) / len(errors)
        assert metrics.rmse(by_user).value == pytest.approx(math.sqrt(squared), abs=1e-9)
        absolute = sum(map(abs, errors)) / len(errors)
        assert metrics.mae(by_user).value == pytest.approx(absolute, abs=1e-9)
