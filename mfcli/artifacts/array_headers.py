"""The heads of the arrays in an ``.npz``, checked before any memory is allocated for them.

An artifact may come from anywhere, and the shape of an array may stand for more than there is.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import IO

import numpy as np

from mfcli.wording import counted


@dataclass(frozen=True)
class Header:
    """The head of an array in an ``.npz``: entries of the first dimension, and bytes in all."""

    length: int
    n_bytes: int
    itemsize: int


def array_headers(archive: zipfile.ZipFile, names: tuple[str, ...]) -> dict[str, Header]:
    """Return the heads of the arrays of these names that are there.

    Raises ValueError where one does not fill its member exactly, or holds objects.
    """
    found = {}
    there = {info.filename: info for info in archive.infolist()}
    for name in names:
        info = there.get(f"{name}.npy")
        if info is not None:
            with archive.open(info) as stream:
                found[name] = _header(stream, name, info.file_size)
    return found


def _header(stream: IO[bytes], name: str, size: int) -> Header:
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"{name} is of an unknown version {version}")
    try:
        shape, _, dtype = readers[version](stream)
    except (MemoryError, RecursionError):  # of the parser, on thousands of brackets
        raise ValueError(f"the header of {name} cannot be parsed") from None
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    n_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or dtype.itemsize == 0 or stream.tell() + n_bytes != size:
        raise ValueError(f"{name} claims the shape {shape}, and has {counted(size, 'byte')}")
    return Header(shape[0] if shape else 1, n_bytes, dtype.itemsize)
