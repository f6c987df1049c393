"""BPR in both orders against implicit's and Buffalo's: samples a second, and quality.

    python -m tests.benchmarks.bench_bpr [tail] [1m] [10m] [20m] [--factors 64 …] [--quick]

The shapes are those of bench_als. Every side draws one negative a positive and looks whether it is
none of the user's, with two threads. The time of an epoch is that of a long run less a short one,
so that set-ups are left out; ours, in the order ``free`` and in the default one, includes its
reordering. Quality is the ndcg@20 of held-out pairs after as many epochs, each at the best of the
same rates by the other half of what is held out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from mfcli.config import Order
from tests.benchmarks.bench_als import SHAPES, Quality, quality_on
from tests.benchmarks.bench_hogwild import Ours, divided
from tests.benchmarks.measuring import Row, against, alternated, machine, shown, table, versions
from tests.benchmarks.peers import Fitted, opened

THREADS, EPOCHS, REGULARIZATION = 2, 20, 0.01
RATES = (0.02, 0.05, 0.1, 0.2)
MEASURED = 10_000_000  # samples of a peer's long run beyond its short one
PEERS = ("implicit", "buffalo")
ORDERS = {"free": Order.free, "default": Order.grid}
# The least that our samples a second may be of a peer's, at 64 factors.
BARS = {"free": {"implicit": 4.2, "buffalo": 1.9}, "default": {"implicit": 3.8, "buffalo": 1.7}}
BARRED = ("10m", "20m")


def my_speed(run: Ours) -> Callable[[], float]:
    """Return a function: millions of samples a second of whole epochs, for a second or more."""

    def measured() -> float:
        start, done, seconds = time.perf_counter(), 0, 0.0
        while seconds < 1:
            run.epoch(0.01, REGULARIZATION)
            done += run.run.ratings
            seconds = time.perf_counter() - start
        return done / 1e6 / seconds

    return measured


def peer_speed(peer: Any, factors: int, size: int) -> Callable[[], float]:
    """Return a function: millions of samples a second of some epochs."""
    more = max(2, MEASURED // size)

    def measured() -> float:
        short, long = (peer.bpr(factors, 0.01, 1 + n, THREADS).seconds for n in (0, more))
        return float(more * size / 1e6 / max(long - short, 1e-9))

    return measured


def my_factors(matrix: sp.csr_matrix, factors: int, order: Order, rate: float) -> Any:
    """Train for all epochs; return users and items, the item's bias as one more factor."""
    engine = Ours(matrix, factors, THREADS, "bpr", order=order)
    weights = engine.trained(rate, REGULARIZATION).weights
    users = np.hstack([weights.user_factors, np.ones((matrix.shape[0], 1), np.float32)])
    return users, np.hstack([weights.item_factors, weights.item_bias[:, None]])


def best_of(
    train: Callable[[float], Any], choosing: Quality, measuring: Quality, rates: tuple[float, ...]
) -> tuple[float, float]:
    """Return the quality at the rate that is best on validation, and that rate."""
    found = [train(rate) for rate in rates]
    at = int(np.argmax([choosing(*factors) for factors in found]))
    return measuring(*found[at]), rates[at]


def compared(shape: str, factors: int, repeats: int, quick: bool) -> list[Row]:
    """Alternate both orders and the peers; then compare what they learn."""
    matrix = SHAPES[shape](quick)
    mine = {name: Ours(matrix, factors, THREADS, "bpr", order=of) for name, of in ORDERS.items()}
    for run in mine.values():
        run.epoch(0.01, REGULARIZATION)  # compiled, and warm
    rows, rates = [], RATES[2:3] if quick else RATES
    with opened(matrix, *PEERS) as peers:
        runs = [my_speed(run) for run in mine.values()]
        runs += [peer_speed(peer, factors, matrix.nnz) for peer in peers.values()]
        found = alternated(runs, repeats)
    speeds = dict(zip([*mine, *peers], found, strict=True))
    for order in mine:
        if not peers:
            rows.append(Row(f"order {order}, {factors} factors", shown(speeds[order], "M/s")))
        for name in peers:
            asked = shape in BARRED and factors == 64 and not quick
            bar = BARS[order][name] if asked else None
            what = f"order {order}, {factors} factors; {name}"
            rows.append(against(what, speeds[order], speeds[name], bar, "M/s"))
    train, held_out = divided(matrix)
    choosing, measuring = (quality_on(train, half) for half in divided(held_out, 0.5))
    for order, of in ORDERS.items():
        quality, rate = best_of(
            lambda rate, of=of: my_factors(train, factors, of, rate),  # type: ignore[misc]
            choosing,
            measuring,
            rates,
        )
        rows.append(Row(f"  ndcg@20, {EPOCHS} epochs, order {order}", f"{quality:.4f} at {rate}"))
    with opened(train, *PEERS) as peers:
        for name, peer in peers.items():

            def learnt(rate: float, peer: Any = peer) -> Any:
                fitted: Fitted = peer.bpr(factors, rate, EPOCHS, THREADS)
                return fitted.users, fitted.items

            quality, rate = best_of(learnt, choosing, measuring, rates)
            rows.append(Row(f"  … of {name}", "", f"{quality:.4f} at {rate}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--factors", type=int, nargs="+", default=[64])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one rate")
    asked = parser.parse_args()
    if unknown := [name for name in asked.shapes if name not in SHAPES]:
        parser.error(f"unknown shape {unknown[0]!r}: choose from {', '.join(SHAPES)}")
    for shape in asked.shapes or SHAPES:
        for factors in asked.factors:
            title = f"bpr, {shape}: {machine()}; {versions('numba', 'numpy', *PEERS)}"
            repeats = 1 if asked.quick else asked.repeats
            table(title, compared(shape, factors, repeats, asked.quick))


if __name__ == "__main__":
    main()
