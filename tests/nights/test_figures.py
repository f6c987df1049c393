"""Figures of a matrix and of lists, against plain counting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import RecommendConfig
from mfcli.data.interactions import Interactions
from mfcli.events import ignore
from mfcli.nights.figures import distance, figures_of, histogram, share_kept
from mfcli.nights.listed import figures_of_lists
from mfcli.publishing.lists import publish_file
from tests.helpers import any_interactions, entries, interactions
from tests.models_on_disk import write_model


@settings(deadline=None)
@given(any_interactions())
def test_figures_of_a_matrix_are_those_of_its_entries(data: Interactions) -> None:
    rows = entries(data)
    found = figures_of(data, data)
    assert found.rows == len(rows)
    assert (found.users, found.items) == (len({r[0] for r in rows}), len({r[1] for r in rows}))
    assert (found.users_kept, found.items_kept) == (1.0, 1.0)
    ratings = [row[2] for row in rows]
    assert found.mean_rating == (pytest.approx(np.mean(ratings)) if rows else None)
    assert dict(found.rows_a_user or ()) == Counter(Counter(row[0] for row in rows).values())
    assert sum(count for _, count in found.values or ()) == len(rows)
    if rows and data.timestamps is not None:
        assert (found.oldest, found.newest) == (data.timestamps.min(), data.timestamps.max())


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        ([1, 2, 3, 4], [3, 4, 5], 0.5),
        ([1, 2], ["1", "x"], 0.5),
        (["007", "8"], [7, 8], 0.5),
        ([], [1], 1.0),
        ([1], [], 0.0),
    ],
)
def test_kept_ids_are_matched_by_value(before: list[Any], now: list[Any], share: float) -> None:
    as_array = [np.array(ids) if ids else np.zeros(0, np.int64) for ids in (before, now)]
    assert share_kept(*as_array) == share


def test_a_histogram_has_two_digits() -> None:
    assert histogram(np.array([3.5, 3.5, 1234, 1249, -0.0, 0.0, 0.123])) == (
        (0.0, 2),
        (0.12, 1),
        (3.5, 2),
        (1200.0, 2),
    )


def test_figures_of_lists_are_those_of_the_file(tmp_path: Path) -> None:
    train = interactions(30, 20, 0.2, seed=1)
    train = train.keep(train.users >= 3)  # three users have no row: they get the popular items
    write_model(tmp_path / "model.pt", train)
    config = RecommendConfig(k=3)
    out, again = tmp_path / "recs.csv", tmp_path / "again.csv"
    written = [publish_file(tmp_path / "model.pt", at, config, ignore) for at in (out, again)]
    first = figures_of_lists(written[0], out)
    lines = out.read_text().splitlines()[1:]
    assert first.list_rows == len(lines)
    assert first.lists == len({line.split(",")[0] for line in lines}) == 30
    assert first.popular == int((train.user_counts == 0).sum()) / 30
    assert first.list_bytes == out.stat().st_size
    assert (first.list_format, first.churn) == (".csv", None)
    items = {line.split(",")[1] for line in lines}
    assert first.coverage == len(items) / int((train.item_counts > 0).sum())
    assert figures_of_lists(written[1], again, out).churn == 0.0


SAMPLES = st.lists(st.integers(-50, 50), min_size=1, max_size=30)


@settings(deadline=None)
@given(SAMPLES, SAMPLES)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(
    first: list[int], second: list[int]
) -> None:
    found = distance(histogram(np.array(first)), histogram(np.array(second)))
    apart = [
        abs(np.mean(np.array(first) <= at) - np.mean(np.array(second) <= at))
        for at in range(-50, 51)
    ]
    assert found == pytest.approx(max(apart))
    assert distance(histogram(np.array(first)), histogram(np.array(first))) == 0


def test_nothing_is_far_from_something() -> None:
    assert distance((), ((1.0, 1),)) == 1.0
    assert distance((), ()) == 0.0
