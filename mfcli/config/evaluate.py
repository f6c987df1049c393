"""The options of evaluate."""

from __future__ import annotations

from dataclasses import dataclass

from mfcli.config.choices import Choice
from mfcli.config.metrics import (
    LONGEST_LIST,
    check_metrics,
    expand_metrics,
    is_rating_metric,
    metric_words,
)
from mfcli.config.options import option
from mfcli.config.output import WrittenConfig
from mfcli.config.roles import Role, Tier
from mfcli.config.split import parse_time
from mfcli.errors import UsageError


class UnknownUsers(Choice):
    """What becomes of users without an interaction in train, in recommend and evaluate."""

    popular = "popular", "the popular items"
    skip = "skip", "no rows"
    error = "error", "exit 3"


class Baseline(Choice):
    """What a model may be asked to beat."""

    popularity = "popularity", "the most popular items"


_CANDIDATES = "What is ranked"
_GATES = "Gates"


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(WrittenConfig):
    """Options of ``mfcli evaluate``."""

    k: list[int] = option(
        [10],
        "Length of the ranked list; repeat for several.",
        low=1,
        high=LONGEST_LIST,
        metavar="LENGTH",
        tier=Tier.first,
    )
    metric: list[str] = option(
        [],
        "Only this metric, as name or name@k; repeat for several.",
        shown="all",
        metavar="NAME",
        words=metric_words,
        tier=Tier.first,
    )
    include_seen: bool = option(False, "Rank the items that the user has in train as well.")
    exclude_cold: bool = option(
        False,
        "Rank no items without a rating in train, as recommend does by default: test rows of them "
        "are missed.",
    )
    unknown_users: UnknownUsers = option(
        UnknownUsers.popular,
        "Users without a rating in train, as of recommend: ranked by the popular items, left out "
        "of ranking metrics, or exit 3.",
    )
    history: str | None = option(
        None,
        "What is known of the test set's users, as fetch reads it or .npz (history.npz of split "
        "--strategy users): they are folded in from it, and it counts as seen.",
        role=Role.file,
        shown="what they have in train",
    )
    since: str | None = option(
        None,
        "Only rows from this time on (seconds since 1970, or ISO 8601), such as the day after the "
        "model's data ends.",
        shown="all rows",
        metavar="TIME",
    )
    candidates: str | None = option(
        None,
        "File of user and item ids, as fetch reads it: only these items are ranked for a user, "
        "and the user's test items.",
        role=Role.file,
        shown="all items",
        panel=_CANDIDATES,
    )
    sampled: int | None = option(
        None,
        "Rank only so many random items a user, and the user's test items; the result is labelled.",
        low=1,
        shown="all items",
        panel=_CANDIDATES,
    )
    relevant_from: float | None = option(
        None,
        "For ranking metrics, only test rows rated so or higher are positives; rmse and mae stay "
        "over all rows.",
        low=-1e38,
        high=1e38,
        shown="every test row",
        panel=_CANDIDATES,
        metavar="RATING",
        tier=Tier.first,
    )
    baseline: bool = option(
        True,
        "Also measure the most popular items on the same rows, and warn of a model whose lists are "
        "not better than they by more than chance.",
    )
    resamples: int = option(
        1000, "Bootstrap samples of the users for the 95 % intervals; 0: none.", low=0, high=10**6
    )
    per_user: str | None = option(
        None,
        "Table to write: the metrics of each user, a row a user; .csv, .csv.gz, .tsv, .parquet or "
        ".jsonl.",
        role=Role.file,
        tier=Tier.first,
    )
    workers: int | None = option(
        None, "Threads that score.", role=Role.speed, low=1, high=1024, shown="the cores available"
    )
    fail_under: list[str] = option(
        [],
        "Exit 6 if a metric is below this: NAME=VALUE; repeat for several.",
        shown="none",
        panel=_GATES,
        metavar="NAME=VALUE",
        tier=Tier.first,
    )
    beat: Baseline | None = option(
        None,
        "Exit 6 unless the model is better than this baseline, made from what it has seen, on the "
        "metric of --beat-on.",
        shown="none",
        panel=_GATES,
        tier=Tier.first,
    )
    beat_on: str | None = option(
        None,
        "Metric for --beat.",
        shown="ndcg at the first --k",
        panel=_GATES,
        metavar="NAME",
        words=metric_words,
    )

    @property
    def beat_metric(self) -> str:
        """The full name of the metric that --beat compares."""
        return expand_metrics([self.beat_on or "ndcg"], self.k[:1])[0]

    def check(self) -> None:
        """Refuse metrics that do not exist, and two kinds of candidates."""
        check_metrics(self.metric)
        if self.since is not None:
            parse_time(self.since, "--since")
        if self.candidates is not None and self.sampled is not None:
            raise UsageError("--candidates and --sampled both choose what is ranked: give one")
        if self.beat_on is not None and self.beat is None:
            raise UsageError("--beat-on needs --beat popularity")
        if self.beat is not None and not self.baseline:
            raise UsageError("--beat popularity measures the baseline: leave out --no-baseline")
        if is_rating_metric(self.beat_metric):
            raise UsageError(f"--beat-on {self.beat_on}: popularity predicts no ratings")
