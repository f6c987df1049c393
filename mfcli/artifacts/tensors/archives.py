"""The zip of torch's format: ``data.pkl``, and a member of plain bytes for each array."""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.tensors.pickles import decode, encode
from mfcli.artifacts.zips import ZIP_MAGIC, check_members

__all__ = ["ZIP_MAGIC", "read_archive", "write_archive"]

ROOT = "archive"  # the folder that all members lie in
VERSION = b"3\n"
ALIGNMENT = 64  # bytes: arrays are used where they lie in the file
_END = b"PK\x05\x06"
_PADDING = 0x4246  # an extra field of torch's that only fills


def read_archive(stream: IO[bytes], *, mapped: bool = False) -> tuple[Any, int]:
    """Return the document in a file, arrays in place of tensors, and the bytes of its pickle.

    ``mapped`` leaves the arrays in the file, and in memory that processes share; what is written
    to them stays in this process. Every member is held against its checksum first. Raises
    zipfile.BadZipFile, ValueError, or what Python raises of a pickle that is none.
    """
    with zipfile.ZipFile(stream) as archive:
        members = _checked_members(stream, archive)
        pickled = archive.read(members["data.pkl"])
        swapped = _is_swapped(archive, members)
    memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None

    def find(key: str) -> memoryview | bytearray:
        info = members[f"data/{key}"]
        begin, length = _place(stream, info), info.file_size
        if memory is not None and begin % ALIGNMENT == 0:
            return memoryview(memory)[begin : begin + length]
        own = bytearray(length)
        stream.seek(begin)
        if stream.readinto(own) != length:  # type: ignore[attr-defined]
            raise zipfile.BadZipFile(f"{info.filename} is cut off")
        return own

    return decode(pickled, find, swapped=swapped), len(pickled)


def _checked_members(stream: IO[bytes], archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names within the root; BadZipFile unless all are whole.

    torch finds the same members as Python only where the zip ends with the list of them.
    """
    stream.seek(-22, os.SEEK_END)
    if stream.read(4) != _END:
        raise zipfile.BadZipFile("something follows the list of its members")
    check_members(archive, os.fstat(stream.fileno()).st_size, packed=False)
    damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
    infos = archive.infolist()
    root = infos[0].filename.partition("/")[0] + "/" if infos else ""
    members = {
        info.filename.removeprefix(root): info for info in infos if info.filename.startswith(root)
    }
    if not {"data.pkl", "version"} <= members.keys():
        raise zipfile.BadZipFile("it holds no document of torch")
    return members


def _is_swapped(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> bool:
    """Tell whether the bytes of its numbers stand the other way round than this machine's."""
    if "byteorder" not in members:
        return sys.byteorder != "little"
    order = archive.read(members["byteorder"])
    if order not in (b"little", b"big"):
        raise ValueError("its byteorder is unknown")
    return order.decode() != sys.byteorder


def _place(stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a stored member begin; its head has been checked by zipfile."""
    stream.seek(info.header_offset + 26)
    name, extra = struct.unpack("<HH", stream.read(4))
    return int(info.header_offset + 30 + name + extra)


def write_archive(stream: IO[bytes], document: Any) -> None:
    """Write a document of arrays and plain values; equal ones give equal bytes.

    Raises TypeError for any other value.
    """
    arrays: list[NDArray[Any]] = []

    def store(array: NDArray[Any]) -> str:
        arrays.append(array)
        return str(len(arrays) - 1)

    pickled = encode(document, store)
    archive = zipfile.ZipFile(stream, "w")
    try:
        _add(archive, "data.pkl", pickled)
        _add(archive, "byteorder", sys.byteorder.encode())
        for number, array in enumerate(arrays):
            _add(archive, f"data/{number}", array.reshape(-1).view(np.uint8))
        _add(archive, "version", VERSION)
        archive.close()
    except BaseException:
        archive.fp = None  # else it would list its members, at the latest when it is collected
        raise


def _add(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    """Store any bytes as a member, which begin at a multiple of ``ALIGNMENT``."""
    info = zipfile.ZipInfo(f"{ROOT}/{name}")  # of 1 January 1980: no time of the clock enters
    content = memoryview(content)
    info.file_size = content.nbytes
    large = info.file_size * 1.05 > zipfile.ZIP64_LIMIT  # as zipfile itself decides
    begin = archive.start_dir + 30 + len(info.filename) + (20 if large else 0)
    fill = -(begin + 4) % ALIGNMENT
    info.extra = struct.pack("<HH", _PADDING, fill) + b"Z" * fill
    with archive.open(info, "w", force_zip64=large) as member:
        member.write(content)
