"""Interactions as a notebook holds them: read from anything, saved as an ``.npz`` of mfcli."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mfcli.artifacts import load_interactions, output_lock, save_interactions
from mfcli.artifacts.matrix import write_interactions
from mfcli.artifacts.meta import to_json
from mfcli.data.interactions import Interactions
from mfcli.wording import counted


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Interactions):
    """Users × items interactions with their ids: what ``read`` and ``split`` return.

    Beside the arrays of ``Interactions`` (``indptr``, ``indices``, ``data``, ``timestamps``,
    ``catalog``, ``meta``; ``csr()`` for SciPy) it can be saved and shown as a table.
    """

    @classmethod
    def of(cls, interactions: Interactions) -> Dataset:
        """Return the same interactions as a Dataset, on the same memory."""
        if isinstance(interactions, cls):
            return interactions
        parts = {part.name: getattr(interactions, part.name) for part in fields(Interactions)}
        return cls(**parts).with_meta(interactions.meta)

    def with_meta(self, meta: dict[str, Any]) -> Dataset:
        """Return the same interactions with other meta, as a file would give it back.

        What is made of them then has the same bytes, whether they were in a file or not.
        """
        return dataclasses.replace(self, meta=json.loads(to_json(meta)))

    @classmethod
    def load(cls, path: str | Path) -> Dataset:
        """Read an ``.npz`` that mfcli wrote; raises InputError for anything else."""
        return cls.of(load_interactions(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the ``.npz`` that ``mfcli fetch`` or ``mfcli split`` writes for these interactions.

        Whole or not at all, under the lock of ``path``; an earlier file stays if this fails.
        Raises LockedError where another run holds the lock, OSError where the disk refuses.
        """
        with output_lock(Path(path)):
            save_interactions(Path(path), self)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file that ``save`` writes."""
        stream = io.BytesIO()
        write_interactions(stream, self)
        return hashlib.sha256(stream.getbuffer()).hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """Return a row an interaction: user_id, item_id, rating, and timestamp where there is one.

        In the matrix's order: by user, then by item.
        """
        columns: dict[str, Any] = {
            "user_id": self.catalog.user_ids[self.users],
            "item_id": self.catalog.item_ids[self.indices],
            "rating": self.data,
        }
        if self.timestamps is not None:
            columns["timestamp"] = self.timestamps
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        low, high = (self.data.min(), self.data.max()) if self.n_ratings else (np.nan, np.nan)
        return (
            f"Dataset({counted(self.n_users, 'user')} × {counted(self.n_items, 'item')}, "
            f"{counted(self.n_ratings, 'rating')} from {low:g} to {high:g})"
        )
