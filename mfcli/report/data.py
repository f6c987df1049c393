"""What the page is made of: one ``Run`` a folder, plain values that folder.py has read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mfcli.config.metrics import Better, better_of
from mfcli.report.per_user import ByUser


@dataclass(frozen=True, kw_only=True)
class EpochPoint:
    """One line of a history; ``elapsed``: seconds of training at its end, where they are known."""

    epoch: int
    elapsed: float | None
    train_loss: float | None
    valid_loss: float | None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Popularity:
    """How popular what is recommended is; items are those with a row in train.

    deciles:  (share of train's rows, share of recommendations) a tenth of the items, the most
              rated tenth first.
    overlap:  mean share of a user's list that the most rated items not seen by the user make up.
    """

    deciles: list[tuple[float, float]]
    rows: int
    users: int
    distinct_items: int
    known_items: int
    mean_recommended: float
    mean_train: float
    tail_train: float
    tail_recommended: float
    overlap: float | None
    unknown_rows: int = 0


@dataclass(frozen=True)
class Recommended:
    """One line of a user's list; ``count``: its rows in train, None for an unknown item."""

    rank: int
    name: str
    score: float | None
    count: int | None


@dataclass(frozen=True)
class Seen:
    """An item of a user's history; rating and time (seconds since 1970) where they are known."""

    name: str
    rating: float | None = None
    time: int | None = None


class Order(Enum):
    """How a user's history is ordered, in words."""

    rated_and_recent = "highest rated first, of equal ratings the most recent"
    rated = "highest rated first; the data has no times"
    recent = "most recent first; all ratings are equal"
    popular = (
        "those most rated by all users first, as the data tells neither ratings nor times apart"
    )
    unknown = (
        "those most rated by all users first, as the user's ratings and times are in a matrix "
        "that is not in the folder"
    )


@dataclass(frozen=True)
class Example:
    """A user with some seen items, ordered as ``order`` says, and the recommended ones."""

    user: str
    n_seen: int
    seen: list[Seen]
    order: Order
    recommended: list[Recommended]


@dataclass(frozen=True, kw_only=True)
class Run:
    """All that is known of one folder; ``missing`` names the files that are not there.

    by_user: the metrics of each user, where the folder keeps them; else by_user_problem may say
    why what it keeps is of no use.
    """

    name: str
    missing: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # name → SHA-256
    shape: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    lineage: list[dict[str, Any]] = field(default_factory=list)
    history: list[EpochPoint] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)  # the content of metrics.json
    popularity: Popularity | None = None
    examples: list[Example] = field(default_factory=list)
    by_user: ByUser | None = None
    by_user_problem: str = ""

    @property
    def models(self) -> list[dict[str, Any]]:
        """Return what metrics.json says of each model and baseline, where there are several."""
        found = self.measured.get("models")
        return (
            [model for model in found if isinstance(model, dict)] if isinstance(found, list) else []
        )

    @property
    def measured_file(self) -> str:
        """Return the model that the metrics should be of: what was measured, if it is apart."""
        return "evaluated.pt" if "evaluated.pt" in self.files else "model.pt"

    @property
    def entry(self) -> dict[str, Any]:
        """Return what metrics.json says of the folder's model: of the first, if none is it."""
        own = self.files.get(self.measured_file)
        there = (model for model in self.models if own is not None and model.get("sha256") == own)
        return next(there, self.measured)

    @property
    def metrics(self) -> dict[str, float | None]:
        """Return the metrics of the run; None is not defined."""
        return read_figures(self.entry.get("metrics"))

    @property
    def intervals(self) -> dict[str, dict[str, Any]]:
        """Return metric → low, high and standard_error, where evaluate measured them."""
        return read_intervals(self.entry.get("intervals"))

    @property
    def protocol(self) -> dict[str, Any]:
        """Return how the metrics were measured."""
        return _table(self.entry.get("protocol"))

    @property
    def baseline(self) -> dict[str, Any]:
        """Return popularity on the same rows, where evaluate measured it; else empty."""
        return _table(self.entry.get("baseline"))

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Return the code and the text of what evaluate warned of."""
        found = self.measured.get("warnings")
        return [
            (str(warning.get("code")), str(warning.get("text")))
            for warning in (found if isinstance(found, list) else [])
            if isinstance(warning, dict)
        ]

    @property
    def counts(self) -> dict[str, Any]:
        """Return what evaluate counted."""
        return _table(self.entry.get("counts"))

    @property
    def test(self) -> str | None:
        """Return the SHA-256 of the test set of the metrics."""
        return next(iter(self.inputs_of("evaluate", "test")), None)

    def inputs_of(self, stage: str, role: str) -> list[str]:
        """Return the SHA-256s of the inputs of the last such step behind the metrics."""
        inputs = self._step(stage).get("inputs") or []
        there = [entry for entry in inputs if isinstance(entry, dict)]
        return [str(entry.get("sha256")) for entry in there if entry.get("role") == role]

    def options_of(self, stage: str) -> dict[str, Any]:
        """Return the options of the last such step behind the metrics."""
        return _table(self._step(stage).get("options"))

    def was_read(self, role: str) -> bool:
        """Tell whether evaluate read a file in this role."""
        inputs = self._step("evaluate").get("inputs")
        return isinstance(inputs, list) and any(_table(it).get("role") == role for it in inputs)

    def _step(self, stage: str) -> dict[str, Any]:
        steps = _table(self.measured.get("meta")).get("lineage") or []
        found = (
            step
            for step in reversed(steps)
            if isinstance(step, dict) and step.get("stage") == stage
        )
        return next(found, {})

    def measured_like(self, other: Run) -> bool:
        """Tell whether the metrics of two runs compare: one test set, mask and candidates."""
        alike = all(
            self.protocol.get(name) == other.protocol.get(name)
            for name in ("candidates", "masked", "sampled", "positives")
        )
        return self.test == other.test and alike


def read_figures(found: Any) -> dict[str, float | None]:
    """Return the numbers of a table, None for what is not defined; anything else left out."""
    return {
        str(name): None if value is None else float(value)
        for name, value in _table(found).items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def read_intervals(found: Any) -> dict[str, dict[str, Any]]:
    """Return the intervals of a table, those with both ends."""
    return {
        str(name): interval
        for name, interval in _table(found).items()
        if all(isinstance(_table(interval).get(end), float | int) for end in ("low", "high"))
    }


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


Value = Callable[[EpochPoint], float | None]


@dataclass(frozen=True)
class Measure:
    """Something that a history follows from epoch to epoch."""

    name: str
    value: Value
    less_is_better: bool


def list_measures(history: list[EpochPoint]) -> list[Measure]:
    """Return what a history measured: both losses, then its metrics, as far as it has values."""
    found = [
        Measure("train loss", lambda point: point.train_loss, True),
        Measure("validation loss", lambda point: point.valid_loss, True),
    ]
    names = dict.fromkeys(name for point in history for name in point.metrics)
    found += [Measure(name, _metric(name), less_is_better(name)) for name in names]
    return [
        measure for measure in found if any(measure.value(point) is not None for point in history)
    ]


def less_is_better(metric: str) -> bool:
    """Tell whether a smaller value of a metric is the better one."""
    return better_of(metric) is Better.lower


def _metric(name: str) -> Value:
    return lambda epoch: epoch.metrics.get(name)


def find_watched(run: Run) -> Measure | None:
    """Return what early stopping looks at: the first --metric, else a loss."""
    there = {measure.name: measure for measure in list_measures(run.history)}
    asked = run.options.get("metric") or []
    names = [name for name in there if asked and name.partition("@")[0] == str(asked[0])]
    for name in [*(str(name) for name in asked), *names, "validation loss", "train loss"]:
        if name in there:
            return there[name]
    return next(iter(there.values()), None)


def find_best_epoch(run: Run, measure: Measure) -> EpochPoint | None:
    """Return the epoch at which a measure was best, the first of equals."""
    values = [(point, measure.value(point)) for point in run.history]
    there = [(value, point) for point, value in values if value is not None]
    if not there:
        return None
    sign = 1 if measure.less_is_better else -1
    return min(there, key=lambda pair: (sign * pair[0], pair[1].epoch))[1]
