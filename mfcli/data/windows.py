"""Rolling windows of time: each tests on a later slice of it, and trains on all that is older."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.config import SplitConfig
from mfcli.config.split import parse_time
from mfcli.data.drawing import times_of
from mfcli.data.interactions import Interactions
from mfcli.data.times import shown_span, shown_time
from mfcli.errors import InputError
from mfcli.wording import counted

Times = NDArray[np.int64]


def cut_windows(rows: Interactions, config: SplitConfig) -> dict[str, dict[str, Interactions]]:
    """Cut rows into ``config.folds`` windows: "fold1", the oldest one, … → its parts.

    Rows of one time stay together. Rows later than a window's slice are in no part of it, and
    ``config.valid`` takes as many of the latest train rows as the slice has. Raises InputError
    where there are no times, or too few different ones for so many windows.
    """
    times = times_of(rows)
    starts = slice_starts(np.sort(times), config)
    ends = [*starts[1:].tolist(), None]
    folds = {}
    for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True), 1):
        older = times < start
        test = ~older if end is None else ~older & (times < end)
        parts = {"train": rows.keep(older), "test": rows.keep(test)}
        if config.valid:
            parts |= _validated(parts["train"], int(test.sum()))
        folds[f"fold{number}"] = parts
    return folds


def slice_starts(ordered: Times, config: SplitConfig) -> Times:
    """Return the first time of each of the K slices, (K,) ascending, for ascending times (N,).

    From ``config.cutoff`` on, or over the last K · ``config.test_fraction`` of the rows, slices
    have about as many rows each. A slice begins where its first time does, so equal times are
    never divided.
    """
    assert config.folds is not None
    if not len(ordered):
        return np.arange(config.folds)
    if config.cutoff is not None:
        first = int(np.searchsorted(ordered, parse_time(config.cutoff)))
        if first in (0, len(ordered)):
            span = shown_span(int(ordered[0]), int(ordered[-1]))
            raise InputError(
                f"--cutoff {config.cutoff} is {shown_time(parse_time(config.cutoff))}, and the "
                f"times run from {span}: choose another --cutoff"
            )
    else:
        tested = config.folds * (config.test_fraction or 0.0) * len(ordered)
        first = max(0, len(ordered) - round(tested))
    places = first + np.arange(config.folds) * (len(ordered) - first) // config.folds
    starts = ordered[np.minimum(places, len(ordered) - 1)]
    if starts[0] == ordered[0] or (np.diff(starts) == 0).any():
        raise InputError(
            f"{counted(len(np.unique(ordered)), 'different time is', 'different times are')} too "
            "few, or lie too close together, "
            f"for {counted(config.folds, 'window')} with train rows before each: take fewer "
            "--folds, or "
            f"{'a later --cutoff' if config.cutoff is not None else 'another --test-fraction'}"
        )
    return starts


def _validated(train: Interactions, n_test: int) -> dict[str, Interactions]:
    """Take the latest rows of train, as many as are tested and those of the same time."""
    times = times_of(train)
    if not len(times):
        return {"train": train, "valid": train}
    start = np.sort(times)[max(0, len(times) - n_test)]
    return {"train": train.keep(times < start), "valid": train.keep(times >= start)}
