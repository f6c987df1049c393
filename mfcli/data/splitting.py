"""Splits in memory: interactions → train, test and valid. A function of the options and the seed.

split_interactions, split_folds, complete_split: whole splits, filtered and checked
cut, cut_folds, with_validation: the cuts alone; join_parts: back together
held_out, validation, fold_numbers, known_rows: which rows, as masks
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.config import SplitConfig, Strategy
from mfcli.config.split import parse_time
from mfcli.data.building import RawRows, from_codes
from mfcli.data.drawing import random_rank, random_stream, recency_rank, times_of
from mfcli.data.filtering import apply_threshold, filter_counts
from mfcli.data.held_out_users import cut_users
from mfcli.data.ids import encode, name_items
from mfcli.data.interactions import Catalog, Ids, Interactions
from mfcli.data.times import shown_span, shown_time
from mfcli.data.windows import cut_windows
from mfcli.errors import InputError
from mfcli.events import OnEvent, ignore
from mfcli.wording import counted

Mask = NDArray[np.bool_]
# "train", "test" and, where it was asked for, "valid": of one shape, with the ids of the input.
# Of held-out users, "history" and "valid-history" too.
Parts = dict[str, Interactions]


def split_interactions(
    interactions: Interactions, config: SplitConfig, on_event: OnEvent = ignore
) -> Parts:
    """Filter ``interactions`` and split them by ``config.chosen``, which is not ``given``.

    The parts are disjoint and keep the shape, the ids and the meta of the input. Raises InputError
    where the data cannot be split so: nothing is left by the filters, no times, an empty part.
    """
    parts = cut(_filtered(interactions, config), config, on_event)
    return _checked(_without_unknown(parts, config), config)


def split_folds(interactions: Interactions, config: SplitConfig) -> dict[str, Parts]:
    """Filter ``interactions`` and cut them into ``config.folds`` folds: "fold1", … → its parts.

    Each row is in the test part of exactly one fold; of windows of time, one at the most. Raises
    InputError as split_interactions does.
    """
    folds = cut_folds(_filtered(interactions, config), config)
    return {
        name: _checked(_without_unknown(parts, config), config) for name, parts in folds.items()
    }


def complete_split(train: Interactions, test: Interactions, config: SplitConfig) -> Parts:
    """Apply the options of ``given`` to a published split: filters, validation, unknown rows.

    Users and items are counted over both parts. Raises InputError where a part becomes empty.
    """
    train, test = _with_minimum_counts(train, test, config)
    parts = with_validation(train, test, config)
    return _checked(_without_unknown(parts, config), config)


def cut(interactions: Interactions, config: SplitConfig, on_event: OnEvent = ignore) -> Parts:
    """Cut ``interactions`` into parts, neither filtered nor checked."""
    if config.chosen is Strategy.users:
        return cut_users(interactions, config, on_event)
    test = held_out(interactions, config, (config.seed, 0))
    return with_validation(interactions.keep(~test), interactions.keep(test), config)


def with_validation(train: Interactions, test: Interactions, config: SplitConfig) -> Parts:
    """Take the validation rows that ``config.valid`` asks for out of ``train``."""
    if not config.valid:
        return {"train": train, "test": test}
    mask = validation(train, config, (config.seed, 1), test.n_ratings)
    return {"train": train.keep(~mask), "test": test, "valid": train.keep(mask)}


def cut_folds(interactions: Interactions, config: SplitConfig) -> dict[str, Parts]:
    """Cut ``interactions`` into K folds, neither filtered nor checked.

    With ``config.valid``, the next fold validates; of windows of time, the latest train rows.
    """
    assert config.folds is not None
    if config.chosen is Strategy.latest:
        return cut_windows(interactions, config)
    number = fold_numbers(interactions.n_ratings, config.folds, (config.seed, 0))
    folds: dict[str, Parts] = {}
    for fold in range(config.folds):
        test = number == fold
        valid = number == (fold + 1) % config.folds
        parts = {"test": interactions.keep(test)}
        if config.valid:
            parts |= {"train": interactions.keep(~test & ~valid), "valid": interactions.keep(valid)}
        else:
            parts["train"] = interactions.keep(~test)
        folds[f"fold{fold + 1}"] = parts
    return folds


def join_parts(parts: Sequence[Interactions]) -> Interactions:
    """Return the rows of disjoint parts of one split together; shape and ids stay the same."""
    times = [part.timestamps for part in parts if part.timestamps is not None]
    joined, _ = from_codes(
        np.concatenate([part.users for part in parts]),
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.data for part in parts]),
        np.concatenate(times) if len(times) == len(parts) else None,
        parts[0].catalog,
    )
    return joined


def join_catalogs(train: RawRows, test: RawRows) -> Catalog:
    """Return one catalogue over the users and items of both tables, in sorted order."""
    items = _union(train.items, test.items)
    names = train.item_names | test.item_names
    return Catalog(_union(train.users, test.users), items, name_items(items, names))


def _union(first: Ids, second: Ids) -> Ids:
    """Return the different ids of both, sorted; as text unless both are integers."""
    if first.dtype.kind != second.dtype.kind:
        first, second = first.astype(np.str_), second.astype(np.str_)
    ids: Any = np.concatenate([first, second])
    return encode(ids)[1]


def _filtered(interactions: Interactions, config: SplitConfig) -> Interactions:
    """Apply the filters; unlike in fetch, users and items keep their place in the matrix."""
    if config.threshold is not None:
        interactions = apply_threshold(interactions, config.threshold)
    if config.min_user_ratings or config.min_item_ratings:
        interactions = filter_counts(interactions, config.min_user_ratings, config.min_item_ratings)
    if not interactions.n_ratings:
        raise InputError("no rating is left to split")
    return interactions


def _with_minimum_counts(
    train: Interactions, test: Interactions, config: SplitConfig
) -> tuple[Interactions, Interactions]:
    """Drop users and items with too few ratings in both parts together."""
    if not (config.min_user_ratings or config.min_item_ratings):
        return train, test
    users = np.concatenate([train.users, test.users])
    items = np.concatenate([train.indices, test.indices])
    both, _ = from_codes(users, items, None, None, train.catalog)
    kept = filter_counts(both, config.min_user_ratings, config.min_item_ratings)
    # Filtering took whole users and items, so their rows are those whose user and item are left.
    return train.keep(known_rows(train, kept)), test.keep(known_rows(test, kept))


def _without_unknown(parts: Parts, config: SplitConfig) -> Parts:
    """Drop the rows that ``config.drop_unknown`` asks to drop."""
    if not config.drop_unknown or config.chosen is Strategy.users:  # which has done it
        return parts
    train = parts["train"]
    return {
        name: part if part is train else part.keep(known_rows(part, train))
        for name, part in parts.items()
    }


def _checked(parts: Parts, config: SplitConfig) -> Parts:
    """Return the parts; raises InputError where one is empty."""
    for name, part in parts.items():
        if not part.n_ratings:
            raise InputError(
                f"the split would leave {name} without a rating: {_mend(parts, config)}"
            )
    return parts


def _mend(parts: Parts, config: SplitConfig) -> str:
    if config.chosen is Strategy.leave_n_out and not config.folds:
        return f"no user has more than {counted(config.n or 0, 'rating')}: choose a smaller --n"
    if config.windows:
        return "take fewer --folds, or a smaller --test-fraction"
    if config.cutoff is not None:
        return f"{_cutoff_among_times(parts, config.cutoff)}: choose another --cutoff"
    return "choose other split options"


def _cutoff_among_times(parts: Parts, cutoff: str) -> str:
    """Return what a cutoff was read as, and from when to when there are rows."""
    spans = [part.timestamps for part in parts.values() if part.n_ratings]
    times = np.concatenate([span for span in spans if span is not None])
    return (
        f"--cutoff {cutoff} is {shown_time(parse_time(cutoff))}, and the times run from "
        f"{shown_span(int(times.min()), int(times.max()))}"
    )


def held_out(interactions: Interactions, config: SplitConfig, seed: tuple[int, int]) -> Mask:
    """Return the (N,) mask of the rows that ``config.chosen`` puts to test.

    Raises InputError where the data cannot be split so (no times, no user with enough ratings).
    """
    return _STRATEGIES[config.chosen](interactions, config, random_stream(seed))


def _leave_n_out(rows: Interactions, config: SplitConfig, random: np.random.RandomState) -> Mask:
    return _take(rows, random_rank(rows, random), config.n or 0)


def _latest(rows: Interactions, config: SplitConfig, _: np.random.RandomState) -> Mask:
    times = times_of(rows)
    if config.cutoff is not None:
        return times >= parse_time(config.cutoff)
    return _take(rows, recency_rank(rows, times), config.n or 0)


def _fraction(rows: Interactions, config: SplitConfig, random: np.random.RandomState) -> Mask:
    if not config.per_user:
        return _beyond(random, rows, config.test_fraction or 0.0)
    counts = rows.user_counts
    # At least one row of every user stays, so that the user is known to train.
    wanted = np.floor(counts * (config.test_fraction or 0.0) + 0.5).astype(np.int64)
    wanted = np.minimum(wanted, np.maximum(counts - 1, 0))
    return random_rank(rows, random) < wanted[rows.users]


# A new strategy is one entry here, beside its name in config.split.Strategy.
_STRATEGIES: dict[Strategy, Callable[[Interactions, SplitConfig, np.random.RandomState], Mask]] = {
    Strategy.leave_n_out: _leave_n_out,
    Strategy.latest: _latest,
    Strategy.fraction: _fraction,
    Strategy.given: _fraction,  # the files give the test rows; only validation rows are drawn
}


def validation(
    interactions: Interactions, config: SplitConfig, seed: tuple[int, int], n_test: int
) -> Mask:
    """Return the mask of validation rows among the rows of train, by the strategy of the test.

    Where the strategy cannot be repeated on what it left, its nearest kin is used: after a
    ``--cutoff``, the ``n_test`` latest rows; for ``given``, a random ``--test-fraction``.
    """
    if config.chosen is Strategy.latest and config.cutoff is not None:
        mask = np.zeros(interactions.n_ratings, dtype=bool)
        order = np.argsort(times_of(interactions), kind="stable")
        mask[order[max(0, len(order) - n_test) :]] = True
        return mask
    return held_out(interactions, config, seed)


def fold_numbers(n_ratings: int, folds: int, seed: tuple[int, int]) -> NDArray[np.int64]:
    """Return the fold 0..K−1 of every row, (N,): random, sizes equal but for one row."""
    return random_stream(seed).permutation(n_ratings) % folds


def _beyond(random: np.random.RandomState, rows: Interactions, fraction: float) -> Mask:
    """Mask each row with probability ``fraction``: those whose draw is at least 1 − fraction.

    That is how notebooks write it (train where rand() < 0.8), so that on rows which stand in the
    order of the matrix a published split of that kind comes out to the row.
    """
    return random.random_sample(rows.n_ratings) >= 1.0 - fraction


def known_rows(rows: Interactions, train: Interactions) -> Mask:
    """Return the mask of the rows whose user and item both have a row in train."""
    users = train.user_counts > 0
    items = train.item_counts > 0
    return users[rows.users] & items[rows.indices]


def _take(interactions: Interactions, rank: NDArray[np.int64], n: int) -> Mask:
    """Mask the rows of rank below ``n`` of every user with more than ``n`` rows."""
    return (rank < n) & (interactions.user_counts > n)[interactions.users]
