"""Parquet and JSON lines: tables whose cells have types."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

from mfcli.config.stages import FetchConfig, parse_columns
from mfcli.data.text import is_valid_text
from mfcli.errors import InputError
from mfcli.results import Noted, OnEvent, Progress
from mfcli.sources.readers import lines
from mfcli.sources.readers.columns import by_name, describe
from mfcli.sources.readers.detect import text_lines
from mfcli.sources.readers.source import Lines, Source
from mfcli.sources.readers.table import CellError, ParsedTable, TableBuilder
from mfcli.system import capacity

BATCH_ROWS = 1 << 19
_STRINGS = pa.dictionary(pa.int32(), pa.string())


def read_parquet(source: Source, config: FetchConfig, on_event: OnEvent) -> ParsedTable:
    """Read all rows; raises InputError with the row of what cannot be used."""
    builder = TableBuilder()
    with contextlib.closing(_seekable(source)) as stream:
        try:
            with pyarrow.parquet.ParquetFile(stream) as file:
                names = file.schema_arrow.names
                places = by_name(names, parse_columns(config.columns), source.name)
                _check_types(file.schema_arrow, places, source.name)
                on_event(Noted(f"{source.name}: read as parquet, {describe(places, names)}"))
                capacity.require_rows(source.name, file.metadata.num_rows, on_event)
                on_event(Progress(0, file.metadata.num_rows))
                wanted = {role: names[place] for role, place in places.items()}
                # One column may have two roles in a file without --columns: never asked for twice.
                for batch in file.iter_batches(BATCH_ROWS, columns=sorted(set(wanted.values()))):
                    columns = {role: batch.column(name) for role, name in wanted.items()}
                    builder.add(
                        _as_ids(columns["user"]),
                        _as_ids(columns["item"]),
                        columns.get("rating"),
                        columns.get("time"),
                    )
                    on_event(Progress(builder.n_rows, file.metadata.num_rows))
        except CellError as error:
            raise InputError(f"{source.name}, row {error.row + 1}: {error}: {lines.MEND}") from None
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0][:200]
            raise InputError(f"{source.name}: is no whole Parquet file ({reason})") from None
    return builder.finish()


def _seekable(source: Source) -> IO[bytes]:
    """Return a stream that Arrow may jump about in: the file, or what it unpacks to on disk."""
    stream = source.open()
    if stream.seekable():
        return stream
    with stream:
        unpacked = tempfile.TemporaryFile(prefix="mfcli-")  # noqa: SIM115 (the caller closes it)
        shutil.copyfileobj(stream, unpacked, 1 << 20)
    unpacked.seek(0)
    return unpacked


def _check_types(schema: pa.Schema, places: Mapping[str, int], where: str) -> None:
    kinds = pa.types
    for role, place in places.items():
        field = schema.field(place)
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        text = kinds.is_string(kind) or kinds.is_large_string(kind)
        number = kinds.is_integer(kind) or kinds.is_floating(kind)
        if role in ("user", "item"):
            fits = text or kinds.is_integer(kind)
            wanted = "integers or strings"
        elif role == "rating":
            fits = text or number or kinds.is_decimal(kind) or kinds.is_boolean(kind)
            wanted = "numbers"
        else:
            fits = text or number or kinds.is_timestamp(kind) or kinds.is_date(kind)
            wanted = "seconds, dates or timestamps"
        if not fits:
            raise InputError(
                f"{where}: column {field.name!r} holds {field.type}, and {role} needs {wanted}"
            )


def _as_ids(column: pa.Array) -> pa.Array:
    """Return strings, dictionary-encoded: integers are written out once for each distinct one."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.cast(_STRINGS)


def read_jsonl(source: Source, config: FetchConfig, on_event: OnEvent) -> ParsedTable:
    """Read one object a line; raises InputError with the line of what cannot be used.

    Ids may be integers or strings, in one column too: a number counts as it is written.
    """
    head, whole = source.head()
    places, schema = _head_schema(text_lines(head, whole), config, source.name)
    on_event(Noted(f"{source.name}: read as jsonl, {describe(places, schema.names)}"))
    wanted = {role: schema.names[place] for role, place in places.items()}
    builder = TableBuilder()
    with contextlib.closing(
        Lines(source.open(), _same, on_event, source.size, source.name)
    ) as stream:
        try:
            while block := stream.read():
                columns = _json_columns(block, schema, wanted, builder.n_rows)
                builder.add(
                    columns["user"].cast(pa.string()),
                    columns["item"].cast(pa.string()),
                    columns.get("rating"),
                    columns.get("time"),
                )
        except CellError as error:
            line = _line_of_object(source, error.row)
            raise InputError(f"{source.name}, line {line}: {error}: {lines.MEND}") from None
    return builder.finish()


def _same(text: bytes) -> bytes:
    return text


def _line_of_object(source: Source, row: int) -> int:
    """Return the line, from 1, of the object ``row`` (from 0); blank lines hold none."""
    line = 0
    with source.open() as stream:
        for text in stream:
            line += 1
            row -= bool(text.strip())
            if row < 0:
                break
    return line


def _head_schema(
    texts: list[str], config: FetchConfig, where: str
) -> tuple[dict[str, int], pa.Schema]:
    """Find the columns and the types they begin with among the first objects."""
    kinds: dict[str, pa.DataType] = {}
    for text in texts[:1000]:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            break  # the reader says on which line
        if isinstance(values, dict):
            for key, value in values.items():
                if is_valid_text(key):
                    kinds.setdefault(key, _kind(value))
    places = by_name(list(kinds), parse_columns(config.columns), where)
    schema = [
        (name, pa.float64() if at == places.get("rating") else kind)
        for at, (name, kind) in enumerate(kinds.items())
    ]
    kept = sorted(set(places.values()))
    return {role: kept.index(at) for role, at in places.items()}, pa.schema(
        [schema[at] for at in kept]
    )


def _kind(value: Any) -> pa.DataType:
    if isinstance(value, int) and not isinstance(value, bool):
        return pa.int64()
    return pa.float64() if isinstance(value, float) else pa.string()


def _json_columns(
    block: bytes, schema: pa.Schema, wanted: Mapping[str, str], offset: int
) -> dict[str, pa.Array]:
    """Read whole lines in C, or by Python where their types differ from the first lines'."""
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    ids = [schema.field(wanted[role]).type for role in ("user", "item")]
    try:
        if any(pa.types.is_floating(kind) for kind in ids):
            raise pa.ArrowInvalid
        block.decode("utf-8")
        table = pyarrow.json.read_json(
            io.BytesIO(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=options,
        )
        return {role: table.column(name).combine_chunks() for role, name in wanted.items()}
    except (pa.ArrowException, UnicodeDecodeError):
        return _slow_json(block, wanted, offset)


def _slow_json(block: bytes, wanted: Mapping[str, str], offset: int) -> dict[str, pa.Array]:
    """Read whole lines with every number as its text."""
    cells: dict[str, list[str | None]] = {role: [] for role in wanted}
    row = offset
    for text in block.split(b"\n"):
        if not text.strip():
            continue
        values = _object(text, row)
        for role, name in wanted.items():
            value = values.get(name)
            if value is not None and not isinstance(value, str):
                raise CellError(row, f"the {role} is neither a number nor text")
            if value is not None and not is_valid_text(value):
                raise CellError(row, f"the {role} holds half of a surrogate pair")
            cells[role].append(value)
        row += 1
    return {role: pa.array(column, pa.string()) for role, column in cells.items()}


def _object(text: bytes, row: int) -> dict[str, Any]:
    keep: Callable[[str], str] = str
    try:
        values = json.loads(text.decode("utf-8"), parse_int=keep, parse_float=keep)
    except UnicodeDecodeError:
        raise CellError(row, "it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0]
        raise CellError(row, f"it is no JSON object ({reason})") from None
    if not isinstance(values, dict):
        raise CellError(row, "it is no JSON object")
    return values
