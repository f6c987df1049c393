"""Whether the values of a matrix are counts, or all the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# No scale of ratings in use has a best value ten times its middle one, except where 0 or −1 stand
# for "not rated"; counts of plays and minutes of play have one of a hundred times and more.
LONG_TAIL, HIGHEST_SCALE = 10.0, 10.0


def are_counts(values: NDArray[np.float32]) -> bool:
    """Tell whether positive values, (N,), have the long tail of counts, which no ratings have."""
    if not len(values) or values.min() <= 0 or values.max() <= HIGHEST_SCALE:
        return False
    return bool(values.max() >= LONG_TAIL * np.median(values))


def are_equal(values: NDArray[np.float32]) -> bool:
    """Tell whether there are values, (N,), and all are the same."""
    return len(values) > 0 and bool(values.min() == values.max())
