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
from mfcli.artifacts.files import Describe, file_sha256, manifest_of, open_input
from mfcli.errors import InputError
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
        whole = {"sha256": file_sha256(file), "bytes": file.stat().st_size}
        return document_bytes(self.document() | whole)


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


def document_bytes(document: dict[str, Any]) -> bytes:
    """Return a document as JSON for people and programs; NaN is null."""
    return (json.dumps(without_nan(document), indent=2, ensure_ascii=False) + "\n").encode()


def load_manifest(file: Path) -> dict[str, Any]:
    """Return the manifest beside a file; raises InputError where there is none, or another's."""
    path = manifest_of(file)
    with open_input(path) as stream:
        text = stream.read()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("made_by") != MADE_BY:
        raise InputError(f"{path}: is not a manifest of mfcli")
    return found


def check_manifest(file: Path) -> dict[str, Any]:
    """Return the manifest beside a file, if it is that of the file as it is; raises InputError."""
    found = load_manifest(file)
    if found.get("bytes") != file.stat().st_size or found.get("sha256") != file_sha256(file):
        raise InputError(
            f"{file}: is not the file that {manifest_of(file).name} describes: it was cut, "
            "changed or is being replaced"
        )
    return found
