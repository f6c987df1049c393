"""Metrics user by user: what ``evaluate --per-user`` left in a run's folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import open_input
from mfcli.artifacts.records import csv_records
from mfcli.config.metrics import is_rating_metric
from mfcli.errors import InputError
from mfcli.evaluation.confidence import Statistic, mean_of

PER_USER = "per-user.csv"
CLOSE = 1e-6  # of the same metric, computed from the users' values

Floats64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ByUser:
    """The Q users with a test row, how many (Q,) each has, and metric → the users' own (Q,)."""

    users: list[str]
    rows: Floats64
    metrics: dict[str, Floats64]

    def statistic(self, name: str) -> Statistic:
        """Return a metric as evaluate computes it: rmse and mae over rows, others over users."""
        values = self.metrics[name]
        if not is_rating_metric(name):
            return mean_of(values)
        there = np.isfinite(values)
        own, rows = np.where(there, values, 0.0), np.where(there, self.rows, 0.0)
        squared = name == "rmse"
        return Statistic((own**2 if squared else own) * rows, rows, root=squared)

    def differing(self, metrics: dict[str, float | None]) -> str | None:
        """Return the first metric that these users do not give, None where they give all."""
        for name in self.metrics:
            stored = metrics.get(name)
            found = self.statistic(name).value
            if stored is None and math.isnan(found):
                continue
            if stored is None or not math.isclose(found, stored, rel_tol=CLOSE, abs_tol=CLOSE):
                return name
        return None


def read_by_user(path: Path) -> ByUser:
    """Read a CSV of ``evaluate --per-user``: of several models the first one.

    Raises InputError for a file that is damaged or no such table.
    """
    with open_input(path) as stream:
        content = stream.read()
    try:
        rows = list(csv_records(content.decode("utf-8")))
        names = list(rows[0]) if rows else []
        if names[:2] != ["user_id", "test_rows"]:
            raise ValueError("it should begin with user_id,test_rows and have a row")
        # Columns of further models and of baselines come later, with a note in parentheses.
        columns: dict[str, str] = {}
        for name in names[2:]:
            columns.setdefault(name.partition(" (")[0], name)
        values = {
            metric: np.array([float(row[name] or "nan") for row in rows])
            for metric, name in columns.items()
        }
        counts = np.array([float(row["test_rows"]) for row in rows])
    except ValueError as error:
        raise InputError(f"{path}: is damaged, or not written by --per-user ({error})") from None
    return ByUser([row["user_id"] for row in rows], counts, values)
