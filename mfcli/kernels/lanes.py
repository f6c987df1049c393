"""Small positive definite systems, eight at a time: each has a lane of every vector.

A system that is alone waits for the root and the quotient of each of its pivots, and for the sums
before them; eight that go side by side wait once, and no number moves between lanes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types

from mfcli.kernels.arrays import Array, Int
from mfcli.kernels.compilation import inlined
from mfcli.kernels.vectors import FLOAT, INDEX, Emitter, intrinsic

LANES = 8  # systems
COLUMNS = 8  # of a row, updated side by side
BEYOND = COLUMNS + 1  # columns that a system needs more than it has unknowns

_VECTOR = ir.VectorType(FLOAT, LANES)
_ONES = ir.Constant(_VECTOR, [1.0] * LANES)


@intrinsic
def _take_rows(_context: Any, systems: Any, _row: Any, _column: Any) -> Any:
    """Subtract Σ U[k, row] · U[k, column + c] over the rows k above, of 8 columns of a row."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, column = emitter.values
        lane = ir.Constant(INDEX, 0)
        columns = [emitter.plus(column, number) for number in range(COLUMNS)]
        targets = [emitter.at(0, row, each, lane) for each in columns]
        sums = [emitter.held(emitter.load(target, _VECTOR)) for target in targets]
        with emitter.loop(lane, row) as (above, _):
            factor = builder.fneg(emitter.load(emitter.at(0, above, row, lane), _VECTOR))
            for each, held in zip(columns, sums, strict=True):
                other = emitter.load(emitter.at(0, above, each, lane), _VECTOR)
                builder.store(emitter.multiply_add(factor, other, builder.load(held)), held)
        for target, held in zip(targets, sums, strict=True):
            emitter.store(builder.load(held), target)
        return emitter.done()

    return types.none(systems, types.intp, types.intp), emit


@intrinsic
def _settle_row(_context: Any, systems: Any, _row: Any, _size: Any) -> Any:
    """Divide a row by the root of its pivot, whose place takes the inverse of that."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, size = emitter.values
        lane = ir.Constant(INDEX, 0)
        place = emitter.at(0, row, row, lane)
        root = emitter.known(f"llvm.sqrt.v{LANES}f32", _VECTOR, _VECTOR)
        inverse = builder.fdiv(_ONES, builder.call(root, [emitter.load(place, _VECTOR)]))
        emitter.store(inverse, place)
        with emitter.loop(emitter.plus(row, 1), emitter.plus(size, 1)) as (column, _):
            target = emitter.at(0, row, column, lane)
            emitter.store(builder.fmul(emitter.load(target, _VECTOR), inverse), target)
        return emitter.done()

    return types.none(systems, types.intp, types.intp), emit


@intrinsic
def _substitute(_context: Any, systems: Any, _row: Any, _size: Any) -> Any:
    """Set the unknown of a row, of which nothing else is left, and take it out of those above."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, size = emitter.values
        lane = ir.Constant(INDEX, 0)
        place = emitter.at(0, row, size, lane)
        inverse = emitter.load(emitter.at(0, row, row, lane), _VECTOR)
        found = builder.fmul(emitter.load(place, _VECTOR), inverse)
        emitter.store(found, place)
        minus = builder.fneg(found)
        with emitter.loop(lane, row) as (above, _):
            target = emitter.at(0, above, size, lane)
            factor = emitter.load(emitter.at(0, above, row, lane), _VECTOR)
            rest = emitter.multiply_add(factor, minus, emitter.load(target, _VECTOR))
            emitter.store(rest, target)
        return emitter.done()

    return types.none(systems, types.intp, types.intp), emit


@inlined
def solve_lanes(systems: Array, size: Int) -> None:
    """Solve systems (≥ size, ≥ size + BEYOND, 8) of ``size`` unknowns, by Cholesky, in place.

    The upper half of [:size, :size, lane] is a matrix with positive pivots, and [:size, size, lane]
    its right side, which the solution replaces. What stands beyond is numbers, and changes.
    """
    for row in range(size):
        for column in range(row, size + 1, COLUMNS):
            _take_rows(systems, row, column)
        _settle_row(systems, row, size)
    for row in range(size - 1, -1, -1):
        _substitute(systems, row, size)
