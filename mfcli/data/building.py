"""Rows, arrays and sparse matrices → interactions: rows sorted, repeated pairs merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfcli.config import Duplicates
from mfcli.data.ids import as_ids, check_ids, encode, known_codes, name_items
from mfcli.data.interactions import Catalog, Floats, Ids, Indices, Interactions
from mfcli.errors import InputError
from mfcli.wording import counted

# Formats of SciPy whose entries can be listed one by one, explicit zeros among them. A DIA matrix
# has lost them, and a BSR matrix has blocks that are padded with zeros.
_LISTED = ("csr", "csc", "coo", "lil", "dok")


@dataclass(frozen=True, eq=False)
class RawRows:
    """A table of interactions as it was read, one entry a row.

    users, items: (R,) int64 or fixed-width unicode ids, as they stand in the source.
    ratings:      (R,) float32, finite; None: every row is an interaction of 1.
    times:        (R,) int64, None where the source has none.
    item_names:   id → name of items, as far as the source knows them.
    """

    users: Ids
    items: Ids
    ratings: Floats | None = None
    times: NDArray[np.int64] | None = None
    item_names: dict[Any, str] = field(default_factory=dict)


def from_arrays(
    users: ArrayLike,
    items: ArrayLike,
    ratings: ArrayLike | None = None,
    times: ArrayLike | None = None,
    *,
    item_names: Mapping[Any, str] | None = None,
    duplicates: Duplicates = Duplicates.last,
) -> Interactions:
    """Build interactions from columns, one entry a row; all of one length R.

    users, items: integers or strings, (R,). ratings: finite numbers, (R,), kept as float32; None:
    every row is an interaction of 1. times: seconds since 1970 or datetime64 (UTC), (R,).
    item_names: id → name. duplicates: what becomes of several rows of one user and item; by
    default the last one counts, by time where there is one.

    Raises InputError for ids, ratings or times that are missing or of another type.
    """
    raw = RawRows(
        as_ids(users, "user"),
        as_ids(items, "item"),
        None if ratings is None else _as_ratings(ratings),
        None if times is None else _as_times(times),
        dict(item_names or {}),
    )
    for what, column in (("items", raw.items), ("ratings", raw.ratings), ("times", raw.times)):
        if column is not None and column.shape != raw.users.shape:
            raise InputError(
                f"there are {counted(len(raw.users), 'row')} and {column.size} {what}: give one "
                "for each row"
            )
    interactions, _ = from_rows(raw, duplicates=duplicates)
    check_ids(interactions.catalog.user_ids, "user")
    check_ids(interactions.catalog.item_ids, "item")
    return interactions


def from_csr(
    matrix: Any,
    user_ids: ArrayLike | None = None,
    item_ids: ArrayLike | None = None,
    *,
    item_names: Mapping[Any, str] | None = None,
    duplicates: Duplicates = Duplicates.error,
) -> Interactions:
    """Build interactions from a SciPy sparse matrix, users × items; an explicit zero is a rating.

    matrix: CSR, CSC, COO, LIL or DOK of numbers, (U, I), kept as float32. user_ids: (U,) and
    item_ids: (I,), integers or strings, all different; None: 0, 1, 2 … item_names: id → name.
    duplicates: what becomes of a pair that is stored more than once, which SciPy would add up.
    Rows and columns without an entry stay in the catalogue.

    Raises InputError for anything else, and for pairs stored more than once unless
    ``duplicates`` says what becomes of them.
    """
    from scipy.sparse import issparse

    is_sparse: bool = issparse(matrix)
    if not is_sparse or matrix.ndim != 2:
        raise InputError(
            f"a SciPy sparse matrix of users × items is needed, not {type(matrix).__name__}: make "
            "one with scipy.sparse.csr_array"
        )
    if matrix.format not in _LISTED:
        raise InputError(
            f"the matrix is in SciPy's {matrix.format.upper()} format, which does not tell a "
            "rating of 0 from none: convert it with .tocsr()"
        )
    catalog = _catalog_of_shape(matrix.shape, user_ids, item_ids, item_names or {})
    entries = matrix.tocoo()  # keeps explicit zeros and repeated pairs
    ratings = _as_ratings(entries.data)
    return from_codes(entries.row, entries.col, ratings, None, catalog, duplicates)[0]


def _catalog_of_shape(
    shape: tuple[int, int],
    user_ids: ArrayLike | None,
    item_ids: ArrayLike | None,
    item_names: Mapping[Any, str],
) -> Catalog:
    found = []
    for what, size, given in (("user", shape[0], user_ids), ("item", shape[1], item_ids)):
        ids = np.arange(size, dtype=np.int64) if given is None else as_ids(given, what)
        if len(ids) != size:
            raise InputError(
                f"the matrix has {counted(size, what)}, and {what}_ids "
                f"{counted(len(ids), 'entry', 'entries')}"
            )
        check_ids(ids, what)
        found.append(ids)
    return Catalog(found[0], found[1], name_items(found[1], item_names))


def _as_ratings(values: ArrayLike) -> Floats:
    """Return a copy as float32; raises InputError for what is not a finite number of that range."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise InputError(f"the ratings are of type {array.dtype}: give numbers")
    with np.errstate(over="ignore"):
        ratings = np.array(array, dtype=np.float32)
    finite = np.isfinite(ratings)
    if not finite.all():
        position = int(np.argmin(finite))
        raise InputError(
            f"the rating at position {position} is {array.ravel()[position]}, not a finite number"
        )
    return ratings


def _as_times(values: ArrayLike) -> NDArray[np.int64]:
    """Return seconds since 1970, fractions cut off; raises InputError for anything else."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        missing = np.isnat(array)
        seconds = array.astype("datetime64[s]").astype(np.int64)
    elif array.dtype.kind in "iuf":
        missing = ~(np.abs(array.astype(np.float64)) < 2.0**63)  # NaN and infinity too
        with np.errstate(invalid="ignore"):
            seconds = array.astype(np.int64)
    else:
        raise InputError(
            f"the times are of type {array.dtype}: give seconds since 1970 or datetime64"
        )
    if missing.any():
        position = int(np.argmax(missing))
        raise InputError(
            f"the time at position {position} is {array.ravel()[position]}: give seconds since "
            "1970 or a date in every row"
        )
    return seconds


def from_rows(
    rows: RawRows,
    *,
    duplicates: Duplicates = Duplicates.last,
    catalog: Catalog | None = None,
    meta: dict[str, Any] | None = None,
) -> tuple[Interactions, int]:
    """Build interactions from rows: ``(interactions, number of rows merged into others)``.

    Ids are coded in sorted order, or by ``catalog`` (an id outside of it: InputError). ``last``
    and ``first`` go by time where there is one, else by position; a merged rating (mean, sum,
    max) keeps the latest time. Raises InputError for ``Duplicates.error`` if there are any.
    """
    if catalog is None:
        user_codes, user_ids = encode(rows.users)
        item_codes, item_ids = encode(rows.items)
        catalog = Catalog(user_ids, item_ids, name_items(item_ids, rows.item_names))
    else:
        user_codes = known_codes(rows.users, catalog.user_ids, "user")
        item_codes = known_codes(rows.items, catalog.item_ids, "item")
    return from_codes(user_codes, item_codes, rows.ratings, rows.times, catalog, duplicates, meta)


def from_codes(
    users: Indices,
    items: Indices,
    ratings: Floats | None,
    times: NDArray[np.int64] | None,
    catalog: Catalog,
    duplicates: Duplicates = Duplicates.last,
    meta: dict[str, Any] | None = None,
) -> tuple[Interactions, int]:
    """Build interactions from rows whose ids are positions in ``catalog``; as ``from_rows``.

    users, items: (R,) integers. ratings: (R,) or None for 1. times: (R,) or None.
    """
    n_rows, n_items = len(users), len(catalog.item_ids)
    keys, order = _entry_order(users, items, n_items, len(catalog.user_ids))
    first = np.ones(n_rows, dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    merged = n_rows - int(np.count_nonzero(first))
    if merged:
        if duplicates is Duplicates.error:
            double = int(np.argmin(first))
            user, item = divmod(int(keys[double]), n_items)
            raise InputError(
                f"user {catalog.user_ids[user]} has item {catalog.item_ids[item]} more than once "
                f"({counted(merged, 'row repeats', 'rows repeat')} an earlier pair): choose what "
                "becomes of them, --duplicates last, first, mean, sum or max"
            )
        order = np.arange(n_rows) if order is None else order
        if times is not None:
            _order_runs(order, first, times)
        data, times = _merge(ratings, times, order, first, duplicates)
        keys = keys[first]
    else:
        data = np.ones(n_rows, np.float32) if ratings is None else _taken(ratings, order)
        times = None if times is None else _taken(times, order)
    if not np.isfinite(data).all():
        raise InputError("the sum of a user's ratings of one item is too large")
    indptr = np.searchsorted(keys, np.arange(len(catalog.user_ids) + 1) * np.int64(n_items))
    largest = max(len(keys), n_items)
    keys %= max(n_items, 1)
    return (
        Interactions(
            narrow(indptr, largest), narrow(keys, largest), data, catalog, times, meta or {}
        ),
        merged,
    )


def _entry_order(
    users: Indices, items: Indices, n_items: int, n_users: int
) -> tuple[NDArray[np.int64], Indices | None]:
    """Return the sorted keys ``user * n_items + item`` and the stable order of the rows.

    The order is None where the rows are in order already.
    """
    keys = users.astype(np.int64)
    keys *= n_items
    keys += items
    if (keys[1:] >= keys[:-1]).all():
        return keys, None
    bits = (len(keys) - 1).bit_length()
    if (n_users * n_items).bit_length() + bits > 63:
        order: Indices = np.argsort(keys, kind="stable")
        return keys[order], order
    # Key and position in one integer: a plain sort is several times faster than an argsort.
    keys <<= bits
    keys |= np.arange(len(keys))
    keys.sort()
    order = narrow(keys & ((1 << bits) - 1), len(keys))
    keys >>= bits
    return keys, order


def _order_runs(order: Indices, first: NDArray[np.bool_], times: NDArray[np.int64]) -> None:
    """Put the rows of every run of doubles in order of time, in place; stable."""
    double = ~first
    double[:-1] |= double[1:]
    places = np.flatnonzero(double)
    rows = order[places]
    order[places] = rows[np.lexsort((times[rows], np.cumsum(first)[places]))]


def _taken(values: NDArray[Any], order: Indices | None) -> NDArray[Any]:
    return values if order is None else values[order]


def _merge(
    ratings: Floats | None,
    times: NDArray[np.int64] | None,
    order: Indices,
    first: NDArray[np.bool_],
    duplicates: Duplicates,
) -> tuple[Floats, NDArray[np.int64] | None]:
    """Merge runs of rows, taken in ``order``; ``first`` marks where a run begins."""
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(first)) - 1
    kept = starts if duplicates is Duplicates.first else ends
    merged_times = None if times is None else times[order[kept]]
    if duplicates in (Duplicates.first, Duplicates.last):
        rows = order[kept]
        return np.ones(len(rows), np.float32) if ratings is None else ratings[rows], merged_times
    data = np.ones(len(order), np.float32) if ratings is None else ratings[order]
    if duplicates is Duplicates.max:
        return np.maximum.reduceat(data, starts), merged_times
    total = np.add.reduceat(data.astype(np.float64), starts)
    if duplicates is Duplicates.mean:
        total /= ends - starts + 1
    with np.errstate(over="ignore"):  # from_codes refuses what is not finite
        return total.astype(np.float32), merged_times


def narrow(values: NDArray[np.integer[Any]], largest: int) -> Indices:
    """Return int32 where ``largest`` fits, else int64."""
    return values.astype(np.int32 if largest <= np.iinfo(np.int32).max else np.int64, copy=False)
