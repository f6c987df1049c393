"""Splits: what holds for every strategy, and what each one promises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import SplitConfig
from mfcli.config.split import parse_time
from mfcli.data.interactions import Interactions
from mfcli.data.splitting import (
    Parts,
    cut,
    cut_folds,
    fold_numbers,
    held_out,
    known_rows,
    validation,
    with_validation,
)
from mfcli.errors import InputError, UsageError
from tests.helpers import any_interactions, entries, from_triples, interactions, pairs

# Every strategy that cuts one matrix, with each of its options.
CONFIGS: dict[str, dict[str, Any]] = {
    "leave-n-out": {"n": 2},
    "leave-1-out": {"n": 1},
    "fraction": {"strategy": "fraction", "test_fraction": 0.3},
    "fraction per user": {"strategy": "fraction", "test_fraction": 0.3, "per_user": True},
    "latest n": {"strategy": "latest", "n": 2},
    "latest cutoff": {"strategy": "latest", "cutoff": "2"},
    "folds": {"folds": 3},
}
names = pytest.mark.parametrize("name", CONFIGS)
valid_or_not = pytest.mark.parametrize("valid", [False, True])
seeds = st.integers(0, 2**32 - 1)


def config_of(name: str, **more: Any) -> SplitConfig:
    return SplitConfig.merge(("", {**CONFIGS[name], **more}))


def parts_of(matrix: Interactions, config: SplitConfig) -> list[Parts]:
    """Return the parts of each folder that the stage would write."""
    if config.folds:
        return list(cut_folds(matrix, config).values())
    return [cut(matrix, config)]


class TestEveryStrategy:
    @valid_or_not
    @names
    @settings(deadline=None, max_examples=25)
    @given(any_interactions(times=True), seeds)
    def test_parts_are_disjoint_and_together_the_input(
        self, name: str, valid: bool, matrix: Interactions, seed: int
    ) -> None:
        for parts in parts_of(matrix, config_of(name, valid=valid, seed=seed)):
            assert set(parts) == {"train", "test", "valid"} if valid else {"train", "test"}
            together = [entry for part in parts.values() for entry in entries(part)]
            # Sorted by row and column, which are unique: equal lists are disjoint parts.
            assert sorted(together, key=lambda each: each[:2]) == entries(matrix)
            for part in parts.values():
                assert part.catalog is matrix.catalog
                assert part.indptr.dtype == matrix.indptr.dtype

    @valid_or_not
    @names
    def test_a_seed_repeats_the_split(self, name: str, valid: bool) -> None:
        matrix = interactions(40, 30, 0.3, 1, times=True)
        first, second = (parts_of(matrix, config_of(name, valid=valid, seed=5)) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            assert {key: pairs(part) for key, part in a.items()} == {
                key: pairs(part) for key, part in b.items()
            }

    @pytest.mark.parametrize("name", [config for config in CONFIGS if "latest" not in config])
    def test_another_seed_gives_another_split(self, name: str) -> None:
        matrix = interactions(40, 30, 0.3, 1, times=True)
        tests = [pairs(parts_of(matrix, config_of(name, seed=seed))[0]["test"]) for seed in (5, 6)]
        assert tests[0] != tests[1]

    @pytest.mark.parametrize("name", [config for config in CONFIGS if "latest" in config])
    def test_what_time_decides_needs_no_seed(self, name: str) -> None:
        matrix = interactions(40, 30, 0.3, 1, times=True)
        tests = [pairs(parts_of(matrix, config_of(name, seed=seed))[0]["test"]) for seed in (5, 6)]
        assert tests[0] == tests[1]

    @names
    def test_validation_leaves_the_test_set_as_it_is_without(self, name: str) -> None:
        matrix = interactions(40, 30, 0.3, 1, times=True)
        without, beside = (
            parts_of(matrix, config_of(name, valid=number)) for number in (False, True)
        )
        for a, b in zip(without, beside, strict=True):
            assert pairs(a["test"]) == pairs(b["test"])

    @names
    def test_explicit_zeros_are_split_like_any_rating(self, name: str) -> None:
        triples = [(user, item, 0.0) for user in range(9) for item in range(6)]
        matrix = from_triples(triples, 9, 6, times=[item % 4 for _, item, _ in triples])
        for parts in parts_of(matrix, config_of(name)):
            assert parts["train"].n_ratings + parts["test"].n_ratings == 54
            assert parts["test"].n_ratings > 0

    @names
    def test_a_matrix_without_ratings_is_cut_into_nothing(self, name: str) -> None:
        matrix = from_triples([], 3, 3, times=[])
        for parts in parts_of(matrix, config_of(name, valid=True)):
            assert all(part.n_ratings == 0 for part in parts.values())


class TestLeaveNOut:
    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.integers(1, 4), seeds)
    def test_users_with_more_than_n_give_n_and_the_others_nothing(
        self, matrix: Interactions, n: int, seed: int
    ) -> None:
        test = parts_of(matrix, SplitConfig(n=n, seed=seed))[0]["test"]
        assert test.user_counts.tolist() == [n if c > n else 0 for c in matrix.user_counts.tolist()]

    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.integers(1, 3), seeds)
    def test_validation_takes_n_more_from_users_that_have_more(
        self, matrix: Interactions, n: int, seed: int
    ) -> None:
        valid = parts_of(matrix, SplitConfig(n=n, seed=seed, valid=True))[0]["valid"]
        assert valid.user_counts.tolist() == [
            n if c > 2 * n else 0 for c in matrix.user_counts.tolist()
        ]

    def test_every_row_of_a_user_is_as_likely(self) -> None:
        """Of 4000 users with 5 rows, one row each: 800 expected a place, ± 4 deviations."""
        triples = [(user, item, 1.0) for user in range(4000) for item in range(5)]
        test = parts_of(from_triples(triples, 4000, 5), SplitConfig(n=1))[0]["test"]
        assert test.n_ratings == 4000
        assert abs(test.item_counts - 800).max() < 4 * np.sqrt(4000 * 0.2 * 0.8)

    def test_users_are_drawn_apart_from_each_other(self) -> None:
        triples = [(user, item, 1.0) for user in range(2000) for item in range(2)]
        test = parts_of(from_triples(triples, 2000, 2), SplitConfig(n=1))[0]["test"]
        same = np.mean(test.indices[1:] == test.indices[:-1])
        assert 0.45 < same < 0.55


class TestFraction:
    @pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.9])
    def test_each_row_goes_with_that_probability(self, fraction: float) -> None:
        matrix = interactions(300, 200, 0.3, 2)
        test = held_out(
            matrix,
            SplitConfig.merge(("", {"strategy": "fraction", "test_fraction": fraction})),
            (0, 0),
        )
        spread = np.sqrt(fraction * (1 - fraction) / matrix.n_ratings)
        assert abs(test.mean() - fraction) < 4 * spread

    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.floats(0.01, 0.99), seeds)
    def test_per_user_takes_the_rounded_share_and_leaves_one_row(
        self, matrix: Interactions, fraction: float, seed: int
    ) -> None:
        options = {"strategy": "fraction", "test_fraction": fraction, "per_user": True}
        mask = held_out(matrix, SplitConfig.merge(("", options)), (seed, 0))
        for count, taken in zip(
            matrix.user_counts.tolist(), matrix.keep(mask).user_counts.tolist(), strict=True
        ):
            assert taken == min(int(count * fraction + 0.5), max(count - 1, 0))


class TestLatest:
    @settings(deadline=None, max_examples=60)
    @given(any_interactions(times=True), st.integers(1, 4))
    def test_no_row_that_stays_is_later_than_one_that_goes(
        self, matrix: Interactions, n: int
    ) -> None:
        (parts,) = parts_of(matrix, SplitConfig.merge(("", {"strategy": "latest", "n": n})))
        train, test = parts["train"], parts["test"]
        assert test.user_counts.tolist() == [n if c > n else 0 for c in matrix.user_counts.tolist()]
        for user in range(matrix.n_users):
            went = [t for u, _, _, t in entries(test) if u == user]
            stayed = [t for u, _, _, t in entries(train) if u == user]
            assert not went or max(stayed) <= min(went)

    def test_of_equal_times_the_later_row_goes(self) -> None:
        matrix = from_triples([(0, item, 1.0) for item in range(4)], 1, 4, times=[7, 7, 7, 7])
        (parts,) = parts_of(matrix, SplitConfig.merge(("", {"strategy": "latest", "n": 2})))
        assert pairs(parts["test"]) == {(0, 2), (0, 3)}

    def test_validation_lies_between_train_and_test(self) -> None:
        matrix = interactions(30, 40, 0.4, 3, times=True)
        options = {"strategy": "latest", "n": 3, "valid": True}
        (parts,) = parts_of(matrix, SplitConfig.merge(("", options)))

        def times(part: str) -> list[int]:
            return [t for u, _, _, t in entries(parts[part]) if u == 0]

        assert len(times("valid")) == len(times("test")) == 3
        assert max(times("train")) <= min(times("valid"))
        assert max(times("valid")) <= min(times("test"))

    @settings(deadline=None, max_examples=40)
    @given(any_interactions(times=True), st.integers(-1, 5))
    def test_everything_from_the_cutoff_on_goes(self, matrix: Interactions, cutoff: int) -> None:
        (parts,) = parts_of(matrix, config_of("latest cutoff", cutoff=str(cutoff)))
        assert all(t >= cutoff for *_, t in entries(parts["test"]))
        assert all(t < cutoff for *_, t in entries(parts["train"]))

    @settings(deadline=None, max_examples=40)
    @given(any_interactions(times=True), st.integers(0, 4))
    def test_validation_before_a_cutoff_takes_as_many_rows_as_the_test_set(
        self, matrix: Interactions, cutoff: int
    ) -> None:
        (parts,) = parts_of(matrix, config_of("latest cutoff", cutoff=str(cutoff), valid=True))
        before = parts["train"].n_ratings + parts["valid"].n_ratings
        assert parts["valid"].n_ratings == min(parts["test"].n_ratings, before)
        went = [t for *_, t in entries(parts["valid"])]
        stayed = [t for *_, t in entries(parts["train"])]
        assert not went or not stayed or max(stayed) <= min(went)

    @pytest.mark.parametrize("options", [{"n": 1}, {"cutoff": "5"}])
    def test_without_times_it_is_refused(self, options: dict[str, Any]) -> None:
        config = SplitConfig.merge(("", {"strategy": "latest", **options}))
        with pytest.raises(InputError, match="needs times, and the matrix has none"):
            held_out(interactions(5, 5, 0.5, 0), config, (0, 0))


class TestGiven:
    def test_validation_is_a_random_fraction_of_train(self) -> None:
        matrix = interactions(200, 100, 0.3, 4)
        train, test = matrix.keep(matrix.users < 150), matrix.keep(matrix.users >= 150)
        options = {"train_file": "a", "test_file": "b", "test_fraction": 0.25, "valid": True}
        parts = with_validation(train, test, SplitConfig.merge(("", options)))
        assert parts["test"] is test
        assert pairs(parts["train"]) | pairs(parts["valid"]) == pairs(train)
        share = parts["valid"].n_ratings / train.n_ratings
        assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / train.n_ratings)


class TestFolds:
    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 200), st.integers(2, 12), seeds)
    def test_folds_are_a_partition_of_equal_parts(
        self, n_ratings: int, folds: int, seed: int
    ) -> None:
        number = fold_numbers(n_ratings, folds, (seed, 0))
        sizes = np.bincount(number, minlength=folds)
        assert len(sizes) == folds
        assert sizes.sum() == n_ratings
        assert sizes.max() - sizes.min() <= 1

    def test_each_row_is_tested_once_and_validates_once(self) -> None:
        matrix = interactions(20, 15, 0.4, 5)
        folders = parts_of(matrix, SplitConfig(folds=4, valid=True))
        for part in ("test", "valid"):
            counted = Counter(pair for parts in folders for pair in pairs(parts[part]))
            assert set(counted) == pairs(matrix)
            assert set(counted.values()) == {1}

    def test_the_next_fold_validates(self) -> None:
        folders = parts_of(interactions(20, 15, 0.4, 5), SplitConfig(folds=3, valid=True))
        for parts, after in zip(folders, [*folders[1:], folders[0]], strict=True):
            assert pairs(parts["valid"]) == pairs(after["test"])


class TestKnown:
    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.randoms(use_true_random=False))
    def test_a_row_is_known_if_user_and_item_have_a_row_in_train(
        self, matrix: Interactions, random: Any
    ) -> None:
        mask = np.array([random.random() < 0.5 for _ in range(matrix.n_ratings)], bool)
        train, test = matrix.keep(mask), matrix.keep(~mask)
        users, items = {u for u, _ in pairs(train)}, {i for _, i in pairs(train)}
        assert known_rows(test, train).tolist() == [
            user in users and item in items for user, item, *_ in entries(test)
        ]


class TestParseTime:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("-5", -5),
            ("1700000000", 1_700_000_000),
            ("2000-01-01", 946_684_800),
            ("2000-01-01T00:00:00Z", 946_684_800),
            ("2000-01-01T01:00:00+01:00", 946_684_800),
            ("2000-01-01 00:00:01", 946_684_801),
            ("1969-12-31T23:59:59", -1),
            # Times are whole seconds: the first one that is not before the cutoff.
            ("2000-01-01T00:00:00.5", 946_684_801),
            ("1969-12-31T23:59:59.5", 0),
        ],
    )
    def test_seconds_and_iso_dates_are_read(self, text: str, seconds: int) -> None:
        assert parse_time(text) == seconds

    @pytest.mark.parametrize("text", ["", "yesterday", "2000-13-01", "1e9", "12.5", "01/02/2000"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="neither seconds since 1970 nor a date"):
            parse_time(text)

    @settings(deadline=None, max_examples=50)
    @given(st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1)))
    def test_a_date_without_zone_is_utc(self, moment: datetime) -> None:
        moment = moment.replace(microsecond=0)
        exact = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        assert parse_time(moment.isoformat()) == int(exact)


def test_validation_of_a_strategy_uses_draws_of_its_own() -> None:
    """The same seed for both would take the same places of what is left."""
    matrix = interactions(60, 40, 0.5, 6)
    config = config_of("fraction")
    test = held_out(matrix, config, (0, 0))
    rest = matrix.keep(~test)
    again = validation(rest, config, (0, 1), int(test.sum()))
    assert not np.array_equal(again, held_out(rest, config, (0, 0)))
