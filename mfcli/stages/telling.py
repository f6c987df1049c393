"""What a stage says of itself to a log or a monitor: that it begins, and what it has done."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from mfcli.events import OnEvent, Stage, StageEnded, StageStarted
from mfcli.results import Result

AnyResult = TypeVar("AnyResult", bound=Result)


def begin(stage: Stage, on_event: OnEvent) -> float:
    """Say that a stage begins; return the time, of ``time.perf_counter``."""
    on_event(StageStarted(stage))
    return time.perf_counter()


def end(stage: Stage, began: float, result: AnyResult, on_event: OnEvent, **more: Any) -> AnyResult:
    """Say that a stage is done, with the figures of its result; return the result.

    more: figures that the result has not, or not as a plain value; None is left out.
    """
    figures = result.figures()
    figures.pop("seconds", None)
    figures |= {name: value for name, value in more.items() if value is not None}
    seconds = time.perf_counter() - began
    on_event(StageEnded(stage=stage, seconds=round(seconds, 6), figures=figures))
    return result
