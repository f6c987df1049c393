"""What a table of results is made of: columns, cells, and the writers that take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.data.interactions import Ids


class CodedCells(NamedTuple):
    """Cells out of a vocabulary: row r holds ``values[codes[r]]``."""

    codes: NDArray[np.integer[Any]]  # (R,)
    values: Ids  # (V,)


Cells = Any  # one entry a row: CodedCells, or values as a NumPy or an Arrow array


@dataclass(frozen=True)
class Column:
    """A column's name and Arrow type."""

    name: str
    type: pa.DataType

    @classmethod
    def of(cls, name: str, values: Ids) -> Column:
        """Return the column of ids or names like ``values``: int64 or strings."""
        return cls(name, pa.int64() if values.dtype.kind == "i" else pa.string())


class Encoded(NamedTuple):
    """Rows as a writer takes them: their number, and text or an Arrow table."""

    n_rows: int
    content: Any


class TableWriter(Protocol):
    """Writes rows: ``encode`` does the work and may be called in any thread, ``append`` in one."""

    n_rows: int

    def encode(self, cells: Sequence[Cells]) -> Encoded:
        """Turn cells, one entry a column and all of one length, into what ``append`` takes."""
        ...

    def append(self, rows: Encoded) -> None:
        """Write rows."""
        ...

    def describe(self, text: bytes) -> None:
        """Keep what the table is, where its format has a place for it; call it before the end."""
        ...

    def close(self) -> None:
        """Write what belongs at the end."""
        ...

    def abandon(self) -> None:
        """Write nothing more."""
        ...


class Vocabularies:
    """The encoded vocabularies of a writer's columns: one that comes again is not encoded again."""

    def __init__(self, encode: Callable[[Ids], pa.Array]) -> None:
        """Keep how a vocabulary is encoded."""
        self._encode = encode
        self._kept: dict[int, tuple[Ids, pa.Array]] = {}

    def take(self, column: int, cells: CodedCells) -> pa.Array:
        """Return the encoded cells of a column."""
        kept = self._kept.get(column)
        if kept is None or kept[0] is not cells.values:
            kept = (cells.values, self._encode(cells.values))
            self._kept[column] = kept
        return kept[1].take(pa.array(cells.codes))


def arrow_array(values: Any, kind: pa.DataType | None = None) -> pa.Array:
    """Return NumPy values, unicode included, as Arrow's; those of Arrow as they are."""
    if isinstance(values, pa.Array):
        return values if kind is None else values.cast(kind)
    return pa.array(values.tolist() if values.dtype.kind == "U" else values, kind)
