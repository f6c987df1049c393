"""Where a folder of nights keeps what: the generations, which one is current, what is on its way.

FOLDER/generations/NAME/   interactions.npz model.pt metrics.json recommendations.* changes.* …
FOLDER/current             a link to generations/NAME
FOLDER/latest.json         status of the last run
FOLDER/nightly.lock        held by the run that is at work
FOLDER/.staging/           the night that is being made, or was cut off
FOLDER/.trash/             what is being removed
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mfcli.artifacts import flush, output_lock
from mfcli.errors import InputError, UsageError

MATRIX, MODEL, METRICS = "interactions.npz", "model.pt", "metrics.json"
HISTORY, LOG, MANIFEST = "model.history.csv", "log.jsonl", "manifest.json"
LISTS, CHANGES = "recommendations", "changes"
GENERATIONS, CURRENT = "generations", "current"


@dataclass(frozen=True)
class Place:
    """The folder of a file's nights."""

    folder: Path

    @property
    def generations(self) -> Path:
        """The folder of all generations."""
        return self.folder / GENERATIONS

    @property
    def current(self) -> Path:
        """The link to the generation that is published."""
        return self.folder / CURRENT

    @property
    def latest(self) -> Path:
        """The status of the last run."""
        return self.folder / "latest.json"

    @property
    def staging(self) -> Path:
        """The folder of the night that is being made."""
        return self.folder / ".staging"

    @property
    def trash(self) -> Path:
        """The folder of what is being removed."""
        return self.folder / ".trash"

    def generation(self, name: str) -> Path:
        """Return the folder of a generation."""
        return self.generations / name

    @contextmanager
    def locked(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the folder, which is made where it is not there, for the time of a ``with``.

        Raises LockedError if another run holds it after ``wait`` seconds, UsageError for a folder
        that cannot be one of nights.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"[nightly] folder = {str(self.folder)!r} is a file: name a folder")
        with output_lock(self.folder / "nightly", wait):
            self.current_name()  # refuses what is not ours to replace
            yield

    def current_name(self) -> str | None:
        """Return the name of the generation that is published, None where none is.

        Raises UsageError where ``current`` is something else than a link of ours.
        """
        try:
            target = Path(os.readlink(self.current))
        except FileNotFoundError:
            return None
        except OSError:
            raise UsageError(
                f"{self.current}: is no link to a generation: move it away, or name another folder"
            ) from None
        if len(target.parts) != 2 or target.parts[0] != GENERATIONS:
            raise UsageError(
                f"{self.current}: leads to {target}, which is no generation of this folder: move "
                "it away, or name another folder"
            )
        return target.name

    def switch(self, name: str) -> None:
        """Make a generation the current one, in one atomic rename.

        Whoever opens ``current`` at any time finds the one before or this one. Raises InputError
        where there is no such generation.
        """
        if not self.generation(name).is_dir():
            raise InputError(f"{self.generation(name)}: there is no such generation")
        link = self.folder / f".{CURRENT}.tmp"
        link.unlink(missing_ok=True)
        os.symlink(f"{GENERATIONS}/{name}", link)
        os.rename(link, self.current)
        flush(self.folder)
