"""Histories of users are ordered by what the users did, and say so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.artifacts.matrix import load_interactions
from mfcli.artifacts.tables.reading import read_recommendations
from mfcli.report.data import Order
from mfcli.report.examples import choose_examples
from mfcli.report.folder import find_matrix, find_places
from mfcli.stages.report import report

RUN = Path(__file__).parent.parent / "zoo/files/run"


@pytest.fixture(scope="module")
def trained():
    checkpoint = load_checkpoint(RUN / "model.pt")
    matrix = find_matrix(RUN, checkpoint)
    assert matrix is not None, "the run keeps what its model was trained on"
    return checkpoint, matrix, read_recommendations(RUN / "recommendations.csv")


@pytest.mark.parametrize(
    ("rated", "timed", "order"),
    [
        (True, True, Order.rated_and_recent),
        (True, False, Order.rated),
        (False, True, Order.recent),
        (False, False, Order.popular),
        (None, None, Order.unknown),
    ],
)
def test_each_history_is_in_the_order_that_it_names(trained, rated, timed, order):
    checkpoint, matrix, listed = trained
    random = np.random.default_rng(1)
    data = random.integers(1, 4, matrix.n_ratings).astype(np.float32)
    times = random.integers(0, 3, matrix.n_ratings) * 86400
    given = None
    if rated is not None:
        given = replace(
            matrix, data=data if rated else np.ones_like(data), timestamps=times if timed else None
        )
    places = find_places(checkpoint, listed)
    found = choose_examples(checkpoint, listed, *places, 4, [], given)
    assert len(found) == 4
    ids = [str(name) for name in checkpoint.catalog.user_ids]
    for example in found:
        assert example.order is order
        user = ids.index(example.user)
        own = slice(matrix.indptr[user], matrix.indptr[user + 1])
        keys = [
            (
                -data[at] if rated else 0,
                -times[at] if timed else 0,
                -checkpoint.item_counts[matrix.indices[at]],
            )
            for at in range(own.start, own.stop)
        ]
        expected = sorted(keys)[: len(example.seen)]
        for seen, (rating, time, _) in zip(example.seen, expected, strict=True):
            assert seen.rating == (-rating if rated else None)
            assert seen.time == (-time if timed else None)


def test_the_page_says_the_order(tmp_path):
    report([RUN], tmp_path / "r.html")
    matrix = load_interactions(RUN / "split" / "train.npz")
    order = Order.rated if matrix.timestamps is None else Order.rated_and_recent
    assert order.value in (tmp_path / "r.html").read_text("utf-8")
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in RUN.iterdir():
        if path.is_file() and path.suffix != ".npz":
            shutil.copy(path, alone)
    report([alone], tmp_path / "r.html")
    assert Order.unknown.value in (tmp_path / "r.html").read_text("utf-8").replace("&#x27;", "'")
