"""A trained model: lists, neighbours, predictions, and users who came later."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mfcli.api.listening import listening
from mfcli.api.reading import read
from mfcli.artifacts import output_lock
from mfcli.artifacts.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
    write_checkpoint,
)
from mfcli.artifacts.meta import are_rated
from mfcli.config import RecommendConfig, SimilarConfig
from mfcli.data.interactions import Ids, Interactions
from mfcli.errors import InputError, UsageError
from mfcli.scoring.ids import IdPairs
from mfcli.scoring.neighbours import nearest
from mfcli.scoring.pairs import score_pairs
from mfcli.scoring.recommender import make_recommender
from mfcli.scoring.request import Filters
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import fold_in
from mfcli.training.guards import check_rated
from mfcli.wording import counted

AnyIds = Iterable[Any]


class Model:
    """A trained model with the ids, the names and what each user has in train.

    Made by ``fit`` or ``load``. ``checkpoint`` holds its parts: options, weights, catalog, history.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint; ``fit`` and ``load`` do."""
        self.checkpoint = checkpoint

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a ``model.pt``; raises InputError for anything that is not one, whole."""
        return cls(load_checkpoint(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write ``model.pt``, whole or not at all, under its lock; every command reads it.

        The bytes are those of ``mfcli train`` with the same data, options and seed. Raises
        LockedError where another run holds the lock, OSError where the disk refuses.
        """
        with output_lock(Path(path)):
            save_checkpoint(Path(path), self.checkpoint)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file that ``save`` writes."""
        stream = io.BytesIO()
        write_checkpoint(stream, self.checkpoint)
        return hashlib.sha256(stream.getbuffer()).hexdigest()

    @property
    def options(self) -> dict[str, Any]:
        """The options of train, those that the data decided among them."""
        return dict(self.checkpoint.options)

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: epoch, stage, learning_rate, train_loss, valid_loss, then metrics."""
        epochs = [{**epoch, **epoch["metrics"]} for epoch in self.checkpoint.history]
        return pd.DataFrame(epochs).drop(columns="metrics", errors="ignore")

    @property
    def user_ids(self) -> Ids:
        """The ids of the users, (U,), in the order of the matrix."""
        return self.checkpoint.catalog.user_ids

    @property
    def item_ids(self) -> Ids:
        """The ids of the items, (I,), in the order of the matrix."""
        return self.checkpoint.catalog.item_ids

    def recommend(
        self,
        users: AnyIds | None = None,
        k: int = 10,
        *,
        items: AnyIds | None = None,
        exclude_items: AnyIds | None = None,
        exclude: Any = None,
        seen: Any = None,
        include_seen: bool = False,
        include_cold: bool = False,
        unknown_users: str = "popular",
        min_score: float | None = None,
        workers: int | None = None,
        ignore: Iterable[str] = (),
    ) -> pd.DataFrame:
        """Return the best items of users: user_id, item_id, rank, score, item_name where known.

        users:         ids; None for all. They come back in the order of the matrix.
        k:             items a user; fewer where fewer qualify.
        items, exclude_items: ids of the only items, or of items not to recommend.
        exclude, seen: pairs not to recommend: a list of (user, item), or anything ``read`` takes.
        include_seen, include_cold, unknown_users ("popular", "skip", "error"), min_score, workers:
        as for ``mfcli recommend``. ignore: codes of warnings not to give.

        >>> model.recommend(users=[1, 2], k=3)

        Raises InputError for unknown users with ``unknown_users="error"``, UsageError for values
        out of range.
        """
        config = RecommendConfig.merge(
            (
                "",
                _given(
                    k=k,
                    include_seen=include_seen,
                    include_cold=include_cold,
                    unknown_users=unknown_users,
                    min_score=min_score,
                    workers=workers,
                    ignore=list(ignore),
                ),
            )
        )
        filters = Filters(
            items=_listed(items),
            exclude_items=_listed(exclude_items),
            exclude=_pairs(exclude),
            seen=_pairs(seen),
        )
        with listening(False, config.ignore) as on_event:
            recommender = make_recommender(
                self.checkpoint, config, users=_distinct(users), filters=filters, on_event=on_event
            )
            return pd.DataFrame(recommender.table(recommender.rank_all()))

    def similar(
        self,
        items: AnyIds | None = None,
        users: AnyIds | None = None,
        k: int = 10,
        *,
        by: str = "cosine",
        include_cold: bool = False,
        workers: int | None = None,
    ) -> pd.DataFrame:
        """Return the nearest items of items: item_id, similar_id, rank, score, and names.

        items: ids; None for all. users: ids of users instead, for the nearest users. by: "cosine"
        or "dot". An id without a vector (unknown, or without a rating in train) gets no rows.

        >>> model.similar(items=[50], k=5)

        Raises UsageError for a model whose score is not a product of vectors.
        """
        if items is not None and users is not None:
            raise UsageError("similar: give items or users, not both")
        config = SimilarConfig.merge(
            (
                "",
                _given(
                    k=k,
                    by=by,
                    include_cold=include_cold,
                    workers=workers,
                    users=users is not None,
                ),
            )
        )
        ranker, lists = nearest(
            self.checkpoint, config, of=_listed(items if users is None else users)
        )
        return pd.DataFrame(ranker.table(lists))

    def predict(self, pairs: Any) -> NDArray[np.float32]:
        """Return the scores of pairs, (N,), in their order: predicted ratings of an mse model.

        pairs: a DataFrame whose first columns are user and item ids, an (N, 2) array, or a
        sequence of (user, item). What train does not know adds nothing but the mean bias.

        >>> model.predict([(1, 50), (2, 50)])
        """
        users, items = _id_columns(pairs)
        return score_pairs(self.checkpoint, users, items).scores

    def fold_in(self, history: Any, workers: int | None = None) -> Model:
        """Return a model that also knows the users of a history, solved for without training.

        history: interactions of new users, or of known ones anew: anything ``read`` takes. What the
        model knew of these users is replaced; nothing else changes. A model that predicts ratings
        needs one in each row; a model of likes takes every row as one.

        >>> model.fold_in({"user": [9001], "item": [50], "rating": [5]}).recommend(users=[9001])

        Raises UsageError for a model that has no such users, InputError for a history of which the
        model knows no item, and for one without ratings where the model predicts them.
        """
        rows = history if isinstance(history, Interactions) else read(history)
        check_rated(self.checkpoint, are_rated(rows.meta), "the history")
        folded = fold_in(self.checkpoint, rows, workers or available_workers())
        if not len(folded.users):
            raise InputError("fold_in: the history holds no item that the model knows")
        return Model(folded.checkpoint)

    def __repr__(self) -> str:
        """Return kind and size."""
        options = self.checkpoint.options
        kinds = [options.get(name) for name in ("model", "objective", "engine")]
        return (
            f"Model({' · '.join(str(kind) for kind in kinds if kind)}, "
            f"{counted(len(self.user_ids), 'user')} × {counted(len(self.item_ids), 'item')})"
        )


def load(path: str | Path) -> Model:
    """Read a ``model.pt``; raises InputError for anything that is not one, whole."""
    return Model.load(path)


def _given(**options: Any) -> dict[str, Any]:
    """Leave out what is not given."""
    return {name: value for name, value in options.items() if value is not None}


def _listed(ids: AnyIds | None) -> Sequence[Any] | Ids | None:
    if ids is None or isinstance(ids, np.ndarray):
        return ids
    if isinstance(ids, str | bytes):
        raise UsageError(f"give a list of ids, not the text {ids!r}")
    return list(ids)


def _distinct(ids: AnyIds | None) -> Sequence[Any] | None:
    """Return ids in their order, each once."""
    listed = _listed(ids)
    if listed is None:
        return None
    return list(dict.fromkeys(listed.tolist() if isinstance(listed, np.ndarray) else listed))


def _id_columns(pairs: Any) -> tuple[Ids, Ids]:
    """Return the users (N,) and items (N,) of pairs: two columns, or a sequence of pairs."""
    if isinstance(pairs, pd.DataFrame):
        return pairs.iloc[:, 0].to_numpy(), pairs.iloc[:, 1].to_numpy()
    rows = [tuple(pair) for pair in pairs]
    if any(len(row) != 2 for row in rows):
        raise InputError("each pair should be a user and an item")
    return (
        np.array([user for user, _ in rows], dtype=object),
        np.array([item for _, item in rows], dtype=object),
    )


def _pairs(source: Any) -> IdPairs | None:
    """Return pairs to leave out: a list of (user, item), or anything ``read`` takes."""
    if source is None:
        return None
    if isinstance(source, list):
        return IdPairs.of_ids(*_id_columns(source))
    return IdPairs.of(read(source))
