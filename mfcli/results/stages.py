"""What the stages of a run hand back, and what reads, reports and prepares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mfcli.results.base import Result


@dataclass(frozen=True, kw_only=True)
class FetchResult(Result):
    """What fetch wrote.

    columns: role → its ``column`` in the source (a number, from 1, without a header) and, of ids,
    how many ``distinct`` ones the source has; empty for a source without columns. times: their
    range, as dates in UTC where they are dates.
    times: their range, as dates in UTC where they are dates. dropped_values: rows that --drop-value
    left out. valueless: rows without a rating or a time, left out by --drop-missing.
    """

    out: str
    format: str
    n_users: int
    n_items: int
    n_ratings: int
    rows_read: int
    without_id: int
    dropped: int
    duplicates: int
    below_threshold: int
    filtered: int
    minimum: float
    maximum: float
    mean: float
    has_timestamps: bool
    has_item_names: bool
    times: str | None = None
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped_values: int = 0
    valueless: int = 0
    notice: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SplitPart(Result):
    """One file of a split."""

    path: str
    n_ratings: int
    n_users: int
    n_items: int
    unknown_rows: int


@dataclass(frozen=True, kw_only=True)
class SplitResult(Result):
    """What split wrote."""

    out: str
    strategy: str
    split_id: str
    n_users: int
    n_items: int
    parts: list[SplitPart]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainResult(Result):
    """What train wrote.

    settings: of --budget, the file that repeats the model; evidence: how its options were chosen.
    """

    out: str
    model: str
    objective: str
    engine: str
    device: str
    epochs: int
    best_epoch: int | None
    stopped: str
    train_loss: float | None
    valid_loss: float | None
    metrics: dict[str, float]
    stage_losses: list[dict[str, float | int | None]]
    seconds: float
    history: str
    settings: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EvaluateResult(Result):
    """The content of metrics.json, and where it was written.

    metrics, intervals, protocol and counts are of the first model; ``models`` holds all of them if
    there are several, or one to beat, and ``differences`` compares them, paired by user.
    ``user_groups``: users and metrics of the users that are known to train, barely or not at all.
    ``baseline`` is popularity on the same rows, held against the first model; None where it was
    not measured; ``doubts`` are the warnings that metrics.json keeps: code and text.
    """

    out: str | None
    metrics: dict[str, float]
    protocol: dict[str, Any]
    counts: dict[str, int]
    meta: dict[str, Any]
    seconds: float = 0.0
    intervals: dict[str, dict[str, float]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    user_groups: dict[str, Any] = field(default_factory=dict)
    per_user: str | None = None
    baseline: dict[str, Any] | None = None
    doubts: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RecommendResult(Result):
    """What recommend wrote; ``preview`` holds the first rows.

    n_users: users asked for, those left out as unknown apart; coverage: share of the allowed items
    that somebody got; churn: 1 − mean overlap with the output before; counts: ids in files that the
    model does not know. Of a shard, rows, users and coverage are those of its own parts until it
    publishes. changes: users whose list was added, changed or dropped, where --changes wants them.
    """

    out: str
    n_users: int
    n_rows: int
    unknown_users: int
    short_users: int
    model_seconds_old: float
    seconds: float
    preview: list[dict[str, Any]] = field(default_factory=list)
    users_with_rows: int = 0
    coverage: float = 0.0
    churn: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    lineage: list[dict[str, Any]] = field(default_factory=list)
    parts: int | None = None
    published: bool = True
    changes: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class PairsResult(Result):
    """What recommend --pairs wrote: a score a row, and the rows of which an id is unknown."""

    out: str
    n_rows: int
    unknown_user_rows: int
    unknown_item_rows: int
    model_seconds_old: float
    lineage: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class SimilarResult(Result):
    """What similar wrote; ``without``: those asked for that have no vector, or are unknown.

    changes: how many lists were added, changed or dropped, where --changes wants them.
    """

    out: str
    by: str
    n_asked: int
    n_rows: int
    without: int
    seconds: float
    preview: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class ExportResult(Result):
    """What export wrote."""

    out: str
    model: str
    n_users: int
    n_items: int
    factors: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class WarmUpResult(Result):
    """What warm-up compiled, or with ``listed`` what there is.

    folders: where compiled kernels lie. groups: of each its name, its kernels, whether all of them
    are kept on disk, how many versions were compiled now, and the seconds that it took.
    """

    folders: list[str]
    groups: list[dict[str, Any]]
    listed: bool


@dataclass(frozen=True, kw_only=True)
class InspectResult(Result):
    """What is in an artifact."""

    path: str
    kind: str
    details: dict[str, Any]
    histogram: dict[str, int]
    options: dict[str, Any]
    lineage: list[dict[str, Any]]
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class FoldsResult(Result):
    """Cross-validation: the metrics of every fold, their mean and standard deviation."""

    out: str
    fetch: FetchResult
    split: SplitResult
    folds: list[dict[str, Any]]
    mean: dict[str, float]
    sd: dict[str, float]
    protocol: dict[str, Any]
    meta: dict[str, Any]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RepeatsResult(Result):
    """Repeated splits and trainings: the metrics of each, their mean and standard deviation."""

    out: str
    fetch: FetchResult
    splits: list[SplitResult]
    repeats: list[dict[str, Any]]
    mean: dict[str, float]
    sd: dict[str, float]
    protocol: dict[str, Any]
    meta: dict[str, Any]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TuneResult(Result):
    """What tune found: the best training, the defaults' own score, and the best ones by rank."""

    out: str
    trials_file: str
    metric: str
    value: float
    default: float | None
    trial: int
    epochs: int | None
    options: dict[str, Any]
    trials: int
    trainings: int
    diverged: int
    stopped: str
    protocol: dict[str, Any]
    best: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    verdict: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunResult(Result):
    """The results of all stages of a run.

    train: the training that evaluate measured; refit: that on everything, of which the lists are;
    None without one.
    """

    out: str
    fetch: FetchResult
    split: SplitResult
    train: TrainResult
    evaluate: EvaluateResult
    refit: TrainResult | None
    recommend: RecommendResult | PairsResult


@dataclass(frozen=True, kw_only=True)
class ReportResult(Result):
    """What report wrote, and what the page warns of; ``missing``: run → files not there."""

    out: str
    runs: list[str]
    missing: dict[str, list[str]]
    findings: list[dict[str, str]]
    n_bytes: int
    seconds: float = 0.0
