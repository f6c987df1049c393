"""The search for settings: draws, batches, rounds, promotion, what is known already."""

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
from mfcli.tuning.asking import Asking
from mfcli.tuning.draws import draw
from mfcli.tuning.neighbours import Neighbours
from mfcli.tuning.search import Halving, search
from mfcli.tuning.surrogate import Surrogate
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


class Blank:
    """Asks for trials without options, in batches."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.trials: list[dict[str, Any]] = []

    def ask(self, ranked: Sequence[TrialResult], most: int) -> list[int]:
        del ranked
        first = len(self.trials)
        self.trials += [{}] * min(self.batch, most)
        return list(range(first, len(self.trials)))


def run(
    bench: Bench, n: int, plan: Halving, lower: bool = False, known: Any = None, batch: int = 99
) -> list[TrialResult]:
    return list(search(Blank(batch), n, 90, plan, lower, bench, known or {}))


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

    assert len(list(search(Blank(9), 2, None, Halving(3, 3), False, train, {}))) == 2


def reaches(options: dict[str, Any]) -> float:
    """Return a model's score by its options alone: best at a rate of 0.05 and few negatives."""
    whole = USUAL | options
    return -float(np.log(whole["learning_rate"] / 0.05) ** 2 + np.log(whole["negatives"]) ** 2)


USUAL = {"learning_rate": 0.005, "factors": 8, "negatives": 3, "dropout": 0.25, "epochs": 90}


def searched(
    n: int, seed: int, batch: int, known: Any = None, backwards: bool = True
) -> tuple[Asking, list[TrialResult]]:
    """Search in a space where what each trial reaches is known, the results in some order."""
    asking = Asking(SPACE, USUAL, seed, batch, lower_is_better=False)

    def train(tasks: Sequence[Task], rung: int) -> Iterator[TrialResult]:
        for task in reversed(tasks) if backwards else tasks:
            yield TrialResult(
                trial=task.trial,
                rung=rung,
                epochs=task.options["epochs"],
                status="ok",
                value=reaches(task.options) + 0.01 * rung,
                metrics={},
                seconds=0.0,
                options=task.options,
            )

    return asking, list(search(asking, n, 90, Halving(2, 3), False, train, known or {}))


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_longer_search_begins_like_a_shorter_one_in_whatever_order_results_come(
    a: int, b: int, batch: int, seed: int
) -> None:
    short, long = sorted((a, b))
    one, _ = searched(long, seed, batch)
    two, results = searched(short, seed, batch, backwards=False)
    assert len(one.trials) == long
    assert one.trials[:short] == two.trials
    # Nor does it matter what is known already.
    three, _ = searched(long, seed, batch, {(it.trial, it.rung): it for it in results})
    assert three.trials == one.trials


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_trials_stay_within_their_ranges_and_are_options(seed: int, batch: int) -> None:
    asking, _ = searched(30, seed, batch)
    first, *rest = asking.trials
    assert first == {}
    for entry in rest:
        assert 0.001 <= entry["learning_rate"] <= 0.1
        assert entry["factors"] in (8, 16)
        assert isinstance(entry["negatives"], int)
        assert 1 <= entry["negatives"] <= 20
        assert 0.0 <= entry["dropout"] <= 0.5
        assert entry["learning_rate"] == float(f"{entry['learning_rate']:.3g}")
    assert len({str(entry) for entry in rest}) == len(rest)


def test_near_the_best_is_better_than_at_random_with_as_many_trials() -> None:
    best = {
        batch: [max(it.value or -9.0 for it in searched(30, seed, batch)[1]) for seed in range(5)]
        for batch in (6, 30)
    }
    assert np.median(best[6]) > np.median(best[30])
    assert np.mean(best[6]) > np.mean(best[30])


def test_the_quota_of_a_round_is_of_all_batches_together() -> None:
    """The best of all so far go on, also one of an earlier batch, and none twice."""
    scores = [0.5, 0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.4, 0.6]
    bench = Bench(scores)
    run(bench, 9, Halving(2, 3), batch=3)
    went_on = [[trial for trial, rung, _ in bench.asked if rung == 1]]
    assert went_on == [[1, 0, 2, 3]]
    assert [entry[:2] for entry in bench.asked[:5]] == [(2, 0), (1, 0), (0, 0), (1, 1), (0, 1)]


def test_no_batch_is_asked_for_once_time_is_up() -> None:
    late = frozenset((trial, 0) for trial in range(4, 99))
    asks = Blank(2)
    results = list(search(asks, 99, 90, Halving(2, 2), False, Bench([0.1] * 99, late), {}))
    assert {result.trial for result in results} == {0, 1, 2, 3}
    assert len(asks.trials) < 20  # while there are some to go on


def test_what_should_gain_most_is_where_the_best_is() -> None:
    """A parabola over the logarithm of one option, and another option that means nothing."""
    space: Space = {"learning_rate": Log(0.001, 1.0), "init": Choice(("normal:1", "normal:2"))}
    random = np.random.default_rng(1)
    known = [draw(space, random) for _ in range(15)]
    values = np.array([-(np.log10(it["learning_rate"] / 0.1) ** 2) for it in known])
    # Short trainings reach less, and say as much of where the best is.
    known, parts = known + known, [1.0] * 15 + [0.0] * 15
    values = np.concatenate([values, values - 1.0])
    surrogate = Surrogate(space, known, parts, values)
    grid = [{"learning_rate": 10.0**at, "init": "normal:1"} for at in np.linspace(-3, 0, 61)]
    gains = surrogate.expected_gain(grid)
    assert grid[int(gains.argmax())]["learning_rate"] == pytest.approx(0.1, rel=0.3)
    best = grid[int(gains.argmax())]
    assert (gains >= 0).all()
    assert np.array_equal(Surrogate(space, known, parts, values).expected_gain(grid), gains)
    surrogate.believe(best)  # as if it had been tried: there is nothing more to gain
    assert surrogate.expected_gain([best])[0] < 0.5 * gains.max()


def test_what_is_all_the_same_or_one_alone_is_no_trouble() -> None:
    for values in ([0.5], [0.5, 0.5, 0.5], [0.5, -1e30, 0.4]):
        known = [USUAL | {"learning_rate": 0.01 * (1 + at)} for at in range(len(values))]
        surrogate = Surrogate(SPACE, known, [0.0] * len(values), np.array(values))
        assert np.isfinite(surrogate.expected_gain([USUAL, *known])).all()


@pytest.mark.parametrize("kept", [True, False])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_neighbours_keep_to_ranges_that_are_kept_and_to_what_options_may_be(
    kept: bool, seed: int
) -> None:
    space: Space = {
        "learning_rate": Log(0.5, 2.0),
        "factors": Choice((1, 2, 4)),
        "confidence": Choice(("none", "log")),
        "alpha": Log(0.1, 1.0),
    }
    near = Neighbours(seed, 0.5, set(space) if kept else set())
    options: dict[str, Any] = {"learning_rate": 1.0, "factors": 2, "confidence": "none"}
    for _ in range(50):
        options = near.draw([options], space)
        TrainConfig.merge(("", {"objective": "ials", "factors": options["factors"]})).resolved()
        assert ("alpha" in options) <= (options["confidence"] == "log")
        if kept:
            assert 0.5 <= options["learning_rate"] <= 2.0
            assert options["factors"] in (1, 2, 4)
        else:
            assert 0.25 <= options["learning_rate"] <= 4.0
            assert 1 <= options["factors"] <= 8


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
    random = np.random.default_rng(0)
    for drawn in [draw(space, random) for _ in range(4)] if space else [{}]:
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
