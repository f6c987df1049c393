"""Interactions for tests: at random from a seed, and as a hypothesis strategy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
from hypothesis import strategies as st

from mfcli import kernels
from mfcli.data.interactions import Catalog, Ids, Interactions


def from_python(part: Any) -> Any:
    """Return a part of kernels as a function that Python can call."""
    return numba.njit(lambda *arguments: part(*arguments))


SLOPES = SimpleNamespace(
    **{
        name: from_python(getattr(kernels, name))
        for name in ("bpr", "bpr_squared", "logistic", "mse", "warp")
    }
)
RATINGS = np.arange(0, 5.5, 0.5, dtype=np.float32)  # an explicit zero is among them

# Characters that trouble CSV, JSON and the terminal; no NUL and no lone surrogates, which readers
# refuse.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


def chance_of(observed: np.ndarray, expected: np.ndarray | None = None) -> float:
    """Return the p-value of Pearson's χ² test: of equal frequencies, where none are given."""
    from scipy import stats  # takes a second, in every process that only collects

    return float(stats.chisquare(observed, expected).pvalue)


def interactions(
    n_users: int, n_items: int, density: float, seed: int, times: bool = False
) -> Interactions:
    """Draw a matrix in which a pair is there with probability ``density``; ids from 10 and 100."""
    random = np.random.default_rng(seed)
    there = random.random((n_users, n_items)) < density
    return from_mask(
        there,
        random.choice(RATINGS, int(there.sum())),
        Catalog(np.arange(n_users) + 10, np.arange(n_items) + 100),
        random.integers(0, 50, int(there.sum())) if times else None,
    )


def from_mask(
    there: np.ndarray, data: np.ndarray, catalog: Catalog, times: np.ndarray | None = None
) -> Interactions:
    """Build interactions from a (U, I) mask and the (N,) ratings and times of its entries."""
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    return Interactions(
        indptr,
        np.nonzero(there)[1].astype(np.int32),
        np.asarray(data, np.float32),
        catalog,
        None if times is None else np.asarray(times, np.int64),
    )


def from_triples(
    triples: list[tuple[int, int, float]], n_users: int, n_items: int, times: Any = None
) -> Interactions:
    """Build interactions from (row, column, rating), and a time for each of them."""
    order = sorted(range(len(triples)), key=lambda at: triples[at][:2])
    there = np.zeros((n_users, n_items), bool)
    for user, item, _ in triples:
        there[user, item] = True
    return from_mask(
        there,
        np.array([triples[at][2] for at in order], np.float32),
        Catalog(np.arange(n_users), np.arange(n_items)),
        None if times is None else np.array([times[at] for at in order]),
    )


def id_lists(n: int) -> st.SearchStrategy[Ids]:
    """Draw n different ids, all int64 or all strings."""
    numbers = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=n, max_size=n, unique=True)
    strings = st.lists(TEXT.filter(bool), min_size=n, max_size=n, unique=True)
    return st.one_of(
        numbers.map(lambda ids: np.array(ids, np.int64)),
        strings.map(lambda ids: np.array(ids, np.str_)),
    )


@st.composite
def any_interactions(
    draw: st.DrawFn, max_users: int = 7, max_items: int = 7, times: bool | None = None
) -> Interactions:
    """Draw interactions: empty users and items, explicit zeros, both kinds of ids, names, times."""
    n_users, n_items = draw(st.integers(1, max_users)), draw(st.integers(1, max_items))
    flags = st.lists(st.booleans(), min_size=n_users * n_items, max_size=n_users * n_items)
    there = np.array(draw(flags), bool).reshape(n_users, n_items)
    n_ratings = int(there.sum())
    ratings = st.one_of(
        st.just(0.0), st.floats(-1e6, 1e6, width=32), st.sampled_from(RATINGS.tolist())
    )
    data = draw(st.lists(ratings, min_size=n_ratings, max_size=n_ratings))
    names = None
    if draw(st.booleans()):
        names = np.array(draw(st.lists(TEXT, min_size=n_items, max_size=n_items)), np.str_)
    catalog = Catalog(draw(id_lists(n_users)), draw(id_lists(n_items)), names)
    moments = None
    if draw(st.booleans()) if times is None else times:
        # Few different times, so that ties are common.
        some = st.one_of(st.integers(0, 3), st.integers(-(2**62), 2**62))
        moments = np.array(draw(st.lists(some, min_size=n_ratings, max_size=n_ratings)), np.int64)
    return from_mask(there, np.array(data, np.float32), catalog, moments)


def pairs(interactions: Interactions) -> set[tuple[int, int]]:
    """Return the (row, column) pairs of all entries."""
    return set(zip(interactions.users.tolist(), interactions.indices.tolist(), strict=True))


def entries(interactions: Interactions) -> list[tuple[Any, ...]]:
    """Return (row, column, rating, time) of all entries, in the matrix's order."""
    times = interactions.timestamps
    return list(
        zip(
            interactions.users.tolist(),
            interactions.indices.tolist(),
            interactions.data.tolist(),
            [None] * interactions.n_ratings if times is None else times.tolist(),
            strict=True,
        )
    )


def equal(a: Interactions, b: Interactions) -> bool:
    """Tell whether two interactions are the same in values, dtypes and ids; meta left out."""
    parts = (
        (a.indptr, b.indptr),
        (a.indices, b.indices),
        (a.data, b.data),
        (a.timestamps, b.timestamps),
        (a.catalog.item_names, b.catalog.item_names),
    )
    return a.catalog.same_ids(b.catalog) and all(
        (x is None and y is None) or (x is not None and y is not None and same_arrays(x, y))
        for x, y in parts
    )


def same_arrays(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether two arrays are the same in values and kind (and width, but for strings)."""
    kinds = a.dtype == b.dtype or a.dtype.kind == b.dtype.kind == "U"
    return kinds and a.shape == b.shape and a.tolist() == b.tolist()
