"""Lists of ids: one a line, or a column of a table, whatever cuts it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from mfcli.artifacts import open_input
from mfcli.artifacts.unpacking import GZIP_MAGIC, open_gzip
from mfcli.codes import WarningCode
from mfcli.data.ids import FLOAT_INTEGER, MISSING, MISSING_NUMBERS, trimmed
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned, ignore
from mfcli.scoring.ids import IdIndex
from mfcli.sources.readers.columns import find_role
from mfcli.sources.readers.encodings import WINDOWS, encoding_of, encoding_of_head
from mfcli.sources.readers.foreign import refuse_foreign
from mfcli.sources.readers.roles import fit
from mfcli.sources.readers.source import HEAD_BYTES
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.typed import id_texts
from mfcli.system.streams import standard_input
from mfcli.wording import counted

# What may cut the columns of a list, and whether cells may be quoted beside it.
_DELIMITERS = {"\t": True, ",": True, ";": True, "|": True}
_NO_DELIMITER = "\0"  # a comma may be a part of an id that stands alone on its line


def read_ids(source: str, role: str, known: IdIndex, on_event: OnEvent = ignore) -> list[str]:
    """Read the distinct ids of a file or of standard input, in the order they come.

    One a line, with a header or none; or the column of a table (commas, semicolons, tabs, bars, or
    Parquet) whose name is that of the ``role``, user or item, as fetch knows it. ``known``: the
    model's ids, by which a header is told from an id. Nothing in the file is an empty list. Cells
    that stand for no id (empty, ``NULL``; ``nan`` among integers) are left out with a warning.

    Raises InputError where it cannot be read, or no column is known as the one.
    """
    content = _content(source)
    if content.startswith(b"PAR1"):
        return _present(source, role, _of_parquet(source, content, role), known, on_event)
    if not content.strip():
        return []
    text = _text(source, content, on_event)
    plain = text.encode("utf-8", "surrogatepass")
    head = Head(source, plain[:HEAD_BYTES], len(plain) <= HEAD_BYTES)
    delimiter = head.steady_delimiter(_DELIMITERS) or _named(head, role)
    if delimiter is not None:
        names = [trimmed(name) for name in head.records(delimiter, quoted=True)[0]]
        place = _place(names, role, source)
        if place is not None:
            found = _column(source, text, delimiter, place)
            return _present(source, role, found, known, on_event)[1:]
    tokens = _present(source, role, _column(source, text, _NO_DELIMITER, 0), known, on_event)
    if delimiter is not None and not (known.rows(tokens) >= 0).any():
        raise InputError(
            f"{source}: has {counted(len(names), 'column')}, and none is known as the {role} "
            f"({names[0]!r}, "
            f"{names[1]!r} …): call the one {role}_id on the first line, or write the ids alone, "
            "one a line"
        )
    return _without_header(source, tokens, role, known, on_event)


def _text(source: str, content: bytes, on_event: OnEvent) -> str:
    """Decode a list as fetch decodes a table; raises InputError for what is no text, or unclear."""
    encoding = encoding_of(content)
    if encoding is None:
        head = Head(source, content, whole=True)
        refuse_foreign(head)
        try:
            encoding = encoding_of_head(head)
        except InputError:  # its mend is an option of fetch
            raise InputError(
                f"{source}: the ids are not UTF-8 text: convert the file (iconv -t UTF-8)"
            ) from None
        if encoding == WINDOWS:
            on_event(Warned(WarningCode.encoding, f"{source}: is not UTF-8; read as Windows-1252"))
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: is not {encoding} text ({error.reason})") from None


def _named(head: Head, role: str) -> str | None:
    """Return what cuts the first line into names of which one is that of the role."""
    for delimiter in _DELIMITERS:
        names = next(iter(head.records(delimiter, quoted=True)), [])
        if len(names) > 1 and any(fit(trimmed(name), role) is not None for name in names):
            return delimiter
    return None


def _place(names: list[str], role: str, source: str) -> int | None:
    try:
        return find_role(names, role, source)
    except InputError:
        raise InputError(
            f"{source}: several columns could be the {role} ({', '.join(names[:8])}): leave one of "
            f"them, or call it {role}_id and the others otherwise"
        ) from None


def _without_header(
    source: str, tokens: list[str], role: str, known: IdIndex, on_event: OnEvent
) -> list[str]:
    """Return ids without a first line that is no id of the model but a name.

    It is one where it is known as a name of the role, or no number above numbers.
    """
    if not tokens or known.rows(tokens[:1])[0] >= 0:
        return tokens
    is_number = [re.fullmatch(FLOAT_INTEGER, token) is not None for token in tokens]
    if fit(tokens[0], role) is not None or (
        known.integers and len(tokens) > 1 and not is_number[0] and all(is_number[1:])
    ):
        on_event(Noted(f"{source}: its first line {tokens[0]!r} is taken as the column's name"))
        return tokens[1:]
    return tokens


def _content(source: str) -> bytes:
    if source == "-":
        return standard_input().read()
    with open_input(Path(source)) as stream:
        packed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        stream.seek(0)
        if not packed:
            return stream.read()
        with open_gzip(stream, source) as unpacked:
            return unpacked.read()


class _Cells(NamedTuple):
    """Distinct cells with the line (or row) of the first, and how many rows may stand for none."""

    places: dict[str, int]
    doubtful: Counter[str]
    place_word: str

    @classmethod
    def of(cls, cells: Iterable[tuple[int, str]], place_word: str) -> _Cells:
        """Take cells with their places, in order."""
        found = cls({}, Counter(), place_word)
        for place, token in cells:
            found.places.setdefault(token, place)
            if token.lower() in MISSING_NUMBERS:
                found.doubtful[token] += 1
        return found


def _present(source: str, role: str, cells: _Cells, known: IdIndex, on_event: OnEvent) -> list[str]:
    """Return the distinct ids without what stands for none, of which it warns."""
    doubtful = [token for token in cells.doubtful if known.integers or token in MISSING]
    rows = known.rows(doubtful) if doubtful else ()
    absent = [token for token, row in zip(doubtful, rows, strict=True) if row < 0]
    if absent:
        number = sum(cells.doubtful[token] for token in absent)
        first = min(absent, key=cells.places.__getitem__)
        on_event(
            Warned(
                WarningCode.ids,
                f"{source}: {counted(number, 'row has', 'rows have')} no {role} (the first is "
                f"{first!r}, {cells.place_word} {cells.places[first]}): left out",
            )
        )
    return [token for token in cells.places if token not in absent]


def _of_parquet(source: str, content: bytes, role: str) -> _Cells:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content), use_threads=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source}: is not a complete Parquet file ({str(error)[:80]})") from None
    place = 0 if table.num_columns == 1 else _place(table.column_names, role, source)
    if place is None:
        raise InputError(f"{source}: no column is known as the {role}: call it {role}_id")
    column = table.column(place).combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk
        return _Cells.of((), "row")
    texts = id_texts(column, role, 0).to_pylist()
    return _Cells.of(((row, trimmed(text or "")) for row, text in enumerate(texts, 1)), "row")


def _column(source: str, text: str, delimiter: str, place: int) -> _Cells:
    """Return the cells of a column, the first line's among them; a blank line is no row."""
    return _Cells.of(_cells(source, text, delimiter, place), "line")


def _cells(source: str, text: str, delimiter: str, place: int) -> Iterator[tuple[int, str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            if not any(map(trimmed, row)):
                continue
            if len(row) <= place:
                raise InputError(f"{source}, line {rows.line_num}: has no column {place + 1}")
            yield rows.line_num, trimmed(row[place])
    except csv.Error as error:
        raise InputError(f"{source}, line {rows.line_num}: {error}") from None
