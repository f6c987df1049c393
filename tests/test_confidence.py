"""Standard errors and bootstrap intervals against plain loops over resampled users."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfcli.evaluation import confidence
from mfcli.evaluation.confidence import Statistic, difference, interval, mean_of, resampled

RANDOM = np.random.default_rng(3)
MEAN = mean_of(np.where(RANDOM.random(40) < 0.2, np.nan, RANDOM.random(40)))
ROWS = RANDOM.integers(1, 9, 40).astype(float)
RATIO = Statistic(RANDOM.random(40) * ROWS, ROWS)
ROOT = Statistic(RATIO.top, ROWS, root=True)


def of_users(statistic: Statistic, users: np.ndarray) -> float:
    """Compute a statistic of a list of users by a plain loop."""
    top = sum(float(statistic.top[user]) for user in users)
    bottom = sum(float(statistic.bottom[user]) for user in users)
    return math.sqrt(top / bottom) if statistic.root else top / bottom


def test_resamples_equal_a_plain_loop_over_the_same_draws() -> None:
    found = resampled([MEAN, RATIO, ROOT], 50, 7)
    draws = np.random.default_rng(7).integers(0, 40, (50, 40))
    for at, statistic in enumerate((MEAN, RATIO, ROOT)):
        expected = [of_users(statistic, users) for users in draws]
        assert found[:, at] == pytest.approx(expected, abs=1e-12)


def test_the_blocks_of_draws_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resampled([MEAN, ROOT], 50, 7)
    monkeypatch.setattr(confidence, "RESAMPLED_AT_ONCE", 40 * 7)
    assert resampled([MEAN, ROOT], 50, 7) == pytest.approx(whole, abs=1e-15)


def test_the_value_of_a_mean_leaves_undefined_users_out() -> None:
    values = np.array([0.5, np.nan, 0.25])
    statistic = mean_of(values)
    assert statistic.value == 0.375
    assert statistic.n == 2
    assert np.array_equal(statistic.per_user, values, equal_nan=True)
    assert math.isnan(mean_of(np.array([np.nan])).value)
    assert math.isnan(mean_of(np.zeros(0)).value)


def test_the_standard_error_of_a_mean_is_that_of_the_textbook() -> None:
    values = MEAN.per_user[MEAN.bottom > 0]
    expected = values.std(ddof=1) / math.sqrt(len(values))
    assert interval(MEAN, resampled([MEAN], 9, 0)[:, 0])["standard_error"] == pytest.approx(
        expected
    )


@pytest.mark.parametrize("statistic", [MEAN, RATIO, ROOT])
def test_standard_error_and_interval_are_those_of_the_bootstrap(statistic: Statistic) -> None:
    draws = resampled([statistic], 4000, 1)[:, 0]
    found = interval(statistic, draws)
    assert found["standard_error"] == pytest.approx(draws.std(), rel=0.08)
    assert (found["low"], found["high"]) == pytest.approx(np.percentile(draws, [2.5, 97.5]))
    assert found["low"] < statistic.value < found["high"]


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(200):
        statistic = mean_of(random.random(60))
        found = interval(statistic, resampled([statistic], 200, 0)[:, 0])
        held += found["low"] <= 0.5 <= found["high"]
    assert 176 <= held <= 199  # 95 % of 200, and four standard deviations


def test_a_paired_difference_is_surer_than_its_parts() -> None:
    base = mean_of(RANDOM.random(40))
    better = mean_of(base.per_user + 0.02 + 0.01 * RANDOM.standard_normal(40))
    draws = resampled([base, better], 2000, 0)
    found = difference(better, base, draws[:, 1], draws[:, 0])
    gaps = better.per_user - base.per_user
    assert found["difference"] == pytest.approx(gaps.mean())
    assert found["standard_error"] == pytest.approx(gaps.std(ddof=1) / math.sqrt(40))
    assert found["beyond_noise"] is True
    assert found["high"] - found["low"] < 0.01
    back = difference(base, better, draws[:, 0], draws[:, 1])
    assert back["low"] == pytest.approx(-found["high"])


def test_a_model_is_not_beyond_itself_or_noise() -> None:
    other = mean_of(MEAN.per_user[::-1])
    draws = resampled([MEAN, other], 500, 0)
    same = difference(MEAN, MEAN, draws[:, 0], draws[:, 0])
    assert (same["difference"], same["low"], same["high"]) == (0.0, 0.0, 0.0)
    assert same["beyond_noise"] is False
    assert difference(MEAN, other, draws[:, 0], draws[:, 1])["beyond_noise"] is False


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_users_give_no_interval(n: int) -> None:
    statistic = mean_of(np.full(n, 0.5))
    found = interval(statistic, resampled([statistic], 10, 0)[:, 0])
    assert all(math.isnan(value) for value in found.values())
