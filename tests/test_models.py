"""Models: one score, by whichever of its ways; starts; dropout; unknown rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from mfcli.config import Init, ModelArgs, ModelKind, Recipe, TrainConfig
from mfcli.config.choices import CLOSED_FORM
from mfcli.models.arrays import Vectors
from mfcli.models.base import FactorModel
from mfcli.models.dot import MF, BiasedMF
from mfcli.models.modules import MODELS, module_of
from mfcli.models.neural import NeuralMF
from mfcli.models.objectives import widen
from mfcli.models.starts import Draw, drawing
from mfcli.models.tables import KINDS, Tables, vectors
from tests.helpers import interactions

USERS, ITEMS = 7, 9
SEEN = interactions(USERS, ITEMS, 0.4, seed=2).rows  # user 3 has several items
every_model = pytest.mark.parametrize("kind", list(ModelKind))
torch_models = pytest.mark.parametrize("kind", list(MODELS))


def recipe_of(kind: ModelKind, **options: Any) -> Recipe:
    """Resolve a model with the options that mean something to it."""
    given: dict[str, Any] = {"model": kind, **options}
    if kind not in CLOSED_FORM:
        given = {"factors": 4, "init": "normal:1", "seed": 3, **given}
    if kind in (ModelKind.biased_mf, ModelKind.svdpp):
        given.setdefault("bias_init", "normal:1")
    return TrainConfig.merge(("", given)).recipe()


def tables_of(kind: ModelKind, **options: Any) -> Tables:
    """Draw a model whose every weight is something."""
    tables = Tables.drawn(recipe_of(kind, **options), USERS, ITEMS)
    random = np.random.default_rng(1)
    for name, table in tables.weights.items():
        if "bias" in name or "implicit" in name or name in ("global_mean", "item_weights"):
            table[...] = random.standard_normal(table.shape)
    return tables


def model_of(kind: ModelKind, **options: Any) -> FactorModel:
    """Return such a model as torch has it, in the mode that scores."""
    model = module_of(tables_of(kind, **options))
    model.dropout = options.get("dropout", 0.0)
    return model.eval()


def args_of(kind: ModelKind, factors: int) -> ModelArgs:
    """Return the sizes of a model of one user and one item."""
    return ModelArgs(model=kind, n_users=1, n_items=1, factors=factors, item_factors=factors)


def all_pairs() -> tuple[torch.Tensor, torch.Tensor]:
    users, items = torch.meshgrid(torch.arange(USERS), torch.arange(ITEMS), indexing="ij")
    return users.reshape(-1), items.reshape(-1)


def test_every_model_can_be_made() -> None:
    assert set(KINDS) == set(ModelKind)


@every_model
class TestScores:
    def test_a_block_and_its_constant_score_as_pairs_do(self, kind: ModelKind) -> None:
        scoring = tables_of(kind).scoring(SEEN)
        users, items = (pair.numpy() for pair in all_pairs())
        score, constant = scoring.catalogue(), scoring.constant()
        whole = np.vstack([score(0, 3), score(3, USERS)]) + constant[:, None]
        assert scoring.shape == whole.shape == (USERS, ITEMS)
        assert whole.dtype == np.float32
        assert constant.shape == (USERS,)
        expected = scoring.pairs(users, items).reshape(USERS, ITEMS)
        assert whole == pytest.approx(expected, abs=1e-5)

    def test_a_block_is_fresh_memory(self, kind: ModelKind) -> None:
        score = tables_of(kind).scoring(SEEN).catalogue()
        first = score(0, 2)
        first[:] = np.nan
        assert first.flags.c_contiguous
        assert not np.isnan(score(0, 2)).any()


@torch_models
class TestTorch:
    def test_arrays_score_as_torch_does(self, kind: ModelKind) -> None:
        tables, (users, items) = tables_of(kind), all_pairs()
        with torch.no_grad():
            expected = module_of(tables).eval()(users, items).numpy()
        found = tables.scoring(SEEN).pairs(users.numpy(), items.numpy())
        assert found.dtype == np.float64
        assert found == pytest.approx(expected, abs=1e-5)

    def test_what_torch_changes_are_the_tables(self, kind: ModelKind) -> None:
        tables = tables_of(kind)
        model = module_of(tables)
        assert list(model.state_dict()) == list(tables.weights)
        with torch.no_grad():
            for name, weight in model.state_dict().items():
                weight.fill_(0.5)
                assert (tables.weights[name] == 0.5).all()

    def test_terms_score_as_pairs_do(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind), all_pairs()
        by_terms = model.score(model.user_terms(users), model.item_terms(items))
        torch.testing.assert_close(by_terms, model(users, items))

    def test_users_meet_many_items_each(self, kind: ModelKind) -> None:
        model = model_of(kind)
        users, items = torch.arange(3), torch.tensor([[0, 1], [2, 8], [5, 5]])
        wide = model.score(widen(model.user_terms(users)), model.item_terms(items))
        assert wide.shape == (3, 2)
        torch.testing.assert_close(wide, model(users.unsqueeze(-1).expand(-1, 2), items))

    def test_one_pair_scores_as_it_does_among_others(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind), all_pairs()
        alone = model(torch.tensor(4), torch.tensor(2))
        assert alone.shape == ()
        torch.testing.assert_close(alone, model(users, items).reshape(USERS, ITEMS)[4, 2])


@every_model
class TestWeights:
    def test_they_go_into_a_model_of_the_same_shape(self, kind: ModelKind) -> None:
        tables = tables_of(kind)
        other = Tables.zeros(tables.args)
        other.load(tables.copied())
        for name, weight in tables.weights.items():
            assert np.array_equal(other.weights[name], weight)
            assert not np.shares_memory(other.weights[name], weight)

    def test_those_of_another_shape_do_not(self, kind: ModelKind) -> None:
        tables = tables_of(kind)
        name = tables.item_names[0]
        for changed in (
            {},
            tables.weights | {"more": np.zeros(1, np.float32)},
            tables.weights | {"user_factors": np.zeros((USERS + 1, 4), np.float32)},
            tables.weights | {name: tables.weights[name].astype(np.float64)},
        ):
            with pytest.raises(ValueError, match=r"factors|the weight|item_weights"):
                tables.load(changed)

    def test_scaling_scales_every_score(self, kind: ModelKind) -> None:
        tables, (users, items) = tables_of(kind), (pair.numpy() for pair in all_pairs())
        before = tables.scoring(SEEN).pairs(users, items)
        tables.rescale(-2.5)
        assert tables.scoring(SEEN).pairs(users, items) == pytest.approx(-2.5 * before, abs=1e-4)

    def test_no_score_is_larger_than_its_bound(self, kind: ModelKind) -> None:
        tables, (users, items) = tables_of(kind), (pair.numpy() for pair in all_pairs())
        largest = np.abs(tables.scoring(SEEN).pairs(users, items)).max()
        assert largest <= tables.largest_score() < 1e6

    def test_a_weight_that_is_not_finite_is_found(self, kind: ModelKind) -> None:
        tables = tables_of(kind)
        assert tables.are_finite()
        name = next(name for name, weight in tables.weights.items() if weight.size)
        tables.weights[name].reshape(-1)[0] = np.nan
        assert not tables.are_finite()


@pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf, ModelKind.svdpp])
def test_the_score_is_the_formula(kind: ModelKind) -> None:
    tables = tables_of(kind)
    weights = {name: weight.astype(np.float64) for name, weight in tables.weights.items()}
    own = weights["user_factors"][2] + weights.get("user_implicit", np.zeros((USERS, 4)))[2]
    expected = own @ weights["item_factors"][5]
    if tables.has_biases:
        expected += weights["user_bias"][2, 0] + weights["item_bias"][5, 0]
        expected += weights["global_mean"]
    found = tables.scoring(SEEN).pairs(np.array([2]), np.array([5]))[0]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("hidden", [[], [5], [6, 3]])
def test_a_neural_score_is_the_formula(hidden: list[int]) -> None:
    """ReLU before every linear layer; the widths of both embeddings may differ."""
    args = recipe_of(ModelKind.neural, item_factors=2).model_args(USERS, ITEMS)
    tables = Tables.zeros(dataclasses.replace(args, hidden=tuple(hidden)))
    random = np.random.default_rng(0)
    for table in tables.weights.values():
        table[...] = random.standard_normal(table.shape)
    model = module_of(tables).eval()
    assert isinstance(model, NeuralMF)
    users, items = all_pairs()
    with torch.no_grad():
        value = torch.cat([model.user_factors[users], model.item_factors[items]], -1)
        assert value.shape[-1] == 6
        for layer in model.linear:
            value = torch.relu(value) @ layer.weight.T + layer.bias
        torch.testing.assert_close(model(users, items), value.squeeze(-1))
    found = tables.scoring(SEEN).pairs(users.numpy(), items.numpy())
    assert found == pytest.approx(value.squeeze(-1).numpy(), abs=1e-5)


@pytest.mark.parametrize("few", [1, 40, 10**6])
def test_a_neural_block_may_be_scored_in_parts(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    scoring = tables_of(ModelKind.neural).scoring(SEEN)
    whole = scoring.catalogue()(0, USERS)
    monkeypatch.setattr("mfcli.models.arrays.NEURAL_BLOCK", few)
    assert scoring.catalogue()(0, USERS) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf])
def test_arrays_are_the_memory_of_the_weights(kind: ModelKind) -> None:
    """Compiled kernels train what scores."""
    tables = tables_of(kind)
    found = vectors(tables, SEEN)
    assert isinstance(found, Vectors)
    found.users[1, 2] = 42.0
    assert tables.user_factors[1, 2] == 42.0
    if tables.has_biases:
        found.item_bias[3] = 7.0
        assert tables.weights["item_bias"][3, 0] == 7.0
        assert found.mean == tables.mean


def test_no_factors_leave_the_biases() -> None:
    tables = tables_of(ModelKind.biased_mf, factors=0)
    users, items = all_pairs()
    biases = tables.biases("user_bias")[users] + tables.biases("item_bias")[items] + tables.mean
    with torch.no_grad():
        scores = module_of(tables)(users, items).numpy()
    assert scores == pytest.approx(biases, abs=1e-6)
    found = tables.scoring(SEEN).pairs(users.numpy(), items.numpy())
    assert found == pytest.approx(biases, abs=1e-6)


@pytest.fixture(params=["hogwild", "minibatch"])
def draw(request: pytest.FixtureRequest) -> Draw:
    """Return what draws for an engine: NumPy, or torch."""
    options = {"objective": "bpr", "model": "mf", "engine": request.param}
    return drawing(TrainConfig.merge(("", options)).recipe())


class TestStart:
    def test_uniform_fills_its_range_evenly(self, draw: Draw) -> None:
        table = np.empty((200, 100), np.float32)
        draw(table, Init("uniform", -0.25, 0.75))
        assert -0.25 <= table.min() < -0.249
        assert 0.749 < table.max() <= 0.75
        # Standard deviation of the mean of 20,000 draws: (1/√12)/√20000 ≈ .002.
        assert table.mean() == pytest.approx(0.25, abs=0.01)
        assert table.std() == pytest.approx(12**-0.5, abs=0.01)

    def test_normal_has_its_mean_and_deviation(self, draw: Draw) -> None:
        table = np.empty((200, 100), np.float32)
        draw(table, Init("normal", 0.0, 0.05))
        assert table.mean() == pytest.approx(0.0, abs=0.002)
        assert table.std() == pytest.approx(0.05, abs=0.001)

    def test_scaled_divides_by_the_root_of_the_width(self, draw: Draw) -> None:
        table = np.empty((200, 100), np.float32)
        draw(table, Init("scaled", 0.0, 0.5))
        assert table.std() == pytest.approx(0.05, abs=0.001)

    def test_no_deviation_is_zero(self, draw: Draw) -> None:
        table = np.ones((3, 3), np.float32)
        draw(table, Init("normal", 0.0, 0.0))
        assert not table.any()

    def test_each_option_fills_its_own_tables(self) -> None:
        recipe = recipe_of(ModelKind.biased_mf, init="uniform:2:3", bias_init="uniform:-3:-2")
        weights = Tables.drawn(recipe, USERS, ITEMS).weights
        for name in ("user_factors", "item_factors"):
            assert ((weights[name] >= 2) & (weights[name] <= 3)).all()
        for name in ("user_bias", "item_bias"):
            assert ((weights[name] >= -3) & (weights[name] <= -2)).all()
        assert weights["global_mean"] == 0

    @every_model
    def test_a_seed_decides_it(self, kind: ModelKind) -> None:
        first, same, other = (
            Tables.drawn(recipe_of(kind, seed=seed), USERS, ITEMS).weights for seed in (3, 3, 4)
        )
        assert all(np.array_equal(first[name], same[name]) for name in first)
        if kind not in CLOSED_FORM:
            assert not np.array_equal(first["user_factors"], other["user_factors"])

    def test_layers_start_within_the_root_of_their_width(self) -> None:
        tables = Tables.drawn(recipe_of(ModelKind.neural, hidden=[50]), USERS, ITEMS)
        assert len(tables.layers) == 2
        for weight, bias in tables.layers:
            for table in (weight, bias):
                assert np.abs(table).max() <= weight.shape[1] ** -0.5
                assert table.any()


@pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf, ModelKind.neural])
class TestDropout:
    def test_it_drops_in_training_only(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind, dropout=0.5), all_pairs()
        with torch.no_grad():
            assert torch.equal(model(users, items), model(users, items))
            model.train()
            assert not torch.equal(model(users, items), model(users, items))

    def test_without_it_training_scores_the_same(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind, dropout=0.0), all_pairs()
        with torch.no_grad():
            scores = model(users, items)
            assert torch.equal(model.train()(users, items), scores)


def test_dropout_keeps_the_mean_of_a_dot_product() -> None:
    """What is kept is scaled up: E⟨drop(u), drop(v)⟩ = ⟨u, v⟩."""
    model = MF(Tables.zeros(args_of(ModelKind.mf, 8)))
    model.dropout = 0.3
    with torch.no_grad():
        model.user_factors.fill_(1.0)
        model.item_factors.fill_(0.5)
        torch.manual_seed(0)
        many = torch.zeros(40_000, dtype=torch.int64)
        scores = model.train()(many, many)
    assert scores.mean().item() == pytest.approx(4.0, abs=0.05)


def test_biases_are_never_dropped() -> None:
    model = BiasedMF(Tables.zeros(args_of(ModelKind.biased_mf, 2)))
    model.dropout = 0.9
    with torch.no_grad():
        model.user_bias.fill_(1.5)
        model.global_mean.fill_(2.0)
        zeros = torch.zeros(100, dtype=torch.int64)
        assert (model.train()(zeros, zeros) == 3.5).all()


class TestUnknown:
    KNOWN = np.array([True, True, False, True, True, False, True])
    ITEMS_KNOWN = np.array([True, False, True, True, True, True, True, True, False])

    def settled(self, kind: ModelKind) -> tuple[Tables, Tables]:
        before, after = tables_of(kind), tables_of(kind)
        after.settle_unknown(self.KNOWN, self.ITEMS_KNOWN)
        return before, after

    @pytest.mark.parametrize("kind", [kind for kind in ModelKind if kind is not ModelKind.ease])
    def test_unknown_rows_have_no_factors_and_known_ones_stay(self, kind: ModelKind) -> None:
        before, after = self.settled(kind)
        for name, known in (("user_factors", self.KNOWN), ("item_factors", self.ITEMS_KNOWN)):
            assert np.array_equal(after.weights[name][known], before.weights[name][known])
            assert not after.weights[name][~known].any()

    @pytest.mark.parametrize("kind", [ModelKind.biased_mf, ModelKind.svdpp])
    def test_unknown_rows_have_the_mean_bias_of_the_known(self, kind: ModelKind) -> None:
        before, after = self.settled(kind)
        for name, known in (("user_bias", self.KNOWN), ("item_bias", self.ITEMS_KNOWN)):
            ours, theirs = after.weights[name], before.weights[name]
            assert np.array_equal(ours[known], theirs[known])
            assert ours[~known] == pytest.approx(theirs[known].mean(), rel=1e-5)

    def test_known_terms_alone_predict_for_an_unknown_user(self) -> None:
        _, after = self.settled(ModelKind.biased_mf)
        found = after.scoring(SEEN).pairs(np.array([2, 5]), np.array([3, 3]))
        expected = after.weights["user_bias"][self.KNOWN].mean()
        expected += after.weights["item_bias"][3, 0] + after.mean
        assert found == pytest.approx(expected, rel=1e-5)

    def test_without_any_known_row_biases_are_zero(self) -> None:
        tables = tables_of(ModelKind.biased_mf)
        tables.settle_unknown(np.zeros(USERS, np.bool_), self.ITEMS_KNOWN)
        assert not tables.weights["user_bias"].any()

    @every_model
    def test_where_all_is_known_nothing_changes(self, kind: ModelKind) -> None:
        tables = tables_of(kind)
        before = tables.copied()
        tables.settle_unknown(np.ones(USERS, np.bool_), np.ones(ITEMS, np.bool_))
        assert all(np.array_equal(weight, before[name]) for name, weight in tables.weights.items())


def test_biases_are_apart_for_a_decay_of_their_own() -> None:
    biased, plain = model_of(ModelKind.biased_mf), model_of(ModelKind.mf)
    assert isinstance(biased, BiasedMF)
    assert [id(parameter) for parameter in biased.bias_parameters()] == [
        id(biased.user_bias),
        id(biased.item_bias),
    ]
    assert plain.bias_parameters() == []
