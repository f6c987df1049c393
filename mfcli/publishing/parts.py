"""A part of a folder of parts: what one process of several does, wherever it runs.

Parts lie on an absolute grid of the matrix's rows: which users are in a part, and its bytes, depend
on the model, the options and the files that these name alone.
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
from mfcli.results import OnEvent, ignore
from mfcli.scoring.lists import ListJob, prepare, write_lists

PART_USERS = 8192


@dataclass(frozen=True)
class Part:
    """Rows ``first`` ≤ row < ``last`` of the matrix, strangers behind them; ``name``: its file."""

    number: int
    first: int
    last: int
    name: str


@dataclass(frozen=True)
class PartResult:
    """A part that was written; ``covered``: base64 of the bits of the items that somebody got."""

    number: int
    name: str
    rows: int
    users: int
    short: int
    sha256: str
    covered: str
    preview: list[dict[str, Any]]

    def items(self, n_items: int) -> NDArray[np.bool_]:
        """Return which items somebody got, (I,) bool."""
        bits = np.frombuffer(base64.b64decode(self.covered), np.uint8)
        return np.unpackbits(bits, count=n_items).astype(bool)


def parts_of(job: ListJob) -> list[Part]:
    """Return the parts that hold a user of the request; one without users where nobody does."""
    kind = job.config.format or TableFormat.parquet
    size = job.config.part_users or PART_USERS
    whole = -(-job.n_users // size)
    made: dict[int, tuple[int, int]] = {}
    for row in _cells(job.request.users, job.n_users, size):
        start = row * size if row < whole else job.n_users + (row - whole) * size
        made[row] = (start, min(start + size, job.n_users) if row < whole else start + size)
    made = made or {0: (0, 0)}
    return [
        Part(number, first, last, f"part-{number:05d}.{kind}")
        for number, (first, last) in made.items()
    ]


def _cells(users: NDArray[np.int64], n_users: int, size: int) -> list[int]:
    """Return the cells of the grid that hold ``users``; strangers have a grid of their own."""
    whole = -(-n_users // size)
    inside = users < n_users
    cells = np.where(inside, users // size, whole + (users - n_users) // size)
    return list(map(int, np.unique(cells)))


def job_of(model: Path, config: RecommendConfig) -> ListJob:
    """Return the job of a model and options, made once a process while the files stay the same."""
    files = (str(model), *config.files)
    return _job_of(model, config, tuple(_signature(each) for each in files))


@lru_cache(maxsize=1)
def _job_of(model: Path, config: RecommendConfig, signatures: Any) -> ListJob:  # noqa: ARG001
    return prepare(model, config)


def _signature(path: str | None) -> tuple[int, ...] | None:
    if path is None or not os.path.exists(path):
        return None
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def write_part(job: ListJob, part: Part, folder: Path, on_event: OnEvent = ignore) -> PartResult:
    """Score a part of a job and write it."""
    users = job.request.users
    users = users[np.searchsorted(users, part.first) : np.searchsorted(users, part.last)]
    path = folder / part.name
    note_of(path).unlink(missing_ok=True)
    with atomic_file(path) as stream:
        tally = write_lists(job, users, stream, job.config.format or TableFormat.parquet, on_event)
    covered = base64.b64encode(np.packbits(tally.covered).tobytes()).decode()
    result = PartResult(
        part.number,
        part.name,
        tally.rows,
        tally.users,
        tally.short,
        file_sha256(path),
        covered,
        tally.preview,
    )
    with atomic_file(note_of(path)) as stream:
        stream.write(json.dumps(asdict(result)).encode())
    return result


def finished(folder: Path, part: Part) -> PartResult | None:
    """Return what a part holds if it is there and whole, else None."""
    path = folder / part.name
    try:
        found = PartResult(**json.loads(note_of(path).read_text("utf-8")))
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError, TypeError):
        return None
    return found if digest == found.sha256 and found.name == part.name else None


def forget_notes(folder: Path) -> None:
    """Remove what stands beside the parts, and what a killed process left."""
    for path in folder.glob(".*"):
        path.unlink()


def note_of(path: Path) -> Path:
    """Return where it stands what a part holds: beside it."""
    return path.with_name(f".{path.name}.json")
