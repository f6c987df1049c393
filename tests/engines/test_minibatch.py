"""The torch engine: optimizers, sparse and dense gradients, batches, every rating once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models.modules import module_of
from mfcli.models.objectives import Batch
from mfcli.models.tables import Tables
from mfcli.training.engines import minibatch
from mfcli.training.engines.base import EpochLoss
from mfcli.training.engines.minibatch import MinibatchEngine, _array_of
from tests.helpers import interactions

TRAIN = interactions(25, 20, 0.3, seed=3)


def made(train: Interactions = TRAIN, **options: Any) -> MinibatchEngine:
    of = TrainConfig.merge(("", {"factors": 4, "epochs": 4} | options)).recipe()
    model = Tables.drawn(of, train.n_users, train.n_items)
    return MinibatchEngine(model, train, of, 0, 1)


def run(engine: MinibatchEngine, epochs: int = 3, rate: float = 0.05) -> list[float]:
    losses = []
    for number in range(1, epochs + 1):
        *_, last = engine.epoch(number, rate)
        assert isinstance(last, EpochLoss)
        losses.append(last.loss)
    return losses


def batches(engine: MinibatchEngine, number: int = 1) -> list[Batch]:
    seen: list[Batch] = []
    step = engine._step

    def record(batch: Batch, generator: torch.Generator) -> Any:
        seen.append(batch)
        return step(batch, generator)

    engine._step = record  # type: ignore[method-assign]
    list(engine.epoch(number, 0.05))
    return seen


@pytest.mark.parametrize("size", ["1", "7", "64", "full", "100000"])
def test_every_rating_is_visited_exactly_once_an_epoch(size):
    engine = made(batch_size=size)
    seen = batches(engine)
    users, items, ratings = (torch.cat(entry).numpy() for entry in zip(*seen, strict=True))
    order = np.lexsort((items, users))
    np.testing.assert_array_equal(users[order], TRAIN.users)
    np.testing.assert_array_equal(items[order], TRAIN.indices)
    np.testing.assert_array_equal(ratings[order], TRAIN.data)
    if size in ("full", "100000"):
        assert len(seen) == 1


def test_the_order_changes_from_epoch_to_epoch_and_from_stage_to_stage():
    engine = made(batch_size="full")
    first = batches(engine)[0].items
    of = engine.recipe
    other = MinibatchEngine(engine.tables, TRAIN, of, 1, 1)
    assert not torch.equal(first, batches(other)[0].items)
    second = batches(made(batch_size="full"), number=2)[0].items
    assert not torch.equal(first, second)


OPTIMIZERS = [
    {"optimizer": "sgd", "sparse": False},
    {"optimizer": "sgd", "sparse": True},
    {"optimizer": "adam", "sparse": False},
    {"optimizer": "adagrad", "sparse": False},
    {"optimizer": "adagrad", "sparse": True},
    {"optimizer": "sparse-adam"},
]


@pytest.mark.parametrize("objective", ["mse", "bpr"])
@pytest.mark.parametrize("options", OPTIMIZERS, ids=str)
def test_every_optimizer_learns_and_goes_on_from_its_state(options, objective):
    plain: dict[str, Any] = (
        {"hardest_of": 1} if objective == "bpr" else {}
    )  # of the hardest the loss may rise
    engine = made(**options, **plain, objective=objective, batch_size="32", reduction="sum")
    losses = run(engine, 6)
    assert losses[-1] < losses[0]
    once, twice = made(**options, objective=objective), made(**options, objective=objective)
    run(once, 2)
    list(twice.epoch(1, 0.05))
    state = twice.state()
    fresh = MinibatchEngine(twice.tables, TRAIN, twice.recipe, 0, 1)
    fresh.load_state(state)
    list(fresh.epoch(2, 0.05))
    for a, b in zip(once.model.parameters(), fresh.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_weights_come_and_go_where_a_device_has_its_own_memory(monkeypatch):
    """As on CUDA: a copy is trained, taken from the tables before an epoch and brought back."""
    expected = made()
    run(expected)
    monkeypatch.setattr(minibatch, "CPU", "none")
    monkeypatch.setattr(
        minibatch, "module_of", lambda tables: module_of(Tables.of(tables.args, tables.copied()))
    )
    engine = made()
    before = engine.tables.copied()
    list(engine.epoch(1, 0.05))
    assert not np.array_equal(engine.tables.user_factors, before["user_factors"])
    assert not np.shares_memory(engine.tables.user_factors, _array_of(engine.model.user_factors))
    again = made()
    again.tables.load(engine.tables.copied())  # what a resumed run does
    again.load_state(engine.state())
    for number in (2, 3):
        list(again.epoch(number, 0.05))
    for name, weight in expected.tables.weights.items():
        assert np.array_equal(again.tables.weights[name], weight)


def test_sparse_and_dense_sgd_agree():
    dense, sparse = (
        made(optimizer="sgd", sparse=number, batch_size="16") for number in (False, True)
    )
    run(dense)
    run(sparse)
    for a, b in zip(dense.model.parameters(), sparse.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("model", ["mf", "biased-mf"])
def test_steps_with_written_out_slopes_are_those_of_autograd(model, reduction, monkeypatch):
    """Also where a user and an item have several ratings in a batch."""
    options = {"model": model, "reduction": reduction, "optimizer": "sgd", "batch_size": "16"}
    options |= {"regularization": 0.3, "init": "normal:0.5"}
    if model == "biased-mf":
        options |= {"bias_regularization": 0.2, "bias_init": "normal:0.5"}
    written = made(**options)
    assert written.squared is not None
    monkeypatch.setattr(minibatch, "writes_out", lambda *_: False)
    autograd = made(**options)
    assert autograd.squared is None
    assert run(written, rate=0.02) == pytest.approx(run(autograd, rate=0.02), rel=1e-5)
    for a, b in zip(written.model.parameters(), autograd.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam"},
        {"weight_decay": 0.1},
        {"bias_weight_decay": 0.1},
        {"dropout": 0.5},
        {"clip_norm": 1.0},
        {"model": "neural"},
        {"objective": "bpr"},
    ],
    ids=str,
)
def test_what_changes_other_rows_or_slopes_is_left_to_autograd(options):
    assert made(**{"optimizer": "sgd"} | options).squared is None


def test_one_full_batch_step_of_sgd_is_the_formula():
    """θ − lr·∇[Σ (r̂ − r)² + λ Σ ‖θ touched‖²], by autograd in float64 over the definition."""
    engine = made(
        optimizer="sgd",
        batch_size="full",
        reduction="sum",
        regularization=0.3,
        bias_regularization=0.2,
        init="normal:0.5",
        bias_init="normal:0.5",
    )
    model = engine.model
    doubles = {
        name: element.detach().double().clone().requires_grad_()
        for name, element in model.named_parameters()
    }
    users = torch.from_numpy(TRAIN.users.astype(np.int64))
    items = torch.from_numpy(TRAIN.indices.astype(np.int64))
    u, v = doubles["user_factors"][users], doubles["item_factors"][items]
    a, b = doubles["user_bias"][users, 0], doubles["item_bias"][items, 0]
    mean = float(model.global_mean)  # type: ignore[arg-type]
    error = (u * v).sum(1) + a + b + mean - torch.from_numpy(TRAIN.data).double()
    penalty = 0.3 * (u.square().sum() + v.square().sum()) + 0.2 * (a.square() + b.square()).sum()
    (error.square().sum() + penalty).backward()  # type: ignore[no-untyped-call]
    *_, last = engine.epoch(1, 0.001)
    assert isinstance(last, EpochLoss)
    assert last.loss == pytest.approx(float(error.detach().square().mean()), rel=1e-6)
    for name, entry in model.named_parameters():
        gradient = doubles[name].grad
        assert gradient is not None
        expected = doubles[name].detach() - 0.001 * gradient
        torch.testing.assert_close(entry.detach().double(), expected, atol=1e-6, rtol=1e-5)


def test_weight_decay_is_torchs_own_and_apart_for_biases():
    groups = made(weight_decay=0.3, bias_weight_decay=0.1).optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.1]
    assert [len(group["params"]) for group in groups] == [2, 2]
    groups = made(weight_decay=0.3).optimizer.param_groups  # the biases follow: one group
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.3, 4)]


def test_clipping_bounds_the_step():
    engine = made(optimizer="sgd", batch_size="full", reduction="sum", clip_norm=1e-3)
    before = [parameter.detach().clone() for parameter in engine.model.parameters()]
    run(engine, 1, rate=1.0)
    moved = sum(
        float((a.detach() - b).square().sum())
        for a, b in zip(engine.model.parameters(), before, strict=True)
    )
    assert moved**0.5 == pytest.approx(1e-3, rel=1e-3)


def test_reduction_mean_divides_the_gradient_by_the_batch():
    summed = made(optimizer="sgd", batch_size="full", reduction="sum")
    mean = made(optimizer="sgd", batch_size="full", reduction="mean")
    run(summed, 1, rate=0.01)
    run(mean, 1, rate=0.01 * TRAIN.n_ratings)
    for a, b in zip(summed.model.parameters(), mean.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_users_who_have_seen_everything_are_left_out_of_pairwise_training():
    whole = interactions(4, 5, 0.4, seed=0)
    full = np.concatenate([np.arange(5), whole.indices[whole.indptr[1] :]])
    indptr = whole.indptr - whole.indptr[1] + 5
    indptr[0] = 0
    train = Interactions(
        indptr.astype(np.int32),
        full.astype(np.int32),
        np.ones(len(full), np.float32),
        whole.catalog,
    )
    engine = made(train, objective="bpr")
    assert engine.n_samples == train.n_ratings - 5
    assert 0 not in engine.data.users.tolist()
    run(engine, 1)


def test_dropout_changes_training_and_repeats_with_the_seed():
    losses = [run(made(dropout=number)) for number in (0.0, 0.5, 0.5)]
    assert losses[0] != losses[1]
    assert losses[1] == losses[2]
