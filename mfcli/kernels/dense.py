"""Small dense symmetric systems in float32, in vectors of 16: products, Cholesky, solving.

Symmetric matrices are kept in their upper half; widths are multiples of 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba.core import types

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import inlined
from mfcli.kernels.vectors import (
    FLOAT,
    INDEX,
    LANE,
    WIDE,
    Emitter,
    dot,
    intrinsic,
    take_lines,
)

# Rows of a tile of 16 columns: its sums have half of the processor's registers, or a quarter where
# there are 32 of twice the size.
HIGH = 8 if get_host_cpu_features().get("avx512f") else 4
TALL, NARROW = 4, 2  # a tile of inner products
SUMMED = 8  # numbers that are summed at once there
SINGULAR = 1e-6  # a pivot below this part of its diagonal counts as zero

_HALF = ir.VectorType(FLOAT, SUMMED)


def _tile(subtract: bool) -> Callable[..., Any]:
    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, column, _, begin, end = emitter.values
        targets = [emitter.at(0, emitter.plus(row, line), column) for line in range(HIGH)]
        sums = [emitter.held(emitter.load(target)) for target in targets]
        with emitter.loop(begin, end) as (at, _):
            right = emitter.load(emitter.at(3, at, column))
            left = emitter.at(3, at, row)
            for number, held in enumerate(sums):
                one = builder.load(builder.gep(left, [ir.Constant(INDEX, number)]))
                factor = emitter.spread(builder.fneg(one) if subtract else one)
                builder.store(emitter.multiply_add(factor, right, builder.load(held)), held)
        for target, held in zip(targets, sums, strict=True):
            emitter.store(builder.load(held), target)
        return emitter.done()

    return emit


@intrinsic
def add_tile(_context: Any, matrix: Any, _r: Any, _c: Any, panel: Any, _b: Any, _e: Any) -> Any:
    """Add panel[b:e]ᵀ panel[b:e] to the 8 × 16 values of a matrix from (r, c) on."""
    at = types.intp
    return types.none(matrix, at, at, panel, at, at), _tile(subtract=False)


@intrinsic
def take_tile(_context: Any, matrix: Any, _r: Any, _c: Any, panel: Any, _b: Any, _e: Any) -> Any:
    """Subtract what ``add_tile`` adds."""
    at = types.intp
    return types.none(matrix, at, at, panel, at, at), _tile(subtract=True)


_PLACES = (0, 4, 2, 6, 1, 5, 3, 7)  # where `_sums` leaves the sum of each vector


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """Return one vector that holds the sums of ``SUMMED`` vectors, at ``_PLACES``."""
    length = SUMMED
    while len(vectors) > 1:
        length //= 2
        evens = [n for part in range(0, SUMMED, 2 * length) for n in range(part, part + length)]
        low = evens + [SUMMED + n for n in evens]
        high = [n + length for n in low]
        pairs = zip(vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :], strict=True)
        masks = [ir.Constant(ir.VectorType(LANE, SUMMED), lanes) for lanes in (low, high)]
        vectors = [
            builder.fadd(*(builder.shuffle_vector(a, b, mask) for mask in masks)) for a, b in pairs
        ]
    return vectors[0]


@intrinsic
def dots_tile(_context: Any, matrix: Any, _r: Any, _c: Any, lines: Any, _n: Any) -> Any:
    """Set the 4 × 2 values of a matrix from (r, c) on to ⟨lines[r + i, :n], lines[c + j, :n]⟩."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, column, _, length = emitter.values
        zeros = ir.Constant(_HALF, [0.0] * SUMMED)
        sums = [emitter.held(zeros) for _ in range(TALL * NARROW)]

        def taken(line: Any, part: Any) -> Any:
            return emitter.load(emitter.at(3, line, part), _HALF)

        with emitter.loop(ir.Constant(INDEX, 0), length, SUMMED) as (part, _):
            rights = [taken(emitter.plus(column, j), part) for j in range(NARROW)]
            for i in range(TALL):
                left = taken(emitter.plus(row, i), part)
                for j, right in enumerate(rights):
                    held = sums[NARROW * i + j]
                    builder.store(emitter.multiply_add(left, right, builder.load(held)), held)
        found = _sums(builder, [builder.load(held) for held in sums])
        for number, place in enumerate(_PLACES):
            i, j = divmod(number, NARROW)
            target = emitter.at(0, emitter.plus(row, i), emitter.plus(column, j))
            builder.store(emitter.lane(found, place), target)
        return emitter.done()

    at = types.intp
    return types.none(matrix, at, at, lines, at), emit


@intrinsic
def _factor_block(_context: Any, matrix: Any, _at: Any, floors: Any) -> Any:
    """Factorize the 16 × 16 block on the diagonal; a pivot below its floor (16,) counts as 0."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, low, _ = emitter.values
        addresses = [emitter.at(0, emitter.plus(low, line), low) for line in range(WIDE)]
        lines = [emitter.load(address) for address in addresses]
        root = emitter.known("llvm.sqrt.f32", FLOAT, FLOAT)
        for r in range(WIDE):
            pivot = emitter.lane(lines[r], r)
            floor = builder.load(emitter.at(2, ir.Constant(INDEX, r)))
            inverse = builder.fdiv(ir.Constant(FLOAT, 1.0), builder.call(root, [pivot]))
            # Of NaN neither holds: it stays, and shows.
            none = builder.fcmp_ordered("<=", pivot, floor)
            inverse = builder.select(none, ir.Constant(FLOAT, 0.0), inverse)
            line = builder.fmul(lines[r], emitter.spread(inverse))
            for below in range(r + 1, WIDE):
                factor = emitter.spread(builder.fneg(emitter.lane(line, below)))
                lines[below] = emitter.multiply_add(factor, line, lines[below])
            lines[r] = builder.insert_element(line, inverse, ir.Constant(LANE, r))
        for line, address in zip(lines, addresses, strict=True):
            emitter.store(line, address)
        return emitter.done()

    return types.none(matrix, types.intp, floors), emit


@intrinsic
def _settle_block(_context: Any, matrix: Any, _at: Any, _column: Any) -> Any:
    """Apply the inverse of a factorized block (at, at), transposed, to the block (at, column)."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, low, column = emitter.values
        rows = [emitter.plus(low, line) for line in range(WIDE)]
        lines: list[Any] = []
        for r, row in enumerate(rows):
            address = emitter.at(0, row, column)
            line = emitter.load(address)
            for above in range(r):
                factor = builder.fneg(builder.load(emitter.at(0, rows[above], row)))
                line = emitter.multiply_add(emitter.spread(factor), lines[above], line)
            line = builder.fmul(line, emitter.spread(builder.load(emitter.at(0, row, row))))
            emitter.store(line, address)
            lines.append(line)
        return emitter.done()

    return types.none(matrix, types.intp, types.intp), emit


@inlined
def add_products(matrix: Array, width: Int, panel: Array, count: Int) -> None:
    """Add panel[:count]ᵀ panel[:count] to the upper half of a matrix[:width, :width]."""
    for column in range(0, width, WIDE):
        for row in range(0, column + WIDE, HIGH):
            add_tile(matrix, row, column, panel, 0, count)


@inlined
def inner_products(matrix: Array, lines: Array, count: Int, length: Int) -> None:
    """Set the upper half of matrix[:count, :count] to the inner products of lines[:count, :length].

    Up to 3 rows and columns beyond are written as well: the lines there are to hold numbers.
    """
    for column in range(0, count, NARROW):
        for row in range(0, column + NARROW, TALL):
            dots_tile(matrix, row, column, lines, length)


@inlined
def factorize(matrix: Array, width: Int, floors: Array) -> None:
    """Turn the upper half of a positive semi-definite [:width, :width] into U, Uᵀ U = matrix.

    The diagonal of U is kept as its inverse. A direction in which the matrix says nothing has an
    inverse of 0, so that a solution has no part in it. floors: (16,), memory to work in.
    """
    for low in range(0, width, WIDE):
        for r in range(WIDE):
            floors[r] = F32(SINGULAR) * matrix[low + r, low + r]
        for column in range(low, width, WIDE):
            for row in range(low, low + WIDE, HIGH):
                take_tile(matrix, row, column, matrix, 0, low)
        _factor_block(matrix, low, floors)
        for column in range(low + WIDE, width, WIDE):
            _settle_block(matrix, low, column)


@inlined
def solve(factor: Array, width: Int, vector: Array) -> None:
    """Replace a vector[:width] by x with Uᵀ U x = vector, of what ``factorize`` made."""
    for low in range(0, width, WIDE):
        for r in range(low, low + WIDE):
            value = vector[r] * factor[r, r]
            vector[r] = value
            for column in range(r + 1, low + WIDE):
                vector[column] -= value * factor[r, column]
        after = low + WIDE
        take_lines(vector, after, vector, low, factor, low, after, after, width - after)
    for low in range(width - WIDE, -1, -WIDE):
        after = low + WIDE
        for r in range(low + WIDE - 1, low - 1, -1):
            rest = dot(factor, r, after, vector, after, width - after)
            for column in range(r + 1, after):
                rest += factor[r, column] * vector[column]
            vector[r] = (vector[r] - rest) * factor[r, r]
