"""Small dense symmetric systems in float32, in vectors of 16: products, Cholesky, solving.

Written for LLVM as vectors, which it maps to what the processor has: as loops the products stay at
an eighth of the speed, and a BLAS call costs more than a small system. Symmetric matrices are kept
in their upper half; widths, and the columns where a stretch begins, are multiples of 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import inlined

_intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], intrinsic)

WIDE, HIGH = 16, 8  # a tile's columns, one vector; and its rows, a register each
TALL, NARROW, SUMMED = (
    4,
    2,
    8,
)  # a tile of inner products, and the numbers that a vector sums at once
SINGULAR = 1e-6  # a pivot below this part of its diagonal counts as zero

_FLOAT, _INDEX, _LANE = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, WIDE)
_HALF = ir.VectorType(_FLOAT, SUMMED)
_NONE = ir.Constant(_VECTOR, ir.Undefined)
_address: Callable[..., Any] = cgutils.get_item_pointer
_variable: Callable[..., Any] = cgutils.alloca_once
_SPREAD = ir.Constant(ir.VectorType(_LANE, WIDE), [0] * WIDE)
_ZEROS = ir.Constant(_VECTOR, [0.0] * WIDE)


class _Emitter:
    """Emits vector code for one call of an intrinsic: ``values`` are what it was called with."""

    def __init__(self, context: Any, builder: Any, signature: Any, values: Any) -> None:
        self.context, self.builder, self.kinds, self.values = (
            context,
            builder,
            signature.args,
            values,
        )

    def at(self, which: int, *index: Any) -> Any:
        """Return the address of an element of an argument."""
        kind = self.kinds[which]
        array = self.context.make_array(kind)(self.context, self.builder, self.values[which])
        return _address(self.context, self.builder, kind, array, list(index), wraparound=False)

    def plus(self, index: Any, number: int) -> Any:
        return self.builder.add(index, ir.Constant(_INDEX, number))

    def load(self, address: Any) -> Any:
        return self.builder.load(self.builder.bitcast(address, _VECTOR.as_pointer()), align=4)

    def store(self, vector: Any, address: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(address, _VECTOR.as_pointer()), align=4)

    def spread(self, number: Any) -> Any:
        """Return a vector that holds one number everywhere."""
        first = self.builder.insert_element(_NONE, number, ir.Constant(_LANE, 0))
        return self.builder.shuffle_vector(first, _NONE, _SPREAD)

    def lane(self, vector: Any, number: int) -> Any:
        return self.builder.extract_element(vector, ir.Constant(_LANE, number))

    def known(self, name: str, *kinds: Any) -> Any:
        """Return a function of LLVM by name: the kind that it returns, and of its arguments."""
        found = self.builder.module.globals.get(name)
        return found or ir.Function(self.builder.module, ir.FunctionType(kinds[0], kinds[1:]), name)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a · b + c, fused where the processor can."""
        return self.builder.call(self.known(f"llvm.fmuladd.v{WIDE}f32", *[_VECTOR] * 4), [a, b, c])

    def total(self, vector: Any) -> Any:
        """Return the sum of a vector's numbers, added in halves."""
        name = f"llvm.vector.reduce.fadd.v{WIDE}f32"
        add = self.known(name, _FLOAT, _FLOAT, _VECTOR)
        zero = ir.Constant(_FLOAT, 0.0)
        return self.builder.call(add, [zero, vector], fastmath=("reassoc",))

    def held(self, start: Any) -> Any:
        """Return a variable, which LLVM turns into a register."""
        slot = _variable(self.builder, start.type)
        self.builder.store(start, slot)
        return slot

    def loop(self, begin: Any, end: Any, step: int = 1) -> Any:
        return cgutils.for_range_slice(self.builder, begin, end, ir.Constant(_INDEX, step))

    def done(self) -> Any:
        return self.context.get_dummy_value()


def _tile(subtract: bool) -> Callable[..., Any]:
    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, row, column, _, begin, end = emitter.values
        targets = [emitter.at(0, emitter.plus(row, line), column) for line in range(HIGH)]
        sums = [emitter.held(emitter.load(target)) for target in targets]
        with emitter.loop(begin, end) as (at, _):
            right = emitter.load(emitter.at(3, at, column))
            left = emitter.at(3, at, row)
            for number, held in enumerate(sums):
                one = builder.load(builder.gep(left, [ir.Constant(_INDEX, number)]))
                factor = emitter.spread(builder.fneg(one) if subtract else one)
                builder.store(emitter.multiply_add(factor, right, builder.load(held)), held)
        for target, held in zip(targets, sums, strict=True):
            emitter.store(builder.load(held), target)
        return emitter.done()

    return emit


@_intrinsic
def add_tile(_context: Any, matrix: Any, _r: Any, _c: Any, panel: Any, _b: Any, _e: Any) -> Any:
    """Add panel[b:e]ᵀ panel[b:e] to the 8 × 16 values of a matrix from (r, c) on."""
    at = types.intp
    return types.none(matrix, at, at, panel, at, at), _tile(subtract=False)


@_intrinsic
def take_tile(_context: Any, matrix: Any, _r: Any, _c: Any, panel: Any, _b: Any, _e: Any) -> Any:
    """Subtract what ``add_tile`` adds."""
    at = types.intp
    return types.none(matrix, at, at, panel, at, at), _tile(subtract=True)


def _combination(subtract: bool) -> Callable[..., Any]:
    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, place, _, first, _, begin, end, column, length = emitter.values
        with emitter.loop(ir.Constant(_INDEX, 0), length, WIDE) as (part, _):
            target = emitter.at(0, builder.add(place, part))
            held = emitter.held(emitter.load(target))
            with emitter.loop(begin, end) as (at, _):
                one = builder.load(emitter.at(2, builder.add(first, builder.sub(at, begin))))
                factor = emitter.spread(builder.fneg(one) if subtract else one)
                line = emitter.load(emitter.at(4, at, builder.add(column, part)))
                builder.store(emitter.multiply_add(factor, line, builder.load(held)), held)
            emitter.store(builder.load(held), target)
        return emitter.done()

    return emit


@_intrinsic
def add_lines(
    _context: Any,
    vector: Any,
    _p: Any,
    weights: Any,
    _f: Any,
    lines: Any,
    _b: Any,
    _e: Any,
    _c: Any,
    _n: Any,
) -> Any:
    """Add Σ weights[f + i] · lines[b + i, c:c + n] over i < e − b to vector[p:p + n]."""
    at = types.intp
    kinds = (vector, at, weights, at, lines, at, at, at, at)
    return types.none(*kinds), _combination(subtract=False)


@_intrinsic
def take_lines(
    _context: Any,
    vector: Any,
    _p: Any,
    weights: Any,
    _f: Any,
    lines: Any,
    _b: Any,
    _e: Any,
    _c: Any,
    _n: Any,
) -> Any:
    """Subtract what ``add_lines`` adds."""
    at = types.intp
    kinds = (vector, at, weights, at, lines, at, at, at, at)
    return types.none(*kinds), _combination(subtract=True)


@_intrinsic
def dot(_context: Any, lines: Any, _r: Any, _c: Any, vector: Any, _p: Any, _n: Any) -> Any:
    """Return ⟨lines[r, c:c + n], vector[p:p + n]⟩."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, row, column, _, place, length = emitter.values
        held = emitter.held(_ZEROS)
        with emitter.loop(ir.Constant(_INDEX, 0), length, WIDE) as (part, _):
            one = emitter.load(emitter.at(0, row, builder.add(column, part)))
            other = emitter.load(emitter.at(3, builder.add(place, part)))
            builder.store(emitter.multiply_add(one, other, builder.load(held)), held)
        return emitter.total(builder.load(held))

    at = types.intp
    return types.float32(lines, at, at, vector, at, at), emit


@_intrinsic
def copy_line(
    _context: Any, to: Any, _t: Any, lines: Any, _r: Any, _c: Any, _n: Any, _factor: Any
) -> Any:
    """Set to[t, :n] = factor · lines[r, c:c + n]."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, target, _, row, column, length, factor = emitter.values
        times = emitter.spread(factor)
        with emitter.loop(ir.Constant(_INDEX, 0), length, WIDE) as (part, _):
            line = emitter.load(emitter.at(2, row, builder.add(column, part)))
            emitter.store(builder.fmul(line, times), emitter.at(0, target, part))
        return emitter.done()

    at = types.intp
    return types.none(to, at, lines, at, at, at, types.float32), emit


@_intrinsic
def scale_line(
    _context: Any,
    to: Any,
    _t: Any,
    lines: Any,
    _r: Any,
    scales: Any,
    _n: Any,
    _factor: Any,
) -> Any:
    """Set to[t, :n] = factor · scales[:n] · lines[r, :n]."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, target, _, row, _, length, factor = emitter.values
        times = emitter.spread(factor)
        with emitter.loop(ir.Constant(_INDEX, 0), length, WIDE) as (part, _):
            line = emitter.load(emitter.at(2, row, part))
            scale = builder.fmul(emitter.load(emitter.at(4, part)), times)
            emitter.store(builder.fmul(line, scale), emitter.at(0, target, part))
        return emitter.done()

    at = types.intp
    return types.none(to, at, lines, at, scales, at, types.float32), emit


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
        masks = [ir.Constant(ir.VectorType(_LANE, SUMMED), lanes) for lanes in (low, high)]
        vectors = [
            builder.fadd(*(builder.shuffle_vector(a, b, mask) for mask in masks)) for a, b in pairs
        ]
    return vectors[0]


@_intrinsic
def dots_tile(_context: Any, matrix: Any, _r: Any, _c: Any, lines: Any, _n: Any) -> Any:
    """Set the 4 × 2 values of a matrix from (r, c) on to ⟨lines[r + i, :n], lines[c + j, :n]⟩."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, row, column, _, length = emitter.values
        zeros = ir.Constant(_HALF, [0.0] * SUMMED)
        sums = [emitter.held(zeros) for _ in range(TALL * NARROW)]
        add = emitter.known(f"llvm.fmuladd.v{SUMMED}f32", *[_HALF] * 4)

        def taken(line: Any, part: Any) -> Any:
            place = emitter.at(3, line, part)
            return builder.load(builder.bitcast(place, _HALF.as_pointer()), align=4)

        with emitter.loop(ir.Constant(_INDEX, 0), length, SUMMED) as (part, _):
            rights = [taken(emitter.plus(column, j), part) for j in range(NARROW)]
            for i in range(TALL):
                left = taken(emitter.plus(row, i), part)
                for j, right in enumerate(rights):
                    held = sums[NARROW * i + j]
                    builder.store(builder.call(add, [left, right, builder.load(held)]), held)
        found = _sums(builder, [builder.load(held) for held in sums])
        for number, place in enumerate(_PLACES):
            i, j = divmod(number, NARROW)
            target = emitter.at(0, emitter.plus(row, i), emitter.plus(column, j))
            builder.store(emitter.lane(found, place), target)
        return emitter.done()

    at = types.intp
    return types.none(matrix, at, at, lines, at), emit


@_intrinsic
def _factor_block(_context: Any, matrix: Any, _at: Any, floors: Any) -> Any:
    """Factorize the 16 × 16 block on the diagonal; a pivot below its floor (16,) counts as 0."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
        builder = emitter.builder
        _, low, _ = emitter.values
        addresses = [emitter.at(0, emitter.plus(low, line), low) for line in range(WIDE)]
        lines = [emitter.load(address) for address in addresses]
        root = emitter.known("llvm.sqrt.f32", _FLOAT, _FLOAT)
        for r in range(WIDE):
            pivot = emitter.lane(lines[r], r)
            floor = builder.load(emitter.at(2, ir.Constant(_INDEX, r)))
            inverse = builder.fdiv(ir.Constant(_FLOAT, 1.0), builder.call(root, [pivot]))
            # Of NaN neither holds: it stays, and shows.
            none = builder.fcmp_ordered("<=", pivot, floor)
            inverse = builder.select(none, ir.Constant(_FLOAT, 0.0), inverse)
            line = builder.fmul(lines[r], emitter.spread(inverse))
            for below in range(r + 1, WIDE):
                factor = emitter.spread(builder.fneg(emitter.lane(line, below)))
                lines[below] = emitter.multiply_add(factor, line, lines[below])
            lines[r] = builder.insert_element(line, inverse, ir.Constant(_LANE, r))
        for line, address in zip(lines, addresses, strict=True):
            emitter.store(line, address)
        return emitter.done()

    return types.none(matrix, types.intp, floors), emit


@_intrinsic
def _settle_block(_context: Any, matrix: Any, _at: Any, _column: Any) -> Any:
    """Apply the inverse of a factorized block (at, at), transposed, to the block (at, column)."""

    def emit(*call: Any) -> Any:
        emitter = _Emitter(*call)
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
def add_products(matrix: Array, panel: Array, begin: Int, end: Int) -> None:
    """Add panel[begin:end]ᵀ panel[begin:end] to the upper half of a matrix (W, W)."""
    width = len(matrix)
    for column in range(0, width, WIDE):
        for row in range(0, column + WIDE, HIGH):
            add_tile(matrix, row, column, panel, begin, end)


@inlined
def inner_products(matrix: Array, lines: Array, count: Int) -> None:
    """Set the upper half of matrix[:count, :count] to the inner products of ``count`` lines (N, D).

    Up to 3 rows and columns beyond are written as well: the lines there are to hold numbers.
    """
    for column in range(0, count, NARROW):
        for row in range(0, column + NARROW, TALL):
            dots_tile(matrix, row, column, lines, lines.shape[1])


@inlined
def factorize(matrix: Array, floors: Array) -> None:
    """Turn the upper half of a positive semi-definite (W, W) into U with Uᵀ U = matrix.

    The diagonal of U is kept as its inverse. A direction in which the matrix says nothing has an
    inverse of 0, so that a solution has no part in it. floors: (16,), memory to work in.
    """
    width = len(matrix)
    for low in range(0, width, WIDE):
        for r in range(WIDE):
            floors[r] = F32(SINGULAR) * matrix[low + r, low + r]
        for column in range(low, width, WIDE):
            take_tile(matrix, low, column, matrix, 0, low)
            take_tile(matrix, low + HIGH, column, matrix, 0, low)
        _factor_block(matrix, low, floors)
        for column in range(low + WIDE, width, WIDE):
            _settle_block(matrix, low, column)


@inlined
def solve(factor: Array, vector: Array) -> None:
    """Replace a vector (W,) by x with Uᵀ U x = vector, of what ``factorize`` made."""
    width = len(factor)
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
