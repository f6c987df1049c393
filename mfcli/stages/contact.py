"""What lies in a folder, by the names of its files, and which command goes on from it."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

MOST = 10_000  # entries of a folder that are looked at
SHOWN = 6  # of what is found, and of one kind
_TABLES = ("*.csv", "*.csv.gz", "*.tsv", "*.dat", "u.data", "*.parquet", "*.jsonl", "*.inter")
_OF_MFCLI = ("*.history.csv", "*.trials.csv", "recommendations*.csv", "recs*.csv", "similar*.csv")
_PARTS = ("train.npz", "test.npz", "valid.npz", "history.npz", "valid-history.npz")


class Seen(NamedTuple):
    """Something that is there, what it is, and the command that goes on from it."""

    name: str
    what: str
    command: str


def look_around(folder: Path) -> list[Seen]:
    """Return what is known in a folder, what is furthest first; nothing where it cannot be read."""
    try:
        entries = [entry for entry, _ in zip(folder.iterdir(), range(MOST), strict=False)]
    except OSError:
        return []
    shown = sorted((it for it in entries if not it.name.startswith(".")), key=lambda it: it.name)
    return [seen for find in _FINDERS for seen in [*find(folder, shown)][:SHOWN]][:SHOWN]


def _nights(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        if path.suffix == ".toml" and "nightly" in _tables(path):
            yield Seen(path.name, "the file of a night", _line("nightly", path.name))


def _tables(path: Path) -> set[str]:
    try:
        return set(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, ValueError):
        return set()


def _generations(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        if (path / "generations").is_dir():
            line = _line("report", path.name, "--out", "nights.html")
            yield Seen(f"{path.name}/", "the generations of a night", line)


def _runs(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        if all((path / name).is_file() for name in ("model.pt", "metrics.json")):
            line = _line("report", path.name, "--out", "report.html")
            yield Seen(f"{path.name}/", "a run", line)


def _interrupted(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        if fnmatch(path.name, "*.resume"):
            out = path.name.removesuffix(".resume")
            line = f"mfcli train MATRIX.npz --out {shlex.quote(out)} --resume"
            yield Seen(path.name, "a training that was interrupted", line)


def _models(folder: Path, entries: list[Path]) -> Iterator[Seen]:
    tests = [path for path in _splits_in(folder, entries) if (path / "test.npz").is_file()]
    for path in entries:
        if path.suffix != ".pt":
            continue
        line = _line("recommend", path.name, "--out", "recommendations.csv")
        if tests and not (folder / "metrics.json").exists():
            test = (tests[0] / "test.npz").relative_to(folder)
            line = _line("evaluate", path.name, str(test), "--out", "metrics.json")
        yield Seen(path.name, "a model", line)


def _splits_in(folder: Path, entries: list[Path]) -> list[Path]:
    return [path for path in (folder, *entries) if (path / "train.npz").is_file()]


def _splits(folder: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in _splits_in(folder, entries):
        train = (path / "train.npz").relative_to(folder)
        name = "train.npz" if path == folder else f"{path.name}/"
        yield Seen(name, "a split", _line("train", str(train), "--out", "model.pt"))


def _matrices(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        if path.suffix == ".npz" and path.name not in _PARTS:
            yield Seen(path.name, "a matrix", _line("split", path.name, "--out", "split"))


def _sources(_: Path, entries: list[Path]) -> Iterator[Seen]:
    for path in entries:
        name = path.name.lower()
        if any(fnmatch(name, it) for it in _TABLES) and not any(
            fnmatch(name, it) for it in _OF_MFCLI
        ):
            line = _line("run", path.name, "--out", "run")
            yield Seen(path.name, "a table, perhaps of ratings or clicks", line)


def _line(*words: str) -> str:
    return shlex.join(["mfcli", *words])


# From what is furthest to what is first.
_FINDERS: tuple[Callable[[Path, list[Path]], Iterator[Seen]], ...] = (
    _nights,
    _generations,
    _runs,
    _interrupted,
    _models,
    _splits,
    _matrices,
    _sources,
)
