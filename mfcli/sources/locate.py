"""SOURCE → the files to read: a name, a file, a folder, an archive, a URL or standard input."""

from __future__ import annotations

import difflib
import glob
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from mfcli.config import FetchConfig
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent
from mfcli.sources.contents import Located, beside_file, in_file, in_folder, in_member, member_of
from mfcli.sources.datasets import DATASETS, Dataset, dataset_url
from mfcli.sources.readers.source import Source
from mfcli.system.streams import standard_input

DEMO = "demo"
NO_NAMES = "none"  # --item-names none


def is_demo(source: str, on_event: OnEvent) -> bool:
    """Tell whether the built-in sample is meant; say so where a file has its name."""
    if source == DEMO and Path(source).exists():
        on_event(Noted(f"{DEMO} is the built-in sample; for the file write ./{DEMO}"))
    return source == DEMO


def expanded(sources: Sequence[str]) -> list[str]:
    """Return the sources with the files that a pattern (``data/*.csv``) stands for, sorted.

    Raises UsageError for sources that cannot be parts of one table, InputError for a pattern of
    which there is no file.
    """
    found: list[str] = []
    for source in sources:
        if "://" in source or not glob.has_magic(source) or Path(source).exists():
            found.append(source)
            continue
        matched = sorted(glob.glob(source))
        if not matched:
            raise InputError(f"{source}: no file has such a name")
        found += matched
    if len(found) > 1 and DEMO in found:
        raise UsageError(f"{DEMO} is the built-in sample: it cannot be a part of a table")
    twice = next((source for source in found if found.count(source) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice as SOURCE: its rows would count twice")
    return found


@contextmanager
def locate(source: str, config: FetchConfig, on_event: OnEvent) -> Iterator[Located]:
    """Find, download or spool SOURCE; what is temporary goes when the ``with`` ends.

    Raises InputError where there is nothing to read, DownloadError where a download fails.
    """
    with ExitStack() as stack:
        if source == "-":
            yield in_file(stack.enter_context(_spooled()), "stdin")
            return
        if "://" in source:
            _refuse_other_schemes(source)
            url, _, member = source.partition("#")
            path = _download(url, None, config, on_event)
            if member:
                yield in_member(path, path.name, member)
            else:
                yield in_file(path, path.name, prefix=f"{url}#")
            return
        path = Path(source)
        if source in DATASETS:
            if path.exists():
                on_event(
                    Noted(f"{source} is a data set's name; for the file or folder write ./{source}")
                )
            dataset = DATASETS[source]
            path = _download(dataset_url(dataset, config.base_url), dataset, config, on_event)
            yield replace(in_file(path, path.name, dataset.layout), dataset=dataset)
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
        named = member_of(path)
        if named is not None:
            file, member = named
            return in_member(file, str(file), member)
        raise InputError(_not_there(source)) from None
    if stat.S_ISDIR(mode):
        return in_folder(path)
    if not stat.S_ISREG(mode):
        raise InputError(f"{source}: is not a regular file: use - to read a pipe")
    return beside_file(path, in_file(path, path.name))


def _not_there(source: str) -> str:
    known = (*DATASETS, DEMO)
    close = difflib.get_close_matches(source, known, n=1, cutoff=0.6)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return (
        f"{source}: no such file or folder, and no data set of that name{hint}; there are: "
        f"{', '.join(known)}"
    )


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
    named = None if Path(path).exists() else member_of(Path(path))
    if named is not None:
        located = in_member(named[0], named[0].name, named[1])
    else:
        located = in_file(Path(path), Path(path).name)
    return located.data[0], located.files[0]
