"""The one type that all stages work on: who interacted with what, as CSR, and the ids behind it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mfcli.config import Duplicates
from mfcli.data.rows import CsrRows
from mfcli.errors import InputError

if TYPE_CHECKING:
    import scipy.sparse

Ids = NDArray[Any]  # int64 or fixed-width unicode
Floats = NDArray[np.float32]
Indices = NDArray[np.integer[Any]]

MAX_ID_LENGTH = 255


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


def is_text(values: NDArray[np.str_]) -> bool:
    """Tell whether unicode holds characters only: no lone surrogates, nothing beyond U+10FFFF."""
    if not values.dtype.isnative:
        return False
    codes = np.ascontiguousarray(values).view(np.uint32)
    if not codes.size or codes.max() < 0xD800:
        return True
    return not bool(((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any())


@dataclass(frozen=True, eq=False)
class Catalog:
    """The ids behind rows and columns: user_ids (U,), item_ids (I,), item_names (I,) or None."""

    user_ids: Ids
    item_ids: Ids
    item_names: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        """Refuse ids of another type, doubles, and names that do not match the items."""
        for what, ids in (("user_ids", self.user_ids), ("item_ids", self.item_ids)):
            if ids.ndim != 1 or (ids.dtype != np.int64 and ids.dtype.kind != "U"):
                raise InputError(f"{what} should be one-dimensional and int64 or unicode")
            if ids.dtype.kind == "U" and not is_text(ids):
                raise InputError(f"{what} holds a character that is none")
            if not pd.Index(ids).is_unique:
                raise InputError(f"{what} holds an id twice")
        if self.item_names is None:
            return
        if self.item_names.shape != self.item_ids.shape:
            raise InputError("item_names should have one entry an item")
        if self.item_names.dtype.kind != "U":
            raise InputError("item_names should be unicode")
        if not is_text(self.item_names):
            raise InputError("item_names holds a character that is none")

    def same_ids(self, other: Catalog) -> bool:
        """Tell whether the rows and columns of both mean the same users and items."""
        return bool(
            self.user_ids.dtype.kind == other.user_ids.dtype.kind
            and self.item_ids.dtype.kind == other.item_ids.dtype.kind
            and np.array_equal(self.user_ids, other.user_ids)
            and np.array_equal(self.item_ids, other.item_ids)
        )


@dataclass(frozen=True, eq=False)
class Interactions:
    """Users × items ratings as CSR, validated where it is built.

    indptr:     (U + 1,) and indices: (N,), of one integer dtype; sorted in a row, no doubles.
    data:       (N,) float32, finite. An explicit zero is a rating.
    timestamps: (N,) int64 or None.
    meta:       plain JSON values: schema, kind, lineage, split_id.

    Raises InputError when the parts do not fit each other.
    """

    indptr: Indices
    indices: Indices
    data: Floats
    catalog: Catalog
    timestamps: NDArray[np.int64] | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate everything that later code relies on."""
        problem = csr_problem(self.indptr, self.indices, self.n_users, self.n_items)
        problem = problem or _values_problem(self.data, self.timestamps, len(self.indices))
        if problem:
            raise InputError(problem)

    @property
    def n_users(self) -> int:
        """Number of rows."""
        return len(self.catalog.user_ids)

    @property
    def n_items(self) -> int:
        """Number of columns."""
        return len(self.catalog.item_ids)

    @property
    def n_ratings(self) -> int:
        """Number of stored entries, explicit zeros included."""
        return len(self.data)

    @cached_property
    def users(self) -> NDArray[np.int32]:
        """Return the row of every entry, (N,) int32."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.user_counts)

    @property
    def user_counts(self) -> NDArray[np.int64]:
        """Return the number of entries of each user, (U,)."""
        return np.diff(self.indptr).astype(np.int64)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """Return the number of entries of each item, (I,)."""
        return np.bincount(self.indices, minlength=self.n_items).astype(np.int64)

    @property
    def rows(self) -> CsrRows:
        """Return the items of every user, on the same memory."""
        return CsrRows(self.indptr, self.indices)

    def csr(self) -> scipy.sparse.csr_array[Any]:
        """Return a SciPy CSR array on the same memory. Its arithmetic drops explicit zeros."""
        from scipy.sparse import csr_array

        return csr_array((self.data, self.indices, self.indptr), shape=(self.n_users, self.n_items))

    def keep(self, mask: NDArray[np.bool_]) -> Interactions:
        """Return the entries of a (N,) mask; shape and ids stay the same."""
        kept = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
        return dataclasses.replace(
            self,
            indptr=kept[self.indptr].astype(self.indptr.dtype),
            indices=self.indices[mask],
            data=self.data[mask],
            timestamps=None if self.timestamps is None else self.timestamps[mask],
        )

    def with_meta(self, meta: dict[str, Any]) -> Interactions:
        """Return the same interactions with other meta."""
        return dataclasses.replace(self, meta=meta)


def csr_problem(indptr: Indices, indices: Indices, n_users: int, n_items: int) -> str | None:
    """Return what is wrong with the structure of a CSR matrix, or None."""
    if indptr.ndim != 1 or indices.ndim != 1:
        return "indptr and indices should be one-dimensional"
    if indptr.dtype not in (np.int32, np.int64) or indices.dtype != indptr.dtype:
        return "indptr and indices should be of one signed integer dtype, int32 or int64"
    if len(indptr) != n_users + 1 or indptr[0] != 0 or indptr[-1] != len(indices):
        return f"indptr does not describe {n_users} users and {len(indices)} entries"
    if (indptr[1:] < indptr[:-1]).any():  # a difference could wrap around
        return "indptr decreases"
    if len(indices) and (indices.min() < 0 or indices.max() >= n_items):
        return f"an item index lies outside of 0..{n_items - 1}"
    rising = indices[1:] > indices[:-1]
    starts = indptr[1:-1]
    rising[starts[(starts > 0) & (starts < len(indices))] - 1] = True
    if not rising.all():
        return "a user's item indices are not sorted, or hold an item twice"
    return None


def _values_problem(
    data: Floats, timestamps: NDArray[np.int64] | None, n_entries: int
) -> str | None:
    """Return what is wrong with the ratings and times of a CSR matrix, or None."""
    if data.shape != (n_entries,):
        return f"data should be one-dimensional and of length {n_entries}"
    if data.dtype != np.float32:
        return "data should be float32"
    if timestamps is not None and timestamps.shape != (n_entries,):
        return f"timestamps should be one-dimensional and of length {n_entries}"
    if timestamps is not None and timestamps.dtype != np.int64:
        return "timestamps should be int64"
    if not np.isfinite(data).all():
        return "a rating is not a finite number"
    return None


def narrow(values: NDArray[np.integer[Any]], largest: int) -> Indices:
    """Return int32 where ``largest`` fits, else int64."""
    return values.astype(np.int32 if largest <= np.iinfo(np.int32).max else np.int64, copy=False)


def encode(ids: Ids, known: Ids | None = None) -> tuple[NDArray[np.int64], Ids]:
    """Map ids to codes 0..n−1: ``(codes, unique ids)``, ids in sorted order.

    With ``known``, codes are positions in it and −1 marks an id that is not there.
    """
    if known is not None:
        if known.dtype.kind != ids.dtype.kind:
            ids, known = ids.astype(np.str_), known.astype(np.str_)
        return pd.Index(known).get_indexer(pd.Index(ids)).astype(np.int64), known
    if ids.dtype.kind == "i" and len(ids):
        low, span = int(ids.min()), int(ids.max()) - int(ids.min()) + 1
        if span <= 4 * len(ids) + 1_000_000:
            # A table over the range of the ids: ten times faster than hashing 20 million.
            places = ids - low
            there = np.zeros(span, dtype=bool)
            there[places] = True
            return (np.cumsum(there) - 1)[places], np.flatnonzero(there).astype(np.int64) + low
    codes, unique = pd.factorize(ids, sort=True)
    return codes.astype(np.int64), np.asarray(unique, dtype=ids.dtype)


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
        user_codes = _known_codes(rows.users, catalog.user_ids, "user")
        item_codes = _known_codes(rows.items, catalog.item_ids, "item")
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
                f"({merged} such rows): choose --duplicates last, first, mean, sum or max"
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


def _known_codes(ids: Ids, known: Ids, what: str) -> NDArray[np.int64]:
    codes, _ = encode(ids, known)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise InputError(f"{what} {ids[missing[0]]} ({len(missing)} rows) is not in the matrix")
    return codes


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


def name_items(item_ids: Ids, names: dict[Any, str]) -> NDArray[np.str_] | None:
    """Return the names in the order of ``item_ids``, its id for an item without; None for none."""
    if not names:
        return None
    return np.array([names.get(each, str(each)) for each in item_ids.tolist()], dtype=np.str_)


def apply_threshold(interactions: Interactions, threshold: float) -> Interactions:
    """Keep ratings of at least ``threshold``, as 1."""
    kept = interactions.keep(interactions.data >= np.float32(threshold))
    return dataclasses.replace(kept, data=np.ones_like(kept.data))


def filter_counts(
    interactions: Interactions, min_user_ratings: int, min_item_ratings: int
) -> Interactions:
    """Drop the ratings of users and items with too few of them, again until none is left."""
    mask = np.ones(interactions.n_ratings, dtype=bool)
    users, items = interactions.users, interactions.indices
    while True:
        user_counts = np.bincount(users[mask], minlength=interactions.n_users)
        item_counts = np.bincount(items[mask], minlength=interactions.n_items)
        keep = (user_counts >= min_user_ratings)[users] & (item_counts >= min_item_ratings)[items]
        keep &= mask
        if keep.sum() == mask.sum():
            break
        mask = keep
    return interactions.keep(mask)


def compact(interactions: Interactions) -> Interactions:
    """Drop users and items without a rating from the catalogue."""
    users = np.flatnonzero(interactions.user_counts)
    items = np.flatnonzero(interactions.item_counts)
    if len(users) == interactions.n_users and len(items) == interactions.n_items:
        return interactions
    new_item = np.full(interactions.n_items, -1, dtype=interactions.indices.dtype)
    new_item[items] = np.arange(len(items))
    names = interactions.catalog.item_names
    return dataclasses.replace(
        interactions,
        indptr=interactions.indptr[np.append(0, users + 1)],
        indices=new_item[interactions.indices],
        catalog=Catalog(
            interactions.catalog.user_ids[users],
            interactions.catalog.item_ids[items],
            None if names is None else names[items],
        ),
    )
