"""What is in a file, an archive or a folder: the parts of a table, and the names of its items."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from zipfile import ZipInfo

from mfcli.artifacts import open_input
from mfcli.artifacts.folders import read_manifest
from mfcli.artifacts.unpacking import GZIP_MAGIC, open_gzip
from mfcli.artifacts.zips import EMPTY_ZIP_MAGIC, ZIP_MAGIC, open_member, zip_members
from mfcli.config.options import nearest
from mfcli.errors import InputError
from mfcli.sources.datasets import Dataset
from mfcli.sources.readers.layouts import Layout, choose, may_have_names, names_beside
from mfcli.sources.readers.likeness import may_be_table, natural
from mfcli.sources.readers.part import Part
from mfcli.sources.readers.partitions import is_partition, partition_columns
from mfcli.sources.readers.source import Source

_DEEPEST = 8  # folders of partitions within each other
_MOST_FILES = 100_000

# A folder of these names beside Parquet files: which of the files count stands in it.
_TABLE_FORMATS = {
    "_delta_log": "is a Delta table",
    ".hoodie": "is a Hudi table",
    "metadata": "is an Iceberg table",
}
# What a zip with such a member is, and what to do with it.
_FOREIGN_ZIPS = (
    ("xl/", "is an Excel workbook: save the sheet as CSV (File, Save As) and give that"),
    ("content.xml", "is an OpenDocument file: save the sheet as CSV and give that"),
    ("word/", "is a Word document, not a table"),
    ("data.pkl", "is a model or tensors of PyTorch, not a table"),
)


@dataclass(frozen=True)
class Located:
    """What is to be read.

    name: of the whole, for messages. data: the interactions, in one part or several; names: the
    item names. files: what holds them on disk, each with its name for the lineage and its path.
    dataset: the named data set that this is. beside: the names lie beside a file that was named
    alone: they may be of something else.
    """

    name: str
    data: tuple[Source, ...]
    names: Source | None
    files: tuple[tuple[str, Path], ...]
    dataset: Dataset | None = None
    beside: bool = False


def in_folder(path: Path) -> Located:
    """Return the table in a folder; raises InputError that lists what is there."""
    files = _files_in(path)
    data, names = choose(files, str(path))
    _refuse_missing_parts(path, data)
    parts = [in_file(path / file, file) for file in data]
    if len(parts) == 1:
        located = parts[0]
    else:
        located = Located(
            str(path),
            tuple(
                replace(source, part=Part(partition_columns(file)))
                for file, part in zip(data, parts, strict=True)
                for source in part.data
            ),
            None,
            tuple(entry for part in parts for entry in part.files),
        )
    if names is None:
        return located
    beside = in_file(path / names, names)
    return replace(located, names=beside.data[0], files=(*located.files, *beside.files))


def in_file(
    path: Path, name: str, layout: Layout | None = None, prefix: str | None = None
) -> Located:
    """Return what is in a file or in the archive that it is.

    layout: which files of an archive count. prefix: what stands before a member's name where one
    is named alone.
    """
    with open_input(path) as stream:
        magic, size = stream.read(4), path.stat().st_size
    files = ((name, path),)
    if magic not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
        plain = _unpacked(Source(name, lambda: open_input(path), size))
        return Located(name, (plain,), None, files)
    members = zip_members(path)
    if any(member.endswith(".npy") for member in members):
        return Located(name, (Source(name, lambda: open_input(path), size),), None, files)
    _refuse_foreign_zip(name, members)
    data, names = choose(list(members), name, layout, prefix)
    return _of_members(path, name, members, data, names)


def beside_file(path: Path, located: Located) -> Located:
    """Add the usual file of item names that lies beside a file of a known data set."""
    if not may_have_names(path.name):
        return located
    try:
        there = os.listdir(path.parent)
    except OSError:
        return located
    names = names_beside(path.name, there)
    if names is None or not (path.parent / names).is_file():
        return located
    found = in_file(path.parent / names, names)
    return replace(located, names=found.data[0], files=(*located.files, *found.files), beside=True)


def member_of(path: Path) -> tuple[Path, str] | None:
    """Return the file and the member that ``dump.zip/ratings.csv`` names, or None."""
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def in_member(path: Path, name: str, wanted: str) -> Located:
    """Return the file or the folder ``wanted`` of a zip; raises InputError that lists its files."""
    with open_input(path) as stream:
        if stream.read(4) not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
            raise InputError(
                f"{name}/{wanted}: {name} is neither a folder nor a zip, and nothing in it can be "
                "named"
            )
    members = zip_members(path)
    wanted = wanted.strip("/")
    below = [member for member in members if member.startswith(f"{wanted}/")]
    if below:
        data, names = choose(below, f"{name}/{wanted}", prefix=f"{name}/")
        return _of_members(path, name, members, data, names)
    found = _member_named(wanted, list(members))
    if found is None:
        shown = ", ".join(sorted(members, key=natural)[:8]) + (", …" if len(members) > 8 else "")
        raise InputError(
            f"{name}: holds no {wanted!r}{nearest(wanted, members)}; it holds {shown or 'nothing'}"
        )
    folder = posixpath.dirname(found)
    siblings = [
        posixpath.basename(member) for member in members if posixpath.dirname(member) == folder
    ]
    names = names_beside(posixpath.basename(found), siblings)
    beside = None if names is None else posixpath.join(folder, names)
    return replace(_of_members(path, name, members, (found,), beside), beside=beside is not None)


def _member_named(wanted: str, members: Sequence[str]) -> str | None:
    """Return the member of a path; else the only one of that path or file name, case aside."""
    if wanted in members:
        return wanted
    folded = wanted.lower()
    for key in (str.lower, lambda member: posixpath.basename(member).lower()):
        found = [member for member in members if key(member) == folded]
        if len(found) == 1:
            return found[0]
    return None


def _of_members(
    path: Path, name: str, members: dict[str, ZipInfo], data: Sequence[str], names: str | None
) -> Located:
    tables = tuple(
        replace(_in_zip(path, name, member, members[member]), part=Part(partition_columns(member)))
        for member in data
    )
    listed = None if names is None else _in_zip(path, name, names, members[names])
    whole = tables[0].name if len(tables) == 1 else name
    return Located(whole, tables, listed, ((name, path),))


def _in_zip(path: Path, name: str, member: str, info: ZipInfo) -> Source:
    def unpack() -> IO[bytes]:
        return open_member(path, info)

    return _unpacked(Source(f"{name}/{member}", unpack, info.file_size))


def _unpacked(source: Source) -> Source:
    """Return a source that unpacks gzip if the given one is."""
    with source.open() as stream:
        if stream.read(2) != GZIP_MAGIC:
            return source
    name = source.name.removesuffix(".gz")
    return Source(name, lambda: open_gzip(source.open(), source.name))


def _refuse_foreign_zip(name: str, members: Sequence[str] | dict[str, ZipInfo]) -> None:
    for mark, reason in _FOREIGN_ZIPS:
        for member in members:
            last = posixpath.basename(member) == mark
            if (mark.endswith("/") and member.startswith(mark)) or last:
                raise InputError(f"{name}: {reason}")


def _files_in(path: Path) -> list[str]:
    """Return the files of a folder and of the partitions in it, as paths with slashes."""
    try:
        folders, found = _scan(path)
        for name, what in _TABLE_FORMATS.items():
            if name in folders and (name != "metadata" or "data" in folders):
                raise InputError(
                    f"{path}: {what}: which of its files count stands in {name}: export it as "
                    "Parquet or CSV first"
                )
        if "_temporary" in folders:
            raise InputError(f"{path}: a job is still writing it (_temporary): wait for its end")
        visible = [name for name in folders if not name.startswith((".", "_"))]
        if (
            not any(map(may_be_table, found))
            and len(visible) == 1
            and not _may_be_parts(visible[0])
        ):
            return [f"{visible[0]}/{name}" for name in _files_in(path / visible[0])] + found
        return [*found, *_files_below(path, "", folders, 1)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _files_below(path: Path, above: str, folders: Sequence[str], depth: int) -> list[str]:
    found: list[str] = []
    for folder in sorted(filter(_may_be_parts, folders)):
        deeper, files = _scan(path / above / folder)
        found += [f"{above}{folder}/{name}" for name in files]
        if depth < _DEEPEST:
            found += _files_below(path, f"{above}{folder}/", deeper, depth + 1)
        if len(found) > _MOST_FILES:
            raise InputError(f"{path}: holds more than {_MOST_FILES} files: name some of them")
    return found


def _may_be_parts(folder: str) -> bool:
    return is_partition(folder) or folder.isdigit()


def _scan(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder, sorted."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            (folders if entry.is_dir() else files if entry.is_file() else []).append(entry.name)
    return sorted(folders), sorted(files)


def _refuse_missing_parts(path: Path, data: Sequence[str]) -> None:
    """Hold the parts of an output of mfcli against its manifest."""
    manifest = read_manifest(path) or {}
    listed = {part["name"] for part in manifest.get("parts", []) if "name" in part}
    missing = sorted(listed - set(data))
    if missing:
        raise InputError(
            f"{path}: {missing[0]} is missing, which its manifest lists: write the folder again"
        )
