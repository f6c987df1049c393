"""The matrix that all stages share: what it refuses, and how rows become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import Duplicates
from mfcli.data.building import RawRows, from_codes, from_rows, narrow
from mfcli.data.filtering import apply_threshold, compact, filter_counts
from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError
from tests.helpers import any_interactions, entries, equal, from_triples, id_lists, interactions

PARTS: dict[str, Any] = {
    "indptr": np.array([0, 2, 2, 4], np.int32),
    "indices": np.array([0, 2, 1, 3], np.int32),
    "data": np.array([1, 0, 4.5, -2], np.float32),
    "catalog": Catalog(np.array([7, 8, 9]), np.array(["a", "b", "c", "d"])),
    "timestamps": np.array([4, 3, 2, 1], np.int64),
}
BIG = 2**31 - 1


def build(**changed: Any) -> Interactions:
    return Interactions(**{**PARTS, **changed})


class TestValidation:
    def test_a_whole_matrix_is_taken(self) -> None:
        matrix = build()
        assert (matrix.n_users, matrix.n_items, matrix.n_ratings) == (3, 4, 4)
        assert matrix.users.tolist() == [0, 0, 2, 2]
        assert matrix.user_counts.tolist() == [2, 0, 2]
        assert matrix.item_counts.tolist() == [1, 1, 1, 1]

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"indices": np.array([0, 4, 1, 3], np.int32)}, "outside of 0..3"),
            ({"indices": np.array([-1, 2, 1, 3], np.int32)}, "outside of 0..3"),
            ({"indices": np.array([2, 0, 1, 3], np.int32)}, "not sorted"),
            ({"indices": np.array([2, 2, 1, 3], np.int32)}, "an item twice"),
            ({"indices": np.array([0, 2, 3, 3], np.int32)}, "an item twice"),
            ({"data": np.array([1, np.nan, 2, 3], np.float32)}, "not a finite number"),
            ({"data": np.array([1, np.inf, 2, 3], np.float32)}, "not a finite number"),
            ({"data": np.ones(4)}, "should be float32"),
            ({"data": np.ones(4, ">f4")}, "should be float32"),
            ({"data": np.ones(4, np.int32)}, "should be float32"),
            ({"data": np.ones(3, np.float32)}, "of length 4"),
            ({"data": np.ones((4, 1), np.float32)}, "one-dimensional"),
            ({"indptr": np.array([0, 2, 2, 4], np.int64)}, "one signed integer dtype"),
            ({"indices": np.array([0, 2, 1, 3], np.int64)}, "one signed integer dtype"),
            ({"indptr": np.array([0, 2, 4], np.int32)}, "does not describe 3 users"),
            ({"indptr": np.array([0, 2, 2, 3], np.int32)}, "does not describe 3 users"),
            ({"indptr": np.array([1, 2, 2, 4], np.int32)}, "does not describe 3 users"),
            ({"indptr": np.array([0, 3, 2, 4], np.int32)}, "indptr decreases"),
            # Their differences wrap around to something positive.
            (
                {
                    "indptr": np.array([0, BIG, -2, 4], np.int32),
                    "indices": np.array([0, 1, 2, 3], np.int32),
                },
                "indptr decreases",
            ),
            ({"indptr": np.zeros(0, np.int32)}, "does not describe"),
            ({"timestamps": np.ones(3, np.int64)}, "of length 4"),
            ({"timestamps": np.ones(4, np.int32)}, "timestamps should be int64"),
            ({"timestamps": np.ones(4)}, "timestamps should be int64"),
            ({"timestamps": np.ones((4, 1), np.int64)}, "one-dimensional"),
        ],
    )
    def test_a_malformed_matrix_is_refused(self, changed: dict[str, Any], reason: str) -> None:
        with pytest.raises(InputError) as error:
            build(**changed)
        assert reason in str(error.value)

    @pytest.mark.parametrize("kind", [np.uint32, np.float64, np.int8, np.int16])
    def test_indices_are_int32_or_int64(self, kind: Any) -> None:
        with pytest.raises(InputError, match="one signed integer dtype"):
            build(indptr=PARTS["indptr"].astype(kind), indices=PARTS["indices"].astype(kind))

    def test_int64_indices_are_taken(self) -> None:
        wide = {name: PARTS[name].astype(np.int64) for name in ("indptr", "indices")}
        assert build(**wide).n_ratings == 4

    @pytest.mark.parametrize(
        ("parts", "reason"),
        [
            ((np.array([1, 1]), np.array([1])), "user_ids holds an id twice"),
            ((np.array([1]), np.array(["a", "a"])), "item_ids holds an id twice"),
            ((np.array([1.0]), np.array([1])), "user_ids should be"),
            ((np.array([1]), np.array([b"a"])), "item_ids should be"),
            ((np.array([1], np.int32), np.array([1])), "user_ids should be"),
            ((np.array([1]), np.array([1], np.uint64)), "item_ids should be"),
            ((np.array([[1]]), np.array([1])), "user_ids should be one-dimensional"),
            ((np.array([1]), np.array(["a"], object)), "item_ids should be"),
            ((np.array([1]), np.array([1, 2]), np.array(["one"])), "one entry an item"),
            ((np.array([1]), np.array([1]), np.array([1.5])), "item_names should be"),
        ],
    )
    def test_a_malformed_catalogue_is_refused(self, parts: Any, reason: str) -> None:
        with pytest.raises(InputError) as error:
            Catalog(*parts)
        assert reason in str(error.value)

    @pytest.mark.parametrize("n_ratings", [0, 1])
    def test_the_smallest_matrices_are_taken(self, n_ratings: int) -> None:
        catalog = Catalog(np.array([1]), np.array([1]))
        zero = np.zeros(n_ratings, np.int32)
        matrix = Interactions(
            np.array([0, n_ratings], np.int32), zero, zero.astype(np.float32), catalog
        )
        assert matrix.n_ratings == n_ratings

    def test_a_matrix_without_users_is_taken(self) -> None:
        empty = np.zeros(0, np.int64)
        matrix = Interactions(
            np.zeros(1, np.int32),
            np.zeros(0, np.int32),
            np.zeros(0, np.float32),
            Catalog(empty, empty),
        )
        assert (matrix.n_users, matrix.n_items, matrix.n_ratings) == (0, 0, 0)

    def test_ids_of_two_kinds_are_not_the_same(self) -> None:
        numbers, texts = np.array([1, 2]), np.array(["1", "2"])
        assert not Catalog(numbers, numbers).same_ids(Catalog(numbers, texts))
        assert not Catalog(numbers, numbers).same_ids(Catalog(numbers[::-1], numbers))
        assert Catalog(texts, numbers).same_ids(Catalog(texts.astype("U99"), numbers))


class TestViews:
    @settings(deadline=None, max_examples=40)
    @given(any_interactions(), st.randoms(use_true_random=False))
    def test_keep_takes_entries_and_leaves_the_rest_as_it_was(
        self, matrix: Interactions, random: Any
    ) -> None:
        mask = np.array([random.random() < 0.5 for _ in range(matrix.n_ratings)], bool)
        kept = matrix.keep(mask)
        assert entries(kept) == [
            entry for entry, keep in zip(entries(matrix), mask, strict=True) if keep
        ]
        assert kept.catalog is matrix.catalog
        assert kept.indptr.dtype == matrix.indptr.dtype
        assert (kept.n_users, kept.n_items) == (matrix.n_users, matrix.n_items)

    @settings(deadline=None, max_examples=20)
    @given(any_interactions())
    def test_csr_holds_explicit_zeros(self, matrix: Interactions) -> None:
        csr = matrix.csr()
        assert csr.shape == (matrix.n_users, matrix.n_items)
        assert csr.nnz == matrix.n_ratings
        assert np.shares_memory(csr.data, matrix.data) or not matrix.n_ratings

    def test_other_meta_changes_nothing_else(self) -> None:
        matrix = build()
        other = matrix.with_meta({"schema": 1})
        assert equal(matrix, other)
        assert (matrix.meta, other.meta) == ({}, {"schema": 1})


class TestEncode:
    @settings(deadline=None, max_examples=60)
    @given(st.integers(1, 12).flatmap(id_lists), st.lists(st.integers(0, 11), max_size=30))
    def test_ids_are_coded_in_sorted_order(self, ids: Any, places: list[int]) -> None:
        column = ids[[place % len(ids) for place in places]]
        codes, unique = encode(column)
        assert unique.tolist() == sorted(set(column.tolist()))
        assert unique[codes].tolist() == column.tolist()
        assert unique.dtype.kind == ids.dtype.kind

    def test_far_apart_integers_are_coded_too(self) -> None:
        column = np.array([2**62, -(2**62), 5, 2**62])
        codes, unique = encode(column)
        assert codes.tolist() == [2, 0, 1, 2]
        assert unique.tolist() == [-(2**62), 5, 2**62]

    @pytest.mark.parametrize("ends", [(-(2**63), 2**63 - 1), (2**63 - 2, 2**63 - 1)])
    def test_the_ends_of_int64_are_coded_too(self, ends: tuple[int, int]) -> None:
        codes, unique = encode(np.array(ends)[::-1])
        assert (codes.tolist(), unique.tolist()) == ([1, 0], list(ends))

    @pytest.mark.parametrize(
        ("ids", "known", "codes"),
        [
            (np.array([3, 5, 3]), np.array([5, 3]), [1, 0, 1]),
            (np.array([4]), np.array([5, 3]), [-1]),
            (np.array(["3", "03", "x"]), np.array([5, 3]), [1, -1, -1]),
            (np.array([3, 5]), np.array(["5", "3"]), [1, 0]),
        ],
    )
    def test_known_ids_give_their_places(self, ids: Any, known: Any, codes: list[int]) -> None:
        assert encode(ids, known)[0].tolist() == codes

    @given(
        known=st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=9),
        more=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9),
        text=st.booleans(),
    )
    def test_known_ids_of_one_type_give_their_places(
        self, known: list[int], more: list[int], text: bool
    ) -> None:
        kind = np.str_ if text else np.int64
        asked = [*more, *known[::2]]
        found = encode(np.array(asked, dtype=kind), np.array(known, dtype=kind))[0]
        assert found.dtype == np.int64
        assert found.tolist() == [known.index(it) if it in known else -1 for it in asked]


def naive(
    rows: list[tuple[Any, Any, float, int]], duplicates: Duplicates, timed: bool
) -> dict[tuple[Any, Any], tuple[float, int]]:
    """Merge rows (user, item, rating, time) in a dictionary, one by one."""
    runs: dict[tuple[Any, Any], list[tuple[float, int]]] = {}
    for user, item, rating, time in rows:
        runs.setdefault((user, item), []).append((rating, time))
    merged = {}
    for pair, run in runs.items():
        ordered = sorted(run, key=lambda each: each[1]) if timed else run  # stable
        ratings = [entry[0] for entry in ordered]
        one = {
            Duplicates.first: ratings[0],
            Duplicates.last: ratings[-1],
            Duplicates.mean: sum(ratings) / len(ratings),
            Duplicates.sum: sum(ratings),
            Duplicates.max: max(ratings),
        }[duplicates]
        merged[pair] = (one, ordered[0 if duplicates is Duplicates.first else -1][1])
    return merged


@st.composite
def some_rows(draw: st.DrawFn) -> tuple[Any, Any, list[tuple[int, int, float, int]]]:
    users, items = (
        draw(st.integers(1, 5).flatmap(id_lists)),
        draw(st.integers(1, 5).flatmap(id_lists)),
    )
    row = st.tuples(
        st.integers(0, len(users) - 1),
        st.integers(0, len(items) - 1),
        st.integers(-8, 8).map(lambda each: each / 2),  # sums are exact
        st.integers(0, 3),
    )
    return users, items, draw(st.lists(row, min_size=1, max_size=25))


MERGING = [duplicate for duplicate in Duplicates if duplicate is not Duplicates.error]


class TestFromRows:
    @pytest.mark.parametrize("timed", [False, True])
    @pytest.mark.parametrize("duplicates", MERGING)
    @settings(deadline=None, max_examples=40)
    @given(some_rows(), st.booleans())
    def test_rows_merge_as_in_a_dictionary(
        self, duplicates: Duplicates, timed: bool, table: Any, in_order: bool
    ) -> None:
        users, items, rows = table
        if in_order:  # rows in order take a shorter way
            by_id = {entry: at for at, entry in enumerate(sorted(users.tolist()))}
            of_item = {entry: at for at, entry in enumerate(sorted(items.tolist()))}
            rows = sorted(
                rows, key=lambda row: (by_id[users[row[0]].item()], of_item[items[row[1]].item()])
            )
        expected = naive(
            [(users[u].item(), items[i].item(), r, t) for u, i, r, t in rows], duplicates, timed
        )
        columns = [np.array(entry) for entry in zip(*rows, strict=True)]
        matrix, merged = from_rows(
            RawRows(
                users[columns[0]],
                items[columns[1]],
                columns[2].astype(np.float32),
                columns[3].astype(np.int64) if timed else None,
            ),
            duplicates=duplicates,
        )
        assert merged == len(rows) - len(expected)
        ids = matrix.catalog
        assert ids.user_ids.tolist() == sorted({user for user, _ in expected})
        assert ids.item_ids.tolist() == sorted({item for _, item in expected})
        found = {
            (ids.user_ids[user].item(), ids.item_ids[item].item()): (rating, time)
            for user, item, rating, time in entries(matrix)
        }
        assert set(found) == set(expected)
        for pair, (rating, time) in expected.items():
            assert found[pair][0] == np.float32(rating)
            assert found[pair][1] == (time if timed else None)

    @pytest.mark.parametrize("duplicates", MERGING)
    def test_rows_without_ratings_count_as_one(self, duplicates: Duplicates) -> None:
        rows = RawRows(np.array([2, 1, 2]), np.array(["b", "a", "b"]))
        matrix, merged = from_rows(rows, duplicates=duplicates)
        twice = 2.0 if duplicates is Duplicates.sum else 1.0
        assert entries(matrix) == [(0, 0, 1.0, None), (1, 1, twice, None)]
        assert merged == 1

    def test_doubles_are_refused_where_they_are_an_error(self) -> None:
        rows = RawRows(np.array([3, 1, 3, 3]), np.array(["x", "x", "y", "x"]))
        with pytest.raises(InputError, match="user 3 has item x more than once"):
            from_rows(rows, duplicates=Duplicates.error)

    def test_single_rows_are_no_error(self) -> None:
        rows = RawRows(np.array([3, 1, 3]), np.array(["x", "x", "y"]))
        assert from_rows(rows, duplicates=Duplicates.error)[1] == 0

    def test_a_sum_beyond_float32_is_refused(self) -> None:
        rows = RawRows(np.array([1, 1]), np.array([1, 1]), np.array([3e38, 3e38], np.float32))
        with pytest.raises(InputError, match="too large"):
            from_rows(rows, duplicates=Duplicates.sum)

    def test_a_mean_of_large_ratings_is_exact(self) -> None:
        rows = RawRows(np.array([1, 1]), np.array([1, 1]), np.array([3e38, 1e38], np.float32))
        matrix, _ = from_rows(rows, duplicates=Duplicates.mean)
        assert matrix.data[0] == pytest.approx(2e38)

    def test_explicit_zeros_stay(self) -> None:
        rows = RawRows(np.array([1, 2]), np.array([1, 1]), np.zeros(2, np.float32))
        assert from_rows(rows)[0].n_ratings == 2

    def test_names_go_with_their_items(self) -> None:
        rows = RawRows(np.array([1, 1]), np.array([9, 5]), item_names={5: "five", 7: "seven"})
        names = from_rows(rows)[0].catalog.item_names
        assert names is not None
        assert names.tolist() == ["five", "9"]

    def test_a_catalogue_gives_the_places(self) -> None:
        catalog = Catalog(np.array([5, 3]), np.array(["b", "a", "c"]))
        rows = RawRows(np.array([3, 5]), np.array(["a", "c"]))
        matrix, _ = from_rows(rows, catalog=catalog)
        assert entries(matrix) == [(0, 2, 1.0, None), (1, 1, 1.0, None)]
        assert matrix.catalog is catalog

    @pytest.mark.parametrize(("user", "item", "reason"), [(4, "a", "user 4 "), (3, "z", "item z ")])
    def test_an_id_outside_of_the_catalogue_is_refused(
        self, user: int, item: str, reason: str
    ) -> None:
        catalog = Catalog(np.array([5, 3]), np.array(["b", "a"]))
        rows = RawRows(np.array([3, user]), np.array(["b", item]))
        with pytest.raises(InputError, match=reason) as error:
            from_rows(rows, catalog=catalog)
        assert "(1 row)" in str(error.value)

    def test_a_wide_catalogue_takes_the_plain_sort(self) -> None:
        """Where user, item and position do not fit 63 bits together."""
        n = 2**31

        from mfcli.data.building import _entry_order

        users = np.array([n - 1, 0, n - 1, 5])
        items = np.array([n - 1, 7, 3, 0])
        keys, order = _entry_order(users, items, n, n)
        assert order is not None
        assert order.tolist() == [1, 3, 2, 0]
        assert (np.diff(keys) > 0).all()

    def test_no_rows_make_an_empty_matrix(self) -> None:
        none = np.zeros(0, np.int64)
        matrix, merged = from_rows(RawRows(none, none, np.zeros(0, np.float32), none))
        assert (matrix.n_users, matrix.n_items, matrix.n_ratings, merged) == (0, 0, 0, 0)

    def test_codes_need_no_ids_in_order(self) -> None:
        catalog = Catalog(np.array([9, 1]), np.array([8, 2]))
        matrix, _ = from_codes(np.array([1, 0]), np.array([0, 1]), None, None, catalog)
        assert entries(matrix) == [(0, 1, 1.0, None), (1, 0, 1.0, None)]

    def test_the_given_columns_are_left_as_they_were(self) -> None:
        users, items = np.array([1, 0, 1]), np.array([0, 0, 0])
        ratings, times = np.array([1, 2, 3], np.float32), np.array([3, 2, 1])
        copies = [entry.copy() for entry in (users, items, ratings, times)]
        from_rows(RawRows(users, items, ratings, times))
        for now, then in zip((users, items, ratings, times), copies, strict=True):
            assert np.array_equal(now, then)


def test_narrow_takes_int32_where_it_fits() -> None:
    assert narrow(np.array([1]), 2**31 - 1).dtype == np.int32
    assert narrow(np.array([1]), 2**31).dtype == np.int64


class TestFilters:
    @settings(deadline=None, max_examples=30)
    @given(any_interactions(), st.sampled_from([-1.0, 0.0, 2.5, 3.3]))
    def test_a_threshold_keeps_its_own_value_and_makes_ones(
        self, matrix: Interactions, threshold: float
    ) -> None:
        kept = apply_threshold(matrix, threshold)
        expected = [(u, i, t) for u, i, r, t in entries(matrix) if r >= np.float32(threshold)]
        assert [(u, i, t) for u, i, _, t in entries(kept)] == expected
        assert kept.data.tolist() == [1.0] * len(expected)
        assert kept.data.dtype == np.float32
        assert kept.catalog is matrix.catalog

    def test_a_threshold_is_compared_as_the_ratings_were_rounded(self) -> None:
        matrix = from_triples([(0, 0, 3.3), (0, 1, 3.2)], 1, 2)
        assert apply_threshold(matrix, 3.3).n_ratings == 1

    @settings(deadline=None, max_examples=60)
    @given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, 5))
    def test_filters_repeat_until_nothing_more_goes(
        self, seed: int, least_user: int, least_item: int
    ) -> None:
        matrix = interactions(12, 9, 0.35, seed)
        expected = entries(matrix)
        while True:
            users = Counter(entry[0] for entry in expected)
            items = Counter(entry[1] for entry in expected)
            left = [
                entry
                for entry in expected
                if users[entry[0]] >= least_user and items[entry[1]] >= least_item
            ]
            if len(left) == len(expected):
                break
            expected = left
        kept = filter_counts(matrix, least_user, least_item)
        assert entries(kept) == expected
        assert (kept.n_users, kept.n_items) == (12, 9)

    def test_one_round_would_not_do(self) -> None:
        """Without item 0, user 1 has one rating left; without user 1, item 1 has none."""
        matrix = from_triples(
            [(0, 2, 1), (0, 3, 1), (1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 3, 1)], 3, 4
        )
        kept = filter_counts(matrix, 2, 2)
        assert [entry[:2] for entry in entries(kept)] == [(0, 2), (0, 3), (2, 2), (2, 3)]


class TestCompact:
    @settings(deadline=None, max_examples=50)
    @given(any_interactions())
    def test_empty_users_and_items_go_and_ids_stay_with_theirs(self, matrix: Interactions) -> None:
        small = compact(matrix)
        assert (small.user_counts > 0).all()
        assert (small.item_counts > 0).all()

        def named(of: Interactions) -> list[tuple[Any, ...]]:
            users, items = of.catalog.user_ids.tolist(), of.catalog.item_ids.tolist()
            names = of.catalog.item_names
            return [
                (users[u], items[i], None if names is None else names[i], r, t)
                for u, i, r, t in entries(of)
            ]

        assert named(small) == named(matrix)
        assert small.indices.dtype == small.indptr.dtype == matrix.indptr.dtype

    def test_a_full_matrix_stays_the_same_object(self) -> None:
        matrix = from_triples([(0, 0, 1)], 1, 1)
        assert compact(matrix) is matrix


@pytest.mark.parametrize("change", [lambda m: m.keep(m.data > 0), compact])
def test_nothing_changes_the_matrix_it_was_made_from(
    change: Callable[[Interactions], Interactions],
) -> None:
    matrix = interactions(20, 15, 0.2, 1, times=True)
    before = entries(matrix)
    change(matrix)
    assert entries(matrix) == before
