"""All ranking metrics of all users against implicit's `ranking_metrics_at_k`, on the same factors.

    python -m tests.benchmarks.bench_evaluate [--repeats 5] [--workers N] [--quick]

6,040 users × 3,700 items × 64 factors, a million ratings, a fifth of them in test. Runs alternate.
Ours is every default ranking metric; with it, and apart, 1,000 bootstrap resamples of each. The
peer's first call gives precision, MAP, NDCG and AUC; the second row adds AUC_at_k. Its AUCs
are of the first k items, ours of all. Compilation and import are left out of both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mfcli.config.metrics import expand_metrics, usual_metrics
from mfcli.data.interactions import Catalog, Interactions
from mfcli.evaluation.confidence import interval, resampled
from mfcli.evaluation.measuring import Measured, measure
from mfcli.models.arrays import Vectors
from mfcli.system.processors import available_workers
from tests.benchmarks.measuring import (
    Row,
    alternated,
    at_least,
    at_most,
    generate,
    machine,
    ratio,
    shown,
    table,
    versions,
)

USERS, ITEMS, RATINGS, FACTORS, K = 6_040, 3_700, 1_000_000, 64, 10
NAMES = expand_metrics(usual_metrics(predicts_ratings=False), [K])


def data() -> tuple[Interactions, Interactions]:
    """Generate train and test over one catalogue."""
    matrix = generate(USERS, ITEMS, RATINGS)
    whole = Interactions(
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data,
        Catalog(np.arange(USERS), np.arange(ITEMS)),
    )
    test = np.random.default_rng(0).random(whole.n_ratings) < 0.2
    return whole.keep(~test), whole.keep(test)


def factors() -> Vectors:
    """Draw factors; no biases, which the peer has not."""
    random = np.random.default_rng(1)
    users, items = (random.standard_normal((n, FACTORS)).astype(np.float32) for n in (USERS, ITEMS))
    return Vectors(users, items, np.zeros(USERS, np.float32), np.zeros(ITEMS, np.float32), 0.0)


def ours(model: Vectors, train: Interactions, test: Interactions, workers: int) -> Measured:
    """Measure every ranking metric."""
    return measure(
        model,
        train.rows,
        test,
        NAMES,
        workers=workers,
    )


def with_intervals(model: Vectors, train: Interactions, test: Interactions, workers: int) -> None:
    """Measure every ranking metric, with standard errors and intervals."""
    statistics = list(ours(model, train, test, workers).statistics.values())
    draws = resampled(statistics, 1000, 0)
    for at, statistic in enumerate(statistics):
        interval(statistic, draws[:, at])


def peer(model: Vectors, train: Interactions, test: Interactions, workers: int) -> Any:
    """Return a call of implicit's evaluation, or None where it is not installed."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from implicit.evaluation import AUC_at_k, ranking_metrics_at_k
    except ImportError:
        return None
    import scipy.sparse as sp

    als = AlternatingLeastSquares(factors=FACTORS, num_threads=workers)
    als.user_factors, als.item_factors = model.users, model.items
    seen, wanted = (sp.csr_matrix(part.csr()) for part in (train, test))
    options = {"K": K, "show_progress": False, "num_threads": workers}

    def both() -> None:
        ranking_metrics_at_k(als, seen, wanted, **options)
        AUC_at_k(als, seen, wanted, **options)

    return [lambda: ranking_metrics_at_k(als, seen, wanted, **options), both]


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=available_workers())
    parser.add_argument("--quick", action="store_true", help="once each, to try it out")
    asked = parser.parse_args()
    repeats = 1 if asked.quick else asked.repeats
    train, test = data()
    given = (factors(), train, test, asked.workers)
    theirs = peer(*given)
    calls: list[Callable[[], Any]] = [lambda: ours(*given), lambda: with_intervals(*given)]
    calls += theirs or []
    for call in calls:
        call()  # compiled, and warm
    runs = [partial(seconds, call) for call in calls]
    found = alternated(runs, repeats)
    text, passed = at_most(1.0, float(np.median(found[0])), " s")
    rows = [
        Row(f"{len(NAMES)} ranking metrics", shown(found[0], "s", 3), bar=text, passed=passed),
        Row("with standard errors and intervals", shown(found[1], "s", 3)),
    ]
    if theirs is not None:
        alone, both = (ratio(times, found[0]) for times in found[2:])
        text, passed = at_least(3.0, both)
        mine = shown(found[0], "s", 3)
        rows += [
            Row("times faster than ranking_metrics_at_k", mine, shown(found[2], "s", 3), alone),
            Row("… and AUC_at_k", mine, shown(found[3], "s", 3), both, text, passed),
        ]
    users = int((test.user_counts > 0).sum())
    table(
        f"{users} users × {ITEMS} items × {FACTORS} factors, {asked.workers} workers",
        rows,
        [machine(), versions("implicit", "numba", "numpy")],
    )


if __name__ == "__main__":
    main()
