"""What a stage says of itself to a log or a monitor: that it begins, and what it has done."""

from __future__ import annotations

import time
from typing import TypeVar

from mfcli.events import OnEvent, Stage, StageEnded, StageStarted
from mfcli.results import Result

AnyResult = TypeVar("AnyResult", bound=Result)


def begin(stage: Stage, on_event: OnEvent) -> float:
    """Say that a stage begins; return the time, of ``time.perf_counter``."""
    on_event(StageStarted(stage))
    return time.perf_counter()


def end(stage: Stage, began: float, result: AnyResult, on_event: OnEvent) -> AnyResult:
    """Say that a stage is done, with the figures of its result; return the result."""
    figures = result.figures()
    figures.pop("seconds", None)
    seconds = time.perf_counter() - began
    on_event(StageEnded(stage=stage, seconds=round(seconds, 6), figures=figures))
    return result
