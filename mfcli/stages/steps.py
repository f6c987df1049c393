"""A night on its way: what is known of it so far, and its steps.

A step is timed, and taken over from a night that was cut off where that had done it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from mfcli.artifacts.held import Held
from mfcli.config.gates import About
from mfcli.config.nightly import NightConfigs
from mfcli.events import Judged, OnEvent
from mfcli.nights.figures import Figures
from mfcli.nights.gates import Verdict, judge, require
from mfcli.nights.generations import Generation
from mfcli.nights.places import MODEL, Place
from mfcli.nights.staging import Staging


class Step(StrEnum):
    """A piece of a night that takes seconds of its own."""

    fetch = "fetch"
    checks = "checks"
    cut = "split"
    measured = "train on a part"
    evaluate = "evaluate"
    train = "train"
    recommend = "recommend"
    publish = "publish"


@contextmanager
def timed(step: Step, seconds: dict[str, float]) -> Iterator[None]:
    """Add the seconds of a ``with`` to those of a step."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - began


@dataclass
class Night:
    """A night on its way.

    inputs:   what the source is: name, SHA-256 and bytes of its files.
    last:     the generation that is current, None in a first night.
    figures:  what was counted so far; verdicts: what the gates said of it.
    seconds:  of each step; reused: those that were taken over.
    """

    place: Place
    staging: Staging
    configs: NightConfigs
    inputs: list[dict[str, Any]]
    last: Generation | None
    on_event: OnEvent
    now: float
    held: Held = field(default_factory=Held)
    figures: Figures = field(default_factory=Figures)
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)

    def timed(self, step: Step) -> AbstractContextManager[None]:
        """Add the seconds of a ``with`` to those of a step."""
        return timed(step, self.seconds)

    def step(
        self, step: Step, make: Callable[[], tuple[Iterable[Path], dict[str, Any]]]
    ) -> dict[str, Any]:
        """Return what a step found: that of the night that was cut off, or ``make`` does it.

        make: returns the files that it wrote, and what it found as plain values.
        """
        with self.timed(step):
            found = self.staging.note(step.name)
            if found is not None:
                self.reused.append(step)
                return found
            files, found = make()
            self.staging.finish(step.name, files, found)
            return found

    def judge(self, *about: About) -> None:
        """Ask the gates of some kinds; raises GateError with both figures of each that refuses."""
        before = None if self.last is None else self.last.figures
        found = judge(
            self.figures,
            before,
            self.configs.limits,
            about=frozenset(about),
            now=self.now,
            clock=max(self.now, time.time()),
        )
        self.heed(found)

    def heed(self, found: list[Verdict]) -> None:
        """Keep what gates say, and tell it; raises GateError where one refuses."""
        self.verdicts += found
        for it in found:
            self.on_event(
                Judged(
                    gate=it.gate,
                    passed=it.passed,
                    figure=it.tonight,
                    limit=it.limit,
                    last=it.last,
                    message=it.sentence,
                )
            )
        require(found)

    @property
    def last_model(self) -> Path | None:
        """The model of the last generation."""
        return None if self.last is None else self.last.folder / MODEL

    @property
    def last_lists(self) -> Path | None:
        """The lists of the last generation, a file or a folder."""
        return None if self.last is None else self.last.lists
