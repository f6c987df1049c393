"""Tables of text, read with Arrow's CSV reader in C, block by block."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO

import pyarrow as pa

from mfcli.codes import WarningCode
from mfcli.config.fetch import FetchConfig, Format, pairs_only
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned
from mfcli.sources.readers import lines
from mfcli.sources.readers.blocks import Blocks
from mfcli.sources.readers.cells import (
    CellError,
    LineError,
    NoRowsError,
    NotUtf8Error,
    StrayQuoteError,
)
from mfcli.sources.readers.dialect import Change, Dialect, find_dialect, find_dialects
from mfcli.sources.readers.dropping import Dropper
from mfcli.sources.readers.encodings import Rewritten
from mfcli.sources.readers.parsing import blank_lines, parse_rows
from mfcli.sources.readers.quotes import QuoteError, end_of_rows
from mfcli.sources.readers.source import Source, count_line_ends, cut_pieces, whole_lines
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head

_CODED = pa.dictionary(pa.int32(), pa.string())
_MEND_QUOTE = (
    "mend that line, or say with --quoting how cells are quoted (none: a quote is a character like "
    "any other)"
)


def read_delimited(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read all rows; raises InputError with the line of what cannot be used."""
    refused: StrayQuoteError | None = None
    for dialect in find_dialects(source.head(), kind, config):
        if refused is None:
            dialect.columns.tell(source.name, kind, on_event)
        try:
            builder = _read_rows(source, dialect, config, on_event)
        except StrayQuoteError as error:
            refused = refused or error
        except InputError:
            if refused is None:
                raise
        else:
            if refused is not None:
                on_event(Noted(f"{source.name}: read as --quoting {dialect.quotes.quoting}"))
            return builder
    assert refused is not None
    raise InputError(f"{source.name}, line {refused.line}: {refused.reason}")


def count_lines(head: bytes) -> int:
    """Return how many lines begin in a text."""
    return head.count(b"\n") + 1


@dataclass
class _Rows:
    """The rows of a table of text: how it is cut into pieces, and each piece parsed."""

    dialect: Dialect
    kinds: dict[str, pa.DataType]

    @cached_property
    def dropper(self) -> Dropper:
        """Return what blanks the lines that are no rows."""
        dialect = self.dialect
        return Dropper(dialect.width, dialect.delimiter, dialect.quoted, dialect.header)

    def pieces(
        self, stream: IO[bytes], on_event: OnEvent, size: int | None, name: str
    ) -> Generator[bytes]:
        """Cut a stream into pieces of whole rows, in which one character cuts the cells."""
        if self.dialect.change:
            stream = changed_stream(stream, self.dialect.change, name)
        ends = self._end_of_quoted if self.dialect.quoted else whole_lines
        yield from cut_pieces(stream, ends, on_event, size, name)

    def _end_of_quoted(self, text: bytes, last: bool) -> int:
        quotes = self.dialect.quotes
        try:
            return end_of_rows(
                text, self.dialect.delimiter, last=last, many_lines=quotes.many_lines
            )
        except QuoteError as error:
            line = count_line_ends(text[: error.at])
            kind = LineError if error.unclosed else StrayQuoteError
            raise kind(line, f"{error}: {_MEND_QUOTE}") from None

    def parse(self, piece: bytes, first: bool) -> pa.RecordBatch:
        """Return the rows of a piece; raises LineError, NotUtf8Error."""
        piece = self._table_lines(piece, first)
        try:
            return self._parsed(piece)
        except NotUtf8Error:
            raise
        except LineError:
            rows_only = self.dropper.without_rest(piece)
            if rows_only is piece:
                raise
            return self._parsed(rows_only)

    def _parsed(self, piece: bytes) -> pa.RecordBatch:
        return parse_rows(
            piece,
            width=self.dialect.width,
            delimiter=self.dialect.delimiter,
            quoted=self.dialect.quoted,
            kinds=self.kinds,
        )

    def _table_lines(self, piece: bytes, first: bool) -> bytes:
        if first:
            piece = blank_lines(piece, self.dialect.header_lines)
        return self.dropper.without_total(self.dropper.without_headers(piece))

    def line_of_row(self, blocks: Blocks, row: int) -> int:
        """Return the line, from 1, on which a row, from 0, begins."""
        piece, row, line = blocks.place_of(row)
        piece = self.dropper.without_rest(self._table_lines(piece, line == 1))
        return line + lines.line_of_row(
            piece, row, self.dialect.delimiter, quoted=self.dialect.quoted
        )


def changed_stream(stream: IO[bytes], change: Change, name: str) -> IO[bytes]:
    """Return a stream of which whole lines went through ``change``."""
    pieces = cut_pieces(stream, whole_lines, lambda _: None, None, name)
    return Rewritten(stream, map(change, pieces))  # type: ignore[return-value]


def _read_rows(
    source: Source, dialect: Dialect, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    places = dialect.inside
    rows = _Rows(
        dialect,
        {str(place): pa.string() if role == "time" else _CODED for role, place in places.items()},
    )

    def open_pieces(report: OnEvent) -> Generator[bytes]:
        with source.open() as stream:
            yield from rows.pieces(stream, report, source.size, source.name)

    blocks = Blocks(open_pieces, rows.parse, on_event)
    line_of_row = partial(rows.line_of_row, blocks)
    builder = TableBuilder(
        config,
        columns=dialect.columns.used(),
        constants=dialect.constants,
        header=dialect.names,
        where=lambda row: f"{source.name}, line {line_of_row(row)}",
    )
    with explained(source.name, line_of_row), closing(blocks.taken()) as batches:
        for batch in batches:
            columns = {role: batch.column(str(place)) for role, place in places.items()}
            builder.add(**columns)
    if not builder.n_rows:
        raise NoRowsError(f"{source.name}: holds no rows")
    dropped = rows.dropper.counts()
    if dropped:
        shown = ", ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in dropped.items())
        on_event(
            Warned(
                WarningCode.lines, f"{source.name}: lines that are no rows are left out: {shown}"
            )
        )
    return builder


@contextmanager
def explained(name: str, line_of_row: Callable[[int], int]) -> Iterator[None]:
    """Turn what is wrong with a row or a line into InputError that names the line.

    Lets StrayQuoteError and NotUtf8Error through: the table may be read in another way.
    """
    try:
        yield
    except (StrayQuoteError, NotUtf8Error):
        raise
    except CellError as error:
        line = line_of_row(error.row)
        raise InputError(f"{name}, line {line}: {error}: {error.mend}") from None
    except LineError as error:
        raise InputError(f"{name}, line {error.line}: {error.reason}") from None


def stream_pairs(
    stream: IO[bytes], head: Head, kind: Format
) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the users and items of a stream in batches, strings; raises InputError."""
    dialect = find_dialect(head, kind, pairs_only(FetchConfig()))
    user, item = str(dialect.columns.places["user"]), str(dialect.columns.places["item"])
    rows = _Rows(dialect, dict.fromkeys((user, item), pa.string()))
    blocks = Blocks(lambda report: rows.pieces(stream, report, None, head.name), rows.parse)
    try:
        with closing(blocks.taken()) as batches:
            for batch in batches:
                yield batch.column(user), batch.column(item)
    except NotUtf8Error as error:
        raise InputError(
            f"{head.name}, line {error.line}: {error.reason}: mend it, or convert the file first "
            "(iconv -t UTF-8)"
        ) from None
    except LineError as error:
        raise InputError(f"{head.name}, line {error.line}: {error.reason}") from None
