"""Users held out whole: what a model knows of a newcomer is a part of its rows, the history.

The protocol of Liang et al. (2018), "Variational autoencoders for collaborative filtering": train
has the other users only; of a held-out user some rows are folded in, and the rest is tested.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mfcli.config import SplitConfig
from mfcli.config.split import HISTORIES
from mfcli.data.drawing import random_stream
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, ignore
from mfcli.wording import counted

FEWEST = 2  # rows of a user who can be held out: one to fold in, one to test


def cut_users(
    rows: Interactions, config: SplitConfig, on_event: OnEvent = ignore
) -> dict[str, Interactions]:
    """Cut rows into "train", "history" and "test", with ``config.valid`` the same for validation.

    Users with one row stay in train. Users are drawn, and their rows divided, as in the published
    code: on ids in ascending order its seed gives the same users, and the same rows of those who
    have at least five. With ``config.drop_unknown`` rows of items that train lacks are dropped
    before that, and users who then have one row or none as well. Raises InputError where there are
    too few users.
    """
    drawn = draw_users(rows, config)
    held = np.zeros(rows.n_users, bool)
    held[np.concatenate(list(drawn.values()))] = True
    train = rows.keep(~held[rows.users])
    lone = int((rows.user_counts == 1).sum())
    if lone:
        on_event(
            Noted(f"{counted(lone, 'user has', 'users have')} one row only, which stays in train")
        )
    if not rows.n_ratings:
        return {"train": train} | {
            name: train for test, history in HISTORIES.items() for name in (history, test)
        }
    wanted = held[rows.users]
    unknown = wanted & (train.item_counts == 0)[rows.indices]
    if unknown.any():
        items = len(np.unique(rows.indices[unknown]))
        rows_are = ("row of a held-out user is", "rows of held-out users are")
        what = f"{counted(int(unknown.sum()), *rows_are)} of {counted(items, 'item')}"
        on_event(Noted(f"{what} that no user of train has: {_fate(config)}"))
    if config.drop_unknown:
        wanted &= ~unknown
        left = rows.keep(wanted).user_counts
        few = held & (left < FEWEST)
        wanted &= ~few[rows.users]
        if few.any():
            on_event(
                Noted(
                    f"{counted(int(few.sum()), 'held-out user has', 'held-out users have')} one "
                    "row or none left, so they are dropped"
                )
            )
    parts = {"train": train}
    for name, users in drawn.items():
        chosen = np.zeros(rows.n_users, bool)
        chosen[users] = True
        own = rows.keep(wanted & chosen[rows.users])
        test = rows_to_test(own.user_counts, config.fold_in or 0.0, config.seed)
        parts |= {HISTORIES[name]: own.keep(~test), name: own.keep(test)}
    return parts


def _fate(config: SplitConfig) -> str:
    if config.drop_unknown:
        return "dropped"
    return "they are kept, and no model can list them (--drop-unknown drops them)"


def draw_users(rows: Interactions, config: SplitConfig) -> dict[str, NDArray[np.int64]]:
    """Return the rows of the matrix that are held out: "test" and, where asked for, "valid"."""
    counts = rows.user_counts
    present, able = int((counts > 0).sum()), np.flatnonzero(counts >= FEWEST)
    wanted = {"test": number_of(config.test_users, present)}
    if config.valid_users is not None:
        wanted["valid"] = number_of(config.valid_users, present)
    total = sum(wanted.values())
    if present and 0 in wanted.values():
        raise InputError(
            f"a share of {counted(present, 'user')} that rounds to nobody: give a larger "
            "--test-users or --valid-users"
        )
    if present and (total > len(able) or total >= present):
        raise InputError(
            f"{counted(total, 'user')} to hold out, and there are {present:,}, {len(able):,} of "
            "them with "
            f"{FEWEST} rows or more; train needs one at least: give a smaller --test-users"
            + (" or --valid-users" if config.valid_users is not None else "")
        )
    order = able[random_stream((config.seed, 0)).permutation(len(able))]
    # From the end: the test users are the same with and without validation.
    drawn, end = {}, len(order)
    for name, number in wanted.items():
        drawn[name] = np.sort(order[end - number : end])
        end -= number
    return drawn


def number_of(asked: float | None, users: int) -> int:
    """Return how many users a number, or a share below 1, stands for."""
    asked = asked or 0.0
    return math.floor(asked * users + 0.5) if asked < 1 else int(asked)


def rows_to_test(counts: NDArray[np.int64], fold_in: float, seed: int) -> NDArray[np.bool_]:
    """Return which rows of users with so many each (U,) are tested, (N,).

    The rest is ``fold_in`` of a user's rows, rounded up, and of those with two rows or more at
    least one is on either side.
    """
    # Rounded first: 0.8 · 5 is 4, whatever its last bit says.
    kept = np.ceil(np.round(counts * fold_in, 9)).astype(np.int64)
    least = np.minimum(counts, 1)
    numbers = counts - np.clip(kept, least, np.maximum(counts - 1, least))
    random = random_stream((seed, 0))
    test = np.zeros(int(counts.sum()), bool)
    begin = 0
    for count, number in zip(counts.tolist(), numbers.tolist(), strict=True):
        if count:
            test[begin + random.permutation(count)[:number]] = True
        begin += count
    return test
