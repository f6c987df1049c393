"""Blocks of users against the whole catalogue: one matrix product, then the best k of each row.

Users lie on one absolute grid of blocks. A product's last bits depend on the rows beside it, so a
user is always scored in its own block, whoever asks, for how many users and with how many threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mfcli.data.rows import CsrRows
from mfcli.kernels import topk_block
from mfcli.models.arrays import CatalogueScores

BLOCK_USERS = 256
BLOCK_SCORES = 1 << 24  # 64 MiB of float32 a thread, however large the catalogue

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of users that share a block of the grid.

    users:  (B,) rows of the matrix, ascending; at: (B,) their places in the request.
    scores: (B, I) float32, fresh memory, constant terms of a user left out; −inf where an item is
            not allowed.
    """

    users: NDArray[np.int64]
    at: NDArray[np.int64]
    scores: NDArray[np.float32]


def block_rows_of(n_items: int) -> int:
    """Return the users of a block of the grid, which depends on the catalogue's size alone."""
    rows = max(1, min(BLOCK_USERS, BLOCK_SCORES // max(1, n_items)))
    return 1 << (rows.bit_length() - 1)


class BlockScorer:
    """Scores whole catalogues for users on the grid of blocks."""

    def __init__(self, scoring: CatalogueScores, allowed: NDArray[np.bool_] | None = None) -> None:
        """Lay the model out for scoring; ``allowed`` (I,) says which items may be recommended."""
        self.n_users, self.n_items = scoring.shape
        self.score = scoring.catalogue(allowed)
        self.constant = scoring.constant()  # (U,)
        self.block_rows = block_rows_of(self.n_items)

    def blocks(
        self, users: NDArray[np.int64], work: Callable[[Block], Made], workers: int
    ) -> Iterator[Made]:
        """Yield ``work(block)`` for the blocks that hold ``users``, in the grid's order.

        ``users`` may come in any order; each result is yielded as soon as those before it are
        done, and at most two blocks a thread are held in memory.
        """
        order = np.argsort(users, kind="stable")
        number = users[order] // self.block_rows
        cuts = np.flatnonzero(np.diff(number)) + 1
        groups = [group for group in np.split(order, cuts) if len(group)]

        def run(at: NDArray[np.int64]) -> Made:
            return work(self._block(users[at], at))

        # One thread a product: the threads are over blocks, and more of them change no bit.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
            yield from _in_order(pool, run, groups, 2 * workers)

    def _block(self, users: NDArray[np.int64], at: NDArray[np.int64]) -> Block:
        first = int(users[0]) // self.block_rows * self.block_rows
        last = min(first + self.block_rows, self.n_users)
        scores = self.score(first, last)
        if len(users) != last - first or (np.diff(users) != 1).any():
            scores = scores[users - first]
        return Block(users, at, scores)


def _in_order(
    pool: ThreadPoolExecutor,
    run: Callable[[NDArray[np.int64]], Made],
    groups: list[NDArray[np.int64]],
    ahead: int,
) -> Iterator[Made]:
    waiting: deque[Future[Made]] = deque()
    try:
        for group in groups:
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
            waiting.append(pool.submit(run, group))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def best_items(
    block: Block, seen: CsrRows, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the best k items of each row and their scores, both (B, k), best first.

    ``seen`` holds the CSR rows of the block's users, whose scores become −inf; ties go by item
    order, and rows with fewer than k items end in −1.
    """
    items = np.empty((len(block.users), k), np.int32)
    scores = np.empty((len(block.users), k), np.float32)
    topk_block(block.scores, *seen, k, items, scores)
    return items, scores
