"""The one type that all stages work on: who interacted with what, as CSR, and the ids behind it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.data.rows import CsrRows
from mfcli.data.text import are_valid_texts
from mfcli.errors import InputError
from mfcli.wording import counted

if TYPE_CHECKING:
    import scipy.sparse

Ids = NDArray[Any]  # int64 or fixed-width unicode
Floats = NDArray[np.float32]
Indices = NDArray[np.integer[Any]]

_INVALID = "a character that is not valid Unicode (a lone surrogate)"


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
            if ids.dtype.kind == "U" and not are_valid_texts(ids):
                raise InputError(f"{what} holds {_INVALID}")
            if not _are_distinct(ids):
                raise InputError(f"{what} holds an id twice")
        if self.item_names is None:
            return
        if self.item_names.shape != self.item_ids.shape:
            raise InputError("item_names should have one entry an item")
        if self.item_names.dtype.kind != "U":
            raise InputError("item_names should be unicode")
        if not are_valid_texts(self.item_names):
            raise InputError(f"item_names holds {_INVALID}")

    def same_ids(self, other: Catalog) -> bool:
        """Tell whether the rows and columns of both mean the same users and items."""
        return bool(
            self.user_ids.dtype.kind == other.user_ids.dtype.kind
            and self.item_ids.dtype.kind == other.item_ids.dtype.kind
            and np.array_equal(self.user_ids, other.user_ids)
            and np.array_equal(self.item_ids, other.item_ids)
        )


def _are_distinct(ids: Ids) -> bool:
    if ids.dtype.kind == "U":
        return len(set(ids.tolist())) == len(ids)
    return bool((ids[1:] > ids[:-1]).all()) or len(np.unique(ids)) == len(ids)


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
        return self.rows.item_counts(self.n_items)

    @property
    def rows(self) -> CsrRows:
        """Return the items of every user, on the same memory."""
        return CsrRows(self.indptr, self.indices)

    def by_item(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the rows of every item begin, and all rows ordered by item, users rising.

        (n_items + 1,) and (n_ratings,).
        """
        starts = np.concatenate([[0], np.cumsum(self.item_counts)])
        return starts, np.argsort(self.indices, kind="stable")

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
        return (
            f"indptr does not describe {counted(n_users, 'user')} and "
            f"{counted(len(indices), 'entry', 'entries')}"
        )
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
