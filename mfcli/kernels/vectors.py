"""Vectors of 16 float32 as LLVM knows them, and what kernels do with lines of them.

Written for LLVM as vectors, which it maps to what the processor has: as loops the products stay at
an eighth of the speed, and a BLAS call costs more than a small system. Lengths of lines, and the
columns where a stretch begins, are multiples of 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic as numba_intrinsic

intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], numba_intrinsic)

WIDE = 16  # numbers of a vector
MANY = 4  # vectors that are summed side by side: an addition waits for the one before

FLOAT, INDEX, LANE = ir.FloatType(), ir.IntType(64), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, WIDE)
_NONE = ir.Constant(VECTOR, ir.Undefined)
_address: Callable[..., Any] = cgutils.get_item_pointer
_variable: Callable[..., Any] = cgutils.alloca_once
_SPREAD = ir.Constant(ir.VectorType(LANE, WIDE), [0] * WIDE)
_ZEROS = ir.Constant(VECTOR, [0.0] * WIDE)


class Emitter:
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
        """Return index + number."""
        return self.builder.add(index, ir.Constant(INDEX, number))

    def load(self, address: Any, kind: Any = VECTOR) -> Any:
        """Return the vector of 16 numbers, or of another kind, at an address."""
        return self.builder.load(self.builder.bitcast(address, kind.as_pointer()), align=4)

    def store(self, vector: Any, address: Any) -> None:
        """Write a vector at an address."""
        place = self.builder.bitcast(address, vector.type.as_pointer())
        self.builder.store(vector, place, align=4)

    def spread(self, number: Any) -> Any:
        """Return a vector that holds one number everywhere."""
        first = self.builder.insert_element(_NONE, number, ir.Constant(LANE, 0))
        return self.builder.shuffle_vector(first, _NONE, _SPREAD)

    def lane(self, vector: Any, number: int) -> Any:
        """Return one number of a vector."""
        return self.builder.extract_element(vector, ir.Constant(LANE, number))

    def known(self, name: str, *kinds: Any) -> Any:
        """Return a function of LLVM by name: the kind that it returns, and of its arguments."""
        found = self.builder.module.globals.get(name)
        return found or ir.Function(self.builder.module, ir.FunctionType(kinds[0], kinds[1:]), name)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a · b + c, fused where the processor can."""
        name = f"llvm.fmuladd.v{a.type.count}f32"
        return self.builder.call(self.known(name, *[a.type] * 4), [a, b, c])

    def total(self, vector: Any) -> Any:
        """Return the sum of a vector's numbers, added in halves."""
        name = f"llvm.vector.reduce.fadd.v{WIDE}f32"
        add = self.known(name, FLOAT, FLOAT, VECTOR)
        zero = ir.Constant(FLOAT, 0.0)
        return self.builder.call(add, [zero, vector], fastmath=("reassoc",))

    def held(self, start: Any) -> Any:
        """Return a variable, which LLVM turns into a register."""
        slot = _variable(self.builder, start.type)
        self.builder.store(start, slot)
        return slot

    def loop(self, begin: Any, end: Any, step: int = 1) -> Any:
        """Emit a loop; its body is what is emitted in the context."""
        return cgutils.for_range_slice(self.builder, begin, end, ir.Constant(INDEX, step))

    def in_parts(self, length: Any, emit: Callable[[Any, int], None]) -> None:
        """Emit what is done to ``MANY`` vectors of a line from a part on, then to single ones."""
        rest = self.builder.srem(length, ir.Constant(INDEX, MANY * WIDE))
        most = self.builder.sub(length, rest)
        for begin, end, wide in ((ir.Constant(INDEX, 0), most, MANY), (most, length, 1)):
            with self.loop(begin, end, wide * WIDE) as (part, _):
                emit(part, wide)

    def length(self, which: int, axis: int = 0) -> Any:
        """Return a length of an argument, an array."""
        kind = self.kinds[which]
        array = self.context.make_array(kind)(self.context, self.builder, self.values[which])
        return self.builder.extract_value(array.shape, axis)

    def done(self) -> Any:
        """Return what an intrinsic without a result returns."""
        return self.context.get_dummy_value()


def _combination(subtract: bool) -> Callable[..., Any]:
    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, place, _, first, _, begin, end, column, length = emitter.values

        def add(part: Any, wide: int) -> None:
            """Emit what is added to ``wide`` vectors from a part on: each is a chain of its own."""
            parts = [emitter.plus(part, WIDE * number) for number in range(wide)]
            targets = [emitter.at(0, builder.add(place, each)) for each in parts]
            sums = [emitter.held(emitter.load(target)) for target in targets]
            with emitter.loop(begin, end) as (at, _):
                one = builder.load(emitter.at(2, builder.add(first, builder.sub(at, begin))))
                factor = emitter.spread(builder.fneg(one) if subtract else one)
                for each, held in zip(parts, sums, strict=True):
                    line = emitter.load(emitter.at(4, at, builder.add(column, each)))
                    builder.store(emitter.multiply_add(factor, line, builder.load(held)), held)
            for target, held in zip(targets, sums, strict=True):
                emitter.store(builder.load(held), target)

        emitter.in_parts(length, add)
        return emitter.done()

    return emit


@intrinsic
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


@intrinsic
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


@intrinsic
def add_rows(
    _context: Any, vector: Any, weights: Any, table: Any, places: Any, _f: Any, _n: Any
) -> Any:
    """Add Σ weights[i] · table[places[f + i]] over i < n to a vector as long as those rows."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, _, _, _, first, count = emitter.values

        def add(part: Any, wide: int) -> None:
            parts = [emitter.plus(part, WIDE * number) for number in range(wide)]
            targets = [emitter.at(0, each) for each in parts]
            sums = [emitter.held(emitter.load(target)) for target in targets]
            with emitter.loop(ir.Constant(INDEX, 0), count) as (at, _):
                factor = emitter.spread(builder.load(emitter.at(1, at)))
                place = builder.load(emitter.at(3, builder.add(first, at)))
                row = builder.sext(place, INDEX) if place.type.width < INDEX.width else place
                for each, held in zip(parts, sums, strict=True):
                    line = emitter.load(emitter.at(2, row, each))
                    builder.store(emitter.multiply_add(factor, line, builder.load(held)), held)
            for target, held in zip(targets, sums, strict=True):
                emitter.store(builder.load(held), target)

        emitter.in_parts(emitter.length(0), add)
        return emitter.done()

    at = types.intp
    return types.none(vector, weights, table, places, at, at), emit


@intrinsic
def ask_for(_context: Any, table: Any, _row: Any) -> Any:
    """Have a row of a table brought into the nearest cache, while something else is computed."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        length = emitter.length(0, 1)
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
            place = emitter.at(0, emitter.values[1], part)
            place = emitter.builder.bitcast(place, ir.IntType(8).as_pointer())
            kind = (ir.VoidType(), place.type, LANE, LANE, LANE)
            ask = emitter.known("llvm.prefetch.p0", *kind)
            emitter.builder.call(ask, [place, LANE(0), LANE(3), LANE(1)])  # read, keep, data
        return emitter.done()

    return types.none(table, types.intp), emit


@intrinsic
def dot(_context: Any, lines: Any, _r: Any, _c: Any, vector: Any, _p: Any, _n: Any) -> Any:
    """Return ⟨lines[r, c:c + n], vector[p:p + n]⟩."""

    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, row, column, _, place, length = emitter.values
        held = emitter.held(_ZEROS)
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
            one = emitter.load(emitter.at(0, row, builder.add(column, part)))
            other = emitter.load(emitter.at(3, builder.add(place, part)))
            builder.store(emitter.multiply_add(one, other, builder.load(held)), held)
        return emitter.total(builder.load(held))

    at = types.intp
    return types.float32(lines, at, at, vector, at, at), emit


@intrinsic
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
        emitter = Emitter(*call)
        builder = emitter.builder
        _, target, _, row, _, length, factor = emitter.values
        times = emitter.spread(factor)
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
            line = emitter.load(emitter.at(2, row, part))
            scale = builder.fmul(emitter.load(emitter.at(4, part)), times)
            emitter.store(builder.fmul(line, scale), emitter.at(0, target, part))
        return emitter.done()

    at = types.intp
    return types.none(to, at, lines, at, scales, at, types.float32), emit
