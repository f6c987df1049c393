"""Folders that appear whole or not at all: built beside their place, then put there in one step."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from mfcli.artifacts.files import flush, keep_access, previous_of
from mfcli.artifacts.meta import document_text
from mfcli.errors import UsageError

# Readers of Parquet folders (Arrow, pandas, Spark) pass over names that begin with _.
MANIFEST = "_manifest.json"
META = "meta.json"  # of an export, whose files are not one table
SUCCESS = "_SUCCESS"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def real_folder(path: Path) -> Path:
    """Follow links to the folder that would be written; refuse what is not ours to replace.

    Raises UsageError for a file, and for a folder with content that this module did not put there.
    """
    target = Path(os.path.realpath(path))
    if not target.exists():
        return target
    if not target.is_dir():
        raise UsageError(f"--out {path} is a file: name a folder")
    if not is_ours(target):
        raise UsageError(
            f"--out {path} holds files that are not of an earlier output: name another folder"
        )
    return target


def is_ours(folder: Path) -> bool:
    """Tell whether a folder is empty, or an output of this module and nothing else."""
    names = {entry.name for entry in folder.iterdir()}
    manifest = read_manifest(folder) or {}
    listed = [*(part["name"] for part in manifest.get("parts", [])), *manifest.get("sha256", {})]
    return not names or (bool(manifest) and names <= {MANIFEST, META, SUCCESS, *listed})


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a finished folder, None where there is none."""
    for name in (MANIFEST, META):
        try:
            found = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("made_by") == "mfcli":
            return found
    return None


def building_place(target: Path) -> Path:
    """Return the hidden folder beside ``target`` that an output is built in."""
    return target.with_name(f".{target.name}.building")


def remove_tree(path: Path) -> None:
    """Remove a folder of ours, or what is left of one."""
    shutil.rmtree(path, ignore_errors=True)


def publish(
    building: Path,
    target: Path,
    manifest: dict[str, Any],
    *,
    name: str = MANIFEST,
    keep: bool = False,
) -> None:
    """Finish ``building`` and put it in the place of ``target`` in one step.

    ``keep`` leaves what was there as ``target``.previous.
    """
    text = document_text({"made_by": "mfcli", **manifest})
    (building / name).write_text(text, "utf-8")
    flush(building / name)
    (building / SUCCESS).write_bytes(b"")
    flush(building / SUCCESS)
    flush(building)
    _keep_access(building, target)
    old = target.with_name(f".{target.name}.old")
    remove_tree(old)
    if target.exists():
        exchange(building, target, old)
        previous = previous_of(target)
        if keep and previous.exists():
            exchange(building, previous, old)
        elif keep:
            os.rename(building, previous)
        remove_tree(building)
        remove_tree(old)
    else:
        os.rename(building, target)
    flush(target.parent)


def _keep_access(building: Path, target: Path) -> None:
    """Give a folder and its files the mode and the group of those that they replace."""
    if not target.exists():
        return
    keep_access(building, target)
    before = [path for path in target.iterdir() if path.is_file()]
    for path in building.iterdir():
        same = target / path.name
        if same in before:
            keep_access(path, same)
        elif before:
            keep_access(path, before[0])


def exchange(one: Path, other: Path, spare: Path) -> None:
    """Swap two folders: in one step where the system can, else with a moment between.

    spare: a name beside them that is free.
    """
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is not None:
        names = (os.fsencode(one), os.fsencode(other))
        if function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.ENOSYS, errno.EINVAL):  # a file system may lack it
            raise OSError(number, os.strerror(number), str(other))
    os.rename(other, spare)
    os.rename(one, other)
    os.rename(spare, one)
