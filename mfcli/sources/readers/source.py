"""A stream of bytes with a name, that can be opened again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import IO

import numpy as np

from mfcli.errors import InputError
from mfcli.events import OnEvent, Progress
from mfcli.sources.readers.part import WHOLE, Part
from mfcli.sources.readers.text import BOM, Head

HEAD_BYTES = 1 << 18
BLOCK_BYTES = 8 << 20
LONGEST_ROW = 1 << 24  # bytes; a source without a line end would be held as a whole


@dataclass(frozen=True)
class Source:
    """One file to read: its name for messages, how to open it, its size where it is known.

    tidied: what becomes of its first bytes where the format is looked for.
    """

    name: str
    open: Callable[[], IO[bytes]]
    size: int | None = None
    part: Part = WHOLE
    tidied: Callable[[Head], Head] | None = None

    def head(self) -> Head:
        """Return the first bytes."""
        with self.open() as stream:
            content = read_head(stream)
        head = Head(self.name, content[:HEAD_BYTES], len(content) <= HEAD_BYTES, self.part)
        return self.tidied(head) if self.tidied else head


def read_head(stream: IO[bytes]) -> bytes:
    """Return the first HEAD_BYTES + 1 bytes of a stream, fewer only where there are no more."""
    return _filled(stream, HEAD_BYTES + 1)


def cut_pieces(
    stream: IO[bytes],
    end_of_rows: Callable[[bytes, bool], int],
    on_event: OnEvent,
    size: int | None,
    name: str,
) -> Generator[bytes]:
    """Yield a stream in pieces of whole rows, without a byte-order mark.

    end_of_rows: tells where the last whole row of a text ends, 0 without one; true where nothing
    follows. Progress is in bytes of the source. Raises InputError for a row that does not end.
    """
    done, rest = 0, b""
    while part := _filled(stream, BLOCK_BYTES):
        if not done:
            part = part.removeprefix(BOM)
        done += len(part)
        on_event(Progress(done, size))
        rest += part
        cut = end_of_rows(rest, False)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > LONGEST_ROW:
            raise InputError(
                f"{name}: has a line of more than {LONGEST_ROW} bytes, or a quote that is not "
                "closed: break it, or choose another --format"
            )
    if rest:
        end_of_rows(rest, True)
        yield rest


def whole_lines(text: bytes, last: bool) -> int:
    """Return where the last whole line of a text ends; 0 without one."""
    if last:
        return len(text)
    return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, len(text) - 1) + 1


def _filled(stream: IO[bytes], size: int) -> bytes:
    """Return the next ``size`` bytes, fewer only at the end."""
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def count_line_ends(text: bytes) -> int:
    """Return how many lines end in a text: with LF, CR LF or CR."""
    returns = text.count(b"\r") if b"\r" in text else 0
    pairs = text.count(b"\r\n") if returns else 0
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n"))) + returns - pairs
