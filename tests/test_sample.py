"""The built-in sample: exact, repeatable, with a structure that models find."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.data.interactions import Interactions
from mfcli.data.sample import BLOCK_RATINGS, make_sample
from mfcli.data.sample_names import film_names
from mfcli.errors import UsageError


@pytest.fixture(scope="module")
def sample() -> Interactions:
    return make_sample(1_000, 1_500, 100_000, seed=0)


def digest(sample: Interactions) -> str:
    assert sample.timestamps is not None
    assert sample.catalog.item_names is not None
    parts = (sample.indptr, sample.indices, sample.data, sample.timestamps)
    whole = b"".join(part.tobytes() for part in (*parts, sample.catalog.item_names))
    return hashlib.sha256(whole).hexdigest()


def test_the_default_has_the_size_it_says(sample: Interactions) -> None:
    assert (sample.n_users, sample.n_items, sample.n_ratings) == (1_000, 1_500, 100_000)
    assert sample.user_counts.min() >= 20
    assert sample.item_counts.min() >= 1


def test_a_seed_gives_the_same_bytes_and_another_seed_others(sample: Interactions) -> None:
    assert digest(make_sample(1_000, 1_500, 100_000, seed=0)) == digest(sample)
    assert digest(make_sample(1_000, 1_500, 100_000, seed=1)) != digest(sample)


def test_ratings_are_half_stars_of_all_kinds(sample: Interactions) -> None:
    values, counts = np.unique(sample.data, return_counts=True)
    assert values.tolist() == [number / 2 for number in range(1, 11)]
    assert counts.max() < 0.3 * sample.n_ratings


def test_popularity_has_a_long_tail(sample: Interactions) -> None:
    ranked = np.sort(sample.item_counts)[::-1]
    assert ranked[:150].sum() > 0.25 * sample.n_ratings  # a tenth of the items
    assert np.median(ranked) < 0.7 * ranked.mean()


def test_times_lie_within_the_years_of_the_sample(sample: Interactions) -> None:
    assert sample.timestamps is not None
    assert 1_420_070_400 <= sample.timestamps.min() < sample.timestamps.max() < 1_735_689_600


def test_factors_explain_what_biases_do_not() -> None:
    """The planted tastes: the residual of the biases has a few large singular values."""
    sample = make_sample(300, 400, 20_000, seed=0)
    residual = np.zeros((sample.n_users, sample.n_items))
    users, items = sample.users, sample.indices
    value = sample.data - sample.data.mean()
    for _ in range(3):
        user = np.bincount(users, value, sample.n_users) / sample.user_counts
        value = value - user[users]
        item = np.bincount(items, value, sample.n_items) / sample.item_counts
        value = value - item[items]
    residual[users, items] = value
    strength = np.linalg.svd(residual, compute_uv=False)
    noise = residual.copy()
    noise[users, items] = np.random.default_rng(0).permutation(value)
    assert strength[4] > 1.1 * np.linalg.svd(noise, compute_uv=False)[0]


def test_tastes_choose_the_items_too() -> None:
    """Who has what has a structure beyond popularity."""
    sample = make_sample(300, 400, 20_000, seed=0)
    dense = np.zeros((sample.n_users, sample.n_items))
    dense[sample.users, sample.indices] = 1
    expected = np.outer(dense.sum(1), dense.sum(0)) / dense.sum()
    surprise = (dense - expected) / np.sqrt(expected)
    shuffled = np.random.default_rng(0).permuted(surprise, axis=1)
    top = np.linalg.norm(surprise, 2)
    assert top > 1.5 * np.linalg.norm(shuffled, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_any_size_has_exactly_so_many_distinct_pairs(
    n_users: int, n_items: int, part: float, seed: int
) -> None:
    n_ratings = max(1, int(part * (n_users * n_items // 2)))
    if n_users * n_items < 2:
        return
    sample = make_sample(n_users, n_items, n_ratings, seed)  # Interactions refuses doubles
    assert sample.n_ratings == n_ratings
    if n_ratings >= n_users:
        assert sample.user_counts.min() >= 1
    assert (sample.item_counts > 0).sum() >= min(n_items, n_ratings) * (n_ratings >= n_items)


def test_more_than_half_of_all_pairs_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="more than half"):
        make_sample(10, 10, 51, seed=0)


def test_work_by_blocks_keeps_every_promise() -> None:
    """Several blocks of users; progress ends at the whole."""
    told: list[int] = []
    sample = make_sample(30_000, 2_000, 2 * BLOCK_RATINGS + 7, seed=3, progress=told.append)
    assert sample.n_ratings == told[-1] == 2 * BLOCK_RATINGS + 7
    assert len(told) >= 3
    assert sample.item_counts.min() >= 1


def test_names_are_distinct_and_end_with_a_year() -> None:
    names = film_names(40_000, np.random.Generator(np.random.PCG64(0)))
    assert len(np.unique(names)) == 40_000
    years = np.array([int(name[-5:-1]) for name in names.tolist()])
    assert years.min() >= 1931
    assert years.max() <= 2014
