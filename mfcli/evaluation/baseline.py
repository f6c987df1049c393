"""Popularity beside a model: the same lists for everyone, and whether the model's are better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.codes import WarningCode
from mfcli.config import Baseline, EvaluateConfig
from mfcli.config.metrics import Better, better_of, is_rating_metric, split_metric
from mfcli.evaluation.comparison import Subject
from mfcli.evaluation.confidence import difference, interval, resampled
from mfcli.evaluation.measuring import Measured
from mfcli.evaluation.protocol import sampled_label
from mfcli.events import Warned

RESAMPLES = 1000  # where no evaluation says how many
# What a model is judged by: the first of these that was measured, at the first k.
JUDGED_BY = ("ndcg", "map", "recall", "precision", "hit_rate", "mrr", "r_precision", "auc")


def score_popularity(item_counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the score of every item, the same for all users: its number of rows in train, (I,)."""
    return item_counts.astype(np.float32)


# What a model is held against, made from the numbers of rows (I,) in the model's own train data.
BASELINES: dict[Baseline, Callable[[NDArray[np.int64]], NDArray[np.float32]]] = {
    Baseline.popularity: score_popularity,
}


def judged_by(names: Iterable[str]) -> str | None:
    """Return the metric that decides whether a model is better, None where no ranking is known."""
    names = list(names)
    places = {name: at for at, name in enumerate(JUDGED_BY)}
    ranking = [
        name for name in names if not is_rating_metric(name) and better_of(name) is Better.higher
    ]
    return min(
        ranking, key=lambda name: places.get(split_metric(name)[0], len(places)), default=None
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class BesideBaseline:
    """A model beside a baseline that was measured on the same rows.

    name:        of the baseline. metric: what is judged by, by its full name.
    ours:        the model's value of it.
    measured:    the baseline. intervals: of each of its metrics: standard_error, low, high.
    differences: of the model to it, paired by user: metric → difference, low, high, beyond_noise.
    """

    name: str
    metric: str
    ours: float
    measured: Measured
    intervals: dict[str, dict[str, float]]
    differences: dict[str, dict[str, Any]]

    @property
    def difference(self) -> dict[str, Any]:
        """The difference by the metric that is judged by."""
        return self.differences[self.metric]

    @property
    def better(self) -> bool:
        """Whether the model is better by more than chance; without an interval, by value."""
        low = self.difference["low"]
        return bool((self.difference["difference"] if math.isnan(low) else low) > 0)

    def table(self) -> dict[str, Any]:
        """Return what metrics.json holds of it."""
        return {
            "name": self.name,
            "judged_by": self.metric,
            "better": self.better,
            "metrics": self.measured.metrics,
            "intervals": self.intervals,
            "differences": self.differences,
        }

    def warning(
        self, *, whose: str = "", where: str = "", predicts_ratings: bool = False
    ) -> Warned:
        """Return what there is to say of a model that is not better."""
        low, high = self.difference["low"], self.difference["high"]
        spread = "" if math.isnan(low) else f", difference {low:+.4f} to {high:+.4f}"
        theirs = self.measured.metrics[self.metric]
        worse = high < 0 or (math.isnan(low) and self.ours < theirs)
        verdict = "are worse than" if worse else "are not better by more than chance than"
        mend = "--mode hogwild learns to rank" if predicts_ratings else "mfcli tune searches"
        return Warned(
            WarningCode.popularity,
            f"{whose}the lists {verdict} the most popular items for everyone: {self.metric}{where} "
            f"is {self.ours:.4f}, that of popularity {theirs:.4f}{spread}; {mend}",
        )


def beside_baseline(
    name: str, metric: str, model: Measured, baseline: Measured, seed: int
) -> BesideBaseline:
    """Return a model beside a baseline by one metric, with resamples of its own from ``seed``."""
    ours, theirs = model.statistics[metric], baseline.statistics[metric]
    draws = resampled([ours, theirs], RESAMPLES, seed)
    return BesideBaseline(
        name=name,
        metric=metric,
        ours=model.metrics[metric],
        measured=baseline,
        intervals={metric: interval(theirs, draws[:, 1])},
        differences={metric: difference(ours, theirs, draws[:, 0], draws[:, 1])},
    )


def set_beside(
    subjects: list[Subject],
    intervals: list[dict[str, dict[str, float]]],
    differences: list[dict[str, Any]],
) -> dict[str, BesideBaseline]:
    """Return each model beside its baseline, by the model's name, where that was measured.

    intervals: of each subject; differences: of each but the first one, as ``compare`` gives them.
    """
    found = {}
    models = {subject.name: subject for subject in subjects if subject.base is None}
    for at, baseline in enumerate(subjects):
        metric = judged_by(baseline.measured.statistics)
        if baseline.base is None or metric is None:
            continue
        found[baseline.base] = BesideBaseline(
            name=baseline.name,
            metric=metric,
            ours=models[baseline.base].measured.metrics[metric],
            measured=baseline.measured,
            intervals=intervals[at],
            differences=differences[at - 1]["metrics"],
        )
    return found


def doubts_of(
    subjects: list[Subject], beside: dict[str, BesideBaseline], config: EvaluateConfig
) -> Iterator[Warned]:
    """Warn of the models that are not better than the baseline."""
    models = [subject for subject in subjects if subject.base is None]
    for model in models:
        found = beside.get(model.name)
        if found is not None and not found.better:
            yield found.warning(
                whose=f"{model.name}: " if len(models) > 1 else "",
                where=f" ({sampled_label(config)})" if config.sampled else "",
                predicts_ratings=model.predicts_ratings,
            )
