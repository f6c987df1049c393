"""SOURCE → the files to read: a name, a file, a folder, an archive, a URL or standard input."""

from __future__ import annotations

import difflib
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from zipfile import ZipInfo

from mfcli.artifacts import open_input
from mfcli.artifacts.unpacking import GZIP_MAGIC, open_gzip
from mfcli.artifacts.zips import EMPTY_ZIP_MAGIC, ZIP_MAGIC, open_member, zip_members
from mfcli.config import FetchConfig
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent
from mfcli.sources.datasets import DATASETS, Dataset, dataset_url
from mfcli.sources.readers.layouts import Layout, choose
from mfcli.sources.readers.source import Source
from mfcli.system.streams import standard_input

DEMO = "demo"


@dataclass(frozen=True)
class Located:
    """What is to be read.

    data: the interactions; names: the item names. files: what holds them on disk, each with its
    name for the lineage and its path. dataset: the named data set that this is.
    """

    data: Source
    names: Source | None
    files: tuple[tuple[str, Path], ...]
    dataset: Dataset | None = None


def is_demo(source: str, on_event: OnEvent) -> bool:
    """Tell whether the built-in sample is meant; say so where a file has its name."""
    if source == DEMO and Path(source).exists():
        on_event(Noted(f"{DEMO} is the built-in sample; for the file write ./{DEMO}"))
    return source == DEMO


@contextmanager
def locate(source: str, config: FetchConfig, on_event: OnEvent) -> Iterator[Located]:
    """Find, download or spool SOURCE; what is temporary goes when the ``with`` ends.

    Raises InputError where there is nothing to read, DownloadError where a download fails.
    """
    with ExitStack() as stack:
        if source == "-":
            yield _in_file(stack.enter_context(_spooled()), "stdin")
            return
        if "://" in source:
            _refuse_other_schemes(source)
            path = _download(source, None, config, on_event)
            yield _in_file(path, path.name)
            return
        path = Path(source)
        if source in DATASETS:
            if path.exists():
                on_event(
                    Noted(f"{source} is a data set's name; for the file or folder write ./{source}")
                )
            dataset = DATASETS[source]
            path = _download(dataset_url(dataset, config.base_url), dataset, config, on_event)
            yield replace(_in_file(path, path.name, dataset.layout), dataset=dataset)
            return
        yield _at_path(path, source)


def _refuse_other_schemes(source: str) -> None:
    scheme = source.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise UsageError(f"{source}: {scheme}:// cannot be fetched: http:// and https:// can")


def _download(url: str, dataset: Dataset | None, config: FetchConfig, on_event: OnEvent) -> Path:
    from mfcli.sources.download import Wanted, download

    wanted = Wanted(url=url, sha256=config.sha256, max_bytes=int(config.max_size * 1e9))
    if dataset is not None:
        wanted = replace(
            wanted,
            sha256=config.sha256 or dataset.sha256,
            md5=dataset.md5,
            warn_only=dataset.changes and config.sha256 is None,
            # Files of two data sets may have one name.
            folder="" if dataset.file.startswith(dataset.name) else dataset.name,
            keep=True,
        )
    if dataset is not None and dataset.size is not None:
        wanted = replace(
            wanted,
            size=None if dataset.changes else dataset.size,
            # A newer release may be larger, but not by much.
            max_bytes=10 * dataset.size if dataset.changes else dataset.size,
            limit="this data set",
        )
    return download(wanted, config.cache_dir, on_event)


def _at_path(path: Path, source: str) -> Located:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise InputError(f"{source}: cannot be read: {error.strerror}") from None
        known = (*DATASETS, DEMO)
        close = difflib.get_close_matches(source, known, n=1, cutoff=0.6)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InputError(
            f"{source}: no such file or folder, and no data set of that name{hint}; there are: "
            f"{', '.join(known)}"
        ) from None
    if stat.S_ISDIR(mode):
        return _in_folder(path)
    if not stat.S_ISREG(mode):
        raise InputError(f"{source}: is not a regular file: use - to read a pipe")
    return _in_file(path, path.name)


def _in_folder(path: Path) -> Located:
    try:
        files = sorted(file.name for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    data, names = choose(files, str(path))
    located = _in_file(path / data, data)
    if names is None:
        return located
    beside = _in_file(path / names, names)
    return replace(located, names=beside.data, files=(*located.files, *beside.files))


def _in_file(path: Path, name: str, layout: Layout | None = None) -> Located:
    """Return what is in a file or in the archive that it is; ``layout`` says what lies where."""
    with open_input(path) as stream:
        magic, size = stream.read(4), path.stat().st_size
    files = ((name, path),)
    if magic not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
        return Located(_unpacked(Source(name, lambda: open_input(path), size)), None, files)
    members = zip_members(path)
    if any(member.endswith(".npy") for member in members):
        raise InputError(
            f"{name}: is an .npz of arrays: give one that mfcli made to split or train as it is"
        )
    data, names = choose(list(members), name, layout)
    table = _in_zip(path, name, members[data])
    return Located(table, None if names is None else _in_zip(path, name, members[names]), files)


def _in_zip(path: Path, name: str, member: ZipInfo) -> Source:
    def unpack() -> IO[bytes]:
        return open_member(path, member)

    return _unpacked(Source(f"{name}/{member.filename}", unpack, member.file_size))


def _unpacked(source: Source) -> Source:
    """Return a source that unpacks gzip if the given one is."""
    with source.open() as stream:
        if stream.read(2) != GZIP_MAGIC:
            return source
    name = source.name.removesuffix(".gz")
    return Source(name, lambda: open_gzip(source.open(), source.name))


@contextmanager
def _spooled() -> Iterator[Path]:
    """Keep standard input in a temporary file: it is read more than once."""
    with tempfile.TemporaryDirectory(prefix="mfcli-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(standard_input(), file, 1 << 20)
        yield path


def names_source(path: str) -> tuple[Source, tuple[str, Path]]:
    """Return the file given as --item-names, and its name and path for the lineage."""
    located = _in_file(Path(path), Path(path).name)
    return located.data, located.files[0]
