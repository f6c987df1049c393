"""Least squares of one side of a factor model, the other side held fixed: rows, threads, blocks.

The als engine alternates between the two sides; folding in solves some users once.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mfcli.config import Objective, Recipe
from mfcli.data.interactions import Indices
from mfcli.kernels import Side, scratch_of, solve_rows
from mfcli.kernels.vectors import WIDE
from mfcli.models.tables import Tables
from mfcli.models.values import confidences

Floats = NDArray[np.float32]

EPSILON = float(np.finfo(np.float32).eps)
INTERVAL = 0.1  # seconds between reports
PARTS = 64  # pieces of about equal work that the threads take one after the other
GRAM_ROWS = 4096  # rows of one product; their sums in float32 are added up in float64
ROW_COST = 64  # entries that a row costs beside its own


class FactorTable(NamedTuple):
    """Factors (R, F) and biases (R,) of users or items; the biases are (0,) without any."""

    factors: Floats
    biases: Floats


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is minimised over a row x with entries of weight w and value r, n of them.

    mse:  Σ (⟨x, y⟩ + b + b' + mean − r)² + λ n^ν ‖x‖² + λ_b n^ν b², at ν = 1 as for the others.
    ials: Σ w (⟨x, y⟩ − 1)² + α₀ Σ_all ⟨x, y⟩² + λ (n + α₀ m)^ν ‖x‖² against m rows (Hu, Koren &
    Volinsky 2008 with the regularisation of Rendle et al. 2021).
    """

    implicit: bool
    regularization: float
    bias_regularization: float
    unobserved_weight: float
    exponent: float

    @classmethod
    def of(cls, recipe: Recipe) -> Problem:
        """Read it off a recipe."""
        return cls(
            implicit=recipe.objective is Objective.ials,
            regularization=recipe.regularization,
            bias_regularization=recipe.bias_regularization,
            unobserved_weight=recipe.unobserved_weight,
            exponent=recipe.regularization_exponent,
        )

    def ridges(self, counts: NDArray[Any], n_columns: int) -> tuple[Floats, Floats]:
        """Return what multiplies ‖x‖² and b² of rows with so many entries, (R,) each."""
        scale = counts.astype(np.float64)
        if self.implicit:
            scale += self.unobserved_weight * n_columns
        scale **= self.exponent
        held = (self.regularization * scale, self.bias_regularization * scale)
        return held[0].astype(np.float32), held[1].astype(np.float32)


class RowSolver:
    """The entries of R rows over C columns as CSR, and what of them a problem needs.

    Every row is solved by one thread alone, so that the bits are the same for any number of them.
    """

    def __init__(
        self,
        indptr: Indices,
        indices: Indices,
        values: Floats,
        n_columns: int,
        problem: Problem,
        roots: Floats,
    ) -> None:
        """Take values (n,), the ratings of mse, and roots (n,) of weights or (0,) for 1."""
        self.indptr, self.indices, self.values, self.roots = indptr, indices, values, roots
        self.problem = problem
        counts = np.diff(indptr).astype(np.float64)
        self.ridge, self.bias_ridge = problem.ridges(counts, n_columns)
        self.parts = list(_parts(counts))
        self.empty = np.flatnonzero(counts == 0)
        self.loss = 0.0  # Σ w (…)² over the entries and α₀ Σ ⟨x, y⟩² over all pairs, once solved
        self.basis: Floats | None = None  # (F, F), what it turned both tables by

    def solve(
        self, own: FactorTable, other: FactorTable, mean: float, workers: int
    ) -> Iterator[int]:
        """Solve the rows with entries of ``own``, in place; rows without stay as they are.

        For ials both tables are turned into the eigenbasis of the other's Gram matrix first, which
        changes no product of theirs: ``basis`` (F, F) says how.

        Yields the entries done, about ten times a second, and sets ``loss``.
        """
        factors = own.factors.shape[1]
        levels = np.zeros(0, np.float32)
        used = factors + (len(own.biases) > 0)
        depth = -(-used // WIDE) * WIDE
        if self.problem.implicit:
            squares, self.basis = eigenbasis(gramian(other.factors, workers))
            levels = np.zeros(depth, np.float32)
            levels[:factors] = self.problem.unobserved_weight * squares
            rotate(other.factors, self.basis, workers)
            own.factors[self.empty] = own.factors[self.empty] @ self.basis
        table = _laid(own.factors, own.biases, depth)
        fixed = _laid(other.factors, np.ones_like(other.biases), depth)
        side = Side(
            indptr=self.indptr,
            indices=self.indices,
            roots=self.roots,
            targets=self._targets(other, mean),
            ridge=self.ridge,
            bias_ridge=self.bias_ridge,
            bias=factors if len(own.biases) else -1,
            used=used,
            levels=levels,
            table=table,
            other=fixed,
        )
        losses = np.zeros(len(table))
        yield from self._run(side, losses, workers)
        if table is not own.factors:
            own.factors[:] = table[:, :factors]
        if len(own.biases):
            own.biases[:] = table[:, factors]
        self.loss = float(losses.sum())
        if self.problem.implicit:  # in the eigenbasis ⟨x, y⟩² sums to a square of each factor
            own_squares = np.einsum("rf,rf->f", own.factors, own.factors, dtype=np.float64)
            self.loss += self.problem.unobserved_weight * float(own_squares @ squares)

    def _targets(self, other: FactorTable, mean: float) -> Floats:
        if self.problem.implicit:
            return np.zeros(0, np.float32)
        targets = self.values - np.float32(mean)
        if len(other.biases):
            targets -= other.biases[self.indices]
        return targets

    def _run(self, side: Side, losses: NDArray[np.float64], workers: int) -> Iterator[int]:
        waiting = iter(self.parts)  # next() is atomic
        done = [0] * workers
        stop = False

        def work(worker: int) -> None:
            scratch = scratch_of(side.table.shape[1])
            while not stop and (part := next(waiting, None)) is not None:
                solve_rows(part, side, scratch, losses)
                done[worker] += int((self.indptr[part + 1] - self.indptr[part]).sum())

        with ThreadPoolExecutor(workers, thread_name_prefix="als") as pool:
            try:
                futures = [pool.submit(work, worker) for worker in range(workers)]
                while wait(futures, INTERVAL, FIRST_EXCEPTION).not_done:
                    if any(future.done() and future.exception() for future in futures):
                        break
                    yield sum(done)
                for future in futures:
                    future.result()
            finally:  # the generator's close() comes here as well
                stop = True


def gramian(table: Floats, workers: int = 1) -> NDArray[np.float64]:
    """Return tableᵀ table of (R, F), as (F, F)."""

    def part(begin: int) -> Floats:
        block = table[begin : begin + GRAM_ROWS]
        return block.T @ block

    total = np.zeros((table.shape[1],) * 2)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        for found in pool.map(part, range(0, len(table), GRAM_ROWS)):
            total += found
    return total


def eigenbasis(gram: NDArray[np.float64]) -> tuple[NDArray[np.float64], Floats]:
    """Return the eigenvalues (F,) and, as columns, the eigenvectors (F, F) of a Gram matrix.

    An eigenvalue that is too small for float32 beside the largest counts as the smallest that is
    not. A matrix that holds NaN has NaN for eigenvalues, so that a divergence shows.
    """
    if not np.isfinite(gram).all():
        return np.full(len(gram), np.nan), np.eye(len(gram), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        values, vectors = np.linalg.eigh(gram)
    return np.maximum(values, EPSILON * values[-1]), vectors.astype(np.float32)


def rotate(table: Floats, basis: Floats, workers: int) -> None:
    """Multiply the rows of (R, F) by (F, F) in place."""

    def part(begin: int) -> None:
        block = table[begin : begin + GRAM_ROWS]
        block[:] = block @ basis

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(part, range(0, len(table), GRAM_ROWS)):
            pass


def roots_of(values: Floats, recipe: Recipe) -> Floats:
    """Return the square roots of the confidences of ials, (n,), or (0,) where all are 1."""
    weights = confidences(values, recipe)
    return np.zeros(0, np.float32) if weights is None else np.sqrt(weights)


def tables_of(model: Tables) -> tuple[FactorTable, FactorTable]:
    """Return the weights of users and of items, on the same memory."""
    none = np.zeros(0, np.float32)
    biases = [model.weights.get(f"{side}_bias", none).reshape(-1) for side in ("user", "item")]
    users, items = model.user_factors, model.item_factors
    return FactorTable(users, biases[0]), FactorTable(items, biases[1])


def _laid(factors: Floats, last: Floats, depth: int) -> Floats:
    """Lay factors and one more column, where there is one, in a table of ``depth`` columns.

    Factors that are such a table already are returned as they are.
    """
    if factors.shape[1] == depth and factors.flags.c_contiguous:
        return factors
    table = np.zeros((len(factors), depth), np.float32)
    table[:, : factors.shape[1]] = factors
    if len(last):
        table[:, factors.shape[1]] = last
    return table


def _parts(counts: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Yield the rows with entries in parts of about equal work, the longest rows first."""
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    work = np.cumsum(counts[order] + ROW_COST)
    if not len(work):
        return
    cuts = np.unique(np.searchsorted(work, np.arange(1, PARTS) * (work[-1] / PARTS)))
    yield from (part for part in np.split(order, cuts) if len(part))
