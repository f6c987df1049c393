"""What is refused or warned of before a training: values of which it would learn nonsense."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mfcli
from mfcli.codes import WarningCode
from mfcli.config import Objective, Recipe, TrainConfig
from mfcli.config.choices import BASELINES, Engine, Order
from mfcli.config.combinations import combinations
from mfcli.data.interactions import Interactions
from mfcli.data.scales import are_counts, are_equal
from mfcli.errors import InputError, MfcliWarning, UsageError
from mfcli.events import Noted, Warned
from mfcli.training.guards import check_values
from mfcli.training.notices import notices
from tests.conftest import Cli

WAYS = combinations()
LEARNT = [way for way in WAYS if way[0] not in BASELINES]
SQUARED = [way for way in LEARNT if way[1] is Objective.mse]
RANKING = [way for way in LEARNT if way[1] is not Objective.mse]
WEIGHTED = [way for way in RANKING if way[1] is not None]  # values may weigh in all but ease
COUNTED = [way for way in WAYS if way[0] in BASELINES]


def matrix_of(values: Any) -> Interactions:
    """Return one row of each value, (N,), in which 6 users have about as many rows each."""
    rated = np.asarray(values, np.float32)
    at = np.arange(len(rated))
    return mfcli.read((at % 6, at // 6, rated), ignore=["W-values"])


def recipe_of(way: Any, **options: Any) -> Recipe:
    model, objective, engine = way
    given = {"model": model, "objective": objective, "engine": engine, **options}
    return TrainConfig(**given).recipe()


def said(recipe: Recipe, values: Any) -> list[tuple[str, str]]:
    """Return the codes ("" for a note) and texts of what is said of a recipe on values."""
    return [
        (notice.code if isinstance(notice, Warned) else "", notice.message)
        for notice in notices(recipe, matrix_of(values), workers=1)
    ]


def codes(recipe: Recipe, values: Any) -> list[str]:
    return [code for code, _ in said(recipe, values) if code]


class TestConstants:
    @pytest.mark.parametrize("way", SQUARED)
    @pytest.mark.parametrize("value", [1, 0, 5, -1])
    def test_squared_errors_on_one_value_are_refused(self, way: Any, value: float) -> None:
        with pytest.raises(UsageError, match=rf"every value is {value}.*--mode hogwild"):
            check_values(recipe_of(way), matrix_of([value] * 20), "train.npz")

    @pytest.mark.parametrize("way", SQUARED)
    def test_ratings_and_half_steps_are_fine(self, way: Any) -> None:
        check_values(recipe_of(way), matrix_of([0.5, 4.5, 3, -1, 0] * 4), "train.npz")

    @pytest.mark.parametrize("way", COUNTED)
    @pytest.mark.parametrize("values", [[1] * 20, [0] * 20, [-1, 1] * 10])
    def test_baselines_take_everything(self, way: Any, values: Any) -> None:
        check_values(recipe_of(way), matrix_of(values), "train.npz")
        assert said(recipe_of(way), values) == []

    def test_the_command_refuses_before_it_trains_and_leaves_the_old_model(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        matrix_of([1] * 20).save(tmp_path / "clicks.npz")  # type: ignore[attr-defined]
        (tmp_path / "m.pt").write_bytes(b"old")
        for words in (["train"], ["tune", "--trials", "2"]):
            done = cli(words[0], tmp_path / "clicks.npz", "--out", tmp_path / "m.pt", *words[1:])
            assert done.exit_code == 2
            assert done.stderr.splitlines()[-1].startswith(f"error: {tmp_path}/clicks.npz: every")
            assert "--mode hogwild" in done.stderr
        assert (tmp_path / "m.pt").read_bytes() == b"old"
        assert not list(tmp_path.glob("*.resume"))

    def test_python_refuses_it_as_well(self) -> None:
        with pytest.raises(UsageError, match="every value is 1"):
            mfcli.fit(matrix_of([1] * 20))
        mfcli.fit(matrix_of([1] * 20), model="bias")


class TestDislikes:
    @pytest.mark.parametrize("way", RANKING)
    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ([-1, 1, 1, 1], r"1 of 4 values is 0 or less \(1 × -1\).*--drop-value -1 "),
            ([0, 0, 8, 10], r"2 of 4 values are 0 or less \(2 × 0\).*--drop-value 0 "),
            ([0, 0, -1, 10], r"\(2 × 0, 1 × -1\).*--drop-value 0 --drop-value -1 "),
            ([0, 1, 0, 1], r"2 × 0.*--threshold X of fetch or split"),
            ([-9.5, -3, -1, -0.5, 2], r"\(1 × -9.5, 1 × -3, 1 × -1, …\).*: keep what counts"),
            ([0, 0, 0, 0], r"fetch without that column"),
        ],
    )
    def test_a_ranking_objective_refuses_them_and_counts_them(
        self, way: Any, values: Any, told: str
    ) -> None:
        with pytest.raises(InputError, match=told):
            check_values(recipe_of(way), matrix_of(values), "train.npz")

    @pytest.mark.parametrize("way", RANKING)
    @pytest.mark.parametrize("values", [[1] * 8, [0.5, 5, 4.5, 1] * 2, [1, 3, 400, 352698] * 2])
    def test_clicks_ratings_and_counts_are_taken(self, way: Any, values: Any) -> None:
        check_values(recipe_of(way), matrix_of(values), "train.npz")

    def test_the_command_refuses_them_with_exit_3(self, cli: Cli, tmp_path: Path) -> None:
        matrix_of([0, 1] * 10).save(tmp_path / "liked.npz")  # type: ignore[attr-defined]
        for command in ("train", "tune"):
            given = ["--out", str(tmp_path / "m"), "--mode", "hogwild", "--json"]
            done = cli(command, tmp_path / "liked.npz", *given)
            assert done.exit_code == 3
            message = json.loads(done.stdout)["error"]["message"]
            assert message.startswith(f"{tmp_path}/liked.npz: 10 of 20 values are 0 or less")

    def test_a_threshold_mends_it(self) -> None:
        at = np.arange(20)
        liked = mfcli.read((at % 5, at // 5, at % 2), threshold=1, ignore=["W-values"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mfcli.fit(liked, mode="hogwild", epochs=1, factors=2, workers=1)

    def test_a_history_with_dislikes_is_no_history_of_likes(self) -> None:
        train = matrix_of([1] * 20)
        history = mfcli.read(([99, 99], [0, 1], [1, -1]), ignore=["W-values"])
        model = mfcli.fit(train, mode="hogwild", epochs=1, factors=2, workers=1)
        with pytest.raises(InputError, match=r"the history: 1 of 2 values .*leave out the rows"):
            model.fold_in(history)
        mfcli.fit(train, model="bias").fold_in(history)


class TestCounts:
    @pytest.mark.parametrize(
        ("values", "counts"),
        [
            ([1, 2, 3, 4, 5], False),
            ([0.5, 1, 5], False),
            (range(1, 11), False),  # Book-Crossing without its zeros, MyAnimeList
            ([90, 100, 70, 30, 50], False),  # a scale of 100
            ([1, 5, 12, 17, 20], False),  # French marks
            ([1, 1, 1, 2, 1, 3, 25], True),  # clicks
            ([260, 17, 1, 352698, 900], True),  # plays
            ([0.1, 0.3, 2.5, 1.1, 180.5], True),  # hours of play
            ([0, 0, 0, 80, 90], False),  # "not rated" among a scale of 100
            ([-1, 1, 1, 1, 90], False),
            ([1, 1], False),
            ([50], False),
        ],
    )
    def test_counts_have_a_long_tail(self, values: Any, counts: bool) -> None:
        assert are_counts(np.asarray(list(values), np.float32)) is counts

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.integers(1, 10), min_size=1, max_size=20), st.sampled_from([0.1, 0.5, 1.0]))
    def test_no_scale_up_to_ten_is_taken_for_counts(self, steps: list[int], unit: float) -> None:
        assert not are_counts(np.asarray(steps, np.float32) * np.float32(unit))

    @pytest.mark.parametrize(("values", "equal"), [([], False), ([3], True), ([3, 3, 4], False)])
    def test_equal_values(self, values: Any, equal: bool) -> None:
        assert are_equal(np.asarray(values, np.float32)) is equal

    PLAYS = (1, 3, 2, 40, 260, 9000)

    @pytest.mark.parametrize("way", SQUARED)
    def test_squared_errors_of_counts_are_warned_of(self, way: Any) -> None:
        ((code, text),) = said(recipe_of(way), self.PLAYS)
        assert code == WarningCode.counts
        assert "1 to 9000, half of them at most 21.5)" in text

    @pytest.mark.parametrize(
        ("rows_a_user", "best"),
        [(5, "--mode hogwild --positive-weight log"), (60, "--objective ials")],
    )
    def test_the_hint_is_what_measured_best_on_so_many_rows_a_user(
        self, rows_a_user: int, best: str
    ) -> None:
        plays = np.resize(np.asarray(self.PLAYS), 6 * rows_a_user)
        ((_, text),) = said(TrainConfig().recipe(), plays)
        assert f"ratings: {best} makes" in text

    @pytest.mark.parametrize("way", SQUARED)
    @pytest.mark.parametrize("values", [[1, 5, 3, 4], [0.5, 2, 5], [20, 80, 100], [-10, 3.5, 10]])
    def test_squared_errors_of_ratings_are_not(self, way: Any, values: Any) -> None:
        assert said(recipe_of(way), values) == []

    @pytest.mark.parametrize("way", RANKING)
    def test_a_ranking_objective_on_counts_is_not_warned_of(self, way: Any) -> None:
        told = said(recipe_of(way), self.PLAYS)
        assert [code for code, _ in told] == ([] if way[1] in (Objective.ials, None) else [""])
        assert all("--positive-weight log" in text for _, text in told)


class TestPositives:
    STARS = (1, 2, 3, 4, 5, 5)

    @pytest.mark.parametrize("way", RANKING)
    @pytest.mark.parametrize(
        ("values", "good"),
        [
            (STARS, "such as 4)"),
            ([0.5, 1, 3.5, 4, 5], "such as 4)"),
            (range(1, 11), "such as 8)"),
            ([10, 50, 80, 100], "such as 80)"),
        ],
    )
    def test_ratings_are_warned_of_with_a_threshold_of_their_scale(
        self, way: Any, values: Any, good: str
    ) -> None:
        ((code, text),) = said(recipe_of(way), list(values))
        assert code == WarningCode.positives
        assert "--threshold X" in text
        assert good in text

    @pytest.mark.parametrize("way", WEIGHTED)
    @pytest.mark.parametrize("values", [STARS, TestCounts.PLAYS])
    def test_an_option_that_answers_it_silences_it(self, way: Any, values: Any) -> None:
        name = "confidence" if way[1] is Objective.ials else "positive_weight"
        for answer in ("none", "log"):
            assert said(recipe_of(way, **{name: answer}), values) == []

    @pytest.mark.parametrize("way", RANKING)
    def test_clicks_are_nothing_to_speak_of(self, way: Any) -> None:
        assert said(recipe_of(way), [1] * 12) == []

    def test_python_warns_and_an_answer_or_a_code_silences(self) -> None:
        stars, given = matrix_of(self.STARS * 3), {"epochs": 1, "factors": 2, "workers": 1}
        with pytest.warns(MfcliWarning) as told:
            mfcli.fit(stars, mode="hogwild", **given)  # type: ignore[arg-type]
        assert [getattr(warning.message, "code", "") for warning in told] == ["W-positives"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mfcli.fit(stars, mode="hogwild", positive_weight="none", **given)  # type: ignore[arg-type]
            mfcli.fit(stars, objective="ials", confidence="none", **given)  # type: ignore[arg-type]
            mfcli.fit(stars, mode="hogwild", ignore=["W-positives"], **given)  # type: ignore[arg-type]

    def test_a_search_warns_once(self, cli: Cli, tmp_path: Path) -> None:
        at = np.arange(120)
        mfcli.read((at % 10, at // 10, at % 5 + 1)).save(tmp_path / "stars.npz")
        given = ["--mode", "hogwild", "--trials", "2", "--rungs", "1", "--range", "epochs=1,2"]
        done = cli("tune", tmp_path / "stars.npz", "--out", tmp_path / "t.toml", *given, "--json")
        assert done.exit_code == 0, done.stderr
        told = [warning["code"] for warning in json.loads(done.stdout)["warnings"]]
        assert told.count("W-positives") == 1


def test_threads_without_locks_are_noted() -> None:
    recipe = recipe_of(next(way for way in RANKING if way[2] is Engine.hogwild))
    assert not list(notices(recipe, matrix_of([1] * 12), workers=2))
    free = dataclasses.replace(recipe, order=Order.free)
    (first, *_) = notices(free, matrix_of([1] * 12), workers=2)
    assert isinstance(first, Noted)
    assert "--order grid" in first.message
