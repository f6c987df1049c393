"""Tables whose columns have types: which types a role takes, and how they become rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mfcli.data.ids import FLOAT_INTEGER
from mfcli.errors import InputError
from mfcli.sources.readers.cells import CellError, first_true, is_string
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import whole_cell

_UUID_BYTES = 16
_EXACT = 2.0**53  # beyond it a float is no longer one whole number only


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_id(kind: pa.DataType) -> bool:
    return any(fits(kind) for fits in _ID_TEXTS)


def _is_uuid(kind: pa.DataType) -> bool:
    return pa.types.is_fixed_size_binary(kind) and kind.byte_width == _UUID_BYTES


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


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
        kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
        fits, wanted = _FITTING[role]
        if not fits(kind):
            raise InputError(
                f"{where}: column {field.name!r} holds {field.type}, and {role} needs {wanted}: "
                f"choose another with --columns {role}=…, or write it as such"
            )


def add_typed(builder: TableBuilder, columns: Mapping[str, pa.Array]) -> None:
    """Add a chunk of typed columns, by role; raises CellError for a cell that cannot be used."""
    ids = {
        role: _as_ids(columns[role], role, builder.n_rows)
        for role in ("user", "item")
        if role in columns
    }
    builder.add(**{**columns, **ids})


def _as_ids(column: pa.Array, what: str, offset: int) -> pa.Array:
    """Return strings, dictionary-encoded: each distinct id is written out once.

    Whole numbers of a column of floats or decimals keep their ``.0``, as a CSV of them has it.
    Raises CellError for a number that is not whole, and for bytes that are not text.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary
    write = next(write for fits, write in _ID_TEXTS.items() if fits(values.type))
    try:
        texts, whole = write(values)
    except pa.ArrowInvalid:
        raise CellError(offset, f"the {what} column holds bytes that are not text") from None
    if not pc.all(whole).as_py():
        odd = pa.array(np.flatnonzero(~whole.to_numpy(zero_copy_only=False)), column.indices.type)
        row = first_true(pc.is_in(column.indices, odd))
        if row >= 0:
            cell = column[row].as_py()
            raise CellError(offset + row, f"the {what} {cell} is not a whole number")
    return pa.DictionaryArray.from_arrays(column.indices, texts)


def id_texts(column: pa.Array, what: str, offset: int) -> pa.Array:
    """Return the ids of a column as strings (N,), whole numbers without ``.0``; as ``_as_ids``."""
    texts = _as_ids(column, what, offset).dictionary_decode()
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if is_string(kind):
        return texts
    return pc.replace_substring_regex(texts, r"\.0+$", "")


Texts = tuple[pa.Array, pa.Array]  # strings, and whether each may be an id


def _plain(values: pa.Array) -> Texts:
    texts = values.cast(pa.string())
    return texts, pa.array(np.ones(len(texts), bool))


def _of_floats(values: pa.Array) -> Texts:
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)  # null is NaN
    missing = np.isnan(numbers)
    whole = (np.abs(numbers) <= _EXACT) & (numbers == np.trunc(numbers))
    texts = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    texts = pc.binary_join_element_wise(texts, pa.scalar(".0"), "")
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), texts), pa.array(
        whole | missing
    )


def _of_decimals(values: pa.Array) -> Texts:
    texts = values.cast(pa.string())
    whole = pc.match_substring_regex(texts, whole_cell(FLOAT_INTEGER))
    return texts, pc.fill_null(whole, fill_value=True)


def _of_uuids(values: pa.Array) -> Texts:
    made = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in values.to_pylist()]
    return _plain(pa.array(made, pa.string()))


# Test of a type → what writes its distinct values as ids.
_ID_TEXTS: dict[Callable[[pa.DataType], bool], Callable[[pa.Array], Texts]] = {
    is_string: _plain,
    pa.types.is_integer: _plain,
    pa.types.is_null: _plain,
    pa.types.is_floating: _of_floats,
    pa.types.is_decimal: _of_decimals,
    _is_uuid: _of_uuids,
    _is_binary: _plain,
}
