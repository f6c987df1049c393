"""The built-in sample: ratings with a planted structure, of any size, the same for a seed.

Every user has a taste vector, every item belongs to a genre in the same space. Which items a user
has depends on the items' popularity (a power law) and on how much the user likes the genre; the
rating is mean + user bias + item bias + ⟨taste, item vector⟩ + noise, rounded to half stars. So
biases alone, popularity alone, and factors each have something to find. Work goes by blocks of
users: no users × items array, and memory that does not grow beyond the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Catalog, Indices, Interactions
from mfcli.data.sample_names import film_names
from mfcli.errors import UsageError

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

TASTES = 6  # width of the planted vectors
BLOCK_RATINGS = 1_000_000  # about so many ratings are made at a time
LARGEST_NAMED = 1_000_000  # more items than this get no names
FIRST_DAY, LAST_DAY = 1_420_070_400, 1_735_689_600  # 2015-01-01 … 2025-01-01, seconds
MEAN, USER_SPREAD, ITEM_SPREAD, TASTE_SPREAD, NOISE = 3.2, 0.35, 0.4, 0.65, 0.6


@dataclass(frozen=True, eq=False)
class _World:
    """The items, and what all blocks share.

    genre:       (I,) genre of every item.
    vectors:     (I, TASTES) what tastes are multiplied with for a rating.
    bias:        (I,) added to every rating of the item.
    centres:     (C, TASTES) what tastes are multiplied with to choose a genre.
    genre_mass:  (C,) log of the popularity of all its items.
    table:       (T,) items, each as often as it is popular, genre after genre.
    table_start: (C + 1,) where a genre begins in ``table``.
    """

    genre: Longs
    vectors: Floats
    bias: Floats
    centres: Floats
    genre_mass: Floats
    table: NDArray[np.int32]
    table_start: Longs


def make_sample(
    n_users: int,
    n_items: int,
    n_ratings: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Interactions:
    """Make exactly ``n_ratings`` ratings of distinct user–item pairs, ids 1…U and 1…I.

    Every user and every item has one at least, as far as there are enough. ``progress`` is told
    the ratings done. Raises UsageError when more than half of all pairs are asked for.
    """
    if n_ratings > n_users * n_items // 2:
        raise UsageError(
            f"--ratings {n_ratings} is more than half of the {n_users} × {n_items} pairs that "
            "there are: choose fewer ratings, more users or more items"
        )
    random = _random(seed, 0)
    counts = _user_counts(n_users, n_items, n_ratings, random)
    world = _make_world(n_items, random)
    ends = np.cumsum(counts)
    owners, owned = _owners(n_items, n_ratings, ends, random)
    largest = max(n_ratings, n_items)
    width = np.int32 if largest < 2**31 else np.int64
    indices: Indices = np.empty(n_ratings, dtype=width)
    data = np.empty(n_ratings, dtype=np.float32)
    times = np.empty(n_ratings, dtype=np.int64)
    for number, (low, high) in enumerate(_blocks(ends)):
        start, end = int(ends[low] - counts[low]), int(ends[high - 1])
        block = _random(seed, 1 + number)
        mine = slice(*np.searchsorted(owners, [low, high]))
        keys = (owners[mine] - low) * n_items + owned[mine]
        tastes = block.standard_normal((high - low, TASTES))
        keys = _draw_pairs(np.sort(keys), counts[low:high], tastes, world, block)
        users, items = keys // n_items, keys % n_items
        indices[start:end] = items
        data[start:end] = _rate(users, items, tastes, world, block)
        times[start:end] = _date(users, high - low, block)
        progress(end)
    indptr: Indices = np.zeros(n_users + 1, dtype=width)
    indptr[1:] = ends
    names = film_names(n_items, _random(seed, -1)) if n_items <= LARGEST_NAMED else None
    catalog = Catalog(np.arange(1, n_users + 1), np.arange(1, n_items + 1), names)
    return Interactions(indptr, indices, data, catalog, times)


def _random(seed: int, stream: int) -> np.random.Generator:
    """Return an independent generator for each part of the work: items (0), a block, names (−1)."""
    return np.random.Generator(np.random.PCG64([seed, stream + 1]))


def _user_counts(n_users: int, n_items: int, n_ratings: int, random: np.random.Generator) -> Longs:
    """Return how many ratings each user has, (U,): log-normal above a floor, sum as asked."""
    floor = min(20, n_ratings // (2 * n_users)) or int(n_ratings >= n_users)
    most = max(n_items // 2, 1) if n_ratings <= n_users * n_items // 4 else n_items
    counts = np.full(n_users, floor, dtype=np.int64)
    weight = np.exp(random.standard_normal(n_users))
    while missing := n_ratings - int(counts.sum()):
        # Largest-remainder rounding; who is full passes his share on.
        share = np.where(counts < most, weight, 0.0)
        edges = np.floor(np.cumsum(share) * (missing / share.sum()) + 0.5).astype(np.int64)
        edges[-1] = missing
        counts = np.minimum(counts + np.diff(edges, prepend=0), most)
    return counts


def _make_world(n_items: int, random: np.random.Generator) -> _World:
    n_genres = min(max(n_items // 30, 4), 64)
    centres = random.standard_normal((n_genres, TASTES))
    genre = random.integers(0, n_genres, n_items)
    rank = random.permutation(n_items)
    popularity = (rank + 5.0 + n_items / 200) ** -1.0
    own = random.standard_normal((n_items, TASTES))
    vectors = (0.8 * centres[genre] + 0.6 * own) * (TASTE_SPREAD / TASTES**0.5)
    # Popular items are a little better liked, as in real ratings.
    bias = ITEM_SPREAD * (0.9 * random.standard_normal(n_items) + 0.4 * (0.5 - rank / n_items))
    mass = np.bincount(genre, weights=popularity, minlength=n_genres)
    slots = np.maximum(np.round(popularity / popularity.sum() * max(8 * n_items, 1 << 16)), 1)
    order = np.argsort(genre, kind="stable")
    table = np.repeat(order.astype(np.int32), slots[order].astype(np.int64))
    sizes = np.bincount(genre, weights=slots, minlength=n_genres).astype(np.int64)
    with np.errstate(divide="ignore"):  # a genre without items: −inf, never chosen
        log_mass = np.log(mass)
    return _World(
        genre, vectors, bias, centres / TASTES**0.5, log_mass, table, np.append(0, np.cumsum(sizes))
    )


def _owners(
    n_items: int, n_ratings: int, ends: Longs, random: np.random.Generator
) -> tuple[Longs, Longs]:
    """Give each item one owner: ``(users, items)``, users rising, as many items as there can be."""
    n_owned = min(n_items, n_ratings)
    # Distinct slots of 0…N−1, one in each of n equal parts: who has more ratings owns more.
    starts = np.arange(n_owned + 1) * n_ratings // n_owned
    slots = starts[:-1] + (random.random(n_owned) * np.diff(starts)).astype(np.int64)
    users = np.searchsorted(ends, slots, side="right")
    return users.astype(np.int64), random.permutation(n_items)[:n_owned].astype(np.int64)


def _blocks(ends: Longs) -> list[tuple[int, int]]:
    """Cut users into runs of about BLOCK_RATINGS ratings, and of no more users than that."""
    cuts, low = [], 0
    while low < len(ends):
        done = int(ends[low - 1]) if low else 0
        high = int(np.searchsorted(ends, done + BLOCK_RATINGS, side="right"))
        high = min(max(high, low + 1), low + BLOCK_RATINGS, len(ends))
        cuts.append((low, high))
        low = high
    return cuts


def _draw_pairs(
    keys: Longs, counts: Longs, tastes: Floats, world: _World, random: np.random.Generator
) -> Longs:
    """Complete a block's pairs: sorted distinct ``user * I + item``, ``counts`` of each user.

    keys: (n,) sorted, the pairs that are already given. counts: (B,). tastes: (B, TASTES).
    """
    n_items = len(world.genre)
    logits = (tastes @ world.centres.T) * 1.5 + world.genre_mass  # (B, C)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    edges = np.cumsum(chances, axis=1)
    edges /= edges[:, -1:]
    edges += np.arange(len(edges))[:, None]
    # Rounds by taste, then by chance alone; whoever is still short has nearly everything.
    for attempt in range(14):
        missing = counts - np.bincount(keys // n_items, minlength=len(counts))
        users = np.repeat(np.arange(len(counts)), missing)
        if not len(users):
            return keys
        if attempt < 8:
            items: NDArray[np.integer[Any]] = _by_taste(users, edges, world, random)
        else:
            items = random.integers(0, n_items, len(users))
        fresh = _distinct(users * n_items + items)
        place = np.minimum(np.searchsorted(keys, fresh), max(len(keys) - 1, 0))
        known = keys[place] == fresh if len(keys) else np.zeros(len(fresh), dtype=bool)
        keys = np.sort(np.concatenate([keys, fresh[~known]]), kind="stable")
    return _fill_up(keys, counts, n_items, random)


def _distinct(keys: Longs) -> Longs:
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])]


def _by_taste(
    users: Longs, edges: Floats, world: _World, random: np.random.Generator
) -> NDArray[np.int32]:
    """Draw an item for every entry of ``users``, (n,): a genre by taste, in it by popularity."""
    # Row u of the edges lies in u…u + 1, so that one search serves all users.
    n_genres = edges.shape[1]
    flat = np.searchsorted(edges.ravel(), users + random.random(len(users)), side="right")
    genre = np.minimum(flat - users * n_genres, n_genres - 1)
    sizes = np.diff(world.table_start)
    place = world.table_start[genre] + (random.random(len(users)) * sizes[genre]).astype(np.int64)
    # Rounding may choose a last genre that has no items.
    return world.table[np.minimum(place, len(world.table) - 1)]


def _fill_up(keys: Longs, counts: Longs, n_items: int, random: np.random.Generator) -> Longs:
    """Give users who are short their items out of all those they do not have."""
    parts = [keys]
    bounds = np.searchsorted(keys, np.arange(len(counts) + 1) * n_items)
    for user in np.flatnonzero(np.diff(bounds) < counts):
        own = keys[bounds[user] : bounds[user + 1]] - user * n_items
        rest = np.setdiff1d(np.arange(n_items), own, assume_unique=True)
        short = int(counts[user]) - len(own)
        parts.append(user * n_items + random.permutation(rest)[:short])
    return np.sort(np.concatenate(parts))


def _rate(
    users: Longs, items: Longs, tastes: Floats, world: _World, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return half-star ratings 0.5…5 of a block's pairs, (n,)."""
    value = MEAN + NOISE * random.standard_normal(len(users))
    value += (USER_SPREAD * random.standard_normal(len(tastes)))[users]
    value += world.bias[items]
    for column in range(TASTES):  # (n, TASTES) products would take six times the memory
        value += tastes[:, column][users] * world.vectors[:, column][items]
    return (np.clip(np.round(value * 2), 1, 10) / 2).astype(np.float32)


def _date(users: Longs, n_users: int, random: np.random.Generator) -> Longs:
    """Return seconds since 1970 of a block's pairs, (n,): a user is active over a span of days."""
    span = np.minimum(86_400 * 30 * np.exp(1.5 * random.standard_normal(n_users)), 86_400 * 1500)
    first = FIRST_DAY + random.random(n_users) * (LAST_DAY - FIRST_DAY - span)
    # More at the beginning, as new users rate what they have seen before.
    when = first[users] + span[users] * random.random(len(users)) ** 2
    return when.astype(np.int64)
