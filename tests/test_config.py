"""Configurations: layers, checks, modes, stages, presets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mfcli
from mfcli.config import (
    Config,
    Duplicates,
    Engine,
    EvaluateConfig,
    FetchConfig,
    Init,
    Mode,
    ModelKind,
    Objective,
    Optimizer,
    RecommendConfig,
    Reduction,
    Role,
    Setting,
    SplitConfig,
    Strategy,
    TrainConfig,
    UnknownUsers,
    combinations,
    parse_init,
)
from mfcli.config.applies import inapplicable
from mfcli.config.choices import COSINE
from mfcli.config.describing import cli_fields
from mfcli.config.fetch import parse_columns
from mfcli.config.files import load_config, load_preset, preset_names
from mfcli.config.layers import merge_layers
from mfcli.config.metrics import expand_metrics
from mfcli.config.options import field_types, flag, names_with
from mfcli.config.ways import WAYS
from mfcli.errors import InputError, UsageError

CLASSES: dict[str, type[Config]] = {
    "fetch": FetchConfig,
    "split": SplitConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "recommend": RecommendConfig,
}

Toml = Callable[[str], Path]


@pytest.fixture
def toml(tmp_path: Path) -> Toml:
    def write(text: str) -> Path:
        path = tmp_path / "options.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def train_config(**options: Any) -> TrainConfig:
    return TrainConfig.merge(("", options))


def of_choice(choice: tuple[ModelKind, Objective | None, Engine]) -> dict[str, Any]:
    names = ("model", "objective", "engine")
    return {name: value for name, value in zip(names, choice, strict=True) if value is not None}


class TestLayers:
    def test_without_any_layer_the_defaults_hold(self) -> None:
        assert merge_layers(SplitConfig, "split", (None, None), {}) == SplitConfig()

    def test_a_preset_wins_over_defaults(self) -> None:
        config = merge_layers(TrainConfig, "train", (None, "torchmf-explicit"), {})
        assert (config.factors, config.batch_size, config.seed) == (10, "1024", 2017)

    def test_a_file_wins_over_a_preset(self, toml: Toml) -> None:
        path = toml("[train]\nfactors = 7\n")
        config = merge_layers(TrainConfig, "train", (path, "torchmf-explicit"), {})
        assert (config.factors, config.epochs) == (7, 40)

    def test_the_command_line_wins_over_a_file(self, toml: Toml) -> None:
        path = toml("[train]\nfactors = 7\nepochs = 3\n")
        config = merge_layers(TrainConfig, "train", (path, "torchmf-explicit"), {"factors": 5})
        assert (config.factors, config.epochs, config.learning_rate) == (5, 3, 0.02)

    def test_what_the_command_line_leaves_out_overrules_nothing(self, toml: Toml) -> None:
        path = toml("[evaluate]\nk = [5, 20]\ninclude-seen = true\n")
        asked: dict[str, Any] = {"k": [], "include_seen": None}
        config = merge_layers(EvaluateConfig, "evaluate", (path, None), asked)
        assert (config.k, config.include_seen) == ([5, 20], True)

    def test_a_switch_turned_off_on_the_command_line_wins(self, toml: Toml) -> None:
        path = toml("[evaluate]\ninclude-seen = true\n")
        config = merge_layers(EvaluateConfig, "evaluate", (path, None), {"include_seen": False})
        assert config.include_seen is False

    def test_zero_on_the_command_line_wins(self, toml: Toml) -> None:
        path = toml("[train]\nregularization = 0.3\nseed = 4\n")
        asked = {"regularization": 0.0, "seed": 0}
        config = merge_layers(TrainConfig, "train", (path, None), asked)
        assert (config.regularization, config.seed) == (0.0, 0)

    def test_a_list_on_the_command_line_replaces_that_of_the_file(self, toml: Toml) -> None:
        path = toml("[evaluate]\nk = [5, 20]\n")
        assert merge_layers(EvaluateConfig, "evaluate", (path, None), {"k": [3]}).k == [3]

    def test_a_table_concerns_its_own_stage_only(self, toml: Toml) -> None:
        path = toml("[train]\nseed = 9\n[split]\nn = 3\n")
        assert merge_layers(SplitConfig, "split", (path, None), {}) == SplitConfig(n=3)
        assert merge_layers(EvaluateConfig, "evaluate", (path, None), {}) == EvaluateConfig()

    def test_two_configurations_share_no_list(self) -> None:
        first = EvaluateConfig()
        first.k.append(99)
        assert EvaluateConfig().k == [10]


class TestKeys:
    @pytest.mark.parametrize(
        ("table", "key", "near"),
        [
            ("train", "factor", "factors"),
            ("train", "learning-rat", "learning-rate"),
            ("train", "regularisation", "regularization"),
            ("split", "fraction-test", "test-fraction"),
            ("recommend", "include_see", "include-seen"),
        ],
    )
    def test_an_unknown_key_names_the_nearest(
        self, toml: Toml, table: str, key: str, near: str
    ) -> None:
        path = toml(f"[{table}]\n{key} = 1\n")
        with pytest.raises(UsageError) as error:
            merge_layers(CLASSES[table], table, (path, None), {})
        assert f"'{near}'" in str(error.value)
        assert key in str(error.value)
        assert str(path) in str(error.value)
        assert f"[{table}]" in str(error.value)

    def test_a_key_like_no_other_is_refused_without_a_guess(self, toml: Toml) -> None:
        with pytest.raises(UsageError, match=r"unknown key 'zzzzqqqq'$"):
            merge_layers(TrainConfig, "train", (toml("[train]\nzzzzqqqq = 1\n"), None), {})

    @pytest.mark.parametrize("key", ["batch-size", "batch_size"])
    def test_dashes_and_underscores_mean_the_same(self, toml: Toml, key: str) -> None:
        path = toml(f"[train]\n{key} = 64\n")
        assert merge_layers(TrainConfig, "train", (path, None), {}).batch_size == "64"

    def test_a_key_given_in_both_spellings_is_refused(self, toml: Toml) -> None:
        path = toml("[train]\nbatch-size = 64\nbatch_size = 32\n")
        with pytest.raises(UsageError, match="given twice"):
            merge_layers(TrainConfig, "train", (path, None), {})

    def test_one_key_in_two_layers_is_no_conflict(self, toml: Toml) -> None:
        path = toml("[train]\nbatch_size = 64\n")
        assert merge_layers(TrainConfig, "train", (path, "notebook-mf"), {}).batch_size == "64"

    def test_an_unknown_table_names_the_nearest(self, toml: Toml) -> None:
        with pytest.raises(UsageError, match=r"unknown table \[trian\] \(did you mean 'train'"):
            load_config(toml("[trian]\nfactors = 1\n"))

    def test_an_unknown_table_is_refused_even_beside_the_one_that_is_read(self, toml: Toml) -> None:
        path = toml("[train]\nfactors = 1\n[evaluat]\nk = 3\n")
        with pytest.raises(UsageError, match="evaluat"):
            merge_layers(TrainConfig, "train", (path, None), {})

    @pytest.mark.parametrize("text", ["train = 3\n", "[[train]]\nfactors = 2\n"])
    def test_a_table_that_is_none_is_refused(self, toml: Toml, text: str) -> None:
        with pytest.raises(UsageError, match="should be a table"):
            load_config(toml(text))

    def test_a_key_outside_of_the_tables_is_refused(self, toml: Toml) -> None:
        with pytest.raises(UsageError, match=r"unknown table \[seed\]"):
            load_config(toml("seed = 3\n"))


class TestFiles:
    def test_a_missing_file_is_an_input_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"none\.toml"):
            load_config(tmp_path / "none.toml")

    def test_a_folder_is_an_input_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot read the configuration"):
            load_config(tmp_path)

    def test_other_text_than_utf8_is_an_input_error(self, tmp_path: Path) -> None:
        (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
        with pytest.raises(InputError, match="not UTF-8"):
            load_config(tmp_path / "latin.toml")

    def test_broken_toml_is_a_usage_error_that_says_where(self, toml: Toml) -> None:
        with pytest.raises(UsageError, match="line 2"):
            load_config(toml("[train]\nfactors = = 3\n"))

    def test_a_missing_preset_names_those_that_exist(self) -> None:
        with pytest.raises(UsageError, match="did you mean 'notebook-mf'") as error:
            load_preset("notebok-mf")
        assert all(name in str(error.value) for name in preset_names())

    @pytest.mark.parametrize("name", ["../presets/notebook-mf", "notebook-mf.toml", ""])
    def test_a_preset_is_a_name_and_no_path(self, name: str) -> None:
        with pytest.raises(UsageError, match="does not exist"):
            load_preset(name)


class TestTypes:
    @pytest.mark.parametrize(
        ("table", "line", "reason"),
        [
            ("train", "factors = 'ten'", "type int"),
            ("train", "factors = 10.0", "type int"),
            ("train", "factors = true", "type int"),
            ("train", "learning-rate = '0.1'", "type float"),
            ("train", "learning-rate = true", "type float"),
            ("train", "sparse = 1", "type bool"),
            ("train", "sparse = 'yes'", "type bool"),
            ("train", "batch-size = 2.5", "type str"),
            ("train", "batch-size = true", "type str"),
            ("train", "init = 2024-12-31", "type str"),
            ("train", "factors = [3]", "type int"),
            ("train", "metric = [1.5]", "type str"),
            ("train", "stages = [3]", "type dict"),
            ("evaluate", "k = [5, 'ten']", "type int"),
            ("train", "optimizer = 'adm'", "'adam'"),
            ("train", "optimizer = 3", "is not one of"),
            ("train", "mode = 'implict'", "'implicit'"),
            ("split", "strategy = 'leave_n_out'", "'leave-n-out'"),
            ("fetch", "duplicates = 'newest'", "is not one of"),
        ],
    )
    def test_a_wrong_type_is_refused_with_its_place(
        self, toml: Toml, table: str, line: str, reason: str
    ) -> None:
        with pytest.raises(UsageError) as error:
            merge_layers(CLASSES[table], table, (toml(f"[{table}]\n{line}\n"), None), {})
        assert reason in str(error.value)
        assert line.split(" = ")[0] in str(error.value)
        assert f"[{table}]" in str(error.value)

    def test_a_whole_number_is_a_float_where_one_is_wanted(self, toml: Toml) -> None:
        config = merge_layers(
            TrainConfig, "train", (toml("[train]\nlearning-rate = 1\n"), None), {}
        )
        assert type(config.learning_rate) is float

    def test_a_single_value_is_a_list_of_one(self, toml: Toml) -> None:
        path = toml("[evaluate]\nk = 5\nmetric = 'ndcg'\n")
        config = merge_layers(EvaluateConfig, "evaluate", (path, None), {})
        assert (config.k, config.metric) == ([5], ["ndcg"])

    def test_words_become_members_of_their_enumeration(self, toml: Toml) -> None:
        path = toml("[fetch]\nduplicates = 'mean'\n[recommend]\nunknown-users = 'skip'\n")
        fetch = merge_layers(FetchConfig, "fetch", (path, None), {})
        recommend = merge_layers(RecommendConfig, "recommend", (path, None), {})
        assert fetch.duplicates is Duplicates.mean
        assert recommend.unknown_users is UnknownUsers.skip


class TestRanges:
    @pytest.mark.parametrize(
        ("cls", "options", "reason"),
        [
            (TrainConfig, {"factors": -1}, "--factors -1 is below its minimum 0"),
            (TrainConfig, {"epochs": -1}, "--epochs -1 is below"),
            (TrainConfig, {"dropout": 1.0}, "--dropout 1.0 is above its maximum 0.99"),
            (TrainConfig, {"learning_rate": -0.1}, "--learning-rate -0.1 is below"),
            (TrainConfig, {"learning_rate": float("nan")}, "not a finite number"),
            (TrainConfig, {"learning_rate": float("inf")}, "not a finite number"),
            (TrainConfig, {"regularization": float("-inf")}, "not a finite number"),
            (TrainConfig, {"negatives": 0, "mode": "implicit"}, "--negatives 0 is below"),
            (TrainConfig, {"workers": 0}, "--workers 0 is below"),
            (TrainConfig, {"time_limit": 0}, "--time-limit"),
            (TrainConfig, {"seed": -1}, "--seed -1 is below"),
            (TrainConfig, {"seed": 2**32}, "--seed 4294967296 is above"),
            (TrainConfig, {"clip_norm": 0}, "--clip-norm"),
            (EvaluateConfig, {"k": [10, 0]}, "--k 0 is below"),
            (SplitConfig, {"n": 0}, "--n 0 is below"),
            (SplitConfig, {"test_fraction": 1.5}, "--test-fraction 1.5 is above"),
            (SplitConfig, {"folds": 1}, "--folds 1 is below"),
            (SplitConfig, {"threshold": float("nan")}, "not a finite number"),
            (RecommendConfig, {"k": 0}, "--k 0 is below"),
            (FetchConfig, {"min_user_ratings": -1}, "--min-user-ratings -1 is below"),
        ],
    )
    def test_a_value_out_of_range_is_refused(
        self, cls: type[Config], options: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(UsageError) as error:
            cls.merge(("", options))
        assert reason in str(error.value)

    @pytest.mark.parametrize("cls", CLASSES.values())
    def test_both_ends_of_a_range_are_within_it(self, cls: type[Config]) -> None:
        # Beyond its own range an option may need others: an open interval, a strategy.
        needs: dict[str, dict[str, Any]] = {
            "patience": {"valid": "valid.npz"},
            "per_user": {"strategy": "fraction"},
            "test_fraction": {"train_file": "a", "test_file": "b", "valid": True},
            "fold_in": {"strategy": "users"},
            "test_users": {"strategy": "users"},
            "valid_users": {"strategy": "users"},
        }
        for field in dataclasses.fields(cls):
            for end in ("low", "high"):
                bound = field.metadata[end]
                if bound is None:
                    continue
                typed = field_types(cls)[field.name]
                value = bound if typed in (int, float) else [bound]
                cls.merge(("", {field.name: value, **needs.get(field.name, {})}))


class TestBatchSize:
    @pytest.mark.parametrize(("given", "kept"), [("full", "full"), (1, "1"), ("4096", "4096")])
    def test_a_number_or_full_is_taken(self, given: Any, kept: str) -> None:
        assert train_config(batch_size=given).batch_size == kept

    @pytest.mark.parametrize("given", ["0", "-5", "1.5", "Full", "", "10k", "٣", "1e3", 0, " 8"])
    def test_anything_else_is_refused(self, given: Any) -> None:
        with pytest.raises(UsageError, match=r"--batch-size .* should be 'full' or at least 1"):
            train_config(batch_size=given)


class TestInit:
    @pytest.mark.parametrize(
        ("text", "init"),
        [
            ("normal:0.05", Init("normal", 0.0, 0.05)),
            ("normal:0", Init("normal", 0.0, 0.0)),
            ("normal:1e-3", Init("normal", 0.0, 0.001)),
            ("uniform:0:0.05", Init("uniform", 0.0, 0.05)),
            ("uniform:-0.01:0.01", Init("uniform", -0.01, 0.01)),
            ("uniform:1:1", Init("uniform", 1.0, 1.0)),
        ],
    )
    def test_both_kinds_are_read(self, text: str, init: Init) -> None:
        assert parse_init("--init", text) == init

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "normal",
            "normal:",
            "normal:-1",
            "normal:x",
            "normal:nan",
            "normal:inf",
            "normal:0:1",
            "uniform:1",
            "uniform:1:0",
            "uniform:nan:1",
            "uniform:0:inf",
            "uniform:0:1:2",
            "gauss:1",
            "Normal:1",
            "0.05",
        ],
    )
    @pytest.mark.parametrize("name", ["init", "bias_init"])
    def test_anything_else_is_refused_with_an_example(self, name: str, text: str) -> None:
        with pytest.raises(UsageError, match=r"should look like normal:0\.05, scaled:0\.1 or uni"):
            train_config(**{name: text})

    @given(st.text(max_size=20))
    def test_no_text_gets_through_but_with_finite_numbers(self, text: str) -> None:
        try:
            init = parse_init("--init", text)
        except UsageError:
            return
        assert init.kind in ("normal", "uniform")
        assert abs(init.a) < 1e6
        assert abs(init.b) < 1e6


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "choice"),
        [
            (Mode.explicit, (ModelKind.biased_mf, Objective.mse, Engine.minibatch)),
            (Mode.implicit, (ModelKind.biased_mf, Objective.bpr, Engine.minibatch)),
            (Mode.hogwild, (ModelKind.biased_mf, Objective.bpr, Engine.hogwild)),
        ],
    )
    def test_a_mode_is_a_named_default(
        self, mode: Mode, choice: tuple[ModelKind, Objective, Engine]
    ) -> None:
        config = train_config(mode=mode).resolved()
        assert (config.model, config.objective, config.engine) == choice

    def test_a_choice_overrides_its_mode(self) -> None:
        config = train_config(mode="implicit", model="mf").resolved()
        assert (config.model, config.objective) == (ModelKind.mf, Objective.bpr)
        config = train_config(objective="bpr").resolved()
        assert (config.mode, config.objective) == (Mode.explicit, Objective.bpr)

    @pytest.mark.parametrize("choice", combinations(), ids=str)
    def test_nothing_is_left_open_but_what_may_be_off_or_means_nothing(
        self, choice: tuple[ModelKind, Objective | None, Engine]
    ) -> None:
        config = train_config(**of_choice(choice)).resolved()
        off = {
            "clip_norm",
            "decay",
            "init_from",
            "valid",
            "valid_history",
            "init_from_if_any",
            "patience",
            "last_epoch",
            "time_limit",
            "workers",
            "budget",
        }
        off |= {"item_factors"}  # as wide as the users'
        off |= {"rating_unit", "unobserved_weight"}  # by the data
        off |= {"alpha"}  # of weights that are not all 1
        fields = {field.name for field in dataclasses.fields(config)}
        unset = {name for name in fields if getattr(config, name) is None}
        without = set(inapplicable(Setting(*choice)))
        assert without <= unset
        assert unset - without - ({"objective"} if choice[1] is None else set()) <= off

    @pytest.mark.parametrize("choice", combinations(), ids=str)
    def test_resolving_twice_changes_nothing(
        self, choice: tuple[ModelKind, Objective | None, Engine]
    ) -> None:
        other = "regularization" if choice[2] is Engine.als else "learning-rate"
        first = {} if choice[1] in COSINE else {"regularization": 0.5}
        stages = [{"epochs": 2, **first}, {other: 0.25}]
        more = {} if choice[2] is Engine.closed_form else {"stages": stages}
        once = train_config(**of_choice(choice), **more).resolved()
        assert once.resolved().stage_configs() == once.stage_configs()

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, True),
            ({"global_mean": False}, False),
            ({"model": "mf"}, None),
            ({"objective": "bpr"}, None),
        ],
    )
    def test_the_global_mean_is_for_ratings_with_biases(
        self, options: dict[str, Any], expected: bool | None
    ) -> None:
        assert train_config(**options).resolved().global_mean is expected

    def test_biases_follow_the_factors_unless_they_are_told_otherwise(self) -> None:
        follows = train_config(regularization=0.3, weight_decay=0.2).resolved()
        assert (follows.bias_regularization, follows.bias_weight_decay) == (0.3, 0.2)
        apart = train_config(regularization=0.3, bias_regularization=0.0).resolved()
        assert (apart.regularization, apart.bias_regularization) == (0.3, 0.0)

    def test_a_default_of_the_biases_gives_way_to_a_regularization_that_was_given(self) -> None:
        """The default holds only beside its own default of the factors."""
        for engine, objective in WAYS:
            if engine is Engine.closed_form or objective in (Objective.ials, *COSINE):
                continue
            config = train_config(engine=engine, objective=objective, regularization=0.3)
            assert config.resolved().bias_regularization == 0.3

    @pytest.mark.parametrize("name", ["bias_regularization", "bias_weight_decay", "bias_init"])
    def test_a_model_without_biases_has_no_options_of_theirs(self, name: str) -> None:
        """So that a checkpoint's options resolve again."""
        assert getattr(train_config(model="mf").resolved(), name) is None

    def test_sparse_adam_brings_sparse_gradients_along(self) -> None:
        assert train_config(optimizer="sparse-adam").resolved().sparse is True


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"negatives": 2}, "--negatives has no meaning with --model biased-mf --objective mse"),
        ({"model": "mf", "global_mean": True}, "--global-mean has no meaning with --model mf"),
        ({"mode": "implicit", "global_mean": True}, "only mse on models with biases"),
        ({"model": "mf", "bias_regularization": 0.1}, "only biased-mf and svdpp learn biases"),
        ({"mode": "hogwild", "objective": "ccl", "regularization": 0.1}, "whose length is 1"),
        ({"mode": "hogwild", "objective": "ccl", "temperature": 0.1}, "only --objective softmax"),
        ({"mode": "hogwild", "objective": "softmax", "margin": 0.1}, "only --objective ccl"),
        ({"mode": "hogwild", "objective": "ccl", "model": "biased-mf"}, "it needs --model mf"),
        ({"model": "mf", "bias_weight_decay": 0.1}, "a model with biases"),
        ({"model": "mf", "bias_init": "normal:1"}, "only biased-mf and svdpp learn biases"),
        ({"model": "mf", "factors": 0}, "nothing to learn"),
        ({"model": "neural", "engine": "hogwild"}, "is for dot products"),
        ({"objective": "warp"}, "needs --engine hogwild"),
        ({"model": "popularity", "engine": "hogwild"}, "closed form"),
        ({"model": "popularity", "objective": "mse"}, "does not minimise"),
        ({"engine": "closed-form"}, "computes ease, popularity and bias"),
        ({"model": "bias", "epochs": 3}, "takes no steps"),
        (
            {"model": "ease", "stages": [{"regularization": 9.0}]},
            "with --model ease --engine",
        ),
        ({"model": "bias", "stages": [{"eval_every": 1}]}, "closed-form takes no steps"),
        ({"mode": "hogwild", "optimizer": "sgd"}, "belongs to --engine minibatch"),
        ({"mode": "hogwild", "batch_size": "4"}, "belongs to --engine minibatch"),
        ({"objective": "bpr", "order": "free"}, "only --engine hogwild has orders"),
        ({"objective": "ials", "order": "grid"}, "only --engine hogwild has orders"),
        ({"model": "svdpp", "objective": "bpr"}, "--model svdpp learns ratings: it needs"),
        ({"model": "svdpp", "engine": "als"}, "--model svdpp learns ratings: it needs"),
        ({"mode": "hogwild", "device": "cuda"}, "--device cuda has no meaning"),
        ({"hidden": [3]}, "only --model neural"),
        ({"damping": 3.0}, "only --model bias"),
        ({"optimizer": "sparse-adam", "sparse": False}, "needs sparse gradients"),
        ({"optimizer": "adam", "sparse": True}, "use sparse-adam"),
        ({"sparse": True}, "use sparse-adam"),  # adam is the default
        ({"optimizer": "sgd", "sparse": True, "weight_decay": 0.1}, "--weight-decay touches"),
        ({"optimizer": "sgd", "sparse": True, "bias_weight_decay": 0.1}, "--weight-decay touches"),
        ({"optimizer": "sparse-adam", "weight_decay": 0.1}, "--weight-decay touches"),
        ({"optimizer": "sgd", "sparse": True, "clip_norm": 1.0}, "--clip-norm cannot work"),
        ({"optimizer": "sgd", "sparse": True, "stages": [{"optimizer": "adam"}]}, "sparse-adam"),
        ({"optimizer": "sgd", "sparse": True, "stages": [{"weight_decay": 1.0}]}, "every row"),
    ],
)
def test_a_combination_that_cannot_work_is_refused_with_the_reason(
    options: dict[str, Any], reason: str
) -> None:
    config = train_config(**options)
    with pytest.raises(UsageError) as error:
        config.resolved()
    assert reason in str(error.value)


@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("model", list(ModelKind))
def test_every_combination_resolves_or_is_refused(
    engine: Engine, objective: Objective, model: ModelKind
) -> None:
    config = train_config(engine=engine, objective=objective, model=model)
    if (model, objective, engine) in combinations():
        config.resolved()
    else:
        with pytest.raises(UsageError):
            config.resolved()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"metric": ["ndcg"]}, "--metric needs --valid"),
        ({"patience": 3}, "--patience needs --valid"),
        ({"metric": ["ndgc"], "valid": "v.npz"}, "'ndgc' is not a metric"),
        ({"stages": [{"patience": 2}]}, "--patience needs --valid"),
    ],
)
def test_watching_needs_something_to_watch(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as error:
        train_config(**options).resolved()
    assert reason in str(error.value)


class TestTrainStages:
    def test_each_stage_changes_what_it_names(self, toml: Toml) -> None:
        path = toml(
            "[train]\nlearning-rate = 0.5\nepochs = 9\n"
            "[[train.stages]]\nepochs = 1\n"
            "[[train.stages]]\nlearning_rate = 0.25\n"
        )
        stages = merge_layers(TrainConfig, "train", (path, None), {}).resolved().stage_configs()
        assert [(stage.epochs, stage.learning_rate) for stage in stages] == [(1, 0.5), (9, 0.25)]
        assert all(stage.stages == [] for stage in stages)

    def test_without_stages_there_is_one(self) -> None:
        config = train_config().resolved()
        assert config.stage_configs() == [config]

    def test_the_command_line_wins_in_every_stage(self, toml: Toml) -> None:
        path = toml(
            "[[train.stages]]\nepochs = 1\nlearning-rate = 0.5\n"
            "[[train.stages]]\nepochs = 2\nlearning_rate = 0.25\n"
        )
        asked = {"learning_rate": 0.125}
        stages = merge_layers(TrainConfig, "train", (path, None), asked).resolved().stage_configs()
        assert [(stage.epochs, stage.learning_rate) for stage in stages] == [(1, 0.125), (2, 0.125)]

    def test_the_command_line_wins_in_the_stages_of_a_preset(self) -> None:
        config = merge_layers(TrainConfig, "train", (None, "notebook-mf"), {"epochs": 4}).resolved()
        assert [stage.epochs for stage in config.stage_configs()] == [4, 4, 4]

    def test_the_biases_of_a_stage_follow_its_factors(self) -> None:
        config = train_config(
            regularization=0.1, weight_decay=0.2, stages=[{"regularization": 0.3}, {"epochs": 1}]
        )
        stages = config.resolved().stage_configs()
        assert [stage.bias_regularization for stage in stages] == [0.3, 0.1]
        assert [stage.bias_weight_decay for stage in stages] == [0.2, 0.2]

    @pytest.mark.parametrize("name", ["regularization", "weight_decay"])
    def test_biases_that_were_set_apart_stay_so_in_every_stage(self, toml: Toml, name: str) -> None:
        """A stage's own regularization does not overrule --bias-regularization."""
        path = toml(f"[[train.stages]]\n{name} = 0.3\n[[train.stages]]\nepochs = 1\n")
        config = merge_layers(TrainConfig, "train", (path, None), {f"bias_{name}": 0.0}).resolved()
        assert [getattr(stage, f"bias_{name}") for stage in config.stage_configs()] == [0.0, 0.0]

    def test_a_stage_may_name_all_that_it_may_change(self) -> None:
        options = {
            "epochs": 1,
            "learning_rate": 0.1,
            "schedule": "inverse",
            "decay": 0.5,
            "regularization": 0.1,
            "bias_regularization": 0.1,
            "weight_decay": 0.0,
            "bias_weight_decay": 0.0,
            "optimizer": "sgd",
            "sparse": False,
            "batch_size": 7,
            "reduction": "sum",
            "clip_norm": 1.0,
            "negatives": 2,
            "patience": 3,
            "last_epoch": 2,
            "eval_every": 2,
        }
        assert set(options) == set(names_with(TrainConfig, Role.stage))
        config = train_config(mode="implicit", valid="v.npz", stages=[options])
        (stage,) = config.resolved().stage_configs()
        assert (stage.optimizer, stage.reduction) == (Optimizer.sgd, Reduction.sum)
        assert (stage.batch_size, stage.negatives) == ("7", 2)

    @pytest.mark.parametrize(
        ("stage", "reason"),
        [
            ({"epoch": 3}, "2: unknown key 'epoch' (did you mean 'epochs'?)"),
            ({"factors": 3}, "2: unknown key 'factors'"),
            ({"model": "mf"}, "2: unknown key 'model'"),
            ({"seed": 3}, "2: unknown key 'seed'"),
            ({"stages": []}, "2: unknown key 'stages'"),
            ({"epochs": "three"}, "2: epochs = 'three' should be of type int"),
            ({"optimizer": "adm"}, "2: optimizer = 'adm' is not one of"),
            ({"epochs": 0}, "--epochs 0 is below"),
            ({"batch_size": "none"}, "--batch-size 'none'"),
            ({"negatives": 2}, "--negatives has no meaning"),
            ({"bias_regularization": "x"}, "2: bias_regularization = 'x' should be of type float"),
            ({"batch-size": 2, "batch_size": 3}, "given twice"),
        ],
    )
    def test_a_stage_is_checked_before_training(self, stage: dict[str, Any], reason: str) -> None:
        with pytest.raises(UsageError) as error:
            train_config(stages=[{"epochs": 1}, stage]).resolved()
        assert reason in str(error.value)


class TestSplit:
    @pytest.mark.parametrize(
        ("options", "strategy"),
        [
            ({}, Strategy.leave_n_out),
            ({"strategy": "latest"}, Strategy.latest),
            ({"train_file": "a", "test_file": "b"}, Strategy.given),
            ({"strategy": "given", "train_file": "a", "test_file": "b"}, Strategy.given),
        ],
    )
    def test_the_strategy_follows_from_the_options(
        self, options: dict[str, Any], strategy: Strategy
    ) -> None:
        assert SplitConfig.merge(("", options)).chosen is strategy

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"strategy": "given"}, "needs both --train-file and --test-file"),
            ({"train_file": "a"}, "needs both --train-file and --test-file"),
            ({"test_file": "b"}, "needs both --train-file and --test-file"),
            ({"train_file": "a", "test_file": "b", "folds": 3}, "--folds cuts one file"),
            (
                {"train_file": "a", "test_file": "b", "strategy": "latest"},
                "need --strategy given, not latest",
            ),
            ({"per_user": True}, "--per-user needs --strategy fraction"),
            ({"cutoff": "2020-01-01"}, "--cutoff needs --strategy latest"),
            ({"folds": 3, "strategy": "fraction"}, "--folds is a strategy of its own"),
            ({"test_fraction": 0.3}, "--test-fraction has no meaning with --strategy leave-n-out"),
            ({"train_file": "a", "test_file": "b", "test_fraction": 0.3}, "--strategy given"),
            ({"strategy": "fraction", "n": 3}, "--n has no meaning with --strategy fraction"),
            ({"strategy": "latest", "cutoff": "5", "n": 3}, "--n has no meaning"),
            ({"folds": 3, "n": 3}, "--n has no meaning with --folds"),
            ({"strategy": "fraction", "test_fraction": 0.0}, "both excluded"),
            ({"strategy": "fraction", "test_fraction": 1.0}, "both excluded"),
        ],
    )
    def test_options_of_one_strategy_are_refused_with_another(
        self, options: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(UsageError) as error:
            SplitConfig.merge(("", options))
        assert reason in str(error.value)


class TestColumns:
    def test_roles_are_read_in_any_order(self) -> None:
        assert parse_columns("item=movie, user=1,time=at") == {
            "item": "movie",
            "user": "1",
            "time": "at",
        }
        assert parse_columns(None) == {}

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("user", "should look like user=NAME"),
            ("user=,item=b", "should look like user=NAME"),
            ("usr=a,item=b", "'usr' is not a role (did you mean 'user'?)"),
            ("user=a,user=b,item=c", "gives user twice"),
            ("user=a,item=a", "one column two roles"),
            ("user=none,rating=b", "every table needs the user"),
            ("", "should look like user=NAME"),
        ],
    )
    def test_anything_else_is_refused(self, text: str, reason: str) -> None:
        with pytest.raises(UsageError) as error:
            FetchConfig(columns=text)
        assert reason in str(error.value)


class TestMetricNames:
    def test_a_list_metric_stands_for_one_a_k(self) -> None:
        assert expand_metrics(["ndcg", "rmse", "map@3"], [5, 10]) == [
            "ndcg@5",
            "ndcg@10",
            "rmse",
            "map@3",
        ]

    def test_none_comes_twice(self) -> None:
        assert expand_metrics(["ndcg@10", "ndcg", "ndcg@010"], [10]) == ["ndcg@10"]

    @pytest.mark.parametrize(
        "name", ["ndgc", "rmse@10", "auc@5", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@²", ""]
    )
    def test_what_is_no_metric_is_refused(self, name: str) -> None:
        with pytest.raises(UsageError, match="is not a metric"):
            expand_metrics([name], [10])


class TestPresets:
    def test_the_recipes_of_the_issue_are_there(self) -> None:
        assert {"torchmf-explicit", "notebook-mf", "notebook-mf-bias"} <= set(preset_names())

    @pytest.mark.parametrize("name", preset_names())
    def test_every_preset_loads_and_resolves(self, name: str) -> None:
        for table, cls in CLASSES.items():
            config = merge_layers(cls, table, (None, name), {})
            if isinstance(config, TrainConfig):
                config.resolved()

    @pytest.mark.parametrize("name", preset_names())
    def test_a_preset_names_the_source_that_run_starts_from(self, name: str) -> None:
        assert merge_layers(FetchConfig, "fetch", (None, name), {}).source


class TestOptions:
    @pytest.mark.parametrize("name", preset_names())
    def test_options_are_plain_and_build_the_same_configuration_again(self, name: str) -> None:
        for table, cls in CLASSES.items():
            config = merge_layers(cls, table, (None, name), {})
            plain = config.options()
            for value in plain.values():
                assert type(value) in (bool, int, float, str, list)
            assert cls.merge(("", plain)) == config

    def test_what_has_no_value_or_is_left_out_is_not_among_the_options(self) -> None:
        options = SplitConfig(n=3).options(leave_out=Role.seed)
        assert "seed" not in options
        assert "cutoff" not in options
        assert options["n"] == 3

    @pytest.mark.parametrize("cls", CLASSES.values())
    def test_every_option_has_a_help_that_is_a_sentence(self, cls: type[Config]) -> None:
        for field in dataclasses.fields(cls):
            if field.metadata["cli"]:
                assert field.metadata["help"].endswith((".", ")")), field.name


class TestReference:
    def test_it_has_a_row_for_every_option_of_every_command(self) -> None:
        page = Path(mfcli.__file__).with_name("docs") / "reference.md"
        text = page.read_text("utf-8")
        for name, cls in CLASSES.items():
            _, _, section = text.partition(f"## {name}\n")
            rows = section.partition("\n## ")[0]
            assert rows, name
            for field in cli_fields(cls):
                assert f"`{flag(field.name)}" in rows, (name, field.name)
