"""The training life: schedules, stages, early stopping, time limit, divergence, resume."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mfcli.config import Engine, ModelKind, Recipe, TrainConfig, combinations
from mfcli.config.applies import inapplicable
from mfcli.config.choices import CHOOSY, MODES, Setting
from mfcli.config.ways import WAYS
from mfcli.errors import DivergedError
from mfcli.events import EpochResult, Progress
from mfcli.models.tables import Tables
from mfcli.training.engines import make_engine
from mfcli.training.engines.base import EpochLoss, TrainingEngine
from mfcli.training.engines.minibatch import MinibatchEngine
from mfcli.training.life import Training
from mfcli.training.schedules import learning_rate_at
from mfcli.training.validation import Validator
from tests.helpers import interactions

TRAIN = interactions(40, 30, 0.3, seed=1)
VALID = interactions(40, 30, 0.1, seed=2)
VALID = VALID.keep(
    ~np.isin(VALID.users * 30 + VALID.indices, TRAIN.users * np.int64(30) + TRAIN.indices)
)


def config(**options: Any) -> Recipe:
    return TrainConfig.merge(("", {"factors": 4, "epochs": 4} | options)).recipe()


def training(of: Recipe, valid: bool = False) -> Training:
    model = Tables.drawn(of, TRAIN.n_users, TRAIN.n_items)

    def engine(stage: Recipe, number: int) -> TrainingEngine:
        return make_engine(model, TRAIN, stage, number, workers=1)

    return Training(of, model, engine, Validator(model, TRAIN, VALID, of) if valid else None)


def weights(of: Training) -> dict[str, Any]:
    return of.model.copied()


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@functools.cache
def trained(**options: Any) -> Training:
    """Return a run that has ended. Tests share it: they change nothing of it."""
    run = training(config(**options))
    list(run.events())
    return run


COMBINATIONS = [
    {"model": model, "objective": objective, "engine": engine}
    for model, objective, engine in combinations()
    if engine is not Engine.closed_form
]


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda each: "-".join(each.values()))
class TestContract:
    """What every legal combination of model, objective and engine must do."""

    def test_the_loss_falls(self, options):
        steps: dict[str, Any] = {}
        if options["engine"] is not Engine.als:
            steps["schedule"] = "constant"
        if options["objective"] in CHOOSY and options["model"] is not ModelKind.neural:
            steps["hardest_of"] = 1  # of the hardest it may rise while they become harder
        run = training(config(**options, epochs=8, **steps))
        losses = [event.train_loss for event in run.events() if isinstance(event, EpochResult)]
        assert len(losses) == 8
        assert losses[-1] < losses[0]

    def test_a_seed_repeats_to_the_bit_and_another_one_differs(self, options):
        first = trained(**options)
        again, other = (training(config(**options, seed=seed)) for seed in (0, 1))
        for run in (again, other):
            list(run.events())
        assert same(weights(first), weights(again))
        assert not same(weights(first), weights(other))

    def test_a_resumed_run_ends_bit_identical(self, options):
        whole = trained(**options)
        part = training(config(**options))
        states = [part.state() for event in part.events() if isinstance(event, EpochResult)]
        assert same(weights(whole), weights(part))
        for state in states[:3]:
            rest = training(config(**options))
            rest.restore(state)
            list(rest.events())
            assert same(weights(whole), weights(rest))
            assert len(rest.history) == 4

    def test_regularization_shrinks_the_factors(self, options):
        if "regularization" in inapplicable(Setting(**options)):
            pytest.skip("cosines are of vectors of length 1, which nothing shrinks")
        free, held = (
            training(config(**options, regularization=value, epochs=6)) for value in (0.0, 1.0)
        )
        list(free.events())
        list(held.events())
        assert np.linalg.norm(held.model.item_factors) < np.linalg.norm(free.model.item_factors)

    def test_rows_without_a_rating_stay_as_they_are(self, options):
        unknown = TRAIN.user_counts == 0
        before = training(config(**options)).model.user_factors[unknown]
        assert np.array_equal(trained(**options).model.user_factors[unknown], before)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("exponential", [1, 0.5, 0.25, 0.125]),
        ("inverse", [1, 1 / 1.5, 1 / 2, 1 / 2.5]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, (1 + math.cos(math.pi / 4)) / 2, 0.5, (1 + math.cos(math.pi * 0.75)) / 2]),
    ],
)
def test_schedules_follow_their_formulas(schedule, expected):
    decay = {"decay": 0.5} if schedule in ("exponential", "inverse") else {}
    of = config(schedule=schedule, learning_rate=1.0, **decay)
    assert [learning_rate_at(of, epoch) for epoch in (1, 2, 3, 4)] == pytest.approx(expected)


def test_an_epoch_uses_the_learning_rate_of_its_schedule():
    run = training(config(schedule="linear", learning_rate=0.4, mode="explicit"))
    list(run.events())
    assert [epoch.learning_rate for epoch in run.history] == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_stages_go_on_from_the_last_weights_with_a_fresh_optimizer():
    """Two stages of two epochs equal two runs, the second one started from the first one's end."""
    stages = [{"epochs": 2, "learning_rate": 0.1}, {"epochs": 2, "learning-rate": 0.01}]
    both = training(config(stages=stages, schedule="constant"))
    list(both.events())
    assert [epoch.stage for epoch in both.history] == [1, 1, 2, 2]
    assert [epoch.learning_rate for epoch in both.history] == [0.1, 0.1, 0.01, 0.01]
    first = training(config(stages=stages[:1], schedule="constant"))
    list(first.events())
    second = training(config(epochs=2, learning_rate=0.01, schedule="constant"))
    second.model.load(weights(first))
    # The second stage draws its order from its own number.
    second.engine_for = lambda of, _: MinibatchEngine(second.model, TRAIN, of, 1, 1)
    list(second.events())
    assert same(weights(both), weights(second))


def test_a_run_resumed_in_its_second_stage_ends_bit_identical():
    options = {"stages": [{"epochs": 2}, {"epochs": 3, "learning-rate": 0.3}]}
    whole = training(config(**options))
    list(whole.events())
    for stop_after in (2, 3, 4):
        part = training(config(**options))
        events = part.events()
        while len(part.history) < stop_after:
            next(events)
        rest = training(config(**options))
        rest.restore(part.state())
        list(rest.events())
        assert same(weights(whole), weights(rest))


def test_early_stopping_keeps_the_best_epoch():
    options = {"epochs": 60, "learning_rate": 0.3, "regularization": 0.0, "patience": 3}
    run = training(config(**options, valid="v.npz", schedule="constant"), valid=True)
    seen = [
        (event.valid_loss, weights(run)) for event in run.events() if isinstance(event, EpochResult)
    ]
    assert run.stopped == "early"
    best = min(range(len(seen)), key=lambda at: seen[at][0] or math.inf)
    assert run.best_epoch == best + 1
    assert len(seen) == best + 1 + 3
    assert same(weights(run), seen[best][1])


def test_early_stopping_survives_a_resume():
    options = {"epochs": 60, "learning_rate": 0.3, "regularization": 0.0, "patience": 3}
    of = config(**options, valid="v.npz", schedule="constant")
    whole = training(of, valid=True)
    list(whole.events())
    for stop_after in (1, len(whole.history) - 1, len(whole.history)):
        part = training(of, valid=True)
        events = part.events()
        while len(part.history) < stop_after:
            next(events)
        rest = training(of, valid=True)
        rest.restore(part.state())
        list(rest.events())
        assert rest.best_epoch == whole.best_epoch
        assert len(rest.history) == len(whole.history)
        assert same(weights(whole), weights(rest))


def test_validation_happens_every_n_epochs_and_at_the_end():
    of = config(epochs=5, eval_every=2, valid="v.npz", metric=["auc"])
    run = training(of, valid=True)
    list(run.events())
    assert [epoch.valid_loss is not None for epoch in run.history] == [
        False,
        True,
        False,
        True,
        True,
    ]
    assert set(run.history[1].metrics) == {"auc"}


def test_a_time_limit_stops_at_a_whole_epoch():
    run = training(config(epochs=10_000, time_limit=0.05))
    events = list(run.events())
    assert run.stopped == "time limit"
    assert 1 <= len(run.history) < 10_000
    assert isinstance(events[-1], EpochResult)
    assert same(weights(run), run.state()["weights"])


class SlowEngine:
    """An engine whose second epoch reports progress for ever, having spoilt the weights."""

    n_samples = 100

    def __init__(self, model: Tables, loss: float) -> None:
        self.model, self.loss = model, loss

    def epoch(self, number: int, learning_rate: float) -> Iterator[Progress | EpochLoss]:  # noqa: ARG002
        if number == 1:
            yield EpochLoss(1.0)
            return
        self.model.user_factors[...] += 1
        while True:
            yield Progress(1, 100, self.loss)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


def slow(loss: float, **options: Any) -> Training:
    of = config(**options)
    model = Tables.drawn(of, 5, 5)
    return Training(of, model, lambda *_: SlowEngine(model, loss))


def test_a_time_limit_within_an_epoch_goes_back_to_the_last_whole_one():
    run = slow(0.5, time_limit=0.05)
    events = run.events()
    assert isinstance(next(events), EpochResult)
    before = weights(run)
    list(events)
    assert run.stopped == "time limit"
    assert len(run.history) == 1
    assert same(weights(run), before)


def test_a_loss_that_is_not_finite_stops_the_run_and_the_state_is_the_last_good_one():
    run = slow(math.nan)
    events = run.events()
    next(events)
    good = weights(run)
    with pytest.raises(DivergedError, match="epoch 2"):
        list(events)
    assert same(run.state()["weights"], good)
    assert not same(weights(run), good)


def test_weights_that_are_not_finite_stop_the_run():
    run = training(config(learning_rate=1e30, optimizer="sgd", reduction="sum"))
    with pytest.raises(DivergedError, match="smaller --learning-rate"):
        list(run.events())


def test_an_interrupted_epoch_leaves_the_state_of_the_last_whole_one():
    run = slow(0.5)
    events = run.events()
    next(events)
    good = weights(run)
    next(events)
    assert same(run.state()["weights"], good)
    assert run.state()["epoch"] == 1


def test_every_mode_names_a_combination_that_has_defaults():
    assert set(MODES.values()) <= set(combinations())
    assert all(way.models for way in WAYS.values())
    assert all(way.defaults for (_, objective), way in WAYS.items() if objective is not None)


@pytest.mark.parametrize("order", [0, 1])
def test_stages_may_differ_in_sparse_gradients(order):
    stages = [
        {"epochs": 1, "optimizer": "sparse-adam"},
        {"epochs": 1, "optimizer": "sgd", "sparse": False},
    ]
    run = training(config(stages=stages[::-1] if order else stages))
    list(run.events())
    assert len(run.history) == 2
