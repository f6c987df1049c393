"""A column of times, chunk by chunk → seconds since 1970 (UTC).

Numbers and forms of dates are told over the whole column: by their magnitude, and by what fits
every row. Whole numbers of seconds, the usual case, are only cast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.config.time_formats import DayOrder, TimeUnit, parse_time_format
from mfcli.errors import UsageError
from mfcli.sources.readers.cells import CellError, is_string
from mfcli.sources.readers.text import NUMBER, whole_cell
from mfcli.sources.readers.time_cells import (
    Mask,
    Seconds,
    any_numbers,
    as_mask,
    missing_times,
    plain_column,
    plain_integers,
)
from mfcli.sources.readers.time_forms import CHOSEN, FORMS, ISO, ORDERS, fitting
from mfcli.sources.readers.time_numbers import how_read, read_numbers

_TYPED = "timestamps"  # the form of columns whose type says what they are
_NAME_IT = "name the form with --time-format, such as %d.%m.%Y %H:%M"


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Rows from ``row`` on: numbers as they stand, or the seconds that each fitting form gives.

    example: the text of its first row. unclear: the first row whose forms differ, and its text.
    """

    row: int
    example: str
    numbers: NDArray[Any] | None = None
    forms: Mapping[str, Seconds] = field(default_factory=dict)
    unclear: tuple[int, str] | None = None


class TimeColumnBuilder:
    """Collects the chunks of a column of times; ``finish`` reads it whole."""

    def __init__(self, time_format: str | None = None) -> None:
        """Start empty; ``time_format``: as ``--time-format``."""
        self.remark, self.doubt = "", ""
        self._given = time_format
        found = None if time_format is None else parse_time_format(time_format)
        self._unit = found if isinstance(found, TimeUnit) else None
        self._chosen: dict[str, str] = {}  # the one form of dates that was chosen, and its pattern
        if isinstance(found, DayOrder):
            self._chosen[str(found)] = CHOSEN[found]
        elif self._unit is None and found is not None:
            self._chosen[str(time_format)] = found
        self._chunks: list[_Chunk] = []
        self._there: list[tuple[int, Mask | None]] = []  # rows of a chunk, and which count
        self._n_read = 0  # rows that count

    def add(self, column: pa.Array, row: int, there: Mask | None = None) -> Mask | None:
        """Add a chunk that begins with ``row``: strings, numbers, dates or timestamps.

        there: (len(column),) which rows count, None: all. Returns the mask of the rows whose time
        is missing, None without one; these, and those that do not count, become 0. Raises CellError
        for the first cell that cannot be used, UsageError where --time-format does not apply.
        """
        column = plain_column(column)
        whole = None
        if there is None and not self._chosen:
            whole = plain_integers(column)  # at once, for the usual case
        missing = None if whole is not None else missing_times(column)
        if missing is not None:
            there = ~missing if there is None else there & ~missing
        self._there.append((len(column), there))
        if there is not None:
            column = column.filter(pa.array(there))
        if len(column):
            try:
                self._add(column, whole)
            except CellError as error:
                rows = np.arange(self._there[-1][0]) if there is None else np.flatnonzero(there)
                at = row + int(rows[error.row - self._n_read])
                raise CellError(at, str(error), error.mend) from None
        self._n_read += len(column)
        return missing

    def _add(self, column: pa.Array, whole: Seconds | None) -> None:
        """Add a chunk of rows that count; ``whole``: as integers, where it is known to be some."""
        row, kind = self._n_read, column.type
        if self._chosen and pa.types.is_integer(kind):
            column = column.cast(pa.string())
        if whole is not None:
            self._add_numbers(whole, str(column[0].as_py()), row)
        elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            self._add_typed(column, row)
        elif is_string(column.type):
            self._add_texts(column, row)
        else:
            self._add_numbers(any_numbers(column, row), str(column[0].as_py()), row)

    def extend(self, other: TimeColumnBuilder) -> None:
        """Append the chunks of another builder; it is used up."""
        before = self._n_read
        for chunk in other._chunks:
            unclear = chunk.unclear and (chunk.unclear[0] + before, chunk.unclear[1])
            self._chunks.append(replace(chunk, row=chunk.row + before, unclear=unclear))
        self._there += other._there
        self._n_read += other._n_read

    def finish(self) -> Seconds | None:
        """Return the seconds of all rows, (R,), None without a chunk; the builder is used up.

        Sets ``remark`` (how they were read) and ``doubt`` (what is odd in them). Raises CellError
        for the row that does not fit the others, or that could be read in two ways; UsageError for
        a --time-format without times.
        """
        if not self._there:
            if self._given is not None:
                raise UsageError(
                    f"--time-format {self._given}: there is no column of times; name it with "
                    "--columns user=…,item=…,time=…"
                )
            return None
        if all(mask is None for _, mask in self._there):
            return self._read()
        there = np.concatenate(
            [np.ones(size, dtype=bool) if mask is None else mask for size, mask in self._there]
        )
        try:
            read = self._read()
        except CellError as error:
            at = int(np.flatnonzero(there)[error.row])
            raise CellError(at, str(error), error.mend) from None
        seconds = np.zeros(len(there), dtype=np.int64)
        seconds[there] = read
        return seconds

    def _read(self) -> Seconds:
        """Return the seconds of the rows that count."""
        chunks, self._chunks = self._chunks, []
        if not chunks:
            return np.zeros(0, dtype=np.int64)
        self._refuse_mixture(chunks)
        if chunks[0].numbers is not None:
            numbers = [chunk.numbers for chunk in chunks if chunk.numbers is not None]
            reading = read_numbers(np.concatenate(numbers), self._unit)
            self.remark, self.doubt = reading.remark, reading.doubt
            return reading.seconds
        form = self._one_form(chunks)
        seconds = np.concatenate([chunk.forms[form] for chunk in chunks])
        if form not in (ISO, _TYPED) and self._given is None:
            self.remark = how_read(f"dates written like {form!r}", seconds)
        return seconds

    def _add_typed(self, column: pa.Array, row: int) -> None:
        if self._given is not None:
            raise UsageError(
                f"--time-format {self._given} is for texts and numbers, and the time column "
                f"holds {column.type}: leave it out"
            )
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("s"))
        units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
        seconds = np.floor_divide(column.cast(pa.int64()).to_numpy(), units)
        self._chunks.append(_Chunk(row, str(column[0].as_py()), forms={_TYPED: seconds}))

    def _add_numbers(self, numbers: NDArray[Any], example: str, row: int) -> None:
        if self._chosen:
            raise self._does_not_fit(row, example)
        self._chunks.append(_Chunk(row, example, numbers=numbers))

    def _add_texts(self, texts: pa.Array, row: int) -> None:
        texts = pc.utf8_trim_whitespace(texts)
        if self._chosen:
            self._add_dates(texts, row)
            return
        numeric = as_mask(pc.match_substring_regex(texts, whole_cell(NUMBER)))
        if self._unit is not None and not numeric.all():
            odd = int(np.argmin(numeric))
            raise self._does_not_fit(row + odd, texts[odd].as_py())
        if numeric.all():
            self._add_numbers(any_numbers(texts, row), texts[0].as_py(), row)
        elif not numeric.any():
            self._add_dates(texts, row)
        else:
            odd = int(np.argmax(numeric != numeric[0]))
            raise _unlike(row + odd, texts[odd].as_py(), texts[0].as_py())

    def _add_dates(self, texts: pa.Array, row: int) -> None:
        coded = texts.dictionary_encode()
        distinct, codes = coded.dictionary, coded.indices.to_numpy()
        forms = self._forms()
        found = fitting(distinct, forms)
        if not found:
            raise self._unreadable(distinct, codes, forms, row)
        unclear = None
        first, *others = found.values()
        differ = np.zeros(len(distinct), dtype=bool)
        for other in others:
            differ |= other != first
        if differ.any():
            code = int(np.argmax(differ))
            unclear = row + int(np.argmax(codes == code)), distinct[code].as_py()
        self._chunks.append(
            _Chunk(
                row,
                texts[0].as_py(),
                forms={form: seconds[codes] for form, seconds in found.items()},
                unclear=unclear,
            )
        )

    def _forms(self) -> Mapping[str, str]:
        """Return the forms that fit all chunks before, or the one that was chosen."""
        if self._chosen:
            return self._chosen
        before = [chunk.forms.keys() for chunk in self._chunks if chunk.forms]
        return {
            form: pattern
            for form, pattern in FORMS.items()
            if all(form in forms for forms in before)
        }

    def _unreadable(
        self, distinct: pa.Array, codes: NDArray[Any], forms: Mapping[str, str], row: int
    ) -> CellError:
        """Return the error for the first text that fits none of the forms that fitted before it."""
        known = self._chosen or FORMS
        alive = dict(forms)
        example = self._chunks[0].example if self._chunks else None
        for code in range(len(distinct)):
            text = distinct[code].as_py()
            fit = fitting(distinct.slice(code, 1), alive)
            if fit:
                alive = {form: alive[form] for form in fit}
                example = example or text
                continue
            at = row + int(np.argmax(codes == code))
            if self._chosen:
                return self._does_not_fit(at, text)
            if example is not None and fitting(distinct.slice(code, 1), known):
                return _unlike(at, text, example)
            return CellError(
                at,
                f"the time {text[:40]!r} is neither seconds since 1970 nor a date and time that "
                "is known",
                f"mend or remove that line, or {_NAME_IT}",
            )
        raise AssertionError("some text does not fit")

    def _does_not_fit(self, row: int, text: str) -> CellError:
        return CellError(row, f"the time {text[:40]!r} does not fit --time-format {self._given}")

    def _refuse_mixture(self, chunks: list[_Chunk]) -> None:
        """Raise CellError where numbers and dates stand in one column."""
        first = chunks[0]
        for chunk in chunks:
            if (chunk.numbers is None) is not (first.numbers is None):
                raise _unlike(chunk.row, chunk.example, first.example)

    def _one_form(self, chunks: list[_Chunk]) -> str:
        """Return the form that fits all chunks; raises CellError without one, or with several."""
        alive = list(chunks[0].forms)
        for chunk in chunks:
            alive = [form for form in alive if form in chunk.forms]
            if not alive:
                raise _unlike(chunk.row, chunk.example, chunks[0].example)
        if len(alive) > 1:
            for chunk in chunks:
                first, *others = (chunk.forms[form] for form in alive)
                if any((first != other).any() for other in others):
                    raise _ambiguous(chunk, alive)
        return alive[0]


def _ambiguous(chunk: _Chunk, forms: list[str]) -> CellError:
    row, text = chunk.unclear or (chunk.row, chunk.example)
    orders = [order for order, form in ORDERS.items() if form in forms]
    meanings = ", or ".join(f"like {form}" for form in forms)
    return CellError(
        row,
        f"the time {text!r} can be read {meanings}, and no row tells which",
        f"say it with --time-format {' or '.join(orders)}",
    )


def _unlike(row: int, text: str, example: str) -> CellError:
    return CellError(
        row,
        f"the time {text[:40]!r} is written otherwise than {example[:40]!r} in other rows",
        "write all times in one form, or remove that line",
    )
