"""Interactions from a pandas DataFrame, read as the same table in a Parquet file would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mfcli.config import Duplicates
from mfcli.config.fetch import COLUMN_ROLES, parse_columns
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.columns import by_name
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.typed import add_typed, check_types

if TYPE_CHECKING:
    import pandas as pd

_WHERE = "the DataFrame"


def from_frame(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | str | None = None,
    *,
    item_names: Mapping[Any, str] | None = None,
    duplicates: Duplicates = Duplicates.last,
) -> Interactions:
    """Build interactions from a DataFrame, one entry a row; its index is not looked at.

    columns: role (user, item, rating, time) → column, as a mapping or as ``--columns`` takes them;
    None: the columns whose names ``mfcli fetch`` knows. Without a rating column every row is an
    interaction of 1. item_names: id → name. duplicates: what becomes of several rows of one user
    and item; by default the last one counts, by time where there is one.

    Ids follow the rule of ``mfcli fetch``: a column of strings that are all canonical integers
    is int64. Raises InputError for columns that are not known, not of a fitting type, or that
    have a missing cell, and UsageError for ``columns`` that are not there.
    """
    names = [str(name) for name in frame.columns]
    places = by_name(names, _chosen(columns), _WHERE)
    for place in places.values():
        if names.count(names[place]) > 1:
            raise InputError(f"{_WHERE}: has two columns {names[place]!r}: rename one of them")
    arrays = {role: _as_arrow(frame.iloc[:, place]) for role, place in places.items()}
    check_types(
        {role: pa.field(names[places[role]], array.type) for role, array in arrays.items()}, _WHERE
    )
    if not len(frame):
        raise InputError(f"{_WHERE}: holds no rows")
    builder = TableBuilder()
    try:
        add_typed(builder, arrays)
    except CellError as error:
        raise InputError(f"{_WHERE}, row at position {error.row}: {error}") from None
    return builder.finish().interactions(item_names or {}, duplicates)[0]


def _chosen(columns: Mapping[str, str] | str | None) -> dict[str, str]:
    if columns is None or isinstance(columns, str):
        return parse_columns(columns)
    for role in columns:
        if role not in COLUMN_ROLES:
            raise UsageError(f"columns: there is no role {role!r}, only {', '.join(COLUMN_ROLES)}")
    for role in ("user", "item"):
        if role not in columns:
            raise UsageError(f"columns: should name the {role} column as well")
    return {role: str(column) for role, column in columns.items()}


def _as_arrow(series: pd.Series[Any]) -> pa.Array:
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{_WHERE}: column {series.name!r} cannot be read ({reason})") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
