"""Models against a test set: each is measured, and held against the first one and a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
from mfcli.evaluation.comparison import Subject, compare, read_gates
from mfcli.evaluation.measuring import Measured, measure
from mfcli.evaluation.protocol import Given, choose_pool, count_rows, describe_protocol
from mfcli.events import OnEvent, Warned, ignore
from mfcli.models.arrays import ScoreArrays, Vectors
from mfcli.system.processors import available_workers


@dataclass(frozen=True, eq=False, kw_only=True)
class NamedModel:
    """A model to measure: what it is called, its checkpoint, and the arrays that score it.

    sha256: of the file that it was read from, None where there is no file.
    """

    name: str
    checkpoint: Checkpoint
    scores: ScoreArrays
    sha256: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Evaluation:
    """What was measured of some models on one test set.

    subjects:    the models in the order given, each followed by its baseline, if one was asked for.
    intervals:   of each subject, metric → standard_error, low, high.
    differences: of each subject but the first one to its base, metric by metric.
    """

    subjects: list[Subject]
    intervals: list[dict[str, dict[str, float]]]
    differences: list[dict[str, Any]]

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
                "baseline_of": subject.base,
            }
            for subject, intervals in zip(self.subjects, self.intervals, strict=True)
        ]


def evaluate(
    models: Iterable[NamedModel],
    test: Interactions,
    config: EvaluateConfig,
    *,
    given: Given | None = None,
    test_name: str = "the test set",
    on_event: OnEvent = ignore,
) -> Evaluation:
    """Measure models on the rows of ``test``, which is over the same users and items.

    Each model is taken from ``models`` when the one before it is measured, so a generator needs
    memory for one at a time. given: candidate lists, by default all items are ranked; test_name:
    what messages call the test set. Raises UsageError for a metric that a model does not have, and
    InputError for a test set of other ids, or that shares rows with train.
    """
    gates = [name for name, _ in read_gates(config)]
    if config.beat is not None:
        gates.append(config.beat_metric)
    subjects: list[Subject] = []
    first: CsrRows | None = None
    for model in models:
        checkpoint = model.checkpoint
        check_held_out(
            test, test_name, checkpoint.meta, checkpoint.catalog, checkpoint.seen, model.name
        )
        first = first or checkpoint.seen
        if not all(map(np.array_equal, first, checkpoint.seen)):
            text = "was trained on other rows than the first model; each leaves out its own"
            on_event(Warned(WarningCode.train_rows, f"{model.name}: {text}"))
        subjects.append(_measure_model(model, test, given, config, gates))
        if config.beat is not None:
            subjects.append(_measure_baseline(subjects[-1], checkpoint, test, given, config))
    intervals, differences = compare(subjects, config)
    return Evaluation(subjects=subjects, intervals=intervals, differences=differences)


def choose_metrics(
    config: EvaluateConfig, predicts_ratings: bool, gates: Iterable[str] = ()
) -> list[str]:
    """Return the full names of the metrics to compute: what is asked for, then those of gates."""
    asked = expand_metrics(config.metric or usual_metrics(predicts_ratings), config.k)
    return list(dict.fromkeys([*asked, *gates]))


def _measure_model(
    model: NamedModel,
    test: Interactions,
    given: Given | None,
    config: EvaluateConfig,
    gates: list[str],
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
    found = _measure(model.scores, names, clip, checkpoint, test, given, config)
    return Subject(
        name=model.name,
        sha256=model.sha256,
        measured=found,
        protocol=describe_protocol(config, clip, names, given),
        counts=count_rows(checkpoint, test, found, given, config.sampled),
        meta=checkpoint.meta,
    )


def score_popularity(checkpoint: Checkpoint) -> Vectors:
    """Return scores of every item for every user: the item's number of rows in train."""
    counts = checkpoint.item_counts.astype(np.float32)
    users = np.zeros((checkpoint.n_users, 1), np.float32)
    return Vectors(users, np.zeros((len(counts), 1), np.float32), users[:, 0], counts, 0.0)


# What a model can be held against, made from the model's own train data.
BASELINES: dict[Baseline, Callable[[Checkpoint], ScoreArrays]] = {
    Baseline.popularity: score_popularity,
}


def _measure_baseline(
    subject: Subject,
    checkpoint: Checkpoint,
    test: Interactions,
    given: Given | None,
    config: EvaluateConfig,
) -> Subject:
    """Measure a baseline on the ranking metrics of the model that should be better."""
    names = [name for name in subject.measured.metrics if not is_rating_metric(name)]
    assert config.beat is not None
    scores = BASELINES[config.beat](checkpoint)
    return Subject(
        name=str(config.beat),
        sha256=None,
        measured=_measure(scores, names, None, checkpoint, test, given, config),
        protocol=describe_protocol(config, None, names, given),
        counts=subject.counts,
        meta={},
        base=subject.name,
    )


def _measure(
    scores: ScoreArrays,
    names: list[str],
    clip: tuple[float, float] | None,
    checkpoint: Checkpoint,
    test: Interactions,
    given: Given | None,
    config: EvaluateConfig,
) -> Measured:
    return measure(
        scores,
        checkpoint.seen,
        test,
        names,
        clip=clip,
        workers=config.workers or available_workers(),
        pool=choose_pool(checkpoint.seen, test, given, config),
    )
