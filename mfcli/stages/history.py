"""The history that recommend folds in: interactions of users, as a table or a matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import load_interactions
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import FetchConfig, RecommendConfig
from mfcli.errors import InputError
from mfcli.foldin import fold_in
from mfcli.interactions import Interactions, from_rows
from mfcli.ranking import available_workers
from mfcli.results import Noted, Report, Warned
from mfcli.stages.common import model_of
from mfcli.stages.fetch import read_rows


def with_history(
    checkpoint: Checkpoint, model: Path, config: RecommendConfig, report: Report
) -> tuple[Checkpoint, NDArray[np.int64] | None]:
    """Return the checkpoint with the users of --history folded in, and their rows; or as it is.

    Raises InputError for a history that cannot be read or that holds no item of the model.
    """
    if config.history is None:
        return checkpoint, None
    history = read_history(config.history, report)
    model_of(checkpoint, model)  # refuses a damaged one with its name
    folded = fold_in(checkpoint, history, config.workers or available_workers())
    if not len(folded.users):
        raise InputError(
            f"{config.history}: holds no item that the model knows: give ids as they stand in the "
            "source of its training data"
        )
    if folded.unknown_rows:
        report(
            Warned(
                f"{config.history}: {folded.unknown_items} items are not in the model: their "
                f"{folded.unknown_rows} rows are left out"
            )
        )
    grown = len(folded.users) - folded.new_users
    report(Noted(f"folded in {folded.new_users} new users, and {grown} that the model knows"))
    return folded.checkpoint, folded.users


def read_history(source: str, report: Report) -> Interactions:
    """Read an .npz of fetch or split, or any table that fetch reads; the last of doubles counts."""
    if source.endswith(".npz"):
        return load_interactions(Path(source))
    rows, _ = read_rows(source, FetchConfig(), report)
    return from_rows(rows)[0]
