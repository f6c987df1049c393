"""The paired gate: tonight's model beside the last one on rows that neither was trained on."""

from __future__ import annotations

import math
from typing import Any

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import EvaluateConfig
from mfcli.config.gates import Bound, Gate
from mfcli.config.limits import Limits
from mfcli.config.metrics import Better, better_of, expand_metrics, is_rating_metric
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.evaluation.baseline import RESAMPLES, judged_by
from mfcli.evaluation.confidence import LEVEL
from mfcli.evaluation.evaluate import Evaluation, NamedModel
from mfcli.evaluation.evaluate import evaluate as evaluate_models
from mfcli.evaluation.later import ChosenRows, choose_rows
from mfcli.models.loading import scoring_of
from mfcli.nights.gates import Verdict, remedy
from mfcli.nights.looks import figure, share
from mfcli.wording import counted

LAST, TONIGHT = "the last generation's model", "tonight's model"
_OF_A_SPLIT = ("split_id", "part", "fold")


def unpaired(limits: Limits, reason: str) -> list[Verdict]:
    """Return the verdict of a night that has nothing to be paired on: it passes, and says why."""
    return [
        _verdict(limit, f"{reason}, so there is no paired gate", True)
        for limit in limits[Gate.quality].values()
    ]


def judge_quality(
    last: Checkpoint,
    tonight: Checkpoint,
    newer: Interactions,
    config: EvaluateConfig,
    limits: Limits,
) -> list[Verdict]:
    """Return what the gate ``quality`` says of two models on the same rows, paired by user.

    last:    the model of the last good generation, whose data ends before ``newer`` begins.
    tonight: trained as tonight's model is, on tonight's data without the rows of ``newer``.
    newer:   rows newer than the last generation's data; ids are matched by value, and a pair that
             is in either train is left out.
    config:  k, metric, relevant_from and seed say what is measured: of the metrics asked for that
             which also decides beside popularity, ndcg@k unless others are asked for.

    Tonight's model is refused where it is worse by more than the limit, even at the better end of
    the 95 % interval of the difference. What cannot be compared passes, and says so.
    """
    if not limits[Gate.quality]:
        return []
    metric = _metric(config, last.predicts_ratings and tonight.predicts_ratings)
    models = {LAST: last, TONIGHT: tonight}
    rows = newer.with_meta({k: v for k, v in newer.meta.items() if k not in _OF_A_SPLIT})
    asked = EvaluateConfig(
        k=config.k,
        metric=[metric],
        relevant_from=config.relevant_from,
        exclude_cold=config.exclude_cold,
        unknown_users=config.unknown_users,
        workers=config.workers,
        seed=config.seed,
        baseline=False,
        resamples=max(config.resamples, RESAMPLES),
    )
    try:
        chosen = choose_rows(rows, models.items(), asked, name="the newer rows")
        found = _measured(models, chosen, asked)
    except InputError as error:
        return unpaired(limits, str(error))
    return [_held(found, metric, limit) for limit in limits[Gate.quality].values()]


def _metric(config: EvaluateConfig, predict_ratings: bool) -> str:
    """Return the full name of the metric that two models are compared by."""
    names = expand_metrics(config.metric, config.k)
    directed = (name for name in names if better_of(name) is not Better.neither)
    rated = [name for name in directed if is_rating_metric(name) and predict_ratings]
    return judged_by(names) or next(iter(rated), f"ndcg@{config.k[0]}")


def _measured(
    models: dict[str, Checkpoint], chosen: ChosenRows, config: EvaluateConfig
) -> Evaluation:
    def laid() -> Any:
        for name, checkpoint in models.items():
            model, beside = chosen.beside(checkpoint, name)
            yield NamedModel(name=name, checkpoint=model, scores=scoring_of(model), beside=beside)

    return evaluate_models(laid(), chosen, config, test_name="the newer rows")


def _held(found: Evaluation, metric: str, limit: float) -> Verdict:
    """Hold the better end of the interval of tonight's difference against the limit."""
    before, now = (it.measured.metrics[metric] for it in found.subjects)
    spread = found.differences[0]["metrics"].get(metric)
    counts = found.subjects[0].counts
    on = (
        f"on {counted(counts['test_rows'], 'row')} of "
        f"{counted(counts['users_with_test_row'], 'user')} that are "
        "newer than the last generation's data"
    )
    if spread is None or math.isnan(spread["low"]):
        return _verdict(limit, f"{metric} {on} has no interval, so it passes", True, now, before)
    best = spread["low"] if better_of(metric) is Better.lower else -spread["high"]
    lost = max(0.0, best)  # so much is lost at least
    worse = 0.0 if not lost else lost / abs(before) if before else math.inf
    sentence = (
        f"{metric} {on}: {figure(now)} tonight, {figure(before)} last; difference "
        f"{spread['difference']:+.4g}, {LEVEL:g} % interval {spread['low']:+.4g} to "
        f"{spread['high']:+.4g}, paired by user; "
        + (f"worse by {share(worse)} at least" if lost else "not worse beyond chance")
        + f", at most {share(limit)} is allowed"
    )
    passed = worse <= limit * (1 + 1e-9)
    if not passed:
        sentence += f": {remedy(Gate.quality, Bound.worse, worse)}"
    return _verdict(limit, sentence, passed, now, before)


def _verdict(
    limit: float,
    sentence: str,
    passed: bool,
    tonight: float | None = None,
    last: float | None = None,
) -> Verdict:
    return Verdict(
        gate=str(Gate.quality),
        bound=str(Bound.worse),
        passed=passed,
        tonight=_finite(tonight),
        last=_finite(last),
        limit=limit,
        sentence=f"quality: {sentence}",
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
