"""What a source is, before it is read: its files with the SHA-256 of each; and that it stays so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mfcli.artifacts import file_sha256
from mfcli.config import FetchConfig
from mfcli.errors import InputError
from mfcli.events import OnEvent, ignore
from mfcli.sources.contents import Located
from mfcli.sources.locate import NO_NAMES, expanded, is_demo, locate, names_source
from mfcli.sources.naming import NameList
from mfcli.system.streams import printable

Inputs = list[dict[str, Any]]
Files = tuple[tuple[str, Path], ...]  # name for the lineage, path


def identify(
    sources: Sequence[str], config: FetchConfig | None = None, on_event: OnEvent = ignore
) -> Inputs:
    """Return name, SHA-256 and bytes of the files of a source, as its interactions will name them.

    The built-in sample has none. A URL is downloaded, or found in the cache as it is. Raises
    InputError, DownloadError, UsageError.
    """
    config = config or FetchConfig()
    found = expanded(sources)
    if len(found) == 1 and is_demo(found[0], on_event):
        return []
    with ExitStack() as stack:
        located = [stack.enter_context(locate(each, config, on_event)) for each in found]
        return described(files_of(located, lists_of_names(located, config)[1]))


def files_of(found: Sequence[Located], more: Files) -> Files:
    """Return all files that are read of a source, each once."""
    return (*dict.fromkeys(entry for located in found for entry in located.files), *more)


def described(files: Files) -> Inputs:
    """Return name, SHA-256 and size of files; raises InputError for one that cannot be read."""
    return [
        {"name": printable(name), "sha256": file_sha256(path), "bytes": path.stat().st_size}
        for name, path in files
    ]


@contextmanager
def watched(files: Files) -> Iterator[Inputs]:
    """Yield name, SHA-256 and size of the files; raises InputError if one changes meanwhile."""
    before = [_signature(path) for _, path in files]
    yield described(files)
    for (name, path), signature in zip(files, before, strict=True):
        if _signature(path) != signature:
            raise InputError(f"{name}: changed while it was read: read it again")


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def lists_of_names(found: Sequence[Located], config: FetchConfig) -> tuple[list[NameList], Files]:
    """Return the lists of item names, and the files that only they are in."""
    if config.item_names == NO_NAMES:
        return [], ()
    if config.item_names is not None:
        source, file = names_source(config.item_names)
        return [NameList(source)], (file,)
    lists: dict[tuple[str, Path], NameList] = {}  # files of one folder have the same names
    for located in found:
        if located.names:
            names = NameList(located.names, beside=located.beside)
            lists.setdefault(located.files[-1], names)
    return list(lists.values()), ()
