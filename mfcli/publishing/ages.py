"""How old a model is: by the newest time of its data, else by its file."""

from __future__ import annotations

import time
from pathlib import Path

from mfcli.artifacts import open_input, seconds_old
from mfcli.artifacts.checkpoint import load_meta
from mfcli.config import RecommendConfig
from mfcli.data.times import shown_time
from mfcli.errors import GateError, InputError
from mfcli.events import Judged, Noted, OnEvent
from mfcli.wording import duration

DAY = 86_400
# Times without a time zone are read as UTC, and the clocks of the world are up to so far ahead.
AHEAD = 14 * 3600


def check_age(model: Path, config: RecommendConfig, on_event: OnEvent) -> None:
    """Refuse a model whose data, or file where they have no times, is too old.

    Raises GateError; InputError where there is no model, or its newest time lies in the future.
    """
    open_input(model).close()
    if config.max_age is None:
        return
    newest = load_meta(model).get("newest_time")
    if isinstance(newest, int):
        seconds = _age_of(model, newest)
        what = f"the newest row of its data, {shown_time(newest)} UTC, is"
    else:
        on_event(
            Noted(f"--max-age: the data of {model} have no dates, so the age of its file counts")
        )
        seconds, what = seconds_old(model), "it was written"
    days = seconds / DAY
    passed = days <= config.max_age
    sentence = (
        f"{model}: {what} {duration(seconds)} ago, "
        f"--max-age allows {duration(config.max_age * DAY)}"
    )
    on_event(
        Judged(gate="max-age", passed=passed, figure=days, limit=config.max_age, message=sentence)
    )
    if not passed:
        raise GateError(f"{sentence}: nothing is published")


def _age_of(model: Path, newest: int) -> float:
    """Return the seconds since the newest time of a model's data; 0 for one that is just ahead."""
    seconds = time.time() - newest
    if seconds < -AHEAD:
        raise InputError(
            f"{model}: the newest row of its data, {shown_time(newest)} UTC, lies in the future: "
            "mend the times of the source, or say with fetch --time-format how they are written"
        )
    return max(0.0, seconds)
