"""Tables whose columns have types: Apache Parquet, Feather and Arrow IPC, ORC.

The thread that asks for rows reads and unpacks them: a thread of Arrow's that still reads while the
interpreter ends would take the process with it (see ``artifacts.native``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from mfcli.config.fetch import FetchConfig, Format, pairs_only, parse_columns
from mfcli.errors import InputError
from mfcli.events import OnEvent, Progress
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.looks import Look, look_at, look_at_type
from mfcli.sources.readers.partitions import find_places
from mfcli.sources.readers.seekable import open_seekable
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.typed import add_typed, check_types, id_texts
from mfcli.system import capacity

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 1 << 19
PAIR_ROWS = 1 << 16
_STREAM = b"\xff\xff\xff\xff"  # how a message of Arrow IPC begins


@dataclass(frozen=True)
class _Table:
    """An opened file: its columns, its rows where it says how many, and how to read some of them.

    looks: what each column holds, as far as the file says so without its cells being read. batches:
    names of columns, and rows at most → batches of these columns.
    """

    schema: pa.Schema
    n_rows: int | None
    looks: list[Look]
    batches: Callable[[Sequence[str], int], Iterator[pa.RecordBatch]]


def is_parquet(head: Head) -> bool:
    """Tell a Parquet file by its first bytes."""
    return head.content.startswith(b"PAR1")


def is_feather(head: Head) -> bool:
    """Tell a Feather file, or Arrow IPC as a file or a stream, by its first bytes."""
    return head.content.startswith((b"ARROW1", _STREAM))


def is_orc(head: Head) -> bool:
    """Tell an ORC file by its first bytes."""
    return head.content.startswith(b"ORC")


def read_columnar(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read all rows; raises InputError with the row of what cannot be used."""
    with (
        closing(open_seekable(source)) as stream,
        _explained(source.name, kind),
        _opened(stream, kind) as table,
    ):
        names = table.schema.names
        places = find_places(
            names, parse_columns(config.columns), source.part, source.name, table.looks
        )
        wanted = {role: names[place] for role, place in places.inside.items()}
        if table.n_rows != 0:  # a part without rows may have columns without a type
            fields = {role: table.schema.field(name) for role, name in wanted.items()}
            check_types(fields, source.name)
        places.columns.tell(source.name, kind, on_event)
        if table.n_rows is not None:
            capacity.require_rows(source.name, table.n_rows, on_event)
            on_event(Progress(0, table.n_rows))
        builder = TableBuilder(
            config,
            columns=places.columns.used(),
            constants=places.constants,
            header=tuple(names),
            where=lambda row: f"{source.name}, row {row + 1}",
        )
        for batch in table.batches(list(wanted.values()), BATCH_ROWS):
            if len(batch):
                add_typed(builder, {role: batch.column(name) for role, name in wanted.items()})
            on_event(Progress(builder.n_rows, table.n_rows))
    return builder


def stream_pairs(
    stream: IO[bytes], head: Head, kind: Format
) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the users and items of a file in batches, strings; raises InputError."""
    stream.seek(0)
    with _explained(head.name, kind), _opened(stream, kind) as table:
        chosen = parse_columns(pairs_only(FetchConfig()).columns)
        places = find_places(table.schema.names, chosen, head.part, head.name, table.looks)
        used = places.columns.used()
        user, item = used["user"], used["item"]
        done = 0
        for batch in table.batches([user, item], PAIR_ROWS):
            yield (
                id_texts(batch.column(user), "user", done),
                id_texts(batch.column(item), "item", done),
            )
            done += len(batch)


@contextmanager
def _opened(stream: IO[bytes], kind: Format) -> Iterator[_Table]:
    with ExitStack() as stack:
        yield _OPENERS[kind](stream, stack)


def _parquet(stream: IO[bytes], stack: ExitStack) -> _Table:
    import pyarrow.parquet

    file = stack.enter_context(pyarrow.parquet.ParquetFile(stream, pre_buffer=False))

    def batches(columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        return file.iter_batches(rows, columns=list(columns), use_threads=False)

    return _Table(file.schema_arrow, file.metadata.num_rows, _looks_at_bounds(file), batches)


def _feather(stream: IO[bytes], _stack: ExitStack) -> _Table:
    import pyarrow.ipc

    is_stream = stream.read(len(_STREAM)) == _STREAM
    start = pyarrow.ipc.open_stream if is_stream else pyarrow.ipc.open_file
    stream.seek(0)
    schema = start(stream).schema

    def batches(columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        stream.seek(0)
        options = pyarrow.ipc.IpcReadOptions(
            use_threads=False,
            included_fields=sorted(schema.get_field_index(name) for name in columns),
        )
        reader = start(stream, options=options)
        every = (
            reader
            if is_stream
            else (reader.get_batch(number) for number in range(reader.num_record_batches))
        )
        for batch in every:
            batch.validate(full=True)  # Arrow takes offsets and codes on trust
            yield from _cut(batch, rows)

    return _Table(schema, None, _looks(schema), batches)


def _orc(stream: IO[bytes], _stack: ExitStack) -> _Table:
    import pyarrow.orc

    file = pyarrow.orc.ORCFile(stream)

    def batches(columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        for number in range(file.nstripes):
            yield from _cut(file.read_stripe(number, columns=list(columns)), rows)

    return _Table(file.schema, file.nrows, _looks(file.schema), batches)


_OPENERS: dict[Format, Callable[[IO[bytes], ExitStack], _Table]] = {
    Format.parquet: _parquet,
    Format.feather: _feather,
    Format.orc: _orc,
}


def _cut(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(batch), rows):
        yield batch.slice(start, rows)


def _looks(schema: pa.Schema) -> list[Look]:
    return [look_at_type(field.type) for field in schema]


def _looks_at_bounds(file: ParquetFile) -> list[Look]:
    """Return what each column holds, by its type and the least and largest cell of a part."""
    looks, metadata = _looks(file.schema_arrow), file.metadata
    if not metadata.num_row_groups or metadata.num_columns != len(looks):
        return looks
    group = metadata.row_group(0)
    for place, look in enumerate(looks):
        about = group.column(place).statistics
        if look not in (Look.number, Look.unknown) or about is None or not about.has_min_max:
            continue
        if not isinstance(about.min, bool):
            seen = look_at([str(about.min), str(about.max)])
            looks[place] = Look.number if seen is Look.fractions else seen
    return looks


@contextlib.contextmanager
def _explained(name: str, kind: Format) -> Iterator[None]:
    """Turn what goes wrong in a cell or in the file into InputError."""
    try:
        yield
    except CellError as error:
        raise InputError(f"{name}, row {error.row + 1}: {error}: {error.mend}") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError(f"{name}: is not a complete {kind.capitalize()} file ({reason})") from None
