"""Items that a user has not seen, drawn for validation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.models.unseen import Unseen
from tests.helpers import from_triples, interactions


@settings(deadline=None, max_examples=40)
@given(
    n_users=st.integers(1, 6),
    n_items=st.integers(1, 8),
    density=st.floats(0, 1),
    seed=st.integers(0, 9),
)
def test_what_is_drawn_is_unseen_and_everything_unseen_is_drawn(
    n_users: int, n_items: int, density: float, seed: int
) -> None:
    parts = [interactions(n_users, n_items, density, seed + more) for more in (0, 1)]
    seen = [set[int]() for _ in range(n_users)]
    for part in parts:
        for user, item in zip(part.users.tolist(), part.indices.tolist(), strict=True):
            seen[user].add(item)
    unseen = Unseen(parts)
    assert unseen.free.tolist() == [n_items - len(items) for items in seen]
    users = np.flatnonzero(unseen.free)
    drawn = unseen.draw(users, 200, np.random.default_rng(seed))
    assert drawn.shape == (len(users), 200)
    for user, items in zip(users.tolist(), drawn.tolist(), strict=True):
        assert set(items) == set(range(n_items)) - seen[user]


def test_every_unseen_item_is_as_likely() -> None:
    matrix = from_triples([(1, item, 1.0) for item in (0, 3, 4, 9)], 3, 10)
    drawn = Unseen([matrix]).draw(np.array([1]), 60_000, np.random.default_rng(0))
    counts = np.bincount(drawn[0], minlength=10)
    assert counts[[0, 3, 4, 9]].sum() == 0
    # The deviation of a count of 60,000 draws at 1/6 is 91.
    assert counts[[1, 2, 5, 6, 7, 8]] == pytest.approx(10_000, abs=500)
