"""How a model is measured: the candidates, what is left out, and the words that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import EvaluateConfig, UnknownUsers
from mfcli.config.metrics import is_rating_metric
from mfcli.data.interactions import Interactions
from mfcli.data.rows import CsrRows, rows_from_keys
from mfcli.errors import InputError
from mfcli.evaluation.confidence import LEVEL
from mfcli.evaluation.groups import WARM_ROWS
from mfcli.evaluation.measuring import Measured
from mfcli.ranking.candidates import Pool
from mfcli.wording import counted


@dataclass(frozen=True, eq=False)
class Given:
    """Candidate lists that the user gave: CSR rows without doubles, and what was counted."""

    rows: CsrRows
    counts: dict[str, int]


def collect_candidates(
    users: NDArray[np.int64], items: NDArray[np.int64], test: Interactions, source: str
) -> Given:
    """Collect candidate lists from pairs of rows and columns of the matrix, both (R,).

    −1 is an id that the matrix does not know: such pairs are left out and counted. ``source`` is
    what messages call the pairs. Raises InputError if no user with a test row has a candidate.
    """
    known = (users >= 0) & (items >= 0)
    keys = np.unique(users[known] * test.n_items + items[known])
    rows = rows_from_keys(keys, test.n_users, test.n_items)
    listed = (rows.lengths > 0) & (test.user_counts > 0)
    if not listed.any():
        raise InputError(
            f"{source}: holds no item for any user with a test row: give user and item ids as "
            "they stand in the test set's source"
        )
    counts = {
        "candidate_rows": len(known),
        "candidate_rows_of_unknown_ids": int((~known).sum()),
        "candidate_rows_doubled": int(known.sum()) - len(keys),
        "candidate_rows_that_are_positives": _count_common(keys, test.rows.keys(test.n_items)),
        "users_without_candidates": int((test.user_counts > 0).sum() - listed.sum()),
    }
    return Given(rows, counts)


def _count_common(keys: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """Return how many keys two ascending arrays without doubles share."""
    return len(np.intersect1d(keys, others, assume_unique=True))


def choose_pool(
    checkpoint: Checkpoint,
    given: Given | None,
    config: EvaluateConfig,
    items: NDArray[np.bool_] | None = None,
) -> Pool:
    """Return the candidates that the options ask for: cold items are those that recommend omits.

    items: (I,) whether the model has an item at all; None: it has all.
    """
    seen, counts = checkpoint.seen, checkpoint.item_counts
    allowed = np.ones(checkpoint.n_items, np.bool_) if items is None else items
    if config.exclude_cold:
        allowed = allowed & (counts > 0)
    return Pool(
        checkpoint.n_items,
        seen=None if config.include_seen else seen,
        given=None if given is None else given.rows,
        sampled=config.sampled,
        seed=config.seed,
        allowed=None if allowed.all() else allowed,
        served=seen.lengths > 0 if config.unknown_users is UnknownUsers.skip else None,
    )


def check_users(checkpoint: Checkpoint, test: Interactions, config: EvaluateConfig) -> None:
    """Raise InputError for unknown users with a test row where the options refuse them."""
    unknown = np.flatnonzero((checkpoint.user_counts == 0) & (test.user_counts > 0))
    if len(unknown) and config.unknown_users is UnknownUsers.error:
        users = counted(len(unknown), "user with a test row has", "users with a test row have")
        raise InputError(
            f"{users} no rating in train (the first one: "
            f"{test.catalog.user_ids[unknown[0]]}): choose --unknown-users popular or skip"
        )


def sampled_label(config: EvaluateConfig) -> str:
    """Return what stands beside every name of a sampled metric, "" for full ranking."""
    return "" if config.sampled is None else f"sampled {config.sampled}"


# How users without a row in train are ranked.
_UNKNOWN = {
    UnknownUsers.popular: "users without a train row get the popular items",
    UnknownUsers.skip: "users without a train row are left out of ranking metrics",
    UnknownUsers.error: "there are no users without a train row",
}


def describe_protocol(
    config: EvaluateConfig,
    clip: tuple[float, float] | None,
    names: list[str],
    given: Given | None,
    *,
    folded: bool = False,
    later: bool = False,
) -> dict[str, Any]:
    """Return how the metrics ``names`` were measured, in words, as it is printed and stored.

    folded: whether users were folded in from a history. later: whether the rows are of later data.
    """
    known = "in train or in the history" if folded else "in train"
    protocol: dict[str, Any] = {
        "candidates": _describe_candidates(config, given),
        "masked": "nothing" if config.include_seen else f"the items that the user has {known}",
        "positives": _describe_positives(config),
        "averaging": "rmse and mae over test rows; coverage over items; the others over users with "
        "a test row, those who do not define a metric left out of it",
        "ties": "auc: average rank; ranked lists: the item that stands first in the matrix",
        "auc_left_out": "users without a candidate that is no positive",
        "unknown": _UNKNOWN[config.unknown_users] + "; ratings of users and items without a train "
        "row are predicted by the terms that are known",
        "user_groups": f"known: a row {known}; warm: 1 to {WARM_ROWS} of them; cold: none",
        "intervals": "none"
        if not config.resamples
        else f"{LEVEL:g} % percentile bootstrap over users, {config.resamples} resamples, seed "
        f"{config.seed}; a user's rows are drawn together; none for coverage",
    }
    if folded:
        protocol["history"] = (
            "users with a test row and a history are folded in from it: solved for against the "
            "items as train left them, in place of what train knows of them"
        )
        protocol["unknown"] = protocol["unknown"].replace("a train row", "a row in either", 1)
    if later:
        protocol["later"] = _LATER
    if config.since is not None:
        protocol["since"] = config.since
    if given is not None:
        protocol["left_out"] = "users without a row in the candidate file, from ranking metrics"
    if config.sampled is not None:
        protocol["sampled"] = config.sampled
        protocol["sampled_metrics"] = [name for name in names if not is_rating_metric(name)]
    if config.relevant_from is not None:
        protocol["relevant_from"] = config.relevant_from
    if clip is not None:
        protocol["clipped_to"] = list(clip)
    return protocol


# Of rows that are no part of a split.
_LATER = (
    "ids are matched by value; rows that are in a model's train are left out; users whom the model "
    "does not have are as those without a train row; items that it does not have are no "
    "candidates, so test rows of them are missed"
)


def _describe_positives(config: EvaluateConfig) -> str:
    always = "those of items without a train row are missed" * config.exclude_cold
    always = always or "always candidates"
    if config.relevant_from is None:
        return f"every test row of the user; {always}"
    return (
        f"test rows of the user rated {config.relevant_from:g} or more, {always}; the "
        "others are no positives; users without one are left out of ranking metrics; rmse and mae "
        "are over all test rows"
    )


def _describe_candidates(config: EvaluateConfig, given: Given | None) -> str:
    if config.sampled is not None:
        return (
            f"SAMPLED: {config.sampled} random items a user and the positives (seed {config.seed})"
            "; not comparable with metrics over all items"
        )
    if given is not None:
        return "the user's items of the candidate file, and the positives"
    return "items with a train row" if config.exclude_cold else "all items"


def count_rows(
    checkpoint: Checkpoint,
    test: Interactions,
    measured: Measured,
    given: Given | None,
    config: EvaluateConfig,
) -> dict[str, int]:
    """Return how many users and rows there are, are unknown, and are left out."""
    unknown_user = checkpoint.user_counts == 0
    unknown_item = checkpoint.item_counts == 0
    counts = {
        "users": test.n_users,
        "items": test.n_items,
        "train_rows": int(checkpoint.item_counts.sum()),
        "test_rows": test.n_ratings,
        "test_rows_unknown_user": int(unknown_user[test.users].sum()),
        "test_rows_unknown_item": int(unknown_item[test.indices].sum()),
        "users_with_test_row": int((test.user_counts > 0).sum()),
        "users_without_test_row": int((test.user_counts == 0).sum()),
    }
    if given is not None:
        counts |= given.counts
        counts["candidate_rows_seen_in_train"] = _count_common(
            given.rows.keys(test.n_items), checkpoint.seen.keys(test.n_items)
        )
    if config.relevant_from is not None:
        relevant = test.keep(test.data >= np.float32(config.relevant_from))
        counts["test_rows_relevant"] = relevant.n_ratings
        without = (test.user_counts > 0) & (relevant.user_counts == 0)
        counts["users_without_relevant_row"] = int(without.sum())
    if measured.ranked is not None:
        ranked = measured.ranked
        counts["users_ranked"] = len(ranked.users)
        counts["users_without_auc"] = int(np.isnan(ranked.auc).sum())
        counts["candidates_ranked"] = int(ranked.candidates.sum())
        if config.sampled is not None:
            short = ranked.candidates - ranked.positives < config.sampled
            counts["users_with_fewer_sampled"] = int(short.sum())
    return counts
