"""Held-out users and windows of time: what goes where, whatever the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mfcli.config import SplitConfig
from mfcli.data.held_out_users import cut_users, number_of, rows_to_test
from mfcli.data.interactions import Interactions
from mfcli.data.splitting import Parts, cut_folds, split_folds, split_interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted
from tests.helpers import any_interactions, entries, from_triples, interactions, pairs

seeds = st.integers(0, 2**32 - 1)
COUNTS = {"test_users": 2, "valid_users": 1}
SHARES = {"test_users": 0.4, "valid_users": 0.2}


def users_config(**options: Any) -> SplitConfig:
    return SplitConfig.merge(("", {"strategy": "users", **options}))


def windows(**options: Any) -> SplitConfig:
    return SplitConfig.merge(("", {"strategy": "latest", **options}))


def users_of(part: Interactions) -> set[int]:
    return set(part.users.tolist())


def cut_or_refuse(matrix: Interactions, config: SplitConfig) -> Parts:
    """Cut, and pass over data with too few users."""
    try:
        return cut_users(matrix, config)
    except InputError:
        assume(False)
        raise


class TestUsers:
    @pytest.mark.parametrize("asked", [COUNTS, SHARES], ids=["counts", "shares"])
    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.floats(0.01, 0.99), seeds)
    def test_parts_are_the_whole_and_no_held_out_user_is_in_train(
        self, asked: dict[str, Any], matrix: Interactions, fold_in: float, seed: int
    ) -> None:
        config = users_config(**asked, fold_in=fold_in, seed=seed)
        parts = cut_or_refuse(matrix, config)
        assert list(parts) == ["train", "history", "test", "valid-history", "valid"]
        together = [entry for part in parts.values() for entry in entries(part)]
        assert sorted(together, key=lambda each: each[:2]) == entries(matrix)
        assert users_of(parts["history"]) == users_of(parts["test"])
        assert users_of(parts["valid-history"]) == users_of(parts["valid"])
        sides = [users_of(parts[name]) for name in ("train", "test", "valid")]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert all(part.catalog is matrix.catalog for part in parts.values())
        if asked is COUNTS and matrix.n_ratings:
            assert [len(side) for side in sides[1:]] == [2, 1]

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.integers(0, 60), max_size=20), st.floats(0.01, 0.99), seeds)
    def test_the_share_that_is_folded_in_is_rounded_up_within_one_row_of_each_side(
        self, counts: list[int], fold_in: float, seed: int
    ) -> None:
        test = rows_to_test(np.array(counts, np.int64), fold_in, seed)
        rows = np.repeat(np.arange(len(counts)), counts)
        tested = np.bincount(rows[test], minlength=len(counts)).tolist()
        for count, held in zip(counts, tested, strict=True):
            if count < 2:
                assert held == 0
                continue
            assert 1 <= held <= count - 1
            assert held in (1, count - 1) or abs(count - held - count * fold_in) < 1 + 1e-6

    @pytest.mark.parametrize(
        ("count", "held"), [(2, 1), (4, 1), (5, 1), (9, 1), (10, 2), (100, 20)]
    )
    def test_four_fifths_are_folded_in(self, count: int, held: int) -> None:
        assert rows_to_test(np.array([count]), 0.8, 3).sum() == held

    def test_it_is_the_published_split_to_the_row(self) -> None:
        """Users and rows are drawn as in the code of Liang et al., with its seed."""
        matrix = interactions(60, 40, 0.4, 4)
        matrix = matrix.keep((matrix.user_counts >= 10)[matrix.users])
        parts = cut_users(
            matrix, users_config(test_users=9, valid_users=9, seed=98765, drop_unknown=True)
        )
        known = np.flatnonzero(matrix.user_counts)
        np.random.seed(98765)
        order = known[np.random.permutation(len(known))]
        train, valid, test = order[:-18], order[-18:-9], order[-9:]
        assert users_of(parts["train"]) == set(train.tolist())
        seen = set(matrix.indices[np.isin(matrix.users, train)].tolist())
        for name, users in (("test", test), ("valid", valid)):
            np.random.seed(98765)
            held: set[tuple[int, int]] = set()
            for user in sorted(users.tolist()):
                own = [int(item) for item in matrix.rows.of(user) if int(item) in seen]
                places = np.random.choice(len(own), size=int(0.2 * len(own)), replace=False)
                held |= {(user, own[place]) for place in places.tolist()}
            assert pairs(parts[name]) == held

    def test_validation_leaves_the_test_set_as_it_is_without(self) -> None:
        matrix = interactions(40, 30, 0.3, 1)
        without = cut_users(matrix, users_config(test_users=7))
        beside = cut_users(matrix, users_config(test_users=7, valid_users=5))
        for name in ("history", "test"):
            assert pairs(without[name]) == pairs(beside[name])

    def test_a_seed_repeats_the_split_and_another_gives_another(self) -> None:
        matrix = interactions(40, 30, 0.3, 1)
        found = [pairs(cut_users(matrix, users_config(seed=seed))["test"]) for seed in (5, 5, 6)]
        assert found[0] == found[1] != found[2]

    def test_users_of_one_row_stay_in_train_and_are_counted(self) -> None:
        rows = [(user, item, 1.0) for user in range(6) for item in range(1 if user < 3 else 3)]
        events: list[Any] = []
        parts = cut_users(from_triples(rows, 6, 3), users_config(test_users=3), events.append)
        assert users_of(parts["train"]) == {0, 1, 2}
        notes = [event.message for event in events if isinstance(event, Noted)]
        assert notes[0] == "3 users have one row only, which stays in train"

    @pytest.mark.parametrize("drop", [False, True])
    def test_items_that_train_lacks_are_counted_and_kept_unless_they_are_to_be_dropped(
        self, drop: bool
    ) -> None:
        # Only users 0 and 1 can be held out; user 1 has no item of train but one.
        rows = [(0, 0, 1.0), (0, 1, 1.0), (0, 2, 1.0), (1, 0, 1.0), (1, 3, 1.0)]
        rows += [(user, item, 1.0) for user, item in ((2, 0), (3, 1))]
        events: list[Any] = []
        config = users_config(test_users=2, drop_unknown=drop)
        parts = cut_users(from_triples(rows, 4, 4), config, events.append)
        kept = pairs(parts["history"]) | pairs(parts["test"])
        notes = " ".join(event.message for event in events if isinstance(event, Noted))
        assert "2 rows of held-out users are of 2 items that no user of train has" in notes
        if drop:
            assert kept == {(0, 0), (0, 1)}
            assert "1 held-out user has one row or none left" in notes
        else:
            assert len(kept) == 5
            assert "no model can list them" in notes

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"test_users": 10}, "10 users to hold out, and there are 10, 10 of them with 2 rows"),
            ({"test_users": 5, "valid_users": 5}, "smaller --test-users or --valid-users"),
            ({"test_users": 0.04}, "a share of 10 users that rounds to nobody"),
        ],
    )
    def test_too_many_users_or_none_are_refused(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            split_interactions(interactions(10, 8, 0.9, 1), users_config(**options))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"test_users": 2.5}, "neither a number of users nor a share below 1"),
            ({"test_users": 0}, "below its minimum"),
            ({"fold_in": 1.0}, "--fold-in 1.0 is above its maximum"),
            ({"n": 3}, "--n has no meaning with --strategy users"),
            ({"folds": 3}, "--folds is a strategy of its own"),
            ({"strategy": "leave-n-out", "valid_users": 3}, "--valid-users has no meaning with"),
        ],
    )
    def test_options_that_mean_nothing_are_refused(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            users_config(**options)

    def test_numbers_and_shares(self) -> None:
        assert [number_of(asked, 30) for asked in (0.1, 0.5, 1, 7, 0.99)] == [3, 15, 1, 7, 30]
        assert users_config(valid=True, test_users=5).valid_users == 5
        assert users_config(valid_users=5).valid


class TestWindows:
    @pytest.mark.parametrize("valid", [False, True])
    @settings(deadline=None, max_examples=60)
    @given(any_interactions(times=True, max_users=6), st.integers(2, 4))
    def test_each_window_trains_on_what_is_older_than_it_tests(
        self, valid: bool, matrix: Interactions, folds: int
    ) -> None:
        try:
            found = cut_folds(matrix, windows(folds=folds, valid=valid))
        except InputError:
            assume(False)
            raise
        assert list(found) == [f"fold{number}" for number in range(1, folds + 1)]
        before: set[tuple[int, int]] = set()
        for parts in found.values():
            train, test = pairs(parts["train"]), pairs(parts["test"])
            train |= pairs(parts["valid"]) if valid else set()
            assert not before or train == before
            before = train | test
            if not test:
                continue
            oldest = min(t for *_, t in entries(parts["test"]))
            rest = [t for u, i, _, t in entries(matrix) if (u, i) in train]
            assert all(t < oldest for t in rest)
        assert before == pairs(matrix)  # the last one ends at the end

    def test_slices_have_the_share_that_is_asked_for(self) -> None:
        rows = [(user, item, 1.0) for user in range(10) for item in range(10)]
        matrix = from_triples(rows, 10, 10, times=range(100))
        found = split_folds(matrix, windows(folds=3, test_fraction=0.1))
        sizes = [(parts["train"].n_ratings, parts["test"].n_ratings) for parts in found.values()]
        assert sizes == [(70, 10), (80, 10), (90, 10)]
        found = split_folds(matrix, windows(folds=3, valid=True))
        assert [parts["valid"].n_ratings for parts in found.values()] == [20, 20, 20]
        found = split_folds(matrix, windows(folds=2, cutoff="60"))
        assert [parts["test"].n_ratings for parts in found.values()] == [20, 20]

    @pytest.mark.parametrize(
        ("times", "options", "message"),
        [
            ([1] * 6 + [2] * 6, {"folds": 2}, "2 different times are too few"),
            (range(12), {"folds": 2, "cutoff": "40"}, "the times run from 0 to 11"),
            (range(12), {"folds": 2, "cutoff": "0"}, "choose another --cutoff"),
            (None, {"folds": 2}, "needs times, and the matrix has none"),
        ],
    )
    def test_what_cannot_be_cut_is_refused(
        self, times: Any, options: dict[str, Any], message: str
    ) -> None:
        rows = [(user, item, 1.0) for user in range(4) for item in range(3)]
        with pytest.raises(InputError, match=message):
            split_folds(from_triples(rows, 4, 3, times=times), windows(**options))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"folds": 5, "test_fraction": 0.2}, "leave nothing older to train on"),
            ({"folds": 5, "n": 3}, "--n has no meaning with --strategy latest --folds"),
            ({"folds": 5, "cutoff": "9", "test_fraction": 0.1}, "--test-fraction has no meaning"),
        ],
    )
    def test_options_that_mean_nothing_are_refused(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            windows(**options)
