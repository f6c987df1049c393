"""Which files of a folder or an archive are the data set: the interactions, and the item names."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from mfcli.errors import InputError


@dataclass(frozen=True)
class Layout:
    """A published data set: the file with the interactions and the one with the names."""

    data: str
    names: str | None = None


LAYOUTS = (
    Layout("u.data", "u.item"),  # MovieLens 100K
    Layout("ratings.dat", "movies.dat"),  # MovieLens 1M, 10M
    Layout("ratings.csv", "movies.csv"),  # MovieLens 20M and later
    Layout("user_artists.dat", "artists.dat"),  # HetRec 2011 last.fm
    Layout("data1.txt"),  # LightGCN's last.fm
)
_TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".inter", ".data", ".dat", ".txt")
_NO_DATA = ("readme", "license", "licence", "citation", "changelog")


def choose(
    names: Sequence[str], where: str, layout: Layout | None = None
) -> tuple[str, str | None]:
    """Return the file of interactions and the one of item names among paths with slashes.

    ``layout`` says which, or else: a known data set's files, those of the topmost folder first;
    else the only file that can be a table. Raises InputError that lists what is there.
    """
    paths = sorted(names, key=lambda path: (path.count("/"), path))
    layouts = LAYOUTS if layout is None else (layout,)
    known = [
        (path.count("/"), rank, path, posixpath.join(posixpath.dirname(path), layout.names or ""))
        for rank, layout in enumerate(layouts)
        for path in paths
        if posixpath.basename(path) == layout.data
    ]
    if known:
        _, _, data, beside = min(known)
        return data, beside if beside in paths else None
    tables = [path for path in paths if _may_be_table(path)]
    for suffix in (".inter", ""):
        fitting = [path for path in tables if path.endswith(suffix)]
        if len(fitting) == 1:
            beside = fitting[0].removesuffix(".inter") + ".item"  # RecBole's names
            return fitting[0], beside if beside in paths and suffix else None
    shown = ", ".join(tables[:8] or paths[:8]) or "nothing"
    reason = "several files may be the table" if tables else "there is no table in it"
    usual = ", ".join(layout.data for layout in layouts)
    raise InputError(f"{where}: {reason} ({shown}; known names are {usual}): name the file itself")


def _may_be_table(path: str) -> bool:
    name = posixpath.basename(path).lower()
    if name.startswith((".", "_")) or "__macosx" in path.lower():
        return False
    return name.removesuffix(".gz").endswith(_TABLES) and not name.startswith(_NO_DATA)
