"""Options that the data decides, and those that a warm start or a resumed run takes over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.artifacts import load_interactions, meta_for, save_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.config import Engine, ModelKind, Objective, TrainConfig, combinations
from mfcli.config.applies import inapplicable
from mfcli.config.choices import Setting
from mfcli.config.options import field_types
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.training.continuing import continued
from mfcli.training.defaults import RULES, by_data, filled, for_data
from mfcli.training.facts import Facts
from mfcli.training.neighbours import Told

WAYS = [way for way in combinations() if way[2] != "closed-form"]
BPR = {"mode": "hogwild", "factors": 8, "learning_rate": 0.05, "schedule": "constant"}


Way = tuple[ModelKind, Objective | None, Engine]


def config(**options: object) -> TrainConfig:
    return TrainConfig.merge(("", options))


def stored(**options: object) -> dict[str, object]:
    return dict(config(**options).recipe().options)


def of_way(way: Way, **more: object) -> TrainConfig:
    names = ("model", "objective", "engine")
    return config(**dict(zip(names, map(str, way), strict=True)), **more)


@pytest.fixture(scope="module")
def train() -> Interactions:
    from mfcli.data.sample import make_sample

    return make_sample(60, 40, 1200, 0)


class TestByData:
    @pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way)))
    @settings(max_examples=10)
    @given(
        users=st.integers(1, 10**7),
        items=st.integers(1, 10**7),
        per_user=st.floats(1.0, 1e4),
        told=st.builds(Told, *[st.floats(0.002, 1.0)] * 2),
    )
    def test_any_facts_make_options_that_train_takes(
        self, way: Way, users: int, items: int, per_user: float, told: Told
    ) -> None:
        rows = max(1, users, min(int(users * per_user), users * items))
        facts = Facts(users=users, items=items, rows=rows, pairs=users * items, tell=lambda: told)
        model, objective, engine = way
        rule = RULES.get((engine, model)) or (RULES.get((engine, objective)) if objective else None)
        values = {} if rule is None else rule(facts, of_way(way).recipe())
        assert values.keys() <= field_types(TrainConfig).keys()
        of_way(way, **{k: v for k, v in values.items() if k not in inapplicable(Setting(*way))})

    @pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way)))
    def test_what_is_given_stays_and_twice_is_once(self, way: Way, train: Interactions) -> None:
        recipe = of_way(way).recipe()
        decided = by_data(recipe, train)
        once = for_data(recipe, train)
        assert for_data(once, train) == once
        for name, value in decided.items():
            assert once.options[name] == value
            again = of_way(way, **{name: value}).recipe()
            assert name not in by_data(again, train)

    def test_the_biases_follow_a_given_regularization(self, train: Interactions) -> None:
        recipe = config(mode="hogwild", regularization=0.3).recipe()
        assert for_data(recipe, train).bias_regularization == 0.3

    def test_a_stage_keeps_what_it_gives(self) -> None:
        stages = [{"epochs": 3}, {"learning-rate": 0.5, "epochs": 2}]
        recipe = filled(config(stages=stages).recipe(), {"learning_rate": 0.25, "factors": 5})
        assert [it.learning_rate for it in recipe.stages] == [0.25, 0.5]
        assert [it.epochs for it in recipe.stages] == [3, 2]
        assert {it.factors for it in (recipe, *recipe.stages)} == {5}
        assert recipe.options["factors"] == 5
        assert recipe.item_factors == 5

    def test_a_checkpoint_says_what_the_data_decided(self, train: Interactions) -> None:
        from mfcli.training.fit import fit

        checkpoint = fit(train, config(objective="ials", factors=4, epochs=1).recipe()).checkpoint
        assert "unobserved_weight" in checkpoint.meta["by_data"]
        assert "factors" not in checkpoint.meta["by_data"]


class TestContinued:
    def test_everything_is_taken_where_nothing_is_given(self) -> None:
        found = continued(config(), stored(**BPR), "old.pt").recipe()
        assert found.setting == config(**BPR).recipe().setting
        assert (found.factors, found.learning_rate, found.schedule) == (8, 0.05, "constant")
        assert {"factors", "learning_rate"} <= found.chosen  # the data decides them no more

    def test_what_is_given_wins(self) -> None:
        found = continued(config(epochs=3, regularization=0.4), stored(**BPR), "old.pt").recipe()
        assert (found.epochs, found.factors) == (3, 8)
        assert found.regularization == found.bias_regularization == 0.4

    def test_the_seed_is_the_runs_own(self) -> None:
        assert continued(config(), stored(**BPR, seed=5), "old.pt").seed == 0

    @pytest.mark.parametrize("asked", [{"mode": "implicit"}, {"objective": "warp"}])
    def test_of_another_objective_or_engine_only_the_width_is_taken(
        self, asked: dict[str, str]
    ) -> None:
        found = continued(config(**asked), stored(**BPR), "old.pt").recipe()
        assert found.factors == 8
        assert found.chosen <= {"factors", "mode", "model", "objective", "engine"}

    @pytest.mark.parametrize(
        "asked",
        [{"schedule": "linear"}, {"optimizer": "sparse-adam"}, {"weight_decay": 0.1}],
    )
    def test_what_follows_an_option_is_not_taken_against_it(self, asked: dict[str, object]) -> None:
        before = stored(mode="explicit", schedule="inverse", decay=0.5)
        continued(config(**asked), before, "old.pt").recipe()

    def test_options_of_earlier_versions_are_passed_over(self) -> None:
        before = stored(objective="ials", factors=8) | {"block_size": 32, "gone": 1}
        assert continued(config(), before, "old.pt").factors == 8

    def test_an_impossible_option_is_refused(self) -> None:
        with pytest.raises(UsageError, match="negatives"):
            continued(config(negatives=3), stored(objective="ials"), "old.pt").recipe()

    def test_warm_start_and_resume_by_command(
        self, cli, train: Interactions, tmp_path: Path
    ) -> None:
        model, matrix = tmp_path / "old.pt", tmp_path / "rows.npz"
        save_interactions(matrix, train.with_meta(meta_for("interactions", [])))
        options = ["--mode", "hogwild", "--factors", "6", "--epochs", "2"]
        assert cli("train", matrix, "--out", model, *options).exit_code == 0
        grown = tmp_path / "new.pt"
        result = cli("train", matrix, "--out", grown, "--init-from", model)
        assert result.exit_code == 0, result.stderr
        before, after = load_checkpoint(model), load_checkpoint(grown)
        changed = {key for key in before.options if before.options[key] != after.options.get(key)}
        assert not changed
        rows = load_interactions(matrix)
        assert np.array_equal(after.seen_indices, rows.indices)
