"""--budget: what is aimed at and tried, that the time holds, and the file repeats the model."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mfcli
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.config import Engine, Objective, TrainConfig
from mfcli.config.budget import parse_budget, pinned
from mfcli.data.building import from_codes
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import UsageError
from mfcli.evaluation.confidence import Statistic
from mfcli.events import TrialResult
from mfcli.kernels import compilation
from mfcli.training.defaults import for_data
from mfcli.tuning import budget, ledger, readiness
from mfcli.tuning.aims import Target, hold_out_for, target_of
from mfcli.tuning.budget import find_in_time
from mfcli.tuning.plan import Chosen, Plan
from mfcli.tuning.portfolio import PORTFOLIO, Aim, Pinned, aim_of, narrowed, refusal
from mfcli.tuning.settings import settings_text
from mfcli.tuning.tasks import Task


def matrix(values: str = "ones", n: int = 3000, meta: dict[str, Any] | None = None) -> Interactions:
    random = np.random.default_rng(0)
    users, items = random.integers(0, 90, n), random.integers(0, 60, n)
    data = {
        "ones": np.ones(n),
        "stars": random.integers(1, 6, n),
        "counts": np.ceil(random.pareto(1.0, n)) + 1,
    }[values].astype(np.float32)
    made = from_codes(users, items, data, None, Catalog(np.arange(90), np.arange(60)))[0]
    return made.with_meta(made.meta | (meta or {}))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("2m", 120), ("1.5m", 90), ("1h", 3600), (" 10M ", 600)],
)
def test_a_time_is_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "2d", "-5", "0", "0.5", "1e3", "nan", "90000000h", "1m30s"]
)
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        TrainConfig.merge(("", {"budget": text}))


@pytest.mark.parametrize(
    "given_too",
    [
        {"init_from": "model.pt"},
        {"patience": 3},
        {"last_epoch": 3},
        {"time_limit": 5.0},
        {"stages": [{"epochs": 2}]},
        {"evidence": [{"of": "x"}]},
    ],
)
def test_what_means_nothing_along_with_it_is_refused(given_too: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot be combined with --budget"):
        TrainConfig.merge(("", {"budget": "1m", **given_too}))


def test_it_goes_on_with_nothing(cli, tmp_path) -> None:
    wanted = cli("train", "no.npz", "--out", tmp_path / "m.pt", "--budget", "5", "--resume")
    assert wanted.exit_code == 2
    assert "--resume goes on with one training" in wanted.stderr


LIKES = {"lineage": [{"stage": "split", "options": {"threshold": 4.0}, "inputs": []}]}


@pytest.mark.parametrize(
    ("options", "values", "meta", "aim", "metric"),
    [
        ({}, "stars", {}, Aim.ratings, "rmse"),
        ({}, "ones", {}, Aim.ranking, "ndcg@10"),
        ({}, "counts", {}, Aim.ranking, "ndcg@10"),
        ({}, "stars", LIKES, Aim.ranking, "ndcg@10"),
        ({"mode": "explicit"}, "counts", {}, Aim.ratings, "rmse"),
        ({"mode": "implicit"}, "stars", {}, Aim.ranking, "ndcg@10"),
        ({"mode": "hogwild"}, "stars", {}, Aim.ranking, "ndcg@10"),
        ({"mode": "hogwild", "objective": "mse"}, "stars", {}, Aim.ratings, "rmse"),
        ({"objective": "ials"}, "stars", {}, Aim.ranking, "ndcg@10"),
        ({"model": "svdpp"}, "stars", {}, Aim.ratings, "rmse"),
        ({"metric": ["recall@20"]}, "stars", {}, Aim.ranking, "recall@20"),
        ({"metric": ["mae"]}, "stars", {}, Aim.ratings, "mae"),
        ({"metric": ["ndcg"], "k": [5], "objective": "mse"}, "stars", {}, Aim.ratings, "ndcg@5"),
    ],
)
def test_what_is_asked_for_decides_else_the_data(
    options: dict[str, Any], values: str, meta: dict[str, Any], aim: Aim, metric: str
) -> None:
    config = TrainConfig.merge(("", {"budget": "1m", **options}))
    found = target_of(config, pinned(config), matrix(values, meta=meta))
    assert (found.aim, found.metric) == (aim, metric)
    assert found.why


def narrowed_to(aim: Aim, **options: Any) -> list[Any]:
    config = TrainConfig.merge(("", {"budget": "1m", **options}))
    return narrowed(aim, Pinned(pinned(config), {"seed": 0}))


@pytest.mark.parametrize("aim", Aim)
def test_the_portfolio_begins_with_defaults_and_all_of_it_can_be_trained(aim: Aim) -> None:
    assert any(entry.is_default for entry in PORTFOLIO[aim][:2])
    assert all(refusal(entry, Pinned({}, {})) is None for entry in PORTFOLIO[aim])
    assert all(aim_of(entry.setting) is aim for entry in PORTFOLIO[aim])
    assert narrowed_to(aim) == list(PORTFOLIO[aim])


def test_the_portfolio_is_narrowed_to_what_was_given() -> None:
    assert {it.objective for it in narrowed_to(Aim.ranking, objective="warp")} == {Objective.warp}
    assert {it.engine for it in narrowed_to(Aim.ranking, mode="hogwild")} == {Engine.hogwild}
    wide = narrowed_to(Aim.ranking, factors=32, objective="ials")
    assert all("factors" not in {*entry.times, *entry.options} for entry in wide)
    assert len({str((entry.times, entry.options)) for entry in wide}) == len(wide)
    # Negatives mean nothing to ials, so only what samples them is left.
    assert Objective.ials not in {it.objective for it in narrowed_to(Aim.ranking, negatives=3)}
    # Not in the portfolio: the defaults of what there is.
    torch = narrowed_to(Aim.ranking, engine="minibatch")
    assert {entry.engine for entry in torch} == {Engine.minibatch}
    with pytest.raises(UsageError, match="--budget: no way to train"):
        narrowed_to(Aim.ranking, engine="als", objective="bpr")


def test_an_entry_is_the_defaults_of_the_data_times_something() -> None:
    entry = next(it for it in PORTFOLIO[Aim.ratings] if "factors" in it.times)
    pins, data = Pinned({}, {"seed": 0}), matrix("stars")
    usual = for_data(pins.trial_recipe(pins.options_of(PORTFOLIO[Aim.ratings][0], data)), data)
    assert pins.options_of(entry, data)["factors"] == usual.factors * entry.times["factors"]
    fixed = Pinned({"factors": 5}, {"seed": 0})
    assert fixed.options_of(entry, data)["factors"] == 5


@pytest.mark.parametrize("values", ["ones", "stars"])
def test_rows_are_held_out_inside_the_matrix(values: str) -> None:
    whole = matrix(values)
    aim = Aim.ranking if values == "ones" else Aim.ratings
    target = Target(aim, "ndcg@10" if values == "ones" else "rmse", "")
    train, valid, words = hold_out_for(target, whole, 60.0, seed=3)
    assert train.n_ratings + valid.n_ratings == whole.n_ratings
    assert 0 < valid.n_ratings < whole.n_ratings / 3
    assert "seed 3" in words
    again = hold_out_for(target, whole, 60.0, seed=3)
    assert np.array_equal(again[1].indices, valid.indices)


def test_lists_of_a_sample_of_users_are_measured_where_all_would_take_too_long(monkeypatch) -> None:
    monkeypatch.setattr("mfcli.tuning.aims._FEWEST", 20)
    whole = matrix()
    target = Target(Aim.ranking, "ndcg@10", "")
    _, valid, words = hold_out_for(target, whole, 1e-6, seed=0)
    assert (valid.user_counts > 0).sum() == 20
    assert "20 users" in words


class Time:
    """A clock that only trainings move, and what these take and reach: a stand-in for Trainer."""

    def __init__(
        self,
        cost: Callable[[Task], float],
        value: Callable[[Task], float],
        spread: float | None = None,
    ) -> None:
        """Take what is measured; with ``spread`` users differ by that much, each in its own way."""
        self.now, self.cost, self.value, self.spread = 1000.0, cost, value, spread
        self.tasks: list[Task] = []

    def time(self) -> float:
        return self.now

    def trainer(self, *_: Any, **__: Any) -> Any:
        def train(task: Task, until: float, stopped: Any) -> TrialResult | None:
            del stopped
            self.tasks.append(task)
            cost = self.cost(task)
            late = self.now + cost > until
            self.now = until if late else self.now + cost
            value = None if late else self.value(task)
            statistic = None
            if value is not None and self.spread is not None:
                users = np.random.default_rng(task.trial).normal(0.0, self.spread, 100)
                statistic = Statistic(value + users - users.mean(), np.ones(100))
            return TrialResult(
                trial=task.trial,
                rung=0,
                epochs=task.options.get("epochs"),
                status="late" if late else "ok",
                value=value,
                metrics={},
                seconds=cost,
                options=task.options,
                training=cost,
                statistic=statistic,
            )

        return train


def searched(clock: Time, seconds: float, monkeypatch: pytest.MonkeyPatch, **pins: Any) -> Any:
    whole = matrix()
    train, valid, _ = hold_out_for(Target(Aim.ranking, "ndcg@10", ""), whole, 60.0, 0)
    monkeypatch.setattr(budget, "time", SimpleNamespace(time=clock.time))
    monkeypatch.setattr(budget, "Trainer", clock.trainer)
    monkeypatch.setattr(budget, "fit", lambda *_: None)
    kernels = ("_rank", "_topk", "fill_tiles", "solve_rows", "count_pairs", "add_rows")
    monkeypatch.setattr(compilation, "kept", lambda: dict.fromkeys(kernels, 1))
    plan = Plan(
        train=train,
        valid=valid,
        n_all=whole.n_ratings,
        aim=Aim.ranking,
        metric="ndcg@10",
        lower_is_better=False,
        pinned=Pinned(pins, {"seed": 0}),
        seed=0,
        deadline=clock.now + seconds,
    )
    return plan, find_in_time(plan)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), seconds=st.floats(0.5, 20.0), usual=st.floats(0.3, 10.0))
def test_the_last_training_fits_whatever_trials_take(
    seed: int, seconds: float, usual: float
) -> None:
    costs = np.random.default_rng(seed).lognormal(np.log(usual), 1.0, 5000)
    clock = Time(
        lambda task: 0.0 if task.options["model"] == "popularity" else costs[task.trial],
        lambda task: 0.1 + 0.01 * (task.trial % 7),
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        plan, chosen = searched(clock, seconds, monkeypatch)
    last = chosen.best.training / plan.part
    assert clock.now + last <= plan.deadline + 1e-6
    ready = [it for it in chosen.results if it.value is not None]
    if len(ready) > 1 and chosen.instead is None:  # each went on only while it could be repeated
        assert chosen.best.value == max(it.value for it in ready)


def test_what_is_best_is_looked_around_of(monkeypatch) -> None:
    """The nearer to 7 times the default λ of ials, the better: a search finds its way there."""

    def value(task: Task) -> float:
        if task.options.get("objective") != "ials":
            return 0.01
        return 1.0 - abs(np.log(task.options["regularization"] / 0.14)) / 10

    clock = Time(lambda _: 0.2, value)
    _, chosen = searched(clock, 30.0, monkeypatch)
    assert chosen.best.options["objective"] == "ials"
    assert chosen.best.options["regularization"] == pytest.approx(0.14, rel=0.2)
    # A way that is behind is not tried again.
    assert sum(it.options.get("objective") == "warp" for it in chosen.results if it.trial) == 1


@pytest.mark.parametrize(("spread", "defaults"), [(0.0, False), (0.01, False), (3.0, True)])
def test_the_defaults_stay_where_the_best_is_ahead_by_chance(
    monkeypatch, spread: float, defaults: bool
) -> None:
    """Of users who differ by 3 the mean of a hundred is off by 0.3, and so is any difference."""

    def value(task: Task) -> float:
        if task.options.get("objective") != "ials":
            return 0.01
        return 1.0 - abs(np.log(task.options["regularization"] / 0.14)) / 50

    _, chosen = searched(Time(lambda _: 0.2, value, spread), 30.0, monkeypatch)
    usual = next(it for it in chosen.results if it.trial == 2)  # after popularity and a narrow one
    assert (chosen.best.options == usual.options) is defaults


@pytest.mark.parametrize(
    ("seconds", "width"), [(60.0, None), (17.0, 1.0), (10.0, 0.7), (8.0, 0.55), (4.0, None)]
)
def test_defaults_are_trained_unmeasured_where_there_is_no_time_for_both(
    monkeypatch, seconds: float, width: float | None
) -> None:
    """Factors of the defaults cost 8 seconds, a quarter 1, and between them it is a straight line.

    Twice the 8 fit 60 s, and once 17; else it is the widest that fits, if it is wide enough.
    """
    recipe = TrainConfig.merge(("", {"objective": "ials"})).recipe()
    usual = for_data(recipe, matrix()).factors

    def cost(factors: int) -> float:
        return 1.0 + 7.0 * max(factors / usual - 0.25, 0.0) / 0.75

    monkeypatch.setattr(ledger, "_work", lambda recipe: cost(recipe.factors))
    clock = Time(lambda task: cost(task.options.get("factors", 0)), lambda _: 0.5)
    _, chosen = searched(clock, seconds, monkeypatch, objective="ials")
    assert chosen.best.options["objective"] == "ials"
    assert (chosen.instead is None) is (width is None)
    if width is not None:
        assert chosen.best.options["factors"] == pytest.approx(usual * width, abs=4)
        assert (chosen.best.value, chosen.usual_factors) == (None, usual)


def test_nothing_is_measured_twice_and_what_is_given_stays(monkeypatch) -> None:
    clock = Time(lambda _: 0.5, lambda task: 0.1 + 1e-3 * task.trial)
    _, chosen = searched(clock, 20.0, monkeypatch, factors=16)
    seen = [json.dumps(it.options, sort_keys=True, default=str) for it in chosen.results]
    assert len(set(seen)) == len(seen)
    assert {it.options["factors"] for it in chosen.results} == {16}


def test_kernels_compile_over_few_rows_and_no_more_users_and_items_than_these_have() -> None:
    """The inverse of ease, say, is of all items that there are."""
    train = matrix(n=5000)
    few = readiness.few_rows(train)
    assert few.n_ratings <= readiness._WARM_ROWS
    assert few.user_counts.min() > 0
    assert few.item_counts.min() > 0
    assert {*few.catalog.item_ids[few.indices]} <= {*train.catalog.item_ids[train.indices]}
    assert few.indptr.dtype == train.indptr.dtype


def test_what_takes_too_long_to_compile_is_not_begun(monkeypatch) -> None:
    clock = Time(lambda _: 0.2, lambda _: 0.1)
    plan, with_all = searched(clock, 3.0, monkeypatch)
    kernels = dict.fromkeys(("_rank", "_topk", "fill_tiles", "solve_rows"), 1)
    monkeypatch.setattr(compilation, "kept", lambda: kernels)
    found = find_in_time(dataclasses.replace(plan, deadline=clock.now + 3.0))
    models = [{it.options["model"] for it in chosen.results} for chosen in (with_all, found)]
    assert models[0] - models[1] == {"ease"}


def test_a_file_of_settings_is_toml_of_the_same_values() -> None:
    evidence = {"budget": 1.0, "gap": {"a b": 1e-7, "n": 3}, "best": [{"x": [1, 2]}, {"y": 'é"#'}]}
    options = {"factors": 3, "learning_rate": 1e-05, "sparse": False, "hidden": [10, 5]}
    found = tomllib.loads(settings_text(options, ["head"], evidence))["train"]
    assert found.pop("evidence") == [evidence]
    assert {name.replace("-", "_"): value for name, value in found.items()} == options


def one_file(cli, folder: Path, values: str) -> Path:
    rows = folder / "rows.csv"
    made = matrix(values)
    lines = zip(made.users, made.indices, made.data, strict=True)
    rows.write_text("user,item,rating\n" + "".join(f"{u},{i},{r:g}\n" for u, i, r in lines))
    assert cli("fetch", rows, "--out", folder / "data.npz").exit_code == 0
    return folder / "data.npz"


@pytest.mark.parametrize("values", ["ones", "stars"])
def test_the_settings_repeat_the_model_to_the_byte(cli, tmp_path, values: str) -> None:
    data, out = one_file(cli, tmp_path, values), tmp_path / "model.pt"
    search = cli("train", data, "--budget", "4", "--out", out, "--json")
    assert search.exit_code == 0, search.stderr
    told = json.loads(search.stdout)
    assert told["settings"] == str(tmp_path / "model.toml")
    assert told["evidence"]["metric"] == ("ndcg@10" if values == "ones" else "rmse")
    kept = load_checkpoint(out).meta["evidence"]
    assert kept == told["evidence"]
    assert str(tmp_path) not in (tmp_path / "model.toml").read_text()
    again = tmp_path / "again.pt"
    same = cli("train", data, "--config", tmp_path / "model.toml", "--out", again)
    assert same.exit_code == 0, same.stderr
    assert again.read_bytes() == out.read_bytes()
    # Of other options the evidence says nothing.
    other = cli("train", data, "--config", tmp_path / "model.toml", "--seed", "5", "--out", again)
    assert "is of other options" in other.stderr
    assert "evidence" not in load_checkpoint(again).meta


def test_a_training_that_time_cut_short_is_repeated_too(cli, tmp_path, monkeypatch) -> None:
    """As if the last training were slower than its trial: its limit ends it early."""
    data, out = one_file(cli, tmp_path, "ones"), tmp_path / "model.pt"
    from mfcli.tuning import choosing

    now = [1e9]

    def late(plan: Plan, _: Any) -> Any:
        now[0] += 100.0
        return find_one(plan, epochs=30, objective="bpr")

    clock = SimpleNamespace(time=lambda: now[0], process_time=lambda: 1.0)
    monkeypatch.setattr(choosing, "time", clock)
    monkeypatch.setattr(choosing, "find_in_time", late)
    options = ("--budget", "1", "--mode", "hogwild", "--objective", "bpr", "--factors", "4")
    limit = cli("train", data, *options, "--out", out)
    assert limit.exit_code == 0, limit.stderr
    assert 1 <= load_checkpoint(out).options["last_epoch"] < 30
    again = tmp_path / "again.pt"
    assert cli("train", data, "--config", tmp_path / "model.toml", "--out", again).exit_code == 0
    assert again.read_bytes() == out.read_bytes()


def find_one(plan: Plan, **options: Any) -> Any:
    """Return the choice of these options, at the end of the time."""
    recipe = plan.pinned.trial_recipe(options)
    trial = TrialResult(
        trial=0,
        rung=0,
        epochs=recipe.epochs,
        status="ok",
        value=0.5,
        metrics={},
        seconds=0.0,
        options=dict(recipe.options),
    )
    return Chosen(best=trial, results=[trial])


def test_a_run_measures_the_choice_and_trains_it_on_everything(cli, tmp_path) -> None:
    data = one_file(cli, tmp_path, "ones")
    out = tmp_path / "run"
    done = cli("run", tmp_path / "rows.csv", "--budget", "9", "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    assert data.exists()
    measured, last = load_checkpoint(out / "evaluated.pt"), load_checkpoint(out / "model.pt")
    assert measured.meta["evidence"] == last.meta["evidence"]
    assert measured.options == last.options
    told = json.loads(done.stdout)
    assert told["train"]["settings"] == str(out / "evaluated.toml")


@pytest.mark.parametrize("several", [("--folds", "3"), ("--repeats", "2")])
def test_a_run_of_several_trainings_has_no_budget(cli, tmp_path, several) -> None:
    done = cli("run", "demo", "--budget", "9", *several, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "--budget is one search" in done.stderr


def test_the_library_has_it_too() -> None:
    data = matrix("stars")
    model = mfcli.fit(data, budget="3", engine="hogwild", epochs=2, factors=3)
    assert model.options["engine"] == "hogwild"
    assert model.checkpoint.meta["evidence"]["metric"] == "rmse"
