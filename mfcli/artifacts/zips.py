"""What may be believed of a zip, an array and a document before anything is allocated for them.

An artifact may come from anywhere. A member of a few bytes can claim, or unpack to, any size; an
array's shape, a tensor's strides and a list that holds itself can stand for more than there is.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from mfcli.artifacts.meta import DEEPEST

MOST_MEMBERS = 100_000
MOST_RATIO = 200  # unpacked bytes of a byte: of ratings, deflate makes about five
FREE_BYTES = 1 << 24  # so much may unpack from anything


@dataclass(frozen=True)
class Header:
    """The head of an array in an ``.npz``: entries of the first dimension, and bytes in all."""

    length: int
    n_bytes: int
    itemsize: int


def check_members(archive: zipfile.ZipFile, size: int, *, packed: bool) -> None:
    """Raise BadZipFile for a zip of ``size`` bytes that claims more than it can hold.

    ``packed`` lets members be compressed, as far as ratings can be.
    """
    members = archive.infolist()
    if len(members) > MOST_MEMBERS or len({each.filename for each in members}) < len(members):
        raise zipfile.BadZipFile("it holds a member twice, or too many")
    inside = sum(each.compress_size for each in members)
    total = sum(each.file_size for each in members)
    if inside > size or any(each.flag_bits & 1 for each in members):
        raise zipfile.BadZipFile("its members claim more bytes than there are, or are encrypted")
    plain = all(each.compress_type == zipfile.ZIP_STORED for each in members)
    if (total > inside or not plain) and not packed:
        raise zipfile.BadZipFile("a member is compressed, or claims more bytes than there are")
    if total > max(FREE_BYTES, MOST_RATIO * inside):
        raise zipfile.BadZipFile(f"{inside} bytes unpack to {total}")


def array_headers(archive: zipfile.ZipFile, names: tuple[str, ...]) -> dict[str, Header]:
    """Return the heads of the arrays of these names that are there.

    Raises ValueError where one does not fill its member exactly, or holds objects.
    """
    found = {}
    there = {each.filename: each for each in archive.infolist()}
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
        raise ValueError(f"the header of {name} is no header") from None
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    n_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or dtype.itemsize == 0 or stream.tell() + n_bytes != size:
        raise ValueError(f"{name} claims the shape {shape}, and has {size} bytes")
    return Header(shape[0] if shape else 1, n_bytes, dtype.itemsize)


def check_document(document: Any, size: int) -> None:
    """Raise ValueError for a document read from ``size`` bytes that stands for more than those.

    That is: lists and tables shared many times or holding themselves, tensors that are expanded,
    sparse or elsewhere, values that are no plain ones, and depth.
    """
    import torch

    left = 10 * size + 1000  # an honest value takes a byte at least, a shared one a few
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, torch.Tensor):
            whole = value.layout is torch.strided and value.device.type == "cpu"
            if not whole or value.is_quantized or not value.is_contiguous():
                raise ValueError("a tensor is not plain")
        elif isinstance(value, dict | list | tuple):
            left -= len(value)
            if left < 0 or depth > DEEPEST:
                raise ValueError("it holds itself, or one part many times")
            parts = value.values() if isinstance(value, dict) else value
            waiting.extend((each, depth + 1) for each in parts)
        elif not isinstance(value, str | bool | int | float | None):
            raise ValueError(f"it holds a {type(value).__name__}")
