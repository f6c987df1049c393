"""The history that recommend folds in: interactions of users, as a table or a matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.config import FetchConfig
from mfcli.data.building import from_rows
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.models.loading import Loaded, scoring_of
from mfcli.results import Noted, OnEvent, Warned, quietly
from mfcli.sources.locate import locate
from mfcli.sources.readers import read_table
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import fold_in


def with_history(
    loaded: Loaded, model: Path, source: str, workers: int | None, on_event: OnEvent
) -> tuple[Loaded, NDArray[np.int64], list[dict[str, str]]]:
    """Return the model with the users of a history folded in, their rows, and role and SHA-256s.

    Raises InputError for a history that cannot be read or that holds no item of the model.
    """
    history, inputs = read_history(source, on_event)
    folded = fold_in(loaded.checkpoint, history, workers or available_workers())
    if not len(folded.users):
        raise InputError(
            f"{source}: holds no item that the model knows: give ids as they stand in the "
            "source of its training data"
        )
    if folded.unknown_rows:
        on_event(
            Warned(
                f"{source}: {folded.unknown_items} items are not in the model: their "
                f"{folded.unknown_rows} rows are left out"
            )
        )
    grown = len(folded.users) - folded.new_users
    on_event(Noted(f"folded in {folded.new_users} new users, and {grown} that the model knows"))
    checkpoint = folded.checkpoint
    return Loaded(checkpoint, scoring_of(checkpoint, model)), folded.users, inputs


def read_history(source: str, on_event: OnEvent) -> tuple[Interactions, list[dict[str, str]]]:
    """Read an .npz of fetch or split, or any table that fetch reads; the last of doubles counts."""
    if source.endswith(".npz"):
        path = Path(source)
        return load_interactions(path), [{"role": "history", "sha256": file_sha256(path)}]
    with locate(source, FetchConfig(), quietly(on_event)) as located:
        table, _ = read_table(located.data, FetchConfig(), quietly(on_event))
        inputs = [{"role": "history", "sha256": file_sha256(path)} for _, path in located.files]
        return from_rows(table.rows({}))[0], inputs
