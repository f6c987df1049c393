"""Implicit ALS against implicit's, Buffalo's and cmfrec's: the time to reach the same quality.

    python -m tests.benchmarks.bench_als [tail] [1m] [10m] [20m] [--factors 64 …] [--quick]

The shapes: a long tail of 0.8 million pairs (30,000 × 41,000), and the better half of ratings with
planted tastes, 1, 10 and 20 million of them. A tenth is held out: on one half of it each side
chooses α and λ at the same width, on the other half the ndcg@20 is measured, for some thousand
users. A peer's bar is its own quality after 15 iterations of conjugate gradients; ours stops at the
first epoch that reaches it. All run in turn, with two threads each; ours counts the laying out of
the data, and nobody's measuring is counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from mfcli.config import TrainConfig
from mfcli.data.interactions import Catalog, Interactions
from mfcli.models.tables import Tables
from mfcli.training.engines.als import ALSEngine
from tests.benchmarks.bench_hogwild import divided, ranking
from tests.benchmarks.measuring import (
    Row,
    alternated,
    at_most,
    liked,
    machine,
    ratio,
    shown,
    table,
    tailed,
    versions,
)
from tests.benchmarks.peers import Fitted, Peer, Weights, opened

ITERATIONS, MOST, THREADS, K = 15, 8, 2, 20
MEASURED = 3000  # users whose lists are measured
PEERS = ("implicit", "buffalo", "cmfrec")
# α₀ and λ of ours, α and λ of the peers: first λ is chosen, then α.
OURS = ((0.1, 0.03, 0.3, 1.0), (0.003, 0.001, 0.01, 0.03))
THEIRS = ((5.0, 1.0, 20.0), (5.0, 0.1, 1.0, 20.0, 60.0))
SHAPES: dict[str, Callable[[bool], sp.csr_matrix]] = {
    "tail": lambda quick: tailed(3_000, 4_100, 84_000) if quick else tailed(),
    "1m": lambda quick: liked(6040, 3706, 200_000 if quick else 1_000_000),
    "10m": lambda quick: liked(100_000, 30_000, 1_000_000 if quick else 10_000_000),
    "20m": lambda quick: liked(138_000, 27_000, 2_000_000 if quick else 20_000_000),
}
WIDTHS = {"tail": (128, 256, 512), "1m": (64, 128), "10m": (64, 128), "20m": (64,)}
# The most that our time may be of a peer's; without an entry nothing is asked.
BARS = {
    ("tail", 128): {"implicit": 0.6, "buffalo": 0.6},
    ("tail", 256): {"implicit": 0.45, "buffalo": 0.5},
    ("tail", 512): {"implicit": 0.35, "buffalo": 0.4},
} | {
    (shape, width): {"implicit": 0.35, "buffalo": 1.0, "cmfrec": 1.0}
    for shape in ("1m", "10m")
    for width in (64, 128)
}

Quality = Callable[[Any, Any], float]


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


def quality_on(train: sp.csr_matrix, test: sp.csr_matrix) -> Quality:
    """Return a function of users and items: the ndcg of some users' lists."""
    known = np.flatnonzero(np.diff(test.indptr))
    rows = np.sort(np.random.default_rng(2).permutation(known)[:MEASURED])
    some = train[rows], test[rows]
    return lambda users, items: ranking(users[rows], items, *some, K)[0]


def ours(
    train: Interactions, factors: int, weights: Weights, quality: Quality, until: float
) -> Run:
    """Train until the quality is reached; laying out the data is counted."""
    options = {
        "objective": "ials",
        "engine": "als",
        "factors": factors,
        "unobserved_weight": weights.alpha,
        "regularization": weights.regularization,
    }
    recipe = TrainConfig.merge(("", options)).recipe()
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


def fitted(peer: Peer, factors: int, weights: Weights) -> Fitted:
    """Train a peer for all iterations; its threads are its own, as implicit advises."""
    with threadpool_limits(1, user_api="blas"):
        return peer.als(factors, weights, ITERATIONS, THREADS)


def chosen(
    grid: tuple[tuple[float, ...], ...], score: Callable[[Weights], float], quick: bool
) -> Weights:
    """Choose λ at the first α, then α at that λ; the first of each where it should be quick."""
    alphas, regularizations = grid
    best = Weights(alphas[0], regularizations[0])
    if quick:
        return best
    tried = {Weights(alphas[0], weight): 0.0 for weight in regularizations}
    for weights in tried:
        tried[weights] = score(weights)
    best = max(tried, key=lambda weights: tried[weights])
    for alpha in alphas[1:]:
        weights = Weights(alpha, best.regularization)
        tried[weights] = score(weights)
    return max(tried, key=lambda weights: tried[weights])


def compared(shape: str, factors: int, repeats: int, quick: bool) -> list[Row]:
    """Choose every side's settings, then alternate."""
    matrix, held_out = divided(SHAPES[shape](quick))
    choosing, measuring = (quality_on(matrix, half) for half in divided(held_out, 0.5))
    train, never = interactions(matrix), float("inf")
    mine = chosen(
        OURS, lambda weights: max(ours(train, factors, weights, choosing, never).quality), quick
    )
    best = max(ours(train, factors, mine, measuring, never).quality)
    with opened(matrix, *PEERS) as peers:
        settings, bars = {}, {}
        for name, peer in peers.items():

            def score(weights: Weights, quality: Quality, peer: Peer = peer) -> float:
                return quality(*fitted(peer, factors, weights)[1:])

            settings[name] = chosen(THEIRS, lambda weights: score(weights, choosing), quick)
            bars[name] = score(settings[name], measuring)
        top = min(max(bars.values(), default=never), best)
        mine_runs: list[Run] = []

        def my_time() -> float:
            mine_runs.append(ours(train, factors, mine, measuring, top))
            return mine_runs[-1].seconds[-1]

        def their_time(name: str) -> float:
            return fitted(peers[name], factors, settings[name]).seconds

        runs = [my_time, *(lambda name=name: their_time(name) for name in peers)]
        found = alternated(runs, repeats)
    epochs = [float(np.median(np.diff([0.0, *run.seconds]))) for run in mine_runs]
    rows = [Row(f"{factors} factors, seconds an epoch", shown(epochs, "s", 3))]
    for at, name in enumerate(peers, 1):
        reached = [run.reached(bars[name]) for run in mine_runs]
        quotient = ratio(reached, found[at])
        bar = BARS.get((shape, factors), {}).get(name)
        text, passed = ("", None) if bar is None or quick else at_most(bar, quotient)
        what = f"  seconds to ndcg@{K} {bars[name]:.4f} of {name}"
        mine_text, other = shown(reached, "s", 2), shown(found[at], "s", 2)
        rows.append(Row(what, mine_text, other, quotient, text, passed))
        iteration = [seconds / ITERATIONS for seconds in found[at]]
        rows.append(
            Row("    an epoch", "", shown(iteration, "s", 3), float(ratio(epochs, iteration)))
        )
    rows.append(Row(f"  best ndcg@{K} of {MOST} epochs", f"{best:.4f}"))
    used = {"ours": mine, **settings}
    rows += [
        Row(f"  α, λ of {name}", f"{weights.alpha:g}, {weights.regularization:g}")
        for name, weights in used.items()
    ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--factors", type=int, nargs="+", help="the shape's own without it")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, first settings")
    asked = parser.parse_args()
    if unknown := [name for name in asked.shapes if name not in SHAPES]:
        parser.error(f"unknown shape {unknown[0]!r}: choose from {', '.join(SHAPES)}")
    for shape in asked.shapes or SHAPES:
        for factors in asked.factors or WIDTHS[shape]:
            title = f"als, {shape}: {machine()}; {versions('numba', 'numpy', *PEERS)}"
            repeats = 1 if asked.quick else asked.repeats
            table(title, compared(shape, factors, repeats, asked.quick))


if __name__ == "__main__":
    main()
