"""Tables of text, read with Arrow's CSV reader in C, block by block."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mfcli.errors import InputError
from mfcli.results import OnEvent, Warned
from mfcli.sources.readers import lines
from mfcli.sources.readers.detect import Dialect
from mfcli.sources.readers.source import Lines, Source
from mfcli.sources.readers.table import CellError, ParsedTable, TableBuilder

BLOCK_BYTES = 8 << 20
_NO_SEPARATOR = "\x1f"
_PAIR = re.compile(rb"(?m)^[ \t]*\(([^,()\s]+),\s*[^,()\s]+\)")
_CODED = pa.dictionary(pa.int32(), pa.string())


class _NotUtf8Error(Exception):
    """The text is not UTF-8."""


def read_delimited(source: Source, dialect: Dialect, on_event: OnEvent) -> ParsedTable:
    """Read all rows; raises InputError with the line of what cannot be used."""
    return _with_encoding(
        lambda latin: _read_table(source, dialect, on_event, latin), source, on_event
    )


def read_adjacency(source: Source, on_event: OnEvent, negatives: bool = False) -> ParsedTable:
    """Read ``user item item item …`` lines: every item an interaction of 1.

    With ``negatives`` the user stands beside a test item, ``(user,item)``, which is left out.
    """
    change = _users_of_pairs if negatives else None
    return _with_encoding(
        lambda latin: _read_lists(source, on_event, latin, change), source, on_event
    )


def _users_of_pairs(text: bytes) -> bytes:
    """Turn ``(user,item)`` at the beginning of lines into the user."""
    return _PAIR.sub(rb"\1", text)


def _with_encoding(
    read: Callable[[bool], ParsedTable], source: Source, on_event: OnEvent
) -> ParsedTable:
    try:
        return read(False)
    except _NotUtf8Error:
        on_event(Warned(f"{source.name}: is not UTF-8; read as Latin-1"))
        return read(True)


def _latin1(change: Callable[[bytes], bytes] | None) -> Callable[[bytes], bytes]:
    def recode(text: bytes) -> bytes:
        return (change(text) if change else text).decode("latin-1").encode("utf-8")

    return recode


def _read_table(source: Source, dialect: Dialect, on_event: OnEvent, latin: bool) -> ParsedTable:
    change = _latin1(dialect.change) if latin else dialect.change
    places = dialect.places
    kinds = {
        str(place): pa.string() if role == "time" else _CODED for role, place in places.items()
    }
    builder = TableBuilder()
    with contextlib.closing(
        Lines(source.open(), change, on_event, source.size, source.name)
    ) as stream:
        try:
            for batch in batches(
                stream, dialect.width, dialect.header, dialect.delimiter, dialect.quoted, kinds
            ):
                columns = {role: batch.column(str(place)) for role, place in places.items()}
                builder.add(
                    columns["user"], columns["item"], columns.get("rating"), columns.get("time")
                )
        except CellError as error:
            line = lines.line_of_row(source, dialect, change, error.row)
            raise InputError(f"{source.name}, line {line}: {error}: {lines.MEND}") from None
        except pa.ArrowInvalid as error:
            _explain(error, source, dialect, change)
    return builder.finish()


def batches(
    stream: Lines,
    width: int,
    header: bool,
    delimiter: str,
    quoted: bool,
    kinds: dict[str, pa.DataType],
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table of text, its columns named 0, 1, 2 …; those of ``kinds`` only."""
    reader = pyarrow.csv.open_csv(
        stream,
        read_options=pyarrow.csv.ReadOptions(
            column_names=[str(place) for place in range(width)],
            skip_rows_after_names=int(header),
            block_size=BLOCK_BYTES,
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    with reader:
        yield from reader


def _explain(
    error: pa.ArrowInvalid,
    source: Source,
    dialect: Dialect,
    change: Callable[[bytes], bytes] | None,
) -> NoReturn:
    """Turn Arrow's message into one that names the line."""
    text = str(error)
    if "UTF8" in text or "UTF-8" in text:
        raise _NotUtf8Error from None
    if "Empty CSV" in text:
        raise InputError(f"{source.name}: holds no rows") from None
    ragged = lines.ragged_line(source, dialect, change)
    if ragged:
        line, width = ragged
        raise InputError(
            f"{source.name}, line {line}: has {width} columns and the lines before it have "
            f"{dialect.width}: {lines.MEND}, or choose another --format"
        ) from None
    if "straddling" in text:
        text = "a line is too long, or a quote is not closed"
    raise InputError(f"{source.name}: cannot be read as {dialect.format}: {text[:200]}") from None


def _read_lists(
    source: Source, on_event: OnEvent, latin: bool, change: Callable[[bytes], bytes] | None
) -> ParsedTable:
    builder = TableBuilder()
    change = _latin1(change) if latin else change
    kinds = {"0": pa.string()}
    with contextlib.closing(
        Lines(source.open(), change, on_event, source.size, source.name)
    ) as stream:
        try:
            for batch in batches(stream, 1, False, _NO_SEPARATOR, False, kinds):
                builder.add(*_pairs(batch.column(0)))
        except CellError as error:
            line = lines.line_of_item(source, error.row)
            raise InputError(f"{source.name}, line {line}: {error}: {lines.MEND}") from None
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) or "UTF-8" in str(error):
                raise _NotUtf8Error from None
            raise InputError(f"{source.name}: cannot be read: {str(error)[:200]}") from None
    return builder.finish()


def _pairs(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Turn lines ``user item item …`` into users and items, one pair an item."""
    texts = pc.ascii_trim_whitespace(texts)
    tokens = pc.ascii_split_whitespace(texts.filter(pc.not_equal(texts, "")))
    counts = pc.list_value_length(tokens).to_numpy()
    flat = tokens.flatten()
    is_user = np.zeros(len(flat), dtype=bool)
    starts = np.cumsum(counts) - counts
    is_user[starts] = True
    users = flat.take(pa.array(np.repeat(starts, counts - 1)))
    return users, flat.filter(pa.array(~is_user))
