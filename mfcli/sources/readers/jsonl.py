"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.json

from mfcli.artifacts.native import native_buffer
from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.data.text import is_valid_text
from mfcli.errors import InputError
from mfcli.events import OnEvent
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.looks import look_at
from mfcli.sources.readers.partitions import Places, find_places
from mfcli.sources.readers.source import Source, cut_pieces, whole_lines
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head

_IDS = {"user", "item"}


def read_jsonl(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read one object a line; raises InputError with the line of what cannot be used.

    Ids may be integers or strings, in one column too: a number counts as it is written.
    """
    places, schema = _head_schema(source.head(), config)
    places.columns.tell(source.name, kind, on_event)
    called = places.columns.used()
    wanted = {role: called[role] for role in places.inside}
    builder = TableBuilder(
        config,
        columns=called,
        constants=places.constants,
        where=lambda row: f"{source.name}, line {lines.line_of(source, row, _count_objects)}",
    )
    with source.open() as stream:
        try:
            for block in cut_pieces(stream, whole_lines, on_event, source.size, source.name):
                cells = _json_columns(block, schema, wanted, builder.n_rows)
                ids = {role: cells[role].cast(pa.string()) for role in _IDS & cells.keys()}
                builder.add(**{**cells, **ids})
        except CellError as error:
            line = lines.line_of(source, error.row, _count_objects)
            raise InputError(f"{source.name}, line {line}: {error}: {error.mend}") from None
    return builder


def _count_objects(line: bytes) -> int:
    return int(bool(line.strip()))


def _head_schema(head: Head, config: FetchConfig) -> tuple[Places, pa.Schema]:
    """Find the columns and the types they begin with among the first objects."""
    kinds: dict[str, pa.DataType] = {}
    cells: dict[str, list[str]] = {}
    for text in head.lines[:1000]:
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            break  # the reader says on which line
        if isinstance(values, dict):
            for key, value in values.items():
                if is_valid_text(key):
                    kinds.setdefault(key, _kind(value))
                    cells.setdefault(key, []).append(_as_cell(value))
    looks = [look_at(cells[name][:200]) for name in kinds]
    chosen = parse_columns(config.columns)
    places = find_places(list(kinds), chosen, head.part, head.name, looks)
    used = places.columns.used()
    return places, pa.schema(
        [
            (name, _kind_in_role(kind, name == used.get("rating")))
            for name, kind in kinds.items()
            if name in used.values()
        ]
    )


def _kind_in_role(kind: pa.DataType, is_rating: bool) -> pa.DataType:
    """Return the type that a column is read as: true and false are ratings, and no ids."""
    if pa.types.is_boolean(kind):
        return kind if is_rating else pa.string()
    return pa.float64() if is_rating else kind


def _as_cell(value: Any) -> str:
    """Return a value as the cell of a table."""
    return "" if value is None else str(value)


def _kind(value: Any) -> pa.DataType:
    if isinstance(value, int) and not isinstance(value, bool):
        return pa.int64()
    if isinstance(value, bool):
        return pa.bool_()
    return pa.float64() if isinstance(value, float) else pa.string()


def _json_columns(
    block: bytes, schema: pa.Schema, wanted: Mapping[str, str], offset: int
) -> dict[str, pa.Array]:
    """Read whole lines in C, or by Python where their types differ from the first lines'."""
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    ids = [schema.field(wanted[role]).type for role in _IDS & wanted.keys()]
    try:
        if any(pa.types.is_floating(kind) for kind in ids):
            raise pa.ArrowInvalid
        block.decode("utf-8")
        table = pyarrow.json.read_json(
            pa.BufferReader(native_buffer(block)),
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
            if role == "rating" and isinstance(value, bool):
                value = str(value)
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
        raise CellError(row, f"it is not a JSON object ({reason})") from None
    if not isinstance(values, dict):
        raise CellError(row, "it is not a JSON object")
    return values
