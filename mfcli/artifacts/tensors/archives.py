"""The zip of torch's format: ``data.pkl``, and a member of plain bytes for each array."""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zipfile
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.tensors.pickles import decode, encode
from mfcli.artifacts.zips import ZIP_MAGIC, check_members

__all__ = ["ZIP_MAGIC", "read_archive", "write_archive"]

ROOT = "archive"  # the folder that all members lie in
VERSION = b"3\n"
ALIGNMENT = 64  # bytes: arrays are used where they lie in the file
ELSEWHERE = 0xFFFFFFFF  # of 32 bits: the number stands in 64 bits in an extra field
LARGEST = ELSEWHERE  # numbers from here on do
_FIRST_DAY = 0x21  # 1 January 1980: no time of the clock enters a file
_HEAD, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
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
    archive = _Archive(stream)
    archive.add("data.pkl", pickled)
    archive.add("byteorder", sys.byteorder.encode())
    for number, array in enumerate(arrays):
        archive.add(f"data/{number}", array.reshape(-1).view(np.uint8))
    archive.add("version", VERSION)
    archive.end()


class _Archive:
    """Writes a zip of stored members, front to back.

    Python's own would also try to end the archive after a failed write.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._at = stream, 0
        self._entries: list[bytes] = []

    def _write(self, content: Any) -> None:
        self._stream.write(content)
        self._at += len(content)

    def add(self, name: str, content: Any) -> None:
        """Write a member of any bytes, which begin at a multiple of ``ALIGNMENT``."""
        path, size, begin = f"{ROOT}/{name}".encode(), len(content), self._at
        sizes = struct.pack("<QQ", size, size) if size >= LARGEST else b""
        long = struct.pack("<HH", 1, len(sizes)) + sizes if sizes else b""
        # Two fields of 2 bytes begin the padding.
        fill = -(begin + 30 + len(path) + len(long) + 4) % ALIGNMENT
        padding = struct.pack("<HH", _PADDING, fill) + b"Z" * fill
        shown = _shown(size)
        common = (0, 0, 0, _FIRST_DAY, zlib.crc32(content), shown, shown, len(path))
        version = 45 if long else 20
        self._write(_HEAD + struct.pack("<5H3I2H", version, *common, len(long + padding)) + path)
        self._write(long + padding)
        self._write(content)
        if begin >= LARGEST:
            sizes += struct.pack("<Q", begin)
        long = struct.pack("<HH", 1, len(sizes)) + sizes if sizes else b""
        version = 45 if long else 20
        place = (0, 0, 0, 0, _shown(begin))  # comment, disk, attributes twice, offset
        self._entries.append(
            _ENTRY
            + struct.pack("<6H3I2H", 20, version, *common, len(long))
            + struct.pack("<3H2I", *place)
            + path
            + long
        )

    def end(self) -> None:
        """Write the list of the members."""
        begin, number = self._at, len(self._entries)
        self._write(b"".join(self._entries))
        size = self._at - begin
        if begin >= LARGEST or number >= 0xFFFF:
            end = self._at
            self._write(
                b"PK\x06\x06"
                + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, number, number, size, begin)
            )
            self._write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
        few, place = min(number, 0xFFFF), _shown(begin)
        self._write(_END + struct.pack("<4H2IH", 0, 0, few, few, size, place, 0))


def _shown(number: int) -> int:
    """Return what stands where a zip has 32 bits for a number."""
    return number if number < LARGEST else ELSEWHERE
