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

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import FAST, compiled, inlined
from mfcli.kernels.dense import TALL, add_products, factorize, inner_products, solve
from mfcli.kernels.lanes import COLUMNS, LANES, solve_lanes
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
    scales: Array  # (D,), held^-½
    floors: Array  # (16,)
    systems: Array  # ((FEW + TALL) * (FEW + COLUMNS + 1) * LANES,)


def scratch_of(depth: int) -> Scratch:
    """Make the memory of a thread for tables of a width."""
    systems = (FEW + TALL) * (FEW + COLUMNS + 1) * LANES
    wide = depth + APART
    shapes = ((max(PANEL, depth + TALL), wide), depth * wide, depth, depth, WIDE, systems)
    return Scratch(*(np.zeros(shape, np.float32) for shape in shapes))


@compiled(fastmath=FAST)
def solve_rows(rows: Array, side: Side, scratch: Scratch, losses: Array) -> None:
    """Solve the rows of a list, and set their losses (R,) float64: Σ w (⟨x, y⟩ − t)².

    Each row is solved by itself, to the same bits whatever the list; those that follow each other
    and have as many entries are fast.
    """
    depth = side.table.shape[1]
    at = 0
    while at < len(rows):
        count = _count(side, rows[at])
        free = _set_scales(scratch.scales, side, rows[at])
        if free or count > depth:
            _solve_wide(rows[at], side, scratch, losses)
            at += 1
        elif count > FEW:
            _solve_short(rows[at], side, scratch, losses)
            at += 1
        else:
            taken = 1
            while (
                taken < LANES and at + taken < len(rows) and _like(side, rows[at], rows[at + taken])
            ):
                taken += 1
            _solve_few(rows, at, taken, side, scratch, losses)
            at += taken


@inlined
def _count(side: Side, row: Int) -> Int:
    return np.int64(side.indptr[row + 1] - side.indptr[row])


@inlined
def _like(side: Side, one: Int, other: Int) -> bool:
    """Tell whether two rows have as many entries and the same held of their factors."""
    ridges = side.ridge[one] == side.ridge[other]
    biases = side.bias < 0 or side.bias_ridge[one] == side.bias_ridge[other]
    return _count(side, one) == _count(side, other) and ridges and biases


@inlined
def _set_scales(scales: Array, side: Side, row: Int) -> Int:
    """Set held^-½ of a row's factors, 1 where nothing is held; return how many those are."""
    free = 0
    for f in range(side.used):
        held = side.bias_ridge[row] if f == side.bias else side.ridge[row]
        if len(side.levels):
            held += side.levels[f]
        nothing = held <= F32(0)
        free += nothing
        scales[f] = F32(1) if nothing else F32(1) / np.sqrt(held)
    for f in range(side.used, len(scales)):
        scales[f] = F32(0)
    return free


@inlined
def _lay(panel: Array, place: Int, entry: Int, side: Side, scales: Array) -> Array:
    """Lay a line of C in the panel; return √w t of the entry."""
    root = side.roots[entry] if len(side.roots) else F32(1)
    scale_line(panel, place, side.other, side.indices[entry], scales, len(scales), root)
    return root * (side.targets[entry] if len(side.targets) else F32(1))


@inlined
def _solve_few(
    rows: Array, at: Int, taken: Int, side: Side, scratch: Scratch, losses: Array
) -> None:
    """Solve rows[at : at + taken] of as few entries side by side, by their entries."""
    panel, scales, depth = scratch.panel, scratch.scales, side.table.shape[1]
    count = _count(side, rows[at])
    wide = count + COLUMNS + 1
    systems = scratch.systems[: (count + TALL) * wide * LANES]
    systems = systems.reshape(count + TALL, wide, LANES)
    for k in range(count, -(-count // TALL) * TALL):
        panel[k] = F32(0)
    for lane in range(taken):
        first = np.int64(side.indptr[rows[at + lane]])
        after = rows[min(at + lane + 1, len(rows) - 1)]
        coming, known = np.int64(side.indptr[after]), _count(side, after)
        system = systems[:, :, lane]
        for k in range(count):
            if k < known:
                ask_for(side.other, side.indices[coming + k])
            scratch.vector[k] = _lay(panel, k, first + k, side, scales)
        inner_products(system, panel, count, depth)
        for k in range(count):
            system[k, k] += F32(1)
            system[k, count] = scratch.vector[k]
    solve_lanes(systems, count)
    for lane in range(taken):
        row = rows[at + lane]
        first, loss = np.int64(side.indptr[row]), 0.0
        for k in range(count):  # the solution of the small system is √w (t − ⟨x, y⟩)
            rest = systems[k, count, lane]
            loss += np.float64(rest) ** 2
            scratch.vector[k] = rest * (side.roots[first + k] if len(side.roots) else F32(1))
        x = side.table[row]
        x[:] = F32(0)
        add_rows(x, scratch.vector, side.other, side.indices, first, count)
        for f in range(depth):
            x[f] *= scales[f] * scales[f]
        losses[row] = loss


@inlined
def _solve_short(row: Int, side: Side, scratch: Scratch, losses: Array) -> None:
    """Solve a row of no more entries than factors, by its entries."""
    panel, vector, depth = scratch.panel, scratch.vector, side.table.shape[1]
    first, count = np.int64(side.indptr[row]), _count(side, row)
    size: Int = -(-count // WIDE) * WIDE
    matrix = scratch.matrix[: size * (size + APART)].reshape(size, size + APART)
    for k in range(count):
        vector[k] = _lay(panel, k, first + k, side, scratch.scales)
    for k in range(count, -(-count // TALL) * TALL):
        panel[k] = F32(0)
    inner_products(matrix, panel, count, depth)
    for k in range(count, size):
        matrix[: k + 1, k] = F32(0)
        vector[k] = F32(0)
    for k in range(size):
        matrix[k, k] += F32(1)
    factorize(matrix, size, scratch.floors)
    solve(matrix, size, vector)
    x, loss = side.table[row], 0.0
    x[:] = F32(0)
    add_lines(x, 0, vector, 0, panel, 0, count, 0, depth)
    for f in range(depth):
        x[f] *= scratch.scales[f]
    for k in range(count):  # as of few
        loss += np.float64(vector[k]) ** 2
    losses[row] = loss


@inlined
def _solve_wide(row: Int, side: Side, scratch: Scratch, losses: Array) -> None:
    """Solve a row by its factors."""
    panel, vector, depth = scratch.panel, scratch.vector, side.table.shape[1]
    first, count = np.int64(side.indptr[row]), _count(side, row)
    matrix = scratch.matrix.reshape(depth, depth + APART)
    matrix[:] = F32(0)
    vector[:] = F32(0)
    for start in range(0, count, PANEL):
        taken: Int = min(PANEL, count - start)
        for k in range(taken):
            pull = _lay(panel, k, first + start + k, side, scratch.scales)
            for f in range(depth):
                vector[f] += pull * panel[k, f]
        add_products(matrix, depth, panel, taken)
    for f in range(depth):
        held = side.bias_ridge[row] if f == side.bias else side.ridge[row]
        if len(side.levels):
            held += side.levels[f]
        matrix[f, f] += F32(0) if held <= F32(0) and f < side.used else F32(1)
    factorize(matrix, depth, scratch.floors)
    solve(matrix, depth, vector)
    x, loss = side.table[row], 0.0
    for f in range(depth):
        x[f] = scratch.scales[f] * vector[f]
    for k in range(first, first + count):
        target = side.targets[k] if len(side.targets) else F32(1)
        root = side.roots[k] if len(side.roots) else F32(1)
        error = dot(side.other, side.indices[k], 0, x, 0, depth) - target
        loss += np.float64(root * error) ** 2
    losses[row] = loss
