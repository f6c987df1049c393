"""A stream of bytes with a name, that can be opened again."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from mfcli.errors import InputError
from mfcli.events import OnEvent, Progress
from mfcli.sources.readers.part import WHOLE, Part
from mfcli.sources.readers.text import BOM, Head

HEAD_BYTES = 1 << 18
LONGEST_LINE = 1 << 23  # bytes; a source without a line end would be held as a whole


@dataclass(frozen=True)
class Source:
    """One file to read: its name for messages, how to open it, its size where it is known."""

    name: str
    open: Callable[[], IO[bytes]]
    size: int | None = None
    part: Part = WHOLE

    def head(self) -> Head:
        """Return the first bytes."""
        with self.open() as stream:
            content = read_head(stream)
        return Head(self.name, content[:HEAD_BYTES], len(content) <= HEAD_BYTES, self.part)


def read_head(stream: IO[bytes]) -> bytes:
    """Return the first HEAD_BYTES + 1 bytes of a stream, fewer only where there are no more."""
    parts, missing = [], HEAD_BYTES + 1
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


class Lines(io.RawIOBase):
    """A stream cut at line ends, each piece without a byte-order mark and through ``change``.

    Arrow reads it in place of the file; it reports progress in bytes of the source.
    """

    def __init__(
        self,
        stream: IO[bytes],
        change: Callable[[bytes], bytes] | None,
        on_event: OnEvent,
        size: int | None,
        name: str,
    ) -> None:
        """Wrap ``stream``, which is closed with this one; ``name`` is for messages."""
        self._name = name
        self._stream, self._change, self._report, self._size = stream, change, on_event, size
        self._done, self._rest, self._ready = 0, b"", b""

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and none only at the end."""
        while not self._ready:
            piece = self._piece()
            if not piece:
                return b""
            self._ready = self._change(piece) if self._change else piece
        if size < 0 or size >= len(self._ready):
            taken, self._ready = self._ready, b""
        else:
            taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with the next bytes."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def _piece(self) -> bytes:
        """Return the next whole lines as they stand in the source."""
        while part := self._stream.read(1 << 22):
            if not self._done:
                part = part.removeprefix(BOM)
            self._done += len(part)
            self._report(Progress(self._done, self._size))
            if not self._change:
                return part
            cut = part.rfind(b"\n") + 1
            if cut:
                whole, self._rest = self._rest + part[:cut], part[cut:]
                return whole
            self._rest += part
            if len(self._rest) > LONGEST_LINE:
                raise InputError(
                    f"{self._name}: has a line of more than {LONGEST_LINE} bytes: break it, or "
                    "choose another --format"
                )
        whole, self._rest = self._rest, b""
        return whole

    def close(self) -> None:
        """Close the wrapped stream too."""
        self._stream.close()
        super().close()
