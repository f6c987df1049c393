"""Whose lists changed between two outputs: what a store that serves them has to update.

A user's list changed where its items or their order did; scores alone change with every training,
and are no change.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.artifacts import atomic_file, output_lock, real_output
from mfcli.artifacts.tables import Column, open_table
from mfcli.artifacts.tables.reading import read_columns
from mfcli.config import TableFormat, format_of
from mfcli.config.output import DELIMITED, OutputConfig
from mfcli.errors import UsageError
from mfcli.publishing.gates import files_of


class Change(StrEnum):
    """What became of a list."""

    added = "added"
    changed = "changed"
    dropped = "dropped"


KINDS = np.array([str(kind) for kind in Change])


class Keys(NamedTuple):
    """The columns of a table of lists: whose list a row belongs to, and what stands in it."""

    owner: str
    item: str


LISTS = Keys("user_id", "item_id")


@dataclass(frozen=True, eq=False)
class Changes:
    """Lists that are not what they were, (N,): those of the new output in order, then dropped ones.

    kinds: rows of ``KINDS``. gained, lost: how many items are in the list now and were not before,
    and the other way round.
    """

    owners: pa.Array
    kinds: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]

    def count(self, kind: Change) -> int:
        """Return of how many lists this is what became."""
        return int((self.kinds == [*Change].index(kind)).sum())

    def counts(self) -> dict[str, int]:
        """Return how many lists became what."""
        return {str(change): self.count(change) for change in Change}


def check_changes(out: Path, changes: str | None, inputs: Sequence[Path | str]) -> None:
    """Refuse a file of --changes that is the output, lies in it, or is read; raises UsageError."""
    if changes is None:
        return
    own, target = real_output(Path(changes)), Path(os.path.realpath(out))
    if own == target or target in own.parents:
        raise UsageError(f"--changes {changes} is or lies in the output: name another file")
    if own in map(Path, map(os.path.realpath, inputs)):
        raise UsageError(f"--changes {changes} is an input as well: name another file")


def publish_changes(
    before: Path | None,
    new: Sequence[Path],
    config: OutputConfig,
    columns: Sequence[Column],
    keys: Keys = LISTS,
) -> dict[str, int] | None:
    """Write --changes, where it is named; return how many lists were added, changed, dropped.

    before: the earlier output, a file or a folder. new: the files of what is about to take its
    place, which happens after this: a store hears of a list rather twice than never. columns: of
    the output, the first says whose a list is.
    Raises InputError for an earlier output that is no such table, LockedError.
    """
    if config.changes is None:
        return None
    out = Path(config.changes)
    kind = format_of(out.name, "--changes")
    changes = changes_between([] if before is None else files_of(before), new, keys)
    with output_lock(out, config.wait):
        return save_changes(out, kind, changes, columns[0], csv_safe=config.csv_safe)


def save_changes(
    out: Path, kind: TableFormat, changes: Changes, owner: Column, *, csv_safe: bool = False
) -> dict[str, int]:
    """Write changes to a file, whole or not at all; return how many lists became what.

    csv_safe: where the format has it.
    """
    with atomic_file(out) as stream:
        write_changes(stream, kind, changes, owner, csv_safe=csv_safe and kind in DELIMITED)
    return changes.counts()


def read_counts(path: Path) -> dict[str, int]:
    """Return how many lists became what, by a file of changes; raises InputError."""
    found = pc.value_counts(read_columns(path, ("change",))[1]["change"]).to_pylist()
    return {str(it): 0 for it in Change} | {it["values"]: it["counts"] for it in found}


def changes_between(old: Sequence[Path], new: Sequence[Path], keys: Keys = LISTS) -> Changes:
    """Compare two outputs, each given by its files; ``old`` may be none: all lists are added.

    Takes some 100 bytes of memory a row. Raises InputError for a file that is no such table.
    """
    after = _read(new, keys)
    before = after.slice(0, 0) if not old else _read(old, keys)
    owners = pc.unique(_joined(after[keys.owner], before[keys.owner]))
    items = pc.unique(_joined(after[keys.item], before[keys.item]))
    now, then = (_Coded.of(table, keys, owners, items) for table in (after, before))
    common = np.intersect1d(now.pairs(len(items)), then.pairs(len(items)))
    shared = np.bincount(common // max(1, len(items)), minlength=len(owners))
    gained, lost = now.lengths - shared, then.lengths - shared
    kinds = np.full(len(owners), [*Change].index(Change.changed))
    kinds[then.lengths == 0] = [*Change].index(Change.added)
    kinds[now.lengths == 0] = [*Change].index(Change.dropped)
    differ = (gained > 0) | (lost > 0) | now.is_reordered(then)
    found = np.flatnonzero(differ)
    return Changes(owners.take(pa.array(found)), kinds[found], gained[found], lost[found])


def write_changes(
    stream: IO[bytes],
    kind: TableFormat,
    changes: Changes,
    owner: Column,
    *,
    csv_safe: bool = False,
) -> None:
    """Write a row a list: whose it is, what became of it, and how many items it gained and lost.

    owner: the column of the new output that says whose a list is. Where ids of an earlier output do
    not fit its type, all are written as text.
    """
    numbers = pa.types.is_integer(owner.type) and _are_integers(changes.owners)
    columns = [
        owner if numbers else Column(owner.name, pa.string()),
        Column("change", pa.string()),
        Column("items_added", pa.int64()),
        Column("items_dropped", pa.int64()),
    ]
    owners = changes.owners.cast(pa.int64()) if numbers else changes.owners
    with open_table(stream, kind, columns, csv_safe=csv_safe) as table:
        cells = [owners, KINDS[changes.kinds], changes.gained, changes.lost]
        table.append(table.encode(cells))


@dataclass(frozen=True, eq=False)
class _Coded:
    """A table of lists as numbers: rows of one owner together, in the order of the list (R,)."""

    owners: NDArray[np.int64]
    items: NDArray[np.int64]
    lengths: NDArray[np.int64]  # (owners,)

    @classmethod
    def of(cls, table: pa.Table, keys: Keys, owners: pa.Array, items: pa.Array) -> _Coded:
        codes = [
            pc.index_in(table[name], known).to_numpy().astype(np.int64)
            for name, known in ((keys.owner, owners), (keys.item, items))
        ]
        order = np.argsort(codes[0], kind="stable")
        return cls(codes[0][order], codes[1][order], np.bincount(codes[0], minlength=len(owners)))

    def pairs(self, n_items: int) -> NDArray[np.int64]:
        """Return a number for each owner and item, (R,)."""
        return self.owners * max(1, n_items) + self.items

    def is_reordered(self, other: _Coded) -> NDArray[np.bool_]:
        """Return whose lists are of one length in both and differ at some rank, (owners,)."""
        same = self.lengths == other.lengths
        mine, theirs = self.items[same[self.owners]], other.items[same[other.owners]]
        moved = self.owners[same[self.owners]][mine != theirs]
        return np.bincount(moved, minlength=len(self.lengths)) > 0


def _read(files: Sequence[Path], keys: Keys) -> pa.Table:
    return pa.concat_tables([read_columns(path, keys)[1] for path in files])


def _joined(*columns: Any) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())


def _are_integers(ids: pa.Array) -> bool:
    return bool(pc.all(pc.match_substring_regex(ids, r"^-?\d{1,18}$"), min_count=0).as_py())
