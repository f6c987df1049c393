"""The ten best unseen items of every user: our scorer against implicit's on the same factors.

    python -m tests.benchmarks.bench_recommend [--repeats 5]

6,040 × 3,706 × 64 with a million seen; two threads; in the process, so start-up is left out.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from mfcli.models import Vectors
from mfcli.ranking import Block, Scorer, best_items, rows_of
from tests.benchmarks.measuring import (
    Row,
    against,
    alternated,
    generate,
    machine,
    shown,
    table,
    versions,
)

WORKERS, K = 2, 10


def peer(users: Any, items: Any) -> Any:
    """Return implicit's model with these factors, or None where implicit is not there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase
    except ImportError:
        return None

    class Given(MatrixFactorizationBase):  # type: ignore[misc]
        def fit(self, *_: object) -> None:
            """Do nothing: the factors are given."""

        def save(self, *_: object) -> None:
            """Do nothing."""

    model = Given(num_threads=WORKERS)
    model.user_factors, model.item_factors = users, items
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the same: it is quick")
    chosen = parser.parse_args()
    title = f"recommend: {machine()}; {versions('numpy', 'numba', 'implicit')}"
    seen = generate(6040, 3706, 1_000_000)
    rng = np.random.default_rng(0)
    users, items = (rng.normal(0, 0.1, (n, 64)).astype(np.float32) for n in seen.shape)
    scoring = Vectors(users, items, np.zeros(6040, np.float32), np.zeros(3706, np.float32), 0.0)
    everyone = np.arange(6040)
    lists: list[Any] = [None, None]

    def ours() -> float:
        start = time.perf_counter()

        def work(block: Block) -> Any:
            return best_items(block, rows_of(seen.indptr, seen.indices, block.users), K)

        lists[0] = np.concatenate([each for each, _ in Scorer(scoring).blocks(everyone, work, 2)])
        return time.perf_counter() - start

    model = peer(users, items)

    def theirs() -> float:
        start = time.perf_counter()
        lists[1], _ = model.recommend(everyone, seen, N=K, filter_already_liked_items=True)
        return time.perf_counter() - start

    runs: list[Callable[[], float]] = [ours] if model is None else [ours, theirs]
    for run in runs:
        run()
    found = alternated(runs, max(chosen.repeats, 5))
    what, notes = f"all users' top {K}, seen masked, {WORKERS} threads, seconds", []
    if model is None:
        rows, notes = [Row(what, shown(found[0], "s", 3))], ["implicit is not here"]
    else:
        rows = [against(what, found[0], found[1], None, "s", 3)]
        notes = [f"lists that are the same: {(lists[0] == lists[1]).all(axis=1).mean():.2%}"]
    table(title, rows, notes)


if __name__ == "__main__":
    main()
