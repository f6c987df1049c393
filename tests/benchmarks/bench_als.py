"""Implicit ALS against implicit's: the time to reach the same quality, on generated data.

    python -m tests.benchmarks.bench_als [64] [256] [--quick]

The data are the better half of two million ratings with planted tastes. A tenth is held out: on
one half of it each side chooses its settings among a few, on the other half the ndcg@20 is
measured. The bar is set by implicit's AlternatingLeastSquares (conjugate gradients, its default)
after 15 iterations; ours stops at the first epoch that reaches it. Both sides run in turn, with two
threads each; the time of measuring is not counted.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from mfcli.config import TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.models.tables import Tables
from mfcli.training.engines.als import ALSEngine
from tests.benchmarks.bench_hogwild import divided, liked, ranking
from tests.benchmarks.measuring import (
    Row,
    alternated,
    at_most,
    machine,
    ratio,
    shown,
    table,
    versions,
)

ITERATIONS, MOST, THREADS = 15, 6, 2
OURS = ((0.3, 0.006), (0.3, 0.01), (1.0, 0.003))  # α₀, λ
THEIRS = ((1.0, 20.0), (1.0, 30.0), (1.0, 45.0))  # alpha, regularization


class Run(NamedTuple):
    """Seconds and ndcg@20 after each epoch."""

    seconds: list[float]
    quality: list[float]

    def reached(self, bar: float) -> float:
        """Return the seconds until a quality is reached; infinite where it is not."""
        times = zip(self.seconds, self.quality, strict=True)
        return next((second for second, quality in times if quality >= bar), float("inf"))


def interactions(matrix: sp.csr_matrix) -> Interactions:
    """Wrap a matrix, its ids being places."""
    users, items = (np.arange(n, dtype=np.int64) for n in matrix.shape)
    data = matrix.data.astype(np.float32)
    return Interactions(matrix.indptr, matrix.indices, data, Catalog(users, items))


Quality = Callable[[Any, Any], float]


def ours(
    train: Interactions, factors: int, setting: tuple[float, float], quality: Quality, until: float
) -> Run:
    """Train until the quality is reached; laying out the data is counted."""
    recipe = TrainConfig.merge(
        (
            "",
            {
                "objective": "ials",
                "factors": factors,
                "unobserved_weight": setting[0],
                "regularization": setting[1],
            },
        )
    ).recipe()
    start = time.perf_counter()
    model = Tables.drawn(recipe, train.n_users, train.n_items)
    engine = ALSEngine(model, train, recipe, 0, THREADS)
    spent, run = time.perf_counter() - start, Run([], [])
    for number in range(1, MOST + 1):
        start = time.perf_counter()
        for _ in engine.epoch(number, 0.0):
            pass
        spent += time.perf_counter() - start
        run.seconds.append(spent)
        run.quality.append(quality(engine.users.factors, engine.items.factors))
        if run.quality[-1] >= until:
            break
    return run


def theirs(
    als: Any, matrix: sp.csr_matrix, factors: int, setting: tuple[float, float], quality: Quality
) -> Run:
    """Train implicit's for all iterations."""
    model = als.AlternatingLeastSquares(
        factors=factors,
        alpha=setting[0],
        regularization=setting[1],
        iterations=ITERATIONS,
        num_threads=THREADS,
        random_state=1,
        use_gpu=False,
    )
    start = time.perf_counter()
    model.fit(matrix, show_progress=False)
    spent = time.perf_counter() - start
    return Run([spent], [quality(model.user_factors, model.item_factors)])


def peer() -> Any:
    """Import implicit's ALS, or return None after a line that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import implicit.als

            return implicit.als
    except (ImportError, OSError) as error:
        print(f"  implicit is not here ({error}): make bench installs it")  # noqa: T201
        return None


def compared(factors: int, repeats: int, quick: bool) -> list[Row]:
    """Choose both sides' settings, then alternate."""
    als = peer()
    matrix, held_out = divided(liked(quick))
    choosing, measuring = divided(held_out, 0.5)
    train = interactions(matrix)

    def quality(test: sp.csr_matrix) -> Quality:
        return lambda users, items: ranking(users, items, matrix, test, 20)[0]

    never = float("inf")
    mine = max(
        OURS, key=lambda weight: max(ours(train, factors, weight, quality(choosing), never).quality)
    )
    rows = []
    if als is None:
        run = ours(train, factors, mine, quality(measuring), never)
        seconds = float(np.median(np.diff(run.seconds)))
        return [Row(f"{factors} factors, seconds an epoch", f"{seconds:.3f} s")]
    other = max(
        THEIRS,
        key=lambda weight: theirs(als, matrix, factors, weight, quality(choosing)).quality[-1],
    )
    bar = theirs(als, matrix, factors, other, quality(measuring)).quality[-1]
    epochs: list[float] = []

    def my_time() -> float:
        run = ours(train, factors, mine, quality(measuring), bar)
        epochs.append(float(np.median(np.diff([0.0, *run.seconds]))))
        return run.reached(bar)

    def their_time() -> float:
        return theirs(als, matrix, factors, other, quality(measuring)).seconds[-1]

    found = alternated([my_time, their_time], repeats)
    best = max(ours(train, factors, mine, quality(measuring), never).quality)
    quotient = ratio(*found)
    rows.append(
        Row(
            f"{factors} factors, seconds to ndcg@20 of {bar:.4f}",
            shown(found[0], "s", 2),
            shown(found[1], "s", 2),
            quotient,
            *at_most(1.0, quotient),
        )
    )
    iterations = [run / ITERATIONS for run in found[1]]
    rows.append(
        Row(
            "  seconds an epoch",
            shown(epochs, "s", 3),
            shown(iterations, "s", 3),
            ratio(epochs, iterations),
        )
    )
    rows.append(Row(f"  best ndcg@20 of {MOST} epochs", f"{best:.4f}", f"{bar:.4f}"))
    rows.append(Row("  α₀, λ; alpha, regularization", str(mine), str(other)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("factors", nargs="*", type=int, help="64 and 256 without any")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="smaller data")
    chosen = parser.parse_args()
    peer()  # loaded before its BLAS is limited, which is its own advice; ours does not use one
    with threadpool_limits(1, user_api="blas"):
        for factors in chosen.factors or (64, 256):
            title = f"als: {machine()}; {versions('numba', 'numpy', 'implicit')}"
            table(f"{title}\n  {compared.__doc__}", compared(factors, chosen.repeats, chosen.quick))


if __name__ == "__main__":
    main()
