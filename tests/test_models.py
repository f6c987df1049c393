"""Models: one score, by whichever of its ways; starts; dropout; unknown rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from mfcli.config import Init, ModelArgs, ModelKind, Recipe, TrainConfig
from mfcli.models.arrays import Vectors
from mfcli.models.base import FactorModel, fill
from mfcli.models.dot import MF, SVDPP, BiasedMF
from mfcli.models.modules import MODELS, allocate, build
from mfcli.models.neural import NeuralMF
from mfcli.models.objectives import widen

USERS, ITEMS = 7, 9
every_model = pytest.mark.parametrize("kind", list(ModelKind))


def recipe_of(kind: ModelKind, **options: Any) -> Recipe:
    """Resolve a model with the options that mean something to it."""
    given: dict[str, Any] = {"model": kind, **options}
    if kind not in (ModelKind.popularity, ModelKind.bias):
        given = {"factors": 4, "init": "normal:1", "seed": 3, **given}
    if kind in (ModelKind.biased_mf, ModelKind.svdpp):
        given.setdefault("bias_init", "normal:1")
    return TrainConfig.merge(("", given)).recipe()


def model_of(kind: ModelKind, **options: Any) -> FactorModel:
    """Draw a model whose every weight is something, in the mode that scores."""
    model = build(recipe_of(kind, **options), USERS, ITEMS)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, table in [*model.named_parameters(), *model.named_buffers()]:
            if "bias" in name or "implicit" in name or name == "global_mean":
                table.normal_()
    return model.eval()


def args_of(kind: ModelKind, factors: int) -> ModelArgs:
    """Return the sizes of a model of one user and one item."""
    return ModelArgs(model=kind, n_users=1, n_items=1, factors=factors, item_factors=factors)


def all_pairs() -> tuple[torch.Tensor, torch.Tensor]:
    users, items = torch.meshgrid(torch.arange(USERS), torch.arange(ITEMS), indexing="ij")
    return users.reshape(-1), items.reshape(-1)


def test_every_model_can_be_made() -> None:
    assert set(MODELS) == set(ModelKind)


@every_model
class TestScores:
    def test_arrays_score_as_torch_does(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind), all_pairs()
        with torch.no_grad():
            expected = model(users, items).numpy()
        found = model.scoring().pairs(users.numpy(), items.numpy())
        assert found.dtype == np.float64
        assert found == pytest.approx(expected, abs=1e-5)

    def test_a_block_and_its_constant_score_as_pairs_do(self, kind: ModelKind) -> None:
        scoring = model_of(kind).scoring()
        users, items = (pair.numpy() for pair in all_pairs())
        score, constant = scoring.catalogue(), scoring.constant()
        whole = np.vstack([score(0, 3), score(3, USERS)]) + constant[:, None]
        assert scoring.shape == whole.shape == (USERS, ITEMS)
        assert whole.dtype == np.float32
        assert constant.shape == (USERS,)
        expected = scoring.pairs(users, items).reshape(USERS, ITEMS)
        assert whole == pytest.approx(expected, abs=1e-5)

    def test_a_block_is_fresh_memory(self, kind: ModelKind) -> None:
        score = model_of(kind).scoring().catalogue()
        first = score(0, 2)
        first[:] = np.nan
        assert first.flags.c_contiguous
        assert not np.isnan(score(0, 2)).any()

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

    def test_weights_go_into_a_model_of_the_same_shape(self, kind: ModelKind) -> None:
        model, (users, items) = model_of(kind), all_pairs()
        other = allocate(recipe_of(kind).model_args(USERS, ITEMS)).eval()
        other.load_state_dict(model.state_dict())
        assert torch.equal(other(users, items), model(users, items))


@pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf, ModelKind.svdpp])
def test_the_score_is_the_formula(kind: ModelKind) -> None:
    model = model_of(kind)
    with torch.no_grad():
        found = model(torch.tensor([2]), torch.tensor([5])).item()
        own = model.user_factors[2]
        if isinstance(model, SVDPP):
            own = own + model.user_implicit[2]
        expected = float(own @ model.item_factors[5])
        if isinstance(model, BiasedMF):
            expected += float(model.user_bias[2, 0] + model.item_bias[5, 0] + model.global_mean)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("hidden", [[], [5], [6, 3]])
def test_a_neural_score_is_the_formula(hidden: list[int]) -> None:
    """ReLU before every linear layer; the widths of both embeddings may differ."""
    model = model_of(ModelKind.neural, hidden=hidden or [1], item_factors=2)
    assert isinstance(model, NeuralMF)
    if not hidden:
        args = recipe_of(ModelKind.neural, item_factors=2).model_args(USERS, ITEMS)
        model = NeuralMF(dataclasses.replace(args, hidden=())).eval()
        model.reset(Init("normal", 0.0, 1.0), Init("normal", 0.0, 0.0), torch.Generator())
    users, items = all_pairs()
    with torch.no_grad():
        value = torch.cat([model.user_factors[users], model.item_factors[items]], -1)
        assert value.shape[-1] == 6
        for layer in model.linear:
            value = torch.relu(value) @ layer.weight.T + layer.bias
        torch.testing.assert_close(model(users, items), value.squeeze(-1))
    found = model.scoring().pairs(users.numpy(), items.numpy())
    assert found == pytest.approx(value.squeeze(-1).numpy(), abs=1e-5)


@pytest.mark.parametrize("few", [1, 40, 10**6])
def test_a_neural_block_may_be_scored_in_parts(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    scoring = model_of(ModelKind.neural).scoring()
    whole = scoring.catalogue()(0, USERS)
    monkeypatch.setattr("mfcli.models.arrays.NEURAL_BLOCK", few)
    assert scoring.catalogue()(0, USERS) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf])
def test_arrays_are_the_memory_of_the_weights(kind: ModelKind) -> None:
    """Compiled kernels train what torch saves."""
    model = model_of(kind)
    assert isinstance(model, MF)
    vectors = model.vectors()
    assert isinstance(vectors, Vectors)
    vectors.users[1, 2] = 42.0
    assert model.user_factors[1, 2].item() == 42.0
    if isinstance(model, BiasedMF):
        vectors.item_bias[3] = 7.0
        assert model.item_bias[3, 0].item() == 7.0
        assert vectors.mean == model.global_mean.item()


def test_no_factors_leave_the_biases() -> None:
    model = model_of(ModelKind.biased_mf, factors=0)
    assert isinstance(model, BiasedMF)
    users, items = all_pairs()
    with torch.no_grad():
        biases = model.user_bias[users, 0] + model.item_bias[items, 0] + model.global_mean
        torch.testing.assert_close(model(users, items), biases)
    found = model.scoring().pairs(users.numpy(), items.numpy())
    assert found == pytest.approx(biases.numpy(), abs=1e-6)


class TestStart:
    def test_uniform_fills_its_range_evenly(self) -> None:
        table = torch.empty(200, 100)
        fill(table, Init("uniform", -0.25, 0.75), torch.Generator().manual_seed(0))
        assert -0.25 <= table.min() < -0.249
        assert 0.749 < table.max() <= 0.75
        # Standard deviation of the mean of 20,000 draws: (1/√12)/√20000 ≈ .002.
        assert table.mean().item() == pytest.approx(0.25, abs=0.01)
        assert table.std().item() == pytest.approx(12**-0.5, abs=0.01)

    def test_normal_has_its_mean_and_deviation(self) -> None:
        table = torch.empty(200, 100)
        fill(table, Init("normal", 0.0, 0.05), torch.Generator().manual_seed(0))
        assert table.mean().item() == pytest.approx(0.0, abs=0.002)
        assert table.std().item() == pytest.approx(0.05, abs=0.001)

    def test_no_deviation_is_zero(self) -> None:
        table = torch.ones(3, 3)
        fill(table, Init("normal", 0.0, 0.0), torch.Generator())
        assert not table.any()

    def test_each_option_fills_its_own_tables(self) -> None:
        recipe = recipe_of(ModelKind.biased_mf, init="uniform:2:3", bias_init="uniform:-3:-2")
        weights = build(recipe, USERS, ITEMS).state_dict()
        for name in ("user_factors", "item_factors"):
            assert ((weights[name] >= 2) & (weights[name] <= 3)).all()
        for name in ("user_bias", "item_bias"):
            assert ((weights[name] >= -3) & (weights[name] <= -2)).all()
        assert weights["global_mean"] == 0

    @every_model
    def test_a_seed_decides_it(self, kind: ModelKind) -> None:
        first, same, other = (
            build(recipe_of(kind, seed=seed), USERS, ITEMS).state_dict() for seed in (3, 3, 4)
        )
        assert all(torch.equal(first[name], same[name]) for name in first)
        if kind not in (ModelKind.popularity, ModelKind.bias):
            assert not torch.equal(first["user_factors"], other["user_factors"])

    def test_layers_start_within_the_root_of_their_width(self) -> None:
        model = build(recipe_of(ModelKind.neural, hidden=[50]), USERS, ITEMS)
        assert isinstance(model, NeuralMF)
        for layer in model.linear:
            bound = layer.in_features**-0.5
            for table in layer.parameters():
                assert table.abs().max() <= bound
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
    model = MF(args_of(ModelKind.mf, 8))
    model.dropout = 0.3
    with torch.no_grad():
        model.user_factors.fill_(1.0)
        model.item_factors.fill_(0.5)
        torch.manual_seed(0)
        many = torch.zeros(40_000, dtype=torch.int64)
        scores = model.train()(many, many)
    assert scores.mean().item() == pytest.approx(4.0, abs=0.05)


def test_biases_are_never_dropped() -> None:
    model = BiasedMF(args_of(ModelKind.biased_mf, 2))
    model.dropout = 0.9
    with torch.no_grad():
        model.user_bias.fill_(1.5)
        model.global_mean.fill_(2.0)
        zeros = torch.zeros(100, dtype=torch.int64)
        assert (model.train()(zeros, zeros) == 3.5).all()


class TestUnknown:
    KNOWN = torch.tensor([True, True, False, True, True, False, True])
    ITEMS_KNOWN = torch.tensor([True, False, True, True, True, True, True, True, False])

    def settled(self, kind: ModelKind) -> tuple[FactorModel, FactorModel]:
        before, after = model_of(kind), model_of(kind)
        after.settle_unknown(self.KNOWN, self.ITEMS_KNOWN)
        return before, after

    @pytest.mark.parametrize("kind", [ModelKind.mf, ModelKind.biased_mf])
    def test_unknown_rows_have_no_factors_and_known_ones_stay(self, kind: ModelKind) -> None:
        before, after = self.settled(kind)
        for name, known in (("user_factors", self.KNOWN), ("item_factors", self.ITEMS_KNOWN)):
            assert torch.equal(getattr(after, name)[known], getattr(before, name)[known])
            assert not getattr(after, name)[~known].any()

    def test_unknown_rows_have_the_mean_bias_of_the_known(self) -> None:
        before, after = self.settled(ModelKind.biased_mf)
        assert isinstance(before, BiasedMF)
        assert isinstance(after, BiasedMF)
        for name, known in (("user_bias", self.KNOWN), ("item_bias", self.ITEMS_KNOWN)):
            assert torch.equal(getattr(after, name)[known], getattr(before, name)[known])
            mean = getattr(before, name)[known].mean()
            torch.testing.assert_close(
                getattr(after, name)[~known], mean.expand(int((~known).sum()), 1)
            )

    def test_known_terms_alone_predict_for_an_unknown_user(self) -> None:
        _, after = self.settled(ModelKind.biased_mf)
        assert isinstance(after, BiasedMF)
        with torch.no_grad():
            found = after(torch.tensor([2, 5]), torch.tensor([3, 3]))
            expected = (
                after.user_bias[self.KNOWN].mean() + after.item_bias[3, 0] + after.global_mean
            )
        torch.testing.assert_close(found, expected.expand(2))

    def test_without_any_known_row_biases_are_zero(self) -> None:
        model = model_of(ModelKind.biased_mf)
        nobody = torch.zeros(USERS, dtype=torch.bool)
        model.settle_unknown(nobody, self.ITEMS_KNOWN)
        assert isinstance(model, BiasedMF)
        assert not model.user_bias.any()

    @every_model
    def test_where_all_is_known_nothing_changes(self, kind: ModelKind) -> None:
        model = model_of(kind)
        before = {name: entry.clone() for name, entry in model.state_dict().items()}
        ones = [torch.ones(n, dtype=torch.bool) for n in (USERS, ITEMS)]
        model.settle_unknown(*ones)
        assert all(torch.equal(entry, before[name]) for name, entry in model.state_dict().items())


def test_biases_are_apart_for_a_decay_of_their_own() -> None:
    biased, plain = model_of(ModelKind.biased_mf), model_of(ModelKind.mf)
    assert isinstance(biased, BiasedMF)
    assert [id(parameter) for parameter in biased.bias_parameters()] == [
        id(biased.user_bias),
        id(biased.item_bias),
    ]
    assert plain.bias_parameters() == []
