"""Popularity beside a run: its metrics on the same rows, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfcli.config.metrics import is_rating_metric
from mfcli.report.data import Run, read_figures, read_intervals

POPULARITY = "popularity"


def is_popularity(run: Run) -> bool:
    """Tell whether a run's model is popularity itself."""
    return run.options.get("model") == POPULARITY


def own_popularity(run: Run) -> dict[str, float | None]:
    """Return what metrics.json holds of popularity on the rows of a run, empty if nothing."""
    return read_figures(_own(run).get("metrics"))


def own_intervals(run: Run) -> dict[str, dict[str, Any]]:
    """Return the intervals of what ``own_popularity`` returns."""
    return read_intervals(_own(run).get("intervals"))


def _own(run: Run) -> dict[str, Any]:
    if run.baseline:
        return run.baseline
    own = run.entry.get("name", run.models[0].get("name") if run.models else None)
    for model in run.models:
        if model.get("name") == POPULARITY and model.get("baseline_of", "") == own:
            return model
    return {}


def popularity_for(run: Run, runs: Sequence[Run]) -> tuple[dict[str, float | None], str]:
    """Return the metrics of popularity on the run's test set, and where they are from."""
    own = own_popularity(run)
    if own:
        return own, "metrics.json"
    for other in runs:
        if is_popularity(other) and other.test is not None and run.measured_like(other):
            return other.metrics, f"run {other.name}"
    return {}, ""


def differences_to_popularity(run: Run) -> dict[str, dict[str, Any]]:
    """Return metric → difference of the run to popularity, where metrics.json has them."""
    found = run.baseline.get("differences")
    return {
        str(name): of
        for name, of in (found.items() if isinstance(found, dict) else ())
        if isinstance(of, dict) and isinstance(of.get("difference"), float | int)
    }


def why_no_popularity(run: Run) -> str:
    """Say why metrics.json holds no popularity, and what to do about it."""
    again = "mfcli evaluate measures it, and so does a run of --model popularity in this report"
    for kind in ("folds", "repeats"):
        if kind in run.measured:
            return (
                f"metrics.json holds means over {kind}; a report on the folder of one of them "
                "has it"
            )
    if run.metrics and all(is_rating_metric(name) for name in run.metrics):
        return "only errors of ratings were measured, and popularity predicts no ratings"
    if run.options_of("evaluate").get("baseline") is False:
        return f"it was left out by --no-baseline; without that, {again}"
    return f"metrics.json is of an mfcli that did not measure it; {again}"
