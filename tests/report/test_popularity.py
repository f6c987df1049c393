"""How popular what is recommended is, on a matrix small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mfcli.data.rows import CsrRows
from mfcli.report.data import Popularity
from mfcli.report.popularity import measure_popularity

COUNTS = np.array([1, 4, 0, 2, 1])
# Users 0 to 3; everybody has item 1, two have item 3.
SEEN = CsrRows(np.array([0, 1, 3, 5, 8]), np.array([1, 1, 3, 0, 1, 1, 3, 4]))


def of(users: list[int], items: list[int]) -> Popularity | None:
    return measure_popularity(COUNTS, SEEN, np.array(users), np.array(items))


def test_shares_and_counts():
    found = of([0, 0, 1], [3, 0, 4])
    assert found is not None
    assert (found.rows, found.users, found.distinct_items, found.known_items) == (3, 2, 3, 4)
    assert found.mean_recommended == pytest.approx((2 + 1 + 1) / 3)
    assert found.mean_train == pytest.approx((1 + 16 + 4 + 1) / 8)
    assert sum(share for share, _ in found.deciles) == pytest.approx(1)
    assert sum(share for _, share in found.deciles) == pytest.approx(1)
    assert found.deciles[0] == (0.5, 0.0)  # item 1
    # The tail: items after the first 80 % of 8 rows: item 4 alone (7 rows stand before it).
    assert (found.tail_train, found.tail_recommended) == pytest.approx((1 / 8, 1 / 3))


def test_overlap_is_with_what_popularity_would_give_the_same_user():
    # User 0 has item 1: popularity gives 3, then 0. User 1 has 1 and 3: popularity gives 0.
    for items, expected in (([3, 0, 0], 1.0), ([3, 4, 4], (0.5 + 0) / 2)):
        found = of([0, 0, 1], items)
        assert found is not None
        assert found.overlap == pytest.approx(expected)


def test_unknown_rows_are_counted_and_left_out():
    found = of([0, -1, 1], [3, 0, -1])
    assert found is not None
    assert (found.unknown_rows, found.rows, found.users) == (2, 3, 1)
    assert of([-1], [0]) is None
    assert of([], []) is None
