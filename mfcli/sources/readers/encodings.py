"""Encodings of text: UTF-8, UTF-16 by its mark or its zeros, and Windows-1252 where it is likely.

Nothing else can be told by looking: Shift-JIS, GBK or Cyrillic text is refused, and so is UTF-8 in
which single bytes are damaged, since read as another encoding all of its text would be garbled.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

from mfcli.errors import InputError
from mfcli.events import ignore
from mfcli.sources.readers.source import Source, count_line_ends, cut_pieces, whole_lines
from mfcli.sources.readers.text import BAD_BYTE, NOT_ASCII, Head

UTF_8 = "utf-8"
WINDOWS = "cp1252"
CHOOSE = "name its encoding with --encoding (cp1252, cp1251, shift_jis, gbk, …)"

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONELY_SHARE, _USUAL_SHARE = 0.7, 0.9
# What Windows-1252 texts hold: quotes, dashes and dots, which may stand side by side, and letters
# with accents, which mostly stand alone.
_RUNS = re.compile(rb"[\x80-\x84\x86-\x90\x98-\xff]+")
_USUAL = re.compile(rb"[\x80\x8a\x8c\x8e\x99\x9a\x9c\x9e\x9f\xa0-\xd6\xd8-\xf6\xf8-\xff]")


def encoding_of(content: bytes) -> str | None:
    """Return the encoding that the first bytes of a file show by a mark or by zeros, or None."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    sample = content[:4096]
    if len(sample) < 4 or 0 not in sample:
        return None
    for name, odd, even in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        zeros, others = sample[odd::2], sample[even::2]
        text = sample[: len(sample) & ~1].decode(name, "replace")
        controls = any(character < " " and character not in "\t\r\n" for character in text)
        if zeros.count(0) > 0.6 * len(zeros) and not others.count(0) and not controls:
            return name if "\n" in text or "\r" in text else None
    return None


@dataclass
class _Bytes:
    """What there is beyond ASCII in a text: characters of UTF-8, and bytes that are none."""

    good: int = 0
    bad: int = 0
    lonely: int = 0
    usual: int = 0
    letters: int = 0
    first_line: int = 0  # of the bad bytes, from 1
    first_byte: int = 0

    def take(self, text: bytes, line: int) -> None:
        """Count another piece, which begins on ``line``."""
        if text.isascii():
            return
        decoded = text.decode(UTF_8, "surrogateescape")
        self.good += len(NOT_ASCII.findall(decoded))
        bad = BAD_BYTE.search(decoded)
        if bad and not self.first_line:
            before = decoded[: bad.start()].encode(UTF_8, "surrogateescape")
            self.first_line = line + count_line_ends(before)
            self.first_byte = ord(bad[0]) - 0xDC00
        self.bad += len(BAD_BYTE.findall(decoded)) if bad else 0
        for run in _RUNS.findall(text):
            self.letters += len(run)
            self.lonely += len(run) == 1
        self.usual += len(_USUAL.findall(text))

    def choice(self, name: str) -> str:
        """Return the encoding; raises InputError where it cannot be told."""
        if not self.bad:
            return UTF_8
        if self.good >= self.bad:
            raise InputError(
                f"{name}, line {self.first_line}: holds a byte (0x{self.first_byte:02x}) that is "
                "not UTF-8, as the rest of the file is: mend that line, or name the encoding of "
                "the whole file with --encoding"
            )
        alone = self.lonely >= _LONELY_SHARE * self.letters
        if alone and self.usual >= _USUAL_SHARE * self.letters:
            return WINDOWS
        raise InputError(f"{name}, line {self.first_line}: is not UTF-8: {CHOOSE}")


def likeliest_encoding(source: Source) -> str:
    """Look at all bytes of a text that is not UTF-8; raises InputError where it cannot be told."""
    found, line = _Bytes(), 1
    with source.open() as stream:
        for piece in cut_pieces(stream, whole_lines, ignore, source.size, source.name):
            found.take(piece, line)
            line += count_line_ends(piece)
    return found.choice(source.name)


def encoding_of_head(head: Head) -> str:
    """Return the encoding of a text of which only the beginning can be looked at.

    Raises InputError where it cannot be told.
    """
    found = encoding_of(head.content)
    if found is None:
        counted = _Bytes()
        # A character may be cut off at the end.
        counted.take(head.content if head.whole else head.content[:-3], 1)
        found = counted.choice(head.name)
    return found


def recoded(source: Source, encoding: str) -> Source:
    """Return the source as UTF-8; reading raises InputError for what is not in ``encoding``."""
    return replace(source, open=lambda: recoded_stream(source.open(), encoding, source.name))


def recoded_stream(stream: IO[bytes], encoding: str, name: str) -> IO[bytes]:
    """Return a stream as UTF-8; reading raises InputError for what is not in ``encoding``."""
    return io.BufferedReader(Rewritten(stream, _recode(stream, encoding, name)), 1 << 20)


def _recode(stream: IO[bytes], encoding: str, name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        part = stream.read(1 << 22)
        try:
            text = decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].decode(encoding, "ignore").count("\n")
            raise InputError(
                f"{name}, near line {line}: is not {encoding} ({error.reason}): {CHOOSE}"
            ) from None
        line += text.count("\n")
        yield text.encode(UTF_8, "surrogatepass")
        if not part:
            return


class Rewritten(io.RawIOBase):
    """A stream of bytes that a generator makes of another stream, which is closed with this one."""

    def __init__(self, owner: IO[bytes], parts: Iterator[bytes]) -> None:
        """Wrap ``parts``, which may be empty ones too; ``owner`` is what they are read from."""
        self._owner, self._parts, self._ready = owner, parts, b""

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and none only at the end."""
        while not self._ready:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._ready = part
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

    def close(self) -> None:
        """Close the other stream too."""
        self._owner.close()
        super().close()
