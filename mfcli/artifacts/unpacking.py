"""Streams that unpack under limits: nothing goes to disk, and nothing endless is read."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from mfcli.errors import InputError
from mfcli.wording import size

GZIP_MAGIC = b"\x1f\x8b"
UNPACK_FIRST = "unpack it yourself and name the file"

# What the standard library raises for packed bytes that are not as they should be.
DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may be packed before it counts as a bomb.

    members: files of an archive. total: bytes unpacked. ratio: of unpacked to packed bytes, once
    more than ``free`` bytes are unpacked.
    """

    members: int
    total: int
    ratio: int
    free: int

    def problem(self, unpacked: int, packed: int) -> str | None:
        """Return what is wrong with a size in bytes, packed and unpacked, or None."""
        too_dense = unpacked > self.free and unpacked > self.ratio * max(packed, 1)
        if unpacked <= self.total and not too_dense:
            return None
        return (
            f"{size(packed)} would unpack to {size(unpacked)} or more, beyond what is allowed "
            f"({size(self.total)}, or {self.ratio}-fold)"
        )


# Tables from anywhere: text packs well.
TABLES = Limits(members=10_000, total=64 << 30, ratio=200, free=256 << 20)


def open_gzip(packed: IO[bytes], name: str, limits: Limits = TABLES) -> IO[bytes]:
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
        except DAMAGED as error:
            raise InputError(
                f"{self._name}: is damaged or cut off ({error}): get it again"
            ) from None
        self._done += len(part)
        problem = self._limits.problem(self._done, self._packed())
        if problem:
            raise InputError(f"{self._name}: {problem}: {UNPACK_FIRST}")
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the archive too."""
        if not self.closed:
            self._stream.close()
            self._owner.close()
        super().close()
