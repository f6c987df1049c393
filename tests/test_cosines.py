"""Objectives of cosines in torch and on validation, against plain loops in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from mfcli.config import ModelArgs, ModelKind, Objective, TrainConfig
from mfcli.config.choices import COSINE
from mfcli.models import losses
from mfcli.models.cosines import COSINES, cosine_loss, loss_of
from mfcli.models.dot import MF
from mfcli.models.objectives import Batch
from mfcli.models.sampling import NegativeSampler, SharedNegatives
from mfcli.models.tables import Tables
from mfcli.training.fit import fit
from mfcli.training.fold_in import fold_in
from tests.helpers import interactions

USERS, ITEMS, FACTORS = 6, 9, 3
ARGS = ModelArgs(
    model=ModelKind.mf, n_users=USERS, n_items=ITEMS, factors=FACTORS, item_factors=FACTORS
)
OPTIONS: dict[Objective, dict[str, Any]] = {
    Objective.softmax: {"temperature": 0.3},
    Objective.ccl: {"margin": 0.1, "negative_weight": 7.0},
}
cosines = pytest.mark.parametrize("objective", list(OPTIONS))


def recipe_of(objective: Objective, **more: Any) -> Any:
    options = {"engine": "minibatch", "objective": str(objective)} | OPTIONS[objective] | more
    return TrainConfig.merge(("", options)).recipe()


def naive(objective: Objective, positive: float, others: list[float], shifts: list[float]) -> float:
    """Return the loss of one positive and the negatives that its user has not seen."""
    own = OPTIONS[objective]
    if not others:
        return 0.0
    if objective is Objective.softmax:
        total = math.exp(positive / own["temperature"])
        for score, shift in zip(others, shifts, strict=True):
            total += math.exp(score / own["temperature"] + shift)
        return math.log(total) - positive / own["temperature"]
    above = [max(0.0, score - own["margin"]) for score in others]
    return 1 - positive + own["negative_weight"] * sum(above) / len(above)


def cosine(u: np.ndarray, v: np.ndarray) -> float:
    return float(u @ v) / math.sqrt(float(u @ u) * float(v @ v))


def batch_of() -> tuple[Batch, SharedNegatives]:
    values = torch.tensor([1.0, 4.5, 0.5, 2.0], dtype=torch.float64)
    batch = Batch(torch.tensor([0, 0, 1, 5]), torch.tensor([0, 3, 3, 7]), values)
    hidden = torch.tensor([[0, 1, 0], [0, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=torch.bool)
    shifts = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    return batch, SharedNegatives(torch.tensor([1, 2, 2]), shifts, hidden)


def model_of() -> MF:
    torch.manual_seed(0)
    model = MF(Tables.zeros(ARGS)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def by_hand(objective: Objective, model: MF) -> float:
    batch, negatives = batch_of()
    users, items = model.user_factors.detach().numpy(), model.item_factors.detach().numpy()
    total = 0.0
    for at, (user, item) in enumerate(zip(batch.users.tolist(), batch.items.tolist(), strict=True)):
        open_ = [m for m in range(3) if not negatives.hidden[at, m]]
        others = [cosine(users[user], items[int(negatives.items[m])]) for m in open_]
        shifts = [float(negatives.shifts[m]) for m in open_]
        assert batch.values is not None
        own = cosine(users[user], items[item])
        total += float(batch.values[at]) * naive(objective, own, others, shifts)
    return total


def test_every_objective_of_cosines_is_in_the_tables() -> None:
    assert set(COSINES) == set(losses.COSINES) == set(OPTIONS) == COSINE


@cosines
def test_loss_and_slopes_are_those_by_hand(objective: Objective) -> None:
    """Slopes by differences: the vectors have any length."""
    model = model_of()
    found = cosine_loss(COSINES[objective](recipe_of(objective)), model, *batch_of())
    assert found.loss.item() == pytest.approx(by_hand(objective, model), rel=1e-9)
    assert found.samples == 4
    found.loss.backward()  # type: ignore[no-untyped-call]
    for parameter in model.parameters():
        assert parameter.grad is not None
        for row, column in np.ndindex(*parameter.shape):
            ends = []
            for step in (1e-6, -2e-6):
                with torch.no_grad():
                    parameter[row, column] += step
                ends.append(by_hand(objective, model))
            with torch.no_grad():
                parameter[row, column] += 1e-6
            slope = (ends[0] - ends[1]) / 2e-6
            assert float(parameter.grad[row, column]) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@cosines
def test_losses_of_validation_are_those_by_hand(objective: Objective) -> None:
    random = np.random.default_rng(0)
    positive, negative = random.uniform(-1, 1, 5), random.uniform(-1, 1, (5, 4))
    shifts = [math.log(1000 / 4)] * 4
    expected = sum(
        naive(objective, p, n.tolist(), shifts) for p, n in zip(positive, negative, strict=True)
    )
    found = losses.COSINES[objective](recipe_of(objective), 1000)(positive, negative)
    assert found.loss == pytest.approx(expected, rel=1e-12)
    assert found.samples == 5


@pytest.mark.parametrize("power", [0.0, 0.75])
def test_shared_negatives_stand_for_the_catalogue_and_what_is_seen_is_hidden(power: float) -> None:
    matrix = interactions(40, 60, 0.2, seed=1)
    sampler = NegativeSampler([matrix], torch.device("cpu"), power)
    users = torch.from_numpy(matrix.users[::7].copy())
    sizes = torch.from_numpy(np.random.default_rng(0).uniform(1, 5, 60))
    generator = torch.Generator().manual_seed(0)
    sums = []
    for _ in range(400):
        negatives = sampler.shared(users, 20, generator)
        assert len(negatives.items) == 20
        wanted = sampler.is_seen(users[:, None], negatives.items[None, :])
        assert torch.equal(negatives.hidden, wanted)
        sums.append(float((negatives.shifts.exp() * sizes[negatives.items]).sum()))
    assert np.mean(sums) == pytest.approx(float(sizes.sum()), rel=0.02)
    everything = sampler.shared(users, 60, generator)
    assert everything.items.tolist() == list(range(60))
    assert not everything.shifts.any()


@cosines
@pytest.mark.parametrize("engine", ["minibatch", "hogwild"])
def test_a_model_has_length_one_learns_and_folds_in_who_it_knows(
    objective: Objective, engine: str
) -> None:
    """Two tribes: folded in from its history alone, a user has the lists of its tribe."""
    random = np.random.default_rng(0)
    own = (np.arange(80)[:, None] < 40) == (np.arange(60)[None, :] < 30)
    matrix = interactions(80, 60, 1.0, seed=0).keep(
        (own & (random.random(own.shape) < 0.4)).ravel()
    )
    matrix.data[:] = 1
    options: dict[str, Any] = {"engine": engine, "factors": 8, "epochs": 15, "learning_rate": 0.1}
    if engine == "minibatch":
        options |= {"batch_size": "64", "learning_rate": 0.02}
    fitted = fit(matrix, recipe_of(objective, **options, negatives=20))
    shown = [result.train_loss for result in fitted.history]
    assert shown[-1] < shown[0]
    weights = fitted.checkpoint.weights
    assert set(weights) == {"user_factors", "item_factors"}
    for table in weights.values():
        np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, rtol=1e-5)
    folded = fold_in(fitted.checkpoint, matrix).checkpoint.weights
    assert np.array_equal(folded["item_factors"], weights["item_factors"])
    np.testing.assert_allclose(np.linalg.norm(folded["user_factors"], axis=1), 1, rtol=1e-5)
    scores = folded["user_factors"] @ folded["item_factors"].T
    better = scores.mean(axis=1, where=own) > scores.mean(axis=1, where=~own)
    assert better.mean() > 0.95


def test_negatives_of_a_batch_are_drawn_by_the_generator() -> None:
    matrix = interactions(40, 60, 0.2, seed=1)
    recipe = recipe_of(Objective.softmax, negatives=5)
    model = MF(Tables.drawn(recipe, 40, 60))
    loss = loss_of(recipe, NegativeSampler([matrix], torch.device("cpu")))
    users, items = torch.from_numpy(matrix.users), torch.from_numpy(matrix.indices)
    found = [
        loss(model, Batch(users, items, None), torch.Generator().manual_seed(seed)).loss.item()
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]
