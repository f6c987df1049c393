"""``mfcli recommend``: model.pt → recommendations.csv."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import (
    atomic_file,
    output_lock,
    real_output,
    refuse_input_as_output,
    seconds_old,
)
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.table import CsvTable
from mfcli.config import RecommendConfig, UnknownUsers
from mfcli.errors import InputError
from mfcli.ranking import Block, Scorer, available_workers, best_items, nothing_seen, rows_of
from mfcli.results import Progress, RecommendResult, Report, Started, Warned, ignore
from mfcli.stages.common import compiling, require_scoring, scoring_of
from mfcli.streams import standard_input, standard_output

PREVIEW_ROWS = 10


@dataclass(frozen=True, eq=False)
class Lists:
    """Ranked lists of a block: users (B,) rows, items (B, k) with −1 for none, scores (B, k)."""

    users: NDArray[np.int64]
    items: NDArray[np.int32]
    scores: NDArray[np.float32]


def recommend(
    model: Path, out: Path | None, config: RecommendConfig, report: Report = ignore
) -> RecommendResult:
    """Write the best k items of each user to ``out``; None stands for standard output.

    Raises InputError (also for an unknown user with ``--unknown-users error``), LockedError.
    """
    began = time.perf_counter()
    if out is None:
        with compiling(report):
            return _recommend(model, standard_output().buffer, "-", config, report, began)
    real_output(out)
    refuse_input_as_output(out, model, config.users)
    with output_lock(out), atomic_file(out) as stream, compiling(report):
        return _recommend(model, stream, str(out), config, report, began)


def _recommend(
    model: Path, stream: IO[bytes], out: str, config: RecommendConfig, report: Report, began: float
) -> RecommendResult:
    require_scoring([model], None, config.workers, 0, report)
    checkpoint = load_checkpoint(model)
    known, strangers = _requested(checkpoint, config)
    counts = checkpoint.user_counts
    unknown = int((counts[known] == 0).sum()) + len(strangers)
    if unknown:
        _meet_unknown(checkpoint, config, known, strangers, report, unknown)
    if config.unknown_users is UnknownUsers.skip:
        known, strangers = known[counts[known] > 0], strangers[:0]
    table = CsvTable(stream, checkpoint.catalog)
    k = min(config.k, checkpoint.n_items)
    popular = _popular(checkpoint, k, config.include_cold)
    report(Started("recommend", len(known), "users"))
    short, users = 0, 0
    preview: list[dict[str, Any]] = []
    for lists in _ranked(checkpoint, model, known, config, k):
        lists = _with_popular(lists, counts, popular)
        table.write(checkpoint.catalog.user_ids[lists.users], lists.items, lists.scores)
        short += int((lists.items < 0).any(axis=1).sum())
        if not preview:
            preview = _preview(checkpoint, lists)
        users += len(lists.users)
        report(Progress(users, len(known)))
    if len(strangers):
        times = len(strangers)
        table.write(strangers, np.tile(popular[0], (times, 1)), np.tile(popular[1], (times, 1)))
    return RecommendResult(
        out, users + len(strangers), table.rows, unknown, short, seconds_old(model),
        time.perf_counter() - began, preview,
    )  # fmt: skip


def _requested(
    checkpoint: Checkpoint, config: RecommendConfig
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return the rows of the users asked for, ascending, and the ids that are not in the matrix."""
    if config.users is None:
        return np.arange(checkpoint.n_users), np.zeros(0, np.str_)
    tokens = list(dict.fromkeys(_tokens(config.users)))
    if tokens and tokens[0] == "user_id":
        tokens = tokens[1:]
    ids = checkpoint.catalog.user_ids
    place = {str(each): at for at, each in enumerate(ids.tolist())}
    rows = np.array([place.get(each, -1) for each in tokens], dtype=np.int64)
    strangers = [each for each, row in zip(tokens, rows.tolist(), strict=True) if row < 0]
    return np.sort(rows[rows >= 0]), np.array(strangers, dtype=np.str_)


def _tokens(source: str) -> Iterator[str]:
    """Yield the ids of a file or of standard input, one a line, blank lines left out."""
    try:
        data = standard_input().read() if source == "-" else Path(source).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{source}: cannot read the users: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{source}: the users are not UTF-8 text") from None
    for line in text.split("\n"):  # an id may hold what splitlines() takes for a line's end
        if line.strip():
            yield line.strip()


def _meet_unknown(
    checkpoint: Checkpoint, config: RecommendConfig, known: NDArray[np.int64],
    strangers: NDArray[np.str_], report: Report, unknown: int,
) -> None:  # fmt: skip
    without = known[checkpoint.user_counts[known] == 0]
    first = strangers[0] if len(strangers) else checkpoint.catalog.user_ids[without[0]]
    what = f"{unknown} users have no rating in train (the first one: {first})"
    if config.unknown_users is UnknownUsers.error:
        raise InputError(f"{what}: leave them out, or choose --unknown-users popular or skip")
    popular = config.unknown_users is UnknownUsers.popular
    does = "get the popular items" if popular else "are left out"
    report(Warned(f"{what}: they {does}"))


def _ranked(
    checkpoint: Checkpoint, model: Path, users: NDArray[np.int64], config: RecommendConfig, k: int
) -> Iterator[Lists]:
    scorer = Scorer(scoring_of(checkpoint, model))
    mask = None if config.include_cold else checkpoint.item_counts > 0

    def work(block: Block) -> Lists:
        if config.include_seen:
            seen = nothing_seen(len(block.users))
        else:
            seen = rows_of(checkpoint.seen_indptr, checkpoint.seen_indices, block.users)
        items, scores = best_items(block, seen, k, mask)
        return Lists(block.users, items, scores + scorer.constant[block.users, None])

    return scorer.blocks(users, work, config.workers or available_workers())


def _popular(
    checkpoint: Checkpoint, k: int, include_cold: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the k items with most ratings in train, ties by item order, and those counts."""
    counts = checkpoint.item_counts
    items = np.argsort(-counts, kind="stable")[:k].astype(np.int32)
    scores = counts[items].astype(np.float32)
    if not include_cold:
        items = np.where(scores > 0, items, -1)
    return items, scores


def _with_popular(
    lists: Lists, counts: NDArray[np.int64],
    popular: tuple[NDArray[np.int32], NDArray[np.float32]],
) -> Lists:  # fmt: skip
    """Give users without a rating the popular items."""
    unknown = counts[lists.users] == 0
    if unknown.any():
        lists.items[unknown], lists.scores[unknown] = popular
    return lists


def _preview(checkpoint: Checkpoint, lists: Lists) -> list[dict[str, Any]]:
    """Return the first rows, as the table for a person shows them."""
    catalog = checkpoint.catalog
    rows: list[dict[str, Any]] = []
    for at, user in enumerate(lists.users[:PREVIEW_ROWS]):
        for rank, item in enumerate(lists.items[at].tolist(), 1):
            if item < 0 or len(rows) == PREVIEW_ROWS:
                break
            row = {
                "user_id": catalog.user_ids[user].item(), "item_id": catalog.item_ids[item].item(),
                "rank": rank, "score": float(lists.scores[at, rank - 1]),
            }  # fmt: skip
            if catalog.item_names is not None:
                row["item_name"] = str(catalog.item_names[item])
            rows.append(row)
    return rows
