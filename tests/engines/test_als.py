"""Alternating least squares: each row's exact solution, a falling objective, the same bits."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfcli.config import Init, Recipe, TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import Progress
from mfcli.kernels import solve_rows
from mfcli.models.tables import Tables
from mfcli.training.engines.als import ALSEngine
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.least_squares import gramian
from mfcli.training.validation import Validator
from tests.helpers import any_interactions, interactions

TRAIN = interactions(40, 30, 0.3, seed=1)
COUNTS = dataclasses.replace(TRAIN, data=TRAIN.data + 1)


def config(**options: Any) -> Recipe:
    weight = {"unobserved_weight": 0.04} if options.get("objective") == "ials" else {}
    return TrainConfig.merge(("", {"engine": "als"} | weight | options)).recipe()


def made(of: Recipe, train: Interactions = TRAIN, workers: int = 1) -> ALSEngine:
    model = Tables.drawn(of, train.n_users, train.n_items)
    if model.has_biases:
        model.set_mean(float(train.data.mean()) if train.n_ratings else 0.0)
    return ALSEngine(model, train, of, 0, workers)


def epoch(engine: ALSEngine, number: int = 1) -> float:
    last = list(engine.epoch(number, 0.0))[-1]
    assert isinstance(last, EpochLoss)
    return last.loss


def penalty(engine: ALSEngine) -> float:
    """Return what the regularisation adds to the loss of all entries."""
    total = 0.0
    for rows, table in ((engine.by_user, engine.users), (engine.by_item, engine.items)):
        factors, biases = (np.asarray(row, np.float64) for row in table)
        total += float(np.asarray(rows.ridge) @ (factors**2).sum(axis=1))
        if len(biases):
            total += float(np.asarray(rows.bias_ridge) @ biases**2)
    return total


def products(engine: ALSEngine) -> np.ndarray:
    """Return the scores of all pairs, (U, I), without the mean."""
    users, items = (np.asarray(side.factors, np.float64) for side in (engine.users, engine.items))
    scores = users @ items.T
    if len(engine.users.biases):
        scores += np.asarray(engine.users.biases)[:, None] + np.asarray(engine.items.biases)
    return scores


def dense(train: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Return ratings and mask, (U, I)."""
    ratings, mask = (np.zeros((train.n_users, train.n_items)) for _ in range(2))
    ratings[train.users, train.indices] = train.data
    mask[train.users, train.indices] = 1
    return ratings, mask


def weights_of(of: Recipe, ratings: np.ndarray, mask: np.ndarray) -> np.ndarray:
    grown = {"linear": ratings, "log": np.log1p(ratings)}.get(str(of.confidence))
    return mask if grown is None else mask * (1 + (of.alpha or 0) * grown)


OPTIONS: list[dict[str, Any]] = [
    {"objective": "mse", "model": "mf"},
    {"objective": "mse", "model": "biased-mf", "bias_regularization": 0.3},
    {"objective": "ials"},
    {"objective": "ials", "confidence": "linear", "alpha": 0.5},
    {"objective": "ials", "confidence": "log", "regularization_exponent": 0.5},
]


def normal_equations(
    of: Recipe,
    train: Interactions,
    items: np.ndarray,
    biases: np.ndarray,
    mean: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve every user in float64, one at a time: (U, F), or (U, F + 1) with a bias.

    The second solution is as if all terms of the right side were positive, so that none takes
    another away.
    """
    ratings, mask = dense(train)
    factors, biased = items.shape[1], of.model == "biased-mf"
    sides = np.hstack([items, np.ones((len(items), 1))]) if biased else items
    weights = weights_of(of, ratings, mask)
    unobserved = (of.unobserved_weight or 0) * sides.T @ sides
    solved = np.zeros((train.n_users, sides.shape[1], 2))
    for user in np.flatnonzero(mask.sum(axis=1)):
        count = mask[user].sum()
        target = mask[user] if of.objective == "ials" else ratings[user] - mean - biases
        penalty = np.full(sides.shape[1], (of.regularization or 0) * count)
        if biased:
            penalty[factors] = (of.bias_regularization or 0) * count
        held = mask[user] > 0
        matrix = (sides[held] * weights[user, held, None]).T @ sides[held]
        if of.objective == "ials":
            scale = (count + (of.unobserved_weight or 0) * train.n_items) ** (
                1.0 if of.regularization_exponent is None else of.regularization_exponent
            )
            penalty[:] = (of.regularization or 0) * scale
            matrix += unobserved
        right = weights[user] * target
        both = np.stack([sides.T @ right, abs(sides).T @ abs(right)], axis=1)
        solved[user] = np.linalg.solve(matrix + np.diag(penalty), both)
    return solved[..., 0], solved[..., 1]


@pytest.fixture(params=["compiled", "torch"])
def solver(request, monkeypatch):
    """Solve on the CPU by the compiled kernels, or by what solves on other devices."""
    if request.param == "torch":
        monkeypatch.setattr("mfcli.training.engines.als.COMPILED_DEVICE", "none")
    return request.param


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("factors", [1, 16, 37])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "-".join(map(str, each.values())))
def test_users_are_solved_as_the_normal_equations_say(options, factors):
    of = config(**options, factors=factors, regularization=0.05, init="normal:0.3")
    engine = made(of, COUNTS)
    epoch(engine)
    items = np.asarray(engine.items.factors, np.float64)
    biases = np.asarray(engine.items.biases, np.float64)
    biases = biases if len(biases) else np.zeros(30)
    expected, _ = normal_equations(of, COUNTS, items, biases, engine.mean)
    found = engine.users.factors
    if len(engine.users.biases):
        found = np.hstack([found, engine.users.biases[:, None]])
    known = COUNTS.user_counts > 0
    np.testing.assert_allclose(found[known], expected[known], atol=1e-4, rtol=1e-3)


# Rows without entries, with few, with as many as factors and about, and with many more.
LENGTHS = (0, 1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 257, 300, 0)


@pytest.mark.usefixtures("solver")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    options=st.sampled_from(OPTIONS),
    factors=st.integers(1, 130),
    lengths=st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=12),
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([0.01, 0.3, 1.0]),
)
def test_rows_of_any_length_are_solved_as_float64_solves_them(
    options, factors, lengths, seed, scale
):
    of = config(**options, factors=factors, regularization=0.05, init=f"normal:{scale}")
    assert_solved(of, lengths, 300, seed)


@pytest.mark.parametrize("options", OPTIONS[1:4], ids=["mse", "ials", "weighted"])
@pytest.mark.parametrize("factors", [256, 600])
@pytest.mark.parametrize(
    ("regularization", "unobserved"), [(1e-3, 10.0), (1e3, 1e-4), (0.05, 1e-4)]
)
def test_wide_rows_are_solved_whatever_is_held(options, factors, regularization, unobserved):
    """Fewer, as many and more entries than factors, at weak and strong ridges and α₀."""
    held = {"regularization": regularization, "init": "normal:0.3"}
    if options["objective"] == "ials":
        held["unobserved_weight"] = unobserved
    of = config(**options, **held, factors=factors)
    assert_solved(of, [0, 1, 40, 130, 255, 257, factors, 700, 900], 1000, 0)


def assert_solved(of: Recipe, lengths: list[int], n_items: int, seed: int) -> None:
    """To 1e-4 of the solution, and a millionth of what it were if no target took another away."""
    random = np.random.default_rng(seed)
    rows = [np.sort(random.choice(n_items, length, replace=False)) for length in lengths]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = random.integers(1, 9, indptr[-1]).astype(np.float32)
    catalog = Catalog(np.arange(len(lengths)), np.arange(n_items))
    train = Interactions(indptr, np.concatenate(rows).astype(np.int32), data, catalog)
    engine = made(of, train)
    for _ in engine.by_user.solve(engine.users, engine.items, engine.mean, 1):
        pass
    items = np.asarray(engine.items.factors, np.float64)
    biases = np.asarray(engine.items.biases, np.float64)
    biases = biases if len(biases) else np.zeros(n_items)
    known = train.user_counts > 0
    solutions = normal_equations(of, train, items, biases, engine.mean)
    expected, whole = (solution[known] for solution in solutions)
    found = np.asarray(engine.users.factors)
    if len(engine.users.biases):
        found = np.hstack([found, np.asarray(engine.users.biases)[:, None]])
    error = np.linalg.norm(found[known] - expected, axis=1)
    allowed = 1e-4 * np.linalg.norm(expected, axis=1) + 1e-6 * np.linalg.norm(whole, axis=1)
    assert (error <= allowed).all()


@pytest.mark.usefixtures("solver")
@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "-".join(map(str, each.values())))
@pytest.mark.parametrize("factors", [20, 70])
def test_the_loss_is_that_of_all_pairs_and_the_objective_never_rises(options, factors):
    of = config(**options, factors=factors, regularization=0.02)
    engine = made(of, COUNTS)
    ratings, mask = dense(COUNTS)
    totals = []
    for number in range(1, 6):
        loss = epoch(engine, number) * COUNTS.n_ratings
        users, items = (np.asarray(side.factors) for side in (engine.users, engine.items))
        scores = users.astype(np.float64) @ items.T
        if len(engine.users.biases):
            user_bias, item_bias = (np.asarray(e.biases) for e in (engine.users, engine.items))
            scores += user_bias[:, None] + item_bias + engine.mean
        weights = weights_of(of, ratings, mask)
        if of.objective == "ials":
            naive = (weights * (1 - scores) ** 2).sum()
            naive += of.unobserved_weight * (scores**2).sum()
        else:
            naive = (weights * (ratings - scores) ** 2).sum()
        assert loss == pytest.approx(naive, rel=1e-4)
        totals.append(loss + penalty(engine))
    assert all(after <= before * (1 + 1e-5) for before, after in itertools.pairwise(totals))


@pytest.mark.parametrize("device", ["cpu", "none"])
@settings(max_examples=40, deadline=None)
@given(any_interactions(), st.sampled_from(["mse", "ials"]), st.integers(1, 40))
def test_any_matrix_gives_finite_weights_without_regularization(device, train, objective, factors):
    """Fewer entries than factors: directions without an entry stay out of the solution."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mfcli.training.engines.als.COMPILED_DEVICE", device)
        _trained_without_regularization(train, objective, factors)


def _trained_without_regularization(train: Interactions, objective: str, factors: int) -> None:
    train = dataclasses.replace(train, data=np.clip(train.data, -100, 100))
    of = config(objective=objective, factors=factors, regularization=0.0)
    engine = made(of, train)
    for number in (1, 2, 3):
        assert np.isfinite(epoch(engine, number))
    assert engine.model.are_finite()


@pytest.mark.parametrize("parts", [1, 7, 500])
@pytest.mark.parametrize("options", OPTIONS[1:4], ids=["mse", "ials", "weighted"])
def test_the_bits_are_the_same_for_any_number_of_workers_and_parts(options, parts, monkeypatch):
    train = interactions(300, 200, 0.1, seed=3)
    runs = []
    for workers in (1, 2, 3, 4):
        if workers > 1:
            monkeypatch.setattr("mfcli.training.engines.least_squares.PARTS", parts)
        engine = made(config(**options, factors=70), train, workers)
        losses = np.array([epoch(engine, number) for number in (1, 2)])
        runs.append([losses, *engine.model.weights.values()])
    for other in runs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(runs[0], other, strict=True))


def test_torch_solves_as_the_kernels_do_in_batches_of_any_size(monkeypatch):
    train = interactions(90, 60, 0.3, seed=3)
    for options in OPTIONS:
        of = config(**options, factors=24, regularization=0.05)
        compiled = made(of, train)
        expected = [epoch(compiled, number) for number in (1, 2)]
        for space in (1, 1 << 14, 1 << 25):
            with monkeypatch.context() as patch:
                patch.setattr("mfcli.training.engines.als.COMPILED_DEVICE", "none")
                patch.setattr("mfcli.training.engines.least_squares_torch.SPACE", space)
                patch.setattr("mfcli.training.engines.least_squares_torch.INTERVAL", 0.0)
                engine = made(of, train)
                steps = list(engine.epoch(1, 0.0))
                dones = [step.done for step in steps if isinstance(step, Progress)]
                assert dones == sorted(dones)
                assert dones[-1] == train.n_ratings
                found = [steps[-1].loss, epoch(engine, 2)]
            assert found == pytest.approx(expected, rel=1e-4)
            np.testing.assert_allclose(products(engine), products(compiled), atol=2e-3, rtol=2e-2)


def test_closing_an_epoch_stops_its_threads(monkeypatch):
    solved = []

    def slowly(rows, *others):
        time.sleep(0.005)
        solved.append(len(rows))
        solve_rows(rows, *others)

    monkeypatch.setattr("mfcli.training.engines.least_squares.INTERVAL", 0.0)
    monkeypatch.setattr("mfcli.training.engines.least_squares.solve_rows", slowly)
    engine = made(config(objective="ials", factors=32), interactions(400, 300, 0.3, seed=5), 2)
    steps = engine.epoch(1, 0.0)
    assert isinstance(next(steps), Progress)
    steps.close()  # type: ignore[attr-defined]
    before = len(solved)
    time.sleep(0.02)
    assert len(solved) == before < 64


def test_the_gramian_is_that_of_float64():
    table = np.random.default_rng(0).normal(size=(2500, 48)).astype(np.float32)
    exact = table.astype(np.float64).T @ table
    np.testing.assert_allclose(gramian(table), exact, atol=2e-3)


def test_the_validation_loss_goes_over_all_pairs_outside_of_train():
    valid = interactions(40, 30, 0.1, seed=2)
    taken = np.isin(valid.users * 30 + valid.indices, TRAIN.users * np.int64(30) + TRAIN.indices)
    valid = valid.keep(~taken)
    of = config(objective="ials", factors=8)
    engine = made(of)
    epoch(engine)
    scores = engine.users.factors.astype(np.float64) @ engine.items.factors.T
    missing, held_out = 1 - dense(TRAIN)[1], dense(valid)[1]
    naive = (held_out * (1 - scores) ** 2).sum() + of.unobserved_weight * (
        missing * scores**2
    ).sum()
    loss, _ = Validator(engine.model, TRAIN, valid, of)()
    assert loss == pytest.approx(naive / valid.n_ratings, rel=1e-5)


def test_a_negative_value_is_no_confidence():
    train = dataclasses.replace(TRAIN, data=TRAIN.data - 3)
    with pytest.raises(InputError, match="--confidence needs values of at least 0"):
        made(config(objective="ials", confidence="linear"), train)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"objective": "ials", "engine": "hogwild"}, "needs --engine als"),
        ({"objective": "ials", "model": "biased-mf"}, "needs --model mf"),
        ({"objective": "bpr"}, "solves squares, mse and ials"),
        ({"objective": "mse", "model": "neural"}, "needs minibatch"),
        ({"objective": "ials", "learning_rate": 0.1}, "nothing is learnt in steps"),
        ({"objective": "ials", "alpha": 2.0}, "needs --confidence linear or log"),
        ({"objective": "mse", "unobserved_weight": 0.1}, "only --objective ials has it"),
        ({"objective": "ials", "negatives": 3}, "sample negatives"),
    ],
)
def test_what_means_nothing_is_refused(options, reason):
    with pytest.raises(UsageError, match=reason):
        config(**options)


def test_ials_implies_its_model_and_its_engine():
    of = TrainConfig.merge(("", {"objective": "ials"})).recipe()
    assert (of.model, of.engine, of.init) == ("mf", "als", Init.read("scaled:0.1"))
