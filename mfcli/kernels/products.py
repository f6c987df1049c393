"""Products of small matrices in float32, and the exponentials of their rows, in vectors of 16.

The matrices are blocks that stay in the cache: a call of a BLAS costs more than such a product,
and its threads would stand in the way of ours. Each number is summed in one order whatever the
processor's registers are, so that a product has the same bits wherever it stands in a block.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types

from mfcli.kernels.arrays import Array, Int
from mfcli.kernels.compilation import inlined
from mfcli.kernels.dense import HIGH
from mfcli.kernels.vectors import INDEX, LANE, VECTOR, WIDE, Emitter, intrinsic

ROWS = HIGH  # of a tile: what is multiplied is padded to so many rows
PAD = 16  # beside a row of a block, which would else begin where the one before does in the cache

# 2^r on [−½, ½] (minimax, relative 2e-9), and the smallest power that is a normal number.
_POWERS = (1.0, 0.693147206, 0.240226469, 0.0555032878, 0.00961848896, 0.00133999312, 1.53458116e-4)
_LOG2_E, _LOWEST = 1.4426950408889634, -126.0
_NUMBERS = ir.VectorType(LANE, WIDE)


def padded(length: int) -> int:
    """Return a row's length in vectors, with what keeps rows apart in the cache."""
    return -(-length // WIDE) * WIDE + PAD


@intrinsic
def _set_tile(_context: Any, matrix: Any, _r: Any, _c: Any, left: Any, right: Any, _n: Any) -> Any:
    """Set ROWS × 16 values of a matrix from (r, c) on to Σ left[k, r + i] · right[k, c + j]."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, column, _, _, depth = emitter.values
        sums = [emitter.held(ir.Constant(VECTOR, [0.0] * WIDE)) for _ in range(ROWS)]
        with emitter.loop(ir.Constant(INDEX, 0), depth) as (at, _):
            line = emitter.load(emitter.at(4, at, column))
            numbers = emitter.at(3, at, row)
            for number, held in enumerate(sums):
                one = builder.load(builder.gep(numbers, [ir.Constant(INDEX, number)]))
                wide = emitter.spread(one)
                builder.store(emitter.multiply_add(wide, line, builder.load(held)), held)
        for number, held in enumerate(sums):
            emitter.store(builder.load(held), emitter.at(0, emitter.plus(row, number), column))
        return emitter.done()

    at = types.intp
    return types.none(matrix, at, at, left, right, at), emit


@inlined
def product(matrix: Array, rows: Int, columns: Int, left: Array, right: Array, depth: Int) -> None:
    """Set matrix[:rows, :columns] to left[:depth, :rows]ᵀ right[:depth, :columns].

    rows are rounded up to ``ROWS``, columns to 16: what stands there is to be numbers, and the
    result is written.
    """
    for column in range(0, columns, WIDE):
        for row in range(0, rows, ROWS):
            _set_tile(matrix, row, column, left, right, depth)


@intrinsic
def line_top(_context: Any, matrix: Any, _row: Any, _length: Any) -> Any:
    """Return the largest of matrix[row, :length]; of NaN it takes no notice."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, length = emitter.values
        held = emitter.held(emitter.load(emitter.at(0, row, ir.Constant(INDEX, 0))))
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
            line, top = emitter.load(emitter.at(0, row, part)), builder.load(held)
            above = builder.fcmp_ordered(">", line, top)
            builder.store(builder.select(above, line, top), held)
        largest = emitter.lane(builder.load(held), 0)
        for number in range(1, WIDE):
            one = emitter.lane(builder.load(held), number)
            largest = builder.select(builder.fcmp_ordered(">", one, largest), one, largest)
        return largest

    return types.float32(matrix, types.intp, types.intp), emit


@intrinsic
def exp_line(_context: Any, matrix: Any, _row: Any, _length: Any, _top: Any) -> Any:
    """Set matrix[row, :length] to exp(· − top), where top is none below; return their sum.

    Exact to a relative 1e-7 · (1 + the distance from the top), as the argument is; what lies more
    than 87 below is about 1e-38. NaN stays.
    """

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, length, top = emitter.values

        def every(number: float) -> Any:
            return ir.Constant(VECTOR, [number] * WIDE)

        nearest = emitter.known(f"llvm.nearbyint.v{WIDE}f32", VECTOR, VECTOR)
        held = emitter.held(every(0.0))
        tops = emitter.spread(top)
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
            place = emitter.at(0, row, part)
            scaled = builder.fmul(builder.fsub(emitter.load(place), tops), every(_LOG2_E))
            low = builder.fcmp_ordered("<", scaled, every(_LOWEST))
            scaled = builder.select(low, every(_LOWEST), scaled)
            whole = builder.call(nearest, [scaled])
            rest = builder.fsub(scaled, whole)
            power = every(_POWERS[-1])
            for coefficient in _POWERS[-2::-1]:
                power = emitter.multiply_add(power, rest, every(coefficient))
            exponent = builder.add(
                builder.fptosi(whole, _NUMBERS), ir.Constant(_NUMBERS, [127] * WIDE)
            )
            bits = builder.shl(exponent, ir.Constant(_NUMBERS, [23] * WIDE))
            found = builder.fmul(power, builder.bitcast(bits, VECTOR))
            emitter.store(found, place)
            builder.store(builder.fadd(builder.load(held), found), held)
        return emitter.total(builder.load(held))

    return types.float32(matrix, types.intp, types.intp, types.float32), emit
