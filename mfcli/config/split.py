"""The options of split."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mfcli.config.choices import Choice
from mfcli.config.filters import FilterConfig
from mfcli.config.options import flag, option
from mfcli.config.roles import Role, Tier
from mfcli.errors import UsageError

_TEST = "Which rows go to test"


class Strategy(Choice):
    """How split chooses the test rows."""

    leave_n_out = "leave-n-out", "some of each user"
    fraction = "fraction", "rows drawn at random"
    latest = "latest", "the newest rows"
    users = "users", "whole users, folded in"
    given = "given", "files of your own"


# Of held-out users: what is tested → what is folded in.
HISTORIES = {"test": "history", "valid": "valid-history"}


def parse_time(text: str, option: str = "--cutoff") -> int:
    """Read seconds since 1970 or ISO 8601 (UTC unless it names a zone); raises UsageError."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is neither seconds since 1970 nor a date like 2024-12-31"
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
        tier=Tier.first,
    )
    n: int | None = option(
        None,
        "Rows a user for leave-n-out and latest.",
        low=1,
        shown="10",
        panel=_TEST,
        tier=Tier.first,
    )
    test_fraction: float | None = option(
        None,
        "Probability that a row goes to test, for fraction (and to validation, for given); the "
        "share of all rows in a window, for latest with --folds.",
        low=0.0,
        high=1.0,
        shown="0.2; 1/(K + 1) of windows, 1/(K + 2) with --valid",
        panel=_TEST,
        metavar="SHARE",
        tier=Tier.first,
    )
    per_user: bool = option(False, "Take the fraction within each user's rows.", panel=_TEST)
    cutoff: str | None = option(
        None,
        "For latest: everything from this time on goes to test (seconds since 1970, or ISO 8601).",
        panel=_TEST,
        metavar="TIME",
        tier=Tier.first,
    )
    test_users: float | None = option(
        None,
        "For users: how many of them are held out, or below 1 which share of them.",
        low=1e-6,
        shown="0.1",
        panel=_TEST,
        metavar="N|SHARE",
    )
    valid_users: float | None = option(
        None,
        "For users: hold out so many more, for DIR/valid-history.npz and DIR/valid.npz.",
        low=1e-6,
        shown="none; as --test-users with --valid",
        panel=_TEST,
        metavar="N|SHARE",
    )
    fold_in: float | None = option(
        None,
        "For users: the share of a held-out user's rows that goes to DIR/history.npz.",
        low=0.001,
        high=0.999,
        shown="0.8",
        panel=_TEST,
        metavar="SHARE",
    )
    train_file: str | None = option(
        None, "For given: the train rows, as fetch reads them.", role=Role.file
    )
    test_file: str | None = option(
        None, "For given: the test rows, as fetch reads them.", role=Role.file
    )
    folds: int | None = option(
        None,
        "Cut the rows into K folds, DIR/fold1 … DIR/foldK; with --strategy latest, windows of time "
        "that train on all that is older, fold1 the oldest.",
        low=2,
        high=1000,
        panel=_TEST,
        metavar="K",
        tier=Tier.first,
    )
    valid: bool = option(
        False,
        "Also take a validation set out of train, by the same strategy.",
        tier=Tier.first,
    )
    drop_unknown: bool = option(
        False,
        "Drop test and validation rows of users or items without a row in train; for users, rows "
        "of such items, of the histories too.",
    )

    @property
    def chosen(self) -> Strategy:
        """The strategy, with the default that the other options imply."""
        if self.strategy is not None:
            return self.strategy
        return Strategy.given if self.train_file or self.test_file else Strategy.leave_n_out

    @property
    def windows(self) -> bool:
        """Whether the folds are windows of time."""
        return self.folds is not None and self.chosen is Strategy.latest

    @property
    def named(self) -> str:
        """What the split is called: the strategy, or "folds" where these are one of their own."""
        return "folds" if self.folds and not self.windows else str(self.chosen)

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
        if self.folds and self.strategy is not None and not self.windows:
            raise UsageError(
                f"--folds is a strategy of its own, or with latest windows of time: leave out "
                f"--strategy {self.strategy}"
            )
        self._fill_in()
        self._check_values()

    def _fill_in(self) -> None:
        """Give options their defaults where they mean something, refuse them where they do not."""
        if self.valid_users is not None:
            object.__setattr__(self, "valid", True)
        once = self.folds is None
        of_users = self.chosen is Strategy.users
        counts = once and (
            self.chosen is Strategy.leave_n_out
            or (self.chosen is Strategy.latest and self.cutoff is None)
        )
        draws = once and (
            self.chosen is Strategy.fraction or (self.chosen is Strategy.given and self.valid)
        )
        slices = self.windows and self.cutoff is None
        # One slice more for the oldest window to train on, and one to validate.
        share = 1 / (self.folds + 1 + self.valid) if self.folds else 0.2
        for_users = "give --strategy users"
        for name, applies, default, mend in (
            ("n", counts, 10, "it needs leave-n-out, or latest without --cutoff and --folds"),
            ("test_fraction", draws or slices, share, "give --strategy fraction"),
            ("test_users", of_users, 0.1, for_users),
            ("valid_users", of_users, self._like_test() if self.valid else None, for_users),
            ("fold_in", of_users, 0.8, for_users),
        ):
            if applies:
                if getattr(self, name) is None:
                    object.__setattr__(self, name, default)
            elif getattr(self, name) is not None:
                raise UsageError(f"{flag(name)} has no meaning with {self._words}: {mend}")

    def _like_test(self) -> float:
        return 0.1 if self.test_users is None else self.test_users

    @property
    def _words(self) -> str:
        """What chose the test rows, as an error names it."""
        folds = "--folds" if self.folds else ""
        strategy = "" if folds and not self.windows else f"--strategy {self.chosen}"
        cutoff = "--cutoff" if self.windows and self.cutoff is not None else ""
        return " ".join(word for word in (strategy, folds, cutoff) if word)

    def _check_values(self) -> None:
        drawn = self.chosen is Strategy.fraction or self.windows
        if drawn and self.test_fraction is not None and not 0.0 < self.test_fraction < 1.0:
            raise UsageError("--test-fraction should lie between 0 and 1, both excluded")
        if self.windows and (self.folds or 0) * (self.test_fraction or 0.0) >= 1.0:
            raise UsageError(
                f"--folds {self.folds} windows, each of --test-fraction {self.test_fraction:g}, "
                "leave nothing older to train on: their product has to be below 1"
            )
        for name in ("test_users", "valid_users"):
            value = getattr(self, name)
            if value is None:
                continue
            if value <= 0 or (value > 1 and value != int(value)):
                raise UsageError(
                    f"{flag(name)} {value:g} is neither a number of users nor a share below 1"
                )
            if value >= 1:
                object.__setattr__(self, name, int(value))
