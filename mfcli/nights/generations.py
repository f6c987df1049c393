"""A generation: what its manifest says of it, and whether its files are that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli.artifacts import atomic_file
from mfcli.artifacts.manifest import MADE_BY, described, matches
from mfcli.artifacts.meta import document_text, is_plain
from mfcli.errors import InputError
from mfcli.nights.figures import Figures
from mfcli.nights.places import HISTORY, LISTS, LOG, MANIFEST, Place

SCHEMA = 1
KIND = "generation"
# What differs from run to run, and is therefore not in the manifest.
EXEMPT = (LOG, HISTORY, MANIFEST)


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A generation as its manifest describes it.

    name: of its folder. number: from 1, in the order in which they were published. document: the
    manifest.
    """

    name: str
    folder: Path
    document: dict[str, Any]

    @property
    def number(self) -> int:
        """Its place in the order of publication, from 1."""
        return int(self.document["number"])

    @property
    def identity(self) -> str:
        """What its inputs and options were, in short."""
        return str(self.document["identity"])

    @property
    def published(self) -> float:
        """When it was published, seconds since 1970 by the clock."""
        return float(self.document["times"]["published"])

    @property
    def figures(self) -> Figures:
        """What was counted of it; raises InputError where that is damaged."""
        return Figures.from_json(self.document["figures"], str(self.folder / MANIFEST))

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """Its files, by their name within the folder: SHA-256 and bytes."""
        return dict(self.document["files"])

    @property
    def n_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(int(entry["bytes"]) for entry in self.files.values())

    @property
    def lists(self) -> Path | None:
        """Its lists, a file or a folder."""
        return next(iter(sorted(self.folder.glob(f"{LISTS}*"))), None)

    def problem(self) -> str | None:
        """Return what is wrong with its files, None where all are what the manifest says."""
        for name, entry in self.files.items():
            path = self.folder / name
            if not path.is_file():
                return f"{path}: is missing"
            if not matches(path, entry):
                return f"{path}: is not what {MANIFEST} says"
        return None


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return SHA-256 and bytes of the files of a generation that are the same in every run."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: described(path) for name, path in names.items() if name not in EXEMPT}


def write_manifest(folder: Path, document: dict[str, Any]) -> None:
    """Write the manifest of a generation, whole or not at all."""
    whole = {"made_by": MADE_BY, "schema": SCHEMA, "kind": KIND, **document}
    with atomic_file(folder / MANIFEST) as stream:
        stream.write(document_text(whole).encode())


def read_generation(folder: Path) -> Generation:
    """Read the manifest of a generation; raises InputError for a folder that is none."""
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path}: is damaged: not a document of JSON") from None
    if not _is_whole(document):
        raise InputError(f"{path}: is not the manifest of a generation")
    if document["schema"] > SCHEMA:
        raise InputError(
            f"{path}: written by a newer mfcli (schema {document['schema']}, this one reads "
            f"{SCHEMA}): upgrade mfcli"
        )
    return Generation(name=folder.name, folder=folder, document=document)


def _is_whole(document: Any) -> bool:
    if not isinstance(document, dict) or not is_plain(document):
        return False
    types: dict[str, type] = {
        "schema": int,
        "number": int,
        "identity": str,
        "figures": dict,
        "files": dict,
        "times": dict,
    }
    entries = document.get("files")
    return (
        document.get("kind") == KIND
        and all(isinstance(document.get(name), kind) for name, kind in types.items())
        and isinstance(document["times"].get("published"), int | float)
        and isinstance(entries, dict)
        and all(
            isinstance(it, dict) and {"sha256", "bytes"} <= it.keys() for it in entries.values()
        )
    )


def all_generations(place: Place) -> list[Generation]:
    """Return the generations of a folder in the order of their publication.

    A folder among them that is none is passed over.
    """
    return sorted(_readable(place), key=lambda it: (it.number, it.name))


def _readable(place: Place) -> Iterator[Generation]:
    if not place.generations.is_dir():
        return
    for folder in place.generations.iterdir():
        try:
            yield read_generation(folder)
        except InputError:
            continue


def current_generation(place: Place) -> Generation | None:
    """Return the generation that is published, None where none is; raises InputError."""
    name = place.current_name()
    return None if name is None else read_generation(place.generation(name))
