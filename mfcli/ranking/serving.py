"""The scores that lists are made of: what recommend serves, and what evaluate measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.data.rows import CsrRows
from mfcli.models.arrays import CatalogueScores
from mfcli.ranking.catalogue import Block, BlockScorer
from mfcli.ranking.shrinkage import ranked_scores


@dataclass(frozen=True, eq=False, kw_only=True)
class Trained:
    """What lists need to know of train beside the scores.

    seen: CSR rows of what each user has. item_counts: (I,) ratings of each item. shrinkage: κ of
    ``ranked_scores``; 0 ranks by the scores as they are.
    """

    seen: CsrRows
    item_counts: NDArray[np.int64]
    shrinkage: float = 0.0

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Trained:
        """Read it off a checkpoint."""
        return cls(
            seen=checkpoint.seen,
            item_counts=checkpoint.item_counts,
            shrinkage=checkpoint.rank_shrinkage,
        )


class ListScorer(BlockScorer):
    """Scores catalogues for lists: shrunk by count, and the popular items for unknown users.

    A user without a row in train has no scores of its own. It gets the popular items, whose score
    is their number of ratings.
    """

    def __init__(
        self,
        scores: CatalogueScores,
        trained: Trained,
        allowed: NDArray[np.bool_] | None = None,
    ) -> None:
        """Lay the model out; ``allowed`` (I,) says which items may be recommended."""
        super().__init__(ranked_scores(scores, trained.item_counts, trained.shrinkage), allowed)
        popular = trained.item_counts.astype(np.float32)
        if allowed is not None:
            popular[~allowed] = -np.inf
        self.popular = popular  # (I,)
        self.unknown = trained.seen.lengths == 0  # (U,)
        self.constant = np.where(self.unknown, 0, self.constant).astype(np.float32)

    def _block(self, users: NDArray[np.int64], at: NDArray[np.int64]) -> Block:
        block = super()._block(users, at)
        block.scores[self.unknown[users]] = self.popular
        return block
