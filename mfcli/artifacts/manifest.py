"""OUT.manifest.json: the SHA-256 and the bytes of a file, what is in it, and its lineage.

Like every artifact it holds no time, host, path or name: the same file has the same manifest. While
a file is being replaced there is a moment between the two renames, in which the SHA-256 is that of
the other one: who reads both compares it, and reads again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli import __version__
from mfcli.artifacts.files import Describe, file_sha256
from mfcli.artifacts.meta import document_text
from mfcli.results import without_nan

MADE_BY = "mfcli"
SCHEMA = 1


@dataclass(frozen=True)
class Facts:
    """What the manifest of a file says besides its SHA-256 and its bytes.

    kind: of the artifact. counts: what it holds, as users, items, rows. lineage: the steps that led
    to it, the last one with the options and inputs of the command that wrote it.
    """

    kind: str
    counts: Mapping[str, int | float]
    lineage: list[dict[str, Any]]

    def document(self) -> dict[str, Any]:
        """Return what is known before the file is whole; a Parquet file holds it itself."""
        return {
            "made_by": MADE_BY,
            "schema": SCHEMA,
            "mfcli": __version__,
            "kind": self.kind,
            "counts": dict(self.counts),
            "lineage": self.lineage,
        }

    def text(self) -> bytes:
        """Return the document as one line of JSON."""
        return json.dumps(without_nan(self.document()), ensure_ascii=False).encode()

    def describe(self, file: Path) -> bytes:
        """Return the manifest of a whole file, as ``atomic_path`` asks for it."""
        return document_text(self.document() | described(file)).encode()


class Manifest:
    """A manifest of which the facts become known while the file is written.

    ``describe`` is what ``atomic_path`` asks for, None where no manifest is wanted; ``facts`` are
    given before it is called.
    """

    def __init__(self, *, wanted: bool) -> None:
        """Keep whether one is wanted."""
        self.facts: Facts | None = None
        self.describe: Describe | None = self._describe if wanted else None

    def _describe(self, file: Path) -> bytes:
        assert self.facts is not None
        return self.facts.describe(file)


def described(file: Path) -> dict[str, Any]:
    """Return the SHA-256 and the bytes of a file."""
    return {"sha256": file_sha256(file), "bytes": file.stat().st_size}


def matches(file: Path, entry: Mapping[str, Any]) -> bool:
    """Tell whether a file is the one that an entry describes: not cut, and not changed."""
    return file.stat().st_size == entry["bytes"] and file_sha256(file) == entry["sha256"]
