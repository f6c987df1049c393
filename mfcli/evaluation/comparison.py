"""Measured models side by side: intervals, paired differences, gates, a table by user."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from typing import Any

from mfcli.config import EvaluateConfig
from mfcli.config.metrics import Better, better_of, expand_metrics, is_rating_metric
from mfcli.data.interactions import Interactions
from mfcli.errors import GateError, UsageError
from mfcli.evaluation.confidence import difference, interval, resampled
from mfcli.evaluation.measuring import Measured
from mfcli.evaluation.protocol import sampled_label
from mfcli.events import Judged, OnEvent, ignore


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """A model that was measured, or a baseline.

    base: of a baseline, the name of the model that should beat it; sha256: of the model's file.
    groups: users and metrics of known, warm and cold users.
    """

    name: str
    sha256: str | None
    measured: Measured
    protocol: dict[str, Any]
    counts: dict[str, int]
    meta: dict[str, Any]
    base: str | None = None
    predicts_ratings: bool = False
    groups: dict[str, Any] = field(default_factory=dict)


def compare(
    subjects: list[Subject], config: EvaluateConfig
) -> tuple[list[dict[str, dict[str, float]]], list[dict[str, Any]]]:
    """Return each subject's intervals, and the differences to the first model and to baselines.

    All are computed on the same resamples of the users.
    """
    statistics = {
        (at, name): statistic
        for at, subject in enumerate(subjects)
        for name, statistic in subject.measured.statistics.items()
    }
    draws = resampled(list(statistics.values()), config.resamples, config.seed)
    column = {key: draws[:, place] for place, key in enumerate(statistics)}
    intervals: list[dict[str, dict[str, float]]] = [{} for _ in subjects]
    for (at, name), statistic in statistics.items():
        intervals[at][name] = interval(statistic, column[at, name])
    differences = []
    place_of = {subject.name: at for at, subject in enumerate(subjects) if subject.base is None}
    for at, subject in enumerate(subjects[1:], 1):
        model, base = (at, 0) if subject.base is None else (place_of[subject.base], at)
        metrics = {
            name: difference(
                statistics[model, name],
                statistics[base, name],
                column[model, name],
                column[base, name],
            )
            for name in subjects[model].measured.statistics
            if (base, name) in statistics
        }
        differences.append(
            {"model": subjects[model].name, "base": subjects[base].name, "metrics": metrics}
        )
    return intervals, differences


def user_columns(
    subjects: list[Subject], test: Interactions, config: EvaluateConfig
) -> dict[str, Any]:
    """Return the columns of --per-user: one entry a user with a test row."""
    users, label = subjects[0].measured.users, sampled_label(config)
    columns: dict[str, Any] = {
        "user_id": test.catalog.user_ids[users],
        "test_rows": test.user_counts[users],
    }
    for at, subject in enumerate(subjects):
        for name, statistic in subject.measured.statistics.items():
            notes = [label] if label and not is_rating_metric(name) else []
            if at:
                notes.append(
                    subject.name
                    if subject.base is None or len(subjects) == 2
                    else f"{subject.name} of {subject.base}"
                )
            full = f"{name} ({', '.join(notes)})" if notes else name
            columns[full] = statistic.per_user
    return columns


def read_gates(config: EvaluateConfig) -> list[tuple[str, float]]:
    """Return the metric and the bound of each --fail-under NAME=VALUE; raises UsageError."""
    return [_read_gate(text, config) for text in config.fail_under]


def _read_gate(text: str, config: EvaluateConfig) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        bound = math.nan
    if not equals or math.isnan(bound):
        raise UsageError(f"--fail-under {text!r} should look like ndcg@10=0.2")
    full = expand_metrics([name], config.k[:1])[0]
    if better_of(full) is Better.lower:
        raise UsageError(f"--fail-under {text!r}: less is better for {name}")
    return full, bound


def check_gates(
    subjects: list[Subject],
    differences: list[dict[str, Any]],
    config: EvaluateConfig,
    on_event: OnEvent = ignore,
) -> None:
    """Tell the figure of each gate; raise GateError with that of the first that is not met."""
    judged = [*_judge_bounds(subjects, config), *_judge_baselines(subjects, differences, config)]
    for gate in judged:
        on_event(gate)
    for gate in judged:
        if not gate.passed:
            raise GateError(gate.message)


def _judge_bounds(subjects: list[Subject], config: EvaluateConfig) -> Iterator[Judged]:
    """Yield what --fail-under has to say of every model."""
    models = [subject for subject in subjects if subject.base is None]
    for metric, bound in read_gates(config):
        for model in models:
            value = model.measured.metrics[metric]
            passed = bool(value >= bound)
            yield Judged(
                gate=f"fail-under {metric}",
                passed=passed,
                figure=value,
                limit=bound,
                message=f"{_told(model.name, metric, models, config)} is {value:.6f}, "
                f"{'not below' if passed else 'below'} the gate of {bound:g}",
            )


def _judge_baselines(
    subjects: list[Subject], differences: list[dict[str, Any]], config: EvaluateConfig
) -> Iterator[Judged]:
    """Yield what --beat has to say of every model."""
    metric = config.beat_metric
    models = {subject.name: subject for subject in subjects if subject.base is None}
    for baseline in subjects:
        if baseline.base is None:
            continue
        ours = models[baseline.base].measured.metrics[metric]
        theirs = baseline.measured.metrics[metric]
        passed = bool(ours > theirs)
        told = _told(baseline.base, metric, models, config)
        spread = _describe_spread(baseline, differences, metric)
        yield Judged(
            gate=f"beat {config.beat}",
            passed=passed,
            figure=ours,
            limit=theirs,
            message=f"{told} is {ours:.6f}, {'above' if passed else 'not above'} the "
            f"{theirs:.6f} of {baseline.name}{spread}",
        )


def _told(name: str, metric: str, models: Sized, config: EvaluateConfig) -> str:
    """Return a metric as a gate names it: of which model, where there are several, and how."""
    whose = f"{name}: " if len(models) > 1 else ""
    return f"{whose}{metric}" + (f" ({sampled_label(config)})" if config.sampled else "")


def _describe_spread(baseline: Subject, differences: list[dict[str, Any]], metric: str) -> str:
    """Return the interval of the difference to a baseline, as an error shows it."""
    for pair in differences:
        if (pair["model"], pair["base"]) == (baseline.base, baseline.name):
            spread = pair["metrics"].get(metric)
            if spread and not math.isnan(spread["low"]):
                return f" (difference {spread['low']:+.6f} to {spread['high']:+.6f})"
    return ""
