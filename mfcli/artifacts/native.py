"""Bytes that Arrow owns.

Arrow works with threads of its own, and one that reads or frees an object of Python's while the
interpreter ends takes the process with it: ``terminate called without an active exception``, exit
status 134, or no end at all. So Arrow is never given a stream or bytes of Python's to keep.
"""

from __future__ import annotations

from typing import IO

import numpy as np
import pyarrow as pa


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
