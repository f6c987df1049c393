"""What is counted of a generation: figures of its data and of its lists, as plain JSON.

Those of the lists are counted in ``mfcli.nights.listed``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.meta import is_plain
from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Ids, Interactions
from mfcli.errors import InputError

# Value → how many, ascending; values are rounded to two significant digits.
Histogram = tuple[tuple[float, int], ...]


class Counted(Protocol):
    """What knows which users and items have a row: a matrix, or a model's checkpoint."""

    @property
    def catalog(self) -> Catalog:
        """The ids."""

    @property
    def user_counts(self) -> NDArray[np.int64]:
        """The rows of each user, (U,)."""

    @property
    def item_counts(self) -> NDArray[np.int64]:
        """The rows of each item, (I,)."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the gates look at; None is what was not measured, or what there is not.

    Of the data:
        rows, users, items:      counts; users and items are those with a row.
        user_ids, item_ids:      type of the ids, "integers" or "text".
        mean_rating, deviation:  of the ratings, and their standard deviation.
        values, rows_a_user:     histograms.
        oldest, newest:          times, seconds since 1970.
        users_kept, items_kept:  share of those of the last generation that are still there.
    Of the lists:
        lists, list_rows:        users with a list, and rows.
        coverage:                share of the allowed items that somebody got.
        popular:                 share of the lists that are the popular items.
        churn:                   1 − the mean overlap with the lists of the last generation.
        list_bytes, list_format: of the file or folder.
        lists_added, lists_changed, lists_dropped: users whose list is not what it was.
    metrics: of the night's evaluation, full name → value.
    """

    rows: int | None = None
    users: int | None = None
    items: int | None = None
    user_ids: str | None = None
    item_ids: str | None = None
    mean_rating: float | None = None
    deviation: float | None = None
    values: Histogram | None = None
    rows_a_user: Histogram | None = None
    oldest: int | None = None
    newest: int | None = None
    users_kept: float | None = None
    items_kept: float | None = None
    lists: int | None = None
    list_rows: int | None = None
    coverage: float | None = None
    popular: float | None = None
    churn: float | None = None
    list_bytes: int | None = None
    list_format: str | None = None
    lists_added: int | None = None
    lists_changed: int | None = None
    lists_dropped: int | None = None
    metrics: dict[str, float] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values; ``from_json`` reads them back."""
        plain = dataclasses.asdict(self)
        for name in ("values", "rows_a_user"):
            if plain[name] is not None:
                plain[name] = [list(pair) for pair in plain[name]]
        return plain

    @classmethod
    def from_json(cls, plain: Any, where: str = "figures") -> Figures:
        """Read figures back; what an older version did not measure is None.

        Raises InputError, with ``where`` before it, for anything else.
        """
        if not isinstance(plain, dict) or not is_plain(plain):
            raise InputError(f"{where}: damaged: not the figures of a generation")
        known: dict[str, Any] = {it.name: plain.get(it.name) for it in dataclasses.fields(cls)}
        for name in ("values", "rows_a_user"):
            known[name] = _histogram_of(known[name], f"{where}: {name}")
        metrics = known["metrics"] = {} if known["metrics"] is None else known["metrics"]
        if not isinstance(metrics, dict) or not all(map(_is_number, metrics.values())):
            raise InputError(f"{where}: damaged: metrics should map names to numbers")
        for name, value in known.items():
            texts = name in ("user_ids", "item_ids", "list_format")
            plain_value = isinstance(value, str) if texts else _is_number(value)
            if name not in ("values", "rows_a_user", "metrics") and not (
                value is None or plain_value
            ):
                raise InputError(f"{where}: damaged: {name} is {str(value)[:40]!r}")
        return cls(**known)

    def with_lists(self, lists: ListFigures) -> Figures:
        """Return the figures with those of the lists."""
        return dataclasses.replace(self, **dataclasses.asdict(lists))

    def with_changes(self, changes: dict[str, int]) -> Figures:
        """Return the figures with how many lists were added, changed and dropped."""
        named: dict[str, Any] = {f"lists_{change}": number for change, number in changes.items()}
        return dataclasses.replace(self, **named)

    def with_metrics(self, metrics: dict[str, float]) -> Figures:
        """Return the figures with the metrics of the night's evaluation, NaN left out."""
        kept = {name: value for name, value in metrics.items() if math.isfinite(value)}
        return dataclasses.replace(self, metrics=kept)


@dataclass(frozen=True, kw_only=True)
class ListFigures:
    """Figures of lists, named as in ``Figures``; churn is None without earlier lists.

    list_format is the ending of the files' names. How many lists became what is None where nobody
    asked.
    """

    lists: int
    list_rows: int
    coverage: float
    popular: float
    churn: float | None
    list_bytes: int
    list_format: str
    lists_added: int | None = None
    lists_changed: int | None = None
    lists_dropped: int | None = None


def figures_of(data: Interactions, last: Counted | None = None) -> Figures:
    """Return the figures of a night's data; ``last``: the matrix or model of the generation before.

    Costs a sort of the ratings.
    """
    user_counts, item_counts = data.user_counts, data.item_counts
    there = bool(data.n_ratings)
    times = data.timestamps if there else None
    catalog = data.catalog
    users_kept = items_kept = None
    if last is not None:
        before = last.catalog
        users_kept = share_kept(
            before.user_ids[last.user_counts > 0], catalog.user_ids[user_counts > 0]
        )
        items_kept = share_kept(
            before.item_ids[last.item_counts > 0], catalog.item_ids[item_counts > 0]
        )
    return Figures(
        rows=data.n_ratings,
        users=int((user_counts > 0).sum()),
        items=int((item_counts > 0).sum()),
        user_ids=type_of(catalog.user_ids),
        item_ids=type_of(catalog.item_ids),
        mean_rating=float(data.data.mean(dtype=np.float64)) if there else None,
        deviation=float(data.data.std(dtype=np.float64)) if there else None,
        values=histogram(data.data),
        rows_a_user=histogram(user_counts[user_counts > 0]),
        oldest=None if times is None else int(times.min()),
        newest=None if times is None else int(times.max()),
        users_kept=users_kept,
        items_kept=items_kept,
    )


def type_of(ids: Ids) -> str:
    """Return what ids are, "integers" or "text"."""
    return {"i": "integers", "U": "text"}[ids.dtype.kind]


def share_kept(before: Ids, now: Ids) -> float:
    """Return the share of ``before`` (N,) that is in ``now`` (M,), matched by value; 1 of none."""
    if not len(before):
        return 1.0
    return float((encode(before, now)[0] >= 0).mean()) if len(now) else 0.0


def histogram(values: NDArray[Any]) -> Histogram:
    """Return how often each value of (N,) occurs, rounded to two significant digits."""
    counts: dict[float, int] = {}
    for value, count in zip(*np.unique(values, return_counts=True), strict=True):
        rounded = float(f"{float(value):.2g}") + 0.0  # no −0
        counts[rounded] = counts.get(rounded, 0) + int(count)
    return tuple(sorted(counts.items()))


def distance(first: Histogram, second: Histogram) -> float:
    """Return the Kolmogorov-Smirnov distance of two histograms, from 0 (equal) to 1.

    It is the largest difference, over all values, of the shares that lie at or below the value. An
    empty histogram is at a distance of 1 to any other.
    """
    if not first or not second:
        return float(bool(first) != bool(second))
    tables = dict(first), dict(second)
    values = sorted(set(tables[0]) | set(tables[1]))
    shares = []
    for table in tables:
        counts = np.array([table.get(value, 0) for value in values], dtype=np.float64)
        shares.append(np.cumsum(counts) / counts.sum())
    return float(np.abs(shares[0] - shares[1]).max())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _histogram_of(plain: Any, where: str) -> Histogram | None:
    if plain is None:
        return None
    if not isinstance(plain, list):
        raise InputError(f"{where} is damaged: not a list")
    for pair in plain:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))):
            raise InputError(f"{where} is damaged: not a list of a value and how many")
        if pair[1] < 1:
            raise InputError(f"{where} is damaged: a value occurs less than once")
    return tuple((float(value), int(count)) for value, count in plain)
