"""Blocks of users against the catalogue: the best items, and the same bits for whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.data.interactions import Interactions
from mfcli.data.rows import empty_rows
from mfcli.models.arrays import Vectors
from mfcli.ranking import catalogue as ranking
from mfcli.ranking.catalogue import Block, BlockScorer, best_items
from mfcli.system.processors import available_workers
from tests.helpers import interactions


def vectors(n_users: int, n_items: int, factors: int, seed: int, exact: bool = False) -> Vectors:
    """Draw a model; with ``exact``, of few half values, so that sums are exact and ties common."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Any:
        if exact:
            return (random.integers(-2, 3, shape) / 2).astype(np.float32)
        return random.standard_normal(shape).astype(np.float32)

    return Vectors(
        draw(n_users, factors), draw(n_items, factors), draw(n_users), draw(n_items), 0.5
    )


def naive_scores(of: Vectors) -> np.ndarray:
    """Return all scores but for what is the same for all items of a user, (U, I) float64."""
    return of.users.astype(np.float64) @ of.items.T.astype(np.float64) + of.item_bias


def naive_best(
    scores: np.ndarray, seen: set[int], k: int, allowed: np.ndarray | None = None
) -> list[int]:
    """Sort one user's whole catalogue: best first, ties by item order, −1 where none is left."""
    items = [
        item
        for item in range(len(scores))
        if item not in seen and (allowed is None or allowed[item])
    ]
    items.sort(key=lambda item: (-scores[item], item))
    return (items + [-1] * k)[:k]


def seen_by(matrix: Interactions, user: int) -> set[int]:
    return set(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]].tolist())


def all_scores(scorer: BlockScorer, users: np.ndarray, workers: int) -> np.ndarray:
    """Put the scores of a request in the request's order."""
    out = np.full((len(users), scorer.n_items), np.nan, np.float32)
    for at, scores in scorer.blocks(users, lambda block: (block.at, block.scores), workers):
        out[at] = scores
    return out


class TestBestItems:
    @settings(deadline=None, max_examples=60)
    @given(
        st.integers(0, 10**6),
        st.integers(1, 12),
        st.integers(1, 40),
        st.integers(1, 45),
        st.sampled_from([0.0, 0.3, 0.9, 1.0]),
        st.booleans(),
    )
    def test_rows_equal_a_full_sort(
        self, seed: int, n_users: int, n_items: int, k: int, density: float, masked: bool
    ) -> None:
        model = vectors(n_users, n_items, 2, seed, exact=True)
        matrix = interactions(n_users, n_items, density, seed)
        mask = np.random.default_rng(seed).random(n_items) < 0.6 if masked else None
        (block,) = BlockScorer(model, mask).blocks(np.arange(n_users), lambda block: block, 1)
        items, scores = best_items(block, matrix.rows.cut(block.users), k)
        expected = naive_scores(model)
        for user in range(n_users):
            best = naive_best(expected[user], seen_by(matrix, user), k, mask)
            assert items[user].tolist() == best
            there = [item for item in best if item >= 0]
            assert scores[user, : len(there)].tolist() == expected[user][there].tolist()
            assert (scores[user, len(there) :] == -np.inf).all()

    def test_nothing_seen_lets_everything_through(self) -> None:
        model = vectors(3, 5, 2, 1)
        (block,) = BlockScorer(model).blocks(np.arange(3), lambda block: block, 1)
        items, _ = best_items(block, empty_rows(3), 5)
        assert sorted(items[0].tolist()) == [0, 1, 2, 3, 4]


class TestScorer:
    @pytest.mark.parametrize("factors", [0, 1, 16])
    def test_scores_are_those_of_the_model(self, factors: int) -> None:
        model = vectors(40, 30, factors, 2)
        scorer = BlockScorer(model)
        found = all_scores(scorer, np.arange(40), 1)
        assert found == pytest.approx(naive_scores(model), abs=1e-5)
        assert scorer.constant == pytest.approx(model.user_bias + 0.5)

    @settings(deadline=None, max_examples=15)
    @given(st.data())
    def test_any_users_in_any_order_get_the_same_bits(self, data: st.DataObject) -> None:
        """700 users are three blocks of the grid, of which the last one is short."""
        scorer = BlockScorer(MODEL)
        users = np.array(
            data.draw(st.lists(st.integers(0, 699), max_size=60, unique=data.draw(st.booleans()))),
            np.int64,
        )
        found = all_scores(scorer, users, data.draw(st.sampled_from([1, 2])))
        assert np.array_equal(found, WHOLE[users])

    @pytest.mark.parametrize("workers", [1, 2, 5])
    def test_more_workers_change_no_bit(self, workers: int) -> None:
        assert np.array_equal(all_scores(BlockScorer(MODEL), np.arange(700), workers), WHOLE)

    @pytest.mark.parametrize(
        "users", [[0, 0], [0, 0, 2], [256, 511, 256], [5] * 256, [3, *range(255)]]
    )
    def test_a_user_asked_for_twice_is_scored_twice(self, users: list[int]) -> None:
        found = all_scores(BlockScorer(MODEL), np.array(users), 1)
        assert np.array_equal(found, WHOLE[users])

    def test_results_come_in_the_order_of_the_grid(self) -> None:
        users = np.array([699, 3, 300, 2, 298])
        blocks = list(BlockScorer(MODEL).blocks(users, lambda block: block, 2))
        assert [block.users.tolist() for block in blocks] == [[2, 3], [298, 300], [699]]
        assert [users[block.at].tolist() for block in blocks] == [[2, 3], [298, 300], [699]]

    def test_nobody_asked_for_gives_no_block(self) -> None:
        assert list(BlockScorer(MODEL).blocks(np.zeros(0, np.int64), lambda block: block, 1)) == []

    def test_an_error_in_a_block_comes_through(self) -> None:
        def fail(block: Block) -> None:
            raise ValueError(block.users[0])

        with pytest.raises(ValueError, match="0"):
            list(BlockScorer(MODEL).blocks(np.arange(700), fail, 2))

    def test_few_blocks_are_held_at_once(self) -> None:
        """Whoever stops listening stops the work."""
        made: list[int] = []

        def work(block: Block) -> None:
            made.append(int(block.users[0]))

        scorer = BlockScorer(vectors(256 * 12, 4, 2, 3))
        results = scorer.blocks(np.arange(256 * 12), work, 1)
        next(results)
        assert len(made) <= 3
        results.close()  # type: ignore[attr-defined]
        assert len(made) <= 3

    def test_blocks_shrink_where_the_catalogue_is_large(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert BlockScorer(MODEL).block_rows == 256
        monkeypatch.setattr(ranking, "BLOCK_SCORES", 50 * 20)
        scorer = BlockScorer(MODEL)
        assert scorer.block_rows == 16  # a power of two, 20 rows of 50 items at the most
        assert all_scores(scorer, np.arange(700), 1) == pytest.approx(WHOLE, abs=1e-5)


MODEL = vectors(700, 50, 24, 7)
WHOLE = all_scores(BlockScorer(MODEL), np.arange(700), 1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 8), max_size=12))
def test_rows_are_cut_out_in_any_order(seed: int, users: list[int]) -> None:
    matrix = interactions(9, 6, 0.4, seed)
    indptr, indices = matrix.rows.cut(np.array(users, np.int64))
    assert len(indptr) == len(users) + 1
    assert indptr[-1] == len(indices)
    for at, user in enumerate(users):
        assert set(indices[indptr[at] : indptr[at + 1]].tolist()) == seen_by(matrix, user)


def test_workers_are_the_cores_of_this_process() -> None:
    assert available_workers() >= 1
