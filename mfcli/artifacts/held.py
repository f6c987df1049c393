"""What a process has in memory of the files that it wrote: a stage need not read them again."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint, load_weights
from mfcli.artifacts.files import file_sha256
from mfcli.artifacts.matrix import load_interactions
from mfcli.artifacts.meta import from_json, to_json
from mfcli.data.interactions import Catalog, Interactions

_Signature = tuple[int, int, int, int]


@dataclass
class _Entry:
    """What is known of a file that was ``signature`` when it was."""

    signature: _Signature
    matrix: Interactions | None = None
    checkpoint: Checkpoint | None = None
    sha256: str | None = None


@dataclass
class Held:
    """The matrices, models and digests of files, in memory while the files stay as they are.

    Whoever writes a file says so with ``keep``; whoever reads one asks here, and a file that is
    not held, or that is another one by now, is read. ``keeping`` false holds nothing at all.
    """

    keeping: bool = True
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def matrix(self, path: Path) -> Interactions:
        """Return the interactions of a file; raises InputError for one that is not whole."""
        entry = self._entry(path)
        if entry is None:
            return load_interactions(path)
        if entry.matrix is None:
            entry.matrix = load_interactions(path)
        return entry.matrix

    def checkpoint(self, path: Path, *, mapped: bool = False) -> Checkpoint:
        """Return the model of a file; raises InputError for one that is not whole."""
        entry = self._entry(path)
        if entry is None:
            return load_checkpoint(path, mapped=mapped)
        if entry.checkpoint is None:
            entry.checkpoint = load_checkpoint(path, mapped=mapped)
        return entry.checkpoint

    def weights(self, path: Path) -> tuple[dict[str, NDArray[np.float32]], Catalog | None]:
        """Return the weights of a model with its catalogue, or those of an unfinished run."""
        entry = self._entry(path)
        if entry is None or entry.checkpoint is None:
            return load_weights(path)
        return entry.checkpoint.weights, entry.checkpoint.catalog

    def sha256(self, path: Path) -> str:
        """Return the SHA-256 of a file in hex; raises InputError."""
        entry = self._entry(path)
        if entry is None:
            return file_sha256(path)
        if entry.sha256 is None:
            entry.sha256 = file_sha256(path)
        return entry.sha256

    def keep(self, path: Path, value: Interactions | Checkpoint) -> None:
        """Hold what has just been written to ``path``."""
        signature = _signature(path)
        if not self.keeping or signature is None:
            return
        entry = _Entry(signature)
        if isinstance(value, Interactions):
            # As it is read back: keys in order, so that what is made of it has the same bytes.
            entry.matrix = value.with_meta(from_json(to_json(value.meta), str(path)))
        else:
            entry.checkpoint = value
        self._entries[os.path.realpath(path)] = entry

    def drop(self, *paths: Path) -> None:
        """Let go of files, so that their memory is free."""
        for path in paths:
            self._entries.pop(os.path.realpath(path), None)

    def _entry(self, path: Path) -> _Entry | None:
        """Return what is known of a file as it is; a new entry where that is nothing."""
        signature = _signature(path)
        if not self.keeping or signature is None:
            return None
        name = os.path.realpath(path)
        entry = self._entries.get(name)
        if entry is None or entry.signature != signature:
            entry = self._entries[name] = _Entry(signature)
        return entry


NOTHING = Held(keeping=False)


def _signature(path: Path) -> _Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
