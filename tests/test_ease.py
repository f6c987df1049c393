"""ease: the closed form, scores that are sums over what users have, and what refuses it."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import mfcli
from mfcli.artifacts import save_interactions
from mfcli.config import ModelKind, TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import DivergedError, SystemRefusedError, UsageError
from mfcli.models.item_weights import ItemWeights
from mfcli.models.loading import scoring_of
from mfcli.scoring.pairs import score_pairs
from mfcli.system import capacity
from mfcli.training.engines import ease
from mfcli.training.fit import Fitted, fit
from tests.conftest import Cli
from tests.helpers import interactions

Matrix = NDArray[np.float64]


def likes(n_users: int, n_items: int, density: float, seed: int = 0) -> Interactions:
    drawn = interactions(n_users, n_items, density, seed)
    liked = dataclasses.replace(drawn, data=np.ones_like(drawn.data))
    return dataclasses.replace(liked, meta={"schema": 1, "lineage": []})


def dense(matrix: Interactions) -> Matrix:
    found = np.zeros((matrix.n_users, matrix.n_items))
    found[matrix.users, matrix.indices] = 1.0
    return found


def naive(ones: Matrix, regularization: float) -> Matrix:
    """Return the weights as the paper writes them."""
    inverse = np.linalg.inv(ones.T @ ones + regularization * np.eye(ones.shape[1]))
    weights: Matrix = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def fitted(matrix: Interactions, **options: Any) -> Fitted:
    return fit(matrix, TrainConfig.merge(("", {"model": "ease", **options})).recipe())


def weights_of(matrix: Interactions, **options: Any) -> NDArray[np.float32]:
    return fitted(matrix, **options).checkpoint.weights["item_weights"]


# Tiles of one entry make a step of each product: a small matrix shows what a large one would.
@pytest.mark.parametrize(
    ("tile", "n_users", "n_items"),
    [
        *((1, *sizes) for sizes in [(20, 12), (7, 20), (10, 11)]),
        *((tile, *sizes) for tile in (5, 16, 64) for sizes in [(60, 40), (20, 64), (30, 33)]),
    ],
)
@pytest.mark.parametrize("regularization", [0.5, 200.0])
def test_weights_are_the_closed_form_whatever_the_tiles(
    monkeypatch: pytest.MonkeyPatch, tile: int, n_users: int, n_items: int, regularization: float
) -> None:
    monkeypatch.setattr(ease, "TILE", tile)
    matrix = likes(n_users, n_items, 0.2)
    found = fitted(matrix, regularization=regularization)
    expected = naive(dense(matrix), regularization)
    weights = found.checkpoint.weights["item_weights"]
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    errors = ((dense(matrix) @ expected - dense(matrix)) ** 2).sum()
    assert found.history[0].train_loss == pytest.approx(errors / matrix.n_ratings, rel=1e-9)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.floats(0.01, 1e4))
def test_the_weights_of_any_matrix_leave_an_item_out_of_its_own_score(
    n_users: int, n_items: int, seed: int, regularization: float
) -> None:
    ones = np.random.default_rng(seed).random((n_users, n_items)) < 0.5
    ones[0, 0] = True
    indptr = np.concatenate([[0], np.cumsum(ones.sum(axis=1))]).astype(np.int32)
    items = np.nonzero(ones)[1].astype(np.int32)
    catalog = Catalog(np.arange(n_users), np.arange(n_items))
    matrix = Interactions(indptr, items, np.ones(len(items), np.float32), catalog)
    weights = weights_of(matrix, regularization=regularization)
    assert not np.diag(weights).any()
    assert not weights[~ones.any(axis=0)].any()  # of an item that nobody has
    np.testing.assert_allclose(weights, naive(ones.astype(float), regularization), atol=1e-5)


@pytest.mark.parametrize("tile", [5, 16, 64])
@pytest.mark.parametrize("regularization", [0.5, 200.0])
def test_few_users_give_the_same_weights_by_an_inverse_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tile: int, regularization: float
) -> None:
    monkeypatch.setattr(ease, "TILE", tile)
    matrix = likes(30, 70, 0.1)
    given = {"regularization": regularization, "workers": 2}
    monkeypatch.setattr(ease, "inverted_side", lambda *sizes: sizes[0])
    monkeypatch.setattr(ease, "_place", None)  # of the other way
    found = fitted(matrix, **given)
    weights, expected = (
        found.checkpoint.weights["item_weights"],
        naive(dense(matrix), regularization),
    )
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    assert not np.diag(weights).any()
    errors = ((dense(matrix) @ expected - dense(matrix)) ** 2).sum()
    assert found.history[0].train_loss == pytest.approx(errors / matrix.n_ratings, rel=1e-9)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [((1892, 17_632, 92_834), 1892), ((5551, 16_980, 204_987), 5551), ((943, 1682, 10**5), 1682)],
)
def test_the_smaller_side_is_inverted_where_that_is_less_work(
    sizes: tuple[int, int, int], side: int
) -> None:
    assert ease.inverted_side(*sizes) == side


def test_more_than_a_tile_is_the_closed_form_for_any_number_of_workers() -> None:
    matrix = likes(300, ease.TILE * 2 + 10, 0.05)
    one, *others = (weights_of(matrix, regularization=10.0, workers=many) for many in (1, 2, 5))
    assert all(np.array_equal(one, other) for other in others)
    np.testing.assert_allclose(one, naive(dense(matrix), 10.0), atol=1e-5)


def test_values_are_likes_and_weigh_the_same() -> None:
    matrix = likes(30, 20, 0.3)
    rated = dataclasses.replace(matrix, data=np.arange(1, matrix.n_ratings + 1, dtype=np.float32))
    assert np.array_equal(weights_of(rated), weights_of(matrix))


def test_a_matrix_without_an_inverse_is_said_to_be_one() -> None:
    column = likes(4, 2, 1.1)  # two items that everyone has
    with pytest.raises(DivergedError, match="larger --regularization"):
        weights_of(column, regularization=1e-300)


class TestScores:
    MATRIX = likes(50, 30, 0.2, seed=4)

    def scores(self) -> tuple[ItemWeights, Matrix]:
        scoring = scoring_of(fitted(self.MATRIX, regularization=3.0).checkpoint)
        assert isinstance(scoring, ItemWeights)
        return scoring, dense(self.MATRIX) @ naive(dense(self.MATRIX), 3.0)

    def test_a_block_and_pairs_are_the_product(self) -> None:
        scoring, expected = self.scores()
        allowed = np.arange(30) % 3 > 0
        np.testing.assert_allclose(scoring.catalogue()(7, 50), expected[7:], atol=1e-5)
        barred = scoring.catalogue(allowed)(0, 50)
        np.testing.assert_allclose(barred[:, allowed], expected[:, allowed], atol=1e-5)
        assert (barred[:, ~allowed] == -np.inf).all()
        users, items = np.divmod(np.arange(50 * 30), 30)
        assert np.array_equal(
            scoring.pairs(users, items).reshape(50, 30), scoring.catalogue()(0, 50)
        )

    def test_the_columns_that_are_taken_together_change_no_bit(self) -> None:
        matrix = likes(40, 1500, 0.02)
        random = np.random.default_rng(0)
        scoring = ItemWeights(matrix.rows, random.random((1500, 1500), np.float32))
        whole = scoring.catalogue()(0, 40)
        np.testing.assert_allclose(whole, dense(matrix) @ scoring.weights, rtol=1e-5)
        assert np.array_equal(
            np.vstack([scoring.catalogue()(at, at + 1) for at in range(40)]), whole
        )

    def test_pairs_of_unknown_ids_score_nothing(self) -> None:
        checkpoint = fitted(self.MATRIX, regularization=3.0).checkpoint
        _, expected = self.scores()
        found = score_pairs(checkpoint, [15, 15, 9999], [104, 9999, 104])
        assert found.scores.tolist() == [pytest.approx(expected[5, 4], abs=1e-5), 0.0, 0.0]
        assert (found.unknown_users, found.unknown_items) == (1, 1)

    def test_a_history_scores_as_if_it_had_been_in_train(self) -> None:
        scoring, _ = self.scores()
        model = mfcli.Model(fitted(self.MATRIX, regularization=3.0).checkpoint)
        items = self.MATRIX.catalog.item_ids[self.MATRIX.rows.of(8)]
        folded = model.fold_in((np.full(len(items), 5000), items))
        new = scoring_of(folded.checkpoint)
        assert np.array_equal(new.catalogue()(50, 51), scoring.catalogue()(8, 9))
        assert np.array_equal(folded.checkpoint.weights["item_weights"], scoring.weights)


class TestSimilar:
    def near(self, by: str) -> tuple[Matrix, list[tuple[int, int, float]]]:
        matrix = likes(80, 12, 0.3, seed=1)
        model = mfcli.Model(fitted(matrix, regularization=2.0).checkpoint)
        table = model.similar(k=11, by=by)
        rows = zip(table["item_id"], table["similar_id"], table["score"], strict=True)
        return naive(dense(matrix), 2.0), [(a - 100, b - 100, score) for a, b, score in rows]

    def test_the_dot_product_is_the_weight(self) -> None:
        weights, found = self.near("dot")
        assert len(found) == 12 * 11
        assert all(score == pytest.approx(weights[a, b], abs=1e-5) for a, b, score in found)
        assert all(one[2] >= two[2] for one, two in itertools.pairwise(found) if one[0] == two[0])

    def test_the_cosine_is_the_partial_correlation(self) -> None:
        weights, found = self.near("cosine")
        ones = dense(likes(80, 12, 0.3, seed=1))
        inverse = np.linalg.inv(ones.T @ ones + 2.0 * np.eye(12))
        sizes = np.sqrt(np.diag(inverse))
        expected = -inverse / sizes / sizes[:, None]
        assert all(score == pytest.approx(expected[a, b], abs=1e-5) for a, b, score in found)
        assert {(a, b) for a, b, _ in found} == {
            (a, b) for a in range(12) for b in range(12) if a != b
        }
        assert weights.shape == (12, 12)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    folder = tmp_path_factory.mktemp("ease")
    save_interactions(folder / "train.npz", likes(40, 25, 0.3))
    done = cli("train", folder / "train.npz", "--out", folder / "m.pt", "--model", "ease")
    assert done.exit_code == 0, done.stderr
    return folder


def test_the_options_are_those_that_mean_something(made: Path, cli: Cli) -> None:
    details = json.loads(cli("inspect", made / "m.pt", "--json").stdout)
    assert details["details"]["weights"] == {"item_weights": "(25, 25)"}
    assert details["options"]["regularization"] > 0
    assert "factors" not in details["options"]
    asked = ("train", made / "train.npz", "--out", made / "x.pt", "--model", "ease")
    others: list[tuple[str | Path, ...]] = [
        ("--factors", "4"),
        ("--init-from", made / "m.pt"),
        ("--objective", "mse"),
    ]
    assert [cli(*asked, *option).exit_code for option in others] == [2, 2, 2]
    with pytest.raises(UsageError, match="no inverse"):
        TrainConfig(model=ModelKind.ease, regularization=0.0).recipe()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "m.pt", "--out", "arrays"], "ease adds up weights between items"),
        (["similar", "m.pt", "--users", "--out", "n.csv"], "leave out --users"),
        (["train", "train.npz", "--model", "ease", "--out", "m.pt", "--resume"], "no interrupted"),
    ],
)
def test_what_it_cannot_do_is_refused_in_a_line(
    made: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(made)
    done = cli(*words)
    assert done.exit_code in (2, 3)
    assert told in done.stderr.splitlines()[-1]


def test_pairs_of_a_file_score_as_lists_do(made: Path, cli: Cli) -> None:
    lists = cli("recommend", made / "m.pt", "--out", made / "r.csv", "--k", "4")
    assert lists.exit_code == 0, lists.stderr
    pairs = cli("recommend", made / "m.pt", "--pairs", made / "r.csv", "--out", "-", "--quiet")
    rows = [
        list(csv.DictReader(io.StringIO(text)))
        for text in ((made / "r.csv").read_text(), pairs.stdout)
    ]
    assert [row["score"] for row in rows[0]] == [row["score"] for row in rows[1]]


def test_too_many_items_are_refused_with_the_figure(
    made: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert 5e9 < capacity.inverting(10**7, 25_000, 25_000, 2) < 8e9
    monkeypatch.setenv(capacity.VARIABLE, "0.4")
    matrix = likes(40, 25, 0.3)
    done = cli("train", made / "train.npz", "--out", tmp_path / "m.pt", "--model", "ease")
    assert done.exit_code == 8
    assert "25 × 25 items, needs about 4" in done.stderr
    assert " MB of memory, and there is 400 MB" in done.stderr
    assert "--min-item-ratings" in done.stderr
    assert not (tmp_path / "m.pt").exists()
    with pytest.raises(SystemRefusedError, match="25 × 25 items"):
        mfcli.fit(matrix, model="ease")


def test_the_estimate_counts_the_tiles_as_they_are() -> None:
    assert capacity._TILE == ease.TILE
