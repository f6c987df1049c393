"""Each remark comes where it should, and not elsewhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mfcli.report.data import EpochPoint, Popularity, Run
from mfcli.report.findings import collect_findings

POPULARITY = Popularity(
    deciles=[(0.1, 0.1)] * 10,
    rows=100,
    users=10,
    distinct_items=50,
    known_items=100,
    mean_recommended=5.0,
    mean_train=6.0,
    tail_train=0.2,
    tail_recommended=0.1,
    overlap=0.3,
)

# As evaluate --beat popularity writes it; the second model has a baseline of its own.
BEATEN = [
    {"name": "model.pt", "sha256": "m", "metrics": {"ndcg@10": 0.1}, "baseline_of": None},
    {"name": "popularity", "sha256": None, "metrics": {"ndcg@10": 0.2}, "baseline_of": "model.pt"},
    {"name": "other.pt", "sha256": "o", "metrics": {"ndcg@10": 0.4}, "baseline_of": None},
    {"name": "popularity", "sha256": None, "metrics": {"ndcg@10": 0.3}, "baseline_of": "other.pt"},
]


def history(
    train: list[float], valid: list[float] | None = None, **metrics: list[float]
) -> list[EpochPoint]:
    return [
        EpochPoint(
            epoch=at + 1,
            elapsed=float(at),
            train_loss=loss,
            valid_loss=valid[at] if valid else None,
            metrics={name: values[at] for name, values in metrics.items()},
        )
        for at, loss in enumerate(train)
    ]


def warned(*runs: Run) -> list[str]:
    return [finding.message for finding in collect_findings(runs) if finding.level == "warning"]


def measured(test: str = "t", model: str = "m", **more: Any) -> dict[str, Any]:
    inputs = [{"role": "test", "sha256": test}, {"role": "model", "sha256": model}]
    return {
        "metrics": {"ndcg@10": 0.1},
        "meta": {"lineage": [{"stage": "evaluate", "inputs": inputs}]},
        **more,
    }


def test_a_good_run_has_no_warning():
    quiet = history([0.5, 0.41, 0.4, 0.4], [0.55, 0.46, 0.45, 0.45])
    assert warned(Run(name="a", history=quiet, measured=measured(), popularity=POPULARITY)) == []


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (Run(name="a", history=history([1, 0.9, 0.8])), "Still improving"),
        (
            Run(
                name="a",
                history=history([1, 1, 1], ndcg=[0.1, 0.2, 0.3]),
                options={"metric": ["ndcg"]},
            ),
            "Still improving",
        ),
        (Run(name="a", history=history([0.1, 0.1, 0.1], [0.3, 0.3, 0.3])), "far from train"),
        (Run(name="a", history=history([0.5, 0.5, 0.5], [0.5, 0.4, 0.45])), "lowest at epoch 2"),
        (
            Run(name="a", popularity=dataclasses.replace(POPULARITY, distinct_items=4)),
            "Low coverage",
        ),
        (Run(name="a", measured={"metrics": {"coverage@10": 0.01}}), "Low coverage"),
        (Run(name="a", popularity=dataclasses.replace(POPULARITY, overlap=0.9)), "popularity"),
        (
            Run(name="a", popularity=dataclasses.replace(POPULARITY, unknown_rows=3)),
            "does not know",
        ),
        (
            Run(name="a", measured=measured(counts={"test_rows": 9, "test_rows_unknown_user": 3})),
            "unknown users",
        ),
        (Run(name="a", shape={"users": 10, "users without a rating": 5}), "have no rating"),
        (Run(name="a", measured=measured(), files={"model.pt": "other"}), "another model"),
        (Run(name="a", measured=measured(models=BEATEN)), "Worse than popularity"),
    ],
)
def test_a_warning_where_it_matters(run, word):
    found = warned(run)
    assert len(found) == 1
    assert word in found[0]


def test_a_run_of_popularity_is_the_baseline_of_the_others():
    better = {**measured(), "metrics": {"ndcg@10": 0.3}}
    baseline = Run(name="pop", options={"model": "popularity"}, measured=better)
    (message,) = warned(Run(name="a", measured=measured()), baseline)
    assert "0.1000, popularity has 0.3000 (run pop)" in message


def test_a_model_is_held_against_its_own_baseline():
    run = Run(name="a", measured=measured(models=BEATEN), files={"model.pt": "o"})
    assert run.metrics == {"ndcg@10": 0.4}
    assert not any("Worse" in message for message in warned(run))


def test_sampled_metrics_do_not_compare_with_full_ones():
    sampled = Run(name="b", measured=measured(protocol={"sampled": 100}))
    found = warned(Run(name="a", measured=measured()), sampled)
    assert found == ["The runs were measured in different ways: their metrics do not compare."]


def test_other_test_sets_do_not_compare():
    other = Run(name="pop", options={"model": "popularity"}, measured=measured("another"))
    found = warned(Run(name="a", measured=measured()), other)
    assert found == ["The runs were measured on different test sets: their metrics do not compare."]


def test_without_a_baseline_the_page_says_so():
    notes = [finding.message for finding in collect_findings([Run(name="a", measured=measured())])]
    assert any(note.startswith("Not compared with popularity") for note in notes)


def test_what_holds_of_several_runs_is_said_once():
    same = history([0.1, 0.1, 0.1], [0.3, 0.3, 0.3])
    (found,) = collect_findings([Run(name="a", history=same), Run(name="b", history=same)])
    assert found.run == "a, b"


def test_a_trend_needs_some_epochs():
    assert warned(Run(name="a", history=history([1, 0.5]))) == []
