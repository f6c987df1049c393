"""What a zip may hold before anything in it is unpacked, and its members as streams.

A zip may come from anywhere: a member of a few bytes can claim, or unpack to, any size.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from mfcli.artifacts.unpacking import DAMAGED, TABLES, UNPACK_FIRST, Limits, Unpacked
from mfcli.errors import InputError
from mfcli.wording import counted

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"

# Files that mfcli wrote: of ratings, deflate makes about a fifth.
ARTIFACTS = Limits(members=100_000, total=1 << 62, ratio=200, free=1 << 24)


def zip_members(path: Path, limits: Limits = TABLES) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by path; raises InputError for one that is damaged or unsafe."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (*DAMAGED, ValueError, NotImplementedError) as error:
        raise InputError(f"{path.name}: is not a complete zip ({error}): get it again") from None
    for info in infos:
        _check_name(info, path)
    problem = _members_problem(infos, path.stat().st_size, limits)
    if problem:
        raise InputError(f"{path.name}: {problem}: {UNPACK_FIRST}")
    files = {path_of(info): info for info in infos}
    return {name: info for name, info in files.items() if not name.endswith("/")}


def check_members(archive: zipfile.ZipFile, size: int, *, packed: bool) -> None:
    """Raise BadZipFile for an artifact of ``size`` bytes that claims more than it can hold.

    ``packed`` lets members be compressed, as far as ratings can be.
    """
    infos = archive.infolist()
    problem = _members_problem(infos, size, ARTIFACTS)
    if problem:
        raise zipfile.BadZipFile(problem)
    stored = all(info.compress_type == zipfile.ZIP_STORED for info in infos)
    as_claimed = all(info.file_size <= info.compress_size for info in infos)
    if not packed and not (stored and as_claimed):
        raise zipfile.BadZipFile("a member is compressed, or claims more bytes than there are")


def open_member(path: Path, info: zipfile.ZipInfo, limits: Limits = TABLES) -> IO[bytes]:
    """Open a file of a zip as a stream; reading raises InputError where the zip is damaged."""
    archive = zipfile.ZipFile(path)
    try:
        stream = archive.open(info)
    except (*DAMAGED, NotImplementedError, RuntimeError, OSError) as error:
        archive.close()
        raise InputError(f"{path.name}: {info.filename!r} cannot be unpacked: {error}") from None
    name = f"{path.name}/{info.filename}"
    return Unpacked(stream, name, limits, lambda: max(info.compress_size, 1), archive)  # type: ignore[return-value]


def _members_problem(infos: list[zipfile.ZipInfo], size: int, limits: Limits) -> str | None:
    """Return why the members of a zip of ``size`` bytes should not be unpacked, or None."""
    if len(infos) > limits.members:
        return (
            f"it holds {counted(len(infos), 'file')}, more than the {limits.members} that are "
            "allowed"
        )
    seen: set[str] = set()
    for info in infos:
        if path_of(info) in seen:
            return f"it holds {path_of(info)!r} twice"
        if info.flag_bits & 0x1:
            return f"{info.filename!r} in it is encrypted"
        seen.add(path_of(info))
    packed = sum(info.compress_size for info in infos)
    if packed > size:
        return f"its members claim {counted(packed, 'byte')}, more than the {size:,} that there are"
    return limits.problem(sum(info.file_size for info in infos), packed)


def path_of(info: zipfile.ZipInfo) -> str:
    """Return the path of a member; some programs write backslashes between folders."""
    return info.filename.replace("\\", "/")


def _check_name(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse what could be written elsewhere when unpacked, links, and what cannot be read."""
    # orig_filename: ZipFile cuts names at a NUL and turns backslashes round where it can.
    name = info.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or ".." in parts or PureWindowsPath(name).drive or "\0" in name:
        raise InputError(f"{path.name}: is not safe: it holds {name!r}, outside of its own folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{path.name}: is not safe: {name!r} in it is a link or a device")
