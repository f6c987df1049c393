"""Epochs of compiled SGD on shared factors: tiles, their order, threads, progress.

Everything random in an epoch follows from (seed, epoch, tile): an epoch has no memory, so a run
resumed from saved factors goes on as if it had never stopped.

The ratings are copied once, shuffled, into tiles (`kernels.fill_tiles`). In the grid order a tile
is a user strip × an item strip, and mse goes through them so that any number of workers gives the
same bits (`grid`). In the free order a tile is a random part of all ratings and workers update
whatever they meet (Niu et al. 2011, Hogwild!). Sampled objectives always touch items outside of
their tile: workers share the list of tiles and take no notice of each other.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfcli import kernels
from mfcli.kernels import Grid, PassArguments, Proposal, Rates, SeenFilter, Tiles, Weights
from mfcli.training.engines.grid import NO_GRID, ROW_GROUP, Rounds, strip_count, strips_of

Array = NDArray[Any]

CODES = {"mse": 0, "logistic": 0, "bpr": kernels.BPR, "bpr-squared": kernels.BPR_SQUARED} | {
    "warp": kernels.WARP
}
ORDERS = ("grid", "free")
INTERVAL = 0.1  # seconds between reports
SLICE = 1 << 17  # samples that a thread takes on before it looks whether to stop
# The same on the grid: workers that come back to Python more often hold each other up there.
LONG_SLICE = 1 << 19


class PassProgress(NamedTuple):
    """A report from inside an epoch; the last one has done == total and is exact."""

    done: int  # ratings visited
    total: int
    loss: float  # mean over the samples so far
    skipped: int  # samples without a negative, as their user has seen every item


@dataclass(frozen=True)
class Settings:
    """What a training run fixes for all of its epochs.

    negatives: draws per positive (the most draws for warp). popularity_power: negatives are
    uniform at 0, else proportional to max(train count, 1) ** power, so that all stay reachable.
    items_fixed: learn users only, from the negatives' side as well; not for mse, which is solved.
    by_user: SVD++, a user with all its ratings at a time; weights need the implicit tables.
    """

    objective: str = "mse"
    workers: int = 1
    seed: int = 0
    order: str = "grid"
    negatives: int = 1
    popularity_power: float = 0.0
    items_fixed: bool = False
    by_user: bool = False

    def __post_init__(self) -> None:
        if self.objective not in tuple(CODES):
            raise ValueError(f"objective must be one of {tuple(CODES)}, not {self.objective!r}")
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {ORDERS}, not {self.order!r}")
        if self.items_fixed and self.objective == "mse":
            raise ValueError("mse on fixed items is least squares: solve it")
        if self.workers < 1 or self.negatives < 1:
            raise ValueError("workers and negatives must be at least 1")


_Work = Callable[
    ["_SharedEpoch"], Iterator[None]
]  # goes on with each step, a slice or a short wait


@dataclass
class _SharedEpoch:
    """What the threads of one epoch share."""

    run: Callable[[Array, int, int], int]  # (order, begin, end) → position reached
    works: list[_Work]  # one a worker
    visited: Callable[[], int]  # ratings so far
    stop: bool = False


class Passes:
    """The passes of one training run over one CSR matrix.

    indptr, indices: (U + 1,), (n,) int32 or int64, sorted within rows, no duplicates; kept, not
    copied, where negatives are drawn. data: (n,) float32 ratings for mse, weights of the loss for
    the other objectives, or None for weights of 1. Memory beside them: 12 bytes a rating (8
    without weights), and 1 to 4 more for the filter of sampled objectives.
    """

    def __init__(
        self,
        indptr: Array,
        indices: Array,
        data: Array | None,
        n_items: int,
        settings: Settings,
        counts: Array | None = None,
    ) -> None:
        """Lay out the ratings; ``counts`` (n_items,) are the items' in train, if not these."""
        if settings.objective == "mse" and data is None:
            raise ValueError("mse needs ratings")
        self.settings = settings
        self.shape = (len(indptr) - 1, n_items)
        self.ratings = len(indices)
        grid = settings.order == "grid" or settings.objective != "mse"
        grid = grid and not settings.by_user
        self.strips = strip_count(self.ratings, *self.shape) if grid else 0
        self.tiles = self._tiled(indptr, indices, data)
        self._sizes = np.diff(self.tiles.bounds)
        self._rounds: Rounds | None = None
        if settings.objective == "mse" and self.strips:
            self._rounds = Rounds(self._sizes, settings.workers)
        self._pool: ThreadPoolExecutor | None = None
        sampled = settings.objective != "mse"
        self._seen = _seen(indptr, indices, n_items, sampled)
        power = settings.popularity_power if sampled else 0.0
        if power and counts is None:
            counts = np.bincount(indices, minlength=n_items)
        self._proposal = _proposal(counts, n_items, power)

    @property
    def repeatable(self) -> bool:
        """Whether the same seed gives the same bits: with one worker, and for mse on the grid."""
        settings = self.settings
        return settings.workers == 1 or self._rounds is not None

    def prepare(self, weights: Weights) -> None:
        """Compile the pass for these arrays, or load it from the cache, without running it."""
        run = self._bound(-1, weights, Rates(*np.zeros(4, np.float32)), NO_GRID)
        run(np.zeros(0, np.int32), 0, 0)

    def epoch(
        self,
        number: int,
        weights: Weights,
        learning_rate: float,
        regularization: float,
        bias_regularization: float,
        mean: float = 0.0,
    ) -> Generator[PassProgress, None, None]:
        """Visit every rating once, updating `weights` in place; report about ten times a second.

        A sample's loss is weight · loss + regularization / 2 · ‖the rows it touches‖² (biases:
        bias_regularization), with (r − x)² / 2 for mse, reported as (r − x)². `mean` is added to
        the scores of mse and logistic. Closing the generator stops the threads.
        """
        self._check(weights)
        sizes = 1 - learning_rate * np.array([regularization, bias_regularization])
        with np.errstate(over="ignore"):  # the epoch diverges, and says so
            rates = Rates(*np.array([mean, learning_rate, *sizes], np.float32))
        self.tiles.losses[:] = 0
        self.tiles.skipped[:] = 0
        epoch = self._begun(number, weights, rates)
        mine, *others = epoch.works
        # The threads are kept for the next epoch: to start them takes as long as 10,000 ratings,
        # and so does waking one up, which is why this thread is a worker as well.
        pool, self._pool = self._pool, None
        pool = pool or ThreadPoolExecutor(max(1, len(others)), thread_name_prefix="hogwild")
        try:
            futures = [pool.submit(_to_its_end, work, epoch) for work in others]
            shown = time.perf_counter()
            for _ in mine(epoch):
                if time.perf_counter() - shown >= INTERVAL:
                    yield self._progress(epoch.visited())
                    shown = time.perf_counter()
            while wait(futures, INTERVAL, FIRST_EXCEPTION).not_done and not epoch.stop:
                yield self._progress(epoch.visited())
            for future in futures:
                future.result()
        except BaseException:  # the generator's close() among them
            epoch.stop = True
            pool.shutdown()
            raise
        self._pool = pool
        yield self._progress(self.ratings)

    def settle(self, weights: Weights) -> None:
        """Bring the users' implicit vectors up to date with the items': what scores take."""
        bounds, items = self.tiles.bounds, self.tiles.items
        workers = self.settings.workers
        cuts = np.searchsorted(bounds, np.linspace(0, self.ratings, workers + 1)[1:-1])
        ends = [0, *cuts.tolist(), self.shape[0]]

        def part(begin: int, end: int) -> None:
            tables = (weights.item_implicit, weights.user_implicit)
            kernels.sum_histories(bounds, items, begin, end, *tables)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(part, ends[:-1], ends[1:]))

    def _check(self, weights: Weights) -> None:
        users, items = self.shape
        for number, (array, rows) in enumerate(zip(weights, (users, items) * 3, strict=True)):
            good = len(array) == rows or (number > 1 and len(array) == 0)
            if not good or array.dtype != np.float32 or not array.flags.c_contiguous:
                raise ValueError("weights must be C-contiguous float32 arrays of the matrix's size")
        if weights.user_factors.shape[1] != weights.item_factors.shape[1]:
            raise ValueError("user and item factors must have the same width")
        if len(weights.user_bias) != users and len(weights.item_bias):
            raise ValueError("biases must be given for users and items, or for neither")
        if self.settings.by_user:
            sizes = [weights.user_factors.shape, weights.item_factors.shape]
            if sizes != [weights.user_implicit.shape, weights.item_implicit.shape]:
                raise ValueError("SVD++ needs implicit tables of the factors' sizes, and biases")

    def _progress(self, done: int) -> PassProgress:
        per_rating = {"mse": 1, "warp": 1, "logistic": self.settings.negatives + 1}
        samples = done * per_rating.get(self.settings.objective, self.settings.negatives)
        skipped = int(self.tiles.skipped.sum())
        loss = float(self.tiles.losses.sum())
        return PassProgress(done, self.ratings, loss / max(samples - skipped, 1), skipped)

    def _key(self, number: int) -> np.uint64:
        """64 bits of (seed, epoch) for the kernels' random streams; −1 is the first shuffle."""
        seed = np.random.SeedSequence((self.settings.seed, number + 1))
        return np.uint64(seed.generate_state(1, np.uint64)[0])

    def _tiled(self, indptr: Array, indices: Array, data: Array | None) -> Tiles:
        settings, n_items = self.settings, self.shape[1]
        rng = np.random.default_rng((settings.seed, 0, 0))
        if settings.by_user:  # a strip a user, and one for all items
            count, strips = self.shape[0], 1
            user_strips, item_strips = np.arange(count), np.zeros(n_items, np.int64)
        else:
            count, strips = self.strips**2 or max(1, self.ratings // 4096), self.strips
            user_strips = strips_of(np.diff(indptr), max(strips, 1), rng)
            counts = np.bincount(indices, minlength=n_items)
            item_strips = strips_of(counts, max(strips, 1), rng)
        values = np.zeros(0 if data is None else self.ratings, np.float32)
        tiles = Tiles(
            bounds=np.zeros(count + 1, np.int64),
            users=np.empty(self.ratings, np.int32),
            items=np.empty(self.ratings, np.int32),
            values=values,
            losses=np.zeros(count),
            skipped=np.zeros(count, np.int64),
        )
        data = values if data is None else np.ascontiguousarray(data, np.float32)
        kernels.fill_tiles(
            indptr, indices, data, user_strips, item_strips, strips, self._key(-1), tiles
        )
        return tiles

    def _begun(self, number: int, weights: Weights, rates: Rates) -> _SharedEpoch:
        rng = np.random.default_rng((self.settings.seed, number))
        if self._rounds is None:
            works, visited = self._shared_works(rng)
            return _SharedEpoch(self._bound(number, weights, rates, NO_GRID), works, visited)
        grid, orders = self._rounds.begin(rng)
        works = [self._sequence(order) for order in orders]
        visited = functools.partial(self._rounds.visited, grid)
        return _SharedEpoch(self._bound(number, weights, rates, grid), works, visited)

    def _bound(
        self, number: int, weights: Weights, rates: Rates, grid: Grid
    ) -> Callable[[Array, int, int], int]:
        """Fill in the objective's kernel but for (order, begin, end)."""
        settings = self.settings
        if settings.objective == "mse":
            proposal = self._proposal
        else:  # slices of items that threads seldom fight over, and that fit the cache
            rng = np.random.default_rng((settings.seed, number + 1, 1))
            dealt = _dealt(self.shape[1], rng)
            wanted = min(weights.item_factors.nbytes >> 16, self.shape[1] // 256, self.strips)
            # An odd number of them: then those of a round differ (`kernels.negatives.part_of`).
            proposal = self._proposal._replace(dealt=dealt, slices=max(1, wanted - 1 | 1))
        job = PassArguments(
            key=self._key(number),
            objective=CODES[settings.objective],
            negatives=settings.negatives,
            # Matrices of up to 4 MB stay in the second-level cache and need no prefetching.
            fixed=int(settings.items_fixed),
            ahead=8 if sum(array.nbytes for array in weights) > 1 << 22 else 0,
            tiles=self.tiles,
            seen=self._seen,
            proposal=proposal,
            weights=weights,
            rates=rates,
        )
        if settings.by_user:
            return lambda order, begin, end: kernels.svdpp_pass(order, begin, end, job)
        if settings.objective == "mse":
            return lambda order, begin, end: kernels.mse_pass(order, begin, end, grid, job)
        kernel = (
            kernels.logistic_pass if settings.objective == "logistic" else kernels.pairwise_pass
        )
        return lambda order, begin, end: kernel(order, begin, end, job)

    def _sequence(self, order: Array) -> _Work:
        """Make the job of a worker that sees to the tiles of `order`, one after the other."""
        share = max(1, self.ratings // self.settings.workers)
        step = max(1, len(order) * LONG_SLICE // share)

        def work(epoch: _SharedEpoch) -> Iterator[None]:
            position = 0
            while position < len(order) and not epoch.stop:
                reached = epoch.run(order, position, min(position + step, len(order)))
                if reached == position:
                    time.sleep(1e-4)  # another worker is late: leave it the core
                position = reached
                yield

        return work

    def _shared_works(self, rng: np.random.Generator) -> tuple[list[_Work], Callable[[], int]]:
        """Make one job per worker, all of them taking slices from one list of tiles."""
        strips, workers = self.strips, self.settings.workers
        if strips:
            rows, shifts = rng.permutation(strips)[None, :], rng.permutation(strips)[:, None]
            order = (rows * strips + (rows + shifts) % strips).ravel().astype(np.int32)
        else:
            order = rng.permutation(len(self._sizes)).astype(np.int32)
        # Short enough that workers are mostly in one round, where tiles share no row.
        most = min(SLICE // self.settings.negatives, self.ratings // (16 * workers))
        slices = itertools.pairwise([0, *self._slices(order, most, 2 * workers)])
        done: deque[int] = deque()  # append() is atomic

        def work(epoch: _SharedEpoch) -> Iterator[None]:
            for begin, end in iter(lambda: next(slices, None), None):  # so is next()
                if epoch.stop:
                    return
                epoch.run(order, begin, end)
                done.append(int(self._sizes[order[begin:end]].sum()))
                yield

        return [work] * workers, lambda: sum(tuple(done))

    def _slices(self, order: Array, most: int, parts: int) -> list[int]:
        """Find positions that cut `order` into stretches of about `most` ratings.

        A stretch is at most one of `parts` of what is left: with several, the stretches shrink
        towards the end, so that workers who share them end together.
        """
        visited = np.cumsum(self._sizes[order])
        cuts: list[int] = []
        done = 0
        while len(order) and (not cuts or cuts[-1] < len(order)):
            size = max(1, min(most, int(visited[-1] - done) // parts))
            cuts.append(min(int(np.searchsorted(visited, done + size)) + 1, len(order)))
            done = int(visited[cuts[-1] - 1])
        return cuts


def _to_its_end(work: _Work, epoch: _SharedEpoch) -> None:
    try:
        for _ in work(epoch):
            pass
    except BaseException:
        epoch.stop = True  # the others would wait for this one for ever
        raise


def _dealt(n_items: int, rng: np.random.Generator) -> Array:
    """Return the items in a random order of whole groups, int32.

    Slices of it then share few cache lines, of which one holds 16 biases: threads that write to
    the same line wait for each other, whether or not it is for the same item.
    """
    groups = rng.permutation(-(-n_items // ROW_GROUP)).astype(np.int32)
    dealt = (groups[:, None] * np.int32(ROW_GROUP) + np.arange(ROW_GROUP, dtype=np.int32)).ravel()
    return dealt[dealt < n_items]


def _seen(indptr: Array, indices: Array, n_items: int, used: bool) -> SeenFilter:
    """Filter before the CSR rows: 16 to 32 bits a seen item, exact where that spans all items."""
    if not used:
        return SeenFilter(indptr[:0], indices[:0], np.zeros(0, np.uint64), np.zeros(0, np.int64))
    bits = np.maximum(np.minimum(np.diff(indptr).astype(np.int64) * 16, n_items), 64)
    words = np.left_shift(1, np.ceil(np.log2(bits / 64)).astype(np.int64))
    starts = np.concatenate([[0], np.cumsum(words)])
    seen = SeenFilter(indptr, indices, np.zeros(starts[-1], np.uint64), starts)
    kernels.fill_filter(seen)
    return seen


def _proposal(counts: Array | None, n_items: int, power: float) -> Proposal:
    dealt = np.arange(n_items, dtype=np.int32)
    if counts is None or power == 0:
        return Proposal(np.zeros(0), np.zeros(0, np.uint32), dealt[:0], dealt, 1)
    popularity = np.maximum(counts, 1).astype(np.float64) ** power
    proposal = Proposal(
        popularity, np.empty(n_items, np.uint32), np.empty(n_items, np.int32), dealt, 1
    )
    kernels.fill_alias(proposal)
    return proposal
