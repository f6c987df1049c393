"""The options of fetch, split and evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mfcli.config.metrics import LONGEST_LIST, check_metrics, expand_metrics, is_rating_metric
from mfcli.config.options import Config, flag, nearest, option
from mfcli.config.roles import Role
from mfcli.errors import UsageError


class Duplicates(StrEnum):
    """What becomes of several ratings of one item by one user."""

    last = "last"
    first = "first"
    mean = "mean"
    sum = "sum"
    max = "max"
    error = "error"


class Strategy(StrEnum):
    """How split chooses the test rows."""

    leave_n_out = "leave-n-out"
    fraction = "fraction"
    latest = "latest"
    given = "given"


_FILTER = "Which ratings are kept"


@dataclass(frozen=True, kw_only=True)
class FilterConfig(Config):
    """The filters that fetch and split share."""

    threshold: float | None = option(
        None,
        "Ratings of at least this become 1, the others go.",
        low=-1e38,
        high=1e38,
        panel=_FILTER,
    )
    min_user_ratings: int = option(
        0, "Drop users with fewer ratings (repeated until stable).", low=0, panel=_FILTER
    )
    min_item_ratings: int = option(
        0, "Drop items with fewer ratings (repeated until stable).", low=0, panel=_FILTER
    )


class Format(StrEnum):
    """What a source looks like inside."""

    udata = "u.data"
    dat = "ratings.dat"
    csv = "csv"
    tsv = "tsv"
    space = "space"
    parquet = "parquet"
    jsonl = "jsonl"
    adjacency = "adjacency"
    recbole = "recbole"
    negatives = "negatives"


ROLES = ("user", "item", "rating", "time")

_READ = "How the source is read"
_DOWNLOAD = "Downloads (source: a data set's name or a URL)"
_SAMPLE = "The built-in sample (source: demo)"


@dataclass(frozen=True, kw_only=True)
class FetchConfig(FilterConfig):
    """Options of ``mfcli fetch``."""

    format: Format | None = option(
        None,
        "Format of the source. u.data: user item rating time, tabs, no header; ratings.dat: the "
        "same with ::; csv: commas, semicolons or bars, quoted; tsv: tabs; space: runs of spaces; "
        "jsonl: one JSON object a line; adjacency: user item item item … a line; recbole: .inter; "
        "negatives (evaluate --candidates): (user,positive) item item … a line.",
        role=Role.source,
        shown="found by looking",
        panel=_READ,
    )
    columns: str | None = option(
        None,
        "Columns by name, or by number from 1: user=…,item=…,rating=…,time=… (rating and time may "
        "be left out).",
        role=Role.source,
        shown="common names, or this order",
        panel=_READ,
    )
    header: bool | None = option(
        None,
        "Whether the first line of a table names its columns.",
        role=Role.source,
        shown="found by looking",
        panel=_READ,
    )
    item_names: str | None = option(
        None,
        "File of item ids and names: two columns, or u.item, movies.csv, movies.dat.",
        role=Role.source | Role.file,
        shown="the source's own",
        panel=_READ,
    )
    duplicates: Duplicates = option(
        Duplicates.last,
        "What becomes of several ratings of one item by one user; last and first go by time where "
        "there is one, else by position.",
        role=Role.merging,
        panel=_FILTER,
    )
    cache_dir: str | None = option(
        None,
        "Folder that keeps downloads.",
        role=Role.download,
        shown="$XDG_CACHE_HOME/mfcli or ~/.cache/mfcli",
        panel=_DOWNLOAD,
    )
    base_url: str | None = option(
        None,
        "Mirror of the named data sets: http(s)://…/ that holds the zips.",
        role=Role.download,
        shown="files.grouplens.org",
        panel=_DOWNLOAD,
    )
    sha256: str | None = option(
        None,
        "Refuse a URL or a file whose SHA-256 is another (hex).",
        role=Role.source | Role.download,
        panel=_DOWNLOAD,
    )
    max_size: float = option(
        4.0,
        "Refuse a larger download of a URL, GB.",
        role=Role.download,
        low=0.0,
        high=10_000.0,
        panel=_DOWNLOAD,
    )
    source: str | None = option(None, "Source of ``mfcli run`` if none is named.", cli=False)
    users: int = option(
        1_000, "Users of the sample.", role=Role.sample, low=2, high=50_000_000, panel=_SAMPLE
    )
    items: int = option(
        1_500, "Items of the sample.", role=Role.sample, low=2, high=50_000_000, panel=_SAMPLE
    )
    ratings: int = option(
        100_000,
        "Ratings of the sample.",
        role=Role.sample,
        low=1,
        high=1_000_000_000,
        panel=_SAMPLE,
    )

    def check(self) -> None:
        """Refuse malformed --columns, --sha256 and --base-url."""
        parse_columns(self.columns)
        digest = (self.sha256 or "0" * 64).lower()
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise UsageError(f"--sha256 {self.sha256!r} should be 64 hexadecimal digits")
        if self.base_url is not None and not self.base_url.lower().startswith(
            ("http://", "https://")
        ):
            raise UsageError(f"--base-url {self.base_url!r} should begin with https:// or http://")
        if self.format is Format.udata and self.header:
            raise UsageError("--format u.data has no header: choose --format tsv")


def parse_columns(text: str | None) -> dict[str, str]:
    """Read ``user=…,item=…,rating=…,time=…``; raises UsageError that says what is wrong."""
    if text is None:
        return {}
    chosen: dict[str, str] = {}
    for part in text.split(","):
        role, equals, column = (each.strip() for each in part.partition("="))
        if not equals or not column:
            raise UsageError(f"--columns {part!r} should look like user=NAME or user=NUMBER")
        if role not in ROLES:
            raise UsageError(f"--columns has no role {role!r}{nearest(role, ROLES)}")
        if role in chosen:
            raise UsageError(f"--columns gives {role} twice")
        chosen[role] = column
    if len(set(chosen.values())) < len(chosen):
        raise UsageError(f"--columns {text!r} gives one column two roles")
    for role in ("user", "item"):
        if role not in chosen:
            raise UsageError(f"--columns {text!r} should name the {role} column: {role}=…")
    return chosen


_TEST = "Which rows go to test"


def parse_time(text: str) -> int:
    """Read seconds since 1970 or ISO 8601 (UTC unless it names a zone); raises UsageError."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--cutoff {text!r} is neither seconds since 1970 nor a date like 2024-12-31"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # Rounded up: rows have whole seconds, and none from before the moment belongs to it.
    return -((datetime.fromtimestamp(0, UTC) - moment) // timedelta(seconds=1))


@dataclass(frozen=True, kw_only=True)
class SplitConfig(FilterConfig):
    """Options of ``mfcli split``."""

    strategy: Strategy | None = option(
        None,
        "How the test rows are chosen.",
        shown="leave-n-out; given with --train-file",
        panel=_TEST,
    )
    n: int | None = option(
        None, "Rows a user for leave-n-out and latest.", low=1, shown="10", panel=_TEST
    )
    test_fraction: float | None = option(
        None,
        "Probability that a row goes to test, for fraction (and to validation, for given).",
        low=0.0,
        high=1.0,
        shown="0.2",
        panel=_TEST,
    )
    per_user: bool = option(False, "Take the fraction within each user's rows.", panel=_TEST)
    cutoff: str | None = option(
        None,
        "For latest: everything from this time on goes to test (seconds since 1970, or ISO 8601).",
        panel=_TEST,
    )
    train_file: str | None = option(
        None, "For given: the train rows, as fetch reads them.", role=Role.file
    )
    test_file: str | None = option(
        None, "For given: the test rows, as fetch reads them.", role=Role.file
    )
    folds: int | None = option(
        None, "Cut the rows into K folds: DIR/fold1 … DIR/foldK.", low=2, high=1000, panel=_TEST
    )
    valid: bool = option(False, "Also take a validation set out of train, by the same strategy.")
    drop_unknown: bool = option(
        False, "Drop test and validation rows of users or items without a row in train."
    )

    @property
    def chosen(self) -> Strategy:
        """The strategy, with the default that the other options imply."""
        if self.strategy is not None:
            return self.strategy
        return Strategy.given if self.train_file or self.test_file else Strategy.leave_n_out

    def check(self) -> None:
        """Refuse options of one strategy with another."""
        given = bool(self.train_file) or bool(self.test_file)
        if self.chosen is Strategy.given:
            if not (self.train_file and self.test_file):
                raise UsageError("--strategy given needs both --train-file and --test-file")
            if self.folds:
                raise UsageError("--folds cuts one file: leave out --train-file and --test-file")
        elif given:
            raise UsageError(
                f"--train-file and --test-file need --strategy given, not {self.chosen}"
            )
        if self.per_user and self.chosen is not Strategy.fraction:
            raise UsageError("--per-user needs --strategy fraction")
        if self.cutoff is not None:
            parse_time(self.cutoff)
        if self.cutoff is not None and self.chosen is not Strategy.latest:
            raise UsageError("--cutoff needs --strategy latest")
        if self.folds and self.strategy is not None:
            raise UsageError("--folds is a strategy of its own: leave out --strategy")
        self._fill_in()
        if self.chosen is Strategy.fraction and not 0.0 < (self.test_fraction or 0.0) < 1.0:
            raise UsageError("--test-fraction should lie between 0 and 1, both excluded")

    def _fill_in(self) -> None:
        """Give --n and --test-fraction their defaults where they mean something, else refuse."""
        counts = self.chosen is Strategy.leave_n_out or (
            self.chosen is Strategy.latest and self.cutoff is None
        )
        draws = self.chosen is Strategy.fraction or (self.chosen is Strategy.given and self.valid)
        chosen = "--folds" if self.folds else f"--strategy {self.chosen}"
        for name, applies, default, mend in (
            ("n", counts, 10, "it is of leave-n-out, and of latest without --cutoff"),
            ("test_fraction", draws, 0.2, "give --strategy fraction"),
        ):
            if applies and not self.folds:
                if getattr(self, name) is None:
                    object.__setattr__(self, name, default)
            elif getattr(self, name) is not None:
                raise UsageError(f"{flag(name)} has no meaning with {chosen}: {mend}")


class Baseline(StrEnum):
    """What a model may be asked to beat."""

    popularity = "popularity"


_CANDIDATES = "What is ranked"
_GATES = "Gates"


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(Config):
    """Options of ``mfcli evaluate``."""

    k: list[int] = option(
        [10], "Length of the ranked list; repeat for several.", low=1, high=LONGEST_LIST
    )
    metric: list[str] = option(
        [], "Only this metric, as name or name@k; repeat for several.", shown="all"
    )
    include_seen: bool = option(False, "Rank the items that the user has in train as well.")
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
    resamples: int = option(
        1000, "Bootstrap samples of the users for the 95 % intervals; 0: none.", low=0, high=10**6
    )
    per_user: str | None = option(
        None, "CSV to write: the metrics of each user, a row a user.", role=Role.file
    )
    workers: int | None = option(
        None, "Threads that score.", role=Role.speed, low=1, high=1024, shown="the cores available"
    )
    fail_under: list[str] = option(
        [],
        "Exit 6 if a metric is below this: NAME=VALUE; repeat for several.",
        shown="none",
        panel=_GATES,
    )
    beat: Baseline | None = option(
        None,
        "Exit 6 unless the model is better than this baseline, made from what it has seen, on the "
        "metric of --beat-on.",
        shown="none",
        panel=_GATES,
    )
    beat_on: str | None = option(
        None, "Metric for --beat.", shown="ndcg at the first --k", panel=_GATES
    )

    @property
    def beat_metric(self) -> str:
        """The full name of the metric that --beat compares."""
        return expand_metrics([self.beat_on or "ndcg"], self.k[:1])[0]

    def check(self) -> None:
        """Refuse metrics that do not exist, and two kinds of candidates."""
        check_metrics(self.metric)
        if self.candidates is not None and self.sampled is not None:
            raise UsageError("--candidates and --sampled both choose what is ranked: give one")
        if self.beat_on is not None and self.beat is None:
            raise UsageError("--beat-on needs --beat popularity")
        if is_rating_metric(self.beat_metric):
            raise UsageError(f"--beat-on {self.beat_on}: popularity predicts no ratings")
