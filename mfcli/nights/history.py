"""The last nights of a folder, as their manifests and latest.json tell them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfcli.artifacts import open_input
from mfcli.artifacts.meta import is_plain
from mfcli.config.gates import Gate
from mfcli.errors import InputError
from mfcli.nights.figures import Figures

MOST = 30  # nights that are looked at
GENERATIONS, MANIFEST, LATEST = "generations", "manifest.json", "latest.json"


@dataclass(frozen=True, kw_only=True)
class PastNight:
    """A night that was published.

    number:  from 1, in the order of publication. as_of: the time of its data, as it is named.
    quality: what the paired gate found: tonight's model and the one of the night before on rows
             newer than that one's data; None for each where nothing was paired.
    seconds: of each step.
    """

    name: str
    number: int
    as_of: str
    figures: Figures
    quality: tuple[float | None, float | None] = (None, None)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())


@dataclass(frozen=True, kw_only=True)
class PastNights:
    """The last nights of a folder, in the order of their publication.

    latest: what latest.json says, {} where it says nothing. passed_over: folders among the
    generations whose manifest cannot be read.
    """

    nights: list[PastNight]
    latest: dict[str, Any] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)


def holds_nights(folder: Path) -> bool:
    """Tell whether a folder is one of mfcli nightly."""
    return (folder / GENERATIONS).is_dir() or (folder / LATEST).is_file()


def read_nights(folder: Path, most: int = MOST) -> PastNights:
    """Read the last ``most`` nights of a folder; raises InputError where it has none."""
    found, passed_over = [], []
    generations = folder / GENERATIONS
    for path in sorted(generations.iterdir() if generations.is_dir() else []):
        try:
            found.append(_night_of(path))
        except InputError:
            passed_over.append(path.name)
    latest = _read(folder / LATEST) if (folder / LATEST).is_file() else {}
    if not found and not latest:
        raise InputError(f"{folder}: holds no night: run mfcli nightly first")
    found.sort(key=lambda night: (night.number, night.name))
    return PastNights(nights=found[-most:], latest=latest, passed_over=passed_over)


def _read(path: Path) -> dict[str, Any]:
    with open_input(path) as stream:
        try:
            document = json.loads(stream.read().decode("utf-8"))
        except (ValueError, RecursionError):
            document = None
    if not isinstance(document, dict) or not is_plain(document):
        raise InputError(f"{path}: is damaged: not a document of mfcli nightly")
    return document


def _night_of(folder: Path) -> PastNight:
    path = folder / MANIFEST
    document = _read(path)
    number, times = document.get("number"), document.get("times")
    if type(number) is not int or not isinstance(times, dict):
        raise InputError(f"{path}: is not the manifest of a generation")
    seconds = times.get("seconds")
    return PastNight(
        name=folder.name,
        number=number,
        as_of=str(document.get("as_of") or ""),
        figures=Figures.from_json(document.get("figures"), str(path)),
        quality=_quality(document.get("gates")),
        seconds={
            str(step): found
            for step, spent in (seconds if isinstance(seconds, dict) else {}).items()
            if (found := _number(spent)) is not None
        },
    )


def _quality(verdicts: Any) -> tuple[float | None, float | None]:
    """Return tonight's figure and the last one of the paired gate."""
    for verdict in verdicts if isinstance(verdicts, list) else []:
        if isinstance(verdict, dict) and verdict.get("gate") == Gate.quality:
            return _number(verdict.get("tonight")), _number(verdict.get("last"))
    return None, None


def _number(value: Any) -> float | None:
    there = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if there else None
