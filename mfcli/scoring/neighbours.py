"""The nearest items of items, or users of users.

Vectors are compared by cosine or dot product. ease has no vectors: the weight B_ij of item i in the
score of item j stands for the dot product, and for the cosine ±√(B_ij B_ji), which is the partial
correlation of the two items, given all others (B is a precision matrix over its diagonal).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.tables import CodedCells, Column
from mfcli.artifacts.tables.table import Cells
from mfcli.config import SimilarConfig, Similarity
from mfcli.data.interactions import Ids
from mfcli.data.rows import CsrRows
from mfcli.errors import UsageError
from mfcli.events import OnEvent, ignore
from mfcli.models.arrays import CatalogueScores, ScoreArrays, Vectors
from mfcli.models.item_weights import ItemWeights
from mfcli.models.loading import scoring_of, vectors_of
from mfcli.ranking.catalogue import Block, BlockScorer, best_items
from mfcli.scoring.ids import CatalogIndex
from mfcli.scoring.lists import RankedLists, Ranker, shown_names
from mfcli.scoring.request import NO_FILTERS, Filters, allowed_items
from mfcli.system.processors import available_workers


class Side(NamedTuple):
    """What is compared: the users or the items of a model."""

    word: str  # user or item
    nearness: CatalogueScores  # of N rows to N rows
    there: NDArray[np.bool_]  # (N,), which of them are near to anything
    ids: Ids  # (N,)
    names: Ids | None  # (N,)


class NeighbourRanker(Ranker):
    """Ranks the allowed rows by nearness to each row asked for; none is its own neighbour.

    Vectors of length 0 point nowhere: they have no neighbours, and are nobody's; nor are items
    without a weight. Ties go by order.
    """

    def __init__(
        self,
        side: Side,
        config: SimilarConfig,
        asked: NDArray[np.int64],
        allowed: NDArray[np.bool_],
    ) -> None:
        """Lay the side out; ``asked`` (M,) ascending rows, ``allowed`` (N,) bool."""
        self.side = side
        self._names = shown_names(side.names, config.names, len(side.ids))
        self.rows = asked[side.there[asked]]
        self.k = min(config.k, len(side.ids))
        self.workers = config.workers or available_workers()
        self.scorer = BlockScorer(side.nearness, allowed & side.there)

    def columns(self) -> list[Column]:
        """Return the columns of a table of neighbours."""
        word, ids, names = self.side.word, self.side.ids, self._names
        columns = [
            Column.of(f"{word}_id", ids),
            Column.of("similar_id", ids),
            Column("rank", pa.int32()),
            Column("score", pa.float32()),
        ]
        if names is not None:
            columns += [Column.of(f"{word}_name", names), Column.of("similar_name", names)]
        return columns

    def cells(self, lists: RankedLists) -> list[Cells]:
        """Return the cells of a table of neighbours."""
        there = lists.items >= 0
        row, place = np.nonzero(there)
        asked, found = lists.rows[row], lists.items[there]
        ids, names = self.side.ids, self._names
        cells = [CodedCells(asked, ids), CodedCells(found, ids), place + 1, lists.scores[there]]
        if names is not None:
            cells += [CodedCells(asked, names), CodedCells(found, names)]
        return cells

    def rank(self, block: Block) -> RankedLists:
        """Return the nearest rows of a block's rows."""
        own = CsrRows(np.arange(len(block.users) + 1), block.users)  # each row masks itself
        items, scores = best_items(block, own, self.k)
        return RankedLists(block.users, items, scores)


def directed(vectors: NDArray[np.float32], by: Similarity) -> NDArray[np.float32]:
    """Return the vectors (N, F) that dot products compare: of length 1 for cosine."""
    if by is Similarity.dot:
        return vectors
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


class WeightedItems(NamedTuple):
    """The items of ease beside each other, (I, I), as the scores of a catalogue."""

    weights: NDArray[np.float32]
    by: Similarity

    @property
    def shape(self) -> tuple[int, int]:
        """Number of items, twice."""
        return len(self.weights), len(self.weights)

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that compares a range of items with all items."""

        def block(first: int, last: int) -> NDArray[np.float32]:
            found = self.weights[first:last].copy()
            if self.by is Similarity.cosine:
                product = found * self.weights[:, first:last].T
                found = np.copysign(np.sqrt(np.abs(product)), found)
            if allowed is not None:
                found[:, ~allowed] = -np.inf
            return found

        return block

    def constant(self) -> NDArray[np.float32]:
        """Return zeros: nothing is left out, (I,)."""
        return np.zeros(len(self.weights), np.float32)


def side_of(
    checkpoint: Checkpoint, scoring: ScoreArrays, config: SimilarConfig, path: Path | str
) -> Side:
    """Return the users of a model, or its items; raises UsageError where they cannot be compared.

    ``path`` is what messages call the model.
    """
    catalog = checkpoint.catalog
    if isinstance(scoring, ItemWeights):
        if config.users:
            raise UsageError(
                f"{path}: ease knows its users by what they have and compares items only: leave "
                "out --users, or train --model mf or biased-mf"
            )
        there = np.asarray(scoring.weights.any(axis=1))
        nearness = WeightedItems(scoring.weights, config.by)
        return Side("item", nearness, there, catalog.item_ids, catalog.item_names)
    found = vectors_of(checkpoint, scoring, path, "similar")
    own = found.users if config.users else found.items
    there = np.einsum("nf,nf->n", own, own) > 0
    compared, nothing = directed(own, config.by), np.zeros(len(own), np.float32)
    vectors = Vectors(compared, compared, nothing, nothing, 0.0)
    if config.users:
        return Side("user", vectors, there, catalog.user_ids, None)
    return Side("item", vectors, there, catalog.item_ids, catalog.item_names)


def make_neighbour_ranker(
    checkpoint: Checkpoint,
    side: Side,
    config: SimilarConfig,
    *,
    asked: NDArray[np.int64] | None = None,
    filters: Filters = NO_FILTERS,
    index: CatalogIndex | None = None,
    on_event: OnEvent = ignore,
) -> NeighbourRanker:
    """Return what ranks the neighbours of rows ``asked`` (M,) of a side, ascending; None for all.

    Of ``config``, what names files is not looked at; filters are of items, and count for these
    only.
    """
    if config.users:
        known = checkpoint.user_counts > 0
        allowed = np.ones(len(known), bool) if config.include_cold else known
    else:
        allowed = allowed_items(
            checkpoint, filters, include_cold=config.include_cold, index=index, on_event=on_event
        )
    asked = np.arange(len(side.ids)) if asked is None else asked
    return NeighbourRanker(side, config, asked, allowed)


def nearest(
    checkpoint: Checkpoint,
    config: SimilarConfig | None = None,
    *,
    of: Sequence[Any] | Ids | None = None,
    filters: Filters = NO_FILTERS,
) -> tuple[NeighbourRanker, RankedLists]:
    """Return the k nearest of the items, or users, of ids ``of``; None for all.

    ``NeighbourRanker.table(lists)`` gives their ids. An id that the model does not know, or whose
    vector has length 0, gets no list. Raises UsageError for a model whose score is not a product of
    vectors.
    """
    config = SimilarConfig() if config is None else config
    side = side_of(checkpoint, scoring_of(checkpoint), config, "the model")
    asked = None
    index = CatalogIndex(checkpoint.catalog)
    if of is not None:
        found = (index.users if config.users else index.items).rows(of)
        asked = np.unique(found[found >= 0])
    ranker = make_neighbour_ranker(
        checkpoint, side, config, asked=asked, filters=filters, index=index
    )
    return ranker, ranker.rank_all()
