"""The weights between items of ease: one inverse of an items × items matrix, by tiles.

G = Xᵀ X + λ I of the matrix X of ones, P = G⁻¹, and the weights are B = −P / diag P, column by
column, with 0 on the diagonal: the minimum of ‖X − X B‖² + λ ‖B‖² among matrices with such a
diagonal (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data").

The inverse is symmetric Gauss-Jordan elimination, which is the sweep operator (Goodnight 1979), a
block of items at a time: it takes n³ operations, as LAPACK's potrf and potri together do, almost
all of them products of tiles that depend on no other. G is kept as the tiles of its lower half
in float64, which is as much memory as the weights themselves. Each product is one thread's, so the
bits do not depend on the number of workers.

Where there are far fewer users than items, K = X Xᵀ + λ I is inverted instead, users × users: by
the identity of Woodbury λ P = I − S with S = Xᵀ K⁻¹ X, so that B_ij = S_ij / (1 − S_jj).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mfcli.data.interactions import Indices, Interactions
from mfcli.errors import DivergedError
from mfcli.events import Progress
from mfcli.kernels import add_rows, count_pairs
from mfcli.models.tables import Tables
from mfcli.training.engines.base import EpochLoss

TILE = 384  # items of a tile: products of this size run at full speed, and half a tile is little
SUM = 30  # operations of a product in the time of adding a number of one row to another
INTERVAL = 0.1  # seconds between reports

Tile = NDArray[np.float64]
Tiles = list[list[Tile]]  # of the lower half: row i holds the tiles of columns 0 to i


class _Rows(NamedTuple):
    """What each user has, or who has each item: CSR rows that ascend, and how many columns."""

    indptr: Indices
    indices: Indices
    columns: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indptr) - 1


# Multiplications of a thread, in blocks and beside other work.
_A_SECOND = 5e10


def inverted_side(n_users: int, n_items: int, n_ratings: int) -> int:
    """Return the width of the matrix that is inverted: the number of items, or of users.

    Users where that takes less time, and with the sums over rows no more memory.
    """
    by_users = n_users**3 + SUM * n_ratings * (n_users + n_items)
    return n_users if by_users < n_items**3 and 2 * n_users**2 <= n_items**2 else n_items


def seconds_about(n_users: int, n_items: int, n_ratings: int, workers: int) -> float:
    """Return about how long ``fill`` takes, on the safe side: what --budget does not begin."""
    side = inverted_side(n_users, n_items, n_ratings)
    return float(side**3 + n_items**2 * (side if side == n_users else 0)) / (_A_SECOND * workers)


@contextlib.contextmanager
def _stoppable(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose waiting tasks are dropped where the work is left."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def fill(
    model: Tables, train: Interactions, regularization: float, workers: int
) -> Iterator[Progress | EpochLoss]:
    """Compute the weights: progress, then the squared error an interaction, over all pairs.

    Raises DivergedError where λ is so small that the matrix has no inverse.
    """
    weights = model.weights["item_weights"]
    users = _Rows(train.indptr, train.indices, train.n_items)
    starts, order = train.by_item()
    items = _Rows(starts, train.users[order], train.n_users)
    width = inverted_side(train.n_users, train.n_items, train.n_ratings)
    loss = 0.0
    with threadpool_limits(1, user_api="blas"), _stoppable(workers) as pool:
        own, other = (items, users) if width == train.n_items else (users, items)
        tiles = _gram(own, other, pool)
        for row in tiles:
            np.einsum("ii->i", row[-1])[:] += regularization
        shown = time.perf_counter()
        for step in range(len(tiles)):
            _sweep(tiles, step, pool)
            if time.perf_counter() - shown >= INTERVAL:
                shown = time.perf_counter()
                yield Progress(train.n_ratings * step // len(tiles), train.n_ratings)
        if own is items:
            loss = _place(tiles, weights, regularization)
        else:
            for part in _place_of_users(tiles, items, weights, regularization, pool):
                loss += part
                if time.perf_counter() - shown >= INTERVAL:
                    shown = time.perf_counter()
                    yield Progress(train.n_ratings, train.n_ratings)
    yield EpochLoss(loss / train.n_ratings)


def _gram(own: _Rows, other: _Rows, pool: ThreadPoolExecutor) -> Tiles:
    """Return how many columns two rows of ``own`` share, exactly, as tiles; ``other``: transposed.

    That is how many users have both of two items, or how many items two users have both.
    """

    def count(first: int) -> list[Tile]:
        last = min(first + TILE, len(own))
        counts = np.zeros((last - first, last))
        count_pairs(own.indptr, own.indices, other.indptr, other.indices, first, last, counts)
        return [counts[:, at : min(at + TILE, last)].copy() for at in range(0, last, TILE)]

    return list(pool.map(count, range(0, len(own), TILE)))


def _sweep(tiles: Tiles, step: int, pool: ThreadPoolExecutor) -> None:
    """Sweep one block of items: A_kk → −A_kk⁻¹, A_ik → A_ik A_kk⁻¹, A_ij → A_ij − A_ik A_kk⁻¹ A_kj.

    When all are swept, −A⁻¹ is left.
    """
    try:
        factor = np.linalg.inv(np.linalg.cholesky(tiles[step][step]))
    except np.linalg.LinAlgError:
        raise DivergedError(
            "the matrix of ease has no inverse: choose a larger --regularization"
        ) from None
    inverse = factor.T @ factor
    others = [at for at in range(len(tiles)) if at != step]
    column = {at: tiles[at][step] if at > step else tiles[step][at].T for at in others}
    scaled = dict(zip(others, pool.map(lambda at: column[at] @ inverse, others), strict=True))
    local = threading.local()

    def take(pair: tuple[int, int]) -> None:
        row, at = pair
        tile = tiles[row][at]
        memory = local.__dict__.setdefault("memory", np.empty(TILE * TILE))
        product = memory[: tile.size].reshape(tile.shape)
        np.matmul(scaled[row], column[at].T, out=product)
        np.subtract(tile, product, out=tile)

    for _ in pool.map(take, [(row, at) for row in others for at in others if at <= row]):
        pass
    for at in others:
        if at > step:
            tiles[at][step] = scaled[at]
        else:
            tiles[step][at] = np.ascontiguousarray(scaled[at].T)
    tiles[step][step] = -inverse


def _place(tiles: Tiles, weights: NDArray[np.float32], regularization: float) -> float:
    """Write the weights of −P in tiles, and return ‖X − X B‖²: without the penalty, as elsewhere.

    The minimum of an item's column, its penalty included, is 1 / P_jj − λ.
    """
    spread = -np.concatenate([np.einsum("ii->i", row[-1]) for row in tiles])  # diag P, (I,)
    loss = float((1.0 / spread - regularization).sum())
    cuts = range(0, len(spread), TILE)
    for row, low in enumerate(cuts):
        rows = slice(low, low + TILE)
        np.einsum("ii->i", tiles[row][row])[:] = 0.0
        for column, left in enumerate(cuts[: row + 1]):
            columns = slice(left, left + TILE)
            sides = [(rows, columns, tiles[row][column])]
            if row != column:
                sides.append((columns, rows, tiles[row][column].T))
            for above, beside, tile in sides:
                found = tile / spread[beside]
                loss -= regularization * float(np.einsum("ij,ij->", found, found))
                weights[above, beside] = found
    return loss


def _place_of_users(
    tiles: Tiles,
    items: _Rows,
    weights: NDArray[np.float32],
    regularization: float,
    pool: ThreadPoolExecutor,
) -> Iterator[float]:
    """Write the weights of −K⁻¹ in tiles, a strip of columns at a time; ‖X − X B‖² in parts."""
    inverse = np.empty((items.columns, items.columns))
    while tiles:  # each is let go as soon as it is copied
        row = tiles.pop()
        low = len(tiles) * TILE
        for column, tile in enumerate(row):
            left = column * TILE
            inverse[low : low + len(tile), left : left + tile.shape[1]] = -tile
            inverse[left : left + tile.shape[1], low : low + len(tile)] = -tile.T
        row.clear()

    def strip(first: int) -> float:
        last = min(first + TILE, len(items))
        shares = np.zeros((last - first, items.columns))
        add_rows(items.indptr, items.indices, first, last, inverse, shares)  # (K⁻¹ X)ᵀ
        found = np.zeros((len(items), last - first))  # of S
        table = np.ascontiguousarray(shares.T)
        add_rows(items.indptr, items.indices, 0, len(items), table, found)
        own = np.einsum("ii->i", found[first:last])
        spread = 1.0 - own  # λ diag P
        own[:] = 0.0
        found /= spread
        weights[:, first:last] = found
        squares = float(np.einsum("ij,ij->", found, found))
        return regularization * (float((1.0 / spread - 1.0).sum()) - squares)

    yield from pool.map(strip, range(0, len(items), TILE))
