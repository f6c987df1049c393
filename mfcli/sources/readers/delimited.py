"""Tables of text, read with Arrow's CSV reader in C, block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import IO, NoReturn

import pyarrow as pa
import pyarrow.csv

from mfcli.codes import WarningCode
from mfcli.config.fetch import FetchConfig, Format, pairs_only
from mfcli.errors import InputError
from mfcli.events import OnEvent, Warned, ignore
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import CellError, NoRowsError
from mfcli.sources.readers.dialect import Change, Dialect, find_dialect
from mfcli.sources.readers.source import Lines, Source
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head

BLOCK_BYTES = 8 << 20
_CODED = pa.dictionary(pa.int32(), pa.string())


class NotUtf8Error(Exception):
    """The text is not UTF-8."""


def read_delimited(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read all rows; raises InputError with the line of what cannot be used."""
    dialect = find_dialect(source.head(), kind, config)
    dialect.columns.tell(source.name, kind, on_event)
    return read_either_encoding(
        lambda latin1: _read_rows(source, dialect, config, on_event, latin1), source, on_event
    )


def count_lines(head: bytes) -> int:
    """Return how many lines begin in a text."""
    return head.count(b"\n") + 1


def read_either_encoding(
    read: Callable[[bool], TableBuilder], source: Source, on_event: OnEvent
) -> TableBuilder:
    """Call ``read(False)`` for UTF-8, and ``read(True)`` for Latin-1 if it raises NotUtf8Error."""
    try:
        return read(False)
    except NotUtf8Error:
        on_event(Warned(WarningCode.encoding, f"{source.name}: is not UTF-8; read as Latin-1"))
        return read(True)


def as_latin1(change: Change | None) -> Change:
    """Return what turns Latin-1 into UTF-8, after ``change``."""

    def recode(text: bytes) -> bytes:
        return (change(text) if change else text).decode("latin-1").encode("utf-8")

    return recode


def says_not_utf8(error: pa.ArrowInvalid) -> bool:
    """Tell whether Arrow complains of the encoding."""
    return "UTF8" in str(error) or "UTF-8" in str(error)


def _read_rows(
    source: Source, dialect: Dialect, config: FetchConfig, on_event: OnEvent, latin1: bool
) -> TableBuilder:
    change = as_latin1(dialect.change) if latin1 else dialect.change
    places = dialect.inside
    kinds = {
        str(place): pa.string() if role == "time" else _CODED for role, place in places.items()
    }
    builder = TableBuilder(
        config,
        columns=dialect.columns.used(),
        constants=dialect.constants,
        header=dialect.names,
        where=lambda row: f"{source.name}, line {lines.line_of_row(source, dialect, change, row)}",
    )
    with contextlib.closing(
        Lines(source.open(), change, on_event, source.size, source.name)
    ) as stream:
        try:
            for batch in _batches_of(stream, dialect, kinds):
                columns = {role: batch.column(str(place)) for role, place in places.items()}
                builder.add(**columns)
        except CellError as error:
            line = lines.line_of_row(source, dialect, change, error.row)
            raise InputError(f"{source.name}, line {line}: {error}: {error.mend}") from None
        except pa.ArrowInvalid as error:
            _explain(error, source, dialect, change)
    return builder


def stream_pairs(
    stream: IO[bytes], head: Head, kind: Format
) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the users and items of a stream in batches, strings; raises InputError."""
    dialect = find_dialect(head, kind, pairs_only(FetchConfig()))
    text = Lines(stream, dialect.change, ignore, None, head.name)
    user, item = str(dialect.columns.places["user"]), str(dialect.columns.places["item"])
    done = 0
    try:
        for batch in _batches_of(text, dialect, dict.fromkeys((user, item), pa.string())):
            yield batch.column(user), batch.column(item)
            done += len(batch)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{head.name}, after row {done}: cannot be read ({reason})") from None


def _batches_of(
    stream: Lines, dialect: Dialect, kinds: dict[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    return read_batches(
        stream,
        width=dialect.width,
        header=dialect.header,
        delimiter=dialect.delimiter,
        quoted=dialect.quoted,
        kinds=kinds,
    )


def read_batches(
    stream: Lines,
    *,
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
    error: pa.ArrowInvalid, source: Source, dialect: Dialect, change: Change | None
) -> NoReturn:
    """Turn Arrow's message into one that names the line."""
    if says_not_utf8(error):
        raise NotUtf8Error from None
    text = str(error)
    if "Empty CSV" in text:
        raise NoRowsError(f"{source.name}: holds no rows") from None
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
