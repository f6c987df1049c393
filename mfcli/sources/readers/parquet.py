"""Apache Parquet."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from mfcli.config.fetch import FetchConfig, Format, pairs_only, parse_columns
from mfcli.errors import InputError
from mfcli.events import OnEvent, Progress
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.columns import by_name
from mfcli.sources.readers.looks import Look, look_at_type
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.typed import add_typed, check_types
from mfcli.system import capacity

BATCH_ROWS = 1 << 19
PAIR_ROWS = 1 << 16


def read_parquet(
    source: Source, kind: Format, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Read all rows; raises InputError with the row of what cannot be used."""
    import pyarrow.parquet

    with (
        contextlib.closing(_seekable(source)) as stream,
        _explained(source.name),
        pyarrow.parquet.ParquetFile(stream) as file,
    ):
        schema, n_rows = file.schema_arrow, file.metadata.num_rows
        chosen = parse_columns(config.columns)
        columns = by_name(schema.names, chosen, source.name, _looks(schema))
        fields = {role: schema.field(place) for role, place in columns.places.items()}
        check_types(fields, source.name)
        columns.tell(source.name, kind, on_event)
        capacity.require_rows(source.name, n_rows, on_event)
        on_event(Progress(0, n_rows))
        wanted = columns.used()
        builder = TableBuilder(
            config, columns=wanted, where=lambda row: f"{source.name}, row {row + 1}"
        )
        for batch in file.iter_batches(BATCH_ROWS, columns=sorted(wanted.values())):
            add_typed(builder, {role: batch.column(name) for role, name in wanted.items()})
            on_event(Progress(builder.n_rows, n_rows))
    return builder


def stream_pairs(
    stream: IO[bytes], head: Head, _kind: Format
) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the users and items of a file in batches, strings; raises InputError."""
    import pyarrow.parquet

    stream.seek(0)
    with _explained(head.name), pyarrow.parquet.ParquetFile(stream) as file:
        names = file.schema_arrow.names
        chosen = parse_columns(pairs_only(FetchConfig()).columns)
        used = by_name(names, chosen, head.name, _looks(file.schema_arrow)).used()
        user, item = used["user"], used["item"]
        for batch in file.iter_batches(PAIR_ROWS, columns=[user, item]):
            yield batch.column(user).cast(pa.string()), batch.column(item).cast(pa.string())


def _looks(schema: pa.Schema) -> list[Look]:
    return [look_at_type(field.type) for field in schema]


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what goes wrong in a cell or in the file into InputError."""
    try:
        yield
    except CellError as error:
        raise InputError(f"{name}, row {error.row + 1}: {error}: {error.mend}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError(f"{name}: is not a complete Parquet file ({reason})") from None


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
