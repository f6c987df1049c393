"""Instructions that Python has no words for: prefetching, and turns shared between threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

_intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], intrinsic)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, dimensions: int) -> Any:
    """Emit the address of array[index, …]: the first argument is the array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    at: Callable[..., Any] = cgutils.get_item_pointer
    indices = list(arguments[1 : 1 + dimensions])
    return at(context, builder, signature.args[0], array, indices, wraparound=False)


@_intrinsic
def prefetch(_context: Any, matrix: Any, _row: Any, _column: Any) -> Any:
    """Ask for the cache line of matrix[row, column], which is read and written soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, 2)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.globals.get("llvm.prefetch.p0")
        prefetch = prefetch or ir.Function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, number(1), number(3), number(1)])  # write, keep, data
        return context.get_dummy_value()

    return types.none(matrix, types.intp, types.intp), generate


@_intrinsic
def load_turn(_context: Any, array: Any, _index: Any) -> Any:
    """Read array[index], and see all that was written before the number was stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(
            _pointer(context, builder, signature, arguments, 1), "acquire", 8
        )

    return types.int64(array, types.intp), generate


@_intrinsic
def store_turn(_context: Any, array: Any, _index: Any, _value: Any) -> Any:
    """Set array[index] = value, for other threads to see after all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, 1)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, types.int64), generate


@_intrinsic
def claim(_context: Any, array: Any, _index: Any) -> Any:
    """Set array[index] from 0 to 1; True for the one thread that did."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments, 1)
        number = ir.IntType(64)
        found = builder.cmpxchg(pointer, number(0), number(1), "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(array, types.intp), generate
