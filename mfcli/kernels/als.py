"""The kernels of the als engine: least squares of one row at a time, the other side held fixed.

For a row x with the other side's rows y_i of its n entries, weights w_i and targets t_i, it finds
the x that minimises

    Σ w_i (⟨x, y_i⟩ − t_i)² + Σ_f held_f x_f²

exactly. What is held of a factor is the ridge alone for mse; for ials it is the ridge and α₀ times
an eigenvalue of YᵀY, as both sides lie in its eigenbasis: there the loss of all pairs is a sum of
squares for every row, whatever its ridge. With C = √w Y held^-½ (n × D) the solution is

    x = held^-½ (I + CᵀC)⁻¹ Cᵀ √w t = held^-½ Cᵀ (I + CCᵀ)⁻¹ √w t

(the identity of Woodbury), so that a row takes a system of n or of D unknowns, whichever is less.
No eigenvalue of either is below 1, nor for ials above 1 + max w / α₀: float32 is enough. Rows of
few entries, and of equally many, are solved eight at a time.
"""

# ruff: noqa: C901 - a kernel is one loop, as in sgd.py

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import FAST, compiled, inlined
from mfcli.kernels.dense import TALL, add_products, factorize, inner_products, solve
from mfcli.kernels.lanes import BEYOND, LANES, solve_lanes
from mfcli.kernels.vectors import WIDE, add_lines, add_rows, ask_for, dot, scale_line

PANEL = 128  # entries whose factors are laid side by side at a time
FEW = 32  # entries of a row that is solved beside others: a system of more leaves the nearest cache
APART = 16  # numbers between lines: those of a column would share a place in the cache


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
    """Memory of one thread, float32; tables are D wide, D a multiple of 16."""

    panel: Array  # (max(PANEL, D + 4), D + APART), C or a part of it
    matrix: Array  # (D * (D + APART),), of the system
    vector: Array  # (D,)
    pulls: Array  # (PANEL,)
    scales: Array  # (D,), held^-½
    floors: Array  # (16,)
    systems: Array  # ((FEW + TALL) * (FEW + BEYOND) * LANES,)


def scratch_of(depth: int) -> Scratch:
    """Make the memory of a thread for tables of a width."""
    systems = (FEW + TALL) * (FEW + BEYOND) * LANES
    wide = depth + APART
    shapes = ((max(PANEL, depth + TALL), wide), depth * wide, depth, PANEL, depth, WIDE, systems)
    return Scratch(*(np.zeros(shape, np.float32) for shape in shapes))


@compiled(fastmath=FAST)
def solve_rows(rows: Array, side: Side, scratch: Scratch, losses: Array) -> None:
    """Solve the rows of a list, and set their losses (R,) float64: Σ w (⟨x, y⟩ − t)².

    Each row is solved by itself, to the same bits whatever the list; those that follow each other
    and have as many entries are fast.
    """
    indptr, indices, roots, targets, ridge, bias_ridge, bias, used, levels, table, other = side
    panel, square, vector, pulls, scales, floors, systems = scratch
    depth = table.shape[1]
    at, taken = 0, 0
    for number in range(len(rows)):
        if number < at + taken:  # is solved with one before
            continue
        at, taken = number, 1
        row = rows[at]
        first, count = np.int64(indptr[row]), np.int64(indptr[row + 1] - indptr[row])
        free = _set_scales(scales, row, ridge, bias_ridge, bias, used, levels)
        short, few = not free and count <= depth, not free and count <= min(FEW, depth)
        while few and taken < LANES and at + taken < len(rows):
            like = rows[at + taken]
            alike = bias < 0 or bias_ridge[like] == bias_ridge[row]
            if not alike or ridge[like] != ridge[row] or indptr[like + 1] - indptr[like] != count:
                break
            taken += 1
        lanes: Int = LANES if few else 1
        high = count + TALL if few else -(-count // WIDE) * WIDE if short else depth
        wide = count + BEYOND if few else high + APART
        memory = systems if few else square
        system = memory[: high * wide * lanes].reshape(high, wide, lanes)
        matrix = memory[: high * wide].reshape(high, wide)
        if short:
            for k in range(count, -(-count // TALL) * TALL):
                panel[k] = F32(0)
            for lane in range(taken):
                begin = np.int64(indptr[rows[at + lane]])
                after = rows[min(at + lane + 1, len(rows) - 1)]
                coming, known = np.int64(indptr[after]), indptr[after + 1] - indptr[after]
                for k in range(count):
                    if k < known:
                        ask_for(other, indices[coming + k])
                    root = roots[begin + k] if len(roots) else F32(1)
                    scale_line(panel, k, other, indices[begin + k], scales, depth, root)
                    vector[k] = root * (targets[begin + k] if len(targets) else F32(1))
                inner_products(system[:, :, lane], panel, count, depth)
                for k in range(count):
                    system[k, k, lane] += F32(1)
                    if few:
                        system[k, count, lane] = vector[k]
            for k in range(count, 0 if few else high):
                for above in range(k):
                    matrix[above, k] = F32(0)
                matrix[k, k] = F32(1)
                vector[k] = F32(0)
        else:
            matrix[:] = F32(0)
            vector[:] = F32(0)
            for start in range(0, count, PANEL):
                size: Int = min(PANEL, count - start)
                for k in range(size):
                    entry = first + start + k
                    root = roots[entry] if len(roots) else F32(1)
                    scale_line(panel, k, other, indices[entry], scales, depth, root)
                    pulls[k] = root * (targets[entry] if len(targets) else F32(1))
                add_lines(vector, 0, pulls, 0, panel, 0, size, 0, depth)
                add_products(matrix, depth, panel, size)
            for f in range(depth):
                held = bias_ridge[row] if f == bias else ridge[row]
                if len(levels):
                    held += levels[f]
                matrix[f, f] += F32(0) if held <= F32(0) and f < used else F32(1)
        if few:
            solve_lanes(system, count)
        else:
            factorize(matrix, high, floors)
            solve(matrix, high, vector)
        for lane in range(taken):
            solved = rows[at + lane]
            x, begin, loss = table[solved], np.int64(indptr[solved]), 0.0
            if not short:
                for f in range(depth):
                    x[f] = scales[f] * vector[f]
            for k in range(count):
                root = roots[begin + k] if len(roots) else F32(1)
                if short:  # the solution of the small system is √w (t − ⟨x, y⟩)
                    rest = system[k, count, lane] if few else vector[k]
                    vector[k] = rest * root
                else:
                    target = targets[begin + k] if len(targets) else F32(1)
                    rest = root * (dot(other, indices[begin + k], 0, x, 0, depth) - target)
                loss += np.float64(rest) ** 2
            if short:
                x[:] = F32(0)
                add_rows(x, vector, other, indices, begin, count)
                for f in range(depth):
                    x[f] *= scales[f] * scales[f]
            losses[solved] = loss


@inlined
def _set_scales(
    scales: Array, row: Int, ridge: Array, bias_ridge: Array, bias: Int, used: Int, levels: Array
) -> Int:
    """Set held^-½ of a row's factors, 1 where nothing is held; return how many those are."""
    free: Int = 0
    for f in range(used):
        held = bias_ridge[row] if f == bias else ridge[row]
        if len(levels):
            held += levels[f]
        nothing = held <= F32(0)
        free += nothing
        scales[f] = F32(1) if nothing else F32(1) / np.sqrt(held)
    for f in range(used, len(scales)):
        scales[f] = F32(0)
    return free
