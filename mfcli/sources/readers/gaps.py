"""Missing values: in which rows of a table a rating or a time is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.sources.readers.cells import CellError
from mfcli.wording import part_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Gap:
    """Rows of a chunk without a value: the mask begins with row ``first``."""

    what: str
    first: int
    mask: Mask
    text: str  # what stands in the first of them


class Gaps:
    """The rows of a table in which a value is missing, chunk by chunk."""

    def __init__(self) -> None:
        """Start without any."""
        self._gaps: list[_Gap] = []

    def note(self, what: str, column: pa.Array, first: int, mask: Mask | None) -> None:
        """Note that ``what`` is missing in rows of a chunk that begins with row ``first``."""
        if mask is not None:
            cell = column[int(np.argmax(mask))].as_py()
            self._gaps.append(_Gap(what, first, mask, cell if isinstance(cell, str) else ""))

    def extend(self, other: Gaps, before: int) -> None:
        """Append those of another part of the table, which stands behind ``before`` rows."""
        self._gaps += [replace(gap, first=gap.first + before) for gap in other._gaps]

    def mask(self, n_rows: int) -> Mask | None:
        """Return the (n_rows,) mask of the rows that lack a value, None without one."""
        if not self._gaps:
            return None
        found = np.zeros(n_rows, dtype=bool)
        for gap in self._gaps:
            found[gap.first : gap.first + len(gap.mask)] |= gap.mask
        return found

    def error(self, missing: Mask) -> CellError:
        """Return the error for the first of the rows that lack a value, and how many there are."""
        row, count = int(np.argmax(missing)), int(np.count_nonzero(missing))
        gap = next(
            gap
            for gap in self._gaps
            if gap.first <= row < gap.first + len(gap.mask) and gap.mask[row - gap.first]
        )
        text = gap.text.strip() if row == gap.first + int(np.argmax(gap.mask)) else ""
        written = f" ({text!r})" if text else ""
        more = (
            f", and {part_of(count, len(missing), 'row', 'lacks', 'lack')} a value"
            if count > 1
            else ""
        )
        return CellError(
            row,
            f"the {gap.what} is missing{written}{more}",
            f"mend them, leave such rows out with fetch --drop-missing, or the column with "
            f"--columns {gap.what}=none",
        )
