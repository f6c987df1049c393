"""What mfcli finds on this machine, what is wrong with it, and what to do about it."""

from __future__ import annotations

import locale
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from mfcli import __version__
from mfcli.results import DoctorResult, Found
from mfcli.system.capacity import memory_available, memory_limit
from mfcli.system.processors import available_workers, cpu_quota, usable_cores
from mfcli.wording import size

OK, ADVICE, BAD = "ok", "advice", "bad"
_LITTLE = 1 << 30  # bytes of memory or disk, below which some advice is due
# What an extra is for, said where it is not installed.
_EXTRAS = {"dask": "recommend --engine dask needs it"}


class Requirement(NamedTuple):
    """A package that mfcli needs: always, or for an extra."""

    name: str
    lowest: str
    extra: str | None


def doctor() -> DoctorResult:
    """Look at everything in turn; what cannot be looked at is found to be bad."""
    found: list[Found] = []
    for name, look in _LOOKS.items():
        try:
            found += look()
        except Exception as error:
            found.append(Found(name, BAD, f"cannot be found out: {error}", "mend what it says"))
    return DoctorResult(found=found)


def _versions() -> Iterator[Found]:
    yield Found("mfcli", OK, f"{__version__} in {Path(__file__).parents[1]}")
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield Found("Python", OK, f"{platform.python_version()} in {sys.prefix}, {system}")


def _packages() -> Iterator[Found]:
    for name, lowest, extra in requirements():
        if extra is not None and extra not in _EXTRAS:
            continue  # for whoever develops it
        try:
            there: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:
            there = None
        wanted = f"{name}>={lowest}"
        if there is not None and is_at_least(there, lowest):
            yield Found(name, OK, f"{there} (≥ {lowest})")
        elif extra is None:
            value = f"{there}, and {lowest} is the lowest that works" if there else "not installed"
            yield Found(name, BAD, value, f"pip install '{wanted}'")
        else:
            value = f"{there or 'not installed'}: extra [{extra}], {_EXTRAS[extra]}"
            yield Found(name, OK if there is None else ADVICE, value, f"pip install '{wanted}'")


def requirements() -> list[Requirement]:
    """Return what the installed distribution says that it needs, by name.

    Raises LookupError where mfcli runs from a folder that is not installed.
    """
    names = metadata.packages_distributions().get("mfcli")
    if not names:
        raise LookupError("mfcli is not installed, so nothing says what it needs: pip install it")
    found = []
    for text in metadata.requires(names[0]) or []:
        parts = re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*>=\s*([\w.]+)", text)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", text)
        if parts is not None:
            found.append(Requirement(parts[1], parts[2], extra[1] if extra else None))
    return sorted(set(found), key=lambda it: (it.extra is not None, it.name))


def is_at_least(version: str, lowest: str) -> bool:
    """Tell whether a version is as high as another; what is no number of a release is left out."""

    def release(text: str) -> tuple[int, ...]:
        numbers = re.match(r"\d+(?:\.\d+)*", text)
        parts = [int(part) for part in numbers[0].split(".")] if numbers else []
        while parts and not parts[-1]:
            parts.pop()
        return tuple(parts)

    return release(version) >= release(lowest)


def _cores() -> Iterator[Found]:
    there, quota = usable_cores(), cpu_quota()
    value = f"{available_workers()} of {os.cpu_count() or there}"
    if quota is not None and quota < there:
        value += f": the control group allows the time of {quota:g}"
    yield Found("cores", OK, value)


def _memory() -> Iterator[Found]:
    free, limit = memory_available(), memory_limit()
    state = OK if free >= _LITTLE else ADVICE
    by = " (MFCLI_MEMORY)" if os.environ.get("MFCLI_MEMORY") else ""
    mend = "end other processes, or let the control group have more"
    yield Found("memory", state, f"{size(free)} free of {size(limit)}{by}", mend)


def _device() -> Iterator[Found]:
    import torch

    from mfcli.training.engines.devices import DRIVERS

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
        yield Found("device", OK, f"cuda: {', '.join(names)}")
    elif any(map(os.path.exists, DRIVERS)):
        value = f"cpu: there is a GPU's driver, and torch {torch.__version__} does not use it"
        yield Found("device", ADVICE, value, "install a torch that is built for this GPU")
    else:
        yield Found("device", OK, "cpu: no GPU's driver")


def _folders() -> Iterator[Found]:
    from mfcli.sources.download.cache import cache_folder

    elsewhere = "write elsewhere: --out takes a path"
    yield _folder("current folder", Path.cwd(), elsewhere)
    yield _folder("temporary files", Path(tempfile.gettempdir()), "set TMPDIR")
    cache = cache_folder(None)
    yield _folder("cache of downloads", cache, "set XDG_CACHE_HOME, or give fetch --cache-dir")


def _folder(name: str, path: Path, mend: str) -> Found:
    """Look at a folder that is there, or whose nearest parent is."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    missing = "" if there == path else ", not there yet"
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return Found(name, ADVICE, f"{path}: cannot be written", mend)
    free = shutil.disk_usage(there).free
    if free < _LITTLE:
        return Found(name, ADVICE, f"{path}{missing}: {size(free)} free", f"make room, or {mend}")
    return Found(name, OK, f"{path}{missing}, {size(free)} free")


def _locale() -> Iterator[Found]:
    texts, names = locale.getpreferredencoding(False), sys.getfilesystemencoding()
    value = f"text {texts}, names of files {names}"
    if {texts.lower().replace("-", ""), names.lower().replace("-", "")} == {"utf8"}:
        yield Found("locale", OK, value)
    else:
        mend = "set LC_ALL=C.UTF-8, or letters are shown as escapes"
        yield Found("locale", ADVICE, value, mend)


def _kernels() -> Iterator[Found]:
    from mfcli.kernels import compilation

    folders = ", ".join(compilation.cache_folders())
    kept = compilation.kept()
    warm = sum(map(bool, kept.values()))
    value = f"{warm} of {len(kept)} kept in {folders}"
    if warm == len(kept):
        yield Found("compiled kernels", OK, f"warm: {value}")
    elif compilation.writable():
        mend = "mfcli warm-up compiles them now; else each does when it is first used"
        yield Found("compiled kernels", ADVICE, f"cold: {value}", mend)
    else:
        mend = "set NUMBA_CACHE_DIR to a folder that can be written, then mfcli warm-up"
        yield Found("compiled kernels", ADVICE, f"cold: {value}, which cannot be written", mend)


# What is looked at → the function that looks.
_LOOKS: dict[str, Callable[[], Iterator[Found]]] = {
    "versions": _versions,
    "packages": _packages,
    "cores": _cores,
    "memory": _memory,
    "device": _device,
    "folders": _folders,
    "locale": _locale,
    "compiled kernels": _kernels,
}
