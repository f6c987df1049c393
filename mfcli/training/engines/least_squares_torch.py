"""Least squares of one side of a factor model on a torch device: many rows at a time.

The same solution as that of the compiled kernels (`kernels/als.py`), as batched products and
Cholesky factorisations: what a GPU is good at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfcli.data.interactions import Indices
from mfcli.kernels.dense import SINGULAR
from mfcli.models.tables import Tables
from mfcli.training.engines import least_squares
from mfcli.training.engines.least_squares import INTERVAL, Floats, Problem

EPSILON = torch.finfo(torch.float32).eps
SPACE = 1 << 25  # float32 values that a batch may hold: 128 MB


class DeviceTable(NamedTuple):
    """Factors (R, F) and biases (R,) of users or items; the biases are (0,) without any."""

    factors: Tensor
    biases: Tensor


class TorchRowSolver:
    """The entries of R rows over C columns on a device, as `least_squares.RowSolver` has them."""

    def __init__(
        self,
        indptr: Indices,
        indices: Indices,
        values: Floats,
        n_columns: int,
        problem: Problem,
        roots: Floats,
        device: str,
    ) -> None:
        """Take values (n,), the ratings of mse, and roots (n,) of weights or (0,) for 1."""
        self.problem, self.device = problem, device
        self.counts = np.diff(indptr).astype(np.int64)
        self.order = np.argsort(self.counts, kind="stable")
        self.empty = torch.from_numpy(np.flatnonzero(self.counts == 0)).to(device)
        self.starts = torch.from_numpy(indptr[:-1].astype(np.int64)).to(device)
        self.indices = torch.from_numpy(indices.astype(np.int64)).to(device)
        self.values = torch.from_numpy(values).to(device)
        self.roots = torch.from_numpy(roots).to(device)
        ridges = problem.ridges(self.counts, n_columns)
        self.ridge, self.bias_ridge = (torch.from_numpy(ridge).to(device) for ridge in ridges)
        self.loss = 0.0  # as of `RowSolver`

    def solve(
        self,
        own: DeviceTable,
        other: DeviceTable,
        mean: float,
        workers: int,  # noqa: ARG002
    ) -> Iterator[int]:
        """Solve the rows with entries of ``own``, in place, as `RowSolver.solve`."""
        biased = len(own.biases) > 0
        levels = own.factors.new_zeros(0)
        if self.problem.implicit:
            squares, self.basis = _eigenbasis(other.factors)
            levels = self.problem.unobserved_weight * squares
            other.factors[:] = other.factors @ self.basis
            own.factors[self.empty] = own.factors[self.empty] @ self.basis
        fixed = other.factors
        targets = fixed.new_zeros(0)  # all are 1
        if not self.problem.implicit:
            targets = self.values - mean
        if biased:
            fixed = torch.cat([fixed, torch.ones_like(other.biases)[:, None]], dim=1)
            targets = targets - other.biases[self.indices]
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        done, shown = 0, time.perf_counter()
        for rows in self._batches(fixed.shape[1]):
            places = torch.from_numpy(rows).to(self.device)
            x, loss = self._solved(rows, fixed, targets, levels, biased)
            total += loss
            own.factors[places] = x[:, : own.factors.shape[1]]
            if biased:
                own.biases[places] = x[:, -1]
            done += int(self.counts[rows].sum())
            if time.perf_counter() - shown >= INTERVAL:
                yield done
                shown = time.perf_counter()
        self.loss = float(total)
        if self.problem.implicit:
            own_squares = own.factors.double().square().sum(0)
            self.loss += self.problem.unobserved_weight * float(own_squares @ squares.double())

    def _batches(self, width: int) -> Iterator[NDArray[np.int64]]:
        """Yield rows of about the same number of entries, as many as ``SPACE`` has room for."""
        order = self.order[np.searchsorted(self.counts[self.order], 1) :]
        end = len(order)
        while end:  # the longest first: it says what the others are padded to
            length = int(self.counts[order[end - 1]])
            row = (2 * width + 4) * length + 3 * min(width, length) ** 2
            begin = max(0, end - max(1, SPACE // row))
            yield order[begin:end]
            end = begin

    def _solved(
        self,
        rows: NDArray[np.int64],
        fixed: Tensor,
        targets: Tensor,
        levels: Tensor,
        biased: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return x (B, D) of B rows, and Σ w (⟨x, y⟩ − t)² over their entries."""
        counts = torch.from_numpy(self.counts[rows]).to(self.device)
        places = torch.from_numpy(rows).to(self.device)
        steps = torch.arange(int(self.counts[rows].max()), device=self.device)
        inside = steps < counts[:, None]
        entries = torch.where(inside, self.starts[places][:, None] + steps, 0)
        roots = inside.to(torch.float32)
        if len(self.roots):
            roots = roots * self.roots[entries]
        pulls = roots * targets[entries] if len(targets) else roots  # (B, L)
        held = self.ridge[places][:, None].repeat(1, fixed.shape[1])
        if biased:
            held[:, -1] = self.bias_ridge[places]
        if len(levels):
            held = held + levels
        free = held <= 0
        scales = torch.where(free, 1.0, held.rsqrt())
        panel = fixed[self.indices[entries]] * roots[:, :, None] * scales[:, None, :]  # (B, L, D)
        across = panel.transpose(1, 2)
        if panel.shape[1] < panel.shape[2] and not free.any():
            matrix = panel @ across
            matrix.diagonal(dim1=1, dim2=2).add_(1.0)
            rest = _solution(matrix, pulls)
            return scales * (across @ rest[:, :, None])[:, :, 0], (rest**2).sum(dtype=torch.float64)
        matrix = across @ panel
        matrix.diagonal(dim1=1, dim2=2).add_((~free).to(torch.float32))
        found = _solution(matrix, (across @ pulls[:, :, None])[:, :, 0])
        rest = (panel @ found[:, :, None])[:, :, 0] - pulls
        return scales * found, (rest**2).sum(dtype=torch.float64)


def _eigenbasis(table: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `least_squares.eigenbasis` does, of the Gram matrix of (R, F)."""
    gram = (table.T @ table).double()
    if not gram.isfinite().all():
        return table.new_full((len(gram),), torch.nan), torch.eye(len(gram)).to(table)
    values, vectors = torch.linalg.eigh(gram)
    return values.clamp(min=float(EPSILON * values[-1])).to(table), vectors.to(table)


def tables_of(model: Tables, device: str) -> tuple[DeviceTable, DeviceTable]:
    """Return the weights of users and of items on a device, for ``keep`` to bring back."""
    users, items = least_squares.tables_of(model)
    return _on_device(users, device), _on_device(items, device)


def _on_device(table: least_squares.FactorTable, device: str) -> DeviceTable:
    return DeviceTable(*(torch.from_numpy(part).to(device) for part in table))


def keep(model: Tables, users: DeviceTable, items: DeviceTable) -> None:
    """Copy weights from a device into the model."""
    for own, found in zip(least_squares.tables_of(model), (users, items), strict=True):
        own.factors[:] = found.factors.cpu().numpy()
        own.biases[:] = found.biases.cpu().numpy()


def _solution(matrix: Tensor, vector: Tensor) -> Tensor:
    """Solve (B, W, W) · x = (B, W); along directions that a matrix does not have, x is 0."""
    lower, failed = torch.linalg.cholesky_ex(matrix)
    pivots = lower.diagonal(dim1=1, dim2=2) ** 2
    weak = (pivots <= SINGULAR * matrix.diagonal(dim1=1, dim2=2)).any(dim=1) | (failed > 0)
    found = torch.cholesky_solve(vector[:, :, None], lower)[:, :, 0]
    weak &= matrix.isfinite().all(dim=2).all(dim=1)  # of NaN, NaN is to show
    if weak.any():
        values, directions = torch.linalg.eigh(matrix[weak])
        inverses = torch.where(values > SINGULAR * values[:, -1:], 1 / values, 0.0)
        along = (directions.transpose(1, 2) @ vector[weak][:, :, None])[:, :, 0]
        found[weak] = (directions @ (inverses * along)[:, :, None])[:, :, 0]
    return found
