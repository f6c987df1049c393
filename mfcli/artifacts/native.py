"""Bytes that Arrow owns.

Arrow works with threads of its own, and one that reads or frees an object of Python's while the
interpreter ends takes the process with it: ``terminate called without an active exception``, exit
status 134, or no end at all. So Arrow is never given a stream or bytes of Python's to keep.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import IO, Any

import numpy as np
import pyarrow as pa


def leave_pandas_out() -> None:
    """Let Arrow go without pandas in this process, unless pandas is there already.

    At its first array Arrow imports pandas, half a second, to see whether it was given a series.
    It does so once; conversions to pandas still import it. For processes of the command line,
    which have no series: in others somebody may have some later.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:  # noqa: ARG002
        if fullname == "pandas":
            raise ImportError


def native_buffer(content: bytes) -> pa.Buffer:
    """Return a copy of bytes in Arrow's own memory."""
    buffer = pa.allocate_buffer(len(content))
    if content:
        np.frombuffer(buffer, np.uint8)[:] = np.frombuffer(content, np.uint8)
    return buffer


def native_reader(stream: IO[bytes]) -> pa.BufferReader:
    """Return what is left of a stream, in Arrow's own memory."""
    sink = pa.BufferOutputStream()
    while part := stream.read(1 << 22):
        sink.write(part)
    return pa.BufferReader(sink.getvalue())
