"""How a model is measured: the candidates, what is left out, and the words that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import EvaluateConfig
from mfcli.data.ids import encode
from mfcli.data.interactions import Interactions
from mfcli.data.rows import CsrRows, rows_from_keys
from mfcli.errors import InputError
from mfcli.evaluation.confidence import LEVEL
from mfcli.evaluation.measuring import Measured
from mfcli.events import OnEvent
from mfcli.ranking.candidates import Pool
from mfcli.sources.reading import read_any


@dataclass(frozen=True, eq=False)
class Given:
    """Candidate lists of a file: CSR rows without doubles, what was counted, and the file."""

    rows: CsrRows
    counts: dict[str, int]
    inputs: list[dict[str, Any]]


def read_candidates(source: str, test: Interactions, on_event: OnEvent) -> Given:
    """Read user and item ids in any format of fetch; raises InputError if no test user has any."""
    read = read_any(source, on_event=on_event, pairs=True, names=False)
    users = encode(read.table.users.values, test.catalog.user_ids)[0][read.table.users.codes]
    items = encode(read.table.items.values, test.catalog.item_ids)[0][read.table.items.codes]
    known = (users >= 0) & (items >= 0)
    keys = np.unique(users[known] * test.n_items + items[known])
    rows = rows_from_keys(keys, test.n_users, test.n_items)
    listed = (np.diff(rows[0]) > 0) & (test.user_counts > 0)
    if not listed.any():
        raise InputError(
            f"{source}: holds no item for any user with a test row: give user and item ids as "
            "they stand in the test set's source"
        )
    counts = {
        "candidate_rows": len(known),
        "candidate_rows_of_unknown_ids": int((~known).sum()),
        "candidate_rows_doubled": int(known.sum()) - len(keys),
        "candidate_rows_that_are_positives": common(keys, test.rows.keys(test.n_items)),
        "users_without_candidates": int((test.user_counts > 0).sum() - listed.sum()),
    }
    return Given(rows, counts, read.digests("candidates"))


def common(a: Any, b: Any) -> int:
    """Return how many keys two ascending arrays without doubles share."""
    return len(np.intersect1d(a, b, assume_unique=True))


def pool_of(seen: CsrRows, test: Interactions, given: Given | None, config: EvaluateConfig) -> Pool:
    """Return the candidates that the options ask for."""
    masked = None if config.include_seen else seen
    rows = None if given is None else given.rows
    return Pool(test.n_items, masked, rows, config.sampled, config.seed)


def sampled_label(config: EvaluateConfig) -> str:
    """Return what stands beside every name of a sampled metric, "" for full ranking."""
    return "" if config.sampled is None else f"sampled {config.sampled}"


def protocol_of(
    config: EvaluateConfig, clip: tuple[float, float] | None, names: list[str]
) -> dict[str, Any]:
    """Return what was done, in words, as it is printed and stored."""
    protocol: dict[str, Any] = {
        "candidates": _candidates(config),
        "masked": "nothing" if config.include_seen else "the items that the user has in train",
        "positives": "every test row of the user; always candidates",
        "averaging": "rmse and mae over test rows; coverage over items; the others over users with "
        "a test row, those who do not define a metric left out of it",
        "ties": "auc: average rank; ranked lists: the item that stands first in the matrix",
        "auc_left_out": "users without a candidate that is no positive",
        "unknown": "users and items without a train row are scored by the terms that are known",
        "intervals": "none"
        if not config.resamples
        else f"{LEVEL:g} % percentile bootstrap over users, {config.resamples} resamples, seed "
        f"{config.seed}; a user's rows are drawn together; none for coverage",
    }
    if config.candidates is not None:
        protocol["left_out"] = "users without a row in the candidate file, from ranking metrics"
    if config.sampled is not None:
        protocol["sampled"] = config.sampled
        protocol["sampled_metrics"] = names
    if clip is not None:
        protocol["clipped_to"] = list(clip)
    return protocol


def _candidates(config: EvaluateConfig) -> str:
    if config.sampled is not None:
        return (
            f"SAMPLED: {config.sampled} random items a user and the positives (seed {config.seed})"
            "; not comparable with metrics over all items"
        )
    if config.candidates is not None:
        return "the user's items of the candidate file, and the positives"
    return "all items"


def counts_of(
    checkpoint: Checkpoint,
    test: Interactions,
    measured: Measured,
    given: Given | None,
    sampled: int | None,
) -> dict[str, int]:
    """Return how many users and rows there are, are unknown, and are left out."""
    unknown_user = checkpoint.user_counts == 0
    unknown_item = checkpoint.item_counts == 0
    counts = {
        "users": test.n_users,
        "items": test.n_items,
        "train_rows": len(checkpoint.seen_indices),
        "test_rows": test.n_ratings,
        "test_rows_unknown_user": int(unknown_user[test.users].sum()),
        "test_rows_unknown_item": int(unknown_item[test.indices].sum()),
        "users_with_test_row": int((test.user_counts > 0).sum()),
        "users_without_test_row": int((test.user_counts == 0).sum()),
    }
    if given is not None:
        counts |= given.counts
        counts["candidate_rows_seen_in_train"] = common(
            given.rows.keys(test.n_items), checkpoint.seen.keys(test.n_items)
        )
    if measured.ranked is not None:
        counts["users_ranked"] = len(measured.ranked.users)
        counts["users_without_auc"] = int(np.isnan(measured.ranked.auc).sum())
        ranked = measured.ranked
        counts["candidates_ranked"] = int(ranked.candidates.sum())
        if sampled is not None:
            short = ranked.candidates - ranked.positives < sampled
            counts["users_with_fewer_sampled"] = int(short.sum())
    return counts
