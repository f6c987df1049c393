"""A log file: one line an event, with the time, the stage, the event's name and its fields.

An ``EventLog`` is a receiver of events like any other:

    with EventLog(path, LogFormat.json) as log:
        fetch(source, out, config, to_all(on_event, log))

The file is opened for appending and every line is one write, so that several runs may share it. It
is opened again when its name leads elsewhere, as after ``logrotate``.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mfcli.config.watching import LogFormat
from mfcli.events import (
    BudgetStarted,
    EpochResult,
    Event,
    Judged,
    Noted,
    Progress,
    Stage,
    StageEnded,
    StageStarted,
    Started,
    TrainingStarted,
    TrialResult,
    TuningStarted,
    Warned,
)
from mfcli.results import without_nan
from mfcli.system import clock

PROGRESS_SECONDS = 60.0  # between two lines on progress: a sign of life, not a display

NAMES: dict[type[Event], str] = {
    StageStarted: "stage-started",
    StageEnded: "stage-ended",
    Judged: "gate",
    Started: "work",
    Progress: "progress",
    TrainingStarted: "training",
    EpochResult: "epoch",
    TuningStarted: "tuning",
    BudgetStarted: "budget",
    TrialResult: "trial",
    Warned: "warning",
    Noted: "note",
}


class EventLog:
    """Appends events to a file, and tells once where that fails: a log must not end a run."""

    def __init__(
        self,
        path: Path,
        format: LogFormat = LogFormat.text,
        *,
        stage: str = "-",
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open the file for appending; raises OSError.

        stage: what lines carry that come before a stage and between two.
        on_trouble: told in one sentence when lines are lost, the first time.
        """
        self.path, self.format, self.on_trouble = path, format, on_trouble
        self._outside = stage
        self._stages: list[Stage] = []
        self._progressed = time.monotonic()
        self._lost = False
        self._one = threading.Lock()
        self._descriptor = self._open()

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def __call__(self, event: Event) -> None:
        """Write an event; of progress one a minute."""
        if isinstance(event, Progress) and not self._is_due():
            return
        if isinstance(event, StageStarted):
            self._stages.append(event.stage)
        ended = event.stage if isinstance(event, StageEnded) else None
        if ended in self._stages:
            while self._stages[-1] is not ended:
                self._stages.pop()  # one within it that ended without a word, as a refused one does
        self.write(NAMES[type(event)], fields_of(event))
        if ended in self._stages:
            self._stages.pop()

    def write(self, event: str, content: dict[str, Any]) -> None:
        """Write a line on an event of that name, in the stage that the log has reached."""
        stage = str(self._stages[-1]) if self._stages else self._outside
        line = line_of(self.format, clock.now(), stage, event, content)
        with self._one:
            try:
                self._reopen_if_moved()
                os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
            except OSError as error:
                if not self._lost:
                    self._lost = True
                    self.on_trouble(f"--log-file {self.path}: lines are lost: {error.strerror}")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self.path, flags, 0o666)

    def _reopen_if_moved(self) -> None:
        """Open the file anew where its name leads to another one, or to none."""
        here = os.fstat(self._descriptor)
        try:
            there: os.stat_result | None = os.stat(self.path)
        except FileNotFoundError:
            there = None
        if there is not None and os.path.samestat(here, there):
            return
        fresh = self._open()
        os.close(self._descriptor)
        self._descriptor = fresh

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._progressed < PROGRESS_SECONDS:
            return False
        self._progressed = now
        return True


def fields_of(event: Event) -> dict[str, Any]:
    """Return the fields of an event that say something, as plain values; a stage has its place."""
    shown = {it.name: getattr(event, it.name) for it in fields(event) if it.repr}
    if isinstance(event, StageStarted | StageEnded):
        del shown["stage"]
    return {name: value for name, value in shown.items() if value is not None}


def line_of(
    format: LogFormat, moment: datetime, stage: str, event: str, content: dict[str, Any]
) -> str:
    """Return the line of an event, its end included; whatever it holds, it is one line."""
    return _LINES[format](clock.stamp(moment), stage, event, content)


def _json_line(stamp: str, stage: str, event: str, content: dict[str, Any]) -> str:
    document = {"time": stamp, "stage": stage, "event": event, "fields": without_nan(content)}
    return json.dumps(document, ensure_ascii=False) + "\n"


def _text_line(stamp: str, stage: str, event: str, content: dict[str, Any]) -> str:
    return " ".join([stamp, stage, event, *_pairs(content)]) + "\n"


_LINES: dict[LogFormat, Callable[[str, str, str, dict[str, Any]], str]] = {
    LogFormat.text: _text_line,
    LogFormat.json: _json_line,
}


def _pairs(content: dict[str, Any], before: str = "") -> list[str]:
    """Return ``name=value`` of all values; of a table within it, ``table.name=value``."""
    found: list[str] = []
    for name, value in content.items():
        if isinstance(value, dict):
            found += _pairs(value, f"{before}{name}.")
        else:
            found.append(f"{before}{name}={_text(value)}")
    return found


def _text(value: Any) -> str:
    if isinstance(value, float):
        return format(value, ".10g") if math.isfinite(value) else str(value)
    if isinstance(value, str) and value and value.isprintable() and not set(value) & set(' "='):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
