"""A night on its way: what its stages have made, from which a night that was cut off goes on.

A stage whose files are whole notes their SHA-256 and what it found. A later run with the same
inputs and options finds the notes and goes on after them; any other run starts anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli.artifacts import atomic_file, file_sha256
from mfcli.artifacts.folders import remove_tree
from mfcli.artifacts.meta import to_json
from mfcli.nights.places import CHANGES, LISTS, MATRIX, METRICS, MODEL, Place

PLAN = "night.json"


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plain document in hex, whatever the order of its keys."""
    return hashlib.sha256(to_json(dict(document)).encode()).hexdigest()


@dataclass(frozen=True)
class Staging:
    """The folder of the night that is being made.

    generation: what becomes the generation. The other files go when it is published.
    """

    folder: Path

    @property
    def generation(self) -> Path:
        """The folder that becomes the generation."""
        return self.folder / "generation"

    @property
    def matrix(self) -> Path:
        """The interactions."""
        return self.generation / MATRIX

    @property
    def model(self) -> Path:
        """The model of all rows."""
        return self.generation / MODEL

    @property
    def metrics(self) -> Path:
        """What was measured."""
        return self.generation / METRICS

    @property
    def split(self) -> Path:
        """The parts that are trained on and measured on."""
        return self.folder / "split"

    @property
    def measured(self) -> Path:
        """The model that was trained on a part, and is measured."""
        return self.folder / "evaluated.pt"

    def lists(self, ending: str | None) -> Path:
        """Return where the lists go: a file of an ending, or for None a folder of parts."""
        return self.generation / (LISTS if ending is None else f"{LISTS}.{ending}")

    def changes(self, ending: str) -> Path:
        """Return where it goes whose lists changed, a file of an ending."""
        return self.generation / f"{CHANGES}.{ending}"

    def note(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage found, where its files are there and whole, else None."""
        try:
            document = json.loads(self._note_path(stage).read_text("utf-8"))
            files, found = dict(document["files"]), dict(document["found"])
            whole = all(file_sha256(self.folder / name) == sha256 for name, sha256 in files.items())
        except Exception:
            return None
        return found if whole else None

    def finish(self, stage: str, files: Iterable[Path], found: Mapping[str, Any]) -> None:
        """Note that the files of a stage are whole, and what it found: plain values."""
        digests = {
            path.relative_to(self.folder).as_posix(): file_sha256(path) for path in sorted(files)
        }
        document = {"files": digests, "found": dict(found)}
        with atomic_file(self._note_path(stage)) as stream:
            stream.write(json.dumps(document, ensure_ascii=False).encode())

    def undo(self, stage: str) -> None:
        """Forget that a stage is done."""
        self._note_path(stage).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove from the generation what only its making needed: locks, states, pieces."""
        for pattern in ("*.lock", "*.resume", ".*"):
            for path in self.generation.glob(pattern):
                if path.is_dir():
                    remove_tree(path)
                else:
                    path.unlink()

    def _note_path(self, stage: str) -> Path:
        return self.folder / "notes" / f"{stage}.json"


def open_staging(place: Place, plan: Mapping[str, Any]) -> tuple[Staging, bool]:
    """Return the folder to work in, and whether a night of the same plan was cut off there.

    plan: all that decides what the night makes. What another night left is removed.
    """
    staging, key = Staging(place.staging), digest_of(plan)
    if planned(place) == key:
        return staging, True
    remove_tree(place.staging)
    staging.generation.mkdir(parents=True)
    with atomic_file(place.staging / PLAN) as stream:
        stream.write(json.dumps({"key": key}).encode())
    return staging, False


def discard_staging(place: Place) -> None:
    """Give up the night that was cut off."""
    remove_tree(place.staging)


def planned(place: Place) -> str | None:
    """Return the key of the night that was cut off, None where there is none."""
    try:
        key = json.loads((place.staging / PLAN).read_text("utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None
