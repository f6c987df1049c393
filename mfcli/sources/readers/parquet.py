"""Apache Parquet."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Progress
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.columns import by_name, describe
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
        places = by_name(schema.names, parse_columns(config.columns), source.name)
        check_types({role: schema.field(place) for role, place in places.items()}, source.name)
        on_event(Noted(f"{source.name}: read as {kind}, {describe(places, schema.names)}"))
        capacity.require_rows(source.name, n_rows, on_event)
        on_event(Progress(0, n_rows))
        wanted = {role: schema.names[place] for role, place in places.items()}
        builder = TableBuilder(columns=wanted, where=lambda row: f"{source.name}, row {row + 1}")
        # One column may have two roles in a file without --columns: never asked for twice.
        for batch in file.iter_batches(BATCH_ROWS, columns=sorted(set(wanted.values()))):
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
        places = by_name(names, {}, head.name)
        user, item = names[places["user"]], names[places["item"]]
        for batch in file.iter_batches(PAIR_ROWS, columns=[user, item]):
            yield batch.column(user).cast(pa.string()), batch.column(item).cast(pa.string())


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
