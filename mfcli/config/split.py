"""The options of split."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mfcli.config.filters import FilterConfig
from mfcli.config.options import flag, option
from mfcli.config.roles import Role
from mfcli.errors import UsageError

_TEST = "Which rows go to test"


class Strategy(StrEnum):
    """How split chooses the test rows."""

    leave_n_out = "leave-n-out"
    fraction = "fraction"
    latest = "latest"
    given = "given"


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
            ("n", counts, 10, "it needs leave-n-out, or latest without --cutoff"),
            ("test_fraction", draws, 0.2, "give --strategy fraction"),
        ):
            if applies and not self.folds:
                if getattr(self, name) is None:
                    object.__setattr__(self, name, default)
            elif getattr(self, name) is not None:
                raise UsageError(f"{flag(name)} has no meaning with {chosen}: {mend}")
