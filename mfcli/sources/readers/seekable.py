"""Streams that a reader may jump about in."""

from __future__ import annotations

import shutil
import tempfile
from typing import IO

from mfcli.sources.readers.source import Source


def open_seekable(source: Source) -> IO[bytes]:
    """Return a stream that can seek: the file itself, or what it unpacks to in a temporary one."""
    stream = source.open()
    if stream.seekable():
        return stream
    with stream:
        unpacked = tempfile.TemporaryFile(prefix="mfcli-")  # noqa: SIM115 (the caller closes it)
        shutil.copyfileobj(stream, unpacked, 1 << 20)
    unpacked.seek(0)
    return unpacked
