"""Which file is what: by how it begins, as its name says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mfcli.artifacts import open_input
from mfcli.artifacts.unpacking import GZIP_MAGIC
from mfcli.inspecting import arrays, documents, lists, logs, trainings
from mfcli.inspecting.folders import describe_folder
from mfcli.inspecting.found import unknown
from mfcli.results import InspectResult

_HEAD = 4096  # bytes that are looked at


def describe(path: Path) -> InspectResult:
    """Describe any file or folder that mfcli wrote.

    Raises InputError for one of another kind, which names what can be read, or a damaged one.
    """
    if path.is_dir():
        return describe_folder(path, describe)
    with open_input(path) as stream:
        head = stream.read(_HEAD)
    for begins_like, describe_kind in _KINDS:
        if begins_like(head):
            return describe_kind(path)
    raise unknown(path)


def _has_columns(head: bytes, *columns: tuple[str, ...]) -> bool:
    """Tell whether the first line of a file names columns that begin like one of these."""
    line = head.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
    names = re.split(r"[,\t]", line)
    return any(tuple(names[: len(begin)]) == begin for begin in columns)


_LISTED = tuple(f'{{"{side}_id":'.encode() for side in ("user", "item"))
# How a file of a kind begins, and what describes it; the first one that fits.
_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[Path], InspectResult]], ...] = (
    (lambda head: head.startswith((GZIP_MAGIC, b"PAR1", *_LISTED)), lists.describe_table),
    (lambda head: _has_columns(head, *lists.KINDS), lists.describe_table),
    (lambda head: _has_columns(head, trainings.HISTORY), trainings.describe_history),
    (lambda head: _has_columns(head, trainings.TRIALS), trainings.describe_trials),
    (lambda head: head.startswith(trainings.SETTINGS), trainings.describe_settings),
    (lambda head: head.startswith(b'{"time": "'), logs.describe_json_log),
    (logs.is_text_log, logs.describe_text_log),
    (lambda head: head.startswith(b"# HELP mfcli_"), logs.describe_figures),
    (lambda head: head.startswith(b"<!DOCTYPE html>"), logs.describe_report),
    (lambda head: head.lstrip().startswith(b"{"), documents.describe_document),
    # torch's archives and NumPy's are both zip files; only NumPy's members end in .npy.
    (lambda head: head.startswith(b"PK") and b".npy" in head[:64], arrays.describe_matrix),
    (lambda head: head.startswith(b"PK"), arrays.describe_checkpoint),
)
