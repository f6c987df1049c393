"""Losses and slopes against plain formulas in float64."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mfcli.config import ModelArgs, ModelKind, Objective, TrainConfig
from mfcli.config.choices import COSINE
from mfcli.errors import InputError
from mfcli.models.base import FactorModel
from mfcli.models.dot import MF, BiasedMF
from mfcli.models.losses import SAMPLED, squared
from mfcli.models.objectives import OBJECTIVES, Batch, Loss, Penalty, widen
from mfcli.models.tables import Tables
from mfcli.models.values import values_of
from tests.helpers import from_triples

USERS, ITEMS, FACTORS = 6, 8, 3
ARGS = ModelArgs(
    model=ModelKind.biased_mf,
    n_users=USERS,
    n_items=ITEMS,
    factors=FACTORS,
    item_factors=FACTORS,
)
B, N = 5, 4  # positives, and negatives of each


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x: float) -> float:
    """Return ln(1 + e^x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# objective → (loss, its slope) by the difference x = x_pos − x_neg of the two scores.
BY_DIFFERENCE: dict[Objective, tuple[Callable[[float], float], Callable[[float], float]]] = {
    Objective.bpr: (lambda x: softplus(-x), lambda x: -sigmoid(-x)),
    Objective.bpr_squared: (
        lambda x: sigmoid(-x) ** 2,
        lambda x: -2 * sigmoid(x) * sigmoid(-x) ** 2,
    ),
    Objective.warp: (lambda x: max(0.0, 1 - x), lambda x: -1.0 if x < 1 else 0.0),
}
Slopes = list[tuple[int, float]]  # (place of a score, ∂loss/∂score)


def pairwise(
    objective: Objective, positive: float, negatives: list[float], value: float
) -> tuple[float, list[float]]:
    """Return the loss of a positive, and its slopes by its own score and each negative's."""
    loss, slope = BY_DIFFERENCE[objective]
    differences = [positive - negative for negative in negatives]
    slopes = [value * slope(difference) for difference in differences]
    return value * sum(map(loss, differences)), [sum(slopes), *(-entry for entry in slopes)]


def mse(positive: float, negatives: list[float], value: float) -> tuple[float, list[float]]:
    return (positive - value) ** 2, [2 * (positive - value), *[0.0] * len(negatives)]


def logistic(positive: float, negatives: list[float], value: float) -> tuple[float, list[float]]:
    loss = softplus(-positive) + sum(map(softplus, negatives))
    return value * loss, [-value * sigmoid(-positive), *(value * sigmoid(x) for x in negatives)]


# objective → a function of one sample: (score of the positive, scores of its negatives, value) →
# (loss, slopes by those scores); and how many samples a positive with N negatives counts as.
Reference = Callable[[float, list[float], float], tuple[float, list[float]]]
REFERENCES: dict[Objective, tuple[Reference, int]] = {
    Objective.mse: (mse, 1),
    Objective.logistic: (logistic, 1 + N),
    **{
        entry: ((lambda p, n, v, of=entry: pairwise(of, p, n, v)), N)  # type: ignore[misc]
        for entry in BY_DIFFERENCE
    },
}
objectives = pytest.mark.parametrize("objective", list(OBJECTIVES))
models = pytest.mark.parametrize("kind", [MF, BiasedMF])


def model_of(kind: type[MF], seed: int = 0) -> FactorModel:
    """Draw a model of float64, so that slopes compare to many digits."""
    torch.manual_seed(seed)
    model = kind(Tables.zeros(ARGS)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
        if isinstance(model, BiasedMF):
            model.global_mean.fill_(0.7)
    return model


def batch_of(objective: Objective, weighted: bool = True) -> tuple[Batch, torch.Tensor | None]:
    """Return positives with repeated users and items, and negatives where they are sampled."""
    users, items = torch.tensor([0, 0, 1, 5, 5]), torch.tensor([0, 3, 3, 7, 1])
    values = torch.tensor([1.0, 4.5, 0.0, 2.0, 0.5], dtype=torch.float64)
    sampled = OBJECTIVES[objective].sampled
    negatives = torch.tensor([[1, 2, 2, 4], [5, 6, 7, 1], [0, 0, 0, 0], [2, 3, 4, 5], [6, 6, 0, 2]])
    return (
        Batch(users, items, values if weighted or not sampled else None),
        negatives if sampled else None,
    )


def plain_weights(model: FactorModel) -> dict[str, Any]:
    weights = {
        name: entry.detach().numpy().astype(np.float64)
        for name, entry in model.state_dict().items()
    }
    weights.setdefault("user_bias", np.zeros((USERS, 1)))
    weights.setdefault("item_bias", np.zeros((ITEMS, 1)))
    weights.setdefault("global_mean", np.float64(0.0))
    return weights


def by_hand(
    objective: Objective,
    model: FactorModel,
    batch: Batch,
    negatives: torch.Tensor | None,
    penalty: Penalty,
) -> tuple[float, float, int, dict[str, Any]]:
    """Return loss, penalty, samples and the slopes of loss + penalty, one sample at a time."""
    w = plain_weights(model)
    slopes = {name: np.zeros_like(entry) for name, entry in w.items() if name != "global_mean"}
    reference, counts = REFERENCES[objective]
    loss = regularization = 0.0

    def touch(kind: str, row: int) -> None:
        nonlocal regularization
        for name, strength in (("factors", penalty.factors), ("bias", penalty.biases)):
            theta = w[f"{kind}_{name}"][row]
            regularization += strength * (theta**2).sum()
            slopes[f"{kind}_{name}"][row] += 2 * strength * theta

    for at, (user, item) in enumerate(zip(batch.users.tolist(), batch.items.tolist(), strict=True)):
        items = [item] if negatives is None else [item, *negatives[at].tolist()]
        scores = [
            float(
                w["user_factors"][user] @ w["item_factors"][i]
                + w["user_bias"][user, 0]
                + w["item_bias"][i, 0]
                + w["global_mean"]
            )
            for i in items
        ]
        value = 1.0 if batch.values is None else float(batch.values[at])
        one, by_score = reference(scores[0], scores[1:], value)
        loss += one
        for i, slope in zip(items, by_score, strict=True):
            slopes["user_factors"][user] += slope * w["item_factors"][i]
            slopes["item_factors"][i] += slope * w["user_factors"][user]
            slopes["user_bias"][user] += slope
            slopes["item_bias"][i] += slope
        touch("user", user)
        for i in items:
            touch("item", i)
    return loss, regularization, counts * len(batch.users), slopes


def number(value: torch.Tensor | float) -> float:
    return value.item() if isinstance(value, torch.Tensor) else value


def test_every_objective_has_a_reference_here() -> None:
    others = {Objective.ials, *COSINE}  # of no sample, and those of test_cosines
    assert set(REFERENCES) == set(Objective) - others
    assert set(OBJECTIVES) == set(REFERENCES) - {Objective.warp}  # of hogwild only
    assert set(SAMPLED) == set(REFERENCES) - {Objective.mse}


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("penalty", [Penalty(0.0, 0.0), Penalty(0.3, 0.3), Penalty(0.0, 0.2)])
@models
@objectives
def test_loss_penalty_and_slopes_are_those_by_hand(
    objective: Objective, kind: type[MF], penalty: Penalty, weighted: bool
) -> None:
    """A sample's λ‖θ‖² adds 2λθ to the slope of all that it touches, as often as it does."""
    model = model_of(kind)
    batch, negatives = batch_of(objective, weighted)
    found = OBJECTIVES[objective](model, batch, negatives, penalty)
    loss, regularization, samples, slopes = by_hand(objective, model, batch, negatives, penalty)
    assert number(found.loss) == pytest.approx(loss, rel=1e-12)
    if kind is MF and not penalty.factors:
        assert number(found.penalty) == 0.0  # there are no biases
    else:
        assert number(found.penalty) == pytest.approx(regularization, rel=1e-12)
    assert found.samples == samples
    (found.loss + found.penalty).backward()  # type: ignore[no-untyped-call]
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        assert weight.grad.numpy() == pytest.approx(slopes[name], rel=1e-9, abs=1e-12), name


@objectives
def test_sparse_slopes_are_the_dense_ones(objective: Objective) -> None:
    dense, sparse = BiasedMF(Tables.zeros(ARGS)).double(), BiasedMF(Tables.zeros(ARGS)).double()
    sparse.sparse = True
    sparse.load_state_dict(model_of(BiasedMF).state_dict())
    dense.load_state_dict(sparse.state_dict())
    batch, negatives = batch_of(objective)
    for model in (dense, sparse):
        result = OBJECTIVES[objective](model, batch, negatives, Penalty(0.1, 0.2))
        (result.loss + result.penalty).backward()  # type: ignore[no-untyped-call]
    for name, weight in dense.named_parameters():
        other = dict(sparse.named_parameters())[name].grad
        assert other is not None
        assert other.is_sparse
        assert weight.grad is not None
        torch.testing.assert_close(other.to_dense(), weight.grad)


@pytest.mark.parametrize("distance", [-1e4, -100.0, 0.0, 100.0, 1e4])
@objectives
def test_loss_and_slopes_are_finite_however_far_apart_scores_are(
    objective: Objective, distance: float
) -> None:
    """In float32, as in training."""
    model = MF(
        Tables.zeros(dataclasses.replace(ARGS, n_users=1, n_items=2, factors=1, item_factors=1))
    )
    with torch.no_grad():
        model.user_factors.fill_(1.0)
        model.item_factors[0], model.item_factors[1] = distance, 0.0
    negatives = torch.tensor([[1]]) if OBJECTIVES[objective].sampled else None
    batch = Batch(torch.tensor([0]), torch.tensor([0]), torch.tensor([1.0]))
    found = OBJECTIVES[objective](model, batch, negatives, Penalty(0.0, 0.0))
    expected, by_score = REFERENCES[objective][0](distance, [0.0] * (negatives is not None), 1.0)
    assert number(found.loss) == pytest.approx(expected, rel=1e-6, abs=1e-30)
    found.loss.backward()  # type: ignore[no-untyped-call]
    assert model.item_factors.grad is not None
    assert float(model.item_factors.grad[0]) == pytest.approx(by_score[0], rel=1e-5, abs=1e-30)


@pytest.mark.parametrize("objective", list(SAMPLED))
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_losses_of_validation_are_those_by_hand(objective: Objective, scale: float) -> None:
    random = np.random.default_rng(0)
    positive, negative = random.normal(size=B) * scale, random.normal(size=(B, N)) * scale
    reference, counts = REFERENCES[objective]
    expected = sum(
        reference(float(p), n.tolist(), 1.0)[0] for p, n in zip(positive, negative, strict=True)
    )
    found = SAMPLED[objective](positive, negative)
    assert found.loss == pytest.approx(expected, rel=1e-12)
    assert found.samples == counts * B


def test_the_squared_error_of_validation_is_that_by_hand() -> None:
    scores, values = np.array([1.0, 2.5, -3.0]), np.array([2.0, 2.5, 0.0], np.float32)
    assert squared(scores, values) == (10.0, 3)
    assert squared(scores[:0], values[:0]) == (0.0, 0)


class TestBatch:
    def test_a_part_is_a_slice_an_index_or_a_mask_of_all(self) -> None:
        batch, _ = batch_of(Objective.mse)
        for chosen in (slice(1, 3), torch.tensor([1, 2]), torch.tensor([0, 1, 1, 0, 0]).bool()):
            part = batch.part(chosen)
            assert part.values is not None
            assert (part.users.tolist(), part.items.tolist()) == ([0, 1], [3, 3])
            assert part.values.tolist() == [4.5, 0.0]

    def test_there_may_be_no_values(self) -> None:
        batch, _ = batch_of(Objective.bpr, weighted=False)
        assert batch.part(slice(0, 2)).values is None


class TestValues:
    MATRIX = from_triples([(0, 0, 1.0), (0, 1, 3.0), (1, 1, 0.0), (1, 2, 4.0)], 2, 3)

    def values(self, **options: Any) -> Any:
        return values_of(self.MATRIX, TrainConfig.merge(("", options)).recipe())

    def test_ratings_are_the_values_of_mse(self) -> None:
        assert self.values() is self.MATRIX.data

    def test_a_positive_counts_once_unless_it_is_weighed(self) -> None:
        assert self.values(mode="implicit") is None
        assert self.values(mode="implicit", positive_weight="none") is None

    def test_weights_are_the_values_over_their_mean(self) -> None:
        found = self.values(mode="implicit", positive_weight="linear")
        assert found.tolist() == [0.5, 1.5, 0.0, 2.0]
        assert found.dtype == np.float32

    def test_weights_may_go_by_the_logarithm(self) -> None:
        found = self.values(mode="implicit", positive_weight="log")
        logs = np.log1p([1, 3, 0, 4])
        assert found == pytest.approx(logs / logs.mean(), rel=1e-6)

    @pytest.mark.parametrize(
        ("rating", "reason"), [(-1.0, "values of at least 0"), (0.0, "values above 0")]
    )
    @pytest.mark.parametrize("kind", ["linear", "log"])
    def test_what_can_be_no_weight_is_refused(self, rating: float, reason: str, kind: str) -> None:
        recipe = TrainConfig.merge(("", {"mode": "implicit", "positive_weight": kind})).recipe()
        with pytest.raises(InputError, match=reason):
            values_of(from_triples([(0, 0, rating)], 1, 1), recipe)


def test_widening_lets_one_user_meet_many_items() -> None:
    model = model_of(BiasedMF)
    users, negatives = torch.tensor([0, 5]), torch.tensor([[1, 2, 3], [4, 5, 6]])
    wide = model.score(widen(model.user_terms(users)), model.item_terms(negatives))
    assert wide.shape == (2, 3)
    torch.testing.assert_close(wide, model(users.unsqueeze(-1).expand(-1, 3), negatives))


def test_a_penalty_of_nothing_costs_nothing() -> None:
    terms = model_of(BiasedMF).user_terms(torch.tensor([0]))
    assert Penalty(0.0, 0.0).of(terms) == 0.0
    assert isinstance(Loss(torch.zeros(()), 0.0, 1).penalty, float)
