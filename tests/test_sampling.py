"""Negatives: never a seen item, every unseen one, in the right shares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import TrainConfig
from mfcli.data.interactions import Interactions
from mfcli.models import sampling
from mfcli.models.base import FactorModel
from mfcli.models.hard_negatives import BEST, hardest
from mfcli.models.modules import module_of
from mfcli.models.sampling import NegativeSampler
from mfcli.models.tables import Tables
from tests.helpers import any_interactions, chance_of, from_triples, interactions, pairs

CPU = torch.device("cpu")
either_way = pytest.mark.parametrize("rounds", [8, 0], ids=["by rejection", "by counting"])
powers = pytest.mark.parametrize("power", [0.0, 0.75, 2.0])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sampler(matrix: Interactions, power: float = 0.0) -> NegativeSampler:
    return NegativeSampler([matrix], CPU, power)


def torch_model(matrix: Interactions, model: str) -> FactorModel:
    """Draw a model whose items have biases, if it has any."""
    options = {"model": model, "objective": "bpr", "engine": "minibatch", "factors": 4}
    recipe = TrainConfig.merge(("", {**options, "init": "normal:1"})).recipe()
    tables = Tables.drawn(recipe, matrix.n_users, matrix.n_items)
    for name in tables.weights.keys() & {"item_bias"}:
        tables.weights[name][:, 0] = np.linspace(-1, 1, matrix.n_items)
    return module_of(tables)


def seen_matrix(n_items: int, seen: list[list[int]]) -> Interactions:
    """Build interactions from the items that each user has seen."""
    triples = [(user, item, 0.0) for user, items in enumerate(seen) for item in items]
    return from_triples(triples, len(seen), n_items)


@powers
@either_way
@settings(deadline=None, max_examples=40)
@given(any_interactions(max_users=6, max_items=9), st.integers(0, 10**6))
def test_no_seen_item_is_drawn(rounds: int, power: float, matrix: Interactions, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "MAX_ROUNDS", rounds)
        drawer = sampler(matrix, power)
        users = torch.arange(matrix.n_users)
        users = users[drawer.can_sample(users)]
        items = drawer.sample(users.unsqueeze(-1).expand(-1, 12), generator(seed))
    assert items.shape == (len(users), 12)
    assert items.dtype == torch.int64
    assert ((items >= 0) & (items < matrix.n_items)).all()
    drawn = {(u, i) for u, row in zip(users.tolist(), items.tolist(), strict=True) for i in row}
    assert not drawn & pairs(matrix)


@either_way
@pytest.mark.parametrize(
    "seen",
    [
        [],
        [0],
        [9],
        [0, 9],
        [0, 1, 2, 3, 4, 5, 6, 7, 8],  # the last item only
        [1, 2, 3, 4, 5, 6, 7, 8, 9],  # the first item only
        [0, 1, 2, 3, 5, 6, 7, 8, 9],  # one in the middle
        [0, 2, 4, 6, 8],
        [1, 3, 5, 7, 9],
        [3, 4, 5, 6],
    ],
)
@powers
def test_every_unseen_item_is_drawn(
    monkeypatch: pytest.MonkeyPatch, power: float, seen: list[int], rounds: int
) -> None:
    """Users before and after have seen other things: their keys are neighbours of this one's."""
    monkeypatch.setattr(sampling, "MAX_ROUNDS", rounds)
    drawer = sampler(seen_matrix(10, [[0, 9], seen, [0, 9]]), power)
    items = drawer.sample(torch.full((3000,), 1), generator())
    assert set(items.tolist()) == set(range(10)) - set(seen)


@either_way
def test_draws_are_uniform_over_the_unseen_items(
    monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    monkeypatch.setattr(sampling, "MAX_ROUNDS", rounds)
    seen = [0, 1, 2, 3, 7, 8, 15, 19]
    drawer = sampler(seen_matrix(20, [[5], seen]))
    items = drawer.sample(torch.ones(24_000, dtype=torch.int64), generator(1))
    counts = np.bincount(items.numpy(), minlength=20)
    assert counts[seen].sum() == 0
    assert chance_of(np.delete(counts, seen)) > 1e-3


@either_way
@pytest.mark.parametrize("power", [0.5, 1.0])
def test_draws_follow_popularity_to_the_power(
    monkeypatch: pytest.MonkeyPatch, power: float, rounds: int
) -> None:
    """An item that nobody has seen counts as one that one user has."""
    monkeypatch.setattr(sampling, "MAX_ROUNDS", rounds)
    matrix = seen_matrix(6, [[0, 1, 2], [0, 1, 3], [0, 1], [0], [4]])
    items = sampler(matrix, power).sample(torch.full((24_000,), 4), generator(2))
    counts = np.bincount(items.numpy(), minlength=6)
    weights = np.array([4, 3, 1, 1, 0, 1.0]) ** power * [1, 1, 1, 1, 0, 1]
    assert counts[4] == 0
    expected = weights / weights.sum() * 24_000
    there = expected > 0
    assert chance_of(counts[there], expected[there]) > 1e-3


def test_rejection_leaves_the_shares_of_each_user_alone() -> None:
    """Users who have seen much are drawn for again, and those who have not keep their draws."""
    drawer = sampler(seen_matrix(8, [[], [0, 1, 2, 3, 4, 5]]))
    users = torch.arange(20_000) % 2
    items = drawer.sample(users, generator(3)).numpy()
    assert chance_of(np.bincount(items[0::2], minlength=8)) > 1e-3
    assert chance_of(np.bincount(items[1::2], minlength=8)[6:]) > 1e-3


def test_a_user_who_has_seen_all_cannot_be_sampled_for() -> None:
    drawer = sampler(seen_matrix(3, [[0, 1, 2], [0, 1], []]))
    assert drawer.can_sample(torch.tensor([0, 1, 2, 0])).tolist() == [False, True, True, False]
    assert drawer.free.tolist() == [0, 1, 3]


def test_what_any_of_the_matrices_holds_is_seen() -> None:
    train, valid = seen_matrix(4, [[0], [3]]), seen_matrix(4, [[1, 2], [3]])
    drawer = NegativeSampler([train, valid], CPU)
    assert set(drawer.sample(torch.zeros(50, dtype=torch.int64), generator()).tolist()) == {3}
    assert drawer.free.tolist() == [1, 3]


def test_is_seen_tells_for_pairs_of_any_shape() -> None:
    matrix = interactions(7, 5, 0.5, 1)
    users, items = torch.meshgrid(torch.arange(7), torch.arange(5), indexing="ij")
    there = sampler(matrix).is_seen(users, items)
    assert {tuple(value) for value in there.nonzero().tolist()} == pairs(matrix)


@powers
def test_a_generator_decides_all_draws(power: float) -> None:
    drawer = sampler(interactions(30, 12, 0.8, 2), power)
    users = torch.arange(30)
    users = users[drawer.can_sample(users)].unsqueeze(-1).expand(-1, 9)
    first, same, other = (drawer.sample(users, generator(seed)) for seed in (4, 4, 5))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_torchs_own_state_is_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    sampler(interactions(9, 9, 0.5, 2)).sample(torch.arange(9), generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_keys_of_many_users_and_items_do_not_wrap(kind: torch.dtype) -> None:
    """User 69,999 × 70,000 items lies beyond int32."""
    n = 70_000
    indptr = np.zeros(n + 1, np.int32)
    indptr[-1] = 3
    catalog = interactions(1, 1, 0.0, 0).catalog
    matrix = Interactions(
        indptr,
        np.array([0, 5, n - 1], np.int32),
        np.ones(3, np.float32),
        type(catalog)(np.arange(n), np.arange(n)),
    )
    drawer = sampler(matrix)
    users = torch.full((4,), n - 1, dtype=kind)
    assert drawer.is_seen(users, torch.tensor([0, 1, 5, n - 1], dtype=kind)).tolist() == [
        True,
        False,
        True,
        True,
    ]
    assert drawer.free[-1] == n - 3


def test_no_draw_is_asked_for() -> None:
    items = sampler(interactions(3, 3, 0.5, 1)).sample(
        torch.zeros((0, 4), dtype=torch.int64), generator()
    )
    assert items.shape == (0, 4)


@settings(deadline=None, max_examples=40)
@given(
    any_interactions(max_users=40, max_items=9),
    st.integers(1, 3),
    st.integers(1, 9),
    st.sampled_from(["mf", "biased-mf"]),
    st.integers(0, 10**6),
)
def test_hard_negatives_are_unseen(
    matrix: Interactions, number: int, of: int, model: str, seed: int
) -> None:
    drawer = sampler(matrix)
    users = torch.arange(matrix.n_users).repeat(2)
    users = users[drawer.can_sample(users)]
    module = torch_model(matrix, model)
    items = hardest(module, users, number, of, drawer, generator(seed))
    assert items.shape == (len(users), number)
    assert ((items >= 0) & (items < matrix.n_items)).all()
    assert not drawer.is_seen(users.unsqueeze(-1), items).any()


@pytest.mark.parametrize("model", ["mf", "biased-mf"])
def test_the_hardest_of_many_draws_is_the_unseen_item_of_highest_score(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """Of users who have seen fewer of the first than are tried; more are drawn than there are."""
    rng = np.random.default_rng(1)
    seen = [rng.choice(12, BEST - 1, replace=False).tolist() for _ in range(50)]
    matrix = seen_matrix(12, seen)
    module = torch_model(matrix, model)
    users = torch.arange(50)
    scores = module(users.unsqueeze(-1), torch.arange(12))
    for user, items in enumerate(seen):
        scores[user, items] = -torch.inf
    drawer = sampler(matrix)
    monkeypatch.setattr(drawer, "draw", lambda shape, _: torch.arange(12).expand(shape))
    found = hardest(module, users, 1, 12, drawer, generator())
    assert found.squeeze(-1).tolist() == scores.argmax(-1).tolist()
