"""Interactions from a pandas DataFrame, read as the same table in a Parquet file would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mfcli.config import Duplicates, FetchConfig
from mfcli.config.fetch import COLUMN_ROLES, parse_columns
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import OnEvent, ignore
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.columns import by_name
from mfcli.sources.readers.looks import Look, look_at, look_at_type
from mfcli.sources.readers.table import ParsedTable, TableBuilder
from mfcli.sources.readers.typed import add_typed, check_types
from mfcli.sources.values import settle_values

if TYPE_CHECKING:
    import pandas as pd

_WHERE = "the DataFrame"


def from_frame(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | str | None = None,
    *,
    item_names: Mapping[Any, str] | None = None,
    duplicates: Duplicates = Duplicates.last,
    config: FetchConfig | None = None,
    on_event: OnEvent = ignore,
) -> tuple[Interactions, bool]:
    """Build interactions from a DataFrame, one entry a row; its index is not looked at.

    Returns also whether it has ratings.

    columns: role (user, item, rating, time) → column, as a mapping or as ``--columns`` takes them;
    what it does not name is recognised as ``mfcli fetch`` does. Without a rating column
    every row is an interaction of 1. item_names: id → name. duplicates: what becomes of several
    rows of one user and item; by default the last one counts, by time where there is one. config:
    how cells are read, and which values are no ratings.

    Ids follow the rule of ``mfcli fetch``: a column of strings that are all canonical integers
    is int64. Raises InputError for columns that are not known, not of a fitting type, or that
    have a missing cell, and UsageError for ``columns`` that are not there.
    """
    table = _table(frame, columns, config or FetchConfig(), on_event)
    made, _ = table.interactions(item_names or {}, duplicates)
    return made, table.ratings is not None


def _table(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | str | None,
    config: FetchConfig,
    on_event: OnEvent,
) -> ParsedTable:
    names = [str(name) for name in frame.columns]
    chosen = _chosen(columns)
    looks = [_look(frame.iloc[:, place]) for place in range(len(names))]
    found = by_name(names, chosen, _WHERE, looks)
    places = found.places
    for place in places.values():
        if names.count(names[place]) > 1:
            raise InputError(f"{_WHERE}: has two columns {names[place]!r}: rename one of them")
    found.tell(_WHERE, "it stands", on_event)
    arrays = {role: _as_arrow(frame.iloc[:, place]) for role, place in places.items()}
    check_types(
        {role: pa.field(names[places[role]], array.type) for role, array in arrays.items()}, _WHERE
    )
    if not len(frame):
        raise InputError(f"{_WHERE}: holds no rows")
    builder = TableBuilder(config, where=lambda row: f"{_WHERE}, row at position {row}")
    try:
        add_typed(builder, arrays)
    except CellError as error:
        raise InputError(f"{_WHERE}, row at position {error.row}: {error}") from None
    table = builder.finish()
    table.tell(_WHERE, on_event)
    kept = settle_values(table.ratings, config, _WHERE, on_event)
    return table if kept is None else table.keep(kept)


def _chosen(columns: Mapping[str, str] | str | None) -> dict[str, str]:
    if columns is None or isinstance(columns, str):
        return parse_columns(columns)
    for role in columns:
        if role not in COLUMN_ROLES:
            raise UsageError(f"columns: there is no role {role!r}, only {', '.join(COLUMN_ROLES)}")
    return {role: str(column) for role, column in columns.items()}


def _look(series: pd.Series[Any]) -> Look:
    """Return what the first cells hold."""
    head = series.head(200)
    if head.dtype == object or head.dtype == "string":
        cells = ["" if cell is None else str(cell) for cell in head.tolist()]
        return look_at(cells)
    try:
        return look_at_type(pa.Array.from_pandas(head).type)
    except pa.ArrowException:
        return Look.unknown


def _as_arrow(series: pd.Series[Any]) -> pa.Array:
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{_WHERE}: column {series.name!r} cannot be read ({reason})") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
