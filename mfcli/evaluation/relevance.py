"""Which test rows are positives: all of them, or those of a good rating."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Interactions
from mfcli.errors import InputError

LONG_TAIL = 10  # the largest value is so many times the median, or more: counts, no scale


def choose_relevant(test: Interactions, least: float | None, name: str) -> Interactions:
    """Return the rows of ``test`` rated at least ``least``, which count as positives; None: all.

    Raises InputError, with the ``name`` of the test set, where there is none.
    """
    if least is None:
        return test
    relevant = test.keep(test.data >= np.float32(least))
    if not relevant.n_ratings:
        raise InputError(
            f"{name}: no row is rated {least:g} or more, they go from {test.data.min():g} to "
            f"{test.data.max():g}: give a lower --relevant-from"
        )
    return relevant


def looks_like_scale(values: NDArray[np.float32]) -> bool:
    """Tell whether values (N,) look like ratings of a scale, of which the low ones are no praise.

    Counts of plays or purchases are praise from 1 on: most of them are the least, or a few are far
    above the others.
    """
    if not len(values) or values.min() == values.max():
        return False
    low, median, high = (float(found) for found in np.quantile(values, (0.0, 0.5, 1.0)))
    return low <= 0 or (median > low and high < LONG_TAIL * median)
