"""Blocks of positives that share their negatives: products, losses and slopes by naive formulas."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import Objective
from mfcli.kernels import Weights, products
from mfcli.kernels.sgd_shared import BLOCK
from mfcli.kernels.vectors import WIDE
from mfcli.training.engines.layout import Settings
from mfcli.training.engines.passes import Passes
from tests.helpers import from_python

OPTIONS: dict[Objective, dict[str, Any]] = {
    Objective.softmax: {"temperature": 0.2},
    Objective.ccl: {"margin": 0.1, "negative_weight": 20.0},
}
cosines = pytest.mark.parametrize("objective", list(OPTIONS))

LINE_TOP, EXP_LINE = from_python(products.line_top), from_python(products.exp_line)


@numba.njit
def product(
    to: np.ndarray, rows: int, columns: int, left: np.ndarray, right: np.ndarray, depth: int
) -> None:
    products.product(to, rows, columns, left, right, depth)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 40), columns=st.integers(1, 50), depth=st.integers(0, 70))
def test_a_product_is_that_of_numpy_and_its_bits_do_not_depend_on_its_place(
    rows: int, columns: int, depth: int
) -> None:
    rng = np.random.default_rng(rows)
    to = np.full((48, products.padded(columns)), np.nan, np.float32)
    left = rng.normal(size=(depth, 48)).astype(np.float32)
    right = rng.normal(size=(depth, products.padded(columns))).astype(np.float32)
    product(to, rows, columns, left, right, depth)
    exact = left.astype(np.float64).T @ right
    found = to[:rows, :columns]
    np.testing.assert_allclose(found, exact[:rows, :columns], atol=1e-4)
    alone = np.empty((products.ROWS, WIDE), np.float32)
    product(alone, 1, 1, left[:, rows - 1 :].copy(), right[:, columns - 1 :].copy(), depth)
    assert alone[0, 0] == found[-1, -1]
    assert np.isnan(to[rows + products.ROWS - 1 :]).all()


def test_exponentials_are_exact_to_some_digits_and_never_overflow() -> None:
    line = np.concatenate([-np.logspace(-6, 1.9, 255), [0.0]]).astype(np.float32)[None] + 3
    exact = np.exp(line.astype(np.float64) - 3)
    top = LINE_TOP(line, 0, 256)
    assert top == 3
    total = EXP_LINE(line, 0, 256, top)
    np.testing.assert_allclose(line, exact, rtol=1e-5)
    assert total == pytest.approx(exact.sum(), rel=1e-5)
    far = np.full((1, 16), -1e30, np.float32)
    assert 0 <= EXP_LINE(far, 0, 16, np.float32(0)) < 1e-30
    wrong = np.full((1, 16), np.nan, np.float32)
    assert np.isnan(EXP_LINE(wrong, 0, 16, np.float32(0)))


def tastes(n_users: int, n_items: int, number: int, seed: int = 0) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    cells = rng.choice(n_users * n_items, number, replace=False)
    matrix = sp.csr_matrix(
        (np.ones(number, np.float32), (cells // n_items, cells % n_items)), (n_users, n_items)
    )
    matrix.sort_indices()
    return matrix


def on_sphere(shape: tuple[int, int], factors: int, seed: int = 0) -> Weights:
    rng = np.random.default_rng(seed)
    tables = [rng.normal(size=(rows, factors)) for rows in shape]
    tables = [table / np.linalg.norm(table, axis=1, keepdims=True) for table in tables]
    return Weights(*(table.astype(np.float32) for table in tables), *np.zeros((2, 0), np.float32))


def passes(matrix: sp.csr_matrix, objective: Objective, **options: Any) -> Passes:
    chosen = Settings(objective, **OPTIONS[objective], **options)
    data = options.pop("data", None)
    return Passes(matrix.indptr, matrix.indices, data, matrix.shape[1], chosen)


def of_catalogue(
    objective: Objective, matrix: sp.csr_matrix, users: Any, items: Any, weights: Any = None
) -> Any:
    """Return the sum over positives of the loss over all unseen items, of torch in float64."""
    users, items = (torch.nn.functional.normalize(table, dim=1) for table in (users, items))
    scores = users @ items.T
    seen = torch.from_numpy(matrix.toarray() > 0)
    rows, columns = matrix.nonzero()
    positive = scores[rows, columns]
    if objective is Objective.softmax:
        temperature = OPTIONS[objective]["temperature"]
        others = (scores / temperature).masked_fill(seen, -torch.inf)[rows]
        everything = torch.cat([positive[:, None] / temperature, others], dim=1)
        losses = torch.logsumexp(everything, 1) - positive / temperature
    else:
        over = torch.relu(scores - OPTIONS[objective]["margin"]).masked_fill(seen, 0.0)
        means = over.sum(1) / (~seen).sum(1)
        losses = 1 - positive + OPTIONS[objective]["negative_weight"] * means[rows]
    return losses.sum() if weights is None else (losses * torch.from_numpy(weights)).sum()


@cosines
@pytest.mark.parametrize("factors", [1, 5, 16, 40])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_small_step_is_the_gradient_by_autograd(
    objective: Objective, factors: int, weighted: bool
) -> None:
    """One block whose negatives are the whole catalogue."""
    matrix = tastes(20, 30, BLOCK - 5)
    values = np.linspace(0.5, 2, matrix.nnz).astype(np.float32) if weighted else None
    weights = on_sphere(matrix.shape, factors)
    before = [table.astype(np.float64) for table in weights[:2]]
    learnt = [torch.from_numpy(table).requires_grad_() for table in before]
    loss = of_catalogue(objective, matrix, learnt[0], learnt[1], values)
    loss.backward()
    rate = 1e-4
    chosen = Settings(objective, negatives=1000, **OPTIONS[objective])
    run = Passes(matrix.indptr, matrix.indices, values, matrix.shape[1], chosen)
    *_, last = run.epoch(0, weights, rate, 0.0, 0.0)
    assert last.loss * matrix.nnz == pytest.approx(loss.item(), rel=1e-5)
    for table, old, entry in zip(weights[:2], before, learnt, strict=True):
        assert entry.grad is not None
        np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, rtol=1e-6)
        if factors > 1:  # on a line nothing moves
            scale = entry.grad.abs().max().item()
            np.testing.assert_allclose((old - table) / rate, entry.grad.numpy(), atol=0.02 * scale)


@cosines
@pytest.mark.parametrize("power", [0.0, 0.75])
def test_a_loss_over_few_negatives_is_that_over_the_catalogue(
    objective: Objective, power: float
) -> None:
    """Of softmax whatever they are drawn by; of ccl where they are drawn uniformly."""
    if objective is Objective.ccl and power:
        pytest.skip("ccl has the mean over what is drawn")
    rng = np.random.default_rng(0)
    odds = 1 / np.arange(1, 1001)
    users = np.repeat(np.arange(400), 15)
    items = np.concatenate([rng.choice(1000, 15, False, odds / odds.sum()) for _ in range(400)])
    matrix = sp.csr_matrix((np.ones(6000, np.float32), (users, items)), (400, 1000))
    matrix.sort_indices()
    weights = on_sphere(matrix.shape, 8)
    popular = np.argsort(-np.bincount(items, minlength=1000))[:100]
    weights.item_factors[popular, 0] += 2  # what is drawn more often scores apart
    weights.item_factors[:] /= np.linalg.norm(weights.item_factors, axis=1, keepdims=True)
    tables = [torch.from_numpy(table) for table in weights[:2]]
    exact = of_catalogue(objective, matrix, tables[0], tables[1]).item()
    run = passes(matrix, objective, negatives=100, popularity_power=power)
    assert len(run.tiles.bounds) > 2  # there are strips
    losses = [list(run.epoch(number, weights, 0.0, 0.0, 0.0))[-1].loss for number in range(8)]
    assert np.mean(losses) == pytest.approx(exact / matrix.nnz, rel=0.01)


@cosines
def test_what_is_not_a_number_shows_in_the_loss(objective: Objective) -> None:
    matrix = tastes(20, 30, 100)
    weights = on_sphere(matrix.shape, 8)
    weights.item_factors[matrix.indices[0]] = np.nan
    *_, last = passes(matrix, objective, negatives=50).epoch(0, weights, 0.1, 0.0, 0.0)
    assert np.isnan(last.loss)


@cosines
def test_rows_keep_length_one_at_any_rate_and_zeros_take_a_direction(
    objective: Objective,
) -> None:
    matrix = tastes(60, 50, 900)
    weights = on_sphere(matrix.shape, 8)
    weights.user_factors[::2] = 0
    run = passes(matrix, objective, negatives=20)
    for number, rate in enumerate((1e-3, 0.1, 10.0, 1e4)):
        *_, last = run.epoch(number, weights, rate, 0.0, 0.0)
        assert np.isfinite(last.loss)
        for table in weights[:2]:
            np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, rtol=1e-5)
