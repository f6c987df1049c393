"""Figures of a run in Prometheus' text format, for node_exporter's textfile collector.

``Gauges`` is a receiver of events; ``write`` puts the file in its place, whole, whether the run did
well or failed. Every series carries ``name``, the file's name without its ending, so that two files
of one folder never have the same series.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text-based format 0.0.4).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from mfcli import __version__
from mfcli.artifacts import atomic_file
from mfcli.events import Event, Judged, StageEnded, StageStarted, Warned
from mfcli.system import clock

Labels = tuple[tuple[str, str], ...]


class Metric(StrEnum):
    """The names of the series."""

    info = "mfcli_info"
    status = "mfcli_exit_status"
    success = "mfcli_last_success_timestamp_seconds"
    ended = "mfcli_last_run_timestamp_seconds"
    seconds = "mfcli_run_seconds"
    stage_seconds = "mfcli_stage_seconds"
    rows = "mfcli_rows"
    users = "mfcli_users"
    items = "mfcli_items"
    quality = "mfcli_quality"
    churn = "mfcli_churn_ratio"
    coverage = "mfcli_coverage_ratio"
    gate = "mfcli_gate_passed"
    gate_figure = "mfcli_gate_figure"
    warnings = "mfcli_warnings"


HELP: dict[Metric, str] = {
    Metric.info: "The version that ran; always 1.",
    Metric.status: "Exit status of the last run, 0 where it did well.",
    Metric.success: "When a run last ended with status 0, in seconds since 1970.",
    Metric.ended: "When the last run ended, in seconds since 1970.",
    Metric.seconds: "Seconds that the last run took.",
    Metric.stage_seconds: "Seconds of each stage of the last run.",
    Metric.rows: "Rows that a stage wrote.",
    Metric.users: "Users in what a stage wrote.",
    Metric.items: "Items in what a stage wrote.",
    Metric.quality: "Metrics of the model that a stage measured.",
    Metric.churn: "1 - mean overlap of the lists with those before.",
    Metric.coverage: "Share of the allowed items that somebody got.",
    Metric.gate: "1 where a gate was passed, 0 where it refused.",
    Metric.gate_figure: "The figure that a gate looked at.",
    Metric.warnings: "Warnings of the last run by their code.",
}

# Which figures of a stage a metric takes: the first that is there.
FIGURES: dict[Metric, tuple[str, ...]] = {
    Metric.rows: ("n_rows", "n_ratings"),
    Metric.users: ("users_with_rows", "n_users"),
    Metric.items: ("n_items",),
    Metric.churn: ("churn",),
    Metric.coverage: ("coverage",),
}


class Gauges:
    """Collects the figures of a run from its events."""

    def __init__(self, path: Path, command: str) -> None:
        """Keep where they are written, and which command they are of."""
        self.path, self.command = path, command
        self._began: dict[str, datetime] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._values: dict[Metric, dict[Labels, float]] = defaultdict(dict)

    def __call__(self, event: Event) -> None:
        """Take the figures of an event, if it has any."""
        if isinstance(event, StageStarted):
            self._began[str(event.stage)] = clock.now()
        elif isinstance(event, StageEnded):
            self._end(event)
        elif isinstance(event, Judged):
            # A gate may have several bounds: the one that refuses is what counts.
            if self._values[Metric.gate].get(self._labels(gate=event.gate), 1.0):
                self._set(Metric.gate, float(event.passed), gate=event.gate)
                self._set(Metric.gate_figure, event.figure, gate=event.gate)
        elif isinstance(event, Warned):
            counted = self._values[Metric.warnings]
            labels = self._labels(code=str(event.code))
            counted[labels] = counted.get(labels, 0.0) + 1

    def write(self, status: int, started: datetime) -> None:
        """Write the file, whole or not at all; raises OSError.

        The time of the last success is that of the earlier file where this run is none.
        """
        ended = clock.now()
        success = ended.timestamp() if status == 0 else last_success(self.path, self.command)
        for stage, began in self._began.items():  # those that were broken off
            self._seconds[stage] += (ended - began).total_seconds()
        for stage, seconds in self._seconds.items():
            self._set(Metric.stage_seconds, round(seconds, 6), stage=stage)
        self._set(Metric.info, 1, version=__version__)
        self._set(Metric.status, status)
        self._set(Metric.success, success)
        self._set(Metric.ended, ended.timestamp())
        self._set(Metric.seconds, round((ended - started).total_seconds(), 3))
        with atomic_file(self.path) as stream:
            stream.write(exposition(self._values).encode("utf-8", "backslashreplace"))

    def _end(self, event: StageEnded) -> None:
        stage = str(event.stage)
        self._began.pop(stage, None)
        self._seconds[stage] += event.seconds
        for metric, names in FIGURES.items():
            found = (event.figures[name] for name in names if name in event.figures)
            self._set(metric, next(found, None), stage=stage)
        for name, value in event.figures.get("metrics", {}).items():
            self._set(Metric.quality, value, stage=stage, metric=name)

    def _set(self, metric: Metric, value: Any, /, **labels: str) -> None:
        """Keep a value, if it is a number."""
        if isinstance(value, int | float) and not math.isnan(value):
            self._values[metric][self._labels(**labels)] = float(value)

    def _labels(self, **labels: str) -> Labels:
        return (("name", self.path.stem), ("command", self.command), *labels.items())


def exposition(values: dict[Metric, dict[Labels, float]]) -> str:
    """Return metrics in the text format: help, type and samples of each, in the table's order."""
    lines = []
    for metric, meaning in HELP.items():
        if not values.get(metric):
            continue
        lines += [f"# HELP {metric} {meaning}", f"# TYPE {metric} gauge"]
        lines += [f"{metric}{{{_joined(it)}}} {value!r}" for it, value in values[metric].items()]
    return "\n".join(lines) + "\n"


def last_success(path: Path, command: str) -> float | None:
    """Return the time of the last success of a command that an earlier file knows, or None."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return None
    pattern = rf'^{Metric.success}{{[^\n]*command="{re.escape(command)}"}} (\d+(?:\.\d+)?)$'
    found = re.search(pattern, text, re.MULTILINE)
    return float(found[1]) if found else None


def _joined(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
