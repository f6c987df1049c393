"""Nearest vectors: all or some against all, by cosine or dot product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config import Similarity
from mfcli.data.rows import CsrRows
from mfcli.models.arrays import Vectors
from mfcli.ranking.catalogue import Block, BlockScorer, best_items
from mfcli.scoring.lists import Lists


def directed(vectors: NDArray[np.float32], by: Similarity) -> NDArray[np.float32]:
    """Return the vectors (N, F) that dot products compare: of length 1 for cosine."""
    if by is Similarity.dot:
        return vectors
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


def nearest(
    vectors: NDArray[np.float32],
    asked: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    k: int,
    by: Similarity,
    workers: int,
    work: Callable[[Lists], Any],
) -> Iterator[Any]:
    """Yield ``work(lists)`` of blocks of rows ``asked``: the k nearest allowed rows of each.

    No row is its own neighbour; ties go by order. Vectors of length 0 point nowhere: leave them out
    of ``asked`` and ``allowed``.
    """
    of = directed(vectors, by)
    nothing = np.zeros(len(of), np.float32)
    scorer = BlockScorer(Vectors(of, of, nothing, nothing, 0.0), allowed)

    def run(block: Block) -> Any:
        own = CsrRows(np.arange(len(block.users) + 1), block.users)
        items, scores = best_items(block, own, k)
        return work(Lists(block.users, items, scores))

    yield from scorer.blocks(asked, run, workers)
