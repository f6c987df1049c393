"""How the hogwild engine lays ratings out: tiles, what each user has seen, where negatives lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli import kernels
from mfcli.config import Objective, Order
from mfcli.kernels import Proposal, SeenFilter, Tiles
from mfcli.training.engines.grid import ROW_GROUP, strips_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """What a training run fixes for all of its epochs.

    negatives: draws per positive (the most draws for warp). popularity_power: negatives are
    uniform at 0, else proportional to max(train count, 1) ** power, so that all stay reachable.
    items_fixed: learn users only, from the negatives' side as well; not for mse, which is solved.
    by_user: SVD++, a user with all its ratings at a time; weights need the implicit tables.
    """

    objective: Objective = Objective.mse
    workers: int = 1
    seed: int = 0
    order: Order = Order.grid
    negatives: int = 1
    popularity_power: float = 0.0
    items_fixed: bool = False
    by_user: bool = False

    @property
    def sampled(self) -> bool:
        """Whether negatives are drawn."""
        return self.objective is not Objective.mse

    def __post_init__(self) -> None:
        if self.items_fixed and not self.sampled:
            raise ValueError("mse on fixed items is least squares: solve it")
        if self.workers < 1 or self.negatives < 1:
            raise ValueError("workers and negatives must be at least 1")


def key_of(seed: int, number: int) -> np.uint64:
    """Return 64 bits of (seed, epoch) for the kernels' random streams; −1 is the first shuffle."""
    sequence = np.random.SeedSequence((seed, number + 1))
    return np.uint64(sequence.generate_state(1, np.uint64)[0])


def lay_tiles(
    indptr: Array, indices: Array, data: Array | None, n_items: int, strips: int, settings: Settings
) -> Tiles:
    """Copy the ratings of a CSR matrix into shuffled tiles.

    With ``strips`` a tile is one of strips² pairs of a user strip and an item strip; with
    ``settings.by_user`` it is a user; else it is a random part of about 4,096 ratings.
    """
    n_users, n_ratings = len(indptr) - 1, len(indices)
    rng = np.random.default_rng((settings.seed, 0, 0))
    if settings.by_user:  # a strip a user, and one for all items
        count, strips = n_users, 1
        user_strips, item_strips = np.arange(count), np.zeros(n_items, np.int64)
    else:
        count = strips**2 or max(1, n_ratings // 4096)
        user_strips = strips_of(np.diff(indptr), max(strips, 1), rng)
        item_strips = strips_of(np.bincount(indices, minlength=n_items), max(strips, 1), rng)
    values = np.zeros(0 if data is None else n_ratings, np.float32)
    tiles = Tiles(
        bounds=np.zeros(count + 1, np.int64),
        users=np.empty(n_ratings, np.int32),
        items=np.empty(n_ratings, np.int32),
        values=values,
        losses=np.zeros(count),
        skipped=np.zeros(count, np.int64),
    )
    data = values if data is None else np.ascontiguousarray(data, np.float32)
    key = key_of(settings.seed, -1)
    kernels.fill_tiles(indptr, indices, data, user_strips, item_strips, strips, key, tiles)
    return tiles


def deal_items(n_items: int, rng: np.random.Generator) -> Array:
    """Return the items in a random order of whole groups, int32.

    Slices of it then share few cache lines, of which one holds 16 biases: threads that write to
    the same line wait for each other, whether or not it is for the same item.
    """
    groups = rng.permutation(-(-n_items // ROW_GROUP)).astype(np.int32)
    dealt = (groups[:, None] * np.int32(ROW_GROUP) + np.arange(ROW_GROUP, dtype=np.int32)).ravel()
    return dealt[dealt < n_items]


def seen_filter(indptr: Array, indices: Array, n_items: int, used: bool) -> SeenFilter:
    """Return what each user has seen, with the filter that is asked before the CSR rows.

    It has 16 to 32 bits a seen item, and is exact where those are as many as there are items. Where
    nothing is sampled it is not ``used``, and empty.
    """
    if not used:
        return SeenFilter(indptr[:0], indices[:0], np.zeros(0, np.uint64), np.zeros(0, np.int64))
    bits = np.maximum(np.minimum(np.diff(indptr).astype(np.int64) * 16, n_items), 64)
    words = np.left_shift(1, np.ceil(np.log2(bits / 64)).astype(np.int64))
    starts = np.concatenate([[0], np.cumsum(words)])
    seen = SeenFilter(indptr, indices, np.zeros(starts[-1], np.uint64), starts)
    kernels.fill_filter(seen)
    return seen


def proposal_of(counts: Array | None, n_items: int, power: float) -> Proposal:
    """Return where negatives are drawn from: by ``counts`` (I,) to a power, or uniformly."""
    dealt = np.arange(n_items, dtype=np.int32)
    if counts is None or power == 0:
        return Proposal(np.zeros(0), np.zeros(0, np.uint32), dealt[:0], dealt, 1)
    popularity = np.maximum(counts, 1).astype(np.float64) ** power
    proposal = Proposal(
        popularity, np.empty(n_items, np.uint32), np.empty(n_items, np.int32), dealt, 1
    )
    kernels.fill_alias(proposal)
    return proposal
