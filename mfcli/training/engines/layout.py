"""How the hogwild engine lays ratings out: tiles, what each user has seen, where negatives lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli import kernels
from mfcli.config import Objective, Order
from mfcli.config.choices import COSINE
from mfcli.kernels import Proposal, SeenFilter, Shared, Tiles
from mfcli.training.engines.grid import (
    LEAST_DRAWN,
    ROW_GROUP,
    grid_shape,
    items_by_strip,
    strips_of,
)

Array = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """What a training run fixes for all of its epochs.

    negatives: draws per positive (the most draws for warp), or per block of them where these are
    shared. hardest_of: of bpr, bpr-squared and warp, the draws that one is the hardest of.
    temperature, margin and negative_weight are for shared ones, whose vectors have length 1.
    popularity_power: negatives are uniform at 0, else proportional to max(train count, 1) ** power,
    so that all stay reachable.
    items_fixed: learn users only, from the negatives' side as well; not for mse, which is solved.
    by_user: SVD++, a user with all its ratings at a time; weights need the implicit tables.
    """

    objective: Objective = Objective.mse
    workers: int = 1
    seed: int = 0
    order: Order = Order.grid
    negatives: int = 1
    hardest_of: int = 1
    popularity_power: float = 0.0
    temperature: float = 1.0
    margin: float = 0.0
    negative_weight: float = 1.0
    items_fixed: bool = False
    by_user: bool = False

    @property
    def sampled(self) -> bool:
        """Whether negatives are drawn."""
        return self.objective is not Objective.mse

    @property
    def cosine(self) -> bool:
        """Whether vectors have length 1, and a block of positives shares its negatives."""
        return self.objective in COSINE

    def __post_init__(self) -> None:
        if self.items_fixed and not self.sampled:
            raise ValueError("mse on fixed items is least squares: solve it")
        if self.workers < 1 or self.negatives < 1 or self.hardest_of < 1:
            raise ValueError("workers, negatives and hardest_of must be at least 1")


def key_of(seed: int, number: int) -> np.uint64:
    """Return 64 bits of (seed, epoch) for the kernels' random streams; −1 is the first shuffle."""
    sequence = np.random.SeedSequence((seed, number + 1))
    return np.uint64(sequence.generate_state(1, np.uint64)[0])


class Strips(NamedTuple):
    """Which strip each row lies in; users and items are (0,) where tiles are random parts."""

    shape: tuple[int, int]  # of the tiles: strips of users, and of items
    users: Array  # (U,) int64
    items: Array  # (I,) int64
    dealt: Array  # (I,) int32, the items strip by strip, which negatives are drawn from
    bounds: Array  # (K + 1,) int64, of the strips in it


def lay_strips(users: Array, items: Array, settings: Settings) -> Strips:
    """Choose the strips by the ratings of each user (U,) and of each item (I,)."""
    rng = np.random.default_rng((settings.seed, 0, 0))
    dealt, bounds = np.arange(len(items), dtype=np.int32), np.array([0, len(items)])
    if settings.by_user:  # a strip a user, and one for all items
        shape = (len(users), 1)
        return Strips(shape, np.arange(len(users)), np.zeros_like(items), dealt, bounds)
    if settings.order is Order.free and not settings.sampled:
        return Strips((0, 0), items[:0], items[:0], dealt, bounds)
    # A strip is to have as many items as a block of positives asks for.
    least = max(LEAST_DRAWN, settings.negatives if settings.cosine else 0)
    shape = grid_shape(int(items.sum()), len(users), len(items), settings.sampled, least)
    of_users = strips_of(users, shape[0], rng)
    if not settings.sampled:
        return Strips(shape, of_users, strips_of(items, shape[1], rng), dealt, bounds)
    if shape[1] > 1:
        dealt, bounds = items_by_strip(items, shape[1], rng)
    of_items = np.empty(len(items), np.int64)
    of_items[dealt] = np.repeat(np.arange(shape[1]), np.diff(bounds))
    return Strips(shape, of_users, of_items, dealt, bounds)


def lay_tiles(
    indptr: Array, indices: Array, data: Array | None, strips: Strips, settings: Settings
) -> Tiles:
    """Copy the ratings of a CSR matrix into shuffled tiles.

    A tile is a pair of a user strip and an item strip; without strips it is a random part of about
    4,096 ratings.
    """
    n_ratings = len(indices)
    down, across = strips.shape
    count = down * across or max(1, n_ratings // 4096)
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
    kernels.fill_tiles(indptr, indices, data, strips.users, strips.items, across, key, tiles)
    return tiles


def cuts(sizes: Array, most: int, parts: int) -> list[int]:
    """Find positions that cut tiles of these sizes into stretches of about `most` ratings.

    A stretch is at most one of `parts` of what is left: with several, the stretches shrink
    towards the end, so that workers who share them end together.
    """
    visited = np.cumsum(sizes)
    found: list[int] = []
    done = 0
    while len(sizes) and (not found or found[-1] < len(sizes)):
        size = max(1, min(most, int(visited[-1] - done) // parts))
        found.append(min(int(np.searchsorted(visited, done + size)) + 1, len(sizes)))
        done = int(visited[found[-1] - 1])
    return found


def deal_items(n_items: int, rng: np.random.Generator) -> Array:
    """Return the items in a random order of groups of neighbours, int32."""
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


def proposal_of(strips: Strips, counts: Array | None, power: float) -> Proposal:
    """Return where negatives are drawn from: by ``counts`` (I,) to a power, or uniformly."""
    dealt, bounds = strips.dealt, strips.bounds
    weights = np.ones(len(dealt))
    if counts is not None and power:
        weights = np.maximum(counts, 1).astype(np.float64) ** power
    masses = np.diff(np.concatenate([[0.0], np.cumsum(weights[dealt])])[bounds])
    shares = (len(masses) * masses / max(masses.sum(), 1e-300)).astype(np.float32)
    if counts is None or not power:
        return Proposal(np.zeros(0), np.zeros(0, np.uint32), dealt[:0], dealt, bounds, shares)
    accept, alias = np.empty(len(dealt), np.uint32), np.empty(len(dealt), np.int32)
    proposal = Proposal(weights, accept, alias, dealt, bounds, shares)
    kernels.fill_alias(proposal)
    return proposal


def shared_of(settings: Settings, proposal: Proposal) -> Shared:
    """Return what objectives with shared negatives are told."""
    shifts = np.zeros(0)
    if len(proposal.popularity):
        weights, bounds = proposal.popularity[proposal.dealt], proposal.bounds
        means = np.add.reduceat(weights, bounds[:-1]) / np.diff(bounds)
        shifts = np.empty(len(weights))
        shifts[proposal.dealt] = np.log(np.repeat(means, np.diff(bounds)) / weights)
    softmax = settings.objective is Objective.softmax
    return Shared(
        temperature=np.float32(settings.temperature if softmax else 1.0),
        margin=np.float32(settings.margin),
        weight=np.float32(settings.negative_weight),
        shifts=shifts.astype(np.float32),
    )
