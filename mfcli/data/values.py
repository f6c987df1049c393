"""What the values of a table look like: whether some stand apart from the scale of the ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Floats

Mask = NDArray[np.bool_]
_SAMPLE = 1 << 18  # values that are looked at, evenly over the rows
_SHOWN = 12  # values that a message lists
# Numbers that stand for "no answer" in published tables.
_CODES = frozenset((99, 999, 9999, 99999, -9, -99, -999, -9999, -99999))
_FAR = 4.5  # a code is at least so many times as large as any rating: 99 beside 20
_RARE = 0.005  # below this share, a code may be a count like others
# A value of 0 in so many rows, and in so many times those of the next value, is no part of a scale.
_MASS, _STEEP = 0.1, 3.0


@dataclass(frozen=True)
class Peculiar:
    """Values that may be no ratings.

    apart: values that stand apart from the others, or labels that are no likes. labels: whether the
    values are labels, such as 0 and 1, rather than a scale. shown: the histogram, in words.
    """

    apart: tuple[float, ...]
    labels: bool
    shown: str


def find_peculiar(ratings: Floats, *, labels: bool = True) -> Peculiar | None:
    """Return what is peculiar in the values, (R,), None if they look like ratings or counts.

    labels: whether a column of labels counts as peculiar.
    """
    if not len(ratings):
        return None
    values, counts = _histogram(ratings)
    if labels and _are_labels(values):
        return Peculiar(tuple(values[values <= 0].tolist()), True, _shown(values, counts))
    apart: list[float] = []
    rest, sizes = values, counts
    while len(apart) < 3:
        found = _apart(rest, sizes)
        if found is None:
            break
        apart.append(float(rest[found]))
        rest, sizes = np.delete(rest, found), np.delete(sizes, found)
    return Peculiar(tuple(apart), False, _shown(values, counts)) if apart else None


def _histogram(ratings: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct values and how many rows have each, of an even sample of the rows."""
    step = -(-len(ratings) // _SAMPLE)
    ends = np.array([ratings.min(), ratings.max()], dtype=np.float32)
    values, counts = np.unique(np.append(ratings[::step], ends), return_counts=True)
    counts[[0, -1]] -= 1 if len(values) > 1 else 2
    return values.astype(np.float64), np.maximum(counts, 1)


def _are_labels(values: NDArray[np.float64]) -> bool:
    """Tell whether values are labels: among −1, 0 and 1 with one that is no like, or 0 and another.

    One value that is positive is a click, and two are a scale.
    """
    if values[0] > 0:
        return False
    return bool(np.isin(values, (-1, 0, 1)).all()) or len(values) <= 2


def _apart(values: NDArray[np.float64], counts: NDArray[np.int64]) -> int | None:
    """Return the position of a value that stands apart from the others, None without one."""
    if len(values) < 3:
        return None
    share = counts / counts.sum()
    for end, rest in ((0, values[1:]), (-1, values[:-1])):
        value = values[end]
        if value in _CODES and abs(value) >= _FAR * np.abs(rest).max() and share[end] >= _RARE:
            return len(values) - 1 if end else 0
    low, rest = values[0], values[1:]
    if low not in (-1, 0) or rest[0] < 0:
        return None
    if low == -1:  # the only value below 0
        return 0
    steps = np.diff(rest)
    if len(rest) <= 25 and rest[0] > 1.5 * np.median(steps) and rest[0] >= 1:
        return 0  # no scale skips its second value
    steep = counts[0] >= _STEEP * counts[1]
    return 0 if share[0] >= _MASS and steep else None


def shown_values(ratings: Floats) -> str:
    """Return the histogram of values, (R,), in one line: "0 (62 %), 1 (0.2 %), …"."""
    return _shown(*_histogram(ratings))


def _shown(values: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    share = counts / counts.sum()
    listed = [f"{value:g} ({_percent(part)})" for value, part in zip(values, share, strict=True)]
    if len(listed) <= _SHOWN:
        return ", ".join(listed)
    half = _SHOWN // 2
    return ", ".join([*listed[:half], "…", *listed[-half:]])


def _percent(share: float) -> str:
    percent = 100 * share
    return (
        "< 0.1 %" if percent < 0.1 else f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"
    )


def advise(found: Peculiar) -> str:
    """Return what is said of peculiar values, and which options answer it."""
    values = " and ".join(f"{value:g}" for value in found.apart)
    options = " ".join(f"--drop-value {value:g}" for value in found.apart)
    if found.labels:
        return (
            f"the values are labels rather than a scale of ratings: {found.shown}. Where {values} "
            f"means that something is not liked or not known, --threshold X keeps the likes alone, "
            f"as 1, and {options} leaves rows out; as they stand, all of them are taken as ratings"
        )
    verb = "stand" if len(found.apart) > 1 else "stands"
    return (
        f'{values} {verb} apart from the other values: {found.shown}. Where that means "not '
        f'rated", leave those rows out with {options}; --threshold X keeps the good ones alone'
    )


def keep_others(ratings: Floats, values: Sequence[float]) -> Mask:
    """Return the (R,) mask of the rows that have none of the values."""
    kept = np.ones(len(ratings), dtype=bool)
    for value in values:
        kept &= ratings != np.float32(value)
    return kept
