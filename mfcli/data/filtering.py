"""Which ratings are kept: by a threshold, by counts; and catalogues without the rest."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Catalog, Interactions


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


def without_users(interactions: Interactions, gone: NDArray[np.bool_]) -> Interactions:
    """Return the interactions without the users of a (U,) mask, ids and all; items stay."""
    kept = interactions.keep(~gone[interactions.users])
    catalog = interactions.catalog
    return dataclasses.replace(
        kept,
        indptr=np.append(kept.indptr[:-1][~gone], kept.indptr[-1]).astype(kept.indptr.dtype),
        catalog=Catalog(catalog.user_ids[~gone], catalog.item_ids, catalog.item_names),
    )


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
