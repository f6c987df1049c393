"""Epochs over tiles: every rating once, the same bits again, and what a naive loop would learn."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli import kernels
from mfcli.config import Objective, Order
from mfcli.config.choices import CHOOSY, COSINE
from mfcli.kernels import Weights
from mfcli.training.engines.grid import Rounds, items_by_strip
from mfcli.training.engines.layout import Settings
from mfcli.training.engines.passes import PASSES, Passes, PassProgress
from tests.helpers import SLOPES

PAIRED = (Objective.bpr, Objective.bpr_squared, Objective.logistic, Objective.warp)
SAMPLED = (*PAIRED, *sorted(COSINE))  # of the others test_shared has the formulas


def ratings(
    n_users: int = 300, n_items: int = 200, number: int = 6000, seed: int = 0
) -> sp.csr_matrix:
    """Rank-one tastes, 0 to 5; zeros stay explicit."""
    rng = np.random.default_rng(seed)
    cells = rng.choice(n_users * n_items, number, replace=False)
    users, items = cells // n_items, cells % n_items
    tastes, appeal = rng.normal(size=n_users), rng.normal(size=n_items)
    values = np.clip(np.round(2.5 + tastes[users] * appeal[items]), 0, 5).astype(np.float32)
    matrix = sp.csr_matrix((values + 1, (users, items)), shape=(n_users, n_items))
    matrix.sort_indices()
    matrix.data -= 1
    return matrix


def fresh(shape: tuple[int, int], factors: int = 8, biases: bool = True, seed: int = 0) -> Weights:
    rng = np.random.default_rng(seed)
    users, items = (rng.normal(0, 0.1, (n, factors)).astype(np.float32) for n in shape)
    lengths = shape if biases else (0, 0)
    return Weights(users, items, *(np.zeros(n, np.float32) for n in lengths))


def passes(matrix: sp.csr_matrix, **options: Any) -> Passes:
    chosen = Settings(**options)
    data = matrix.data if chosen.objective is Objective.mse else None
    return Passes(matrix.indptr, matrix.indices, data, matrix.shape[1], chosen)


def train(
    matrix: sp.csr_matrix,
    weights: Weights,
    epochs: range = range(3),
    rate: float = 0.05,
    decay: float = 0.01,
    **options: Any,
) -> list[PassProgress]:
    run = passes(matrix, **options)
    mean = float(matrix.data.mean()) if run.settings.objective is Objective.mse else 0.0
    return [list(run.epoch(at, weights, rate, decay, decay, mean))[-1] for at in epochs]


def same(one: Weights, other: Weights) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class TestVisits:
    @settings(max_examples=30, deadline=None)
    @given(
        n_users=st.integers(1, 90),
        n_items=st.integers(1, 70),
        density=st.sampled_from([0.0, 0.05, 1.0]),
        order=st.sampled_from(tuple(Order)),
        seed=st.integers(0, 2**63 - 1),
    )
    def test_tiles_hold_every_rating_once(
        self, n_users: int, n_items: int, density: float, order: Order, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        dense = rng.random((n_users, n_items)) < density
        users, items = np.nonzero(dense)
        values = np.arange(len(users), dtype=np.float32)
        indptr = np.concatenate([[0], np.cumsum(dense.sum(axis=1))]).astype(np.int32)
        run = Passes(
            indptr, items.astype(np.int32), values, n_items, Settings(order=order, seed=seed)
        )
        tiles = run.tiles
        back = np.argsort(tiles.values)
        np.testing.assert_array_equal(tiles.users[back], users)
        np.testing.assert_array_equal(tiles.items[back], items)
        assert tiles.bounds[-1] == len(users)

    @pytest.mark.parametrize("workers", [1, 2, 3, 7])
    @pytest.mark.parametrize("order", tuple(Order))
    def test_an_epoch_visits_every_rating_once(self, workers: int, order: Order) -> None:
        """With no regularization and tiny steps a user's bias moves once per rating of that user.

        Biases start at zero and errors are one, so each visit adds the learning rate.
        """
        matrix = ratings()
        matrix.data[:] = 1
        weights = fresh(matrix.shape, factors=1)
        weights.user_factors[:], weights.item_factors[:] = 0, 0
        for number in range(3):
            before = weights.user_bias.copy()
            run = passes(matrix, workers=workers, order=order)
            list(run.epoch(number, weights, 1e-6, 0, 0))
            visits = (weights.user_bias - before) / 1e-6
            np.testing.assert_allclose(visits, np.diff(matrix.indptr), rtol=1e-2)

    @pytest.mark.parametrize("objective", SAMPLED)
    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("order", tuple(Order))
    def test_sampled_objectives_visit_every_positive_once(
        self, objective: Objective, workers: int, order: Order
    ) -> None:
        matrix = ratings()
        options: dict[str, Any] = {"objective": objective, "workers": workers, "order": order}
        if objective in COSINE:  # of few shared ones a user may have seen all
            options["negatives"] = 50
        last = train(matrix, fresh(matrix.shape), **options)[-1]
        assert (last.done, last.total, last.skipped) == (matrix.nnz, matrix.nnz, 0)

    def test_the_order_changes_from_epoch_to_epoch(self) -> None:
        matrix = ratings()
        run = passes(matrix)
        results = []
        for number in range(4):
            weights = fresh(matrix.shape)
            list(run.epoch(number, weights, 0.05, 0, 0))
            results.append(weights.user_factors.tobytes())
        assert len(set(results)) == 4


class TestLearning:
    @pytest.mark.parametrize("biases", [True, False])
    @pytest.mark.parametrize("order", tuple(Order))
    def test_one_sided_step_is_the_formula(self, biases: bool, order: Order) -> None:
        """One rating: the step is the gradient of ½ (r − x)² + λ/2 ‖touched‖², nothing else."""
        matrix = sp.csr_matrix(np.array([[0, 0, 0], [0, 4.0, 0]], np.float32))
        weights = fresh(matrix.shape, biases=biases)
        old = [array.astype(np.float64) for array in weights]
        run = passes(matrix, order=order)
        (last,) = list(run.epoch(0, weights, 0.1, 0.2, 0.3, 2.5))[-1:]
        error = 4 - 2.5 - old[0][1] @ old[1][1]
        assert last.loss == pytest.approx(error**2, rel=1e-5)
        expected = old[0][1] + 0.1 * (error * old[1][1] - 0.2 * old[0][1])
        np.testing.assert_allclose(weights.user_factors[1], expected, rtol=1e-5)
        expected = old[1][1] + 0.1 * (error * old[0][1] - 0.2 * old[1][1])
        np.testing.assert_allclose(weights.item_factors[1], expected, rtol=1e-5)
        if biases:
            assert weights.user_bias == pytest.approx([0, 0.1 * error])
            assert weights.item_bias == pytest.approx([0, 0.1 * error, 0])
        np.testing.assert_array_equal(weights.user_factors[0], old[0][0].astype(np.float32))

    @pytest.mark.parametrize("objective", PAIRED)
    @pytest.mark.parametrize("weight", [None, 3.0])
    def test_one_pair_is_the_formula(self, objective: Objective, weight: float | None) -> None:
        """One positive, one possible negative; weights multiply the positive's loss."""
        data = None if weight is None else np.array([weight], np.float32)
        chosen = Settings(objective, negatives=2 if objective is Objective.warp else 1)
        run = Passes(np.array([0, 1], np.int32), np.array([1], np.int32), data, 2, chosen)
        weights = fresh((1, 2))
        user, items = weights.user_factors[0].copy(), weights.item_factors.copy()
        (last,) = list(run.epoch(0, weights, 0.1, 0, 0))[-1:]
        w = weight or 1.0
        margin = np.float32(user @ (items[1] - items[0]))
        if objective is Objective.logistic:
            first, slope = SLOPES.logistic(user @ items[0], 0)
            assert last.loss * 2 > first
            assert weights.item_bias[0] == pytest.approx(-0.1 * slope, rel=1e-4)
            return
        formula = {Objective.bpr: SLOPES.bpr, Objective.bpr_squared: SLOPES.bpr_squared}.get(
            objective
        )
        loss, slope = formula(margin) if formula else SLOPES.warp(margin, 1, 1, 1)
        assert last.loss == pytest.approx(w * loss, rel=1e-5)
        moved = user - 0.1 * w * slope * (items[1] - items[0])
        np.testing.assert_allclose(weights.user_factors[0], moved, rtol=1e-4)
        assert weights.item_bias == pytest.approx([0.1 * w * slope, -0.1 * w * slope], rel=1e-4)
        assert weights.user_bias == pytest.approx([0])

    @pytest.mark.parametrize("workers", [1, 2])
    @pytest.mark.parametrize("order", tuple(Order))
    def test_mse_learns(self, workers: int, order: Order) -> None:
        matrix = ratings()
        history = train(matrix, fresh(matrix.shape), range(30), workers=workers, order=order)
        assert history[-1].loss < 0.4 * float(np.var(matrix.data))

    @pytest.mark.parametrize("objective", SAMPLED)
    def test_ranking_is_learnt(self, objective: Objective) -> None:
        """Two tribes with a half of the catalogue each: held-out items of the own half win."""
        rng = np.random.default_rng(0)
        own = (np.arange(60)[:, None] < 30) == (np.arange(40)[None, :] < 20)
        held = own & (rng.random((60, 40)) < 0.2)
        matrix = sp.csr_matrix((own & ~held).astype(np.float32))
        weights = fresh(matrix.shape)
        draws = 10 if objective is Objective.warp else 1
        train(matrix, weights, range(60), 0.05, objective=objective, negatives=draws)
        scores = weights.user_factors @ weights.item_factors.T + weights.item_bias
        test = sp.csr_matrix(held)
        _, auc, _ = kernels.rank_block(
            scores, matrix.indptr, matrix.indices, test.indptr, test.indices
        )
        assert np.nanmean(auc) > 0.93  # 0.945 to 0.967 over seeds; chance is 0.5

    @pytest.mark.parametrize(
        ("objective", "negatives", "power"),
        [
            (Objective.bpr, 1, 0.0),
            (Objective.bpr, 3, 0.0),
            (Objective.logistic, 1, 0.0),
            (Objective.logistic, 3, 0.75),
        ],
    )
    def test_negatives_follow_the_proposal_though_each_turn_draws_from_its_strips(
        self, objective: Objective, negatives: int, power: float
    ) -> None:
        """Factors at zero and tiny steps: an item's bias falls by half a step for each draw."""
        matrix = ratings(200, 2100, 4000)
        weights = fresh(matrix.shape, factors=64)
        weights.user_factors[:], weights.item_factors[:] = 0, 0
        options: dict[str, Any] = {"negatives": negatives, "popularity_power": power}
        run = passes(matrix, objective=objective, **options)
        run.prepare(weights)
        draws = np.zeros(matrix.shape[1])
        for number in range(60):
            before = weights.item_bias.copy()
            list(run.epoch(number, weights, 1e-5, 0, 0))
            draws -= (weights.item_bias - before) / 5e-6
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
        rises = negatives if objective is Objective.bpr else 1  # of a positive
        draws += 60 * rises * counts
        odds = np.where(matrix.toarray() > 0, 0, np.maximum(counts, 1) ** power)
        odds /= odds.sum(axis=1, keepdims=True)
        expected = 60 * negatives * np.diff(matrix.indptr) @ odds
        assert draws.sum() == pytest.approx(60 * negatives * matrix.nnz, rel=1e-2)
        spread = ((draws - expected) ** 2 / expected).mean()  # 1 for independent draws
        assert 0.5 < spread < 1.5

    @pytest.mark.parametrize("objective", sorted(CHOOSY))
    def test_the_hardest_of_many_draws_is_the_unseen_item_of_highest_score(
        self, objective: Objective
    ) -> None:
        """Tiny steps: of the negatives only the hardest moves, whichever the user has seen."""
        rng = np.random.default_rng(0)
        seen = rng.random((5, 12)) < 0.3
        seen[:, 0] = True
        for user in range(5):
            matrix = sp.csr_matrix(np.where(np.arange(5)[:, None] == user, seen, False), dtype="f4")
            weights = fresh(matrix.shape)
            weights.item_bias[:] = rng.normal(0, 0.1, 12).astype(np.float32)
            scores = weights.item_factors @ weights.user_factors[user] + weights.item_bias
            before = weights.item_bias.copy()
            run = passes(matrix, objective=objective, negatives=3, hardest_of=200)
            list(run.epoch(0, weights, 1e-5, 0, 0))
            fallen = np.flatnonzero(weights.item_bias < before)
            unseen = np.flatnonzero(~seen[user])
            assert fallen.tolist() == [unseen[scores[unseen].argmax()]]

    @pytest.mark.parametrize("violations", [1, 40, 700])
    def test_warp_estimates_a_rank_by_the_share_of_violations_among_the_draws(
        self, violations: int
    ) -> None:
        """Of 1,000 unseen items so many are within 1 of the positive, one of them well ahead."""
        matrix = sp.csr_matrix(np.arange(1001)[None, :] == 0, dtype="f4")
        weights = fresh(matrix.shape)
        weights.item_factors[:] = 0
        weights.item_bias[:] = -5
        weights.item_bias[0] = 0
        weights.item_bias[1 : violations + 1] = -0.5
        weights.item_bias[1] = 2
        run = passes(matrix, objective=Objective.warp, negatives=20_000, hardest_of=20_000)
        (last,) = run.epoch(0, weights, 1e-6, 0, 0)
        assert last.loss / 3 == pytest.approx(np.log1p(violations), rel=0.1)

    def test_a_popular_proposal_pushes_popular_items_down(self) -> None:
        matrix = ratings()
        uniform, popular = fresh(matrix.shape), fresh(matrix.shape)
        train(matrix, uniform, objective=Objective.bpr)
        train(matrix, popular, objective=Objective.bpr, popularity_power=1.0)
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
        assert np.corrcoef(counts, uniform.item_bias)[0, 1] > 0.5
        assert np.corrcoef(counts, popular.item_bias)[0, 1] < 0.5

    @pytest.mark.parametrize("objective", [Objective.mse, *PAIRED])
    def test_divergence_shows_in_the_loss(self, objective: Objective) -> None:
        """Neither a crash nor a finite sum: NaN and infinity come through the kernels."""
        matrix = ratings()
        weights = fresh(matrix.shape)
        last = train(matrix, weights, range(5), rate=1e20, objective=objective)[-1]
        assert not np.isfinite(last.loss)


class TestGrid:
    @settings(max_examples=30, deadline=None)
    @given(strips=st.integers(1, 9), paired=st.booleans(), seed=st.integers(0, 99))
    def test_turns_of_a_round_hold_different_strips_and_an_epoch_meets_all_pairs(
        self, strips: int, paired: bool, seed: int
    ) -> None:
        columns = 2 * strips if paired and strips > 1 else strips
        rounds = Rounds(np.ones((strips, columns), np.int64), 3)
        grid = rounds.begin(np.random.default_rng(seed))
        first, second = (held.reshape(strips, strips) for held in (grid.first, grid.second))
        for turn in range(strips):
            held = {*first[:, turn], *second[:, turn]}
            assert len(held) == columns
            for row in range(strips):
                for item in (first[row, turn], second[row, turn]):
                    assert grid.holders[turn * columns + item] == row
        for row in range(strips):
            assert {*first[row], *second[row]} == set(range(columns))
        # Whoever works: each turn is seen to.
        assert {*np.concatenate(rounds.orders)} == set(range(strips**2))

    @settings(max_examples=50, deadline=None)
    @given(counts=st.lists(st.integers(0, 1000), max_size=3000), strips=st.integers(1, 20))
    def test_strips_of_items_are_of_one_size(self, counts: list[int], strips: int) -> None:
        dealt, bounds = items_by_strip(np.array(counts, np.int64), strips, np.random.default_rng(0))
        assert sorted(dealt) == list(range(len(counts)))
        assert np.ptp(np.diff(bounds)) <= 1
        assert (bounds[0], bounds[-1]) == (0, len(counts))


class TestRepeatability:
    @pytest.mark.parametrize("objective", [Objective.mse, *SAMPLED])
    @pytest.mark.parametrize("n_users", [1, 5, 300, 2000])
    @pytest.mark.parametrize("power", [0.0, 0.75])
    def test_the_grid_gives_the_same_bits_at_any_number_of_workers(
        self, objective: Objective, n_users: int, power: float
    ) -> None:
        matrix = ratings(n_users, 1000, min(n_users * 100, 20_000))
        reference = fresh(matrix.shape)
        options: dict[str, Any] = {"objective": objective, "negatives": 3, "hardest_of": 2}
        options["popularity_power"] = power
        history = train(matrix, reference, **options)
        for workers in (2, 3, 8, 40):
            weights = fresh(matrix.shape)
            assert train(matrix, weights, workers=workers, **options) == history
            assert same(weights, reference)

    @pytest.mark.parametrize("objective", [Objective.mse, *SAMPLED])
    @pytest.mark.parametrize("order", tuple(Order))
    def test_one_worker_repeats_and_resumes_bit_for_bit(
        self, objective: Objective, order: Order
    ) -> None:
        matrix = ratings()
        options: dict[str, Any] = {"objective": objective, "order": order, "seed": 5}
        whole, again, parts = (fresh(matrix.shape) for _ in range(3))
        history = train(matrix, whole, range(4), **options)
        assert history == train(matrix, again, range(4), **options)
        resumed = train(matrix, parts, range(2), **options)
        resumed += train(matrix, parts, range(2, 4), **options)  # as a new process would
        assert history == resumed
        assert same(whole, again)
        assert same(whole, parts)
        other = fresh(matrix.shape)
        train(matrix, other, range(4), **{**options, "seed": 6})
        assert not same(whole, other)

    def test_it_says_what_repeats(self) -> None:
        matrix = ratings()
        assert passes(matrix, workers=2).repeatable
        assert passes(matrix, workers=1, objective=Objective.bpr).repeatable
        assert passes(matrix, workers=2, objective=Objective.bpr).repeatable
        assert passes(matrix, workers=2, by_user=True).repeatable
        for objective in (Objective.mse, Objective.bpr):
            free = {"objective": objective, "order": Order.free}
            assert passes(matrix, workers=1, **free).repeatable
            assert not passes(matrix, workers=2, **free).repeatable

    @pytest.mark.slow
    def test_wide_and_narrow_indices_agree(self) -> None:
        matrix = ratings()
        narrow, wide = fresh(matrix.shape), fresh(matrix.shape)
        train(matrix, narrow, objective=Objective.bpr)
        matrix.indptr, matrix.indices = matrix.indptr.astype(np.int64), matrix.indices.astype("i8")
        train(matrix, wide, objective=Objective.bpr)
        assert same(narrow, wide)


class TestEdges:
    @pytest.mark.parametrize("objective", [Objective.mse, *SAMPLED])
    @pytest.mark.parametrize("shape", [(3, 4), (0, 4), (3, 0), (0, 0)])
    def test_no_ratings(self, objective: Objective, shape: tuple[int, int]) -> None:
        indptr = np.zeros(shape[0] + 1, np.int32)
        data = np.zeros(0, np.float32)
        run = Passes(indptr, np.zeros(0, np.int32), data, shape[1], Settings(objective, workers=2))
        assert list(run.epoch(0, fresh(shape), 0.1, 0.1, 0.1))[-1] == PassProgress(0, 0, 0.0, 0)

    @pytest.mark.parametrize("objective", SAMPLED)
    def test_who_has_seen_everything_is_skipped_and_counted(self, objective: Objective) -> None:
        matrix = sp.csr_matrix(np.array([[1, 1, 1], [0, 1, 0]], np.float32))
        weights = fresh(matrix.shape)
        before = weights.user_factors[0].copy()
        draws = 4
        last = train(matrix, weights, range(1), objective=objective, negatives=draws)[-1]
        once = {Objective.warp, *COSINE}
        assert last.skipped == 3 * (1 if objective in once else draws)
        assert np.isfinite(last.loss)
        if objective in COSINE:
            before /= np.linalg.norm(before)
        if objective is not Objective.logistic:
            np.testing.assert_allclose(weights.user_factors[0], before, rtol=1e-6)

    @pytest.mark.parametrize("objective", SAMPLED)
    def test_one_item(self, objective: Objective) -> None:
        matrix = sp.csr_matrix(np.ones((3, 1), np.float32))
        assert train(matrix, fresh(matrix.shape), objective=objective)[-1].skipped == 3

    def test_an_explicit_zero_is_a_rating(self) -> None:
        matrix = ratings()
        assert (matrix.data == 0).any()
        matrix.data[:] = 0
        weights = fresh(matrix.shape)
        weights.item_bias[:] = 1
        train(matrix, weights, range(1))
        assert (weights.item_bias[np.unique(matrix.indices)] < 1).all()

    def test_what_cannot_work_is_refused(self) -> None:
        matrix = ratings()
        for wrong in (
            {"objective": Objective.ials},
            {"workers": 0},
            {"negatives": 0},
            {"hardest_of": 0},
        ):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                passes(matrix, **wrong)
        with pytest.raises(ValueError, match="ratings"):
            Passes(matrix.indptr, matrix.indices, None, matrix.shape[1], Settings())
        good = fresh(matrix.shape)
        wide = fresh(matrix.shape, factors=9)
        for weights in (
            good._replace(user_factors=good.user_factors.astype(np.float64)),
            good._replace(user_factors=good.user_factors[:-1]),
            good._replace(item_factors=np.asfortranarray(good.item_factors)),
            good._replace(item_factors=wide.item_factors),
            good._replace(user_bias=good.user_bias[:0]),
        ):
            with pytest.raises(ValueError, match=r"weights|width|biases"):
                next(passes(matrix).epoch(0, weights, 0.1, 0, 0))


class TestProgress:
    @pytest.mark.parametrize(
        ("objective", "workers"), [(Objective.mse, 1), (Objective.mse, 2), (Objective.bpr, 2)]
    )
    def test_reports_grow_and_closing_ends_the_threads(
        self, monkeypatch: pytest.MonkeyPatch, objective: Objective, workers: int
    ) -> None:
        """A report is due at every interval, whatever the slices; close() leaves no thread."""
        monkeypatch.setattr("mfcli.training.engines.passes.INTERVAL", 1e-3)
        monkeypatch.setattr("mfcli.training.engines.passes.SLICE", 500)
        matrix = ratings(2000, 1500, 100_000)
        weights = fresh(matrix.shape, factors=64)
        before = set(threading.enumerate())
        run = passes(matrix, objective=objective, workers=workers)
        run.prepare(weights)
        reports = list(run.epoch(0, weights, 0.01, 0, 0))
        assert [r.done for r in reports] == sorted(r.done for r in reports)
        assert (reports[-1].done, reports[-1].total) == (100_000, 100_000)
        running = run.epoch(1, weights, 0.01, 0, 0)
        next(running)
        running.close()
        assert set(threading.enumerate()) <= before

    def test_slices_do_not_change_the_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        matrix = ratings()
        whole, sliced = fresh(matrix.shape), fresh(matrix.shape)
        history = train(matrix, whole), train(matrix, whole, objective=Objective.bpr)
        monkeypatch.setattr("mfcli.training.engines.passes.SLICE", 10)
        assert history == (train(matrix, sliced), train(matrix, sliced, objective=Objective.bpr))
        assert same(whole, sliced)

    @pytest.mark.parametrize("objective", [Objective.mse, Objective.bpr])
    def test_a_thread_that_fails_fails_the_epoch(
        self, monkeypatch: pytest.MonkeyPatch, objective: Objective
    ) -> None:
        """And the others do not wait for it."""

        def refuse(*_: object) -> int:
            if threading.current_thread().name.endswith("_0"):
                raise MemoryError("no more")
            time.sleep(0.01)
            return 0

        matrix = ratings()
        monkeypatch.setitem(PASSES, objective, PASSES[objective]._replace(kernel=refuse))
        run = passes(matrix, objective=objective, workers=3)
        with pytest.raises(MemoryError, match="no more"):
            list(run.epoch(0, fresh(matrix.shape), 0.1, 0, 0))


class TestMovieLens:
    def test_mse_reaches_its_error_on_a_fold(self) -> None:
        """u1 of ml-100k with the settings chosen on validation splits of several data sets."""
        folder = os.environ.get("MFCLI_DATASETS")
        if not folder or not (Path(folder) / "ml-100k" / "u1.base").exists():
            pytest.skip("set MFCLI_DATASETS to a folder that holds ml-100k")
        table = [np.loadtxt(Path(folder) / "ml-100k" / f"u1.{part}") for part in ("base", "test")]
        (users, items, values, _), test = table[0].T, table[1]
        matrix = sp.csr_matrix(
            (values.astype(np.float32), (users.astype(int) - 1, items.astype(int) - 1)),
            shape=(943, 1682),
        )
        rng = np.random.default_rng(0)
        weights = Weights(
            *(rng.normal(0, 0.03, (n, 100)).astype(np.float32) for n in matrix.shape),
            *(np.zeros(n, np.float32) for n in matrix.shape),
        )
        run, mean = passes(matrix, workers=2), float(matrix.data.mean())
        for number in range(40):
            list(run.epoch(number, weights, 0.03 * (1 - number / 40), 0.1, 0.05, mean))
        u, i = test[:, 0].astype(int) - 1, test[:, 1].astype(int) - 1
        scores = mean + weights.user_bias[u] + weights.item_bias[i]
        scores += (weights.user_factors[u] * weights.item_factors[i]).sum(axis=1)
        rmse = float(np.sqrt(np.mean((np.clip(scores, 1, 5) - test[:, 2]) ** 2)))
        assert rmse < 0.93


@pytest.mark.parametrize("objective", SAMPLED)
@pytest.mark.parametrize("biases", [True, False])
def test_with_items_fixed_only_users_learn_and_the_loss_falls(objective, biases):
    matrix = ratings(60, 40, 700, seed=4)
    weights = fresh(matrix.shape, biases=biases, seed=5)
    weights.item_factors[:] *= 10  # something to learn from
    before = Weights(*(weight.copy() for weight in weights))
    reports = train(matrix, weights, range(10), objective=objective, negatives=3, items_fixed=True)
    assert np.array_equal(weights.item_factors, before.item_factors)
    assert np.array_equal(weights.item_bias, before.item_bias)
    seen = np.diff(matrix.indptr) > 0
    assert (weights.user_factors != before.user_factors)[seen].any(axis=1).all()
    assert np.array_equal(weights.user_factors[~seen], before.user_factors[~seen])
    ends = [report.loss for report in reports if report.done == report.total]
    assert min(ends[1:]) < ends[0]


def test_squares_on_fixed_items_are_for_the_solver():
    with pytest.raises(ValueError, match="solve it"):
        Settings(Objective.mse, items_fixed=True)


class TestSVDPP:
    """The pass of SVD++: users as tiles, against autograd on the whole objective."""

    RATES = (1e-4, 0.3, 0.2)  # rate, regularization, of the biases

    def made(self, matrix: sp.csr_matrix, **options: Any) -> tuple[Passes, Weights]:
        users, items, user_bias, item_bias = fresh(matrix.shape, seed=7)[:4]
        rng = np.random.default_rng(8)
        tables = [rng.normal(0, 0.3, entry.shape).astype(np.float32) for entry in (users, items)]
        weights = Weights(users * 5, items * 5, user_bias, item_bias, *tables)
        run = passes(matrix, objective=Objective.mse, by_user=True, **options)
        run.settle(weights)
        return run, weights

    def moved(self, run: Passes, weights: Weights, number: int = 1) -> float:
        *_, last = run.epoch(number, weights, *self.RATES, mean=2.5)
        return last.loss

    def test_a_small_step_is_the_gradient_by_autograd(self):
        matrix = ratings(50, 40, 600, seed=9)
        run, weights = self.made(matrix)
        p, q, b, c, _, y = (torch.tensor(weight, dtype=torch.float64) for weight in weights)
        learnt = [element.requires_grad_() for element in (p, q, b, c, y)]
        cells = matrix.tocoo()
        u, i = (torch.from_numpy(element.astype(np.int64)) for element in (cells.row, cells.col))
        counts = torch.from_numpy(np.diff(matrix.indptr).astype(np.float64))
        seen = torch.zeros(matrix.shape, dtype=torch.float64)
        seen[u, i] = 1
        own = seen / counts.clamp(min=1).sqrt()[:, None] @ y
        torch.testing.assert_close(own.detach().float(), torch.from_numpy(weights.user_implicit))
        errors = 2.5 + b[u] + c[i] + ((p + own)[u] * q[i]).sum(1) - torch.from_numpy(cells.data)
        _, penalty, bias_penalty = self.RATES
        loss = errors.square().sum() / 2
        loss = loss + penalty / 2 * (p[u].square().sum() + q[i].square().sum())
        loss = loss + bias_penalty / 2 * (b[u].square().sum() + c[i].square().sum())
        loss = loss + penalty / 2 * (counts.sqrt() @ seen @ y.square().sum(1))
        loss.backward()  # type: ignore[no-untyped-call]
        before = Weights(*(weight.copy() for weight in weights))
        assert self.moved(run, weights) == pytest.approx(errors.square().mean().item(), rel=0.01)
        names = ("user_factors", "item_factors", "user_bias", "item_bias", "item_implicit")
        for name, entry in zip(names, learnt, strict=True):
            assert entry.grad is not None
            step = (getattr(before, name) - getattr(weights, name)) / self.RATES[0]
            scale = entry.grad.abs().max().item()
            np.testing.assert_allclose(step, entry.grad.numpy(), atol=0.03 * scale)

    def test_one_worker_repeats_and_several_reach_the_same_loss(self):
        matrix = ratings()
        losses = []
        for workers, order in ((1, Order.grid), (2, Order.grid), (3, Order.free)):
            run, weights = self.made(matrix, workers=workers, order=order)
            assert run.repeatable == (order is Order.grid)
            for number in range(20):
                *_, last = run.epoch(number, weights, 0.02, 0.02, 0.02, mean=2.5)
            run.settle(weights)
            losses.append((last.loss, weights))
        assert losses[0][0] == losses[1][0]
        assert all(map(np.array_equal, losses[0][1], losses[1][1]))
        assert losses[2][0] == pytest.approx(losses[0][0], rel=0.05)
        assert losses[0][0] < 0.5

    def test_what_it_has_not_met_stays(self):
        matrix = ratings(30, 30, 40, seed=1)
        run, weights = self.made(matrix)
        before = Weights(*(weight.copy() for weight in weights))
        self.moved(run, weights)
        users = np.diff(matrix.indptr) == 0
        items = np.bincount(matrix.indices, minlength=30) == 0
        assert users.any()
        assert items.any()
        for one, other, rows in zip(weights, before, (users, items) * 3, strict=True):
            assert np.array_equal(one[rows], other[rows])

    def test_weights_without_the_implicit_tables_are_refused(self):
        matrix = ratings(30, 20, 60)
        with pytest.raises(ValueError, match="implicit tables"):
            self.moved(passes(matrix, by_user=True), fresh(matrix.shape))
