"""What lists of a rating model are ranked by: predictions, shrunk where few ratings speak for them.

A prediction of an item with two ratings is as likely far too high as far too low, and the top of a
list collects those that are too high. So an item's part of a prediction, what sets it apart from
the mean prediction r̄_u of the user, keeps n/(n + κ) of itself, where the item has n ratings in
train: r̄_u + n/(n + κ) · (r̂_ui − r̄_u). That is how a mean is shrunk under a normal prior, where κ
is the variance of a rating's noise over that of the items (Efron & Morris 1975; the damped mean of
Funk 2006). r̄_u is the mean prediction over the rows of train, Σ n_i r̂_ui / Σ n_i.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mfcli.models.arrays import CatalogueScores, Vectors


def ranked_scores(
    scores: CatalogueScores, item_counts: NDArray[np.int64], shrinkage: float
) -> CatalogueScores:
    """Return what ranks: the scores themselves where ``shrinkage`` (κ) is 0.

    item_counts: (I,) ratings of each item in train; an item without any gets the user's mean.
    """
    if not shrinkage or not item_counts.any():
        return scores
    if isinstance(scores, Vectors):
        return ranked_vectors(scores, item_counts, shrinkage)
    return ShrunkScores(scores, *_shares(item_counts, shrinkage))


def ranked_vectors(vectors: Vectors, item_counts: NDArray[np.int64], shrinkage: float) -> Vectors:
    """Return what ranks of a dot product: other vectors and biases of items, so the same cost."""
    if not shrinkage or not item_counts.any():
        return vectors
    kept, weights = _shares(item_counts, shrinkage)
    # einsum, which adds up in one order whatever the number of threads.
    center = np.einsum("i,if->f", weights, vectors.items).astype(np.float32)
    bias = np.float32(np.einsum("i,i->", weights, vectors.item_bias))
    items = vectors.items - center
    items *= kept[:, None]
    items += center
    return vectors._replace(items=items, item_bias=bias + kept * (vectors.item_bias - bias))


def _shares(
    item_counts: NDArray[np.int64], shrinkage: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return n/(n + κ) of each item, (I,), and its weight in a user's mean prediction, (I,)."""
    counts = item_counts.astype(np.float64)
    return (counts / (counts + shrinkage)).astype(np.float32), counts / counts.sum()


class ShrunkScores:
    """Any scores with the items' part shrunk, a block of whole catalogues at a time."""

    def __init__(
        self, scores: CatalogueScores, kept: NDArray[np.float32], weights: NDArray[np.float64]
    ) -> None:
        """Take the share that each item keeps (I,), and its weight in a user's mean (I,)."""
        self.scores, self.kept, self.weights = scores, kept, weights.astype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and of items."""
        return self.scores.shape

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that scores a range of users against all items."""
        score = self.scores.catalogue()
        barred = None if allowed is None else np.where(allowed, 0, -np.inf).astype(np.float32)

        def block(first: int, last: int) -> NDArray[np.float32]:
            scores = score(first, last)  # (B, I)
            mean = np.einsum("bi,i->b", scores, self.weights)[:, None]
            scores -= mean
            scores *= self.kept
            scores += mean if barred is None else mean + barred
            return scores

        return block

    def constant(self) -> NDArray[np.float32]:
        """Return what ``catalogue`` leaves out, (U,)."""
        return self.scores.constant()
