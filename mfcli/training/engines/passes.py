"""Epochs of compiled SGD on shared factors: the tiles' order, threads, progress.

Everything random in an epoch follows from (seed, epoch, tile): an epoch has no memory, so a run
resumed from saved factors goes on as if it had never stopped.

The ratings are copied once, shuffled, into tiles (`layout`), which are pairs of a user strip and an
item strip. In the grid order workers go through them so that any number of workers gives the same
bits (`grid`). In the free order they take no notice of each other and update whatever they meet
(Niu et al. 2011, Hogwild!): for mse tiles are random parts of all ratings, and sampled objectives
go through the same tiles as in the grid order, without waiting.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mfcli import kernels
from mfcli.config import Objective, Order
from mfcli.kernels import Grid, PassArguments, PassScratch, Rates, SharedScratch, Weights
from mfcli.training.engines.grid import NO_GRID, Rounds
from mfcli.training.engines.layout import (
    Array,
    Settings,
    cuts,
    deal_items,
    key_of,
    lay_strips,
    lay_tiles,
    proposal_of,
    seen_filter,
    shared_of,
)

INTERVAL = 0.1  # seconds between reports
SLICE = 1 << 17  # samples that a thread takes on before it looks whether to stop
# The same on the grid: workers that come back to Python more often hold each other up there.
LONG_SLICE = 1 << 19


# (order, begin, end, …) → how far it came
Kernel = Callable[[Array, int, int, PassArguments, Any], int]


def _of_rows(job: PassArguments) -> PassScratch:
    return kernels.pass_scratch(job.weights.item_factors.shape[1])


def _of_blocks(job: PassArguments) -> SharedScratch:
    negatives = min(job.negatives, int(np.diff(job.proposal.bounds).max()))
    return kernels.shared_scratch(job.weights.item_factors.shape[1], negatives)


class Pass(NamedTuple):
    """The compiled pass of an objective."""

    kernel: Kernel
    code: int = 0  # what the kernel calls the objective, where it has several
    for_rating: int = 0  # samples that a rating counts as: these,
    for_negative: int = 0  # and these for each of its negatives
    scratch: Callable[[PassArguments], Any] = _of_rows  # the memory of a thread
    slowness: int = 1  # a rating takes as long as so many of mse


# A new objective of the hogwild engine is one entry here, and a kernel or a slope in one.
PASSES: dict[Objective, Pass] = {
    Objective.mse: Pass(kernels.mse_pass, for_rating=1),
    Objective.bpr: Pass(kernels.pairwise_pass, kernels.BPR, for_negative=1),
    Objective.bpr_squared: Pass(kernels.pairwise_pass, kernels.BPR_SQUARED, for_negative=1),
    Objective.logistic: Pass(kernels.logistic_pass, for_rating=1, for_negative=1),
    Objective.warp: Pass(kernels.pairwise_pass, kernels.WARP, for_rating=1),
    Objective.softmax: Pass(kernels.shared_pass, kernels.SOFTMAX, 1, 0, _of_blocks, 64),
    Objective.ccl: Pass(kernels.shared_pass, kernels.CCL, 1, 0, _of_blocks, 64),
}
BY_USER = Pass(kernels.svdpp_pass, for_rating=1)  # of mse on svdpp


class PassProgress(NamedTuple):
    """A report from inside an epoch; the last one has done == total and is exact."""

    done: int  # ratings visited
    total: int
    loss: float  # mean over the samples so far
    skipped: int  # samples without a negative, as their user has seen all that is drawn from


_Work = Callable[
    ["_SharedEpoch"], Iterator[None]
]  # goes on with each step, a slice or a short wait


@dataclass
class _SharedEpoch:
    """What the threads of one epoch share."""

    compiled: Pass
    arguments: PassArguments
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
        if not settings.sampled and data is None:
            raise ValueError("mse needs ratings")
        if settings.by_user and settings.order is Order.grid:
            settings = replace(settings, workers=1)  # users share the vectors of all their items
        self.settings = settings
        self._pass = _pass_of(settings)
        self.shape = (len(indptr) - 1, n_items)
        self.ratings = len(indices)
        items = np.bincount(indices, minlength=n_items)
        strips = lay_strips(np.diff(indptr), items, settings)
        self.tiles = lay_tiles(indptr, indices, data, strips, settings)
        self._sizes = np.diff(self.tiles.bounds)
        self._rounds: Rounds | None = None
        if len(strips.users) and not settings.by_user:
            self._rounds = Rounds(self._sizes.reshape(strips.shape), settings.workers)
        self._pool: ThreadPoolExecutor | None = None
        self._seen = seen_filter(indptr, indices, n_items, settings.sampled)
        power = settings.popularity_power if settings.sampled else 0.0
        self._proposal = proposal_of(strips, items if counts is None else counts, power)
        self._shared = shared_of(settings, self._proposal)

    @property
    def repeatable(self) -> bool:
        """Whether the same seed gives the same bits: but for several workers in the free order."""
        return self.settings.workers == 1 or self.settings.order is Order.grid

    def prepare(self, weights: Weights) -> None:
        """Compile the pass for these arrays, or load it from the cache, without running it."""
        arguments = self._arguments(-1, weights, Rates(*np.zeros(4, np.float32)), NO_GRID)
        scratch = self._pass.scratch(arguments)
        self._pass.kernel(np.zeros(0, np.int32), 0, 0, arguments, scratch)

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
        each_rating = self._pass.for_rating + self._pass.for_negative * self.settings.negatives
        skipped = int(self.tiles.skipped.sum())
        loss = float(self.tiles.losses.sum())
        samples = max(done * each_rating - skipped, 1)
        return PassProgress(done, self.ratings, loss / samples, skipped)

    def _begun(self, number: int, weights: Weights, rates: Rates) -> _SharedEpoch:
        rng = np.random.default_rng((self.settings.seed, number))
        grid = NO_GRID if self._rounds is None else self._rounds.begin(rng)
        if self._rounds is not None and self.settings.order is Order.grid:
            works = [self._sequence(order) for order in self._rounds.orders]
            visited: Callable[[], int] = functools.partial(self._rounds.visited, grid)
        else:
            works, visited = self._shared_works(rng, grid)
        arguments = self._arguments(number, weights, rates, grid)
        return _SharedEpoch(self._pass, arguments, works, visited)

    def _arguments(self, number: int, weights: Weights, rates: Rates, grid: Grid) -> PassArguments:
        """Return what the kernel takes beside (order, begin, end)."""
        settings, proposal = self.settings, self._proposal
        if settings.sampled and len(proposal.bounds) == 2 and not len(proposal.accept):
            # Makes no difference but for the draws, which are those of earlier versions: what is
            # resumed or folded in goes on as it did then, where it is small enough for one strip.
            rng = np.random.default_rng((settings.seed, number + 1, 1))
            proposal = proposal._replace(dealt=deal_items(self.shape[1], rng))
        return PassArguments(
            key=key_of(settings.seed, number),
            objective=self._pass.code,
            negatives=settings.negatives,
            hardest_of=settings.hardest_of,
            # Matrices of up to 4 MB stay in the second-level cache and need no prefetching.
            ahead=8 if sum(array.nbytes for array in weights) > 1 << 22 else 0,
            waits=int(len(grid.first) > 0 and settings.order is Order.grid),
            fixed=int(settings.items_fixed),
            tiles=self.tiles,
            grid=grid,
            seen=self._seen,
            proposal=proposal,
            weights=weights,
            rates=rates,
            shared=self._shared,
        )

    def _sequence(self, order: Array) -> _Work:
        """Make the work of a worker that sees to the tiles of `order`, one after the other."""
        share = max(1, self.ratings // self.settings.workers)
        step = max(1, len(order) * LONG_SLICE // (share * self._pass.slowness))

        def work(epoch: _SharedEpoch) -> Iterator[None]:
            scratch = epoch.compiled.scratch(epoch.arguments)
            position = 0
            while position < len(order) and not epoch.stop:
                until = min(position + step, len(order))
                reached = epoch.compiled.kernel(order, position, until, epoch.arguments, scratch)
                if reached == position:
                    time.sleep(1e-4)  # another worker is late: leave it the core
                position = reached
                yield

        return work

    def _shared_works(
        self, rng: np.random.Generator, grid: Grid
    ) -> tuple[list[_Work], Callable[[], int]]:
        """Make one work for all workers, who take slices from one list of tiles."""
        sizes, workers = self._sizes, self.settings.workers
        if self._rounds is None:
            order = rng.permutation(len(sizes)).astype(np.int32)
        else:  # round by round: turns side by side share no row
            sizes = self._rounds.turn_sizes(grid)
            order = np.arange(sizes.size, dtype=np.int32).reshape(sizes.shape).T.ravel()
            sizes = sizes.ravel()
        # Short enough that workers are mostly in one round, where tiles share no row.
        draws = self.settings.negatives * self.settings.hardest_of
        most = min(max(1, SLICE // draws), self.ratings // (16 * workers))
        slices = itertools.pairwise([0, *cuts(sizes[order], most, 2 * workers)])
        done: deque[int] = deque()  # append() is atomic

        def work(epoch: _SharedEpoch) -> Iterator[None]:
            scratch = epoch.compiled.scratch(epoch.arguments)
            for begin, end in iter(lambda: next(slices, None), None):  # so is next()
                if epoch.stop:
                    return
                epoch.compiled.kernel(order, begin, end, epoch.arguments, scratch)
                done.append(int(sizes[order[begin:end]].sum()))
                yield

        return [work] * workers, lambda: sum(tuple(done))


def _pass_of(settings: Settings) -> Pass:
    if settings.by_user:
        return BY_USER
    if settings.objective not in PASSES:
        raise ValueError(f"there is no compiled pass of objective {settings.objective}")
    return PASSES[settings.objective]


def _to_its_end(work: _Work, epoch: _SharedEpoch) -> None:
    try:
        for _ in work(epoch):
            pass
    except BaseException:
        epoch.stop = True  # the others would wait for this one for ever
        raise
