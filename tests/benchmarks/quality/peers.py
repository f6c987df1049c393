"""implicit's models, tuned with the same budget, rows and metrics as ours."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.stats import loguniform
from sklearn.model_selection import ParameterSampler
from threadpoolctl import threadpool_limits

import tests.benchmarks.measuring  # noqa: F401 - finds the peers
from mfcli.config import TuneConfig
from mfcli.config.metrics import Better, better_of
from mfcli.data.interactions import Interactions
from mfcli.data.splitting import held_out
from mfcli.evaluation.measuring import measure
from mfcli.models.arrays import Vectors
from mfcli.system.processors import available_workers

# What each usually varies in; the first trial is its defaults, as for ours.
RANGES: dict[str, dict[str, Any]] = {
    "als": {
        "factors": [32, 64, 128, 256],
        "regularization": loguniform(1e-3, 1e2),
        "alpha": loguniform(0.1, 100),
        "iterations": list(range(10, 31)),
        "values": ["raw", "log", "binary"],
    },
    "bpr": {
        "factors": [31, 63, 127, 255],
        "learning_rate": loguniform(1e-3, 0.3),
        "regularization": loguniform(1e-4, 0.3),
        "iterations": [50, 100, 200, 300],
    },
}


class Peer(NamedTuple):
    """The settings that were best on validation, their score, and the seconds of the search."""

    settings: dict[str, Any]
    value: float
    seconds: float


def there() -> bool:
    """Tell whether implicit is installed."""
    try:
        import implicit  # noqa: F401
    except ImportError:
        return False
    return True


def trained(name: str, settings: dict[str, Any], train: Interactions, seed: int) -> Vectors:
    """Train one of implicit's models; returns its factors as ours are scored."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    given = dict(settings)
    values = given.pop("values", "raw")
    kind = AlternatingLeastSquares if name == "als" else BayesianPersonalizedRanking
    model = kind(**given, random_state=seed, num_threads=available_workers())
    data = {"raw": train.data, "log": np.log1p(np.abs(train.data))}.get(
        values, np.ones_like(train.data)
    )
    matrix = sp.csr_matrix(
        (data.astype(np.float32), train.indices, train.indptr),
        shape=(train.n_users, train.n_items),
    )
    with threadpool_limits(1, user_api="blas"):  # as implicit asks for: its own threads are enough
        model.fit(matrix, show_progress=False)
    users, items = (np.asarray(table) for table in (model.user_factors, model.item_factors))
    return Vectors(
        users, items, np.zeros(len(users), np.float32), np.zeros(len(items), np.float32), 0.0
    )


def figures(
    scoring: Vectors, train: Interactions, test: Interactions, names: list[str]
) -> dict[str, float]:
    """Measure by the code that measures ours: train masked, all items."""
    return measure(
        scoring,
        train.rows,
        test,
        names,
        workers=available_workers(),
    ).metrics


def tuned(name: str, whole: Interactions, config: TuneConfig) -> Peer:
    """Search as ``tune`` does for ours: the same validation rows, metric and number of trials."""
    from implicit.recommender_base import ModelFitError

    how = config.valid_split()
    mask = held_out(whole, how, (how.seed, 2))
    train, valid = whole.keep(~mask), whole.keep(mask)
    metric = config.metrics[0]
    sign = -1 if better_of(metric) is Better.lower else 1
    began, best = time.perf_counter(), Peer({}, float("-inf"), 0.0)
    sampler = ParameterSampler(RANGES[name], config.trials - 1, random_state=config.seed)
    for settings in [{}, *sampler]:
        try:
            scoring = trained(name, settings, train, config.seed)
        except ModelFitError:  # it diverged: for ours such a trial has no score either
            continue
        value = figures(scoring, train, valid, [metric])[metric]
        if np.isfinite(value) and sign * value > best.value:
            best = Peer(settings, sign * value, 0.0)
    return best._replace(value=sign * best.value, seconds=time.perf_counter() - began)
