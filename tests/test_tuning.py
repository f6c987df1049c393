"""Random search with successive halving: draws, rounds, promotion, what is known already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config import Engine, Objective, Setting, TrainConfig, TuneConfig, combinations
from mfcli.config.applies import inapplicable
from mfcli.config.ranges import parse_range
from mfcli.config.spaces import Choice, Log, Space, Uniform
from mfcli.config.ways import WAYS, defaults_for, space_for
from mfcli.errors import UsageError
from mfcli.evaluation.confidence import Statistic, mean_of
from mfcli.events import TrialResult
from mfcli.tuning.search import Halving, draw, search
from mfcli.tuning.tasks import Task, best_of
from mfcli.tuning.verdict import judge

SPACE: Space = {
    "learning_rate": Log(0.001, 0.1),
    "factors": Choice((8, 16)),
    "negatives": Log(1, 20),
    "dropout": Uniform(0.0, 0.5),
}


class Bench:
    """Trains nothing: the score of a trial is looked up; NaN stands for a divergence."""

    def __init__(self, scores: Sequence[float], late: frozenset[tuple[int, int]] = frozenset()):
        self.scores, self.late = scores, late
        self.asked: list[tuple[int, int, int]] = []

    def __call__(self, tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
        for task in reversed(tasks):  # any order
            if task.key in self.late:
                continue
            self.asked.append((task.trial, task.rung, task.options["epochs"]))
            value = self.scores[task.trial]
            bad = value != value
            yield TrialResult(
                trial=task.trial,
                rung=rung,
                epochs=task.options["epochs"],
                status="diverged" if bad else "ok",
                value=None if bad else value,
                metrics={},
                seconds=0.0,
                options=task.options,
            )


def run(bench: Bench, n: int, plan: Halving, lower: bool = False, known: Any = None) -> Any:
    return list(search([{}] * n, 90, plan, lower, bench, known or {}))


def test_one_in_eta_goes_on_with_eta_times_the_epochs():
    bench = Bench([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    results = run(bench, 9, Halving(3, 3))
    assert [len([result for result in results if result.rung == rung]) for rung in range(3)] == [
        9,
        3,
        1,
    ]
    assert {entry for entry in bench.asked if entry[1] == 1} == {(0, 1, 30), (8, 1, 30), (7, 1, 30)}
    assert [entry for entry in bench.asked if entry[1] == 2] == [(0, 2, 90)]


def test_the_defaults_go_on_however_bad_they_are():
    results = run(Bench([0.0, 0.1, 0.2, 0.3]), 4, Halving(2, 2))
    assert {result.trial for result in results if result.rung == 1} == {0, 2, 3}


def test_less_is_better_where_it_is():
    results = run(Bench([1.0, 0.9, 0.8, 0.7]), 4, Halving(2, 4), lower=True)
    assert {result.trial for result in results if result.rung == 1} == {0, 3}
    best = best_of(results, True)
    assert best is not None
    # Of equal scores, the one of the later round.
    assert (best.trial, best.rung) == (3, 1)


def test_what_diverged_does_not_go_on():
    nan = float("nan")
    results = run(Bench([nan, nan, 0.2, nan]), 4, Halving(2, 2))
    assert {result.trial for result in results if result.rung == 1} == {0, 2}
    assert best_of([result for result in results if result.trial != 2], False) is None


def test_what_is_known_is_not_trained_again():
    bench = Bench([0.1, 0.2, 0.3, 0.4])
    whole = run(bench, 4, Halving(2, 2))
    for cut in range(len(whole)):
        again = Bench([0.1, 0.2, 0.3, 0.4])
        known = {(entry.trial, entry.rung): entry for entry in whole[:cut]}
        results = run(again, 4, Halving(2, 2), known=known)
        assert len(again.asked) == len(whole) - cut
        key = [(result.trial, result.rung, result.value) for result in results]
        assert sorted(key) == sorted((entry.trial, entry.rung, entry.value) for entry in whole)


def test_a_round_that_was_cut_short_promotes_what_it_has():
    late = frozenset({(2, 0), (3, 0)})
    results = run(Bench([0.1, 0.2, 0.9, 0.9], late), 4, Halving(2, 2))
    assert {result.trial for result in results if result.rung == 1} == {0, 1}


def test_an_engine_without_epochs_has_one_round():
    def train(tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
        for task in tasks:
            assert "epochs" not in task.options
            yield TrialResult(
                trial=task.trial,
                rung=rung,
                epochs=None,
                status="ok",
                value=0.5,
                metrics={},
                seconds=0.0,
                options=task.options,
            )

    assert len(list(search([{}, {}], None, Halving(3, 3), False, train, {}))) == 2


@settings(max_examples=8)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_a_longer_list_begins_like_a_shorter_one(a: int, b: int, seed: int):
    short, long = sorted((a, b))
    assert draw(SPACE, long, seed)[:short] == draw(SPACE, short, seed)


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_draws_stay_within_their_ranges_and_are_options(seed: int):
    first, *rest = draw(SPACE, 8, seed)
    assert first == {}
    for entry in rest:
        assert 0.001 <= entry["learning_rate"] <= 0.1
        assert entry["factors"] in (8, 16)
        assert isinstance(entry["negatives"], int)
        assert 1 <= entry["negatives"] <= 20
        assert 0.0 <= entry["dropout"] <= 0.5
        assert entry["learning_rate"] == float(f"{entry['learning_rate']:.3g}")


def test_every_engine_and_objective_has_ranges():
    without = {key for key, way in WAYS.items() if not way.space}
    assert without == {(Engine.closed_form, None)}  # popularity has no option


@pytest.mark.parametrize(("model", "objective", "engine"), combinations())
def test_ranges_hold_the_defaults_and_every_draw_resolves(model, objective, engine):
    setting = Setting(model, objective, engine)
    space, defaults = space_for(setting), defaults_for(setting)
    assert not set(space) & set(inapplicable(setting))
    for name, entry in space.items():
        # Of weights that are not all 1, as the defaults' are; by the data.
        if name in ("alpha", "unobserved_weight"):
            assert name not in defaults
        elif isinstance(entry, Choice):
            assert defaults[name] in entry.values
        else:
            assert entry.low <= defaults[name] <= entry.high
    for drawn in draw(space, 4, 0) if space else [{}]:
        chosen = {name: value for name, value in setting._asdict().items() if value is not None}
        TrainConfig.merge(("", chosen | drawn)).resolved()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("factors=32,64", ("factors", Choice((32, 64)))),
        ("learning-rate=0.01:0.1", ("learning_rate", Log(0.01, 0.1))),
        ("dropout=0:0.5", ("dropout", Uniform(0.0, 0.5))),
        ("init=normal:0.1,uniform:0:1", ("init", Choice(("normal:0.1", "uniform:0:1")))),
        ("global-mean=true,no", ("global_mean", Choice((True, False)))),
    ],
)
def test_ranges_are_read(text: str, expected: Any):
    assert parse_range(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning-rat=1:2", "learning-rate"),
        ("seed=1,2", "an option that a search can draw"),
        ("factors", "NAME=LOW:HIGH"),
        ("factors=2:1", "the larger one last"),
        ("factors=a,b", "not a whole number"),
        ("dropout=0:2", "above its maximum"),
        ("optimizer=adam,adm", "not one of"),
        ("init=normal", "normal:0.05"),
    ],
)
def test_malformed_ranges_are_refused(text: str, words: str):
    with pytest.raises(UsageError, match=words):
        parse_range(text)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "popularity"}, "nothing is left to tune"),
        ({"negatives": 3, "range": ["negatives=1,2"]}, "--negatives"),
        (
            {"metric": ["ndcg"], "mode": "hogwild", "range": ["negatives=1,2"], "negatives": 2},
            "give one",
        ),
        ({"range": ["negatives=1,2"]}, "no meaning here"),
        ({"mode": "hogwild", "metric": ["rmse"]}, "only --objective mse"),
        ({"valid": "v.npz", "valid_n": 3}, "leave out"),
        ({"valid_n": 3}, "--valid-n needs"),
        ({"valid_strategy": "latest", "valid_fraction": 0.1}, "--valid-fraction needs"),
        ({"valid_strategy": "given"}, "--valid"),
        ({"engine": "hogwild", "model": "neural"}, "needs minibatch"),
        ({"range": ["factors=8,16", "factors=32"]}, "twice"),
        ({"patience": 3}, "patience has no meaning"),
    ],
)
def test_what_cannot_work_is_refused_before_data_is_read(options: dict[str, Any], words: str):
    with pytest.raises(UsageError, match=words):
        TuneConfig.merge(("", options)).ready()


def test_what_is_given_is_fixed_and_the_rest_is_drawn():
    config = TuneConfig.merge(("", {"mode": "hogwild", "factors": 7, "epochs": 4}))
    assert not {"factors", "epochs"} & set(config.space())
    trial = config.trial_recipe({"learning_rate": 0.5})
    assert (trial.factors, trial.epochs, trial.learning_rate, trial.workers) == (7, 4, 0.5, 1)
    assert trial.objective is Objective.bpr
    assert config.metrics == ["ndcg@10"]
    assert TuneConfig().metrics == ["rmse"]
    assert TuneConfig().lower_is_better
    assert not config.lower_is_better


@pytest.mark.parametrize("root", [False, True])
def test_the_verdict_takes_the_number_of_candidates_into_account(root: bool) -> None:
    random = np.random.default_rng(0)
    base = np.abs(random.normal(1.0, 0.2, 400))
    gap = random.normal(0.02, 0.1, 400)  # four standard errors of a mean

    def statistic(values: Any) -> Statistic:
        return Statistic(values, np.ones(400), root)

    better = base - gap if root else base + gap
    one = judge(statistic(better), statistic(base), 1, lower_is_better=root)
    many = judge(statistic(better), statistic(base), 10**6, lower_is_better=root)
    assert one.beyond_noise
    assert not many.beyond_noise
    assert one.difference == many.difference > 0
    assert one.needed < many.needed
    worse = judge(statistic(base), statistic(better), 1, lower_is_better=root)
    assert not worse.beyond_noise
    assert worse.difference == -one.difference


def test_few_users_tell_nothing() -> None:
    one = Statistic(np.array([0.5]), np.ones(1))
    verdict = judge(one, Statistic(np.array([0.1]), np.ones(1)), 3, lower_is_better=False)
    assert not verdict.beyond_noise


def test_the_best_of_equals_is_beyond_noise_as_seldom_as_was_said() -> None:
    """Twenty candidates that are the defaults and noise: 200 searches, of which 5 % may err."""
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        base = random.random(60)
        rivals = [base + random.normal(0, 0.1, 60) for _ in range(20)]
        best = max(rivals, key=lambda values: float(values.mean()))
        found = judge(mean_of(best), mean_of(base), 20, lower_is_better=False)
        wrong += found.beyond_noise
    assert wrong <= 20
