"""Which files of a folder may be tables, and which of them are like parts of one table.

Parts differ in numbers and identifiers only: part-00000-….snappy.parquet (Spark), 000000_0 (Hive),
rows-000000000000.csv.gz (BigQuery), data_0_0_0.csv.gz (Snowflake), 0000_part_00 (Redshift), xaa
(split), train-00000-of-00004.parquet (Hugging Face), dt=2024-01-01/… (partitions).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any

from mfcli.sources.readers.partitions import is_partition

_TABLES = (
    ".csv",
    ".tsv",
    ".psv",
    ".tab",
    ".parquet",
    ".parq",
    ".pq",
    ".feather",
    ".arrow",
    ".ipc",
    ".orc",
    ".jsonl",
    ".ndjson",
    ".inter",
    ".data",
    ".dat",
    ".txt",
    ".rating",
    ".ratings",
    ".mtx",
)
# Tables where there is no other: what describes or was made of a table may lie beside it.
_RATHER_NOT = (".npz", ".json")
_NO_DATA = ("readme", "license", "licence", "citation", "changelog", "manifest", "dataset_info")
_PACKED = (".gz",)
# A file without a known ending is a part where its name is a number or says so.
_NAMELESS = re.compile(
    r"(x[a-z]{2,4}|.*[-_.][a-z]{2}|[0-9]+([-_.][0-9]+)*|.*part.*[0-9].*|[0-9].*part.*|[0-9]{8}_.*|"
    r"(rows?|data|chunk|shard|x)[-_.]?[0-9].*)"
)
_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_VARYING = re.compile(rf"({_UUID}|(?<![0-9a-z])[0-9a-f]{{16,}}(?![0-9a-z])|[0-9]+)")
_SPLIT = re.compile(r"(\Ax|[-_.])[a-z]{2,4}\Z")


def may_be_table(path: str, *, anything: bool = False) -> bool:
    """Tell whether a file may hold rows, by its name; ``anything``: whatever its ending."""
    name = posixpath.basename(path).lower()
    hidden = any(part.startswith((".", "_")) for part in path.split("/")[:-1] if "=" not in part)
    if hidden or name.startswith((".", "_")) or name.startswith(_NO_DATA):
        return False
    bare = _unpacked(name)
    if anything or bare.endswith(_TABLES):
        return not name.endswith((".crc", ".lock"))
    return "." not in bare.strip(".") and _NAMELESS.fullmatch(bare) is not None


def groups_of_parts(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the files that may be tables by pattern, a * standing for what differs among parts."""
    there = list(paths)
    tables = [path for path in there if may_be_table(path)]
    if not tables:
        others = [path for path in there if may_be_table(path, anything=True)]
        tables = [path for path in others if path.lower().endswith(_RATHER_NOT)]
    groups: dict[str, list[str]] = {}
    for path in tables:
        groups.setdefault(_pattern(path), []).append(path)
    return {
        pattern if len(group) > 1 else group[0]: sorted(group, key=natural)
        for pattern, group in groups.items()
    }


def natural(path: str) -> list[Any]:
    """Return a key that sorts numbers in names by their value: part2 before part10."""
    return [
        (0, int(piece), piece) if piece.isdecimal() and piece.isascii() else (1, 0, piece)
        for piece in re.split(r"([0-9]+)", path)
        if piece
    ]


def _pattern(path: str) -> str:
    folder, name = posixpath.split(path)
    parts = [
        f"{part.partition('=')[0]}=*" if is_partition(part) else _VARYING.sub("*", part)
        for part in folder.split("/")
        if part
    ]
    bare = name.lower()
    if not _unpacked(bare).endswith(_TABLES):
        bare = _SPLIT.sub(r"\1*", bare)
    return "/".join([*parts, _VARYING.sub("*", bare)])


def _unpacked(name: str) -> str:
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return name
