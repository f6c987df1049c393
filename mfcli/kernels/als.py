"""The kernels of the als engine: least squares of one row at a time, the other side held fixed.

For a row x with the other side's rows y_i of its entries, weights w_i and targets t_i, it lowers

    Σ w_i (⟨x, y_i⟩ − t_i)² + xᵀ G x + Σ_f ridge_f x_f²

over one block of x's factors after the other, each to the exact minimum in that block (iALS++,
Rendle et al. 2021); a single block is the exact solution. G is α₀ YᵀY for ials, 0 for mse.
"""

# ruff: noqa: C901 - a kernel is one loop, as in sgd.py

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import FAST, compiled
from mfcli.kernels.dense import add_lines, add_products, copy_line, dot, factorize, solve

PANEL = 256  # entries whose factors are laid side by side at a time


class Side(NamedTuple):
    """The rows to solve for, R of them, against C fixed ones; tables are D wide."""

    indptr: Array  # (R + 1,)
    indices: Array  # (n,)
    roots: Array  # (n,) float32, √w; length 0 for 1
    targets: Array  # (n,) float32; length 0 for 1
    ridge: Array  # (R,) float32, of the factors
    bias_ridge: Array  # (R,) float32, of the column ``bias``
    bias: Int  # column of the rows' biases, where the fixed side has ones; −1 for none
    used: Int  # columns that hold something; the rest is 0 on both sides, and stays so
    gram: Array  # (D, D) float32; (0, 0) for none
    table: Array  # (R, D) float32, updated in place
    other: Array  # (C, D) float32


class Scratch(NamedTuple):
    """Memory of one thread; blocks are W wide, W divides D."""

    panel: Array  # (PANEL, W)
    matrix: Array  # (W, W)
    vector: Array  # (W,)
    errors: Array  # (the longest row,)
    pulls: Array  # (PANEL,)
    floors: Array  # (16,)


@compiled(fastmath=FAST)
def solve_rows(rows: Array, side: Side, scratch: Scratch, losses: Array) -> None:
    """Improve the rows of a list, and set their losses (R,) float64: Σ w (⟨x, y⟩ − t)²."""
    indptr, indices, roots, targets, ridge, bias_ridge, bias, used, gram, table, other = side
    panel, matrix, vector, errors, pulls, floors = scratch
    depth, width = table.shape[1], len(vector)
    for at in range(len(rows)):
        row = rows[at]
        first, count = np.int64(indptr[row]), np.int64(indptr[row + 1] - indptr[row])
        x = table[row]
        for k in range(count):
            target = targets[first + k] if len(targets) else F32(1)
            errors[k] = dot(other, indices[first + k], 0, x, 0, depth) - target
        for low in range(0, depth, width):
            vector[:] = F32(0)
            if len(gram):
                add_lines(vector, 0, x, 0, gram, 0, depth, low, width)
                for i in range(width):
                    copy_line(matrix, i, gram, low + i, low, width, F32(1))
            else:
                matrix[:] = F32(0)
            for i in range(width):
                held = bias_ridge[row] if low + i == bias else ridge[row]
                held = held if low + i < used else F32(1)
                vector[i] += held * x[low + i]
                matrix[i, i] += held
            for start in range(0, count, PANEL):
                size: Int = min(PANEL, count - start)
                for k in range(size):
                    entry = first + start + k
                    root = roots[entry] if len(roots) else F32(1)
                    pulls[k] = root * errors[start + k]
                    copy_line(panel, k, other, indices[entry], low, width, root)
                add_lines(vector, 0, pulls, 0, panel, 0, size, 0, width)
                add_products(matrix, panel, 0, size)
            factorize(matrix, floors)
            solve(matrix, vector)
            for j in range(width):
                x[low + j] -= vector[j]
            for k in range(count):
                errors[k] -= dot(other, indices[first + k], low, vector, 0, width)
        loss = 0.0
        for k in range(count):
            root = roots[first + k] if len(roots) else F32(1)
            loss += np.float64(root * errors[k]) ** 2
        losses[row] = loss


@compiled(fastmath=FAST)
def add_gramian(table: Array, begin: Int, end: Int, matrix: Array) -> None:
    """Add table[begin:end]ᵀ table[begin:end] to the upper half of a matrix (D, D) float32."""
    for start in range(begin, end, PANEL):
        add_products(matrix, table, start, min(start + PANEL, end))
