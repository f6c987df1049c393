"""Compiled kernels against naive references."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mfcli import kernels
from mfcli.kernels import compilation
from mfcli.training.engines import layout
from tests.helpers import SLOPES, chance_of


def random_rows(rng: np.random.Generator, shape: tuple[int, int], density: float) -> sp.csr_matrix:
    return sp.csr_matrix(rng.random(shape) < density)


def best_items(
    scores: np.ndarray, seen: sp.csr_matrix, k: int, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    items = np.empty((len(scores), k), np.int32)
    values = np.empty((len(scores), k), np.float32)
    scores = scores.copy()
    if mask is not None:
        scores[:, ~mask] = -np.inf
    kernels.topk_block(scores, seen.indptr, seen.indices, k, items, values)
    return items, values


def naive_best(
    scores: np.ndarray, seen: sp.csr_matrix, k: int, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    items = np.full((len(scores), k), -1, np.int32)
    values = np.full((len(scores), k), -np.inf, np.float32)
    allowed = ~seen.toarray().astype(bool)
    if mask is not None:
        allowed &= mask
    for row, line in enumerate(scores):
        order = [i for i in np.lexsort((np.arange(len(line)), -line)) if allowed[row, i]][:k]
        items[row, : len(order)] = order
        values[row, : len(order)] = line[order]
    return items, values


class TestTopk:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        n_items=st.integers(1, 900),
        k=st.integers(1, 20) | st.integers(1, 1000),
        levels=st.sampled_from([1, 3, 1000]),
        density=st.sampled_from([0.0, 0.2, 1.0]),
        masked=st.booleans(),
    )
    def test_it_equals_a_full_sort(
        self, seed: int, n_items: int, k: int, levels: int, density: float, masked: bool
    ) -> None:
        """Seen and masked items, ties (few levels), rows shorter than k: all as a sort says."""
        rng = np.random.default_rng(seed)
        scores = (rng.integers(0, levels, (4, n_items)) - levels / 2).astype(np.float32)
        seen = random_rows(rng, (4, n_items), density)
        mask = rng.random(n_items) < 0.5 if masked else None
        items, values = best_items(scores, seen, k, mask)
        expected_items, expected_values = naive_best(scores, seen, k, mask)
        np.testing.assert_array_equal(items, expected_items)
        np.testing.assert_array_equal(values, expected_values)

    def test_a_slice_of_a_larger_matrix_is_a_block(self) -> None:
        """`indptr[a : b + 1]` with the whole `indices` needs no copy."""
        rng = np.random.default_rng(0)
        scores = rng.normal(size=(9, 50)).astype(np.float32)
        seen = random_rows(rng, (9, 50), 0.3)
        whole, _ = best_items(scores, seen, 5)
        items, values = np.empty((4, 5), np.int32), np.empty((4, 5), np.float32)
        kernels.topk_block(scores[3:7], seen.indptr[3:8], seen.indices, 5, items, values)
        np.testing.assert_array_equal(items, whole[3:7])

    def test_wide_indices_and_infinite_scores(self) -> None:
        """int64 rows work; what scores minus infinity does not qualify."""
        scores = np.array([[-np.inf, 1.0, np.inf, 1.0]], np.float32)
        seen = random_rows(np.random.default_rng(0), (1, 4), 0.0)
        items, values = np.empty((1, 5), np.int32), np.empty((1, 5), np.float32)
        kernels.topk_block(
            scores, seen.indptr.astype(np.int64), seen.indices.astype(np.int64), 5, items, values
        )
        assert items.tolist() == [[2, 1, 3, -1, -1]]
        assert values.tolist() == [[np.inf, 1.0, 1.0, -np.inf, -np.inf]]

    def test_wrong_shapes_are_refused(self) -> None:
        scores = np.zeros((2, 3), np.float32)
        empty = random_rows(np.random.default_rng(0), (2, 3), 0.0)
        out = np.empty((2, 2), np.int32), np.empty((2, 2), np.float32)
        with pytest.raises(ValueError, match="each of the k=3 places"):
            kernels.topk_block(scores, empty.indptr, empty.indices, 3, *out)
        with pytest.raises(ValueError, match="number of rows"):
            kernels.topk_block(scores[:1], empty.indptr, empty.indices, 2, *out)


class TestAuc:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        n_items=st.integers(1, 200),
        levels=st.sampled_from([1, 3, 10**6]),
        density=st.sampled_from([0.0, 0.2, 0.9]),
    )
    def test_it_equals_scikit_learn(
        self, seed: int, n_items: int, levels: int, density: float
    ) -> None:
        """Ties count half; positives that are seen are no candidates."""
        roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
        rng = np.random.default_rng(seed)
        scores = rng.integers(0, levels, (5, n_items)).astype(np.float32)
        seen = random_rows(rng, (5, n_items), density)
        positives = random_rows(rng, (5, n_items), 0.2)
        _, auc, _ = kernels.rank_block(
            scores, seen.indptr, seen.indices, positives.indptr, positives.indices
        )
        assert auc.dtype == np.float64
        for row in range(5):
            candidates = ~seen.toarray()[row].astype(bool)
            truth = positives.toarray()[row][candidates]
            if truth.all() or not truth.any():
                assert np.isnan(auc[row])
            else:
                assert auc[row] == pytest.approx(
                    roc_auc_score(truth, scores[row][candidates]), abs=1e-9
                )

    def test_wrong_shapes_are_refused(self) -> None:
        empty = random_rows(np.random.default_rng(0), (2, 3), 0.0)
        with pytest.raises(ValueError, match="number of rows"):
            kernels.rank_block(
                np.zeros((1, 3), np.float32),
                empty.indptr,
                empty.indices,
                empty.indptr,
                empty.indices,
            )


class TestSlopes:
    @pytest.mark.parametrize(
        ("name", "formula"),
        [
            ("bpr", lambda x: -functional.logsigmoid(x)),
            ("bpr_squared", lambda x: (1 - torch.sigmoid(x)) ** 2),
        ],
    )
    def test_pairwise_slopes_are_autograd_of_the_formula(
        self, name: str, formula: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        margins = torch.linspace(-30, 30, 601, dtype=torch.float64, requires_grad=True)
        check_slope(margins, formula(margins), getattr(SLOPES, name))

    @pytest.mark.parametrize("label", [0, 1])
    def test_logistic(self, label: int) -> None:
        scores = torch.linspace(-30, 30, 601, dtype=torch.float64, requires_grad=True)
        formula = functional.binary_cross_entropy_with_logits(
            scores, torch.full_like(scores, label), reduction="none"
        )
        check_slope(scores, formula, lambda x: SLOPES.logistic(x, label))

    def test_mse_is_reported_whole_and_has_the_slope_of_half(self) -> None:
        scores = torch.linspace(-3, 9, 101, dtype=torch.float64, requires_grad=True)
        half = (3.5 - scores) ** 2 / 2

        def twice_the_loss(x: np.float32) -> tuple[float, float]:
            loss, slope = SLOPES.mse(x, np.float32(3.5))
            return loss / 2, slope

        check_slope(scores, half, twice_the_loss)

    def test_warp_weighs_the_hinge_by_the_logarithm_of_the_estimated_rank(self) -> None:
        ranks = [(1, 1, 1000), (1, 3, 333), (2, 3, 666), (1, 1000, 1), (1, 1001, 0)]
        for violations, draws, rank in ranks:
            margins = torch.linspace(-5, 0.99, 50, dtype=torch.float64, requires_grad=True)
            hinge = np.log1p(rank) * (1 - margins)
            check_slope(margins, hinge, partial(warp_of, violations=violations, draws=draws))

    def test_huge_margins_stay_finite(self) -> None:
        for margin in (-1e30, -1000.0, 1000.0, 1e30):
            assert np.isfinite(SLOPES.bpr(np.float32(margin))).all()
            assert np.isfinite(SLOPES.bpr_squared(np.float32(margin))).all()

    def test_nan_and_infinity_are_not_hidden(self) -> None:
        assert np.isnan(SLOPES.mse(np.float32(np.nan), np.float32(1))).all()
        for slope in (SLOPES.bpr, SLOPES.bpr_squared):
            assert np.isnan(slope(np.float32(np.nan))).all()
        assert SLOPES.bpr(np.float32(-np.inf))[0] == np.inf


def warp_of(margin: np.float32, violations: int, draws: int) -> tuple[float, float]:
    loss, slope = SLOPES.warp(margin, 1000, violations, draws)
    return loss, slope


def check_slope(
    scores: torch.Tensor, losses: torch.Tensor, kernel: Callable[[np.float32], tuple[float, float]]
) -> None:
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    ours = np.array([kernel(np.float32(score)) for score in scores.detach().numpy()])
    np.testing.assert_allclose(ours[:, 0], losses.detach().numpy(), rtol=2e-5, atol=1e-12)
    np.testing.assert_allclose(ours[:, 1], gradient.numpy(), rtol=2e-5, atol=1e-12)


class TestNegatives:
    @pytest.mark.parametrize("power", [0.0, 0.75])
    @pytest.mark.parametrize("n_items", [7, 300])
    def test_draws_follow_the_proposal_over_unseen_items(self, n_items: int, power: float) -> None:
        """Chi-squared against the stated probabilities; never a seen item; all others reached."""
        rng = np.random.default_rng(0)
        counts = rng.integers(1, 50, n_items)
        for seen_share in (0.0, 0.3, 0.9):
            row = np.flatnonzero(rng.random(n_items) < seen_share)[: n_items - 2]
            drawn = draw(row, n_items, counts if power else None, power)
            weights = counts.astype(float) ** power
            weights[row] = 0
            observed = np.bincount(drawn, minlength=n_items)
            assert not observed[row].any()
            kept = weights > 0
            assert observed[kept].all()
            expected = weights[kept] / weights.sum() * len(drawn)
            assert chance_of(observed[kept], expected) > 1e-4

    @pytest.mark.parametrize("power", [0.0, 1.0])
    @pytest.mark.parametrize("n_items", [1, 2, 3, 64, 65, 5000])
    def test_edges_of_the_catalogue(self, n_items: int, power: float) -> None:
        """All but one item seen: that one, first and last included; all seen: −1, and an end."""
        popularity = np.ones(n_items, np.int64)
        for missing in {0, n_items // 2, n_items - 1}:
            row = np.delete(np.arange(n_items), missing)
            assert set(draw(row, n_items, popularity, power, 50)) == {missing}
        assert set(draw(np.arange(n_items), n_items, popularity, power, 5)) == {-1}

    @settings(max_examples=50, deadline=None)
    @given(data=st.data(), n_items=st.integers(1, 400), power=st.sampled_from([0.0, 0.5]))
    def test_never_seen_always_in_range(
        self, data: st.DataObject, n_items: int, power: float
    ) -> None:
        row = np.array(sorted(data.draw(st.sets(st.integers(0, n_items - 1)))), np.int64)
        drawn = draw(row, n_items, np.ones(n_items), power, 100)
        if len(row) == n_items:
            assert (drawn == -1).all()
        else:
            assert not np.isin(drawn, row).any()
            assert ((drawn >= 0) & (drawn < n_items)).all()

    def test_the_last_resort_is_uniform(self) -> None:
        """Counting among 990 of 1000 seen items favours none of the ten that are left."""
        left = np.array([0, 1, 2, 400, 401, 500, 777, 997, 998, 999])
        row = np.delete(np.arange(1000), left)
        observed = np.bincount(draw(row, 1000, None, 0.0, 20_000), minlength=1000)[left]
        assert chance_of(observed) > 1e-4


def draw(
    row: np.ndarray, n_items: int, counts: np.ndarray | None, power: float, number: int = 60_000
) -> np.ndarray:
    """Negatives of a user who has seen `row`, between two users who have seen nothing."""
    indptr = np.array([0, 0, len(row), len(row)], np.int32)
    seen = layout.seen_filter(indptr, row.astype(np.int32), n_items, True)
    items = np.arange(n_items)
    strips = layout.Strips((1, 1), items, items, items.astype(np.int32), np.array([0, n_items]))
    proposal = layout.proposal_of(strips, counts, power)
    return np.asarray(draw_many(seen, proposal, number))


@numba.njit
def draw_many(seen: kernels.SeenFilter, proposal: kernels.Proposal, number: int) -> np.ndarray:
    out = np.empty(number, np.int64)
    state = np.uint64(12345)
    for at in range(number):
        state, out[at] = kernels.draw_negative(state, 1, 0, seen, proposal)
    return out


TOPK = (
    "import numpy as np; from mfcli import kernels as k; e = np.zeros(2, np.int32);"
    "i, s = np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32); said = [];\n"
    "with k.announced(lambda *a: said.append(a)):"
    " k.topk_block(np.ones((1, 3), np.float32), e, e[:0], 1, i, s); print(i[0, 0], s[0, 0], said)"
)


@pytest.fixture
def run_copy(tmp_path: Path) -> Callable[..., str]:
    """Run code in a process that imports a copy of the engines; returns what it prints."""
    package = tmp_path / "mfcli" / "kernels"
    shutil.copytree(
        Path(kernels.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package.parent / "__init__.py").touch()

    def run(code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "NUMBA_CACHE_DIR": "", **environment},
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run.package = package  # type: ignore[attr-defined]
    return run


class TestCompilation:
    @pytest.mark.slow
    def test_no_writable_cache_folder_is_no_failure(self, run_copy: Any) -> None:
        """A read-only install compiles in the process; it neither raises nor warns."""
        (run_copy.package / "__pycache__").write_text("a file where numba wants a folder")
        environment = {
            "NUMBA_CACHE_DIR": "/dev/null/cache",
            "HOME": "/dev/null",
            "XDG_CACHE_HOME": "/dev/null/cache",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        assert run_copy(TOPK, **environment) == "0 1.0 [('_topk', False)]\n"

    @pytest.mark.slow
    def test_compilation_is_announced_once_and_kept_until_a_file_of_the_package_changes(
        self, run_copy: Any
    ) -> None:
        assert run_copy(TOPK) == "0 1.0 [('_topk', True)]\n"
        assert run_copy(TOPK) == "0 1.0 []\n"
        with (run_copy.package / "slopes.py").open("a") as other:
            other.write("# edited\n")
        assert run_copy(TOPK) == "0 1.0 [('_topk', True)]\n"
        assert run_copy(TOPK) == "0 1.0 []\n"

    def test_a_full_disk_or_a_damaged_cache_is_no_failure(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("numba.core.caching.Cache.save_overload", refuse)
        monkeypatch.setattr("numba.core.caching.Cache.load_overload", refuse)
        kernel = compilation.compiled()(doubled)
        assert kernel(21) == 42


def doubled(x: int) -> int:
    return 2 * x
