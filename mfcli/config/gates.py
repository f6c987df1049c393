"""The gates of a night as tables: what each looks at, and its bounds.

A gate bounds one figure of a generation. A new one is a name in ``Gate``, one entry of ``GATES``,
and one look at the figures in ``mfcli.nights.looks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mfcli.config.metrics import Better, better_of, expand_metrics


class Gate(StrEnum):
    """What a gate looks at; the keys of [nightly.gates], beside the names of metrics."""

    rows = "rows"
    users = "users"
    items = "items"
    users_kept = "users-kept"
    items_kept = "items-kept"
    mean_rating = "mean-rating"
    values = "values"
    rows_a_user = "rows-a-user"
    id_type = "id-type"
    newest = "newest"
    age = "age"
    ahead = "ahead"
    lists = "lists"
    coverage = "coverage"
    churn = "churn"
    popular = "popular"
    size = "size"
    quality = "quality"


class Bound(StrEnum):
    """How a figure is bounded: by itself, or beside that of the last generation."""

    least = "least"  # at least this
    most = "most"  # at most this
    drop = "drop"  # the share by which it may fall
    growth = "growth"  # how many times that of the last generation it may be
    change = "change"  # how far it may move either way, in its own unit
    rise = "rise"  # how much it may rise
    back = "back"  # how many days it may go back
    same = "same"  # as in the last generation
    worse = "worse"  # the share by which a metric may be worse


ALONE = frozenset({Bound.least, Bound.most})  # bounds that need no earlier generation


class About(StrEnum):
    """What a figure is taken from, and so when in a night it is known."""

    data = "data"
    lists = "lists"
    quality = "quality"


@dataclass(frozen=True, kw_only=True)
class GateEntry:
    """What a gate says of itself.

    help:     the figure, and what the plain number of its key means.
    about:    what it is taken from.
    plain:    the bound that ``key = NUMBER`` sets.
    defaults: the bounds that are on where nothing is said.
    others:   further bounds that ``key = { BOUND = NUMBER }`` may set.
    relative: whether the figure itself is of two generations, such as the share of users kept.
    """

    help: str
    about: About
    plain: Bound
    defaults: Mapping[Bound, float] = field(default_factory=dict)
    others: tuple[Bound, ...] = ()
    relative: bool = False

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds that the gate can have."""
        return tuple(dict.fromkeys([self.plain, *self.defaults, *self.others]))


_COUNTED = (Bound.least, Bound.most)
# What the clock says of the same data differs from run to run.
BY_CLOCK = frozenset({Gate.age, Gate.ahead})

# In the order in which they are asked. An export cut at 64 % of its users falls at rows, users and
# users-kept, a tenfold one at growth; a list anew from a model trained anew passes churn.
GATES: Mapping[Gate, GateEntry] = {
    Gate.rows: GateEntry(
        help="rows of the data: the share by which they may fall",
        about=About.data,
        plain=Bound.drop,
        defaults={Bound.drop: 0.2, Bound.growth: 5.0, Bound.least: 1},
        others=_COUNTED,
    ),
    Gate.users: GateEntry(
        help="users with a row: the share by which they may fall",
        about=About.data,
        plain=Bound.drop,
        defaults={Bound.drop: 0.1, Bound.growth: 5.0},
        others=_COUNTED,
    ),
    Gate.items: GateEntry(
        help="items with a row: the share by which they may fall",
        about=About.data,
        plain=Bound.drop,
        defaults={Bound.drop: 0.2, Bound.growth: 5.0},
        others=_COUNTED,
    ),
    Gate.users_kept: GateEntry(
        help="share of the last generation's users that are still there, at least",
        about=About.data,
        plain=Bound.least,
        defaults={Bound.least: 0.8},
        relative=True,
    ),
    Gate.items_kept: GateEntry(
        help="share of the last generation's items that are still there, at least",
        about=About.data,
        plain=Bound.least,
        defaults={Bound.least: 0.8},
        relative=True,
    ),
    Gate.mean_rating: GateEntry(
        help="mean of the ratings: how far it may move, in standard deviations of the last ones",
        about=About.data,
        plain=Bound.change,
        defaults={Bound.change: 0.25},
        others=_COUNTED,
    ),
    Gate.values: GateEntry(
        help="histograms of the ratings' values: their Kolmogorov-Smirnov distance (the largest "
        "difference of the shares below any value), at most",
        about=About.data,
        plain=Bound.most,
        defaults={Bound.most: 0.15},
        relative=True,
    ),
    Gate.rows_a_user: GateEntry(
        help="histograms of the rows a user has: their Kolmogorov-Smirnov distance, at most",
        about=About.data,
        plain=Bound.most,
        # A shop that grows by 30 % a night is at 0.1 to 0.25, one that doubles in a night at 0.45.
        defaults={Bound.most: 0.5},
        relative=True,
    ),
    Gate.id_type: GateEntry(
        help="types of the user and item ids, integers or text: the same",
        about=About.data,
        plain=Bound.same,
        defaults={Bound.same: 1},
    ),
    Gate.newest: GateEntry(
        help="newest time of the data: the days by which it may go back",
        about=About.data,
        plain=Bound.back,
        defaults={Bound.back: 0},
    ),
    Gate.age: GateEntry(
        help="days since the newest time of the data, at most; off unless set",
        about=About.data,
        plain=Bound.most,
    ),
    Gate.ahead: GateEntry(
        help="days by which the newest time of the data is ahead of the clock (or of --as-of, if "
        "that is later), at most",
        about=About.data,
        plain=Bound.most,
        defaults={Bound.most: 0.6},  # no time zone is further from UTC than 14 hours
    ),
    Gate.lists: GateEntry(
        help="users with a list: the share by which they may fall",
        about=About.lists,
        plain=Bound.drop,
        defaults={Bound.drop: 0.1, Bound.growth: 5.0, Bound.least: 1},
        others=_COUNTED,
    ),
    Gate.coverage: GateEntry(
        help="share of the items that stand in somebody's list: the share of it that may go",
        about=About.lists,
        plain=Bound.drop,
        defaults={Bound.drop: 0.3},
        others=_COUNTED,
    ),
    Gate.churn: GateEntry(
        help="1 − the mean overlap of users' lists with those of the last generation, at most",
        about=About.lists,
        plain=Bound.most,
        defaults={Bound.most: 0.9},
        relative=True,
    ),
    Gate.popular: GateEntry(
        help="share of the lists that are the popular items: by how much it may rise",
        about=About.lists,
        plain=Bound.rise,
        defaults={Bound.rise: 0.1},
        others=_COUNTED,
    ),
    Gate.size: GateEntry(
        help="bytes of the lists, where the format is the same: the share by which they may fall",
        about=About.lists,
        plain=Bound.drop,
        defaults={Bound.drop: 0.5, Bound.growth: 5.0},
        others=_COUNTED,
    ),
    Gate.quality: GateEntry(
        help="on rows newer than the last generation's data, its model beside tonight's model "
        "trained without them: the share by which tonight's may be worse, beyond chance",
        about=About.quality,
        plain=Bound.worse,
        # Two trainings on the same rows differ by some per cent too, which no interval over users
        # holds; and of forty nights without a difference one lies beyond a 95 % interval.
        defaults={Bound.worse: 0.05},
        relative=True,
    ),
}


def metric_entry(name: str) -> GateEntry:
    """Return the gate that a metric's full name stands for; raises UsageError for no metric."""
    expand_metrics([name], [10])
    plain = Bound.most if better_of(name) is Better.lower else Bound.least
    return GateEntry(
        help=f"{name} of the night's evaluation, at {plain}",
        about=About.quality,
        plain=plain,
        others=(*_COUNTED, Bound.worse),
    )
