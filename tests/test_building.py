"""Interactions out of what a notebook holds: arrays, lists and sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given, settings

from mfcli.config import Duplicates
from mfcli.data.building import from_arrays, from_csr
from mfcli.data.ids import trimmed
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from tests.helpers import any_interactions, entries, equal

LISTED = ("csr", "csc", "coo", "lil", "dok")


class TestFromArrays:
    def test_rows_are_sorted_and_the_last_of_a_pair_counts(self) -> None:
        made = from_arrays([2, 1, 2, 2], ["b", "a", "a", "b"], [1, 2, 3, 4], [5, 6, 7, 8])
        assert made.catalog.user_ids.tolist() == [1, 2]
        assert made.catalog.item_ids.tolist() == ["a", "b"]
        assert entries(made) == [(0, 0, 2.0, 6), (1, 0, 3.0, 7), (1, 1, 4.0, 8)]

    def test_without_ratings_every_row_is_an_interaction_of_1(self) -> None:
        assert entries(from_arrays([1, 1], [2, 3])) == [(0, 0, 1.0, None), (0, 1, 1.0, None)]

    def test_an_explicit_zero_is_a_rating(self) -> None:
        assert from_arrays([1, 1], [2, 3], [0, 0.0]).n_ratings == 2

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            (np.array([3, 1], np.uint8), [1, 3]),
            (pd.Series([3, 1], dtype="Int64"), [1, 3]),
            (np.array([3, 1], object), [1, 3]),
            (["3", "1"], ["1", "3"]),  # text stays text
            (pd.Series(["b", "a"]), ["a", "b"]),
            (pd.Series(["b", "a"], dtype="category"), ["a", "b"]),
            (np.array(["b", "a"], ">U1"), ["a", "b"]),
        ],
    )
    def test_ids_keep_their_type(self, ids: Any, expected: list[Any]) -> None:
        found = from_arrays(ids, [1, 2]).catalog.user_ids
        assert found.tolist() == expected
        assert found.dtype.kind in "iU"

    def test_names_go_to_their_items(self) -> None:
        names = from_arrays([1, 1], [9, 5], item_names={5: "five"}).catalog.item_names
        assert names is not None
        assert names.tolist() == ["five", "9"]

    def test_dates_become_seconds(self) -> None:
        dates = np.array(["1970-01-01T00:00:07", "1970-01-02"], "M8[ns]")
        assert entries(from_arrays([1, 2], [1, 1], times=dates)) == [
            (0, 0, 1.0, 7),
            (1, 0, 1.0, 86_400),
        ]

    @pytest.mark.parametrize(
        ("columns", "reason"),
        [
            ({"users": [1.5, 2]}, "user ids are of type float64: give integers or strings"),
            ({"users": [b"a"] * 2}, "user ids are of type |S1"),
            ({"users": np.array([1, "a"], object)}, "of type int, str"),
            ({"items": np.array(["a", None], object)}, "item id at position 1 is missing"),
            ({"items": np.array(["a", np.nan], object)}, "item id at position 1 is missing"),
            ({"items": pd.Series([1, pd.NA], dtype="Int64")}, "item id at position 1 is missing"),
            ({"items": np.array([1, 2**63], np.uint64)}, "does not fit in 64 bits"),
            ({"items": np.array([1, 2**70], object)}, "does not fit in 64 bits"),
            ({"items": ["a", " "]}, "the item is missing"),
            ({"items": ["a", "x" * 256]}, "longer than 255"),
            ({"items": ["a", "b\0c"]}, "NUL"),
            ({"items": ["a", "\ud800"]}, "lone surrogate"),
            ({"items": [[1], [2]]}, "one dimension"),
            ({"items": [1]}, "2 rows and 1 items"),
            ({"ratings": [1]}, "2 rows and 1 ratings"),
            ({"ratings": [1, np.nan]}, "rating at position 1 is nan"),
            ({"ratings": [1, 1e300]}, "rating at position 1 is 1e"),
            ({"ratings": ["1", "2"]}, "ratings are of type"),
            ({"times": [1, np.nan]}, "time at position 1 is nan"),
            ({"times": ["1", "2"]}, "times are of type"),
            ({"times": np.array(["1970-01-01", "NaT"], "M8[s]")}, "time at position 1 is NaT"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, columns: dict[str, Any], reason: str) -> None:
        with pytest.raises(InputError) as error:
            from_arrays(**({"users": [1, 2], "items": [1, 2]} | columns))
        assert reason in str(error.value)

    def test_repeated_pairs_are_refused_where_that_is_asked(self) -> None:
        with pytest.raises(InputError, match="more than once"):
            from_arrays([1, 1], [2, 2], duplicates=Duplicates.error)

    def test_the_given_arrays_are_not_shared(self) -> None:
        ratings = np.ones(2, np.float32)
        made = from_arrays([1, 2], [1, 2], ratings)
        ratings[:] = 9
        assert made.data.tolist() == [1.0, 1.0]


class TestFromCsr:
    @settings(deadline=None, max_examples=50)
    @given(any_interactions(times=False))
    def test_a_matrix_gives_back_what_it_was_made_of(self, matrix: Interactions) -> None:
        """Explicit zeros, empty rows and columns included."""
        ids = matrix.catalog
        texts = [str(text) for text in [*ids.user_ids, *ids.item_ids]]
        assume(all(text and text == trimmed(text) for text in texts))
        names = (
            None
            if ids.item_names is None
            else dict(zip(ids.item_ids.tolist(), ids.item_names.tolist(), strict=True))
        )
        sparse: Any = matrix.csr()
        for kind in LISTED:
            made = from_csr(sparse.asformat(kind), ids.user_ids, ids.item_ids, item_names=names)
            assert equal(made, matrix)

    def test_ids_are_positions_unless_they_are_given(self) -> None:
        made = from_csr(scipy.sparse.coo_array(([5.0], ([1], [2])), shape=(2, 4)))
        assert made.catalog.user_ids.tolist() == [0, 1]
        assert made.catalog.item_ids.tolist() == [0, 1, 2, 3]
        assert entries(made) == [(1, 2, 5.0, None)]

    def test_rows_need_not_be_sorted(self) -> None:
        parts = (np.array([1.0, 2.0]), np.array([3, 0]), np.array([0, 2]))
        made = from_csr(scipy.sparse.csr_matrix(parts, shape=(1, 4)))
        assert entries(made) == [(0, 0, 2.0, None), (0, 3, 1.0, None)]

    def test_a_pair_stored_twice_is_refused_or_merged_as_asked(self) -> None:
        double = scipy.sparse.coo_array(([1, 2], ([0, 0], [0, 0])), shape=(1, 1))
        with pytest.raises(InputError, match="user 0 has item 0 more than once"):
            from_csr(double)
        assert from_csr(double, duplicates=Duplicates.sum).data.tolist() == [3.0]

    @pytest.mark.parametrize(
        ("matrix", "ids", "reason"),
        [
            (np.ones((2, 2)), {}, "a SciPy sparse matrix of users × items is needed, not ndarray"),
            (scipy.sparse.eye_array(2, format="dia"), {}, "DIA format"),
            (scipy.sparse.eye_array(2, format="bsr"), {}, "BSR format"),
            (scipy.sparse.eye_array(2, format="csr"), {"user_ids": [1]}, "has 2 users"),
            (scipy.sparse.eye_array(2, format="csr"), {"item_ids": [1, 1]}, "an id twice"),
            (scipy.sparse.eye_array(2, format="csr"), {"item_ids": [1.0, 2.0]}, "item ids are of"),
            (scipy.sparse.csr_array([[np.inf]]), {}, "position 0 is inf"),
            (scipy.sparse.csr_array([[1j]]), {}, "ratings are of type complex128"),
        ],
    )
    def test_what_cannot_be_used_is_refused(
        self, matrix: Any, ids: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(InputError) as error:
            from_csr(matrix, **ids)
        assert reason in str(error.value)

    def test_the_given_matrix_is_not_shared(self) -> None:
        given_matrix = scipy.sparse.csr_array(np.eye(2, dtype=np.float32))
        made = from_csr(given_matrix)
        given_matrix.data[:] = 9
        assert made.data.tolist() == [1.0, 1.0]
