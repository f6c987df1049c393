"""What a search in a given time works on, and what it ends with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mfcli.config import Recipe
from mfcli.data.interactions import Interactions
from mfcli.events import TrialResult
from mfcli.training.defaults import for_data
from mfcli.tuning.portfolio import Aim, Pinned

RESERVE = 1.15  # of the time that the last training should take, and of writing it
_SLACK = 0.1  # seconds beside that
# Of what follows: how much longer lists take for a user than measuring it, and starting stages.
_LISTS, _STAGES = 1.5, 0.5


@dataclass(frozen=True)
class Follows:
    """What comes after the last training of a search.

    rows: of another training with the same options. users: for whom lists are made, and measured.
    """

    rows: int = 0
    users: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a search in a given time works on.

    train, valid: the rows that trials are trained and measured on. n_all: rows of the last
    training. deadline: of time.time(), when all has to be done. saving: seconds that writing a
    model takes, by its recipe. history: what is known of the users of ``valid``. pace: how
    many times slower than alone the machine is.
    """

    train: Interactions
    valid: Interactions
    n_all: int
    aim: Aim
    metric: str
    lower_is_better: bool
    pinned: Pinned
    seed: int
    deadline: float
    saving: Callable[[Recipe], float] = lambda recipe: 0.0  # noqa: ARG005
    follows: Follows = Follows()
    history: Interactions | None = None
    pace: float = 1.0

    @property
    def part(self) -> float:
        """The part of all rows that trials are trained on."""
        return self.train.n_ratings / self.n_all

    def after(self, trial: TrialResult) -> float:
        """Return the seconds that it takes to write a trial's model, and to do what follows."""
        recipe = for_data(self.pinned.trial_recipe(trial.options), self.train)
        writing, follows = self.saving(recipe), self.follows
        again = trial.training * follows.rows / self.train.n_ratings
        if follows.rows:
            again += writing
        measured = max(1, int((self.valid.user_counts > 0).sum()))
        lists = _LISTS * (trial.seconds - trial.training) * follows.users / measured
        return (
            RESERVE * (writing + again + lists)
            + _SLACK
            + (self.pace * _STAGES if follows.users else 0.0)
        )


@dataclass(kw_only=True)
class Chosen:
    """What a search in a given time ends with.

    best: the trial to train anew on all rows; without a value where nothing could be measured.
    instead: the trial that ``best`` is taken instead of without being measured; see ``_bets_on``
    of `budget`. usual_factors: what ``best`` would then have by default.
    default: the first trial that had the defaults of its way; None where none ended.
    results: of all trials, in order, each with its whole options.
    """

    best: TrialResult
    default: TrialResult | None = None
    instead: TrialResult | None = None
    usual_factors: int = 0
    results: list[TrialResult] = field(default_factory=list)
