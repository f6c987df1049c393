"""What stages report while they work: plain data, standard library only.

A stage calls ``on_event(event)`` with the events below. Who shows them, and where, is not its
business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mfcli.codes import WarningCode


class Stage(Enum):
    """A piece of work that a log names, and that takes seconds of its own."""

    fetch = "fetch"
    split = "split"
    train = "train"
    tune = "tune"
    evaluate = "evaluate"
    recommend = "recommend"
    similar = "similar"
    export = "export"
    inspect = "inspect"
    report = "report"
    run = "run"
    nightly = "nightly"
    warm_up = "warm-up"

    def __str__(self) -> str:
        """Return its name as a user sees it."""
        return self.value


@dataclass(frozen=True)
class StageStarted:
    """A stage begins; those that follow before it ends are parts of it."""

    stage: Stage


@dataclass(frozen=True, kw_only=True)
class StageEnded:
    """A stage is done. figures: what it found or wrote, as plain values and tables of these."""

    stage: Stage
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A gate has looked at a figure.

    gate: its name, that of the option or key which sets it. figure: what it looked at; limit: what
    it asks for; last: the figure of an earlier output, where it compares with one. message: one
    sentence with the figures.
    """

    gate: str
    passed: bool
    figure: float | str | None
    limit: float | str | None
    message: str
    last: float | str | None = None


@dataclass(frozen=True)
class Started:
    """A piece of work begins; ``total`` counts its units where they are known."""

    title: str
    total: int | None = None
    unit: str = ""


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` units; ``loss`` is the running mean train loss inside an epoch."""

    done: int
    total: int | None
    loss: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingStarted:
    """Training is about to begin: what it will do, and on what.

    by_data: the options that the data decided, as they are called on the command line.
    """

    title: str
    epochs: int
    n_ratings: int
    device: str
    metric_names: tuple[str, ...] = ()
    done: int = 0  # epochs of the interrupted run that is resumed
    by_data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """One epoch: its number from 1, losses (mean a sample), metrics, and wall seconds."""

    epoch: int
    stage: int
    learning_rate: float
    train_loss: float
    valid_loss: float | None
    metrics: dict[str, float]
    seconds: float
    ratings_per_second: float
    best: bool = False


@dataclass(frozen=True)
class Warned:
    """Something that the user should know, though the run goes on."""

    code: WarningCode
    message: str

    def document(self) -> dict[str, str]:
        """Return it as ``--json`` prints it."""
        return {"code": str(self.code), "text": self.message}


@dataclass(frozen=True)
class Noted:
    """A plain remark on what is being done."""

    message: str


@dataclass(frozen=True, kw_only=True)
class TuningStarted:
    """A search is about to begin: its trials, its rounds, and what it tunes."""

    title: str
    trials: int
    rungs: int
    metric: str
    lower_is_better: bool


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One training of a search: trial and round from 0, and what it reached on validation.

    ``value`` is of the metric that is tuned; None where the status is not ok (diverged, late).
    training: seconds of the training alone, of ``seconds`` that measuring is a part of.
    statistic: the value user by user, as ``evaluation.confidence`` has it; None where it is not at
    hand, as of a search that was resumed.
    """

    trial: int
    rung: int
    epochs: int | None
    status: str
    value: float | None
    metrics: dict[str, float]
    seconds: float
    options: dict[str, Any]
    training: float = 0.0
    statistic: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class BudgetStarted:
    """A search in a given time is about to begin: what it makes best, and on what."""

    seconds: float
    metric: str
    lower_is_better: bool
    n_ratings: int
    n_validation: int


Event = (
    StageStarted
    | StageEnded
    | Judged
    | Started
    | Progress
    | TrainingStarted
    | EpochResult
    | TuningStarted
    | BudgetStarted
    | TrialResult
    | Warned
    | Noted
)
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Drop the event."""


def to_all(*receivers: OnEvent) -> OnEvent:
    """Return a receiver of events that passes each on to all of them, in this order."""

    def receive(event: Event) -> None:
        for on_event in receivers:
            on_event(event)

    return receive


def quietly(on_event: OnEvent) -> OnEvent:
    """Return a receiver of events that passes on what is worth reading, and no progress."""

    def only(event: Event) -> None:
        if isinstance(event, Warned | Noted):
            on_event(event)

    return only


def once(on_event: OnEvent) -> OnEvent:
    """Return a receiver of events that passes on each note and each warning the first time only."""
    said: set[Event] = set()

    def only(event: Event) -> None:
        if isinstance(event, Warned | Noted):
            if event in said:
                return
            said.add(event)
        on_event(event)

    return only


def without(ignored: Collection[WarningCode], on_event: OnEvent) -> OnEvent:
    """Return a receiver of events that passes on all but the warnings of these codes."""
    if not ignored:
        return on_event

    def heed(event: Event) -> None:
        if not (isinstance(event, Warned) and event.code in ignored):
            on_event(event)

    return heed
