"""Compiled kernels against naive references."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.engines import kernels


def random_rows(rng: np.random.Generator, shape: tuple[int, int], density: float) -> sp.csr_matrix:
    return sp.csr_matrix(rng.random(shape) < density)


def best_items(
    scores: np.ndarray, seen: sp.csr_matrix, k: int, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    items = np.empty((len(scores), k), np.int32)
    values = np.empty((len(scores), k), np.float32)
    kernels.topk_block(scores, seen.indptr, seen.indices, k, items, values, mask)
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
        n_items=st.integers(1, 300),
        k=st.integers(1, 20),
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
        """int64 rows work; minus infinity is a score, below all others."""
        scores = np.array([[-np.inf, 1.0, np.inf, 1.0]], np.float32)
        seen = random_rows(np.random.default_rng(0), (1, 4), 0.0)
        items, values = np.empty((1, 5), np.int32), np.empty((1, 5), np.float32)
        kernels.topk_block(
            scores, seen.indptr.astype(np.int64), seen.indices.astype(np.int64), 5, items, values
        )
        assert items.tolist() == [[2, 1, 3, 0, -1]]
        assert values.tolist() == [[np.inf, 1.0, 1.0, -np.inf, -np.inf]]

    def test_wrong_shapes_are_refused(self) -> None:
        scores = np.zeros((2, 3), np.float32)
        empty = random_rows(np.random.default_rng(0), (2, 3), 0.0)
        out = np.empty((2, 2), np.int32), np.empty((2, 2), np.float32)
        with pytest.raises(ValueError, match="k=3 columns"):
            kernels.topk_block(scores, empty.indptr, empty.indices, 3, *out)
        with pytest.raises(ValueError, match="number of rows"):
            kernels.topk_block(scores[:1], empty.indptr, empty.indices, 2, *out)
        with pytest.raises(ValueError, match="item_mask"):
            kernels.topk_block(scores, empty.indptr, empty.indices, 2, *out, np.ones(2, bool))


class TestAuc:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        n_items=st.integers(1, 200),
        levels=st.sampled_from([1, 3, 10**6]),
        density=st.sampled_from([0.0, 0.2, 0.9]),
        masked=st.booleans(),
    )
    def test_it_equals_scikit_learn(
        self, seed: int, n_items: int, levels: int, density: float, masked: bool
    ) -> None:
        """Ties count half; positives that are seen or masked are no candidates."""
        roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
        rng = np.random.default_rng(seed)
        scores = rng.integers(0, levels, (5, n_items)).astype(np.float32)
        seen = random_rows(rng, (5, n_items), density)
        positives = random_rows(rng, (5, n_items), 0.2)
        mask = rng.random(n_items) < 0.7 if masked else None
        auc = kernels.auc_block(
            scores, seen.indptr, seen.indices, positives.indptr, positives.indices, mask
        )
        assert auc.dtype == np.float64
        for row in range(5):
            candidates = ~seen.toarray()[row].astype(bool)
            if mask is not None:
                candidates &= mask
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
            kernels.auc_block(
                np.zeros((1, 3), np.float32),
                empty.indptr,
                empty.indices,
                empty.indptr,
                empty.indices,
            )
