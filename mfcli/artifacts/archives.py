"""Zip and gzip, read as streams: nothing is unpacked to disk, and nothing endless is read."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from mfcli.errors import InputError

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
GZIP_MAGIC = b"\x1f\x8b"

_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class Limits:
    """What an archive may hold before it counts as a bomb.

    members: files; total: bytes unpacked; ratio: of unpacked to packed bytes, once more than
    ``floor`` bytes are unpacked.
    """

    members: int = 10_000
    total: int = 64 << 30
    ratio: int = 200
    floor: int = 256 << 20


LIMITS = Limits()


def zip_members(path: Path, limits: Limits = LIMITS) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by path; raises InputError for one that is damaged or unsafe."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*_DAMAGED, ValueError, NotImplementedError) as error:
        raise InputError(f"{path.name}: is no whole zip ({error}): download it anew") from None
    _check_sizes(infos, path, limits)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_member(info, path)
        if info.is_dir():
            continue
        if info.filename in members:
            raise InputError(f"{path.name}: holds {info.filename!r} twice")
        members[info.filename] = info
    return members


def _check_sizes(infos: list[zipfile.ZipInfo], path: Path, limits: Limits) -> None:
    if len(infos) > limits.members:
        raise InputError(
            f"{path.name}: holds {len(infos)} files, more than the {limits.members} that are "
            "allowed: unpack it yourself and name the file"
        )
    total = sum(info.file_size for info in infos)
    packed = max(sum(info.compress_size for info in infos), 1)
    _check_bomb(path.name, total, packed, limits)


def _check_bomb(name: str, unpacked: int, packed: int, limits: Limits) -> None:
    if unpacked > limits.total or (
        unpacked > limits.floor and unpacked > limits.ratio * max(packed, 1)
    ):
        raise InputError(
            f"{name}: {packed} bytes unpack to {unpacked} or more, beyond what is allowed "
            f"({limits.total} bytes, or {limits.ratio} times): unpack it yourself and name the file"
        )


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse what could be written elsewhere when unpacked, links, and what cannot be read."""
    # orig_filename: ZipFile cuts names at a NUL and turns backslashes round where it can.
    name = info.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or ".." in parts or PureWindowsPath(name).drive or "\0" in name:
        raise InputError(f"{path.name}: is not safe: it holds {name!r}, outside of its own folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{path.name}: is not safe: {name!r} in it is a link or a device")
    if info.flag_bits & 0x1:
        raise InputError(f"{path.name}: {name!r} in it is encrypted: unpack it first")


def open_member(path: Path, info: zipfile.ZipInfo, limits: Limits = LIMITS) -> IO[bytes]:
    """Open a file of a zip as a stream; reading raises InputError where the zip is damaged."""
    archive = zipfile.ZipFile(path)
    try:
        stream = archive.open(info)
    except (*_DAMAGED, NotImplementedError, RuntimeError, OSError) as error:
        archive.close()
        raise InputError(f"{path.name}: {info.filename!r} cannot be unpacked: {error}") from None
    name = f"{path.name}/{info.filename}"
    return Unpacked(stream, name, limits, lambda: max(info.compress_size, 1), archive)  # type: ignore[return-value]


def open_gzip(packed: IO[bytes], name: str, limits: Limits = LIMITS) -> IO[bytes]:
    """Unpack a stream; reading raises InputError where it is damaged, cut off or a bomb."""
    counted = _Counted(packed)
    stream = gzip.GzipFile(fileobj=counted, mode="rb")  # type: ignore[call-overload]
    return Unpacked(stream, name, limits, lambda: counted.done, packed)  # type: ignore[return-value]


class _Counted:
    """A stream that knows how much was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.done = stream, 0

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self.done += len(part)
        return part


class Unpacked(io.RawIOBase):
    """An unpacked stream under limits, that turns every sign of damage into an InputError."""

    def __init__(
        self, stream: Any, name: str, limits: Limits, packed: Callable[[], int], owner: Any
    ) -> None:
        """Wrap ``stream``; ``packed`` tells the packed bytes so far, ``owner`` is closed too."""
        self._stream, self._name, self._limits = stream, name, limits
        self._packed, self._owner, self._done = packed, owner, 0

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with the next bytes."""
        try:
            part = self._stream.read(min(len(buffer), 1 << 22))
        except _DAMAGED as error:
            raise InputError(
                f"{self._name}: is damaged or cut off ({error}): get it anew"
            ) from None
        self._done += len(part)
        _check_bomb(self._name, self._done, self._packed(), self._limits)
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the archive too."""
        if not self.closed:
            self._stream.close()
            self._owner.close()
        super().close()
