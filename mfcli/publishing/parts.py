"""A part of a folder: what one process of several writes, wherever it runs.

Parts lie on an absolute grid of the matrix's rows: which users are in a part, and its bytes, depend
on the model, the options and the files that these name alone. A note beside each part says what it
holds, so that a later run can tell whether it is whole, and need not read it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import atomic_file, file_sha256
from mfcli.config import RecommendConfig, TableFormat
from mfcli.events import OnEvent, ignore
from mfcli.publishing.lists import ListSummary, write_lists
from mfcli.scoring.files import Inputs, load_recommender
from mfcli.scoring.recommender import Recommender

PART_USERS = 8192


@dataclass(frozen=True)
class Part:
    """Rows ``first`` ≤ row < ``last`` of the matrix, strangers behind them; ``name``: its file."""

    number: int
    first: int
    last: int
    name: str


@dataclass(frozen=True, kw_only=True)
class PartNote:
    """What a part holds; ``covered``: base64 of the bits of the items that somebody got."""

    number: int
    name: str
    rows: int
    users: int
    short: int
    sha256: str
    covered: str
    preview: list[dict[str, Any]]

    @classmethod
    def of(cls, part: Part, summary: ListSummary, sha256: str) -> PartNote:
        """Return the note of a part that was written."""
        return cls(
            number=part.number,
            name=part.name,
            rows=summary.rows,
            users=summary.users,
            short=summary.short,
            sha256=sha256,
            covered=base64.b64encode(np.packbits(summary.covered).tobytes()).decode(),
            preview=summary.preview,
        )

    def entry(self) -> dict[str, Any]:
        """Return the entry of the part in the manifest of its folder."""
        return {name: getattr(self, name) for name in ("name", "rows", "users", "short", "sha256")}

    def covered_items(self, n_items: int) -> NDArray[np.bool_]:
        """Return which items somebody got, (I,) bool."""
        bits = np.frombuffer(base64.b64decode(self.covered), np.uint8)
        return np.unpackbits(bits, count=n_items).astype(bool)


def total_of(notes: list[PartNote], n_items: int) -> ListSummary:
    """Return what several parts hold together; the preview is that of the first with rows."""
    covered = np.zeros(n_items, bool)
    for note in notes:
        covered |= note.covered_items(n_items)
    return ListSummary(
        rows=sum(note.rows for note in notes),
        users=sum(note.users for note in notes),
        short=sum(note.short for note in notes),
        covered=covered,
        preview=next((note.preview for note in notes if note.preview), []),
    )


def parts_of(recommender: Recommender) -> list[Part]:
    """Return the parts that hold a user of the request; one without users where nobody does."""
    kind, n_users = part_format(recommender.config), recommender.n_users
    size = recommender.config.part_users or PART_USERS
    whole = -(-n_users // size)  # cells of the matrix; those of strangers follow
    found: list[Part] = []
    for number in _grid_cells(recommender.rows, n_users, size) or [0]:
        if number < whole:
            first, last = number * size, min(number * size + size, n_users)
        else:
            first = n_users + (number - whole) * size
            last = first + size
        found.append(Part(number, first, last, f"part-{number:05d}.{kind}"))
    return found


def _grid_cells(rows: NDArray[np.int64], n_users: int, size: int) -> list[int]:
    """Return the cells of the grid that hold ``rows``; strangers have a grid of their own."""
    whole = -(-n_users // size)
    cells = np.where(rows < n_users, rows // size, whole + (rows - n_users) // size)
    return [int(cell) for cell in np.unique(cells)]


def part_format(config: RecommendConfig) -> TableFormat:
    """Return the format of the parts."""
    return config.format or TableFormat.parquet


def shared_recommender(model: Path, config: RecommendConfig) -> tuple[Recommender, Inputs]:
    """Return ``load_recommender``'s result, made once a process while the files stay the same."""
    files = (str(model), *config.files)
    return _load_once(model, config, tuple(_signature(path) for path in files))


@lru_cache(maxsize=1)
def _load_once(
    model: Path,
    config: RecommendConfig,
    signatures: Any,  # noqa: ARG001 - what it is cached by
) -> tuple[Recommender, Inputs]:
    return load_recommender(model, config)


def _signature(path: str) -> tuple[int, ...] | None:
    if not os.path.exists(path):
        return None
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def write_part(
    recommender: Recommender, part: Part, folder: Path, on_event: OnEvent = ignore
) -> PartNote:
    """Write the lists of a part's users, and its note."""
    rows = recommender.rows
    rows = rows[np.searchsorted(rows, part.first) : np.searchsorted(rows, part.last)]
    config, path = recommender.config, folder / part.name
    note_path(path).unlink(missing_ok=True)
    with atomic_file(path) as stream:
        summary = write_lists(
            recommender,
            rows,
            stream,
            part_format(config),
            csv_safe=config.csv_safe,
            on_event=on_event,
        )
    note = PartNote.of(part, summary, file_sha256(path))
    save_note(folder, note)
    return note


def save_note(folder: Path, note: PartNote) -> None:
    """Write a note beside its part."""
    with atomic_file(note_path(folder / note.name)) as stream:
        stream.write(json.dumps(asdict(note)).encode())


def read_note(folder: Path, part: Part) -> PartNote | None:
    """Return the note of a part that is there and whole, else None."""
    path = folder / part.name
    try:
        note = PartNote(**json.loads(note_path(path).read_text("utf-8")))
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError, TypeError):
        return None
    return note if digest == note.sha256 and note.name == part.name else None


def move_part(part: Part, source: Path, target: Path) -> None:
    """Put a whole part and its note from one folder into another, the note last."""
    os.replace(source / part.name, target / part.name)
    os.replace(note_path(source / part.name), note_path(target / part.name))


def forget_notes(folder: Path) -> None:
    """Remove the notes beside the parts, and what a killed process left."""
    for path in folder.glob(".*"):
        path.unlink()


def note_path(path: Path) -> Path:
    """Return where the note of the part at ``path`` lies: beside it, under a hidden name."""
    return path.with_name(f".{path.name}.json")
