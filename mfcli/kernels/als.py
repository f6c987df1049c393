"""The kernels of the als engine: least squares of one row at a time, the other side held fixed.

For a row x with the other side's rows y_i of its n entries, weights w_i and targets t_i, it finds
the x that minimises

    Σ w_i (⟨x, y_i⟩ − t_i)² + Σ_f held_f x_f²

exactly. What is held of a factor is the ridge alone for mse; for ials it is the ridge and α₀ times
an eigenvalue of YᵀY, as both sides lie in its eigenbasis: there the loss of all pairs is a sum of
squares for every row, whatever its ridge. With C = √w Y held^-½ (n × D) the solution is

    x = held^-½ (I + CᵀC)⁻¹ Cᵀ √w t = held^-½ Cᵀ (I + CCᵀ)⁻¹ √w t

(the identity of Woodbury), so that a row takes a system of n or of D unknowns, whichever is less.
No eigenvalue of either is below 1, nor for ials above 1 + max w / α₀: float32 is enough.
"""

# ruff: noqa: C901 - a kernel is one loop, as in sgd.py

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import FAST, compiled
from mfcli.kernels.dense import TALL, add_products, factorize, inner_products, solve
from mfcli.kernels.vectors import WIDE, add_lines, dot, scale_line

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
    levels: Array  # (D,) float32, what is held of each factor beside the ridge; (0,) for nothing
    table: Array  # (R, D) float32, written
    other: Array  # (C, D) float32


class Scratch(NamedTuple):
    """Memory of one thread; tables are D wide, D a multiple of 16."""

    panel: Array  # (max(PANEL, D + 4), D), C or a part of it
    matrix: Array  # (D * D,), of the system
    vector: Array  # (D,)
    scales: Array  # (D,), held^-½
    floors: Array  # (16,)


@compiled(fastmath=FAST)
def solve_rows(rows: Array, side: Side, scratch: Scratch, losses: Array) -> None:
    """Solve the rows of a list, and set their losses (R,) float64: Σ w (⟨x, y⟩ − t)²."""
    indptr, indices, roots, targets, ridge, bias_ridge, bias, used, levels, table, other = side
    panel, square, vector, scales, floors = scratch
    depth = table.shape[1]
    for at in range(len(rows)):
        row = rows[at]
        first, count = np.int64(indptr[row]), np.int64(indptr[row + 1] - indptr[row])
        x = table[row]
        free = 0  # factors of which nothing is held
        for f in range(depth):
            held = bias_ridge[row] if f == bias else ridge[row]
            if len(levels):
                held += levels[f]
            nothing = held <= F32(0) and f < used
            free += nothing
            scales[f] = F32(1) if nothing else F32(1) / np.sqrt(held) if f < used else F32(0)
        short = count <= depth - WIDE and not free
        size: Int = -(-count // WIDE) * WIDE if short else depth
        matrix = square[: size * size].reshape(size, size)
        if short:
            for k in range(count):
                root = roots[first + k] if len(roots) else F32(1)
                scale_line(panel, k, other, indices[first + k], scales, depth, root)
                vector[k] = root * (targets[first + k] if len(targets) else F32(1))
            for k in range(count, -(-count // TALL) * TALL):
                panel[k] = F32(0)
            inner_products(matrix, panel, count)
            for k in range(count, size):
                matrix[: k + 1, k] = F32(0)
                vector[k] = F32(0)
            for k in range(size):
                matrix[k, k] += F32(1)
        else:
            matrix[:] = F32(0)
            vector[:] = F32(0)
            for start in range(0, count, PANEL):
                taken: Int = min(PANEL, count - start)
                for k in range(taken):
                    entry = first + start + k
                    root = roots[entry] if len(roots) else F32(1)
                    scale_line(panel, k, other, indices[entry], scales, depth, root)
                    pull = root * (targets[entry] if len(targets) else F32(1))
                    for f in range(depth):
                        vector[f] += pull * panel[k, f]
                add_products(matrix, panel, 0, taken)
            for f in range(depth):
                held = bias_ridge[row] if f == bias else ridge[row]
                if len(levels):
                    held += levels[f]
                matrix[f, f] += F32(0) if held <= F32(0) and f < used else F32(1)
        factorize(matrix, floors)
        solve(matrix, vector[:size])
        loss = 0.0
        if short:  # the solution of the small system is √w (t − ⟨x, y⟩)
            x[:] = F32(0)
            add_lines(x, 0, vector, 0, panel, 0, count, 0, depth)
            for f in range(depth):
                x[f] *= scales[f]
            for k in range(count):
                loss += np.float64(vector[k]) ** 2
        else:
            for f in range(depth):
                x[f] = scales[f] * vector[f]
            for k in range(count):
                target = targets[first + k] if len(targets) else F32(1)
                root = roots[first + k] if len(roots) else F32(1)
                error = dot(other, indices[first + k], 0, x, 0, depth) - target
                loss += np.float64(root * error) ** 2
        losses[row] = loss
