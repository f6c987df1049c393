"""The same metrics over users of one kind: known to train, barely known, and not known at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.evaluation.confidence import Statistic
from mfcli.evaluation.measuring import Measured

WARM_ROWS = 5  # the most train rows of a warm user


def groups_of(user_counts: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return which users with so many train rows each (T,) are of a group, by its name.

    Those with a row are known, those of them with at most ``WARM_ROWS`` warm; the others are cold.
    """
    known = user_counts > 0
    return {"known": known, "warm": known & (user_counts <= WARM_ROWS), "cold": ~known}


def measure_groups(measured: Measured, user_counts: NDArray[np.int64]) -> dict[str, Any]:
    """Return for each group its users with a test row and their metrics, but for coverage.

    user_counts: (U,) train rows of each user.
    """
    return {
        name: {
            "users": int(members.sum()),
            "metrics": {
                metric: _cut(statistic, members).value
                for metric, statistic in measured.statistics.items()
                if members.any()
            },
        }
        for name, members in groups_of(user_counts[measured.users]).items()
    }


def _cut(statistic: Statistic, members: NDArray[np.bool_]) -> Statistic:
    return Statistic(statistic.top[members], statistic.bottom[members], statistic.root)
