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

    def load(self, address: Any) -> Any:
        """Return the 16 numbers at an address."""
        return self.builder.load(self.builder.bitcast(address, VECTOR.as_pointer()), align=4)

    def store(self, vector: Any, address: Any) -> None:
        """Write the 16 numbers at an address."""
        self.builder.store(vector, self.builder.bitcast(address, VECTOR.as_pointer()), align=4)

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
        return self.builder.call(self.known(f"llvm.fmuladd.v{WIDE}f32", *[VECTOR] * 4), [a, b, c])

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

    def done(self) -> Any:
        """Return what an intrinsic without a result returns."""
        return self.context.get_dummy_value()


def _combination(subtract: bool) -> Callable[..., Any]:
    def emit(*call: Any) -> Any:
        emitter = Emitter(*call)
        builder = emitter.builder
        _, place, _, first, _, begin, end, column, length = emitter.values
        with emitter.loop(ir.Constant(INDEX, 0), length, WIDE) as (part, _):
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
