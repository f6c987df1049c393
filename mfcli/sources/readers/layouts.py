"""Which files of a folder or an archive are the data set: the interactions, and the item names."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mfcli.errors import InputError
from mfcli.sources.readers.likeness import groups_of_parts, may_be_table, natural
from mfcli.sources.readers.partitions import lies_in_parts
from mfcli.wording import counted

_OTHERS_SHOWN = 8


@dataclass(frozen=True)
class Layout:
    """A published data set: the file with the interactions and the one with the names.

    Case aside; a * in ``data`` stands for all such files of one folder. others: files that may be
    read in place of ``data`` and have the same names.
    """

    data: str
    names: str | None = None
    others: tuple[str, ...] = ()


LAYOUTS = (
    Layout(  # MovieLens 100K
        "u.data",
        "u.item",
        tuple(f"u{fold}.{side}" for fold in "12345ab" for side in ("base", "test")),
    ),
    Layout("ratings.dat", "movies.dat"),  # MovieLens 1M, 10M
    Layout("ratings.csv", "movies.csv"),  # MovieLens 20M and later
    Layout("rating.csv", "movie.csv"),  # MovieLens 20M on Kaggle
    Layout("user_artists.dat", "artists.dat", ("user_taggedartists.dat",)),  # HetRec 2011 last.fm
    Layout("user_ratedmovies.dat", "movies.dat", ("user_ratedmovies-timestamps.dat",)),  # HetRec
    Layout("BX-Book-Ratings.csv", "BX-Books.csv"),  # Book-Crossing
    Layout("ratings.csv", "books.csv"),  # Book-Crossing on Kaggle, goodbooks-10k
    Layout("rating.csv", "anime.csv"),  # MyAnimeList
    Layout("combined_data_*.txt", "movie_titles.csv"),  # Netflix Prize on Kaggle
    Layout("mv_*.txt"),  # Netflix Prize, a file a movie
    Layout("data1.txt"),  # LightGCN's last.fm
)


def choose(
    names: Sequence[str], where: str, layout: Layout | None = None, prefix: str | None = None
) -> tuple[tuple[str, ...], str | None]:
    """Return the files of interactions and the one of item names among paths with slashes.

    ``layout`` says which, or else: a known data set's files, those of the topmost folder first;
    else the only file that can be a table, or all where they are like parts of one. Raises
    InputError that lists what is there; ``prefix`` stands before a path that is named.
    """
    paths = sorted(names, key=lambda path: (path.count("/"), natural(path)))
    known = _known(paths, LAYOUTS if layout is None else (layout,))
    if known is not None:
        return known
    groups = groups_of_parts(paths)
    of_recbole = [group for group in groups.values() if group[0].endswith(".inter")]
    chosen = of_recbole if len(of_recbole) == 1 else list(groups.values())
    if not chosen:
        others = [path for path in paths if may_be_table(path, anything=True)]
        chosen = [others] if len(others) == 1 else []  # its reader says what it is
    if len(chosen) == 1:
        return tuple(chosen[0]), _recbole_names(chosen[0], paths)
    raise InputError(_unclear(groups, paths, where, f"{where}/" if prefix is None else prefix))


def may_have_names(data: str) -> bool:
    """Tell a file of a known data set, beside which item names may lie, by its name."""
    return bool(_layouts_of(data)) or data.endswith(".inter")


def names_beside(data: str, there: Sequence[str]) -> str | None:
    """Return the usual file of item names beside a file of a known data set, or None."""
    found = (_same_name(layout.names, there) for layout in _layouts_of(data))
    return next((name for name in found if name is not None), _recbole_names([data], there))


def _layouts_of(data: str) -> list[Layout]:
    name = data.lower().removesuffix(".gz")
    return [
        layout
        for layout in LAYOUTS
        if layout.names
        and any(fnmatchcase(name, known.lower()) for known in (layout.data, *layout.others))
    ]


def _known(
    paths: Sequence[str], layouts: Sequence[Layout]
) -> tuple[tuple[str, ...], str | None] | None:
    """Return the files of a known data set: in the topmost folder, and with names if there are."""
    found = []
    for rank, layout in enumerate(layouts):
        for path in paths:
            folder, name = posixpath.split(path)
            if fnmatchcase(name.lower(), layout.data.lower()) and not lies_in_parts(path):
                beside = _same_name(posixpath.join(folder, layout.names or ""), paths)
                found.append((path.count("/"), beside is None, rank, path, beside))
    if not found:
        return None
    _, _, rank, data, beside = min(found, key=lambda entry: entry[:3])
    if "*" not in layouts[rank].data:
        return (data,), beside
    folder = posixpath.dirname(data)
    alike = [path for *_, at, path, _ in found if at == rank and posixpath.dirname(path) == folder]
    return tuple(sorted(alike, key=natural)), beside


def _same_name(wanted: str | None, paths: Sequence[str]) -> str | None:
    if not wanted or wanted.endswith("/"):
        return None
    return next((path for path in paths if path.lower() == wanted.lower()), None)


def _recbole_names(data: Sequence[str], paths: Sequence[str]) -> str | None:
    if len(data) != 1 or not data[0].endswith(".inter"):
        return None
    return _same_name(data[0].removesuffix(".inter") + ".item", paths)


def _unclear(groups: dict[str, list[str]], paths: Sequence[str], where: str, prefix: str) -> str:
    """Say why no file can be chosen, and how to name one."""
    usual = ", ".join(dict.fromkeys(layout.data for layout in LAYOUTS))
    if not groups:
        shown = ", ".join(paths[:_OTHERS_SHOWN]) or "nothing"
        return (
            f"{where}: there is no table in it ({shown}; known names are {usual}): name the file "
            "itself"
        )
    listed = [
        group[0] if len(group) == 1 else f"{pattern} ({counted(len(group), 'file')})"
        for pattern, group in groups.items()
    ]
    more = ", …" if len(listed) > _OTHERS_SHOWN else ""
    first = next(iter(groups.values()))[0]
    return (
        f"{where}: several files may be the table ({', '.join(listed[:_OTHERS_SHOWN])}{more}): "
        f"name the file itself, as {prefix}{first}, or all that are one table"
    )
