"""The gates of a night: what passes just inside a limit is refused just outside of it."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfcli.config.gates import BY_CLOCK, GATES, About, Bound, Gate
from mfcli.config.limits import DEFAULTS, read_drops, read_limits
from mfcli.errors import GateError, InputError, UsageError
from mfcli.nights.figures import Figures
from mfcli.nights.gates import Verdict, judge, refused, require

DAY = 86_400
LAST = Figures(
    rows=100_000,
    users=10_000,
    items=2_000,
    user_ids="integers",
    item_ids="text",
    mean_rating=3.5,
    deviation=1.0,
    values=((1.0, 10), (3.0, 50), (5.0, 40)),
    rows_a_user=((1.0, 500), (2.0, 500)),
    oldest=1_600_000_000,
    newest=1_700_000_000,
    users_kept=0.99,
    items_kept=1.0,
    lists=10_000,
    list_rows=100_000,
    coverage=0.5,
    popular=0.02,
    churn=0.3,
    list_bytes=1_000_000,
    list_format=".csv",
    metrics={"ndcg@10": 0.2, "rmse": 0.9},
)

# Gate → figures just inside the default limits, and just outside of them.
EDGES: list[tuple[Gate, dict[str, Any], dict[str, Any]]] = [
    (Gate.rows, {"rows": 80_000}, {"rows": 79_999}),
    (Gate.rows, {"rows": 500_000}, {"rows": 500_001}),
    (Gate.users, {"users": 9_000}, {"users": 8_999}),
    (Gate.users, {"users": 50_000}, {"users": 50_001}),
    (Gate.items, {"items": 1_600}, {"items": 1_599}),
    (Gate.items, {"items": 10_000}, {"items": 10_001}),
    (Gate.users_kept, {"users_kept": 0.8}, {"users_kept": 0.799}),
    (Gate.items_kept, {"items_kept": 0.8}, {"items_kept": 0.799}),
    (Gate.mean_rating, {"mean_rating": 3.75}, {"mean_rating": 3.751}),
    (Gate.mean_rating, {"mean_rating": 3.25}, {"mean_rating": 3.249}),
    (
        Gate.values,
        {"values": ((1.0, 25), (3.0, 35), (5.0, 40))},
        {"values": ((1.0, 26), (3.0, 34), (5.0, 40))},
    ),
    (
        Gate.rows_a_user,
        {"rows_a_user": ((2.0, 1000),)},
        {"rows_a_user": ((2.0, 499), (3.0, 501))},
    ),
    (Gate.id_type, {}, {"user_ids": "text"}),
    (Gate.id_type, {}, {"item_ids": "integers"}),
    (Gate.newest, {"newest": 1_700_000_000}, {"newest": 1_699_999_999}),
    (Gate.newest, {"newest": 1_700_000_001}, {"newest": None}),
    (Gate.lists, {"lists": 9_000}, {"lists": 8_999}),
    (Gate.lists, {"lists": 50_000}, {"lists": 50_001}),
    (Gate.coverage, {"coverage": 0.35}, {"coverage": 0.349}),
    (Gate.churn, {"churn": 0.9}, {"churn": 0.901}),
    (Gate.popular, {"popular": 0.12}, {"popular": 0.121}),
    (Gate.size, {"list_bytes": 500_000}, {"list_bytes": 499_999}),
]


def of_gate(verdicts: list[Verdict], gate: str) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.gate == gate]


def night(**changed: Any) -> Figures:
    return dataclasses.replace(LAST, **changed)


@pytest.mark.parametrize(("gate", "inside", "outside"), EDGES)
def test_a_gate_passes_just_inside_its_limit_and_refuses_just_outside(
    gate: Gate, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    assert not of_gate(refused(judge(night(**inside), LAST)), gate)
    unmet = refused(judge(night(**outside), LAST))
    assert [verdict.gate for verdict in unmet] == [gate]
    assert "[nightly.gates]" in unmet[0].sentence
    assert not refused(judge(night(**outside), LAST, read_limits({str(gate): False})))


def test_every_gate_has_an_edge_above() -> None:
    assert {gate for gate, _, _ in EDGES} == set(Gate) - {*BY_CLOCK, Gate.quality}


@pytest.mark.parametrize(("gate", "outside"), [(gate, outside) for gate, _, outside in EDGES])
def test_what_a_refusal_proposes_lets_the_night_pass(gate: Gate, outside: dict[str, Any]) -> None:
    (verdict,) = refused(judge(night(**outside), LAST))
    *_, settings = verdict.sentence.removesuffix(" in [nightly.gates] lets it pass").split(": ")
    for setting in settings.split(" or "):
        assert setting.startswith(f"{gate} = ")
        assert not refused(judge(night(**outside), LAST, read_limits(tomllib.loads(setting))))


def test_a_refusal_says_both_figures_and_the_limit() -> None:
    """An export that was cut at a line end, with 36 % of the users gone."""
    (verdict,) = refused(judge(night(users=6_400), LAST))
    assert verdict.sentence == (
        "users: 6,400 tonight, 10,000 last; a fall by 36 %, at most 10 % is allowed: users = 0.36 "
        "or users = false in [nightly.gates] lets it pass"
    )
    with pytest.raises(GateError, match=r"6,400 tonight, 10,000 last.*nothing is published"):
        require([verdict])


def test_a_normal_night_passes() -> None:
    tonight = night(
        rows=103_000, users=10_050, items=2_010, mean_rating=3.51, newest=1_700_000_000 + DAY,
        users_kept=0.995, items_kept=0.999, churn=0.6, coverage=0.48, list_bytes=1_050_000,
    )  # fmt: skip
    assert not refused(judge(tonight, LAST))
    require(judge(tonight, LAST))


def test_a_first_night_passes_what_needs_an_earlier_one_and_says_so() -> None:
    verdicts = judge(night(users_kept=None, items_kept=None, churn=None), None)
    assert not refused(verdicts)
    alone = {(it.gate, it.bound) for it in verdicts if "no earlier generation" in it.sentence}
    assert alone == {
        (gate, bound)
        for gate, entry in GATES.items()
        for bound in entry.defaults
        if gate is not Gate.quality and (entry.relative or bound not in (Bound.least, Bound.most))
    }


@pytest.mark.parametrize("changed", [{"rows": 0}, {"lists": 0}])
def test_a_first_night_of_nothing_is_refused(changed: dict[str, Any]) -> None:
    assert refused(judge(night(**changed), None))


def test_gates_of_data_are_asked_before_there_are_lists() -> None:
    before = night(lists=None, coverage=None, churn=None, popular=None, list_bytes=None)
    assert {it.gate for it in judge(before, LAST, about=[About.data])} == {
        gate for gate, it in GATES.items() if it.about is About.data and it.defaults
    }


@pytest.mark.parametrize(
    ("changed", "now", "passes"),
    [
        ({}, 1_700_000_000 + 2 * DAY, True),
        ({}, 1_700_000_001 + 2 * DAY, False),
        ({"newest": None}, 1_700_000_000, False),
    ],
)
def test_the_age_of_the_data_has_a_limit_where_one_is_set(
    changed: dict[str, Any], now: int, passes: bool
) -> None:
    limits = read_limits({"age": 2, "newest": False})
    assert bool(refused(judge(night(**changed), None, limits, now=now))) is not passes
    assert not of_gate(judge(LAST, LAST, now=now), "age")


@pytest.mark.parametrize(
    ("newest", "clock", "passes"),
    [
        (1_700_000_000, 1_700_000_000, True),
        (1_700_000_000, 1_700_000_000 - 14 * 3600, True),  # a zone that is ahead, without its name
        (1_700_000_000, 1_700_000_000 - 15 * 3600, False),
        (2_200_000_000, 1_700_000_000, False),
        (17, 16, True),  # no dates
        (1_700_000_000_000, 1_700_000_000, True),
        (None, 1_700_000_000, True),
        (1_700_000_000, None, True),
    ],
)
def test_no_row_is_of_a_time_to_come(newest: int | None, clock: int | None, passes: bool) -> None:
    verdicts = of_gate(judge(night(newest=newest), None, clock=clock), "ahead")
    assert [it.passed for it in verdicts] == [passes]
    off = read_limits({"ahead": False})
    assert not of_gate(judge(night(newest=newest), None, off, clock=clock), "ahead")


@pytest.mark.parametrize(
    ("table", "passes"),
    [
        ({"ndcg@10": 0.2}, True),
        ({"ndcg@10": 0.2001}, False),
        ({"ndcg": {"worse": 0.2}}, True),
        ({"ndcg@10": {"worse": 0.19}}, False),
        ({"ndcg@10": {"least": 0.2, "worse": 0.19}}, False),
        ({"rmse": 0.9}, True),
        ({"rmse": 0.89}, False),
        ({"rmse": {"worse": 0.0}}, True),
        ({"map@10": 0.01}, False),  # not measured: nobody can say that it is met
        ({"map@10": False}, True),
    ],
)
def test_a_metric_can_be_a_gate(table: dict[str, Any], passes: bool) -> None:
    last = night(metrics={"ndcg@10": 0.25, "rmse": 0.9})
    assert bool(refused(judge(LAST, last, read_limits(table)))) is not passes


def test_a_metric_that_is_worse_than_nothing_to_compare_with_passes() -> None:
    limits = read_limits({"ndcg@10": {"worse": 0.1}})
    assert not refused(judge(LAST, None, limits))
    assert not refused(judge(LAST, night(metrics={}), limits))


def test_lists_of_another_format_are_not_compared_by_their_size() -> None:
    verdicts = of_gate(judge(night(list_bytes=10, list_format=".parquet"), LAST), Gate.size)
    assert all(it.passed and "the format is another one" in it.sentence for it in verdicts)


def test_ratings_that_were_all_equal_are_compared_by_their_size() -> None:
    ones = night(mean_rating=1.0, deviation=0.0)
    assert not refused(judge(dataclasses.replace(ones, mean_rating=1.25), ones))
    assert refused(judge(dataclasses.replace(ones, mean_rating=1.3), ones))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"user": 0.1}, "unknown key 'user' (did you mean 'users'?)"),
        ({"ndgc@10": 0.1}, "unknown key 'ndgc@10' (did you mean 'ndcg@10'?)"),
        ({"users": {"droop": 0.1}}, "unknown bound 'droop' (did you mean 'drop'?)"),
        ({"users": 10}, "drop should be a share from 0 to 1"),
        ({"users": -0.1}, "drop should be a share from 0 to 1"),
        ({"users": "a lot"}, "drop should be a number, true or false"),
        ({"rows": {"growth": 0.5}}, "growth should be 1 or more"),
        ({"rows": float("nan")}, "drop should be"),
        ({"churn": float("inf")}, "most should be"),
        ({"id-type": 3}, "same should be true or false"),
        ({"age": True}, "has no default"),
        ({"users-kept": 0.5, "users_kept": 0.6}, "are the same gate"),
        ({"churn": {"drop": 0.2}}, "unknown bound 'drop'"),
        ({"coverage": [0.2]}, "drop should be a number, true or false"),
    ],
)
def test_a_table_that_means_nothing_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        read_limits(table)


def test_a_number_sets_the_plain_bound_and_leaves_the_others() -> None:
    assert read_limits({})["rows"] == DEFAULTS["rows"]
    assert read_limits({"rows": 0.5})["rows"] == {**DEFAULTS["rows"], Bound.drop: 0.5}
    assert read_limits({"rows": {"growth": False, "least": 500}})["rows"] == {
        Bound.drop: 0.2,
        Bound.least: 500,
    }
    assert read_limits({"rows": False})["rows"] == {}
    assert read_limits({"rows": True}) == DEFAULTS
    assert read_limits({"users_kept": 0.5})["users-kept"] == {Bound.least: 0.5}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["users"], "should look like users=0.1"),
        (["user=0.1"], "did you mean 'users'"),
        (["users=0.1", "users=0.2"], "gives users twice"),
        (["users=10"], "a share from 0 to 1"),
        (["users=x"], "a share from 0 to 1"),
        (["users=nan"], "a share from 0 to 1"),
    ],
)
def test_a_drop_that_means_nothing_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        read_drops(texts)


FINITE = st.floats(-1e6, 1e6)
COUNTS = st.integers(0, 10**9)
SHARES = st.floats(0, 1)
HISTOGRAMS = st.dictionaries(FINITE.map(lambda x: x + 0.0), st.integers(1, 10**6), max_size=5).map(
    lambda found: tuple(sorted(found.items()))
)
FIGURES = st.builds(
    Figures,
    rows=st.integers(1, 10**9),
    users=COUNTS,
    items=COUNTS,
    user_ids=st.sampled_from(["integers", "text", None]),
    item_ids=st.sampled_from(["integers", "text"]),
    mean_rating=st.none() | FINITE,
    deviation=st.none() | st.floats(0, 1e6),
    values=st.none() | HISTOGRAMS,
    rows_a_user=st.none() | HISTOGRAMS,
    oldest=st.none() | COUNTS,
    newest=st.none() | COUNTS,
    users_kept=st.none() | st.just(1.0),
    items_kept=st.none() | st.just(1.0),
    lists=st.integers(1, 10**9),
    list_rows=COUNTS,
    coverage=st.none() | SHARES,
    popular=st.none() | SHARES,
    churn=st.none() | st.just(0.0),
    list_bytes=st.none() | COUNTS,
    list_format=st.sampled_from([".csv", ".parquet", None]),
    metrics=st.dictionaries(st.sampled_from(["ndcg@10", "rmse"]), FINITE),
)


@settings(deadline=None)
@given(FIGURES)
def test_a_night_that_is_like_the_last_one_passes_everything(figures: Figures) -> None:
    limits = read_limits({name: {"worse": 0} for name in figures.metrics})
    assert not refused(judge(figures, figures, limits))


@settings(deadline=None)
@given(FIGURES)
def test_figures_survive_json(figures: Figures) -> None:
    assert Figures.from_json(json.loads(json.dumps(figures.to_json()))) == figures


@settings(deadline=None)
@given(FIGURES, FIGURES)
def test_a_verdict_is_one_line_and_plain_json(tonight: Figures, last: Figures) -> None:
    for verdict in judge(tonight, last):
        assert "\n" not in verdict.sentence
        assert json.loads(json.dumps(verdict.to_json(), allow_nan=False)) == verdict.to_json()


@settings(deadline=None)
@given(FIGURES, FIGURES, st.sampled_from([it for it in Gate if it is not Gate.quality]))
def test_a_gate_that_is_off_says_nothing(tonight: Figures, last: Figures, gate: Gate) -> None:
    assert not of_gate(judge(tonight, last, read_limits({str(gate): False})), gate)


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        {"rows": "many"},
        {"rows": True},
        {"rows": float("nan")},
        {"user_ids": 3},
        {"values": {"1": 2}},
        {"values": [[1, 2, 3]]},
        {"values": [[1, 0]]},
        {"metrics": {"ndcg@10": "good"}},
        {"metrics": [1]},
    ],
)
def test_figures_that_are_damaged_are_refused(plain: Any) -> None:
    with pytest.raises(InputError, match="damaged"):
        Figures.from_json(plain)


def test_figures_of_an_older_version_are_read() -> None:
    assert Figures.from_json({"rows": 3, "later": {"a": 1}}) == Figures(rows=3)
