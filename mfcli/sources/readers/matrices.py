"""Matrices of users × items: SciPy's sparse ``.npz``, mfcli's own, and Matrix Market."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from mfcli.artifacts.array_headers import array_headers
from mfcli.artifacts.matrix import interactions_from
from mfcli.artifacts.native import native_buffer
from mfcli.artifacts.zips import check_members
from mfcli.config.fetch import FetchConfig, Format, parse_columns
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, is_out_of_memory
from mfcli.events import Noted, OnEvent
from mfcli.sources.readers import lines
from mfcli.sources.readers.cells import CellError
from mfcli.sources.readers.columns import by_place
from mfcli.sources.readers.seekable import open_seekable
from mfcli.sources.readers.source import Source, cut_pieces, whole_lines
from mfcli.sources.readers.table import TableBuilder
from mfcli.sources.readers.text import Head
from mfcli.sources.readers.typed import add_typed
from mfcli.wording import counted

_OURS = {"user_ids", "item_ids", "indptr", "indices", "data", "meta"}
_SPARSE = {
    b"csr": ("indptr", "indices", "data"),
    b"csc": ("indptr", "indices", "data"),
    b"coo": ("row", "col", "data"),
}
_ARRAYS = ("format", "shape", "data", "indices", "indptr", "row", "col")
_SAVE = "scipy.sparse.save_npz(file, matrix.tocsr())"

_BANNER = "%%matrixmarket"
_SIZE = re.compile("[0-9]{1,18}")
_BLANKS = re.compile(rb"[ \t]+")
_ENTRY = re.compile(rb"\s*[1-9][0-9]*\s+[1-9][0-9]*(\s+[-+.0-9eEinfaNI]+)?\s*")
_NO_MATRIX = {
    "symmetric": "is symmetric: a graph or similarities of one kind of thing, not users × items",
    "skew-symmetric": "is skew-symmetric: a graph of one kind of thing, not users × items",
    "hermitian": "is Hermitian: a graph of one kind of thing, not users × items",
    "array": "is dense (array), where a 0 may be a rating or none: write the ratings as coordinate "
    "entries (scipy.io.mmwrite of a sparse matrix)",
    "complex": "holds complex numbers, not ratings",
}


def is_npz(head: Head) -> bool:
    """Tell an archive of NumPy arrays by its first member's name."""
    start = head.content[:300]
    length = int.from_bytes(start[26:28], "little")
    return start.startswith(b"PK\x03\x04") and start[30 : 30 + length].endswith(b".npy")


def is_mtx(head: Head) -> bool:
    """Tell a Matrix Market file by its first line."""
    return head.lines[0].lower().startswith(_BANNER)


def read_npz(source: Source, kind: Format, config: FetchConfig, on_event: OnEvent) -> TableBuilder:
    """Read the entries of a sparse matrix; row and column numbers from 0 are the ids.

    A matrix of mfcli keeps its ids, times and names. Raises InputError for other arrays.
    """
    with contextlib.closing(open_seekable(source)) as stream:
        names = _reading(source.name, lambda: _array_names(stream))
        stream.seek(0)
        if names >= _OURS:
            return _own_rows(interactions_from(stream, source.name), source, config, on_event)
        arrays = _reading(source.name, lambda: _sparse_arrays(stream))
    found = arrays["format"].tobytes() if "format" in arrays else b""
    wanted = _SPARSE.get(found, ())
    if not wanted or not set(wanted) <= arrays.keys() or arrays["shape"].shape != (2,):
        raise InputError(f"{source.name}: {_what_else(found, names)}")
    form = found.decode().upper()
    rows, columns, values = _entries(source.name, found, arrays)
    n_rows, n_columns = arrays["shape"].tolist()
    on_event(
        Noted(
            f"{source.name}: read as {kind}, a {form} matrix of {counted(n_rows, 'user')} × "
            f"{counted(n_columns, 'item')}; its row and column numbers, from 0, are the ids"
        )
    )
    return _added(source, config, (rows, columns, values), lambda row: f"entry {row + 1}")


def _array_names(stream: IO[bytes]) -> set[str]:
    stream.seek(0, os.SEEK_END)
    with zipfile.ZipFile(stream) as archive:
        check_members(archive, stream.tell(), packed=True)
        return {name.removesuffix(".npy") for name in archive.namelist()}


def _sparse_arrays(stream: IO[bytes]) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(stream) as archive:
        names = array_headers(archive, _ARRAYS)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in names}


def _reading(name: str, read: Callable[[], Any]) -> Any:
    """Call ``read``; whatever it says of bytes that are not as they should be: InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read()
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, InputError):
            raise
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"{name}: is not a complete .npz ({reason}): make it again") from None


def _what_else(found: bytes, names: set[str]) -> str:
    if found:
        form = found.decode("ascii", "replace")
        return f"is a sparse matrix in SciPy's {form} format: write it with {_SAVE}"
    shown = ", ".join(sorted(names)[:8])
    return (
        f"holds NumPy arrays ({shown}), neither a sparse matrix of SciPy ({_SAVE}) nor one of mfcli"
    )


def _entries(
    name: str, form: bytes, arrays: dict[str, NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return rows, columns and values, (N,) each; raises InputError where they do not fit."""
    major, minor, values = (arrays[key] for key in _SPARSE[form])
    shape = arrays["shape"].tolist()
    if any(array.ndim != 1 or array.dtype.kind not in "iu" for array in (major, minor)):
        raise InputError(f"{name}: its indices are not integers: write it with {_SAVE}")
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise InputError(f"{name}: holds {values.dtype}, and ratings are numbers")
    if form != b"coo":
        length = shape[form == b"csc"] + 1
        steps = np.diff(major)
        if len(major) != length or major[0] != 0 or (steps < 0).any() or major[-1] != len(minor):
            raise InputError(f"{name}: its rows do not fit its shape: write it with {_SAVE}")
        major = np.repeat(np.arange(length - 1), steps)
    rows, columns = (minor, major) if form == b"csc" else (major, minor)
    if not len(rows) == len(columns) == len(values):
        raise InputError(f"{name}: its arrays are not of one length: write it with {_SAVE}")
    for numbers, size in ((rows, shape[0]), (columns, shape[1])):
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= size):
            raise InputError(f"{name}: an index is outside its shape: write it with {_SAVE}")
    return rows, columns, values.astype(np.uint8) if values.dtype.kind == "b" else values


def _added(
    source: Source,
    config: FetchConfig,
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    where: Callable[[int], str],
) -> TableBuilder:
    """Return rows, columns and values as a table of three columns without names."""
    chosen = by_place(len(columns), parse_columns(config.columns), source.name)
    builder = TableBuilder(
        config, columns=chosen.used(), where=lambda row: f"{source.name}, {where(row)}"
    )
    try:
        add_typed(
            builder, {role: pa.array(columns[place]) for role, place in chosen.places.items()}
        )
    except CellError as error:
        raise InputError(f"{source.name}, {where(error.row)}: {error}: {error.mend}") from None
    return builder


def _own_rows(
    found: Interactions, source: Source, config: FetchConfig, on_event: OnEvent
) -> TableBuilder:
    """Return the rows of a matrix that mfcli made, with its ids, times and names."""
    on_event(Noted(f"{source.name}: read as a matrix that mfcli made, with its ids"))
    ids = found.catalog
    columns = {
        "user": _ids_of(found.users, ids.user_ids),
        "item": _ids_of(found.indices, ids.item_ids),
        "rating": pa.array(found.data),
    }
    if found.timestamps is not None:
        columns["time"] = pa.array(found.timestamps).cast(pa.timestamp("s"))
    builder = TableBuilder(config, columns={role: role for role in columns})
    if ids.item_names is not None:
        texts = map(str, ids.item_ids.tolist())
        builder.item_names.update(zip(texts, ids.item_names.tolist(), strict=True))
    add_typed(builder, columns)
    return builder


def _ids_of(codes: NDArray[Any], values: NDArray[Any]) -> pa.Array:
    numbers = pa.array(codes.astype(np.int32))
    return pa.DictionaryArray.from_arrays(numbers, pa.array(values.tolist()))


def read_mtx(source: Source, kind: Format, config: FetchConfig, on_event: OnEvent) -> TableBuilder:
    """Read the entries of a coordinate matrix; row and column numbers, from 1, are the ids.

    Entries of a ``pattern`` count 1. Raises InputError with the line of what cannot be used.
    """
    before, shape, pattern = _mtx_head(source.head())
    n_rows, n_columns, n_entries = shape
    on_event(
        Noted(
            f"{source.name}: read as {kind}, a matrix of {counted(n_rows, 'user')} × "
            f"{counted(n_columns, 'item')}; its row and column numbers, from 1, are the ids"
        )
    )
    width = 2 if pattern else 3
    chosen = by_place(width, parse_columns(config.columns), source.name)

    def where(row: int) -> str:
        return f"{source.name}, line {lines.line_of(source, before + row, _count_lines)}"

    builder = TableBuilder(config, columns=chosen.used(), where=where)
    left = before
    with source.open() as stream:
        for piece in cut_pieces(stream, whole_lines, on_event, source.size, source.name):
            block = piece
            while left and block:
                line, _, block = block.partition(b"\n")
                left -= _count_lines(line)
            columns = _mtx_columns(block, width, where, builder.n_rows)
            _check_range(columns, shape, where, builder.n_rows)
            try:
                add_typed(builder, {role: columns[place] for role, place in chosen.places.items()})
            except CellError as error:
                raise InputError(f"{where(error.row)}: {error}: {error.mend}") from None
    if builder.n_rows != n_entries:
        raise InputError(
            f"{source.name}: says that it has {counted(n_entries, 'entry', 'entries')}, and has "
            f"{builder.n_rows}: it is cut off, or was changed"
        )
    return builder


def _count_lines(line: bytes) -> int:
    return int(bool(line.strip()))


def _mtx_head(head: Head) -> tuple[int, tuple[int, int, int], bool]:
    """Return the lines before the entries, the shape and entries, and whether values are absent."""
    words = (head.lines or [""])[0].lower().split()
    for word in words[2:]:
        if word in _NO_MATRIX:
            raise InputError(f"{head.name}: {_NO_MATRIX[word]}")
    sizes = [at for at, line in enumerate(head.lines) if not line.lstrip().startswith("%")][:1]
    size = head.lines[sizes[0]].split() if sizes else []
    if (
        words[1:3] != ["matrix", "coordinate"]
        or len(size) != 3
        or not all(map(_SIZE.fullmatch, size))
    ):
        raise InputError(
            f"{head.name}: is not a Matrix Market file of a matrix: its first line should be "
            "%%MatrixMarket matrix coordinate real general, and numbers of rows, columns and "
            "entries should follow"
        )
    n_rows, n_columns, n_entries = map(int, size)
    return sizes[0] + 1, (n_rows, n_columns, n_entries), "pattern" in words


def _mtx_columns(
    block: bytes, width: int, where: Callable[[int], str], first: int
) -> list[pa.Array]:
    kinds = [pa.int64(), pa.int64(), pa.float64()][:width]
    names = [str(place) for place in range(width)]
    text = _BLANKS.sub(b" ", block).replace(b"\n ", b"\n").replace(b" \n", b"\n").strip(b" ")
    if not text.strip():
        return [pa.array([], kind) for kind in kinds]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(native_buffer(text.replace(b" \r", b"\r"))),
            read_options=pyarrow.csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(text) + 1
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict(zip(names, kinds, strict=True)), null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        row = first
        for line in block.split(b"\n"):
            cells = len(line.split())
            if cells and (cells != width or not _ENTRY.fullmatch(line)):
                break
            row += bool(cells)
        raise InputError(
            f"{where(row)}: is not an entry of {counted(width, 'number')}: {lines.MEND}"
        ) from None
    return [table.column(name).combine_chunks() for name in names]


def _check_range(
    columns: list[pa.Array], shape: tuple[int, int, int], where: Callable[[int], str], first: int
) -> None:
    for column, size, what in zip(columns, shape, ("row", "column"), strict=False):
        numbers = column.to_numpy()
        outside = (numbers < 1) | (numbers > size)
        if outside.any():
            at = int(np.argmax(outside))
            raise InputError(
                f"{where(first + at)}: the {what} {numbers[at]} is outside 1 to {size}: make the "
                "file again"
            )
