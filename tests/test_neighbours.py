"""How well users with the same items tell a row: against loops, and where nothing is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfcli.config import TrainConfig
from mfcli.data.building import from_codes
from mfcli.data.interactions import Catalog, Interactions
from mfcli.training import neighbours
from mfcli.training.defaults import by_data
from mfcli.training.neighbours import Told, told_by_neighbours


def matrix_of(pairs: list[tuple[int, int]], n_users: int, n_items: int) -> Interactions:
    users, items = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    catalog = Catalog(np.arange(n_users), np.arange(n_items))
    return from_codes(users, items, np.ones(len(pairs), np.float32), None, catalog)[0]


def drawn(n_users: int, n_items: int, n_rows: int, seed: int) -> Interactions:
    rng = np.random.default_rng(seed)
    cells = rng.choice(n_users * n_items, n_rows, replace=False)
    return matrix_of([(int(it) // n_items, int(it) % n_items) for it in cells], n_users, n_items)


def naive(matrix: Interactions) -> Told:
    """Ask as many users as there are, in the same order, by loops over sets."""
    rng = np.random.default_rng(0)
    rows = [set(it) for it in np.split(matrix.indices, matrix.indptr[1:-1])]
    asked = rng.permutation([user for user, row in enumerate(rows) if len(row) >= 2])
    sizes = np.array([len(rows[user]) for user in asked])
    places = (rng.random(len(asked)) * sizes).astype(int)
    count = [sum(item in row for row in rows) for item in range(matrix.n_items)]
    gains = []
    for user, place in zip(asked, places, strict=True):
        held = int(matrix.indices[matrix.indptr[user] + place])
        left = rows[user] - {held}
        scores = [0.0] * matrix.n_items
        for other, row in enumerate(rows):
            if other != user:
                alike = sum(1 / count[item] for item in left & row)
                for item in row:
                    scores[item] += alike / math.sqrt(len(row))
        popular = [float(it - (item == held)) for item, it in enumerate(count)]
        gains.append([gain(it, held, left) for it in (scores, popular)])
        if scores[held] == 0:
            gains[-1][0] = 0.0
    means = np.mean(gains, axis=0)
    return Told(*(float(f"{max(it, 0.002):.3g}") for it in means))


def gain(scores: list[float], held: int, left: set[int]) -> float:
    others = [it for item, it in enumerate(scores) if item not in left and item != held]
    above = sum(it > scores[held] * (1 + 1e-5) for it in others)
    equal = sum(math.isclose(it, scores[held], rel_tol=1e-5) for it in others)
    rank = above + equal / 2
    return 1 / math.log2(rank + 2) if rank < 20 else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_as_by_loops(seed: int) -> None:
    matrix = drawn(30, 45, 250, seed)
    assert tuple(told_by_neighbours(matrix)) == pytest.approx(tuple(naive(matrix)), rel=0.02)


def test_users_of_the_same_items_tell_more_than_popularity() -> None:
    groups = matrix_of(
        [(user, user // 5 * 4 + it) for user in range(50) for it in range(4)], 50, 40
    )
    told = told_by_neighbours(groups)
    assert told.neighbours > 0.7 > 0.1 > told.popularity


@pytest.mark.parametrize(
    "pairs", [[], [(0, 0)], [(user, user) for user in range(4)]], ids=["none", "one", "one each"]
)
def test_where_nothing_can_be_left_out_the_least_is_told(pairs: list[tuple[int, int]]) -> None:
    assert told_by_neighbours(matrix_of(pairs, 4, 4)) == Told(0.002, 0.002)


def test_of_many_rows_a_part_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = drawn(200, 50, 3000, 0)
    values = matrix.data.copy()
    monkeypatch.setattr(neighbours, "_ROWS", 1000)
    monkeypatch.setattr(neighbours, "_WORK", 1.0)
    monkeypatch.setattr(neighbours, "_AT_LEAST", 7)
    told = told_by_neighbours(matrix)
    assert 0.002 <= told.neighbours <= 1
    assert told == told_by_neighbours(matrix)
    assert np.array_equal(matrix.data, values)


@pytest.mark.parametrize(
    "way", [{"objective": "ials"}, {"mode": "hogwild"}, {"mode": "implicit"}, {"model": "ease"}]
)
def test_nobody_is_asked_where_the_penalty_is_given(
    way: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Interactions) -> Told:
        raise AssertionError("asked")

    monkeypatch.setattr(neighbours, "_told", refuse)
    given = TrainConfig.merge(("", {**way, "regularization": 0.5})).recipe()
    assert "regularization" not in by_data(given, drawn(9, 9, 30, 0))
    with pytest.raises(AssertionError, match="asked"):
        by_data(TrainConfig.merge(("", way)).recipe(), drawn(9, 9, 30, 1))
