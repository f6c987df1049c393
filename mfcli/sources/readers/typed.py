"""Tables whose columns have types: which types a role takes, and how they become rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from mfcli.errors import InputError
from mfcli.sources.readers.cells import is_string
from mfcli.sources.readers.table import TableBuilder

_STRINGS = pa.dictionary(pa.int32(), pa.string())


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_id(kind: pa.DataType) -> bool:
    return is_string(kind) or pa.types.is_integer(kind)


def _is_rating(kind: pa.DataType) -> bool:
    types = pa.types
    return is_string(kind) or _is_number(kind) or types.is_decimal(kind) or types.is_boolean(kind)


def _is_time(kind: pa.DataType) -> bool:
    types = pa.types
    return is_string(kind) or _is_number(kind) or types.is_timestamp(kind) or types.is_date(kind)


# role → what its type has to be, as a test and in words.
_FITTING: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "user": (_is_id, "integers or strings"),
    "item": (_is_id, "integers or strings"),
    "rating": (_is_rating, "numbers"),
    "time": (_is_time, "seconds, dates or timestamps"),
}


def check_types(fields: Mapping[str, pa.Field], where: str) -> None:
    """Raise InputError where the type of a column, by role, does not fit the role."""
    for role, field in fields.items():
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        fits, wanted = _FITTING[role]
        if not fits(kind):
            raise InputError(
                f"{where}: column {field.name!r} holds {field.type}, and {role} needs {wanted}"
            )


def add_typed(builder: TableBuilder, columns: Mapping[str, pa.Array]) -> None:
    """Add a chunk of typed columns, by role; raises CellError for a cell that cannot be used."""
    ids = {role: _as_ids(columns[role]) for role in ("user", "item") if role in columns}
    builder.add(**{**columns, **ids})


def _as_ids(column: pa.Array) -> pa.Array:
    """Return strings, dictionary-encoded: integers are written out once for each distinct one."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.cast(_STRINGS)
