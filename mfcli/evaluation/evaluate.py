"""Models against a test set: each is measured, and held against the first one and a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.codes import WarningCode
from mfcli.config import Baseline, EvaluateConfig
from mfcli.config.metrics import expand_metrics, is_rating_metric, usual_metrics
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.data.rows import CsrRows
from mfcli.errors import UsageError
from mfcli.evaluation.baseline import BASELINES, BesideBaseline, doubts_of, set_beside
from mfcli.evaluation.comparison import Subject, compare, read_gates
from mfcli.evaluation.groups import measure_groups
from mfcli.evaluation.later import Beside, ChosenRows
from mfcli.evaluation.measuring import measure, measure_common
from mfcli.evaluation.protocol import (
    Given,
    check_users,
    choose_pool,
    count_rows,
    describe_protocol,
)
from mfcli.evaluation.relevance import choose_relevant, looks_like_scale
from mfcli.events import OnEvent, Warned, ignore
from mfcli.models.arrays import ScoreArrays
from mfcli.ranking.candidates import Pool
from mfcli.ranking.serving import Trained
from mfcli.system.processors import available_workers


@dataclass(frozen=True, eq=False, kw_only=True)
class NamedModel:
    """A model to measure: what it is called, its checkpoint, and the arrays that score it.

    sha256: of the file that it was read from, None where there is no file. folded: the counts of
    the users that were folded in for the test set; None where there was no history. beside: of
    later rows, what the model knows of them; None where both have one catalogue.
    """

    name: str
    checkpoint: Checkpoint
    scores: ScoreArrays
    sha256: str | None = None
    folded: Mapping[str, int] | None = None
    beside: Beside | None = None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Evaluation:
    """What was measured of some models on one test set.

    subjects:    the models in the order given, each followed by the baseline that it is to beat.
    intervals:   of each subject, metric → standard_error, low, high.
    differences: of each subject but the first one to its base, metric by metric.
    beside:      model → it beside popularity, where that was measured.
    warnings:    what was warned of.
    """

    subjects: list[Subject]
    intervals: list[dict[str, dict[str, float]]]
    differences: list[dict[str, Any]]
    beside: dict[str, BesideBaseline] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)

    def __repr__(self) -> str:
        """Show the metrics of each model, a line each."""
        lines = [
            f"{subject.name}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in subject.measured.metrics.items())
            for subject in self.subjects
        ]
        return "\n".join(lines)

    @property
    def metrics(self) -> dict[str, float]:
        """Return the metrics of the first model, by full name."""
        return self.subjects[0].measured.metrics

    def tables(self) -> list[dict[str, Any]]:
        """Return what metrics.json holds of each model and baseline."""
        return [
            {
                "name": subject.name,
                "sha256": subject.sha256,
                "metrics": subject.measured.metrics,
                "intervals": intervals,
                "protocol": subject.protocol,
                "counts": subject.counts,
                "user_groups": subject.groups,
                "baseline_of": subject.base,
                **self._baseline_of(subject),
            }
            for subject, intervals in zip(self.subjects, self.intervals, strict=True)
        ]

    def _baseline_of(self, subject: Subject) -> dict[str, Any]:
        found = self.beside.get(subject.name) if subject.base is None else None
        return {} if found is None else {"baseline": found.table()}


def evaluate(
    models: Iterable[NamedModel],
    test: Interactions | ChosenRows,
    config: EvaluateConfig,
    *,
    given: Given | None = None,
    test_name: str = "the test set",
    on_event: OnEvent = ignore,
) -> Evaluation:
    """Measure models on the rows of ``test``, which is over the same users and items.

    Later data is to be chosen first, and the models laid out for it: see ``later.choose_rows``.
    Each model is taken from ``models`` when the one before it is measured, so a generator needs
    memory for one at a time. given: candidate lists, by default all items are ranked; test_name:
    what messages call the test set. Raises UsageError for a metric that a model does not have, and
    InputError for a test set of other ids, one that shares rows with train, one without a
    relevant row, or with unknown users where these are refused.
    """
    gates = [name for name, _ in read_gates(config)]
    if config.beat is not None:
        gates.append(config.beat_metric)
    chosen = test if isinstance(test, ChosenRows) else ChosenRows(rows=test)
    test = chosen.rows
    rows = _Rows(
        test=test,
        relevant=choose_relevant(test, config.relevant_from, test_name),
        given=given,
        left_out=chosen.counts,
    )
    subjects: list[Subject] = []
    first: CsrRows | None = None
    for model in models:
        checkpoint = model.checkpoint
        check_held_out(
            test, test_name, checkpoint.meta, checkpoint.catalog, checkpoint.seen, model.name
        )
        check_users(checkpoint, test, config)
        if model.folded is None and not (checkpoint.user_counts * test.user_counts).any():
            text = f"no user of {test_name} has a row in train, so none has a list of its own"
            on_event(Warned(WarningCode.cold, f"{text}: --history FILE folds them in"))
        first = first or checkpoint.seen
        if not all(map(np.array_equal, first, checkpoint.seen)):
            text = "was trained on other rows than the first model; each leaves out its own"
            on_event(Warned(WarningCode.train_rows, f"{model.name}: {text}"))
        subjects.append(_measure_model(model, rows, config, gates))
        subjects.extend(_measure_baseline(subjects[-1], model, rows, config))
    intervals, differences = compare(subjects, config)
    beside = set_beside(subjects, intervals, differences)
    warnings = [*_doubts(subjects, test, config), *doubts_of(subjects, beside, config)]
    for warning in warnings:
        on_event(warning)
    # Baselines are subjects of their own only where a gate asks for them.
    shown = [at for at, it in enumerate(subjects) if it.base is None or config.beat is not None]
    return Evaluation(
        subjects=[subjects[at] for at in shown],
        intervals=[intervals[at] for at in shown],
        differences=[differences[at - 1] for at in shown if at],
        beside=beside,
        warnings=warnings,
    )


def _doubts(
    subjects: list[Subject], test: Interactions, config: EvaluateConfig
) -> Iterator[Warned]:
    """Warn where every rating counts as a positive, and the ratings differ as on a scale."""
    ranks = any(subject.measured.ranked is not None for subject in subjects)
    if ranks and config.relevant_from is None and looks_like_scale(test.data):
        low, middle, high = np.quantile(test.data, (0.0, 0.5, 1.0))
        yield Warned(
            WarningCode.relevance,
            f"test rows of every rating, {low:g} to {high:g}, count as hits, the bad ones too: "
            f"--relevant-from {middle:g} counts the better ones",
        )


def choose_metrics(
    config: EvaluateConfig, predicts_ratings: bool, gates: Iterable[str] = ()
) -> list[str]:
    """Return the full names of the metrics to compute: what is asked for, then those of gates."""
    asked = expand_metrics(config.metric or usual_metrics(predicts_ratings), config.k)
    return list(dict.fromkeys([*asked, *gates]))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Rows:
    """What is measured on: the test rows, those that are positives, and given candidates.

    left_out: how many rows were left out of the test set, and why.
    """

    test: Interactions
    relevant: Interactions
    given: Given | None
    left_out: Mapping[str, int]


def _measure_model(
    model: NamedModel, rows: _Rows, config: EvaluateConfig, gates: list[str]
) -> Subject:
    checkpoint = model.checkpoint
    names = choose_metrics(config, checkpoint.predicts_ratings, gates)
    rated = [name for name in names if is_rating_metric(name)]
    if rated and not checkpoint.predicts_ratings:
        objective = checkpoint.options.get("objective")
        raise UsageError(
            f"--metric {rated[0]}: a model of --objective {objective} predicts no ratings"
        )
    clip = checkpoint.rating_range if checkpoint.predicts_ratings else None
    found = measure(
        model.scores,
        checkpoint.seen,
        rows.test,
        names,
        clip=clip,
        workers=config.workers or available_workers(),
        pool=_pool(model, rows, config),
        relevant=rows.relevant,
        trained=Trained.of(checkpoint),
    )
    return Subject(
        name=model.name,
        sha256=model.sha256,
        measured=found,
        protocol=describe_protocol(
            config,
            clip,
            names,
            rows.given,
            folded=model.folded is not None,
            later=model.beside is not None,
        ),
        counts=count_rows(checkpoint, rows.test, found, rows.given, config)
        | dict(rows.left_out)
        | ({} if model.beside is None else model.beside.counts)
        | dict(model.folded or {}),
        meta=checkpoint.meta,
        predicts_ratings=checkpoint.predicts_ratings,
        groups=measure_groups(found, checkpoint.user_counts),
    )


def _pool(model: NamedModel, rows: _Rows, config: EvaluateConfig) -> Pool:
    items = None if model.beside is None else model.beside.items
    return choose_pool(model.checkpoint, rows.given, config, items)


def _measure_baseline(
    subject: Subject, model: NamedModel, rows: _Rows, config: EvaluateConfig
) -> Iterator[Subject]:
    """Measure the baseline on the ranking metrics of the model that should be better."""
    checkpoint = model.checkpoint
    names = [name for name in subject.measured.metrics if not is_rating_metric(name)]
    itself = checkpoint.options.get("model") == Baseline.popularity
    if not names or (config.beat is None and (itself or not config.baseline)):
        return
    which = config.beat or Baseline.popularity
    measured = measure_common(
        BASELINES[which](checkpoint.item_counts),
        checkpoint.seen,
        rows.test,
        names,
        pool=_pool(model, rows, config),
        relevant=rows.relevant,
        item_counts=checkpoint.item_counts,
    )
    folded, later = ("history" in subject.protocol), model.beside is not None
    yield Subject(
        name=str(which),
        sha256=None,
        measured=measured,
        protocol=describe_protocol(config, None, names, rows.given, folded=folded, later=later),
        counts=subject.counts,
        meta={},
        base=subject.name,
        groups=measure_groups(measured, checkpoint.user_counts),
    )
