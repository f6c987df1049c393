"""A metric is one entry in config.metrics and one function in evaluation.metrics."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mfcli.config.metrics import METRICS, Better, MetricEntry, MetricKind
from mfcli.evaluation.confidence import Statistic
from mfcli.evaluation.metrics import RANKING_METRICS, RATING_METRICS, Errors, Ranked
from mfcli.report.results import show_metric_name

SAMPLE = ["--users", "60", "--items", "40", "--ratings", "1000"]


def misses(ranked: Ranked) -> np.ndarray:
    """Places of the list without a hit, (Q,)."""
    return (~ranked.hits).sum(axis=1).astype(np.float64)


def mse(errors: Errors) -> Statistic:
    """Mean squared error over rows."""
    return Statistic(errors.squares, errors.rows)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a metric of the ranked list, and one of the predictions."""
    entry = MetricEntry(
        label="missed places",
        formula="k − hits",
        kind=MetricKind.list,
        better=Better.lower,
        usual=False,
    )
    monkeypatch.setitem(METRICS, "misses", entry)
    monkeypatch.setitem(RANKING_METRICS, "misses", misses)
    entry = MetricEntry(
        label="mean squared error",
        formula="Σ (prediction − rating)² / test rows",
        kind=MetricKind.rating,
        better=Better.lower,
        usual=False,
    )
    monkeypatch.setitem(METRICS, "mse", entry)
    monkeypatch.setitem(RATING_METRICS, "mse", mse)


def test_every_metric_has_an_entry_and_a_function():
    rated = {name for name, entry in METRICS.items() if entry.kind is MetricKind.rating}
    assert set(RATING_METRICS) == rated
    assert set(RANKING_METRICS) == set(METRICS) - rated


@pytest.mark.usefixtures("toys")
def test_a_new_metric_is_measured_watched_gated_and_reported(cli, tmp_path):
    def done(*words: object) -> None:
        result = cli(*words)
        assert result.exit_code == 0, result.stderr

    parts, model, out = tmp_path / "split", tmp_path / "model.pt", tmp_path / "metrics.json"
    done("fetch", "demo", "--out", tmp_path / "d.npz", *SAMPLE)
    done("split", tmp_path / "d.npz", "--out", parts, "--n", "3", "--valid")
    watched = ["--valid", parts / "valid.npz", "--metric", "misses", "--metric", "mse"]
    done("train", parts / "train.npz", "--out", model, "--epochs", "2", *watched)
    asked = ["--metric", "misses", "--metric", "recall", "--metric", "rmse", "--metric", "mse"]
    done("evaluate", model, parts / "test.npz", "--out", out, *asked, "--k", "5")
    found = json.loads(out.read_text())
    assert list(found["metrics"]) == ["misses@5", "recall@5", "rmse", "mse"]
    # Everybody has three test rows.
    hits = 3 * found["metrics"]["recall@5"]
    assert found["metrics"]["misses@5"] == pytest.approx(5 - hits)
    assert found["metrics"]["mse"] == pytest.approx(found["metrics"]["rmse"] ** 2)
    assert set(found["intervals"]) == set(found["metrics"])
    gated = cli("evaluate", model, parts / "test.npz", "--fail-under", "misses@5=1")
    assert gated.exit_code == 2
    assert "less is better for misses@5" in gated.stderr
    assert "missed places: k − hits" in show_metric_name("misses@5")


@pytest.mark.usefixtures("toys")
def test_a_metric_that_does_not_exist_is_still_refused(cli):
    refused = cli("evaluate", "m.pt", "t.npz", "--metric", "mises")
    assert refused.exit_code == 2
    assert "did you mean 'misses@k'" in refused.stderr
