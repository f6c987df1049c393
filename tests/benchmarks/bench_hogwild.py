"""Compiled SGD passes against LIBMF and implicit: speed and quality, on generated data.

    python -m tests.benchmarks.bench_hogwild [explicit|bpr|large|small …] [--quick]

The peers come from PyPI (`make bench` puts them into .bench); without one its columns are empty.
PyPI's LIBMF is built without vector instructions unless told otherwise, as the Makefile does.

Runs alternate, ours and theirs, and medians are compared. An epoch's time of ours includes its
reordering; a peer's is the difference between a long and a short run, so its set-up is left out,
and ours beside it. Quality is that of one run each, both at the better of the rates listed here.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse as sp

from mfcli import kernels
from mfcli.config import Objective, Order
from mfcli.kernels import Weights
from mfcli.training.engines.layout import Settings
from mfcli.training.engines.passes import Passes
from tests.benchmarks.measuring import (
    Row,
    against,
    alternated,
    at_least,
    at_most,
    generate,
    liked,
    machine,
    ratio,
    shown,
    table,
    versions,
)
from tests.benchmarks.peers import opened

EPOCHS = 20
MEASURED = 20  # epochs of a peer's measurement, a second or more
SECONDS = 1.0  # of a measurement of ours: for some 100 ms a core that idled is slow


def divided(matrix: sp.csr_matrix, share: float = 0.1) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Train and test, each entry to test with probability `share`."""
    cells = matrix.tocoo()
    test = np.random.default_rng(1).random(cells.nnz) < share
    parts = []
    for kept in (~test, test):
        entries = (cells.data[kept], (cells.row[kept], cells.col[kept]))
        parts.append(sp.csr_matrix(entries, shape=matrix.shape))
        parts[-1].sort_indices()
    return parts[0], parts[1]


def fresh(shape: tuple[int, int], factors: int) -> Weights:
    """Draw a start, as training does."""
    random = np.random.default_rng(0)
    users, items = (random.normal(0, 0.03, (n, factors)).astype(np.float32) for n in shape)
    return Weights(users, items, *(np.zeros(n, np.float32) for n in shape))


class Ours:
    """Our passes, an epoch at a time; the learning rate falls in a line to zero."""

    def __init__(
        self, matrix: sp.csr_matrix, factors: int, workers: int, objective: str, **options: Any
    ) -> None:
        data = matrix.data if objective == "mse" else None
        chosen = Settings(Objective(objective), workers=workers, **options)
        self.run = Passes(matrix.indptr, matrix.indices, data, matrix.shape[1], chosen)
        self.weights = fresh(matrix.shape, factors)
        self.mean = float(matrix.data.mean()) if objective == "mse" else 0.0
        self.run.prepare(self.weights)
        self.number = 0

    def epoch(self, rate: float, regularization: float = 0.05) -> None:
        settings = (rate, regularization, regularization, self.mean)
        for _ in self.run.epoch(self.number, self.weights, *settings):
            pass
        self.number += 1

    def speed(self) -> float:
        """Return millions of ratings a second of whole epochs, for about a second."""
        start, epochs, seconds = time.perf_counter(), 0, 0.0
        while seconds < SECONDS:
            self.epoch(0.01)
            epochs += 1
            seconds = time.perf_counter() - start
        return epochs * 1e-6 * self.run.ratings / seconds

    def trained(self, rate: float, regularization: float) -> Ours:
        for number in range(EPOCHS):
            self.epoch(rate * (1 - number / EPOCHS), regularization)
        return self


def rmse(scores: np.ndarray, test: sp.csr_matrix) -> float:
    return float(np.sqrt(np.mean((np.clip(scores, 0.5, 5) - test.data) ** 2)))


def pairs(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices


def ranking(
    users: np.ndarray, items: np.ndarray, train: sp.csr_matrix, test: sp.csr_matrix, k: int = 10
) -> tuple[float, float]:
    """(ndcg@10, AUC) over users with a test item, train items left out."""
    scores = np.ascontiguousarray(users @ items.T, np.float32)
    best, values = np.empty((len(scores), k), np.int32), np.empty((len(scores), k), np.float32)
    kernels.topk_block(scores.copy(), train.indptr, train.indices, k, best, values)
    _, auc, _ = kernels.rank_block(scores, train.indptr, train.indices, test.indptr, test.indices)
    gains = 1 / np.log2(np.arange(2, k + 2))
    sizes = np.diff(test.indptr)
    hits = np.stack(
        [
            np.isin(b, test.indices[x:y])
            for b, x, y in zip(best, test.indptr[:-1], test.indptr[1:], strict=True)
        ]
    )
    ideal = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    return float(((hits @ gains) / ideal)[sizes > 0].mean()), float(np.nanmean(auc))


def peer() -> Any:
    """Import LIBMF, or return None after a line that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from libmf import mf
    except (ImportError, OSError) as error:
        print(f"  libmf is not here ({error}): make bench installs it")  # noqa: T201
        return None
    return mf


def libmf_run(mf: Any, matrix: sp.csr_matrix, factors: int, threads: int, **options: Any) -> Any:
    table = np.stack([*pairs(matrix), matrix.data], axis=1).astype(np.float32)

    def run(epochs: int) -> Any:
        model = mf.MF(k=factors, nr_threads=threads, nr_iters=epochs, quiet=True, **options)
        model.fit(table)
        return model

    return run


def peer_speed(run: Callable[[int], Any], number: int) -> float:
    """Return millions of ratings a second of some epochs: a long run less a short one."""
    times = []
    for epochs in (1, 1 + MEASURED):
        start = time.perf_counter()
        run(epochs)
        times.append(time.perf_counter() - start)
    return MEASURED * 1e-6 * number / max(times[1] - times[0], 1e-9)


def compared(
    label: str,
    engines: dict[int, Ours],
    apart: list[Ours],
    peers: dict[int, Callable[[int], Any]],
    bar: float,
    repeats: int,
) -> list[Row]:
    """Alternate ours and the peer with one worker and with two; make their rows.

    `apart` are two trainings of one worker that share nothing: side by side they are as fast as
    the machine lets two cores be just then, which on a shared host need not be twice one.
    """
    size = engines[1].run.ratings
    runs = [engine.speed for engine in engines.values()]
    runs += [lambda run=run: peer_speed(run, size) for run in peers.values()]  # type: ignore[misc]
    with ThreadPoolExecutor(2) as pool:
        runs.append(lambda: sum(pool.map(lambda engine: engine.speed(), apart)))
        found = alternated(runs, repeats)
    rows = []
    for at, workers in enumerate(engines):
        what = f"{label}, {workers} worker{'s' if workers > 1 else ''}"
        if peers:
            rows.append(against(what, found[at], found[len(engines) + at], bar, "M/s"))
        else:
            rows.append(Row(what, shown(found[at], "M/s")))
    scaled, most = ratio(found[1], found[0]), ratio(found[-1], found[0])
    return [
        *rows,
        Row("  two workers over one", "", "", scaled, *at_least(1.8, scaled)),
        Row("  two trainings side by side, over one", shown(found[-1], "M/s"), "", most),
    ]


def explicit(repeats: int, quick: bool) -> list[Row]:
    """Squared errors, biased, a million ratings; peer: LIBMF."""
    matrix, mf = generate(6040, 3706, 300_000 if quick else 1_000_000), peer()
    train, test = divided(matrix)
    u, i = pairs(test)
    rows = []
    for factors in (32, 64):
        engines = {workers: Ours(matrix, factors, workers, "mse") for workers in (1, 2)}
        peers = {w: libmf_run(mf, matrix, factors, w) for w in (1, 2)} if mf else {}
        apart = [Ours(matrix, factors, 1, "mse") for _ in range(2)]
        rows += compared(f"mse, {factors} factors", engines, apart, peers, 1.5, repeats)
        free = Ours(matrix, factors, 2, "mse", order=Order.free)
        speeds = alternated([free.speed], repeats)[0]
        rows.append(Row("  order free, 2 workers", shown(speeds, "M/s")))
        found, theirs = [], []
        for regularization in (0.02, 0.05, 0.1):
            w = Ours(train, factors, 2, "mse").trained(0.03, regularization)
            scores = w.mean + w.weights.user_bias[u] + w.weights.item_bias[i]
            scores += (w.weights.user_factors[u] * w.weights.item_factors[i]).sum(axis=1)
            found.append(rmse(scores, test))
            if mf:
                of = {"lambda_p2": regularization, "lambda_q2": regularization}
                model = libmf_run(mf, train, factors, 2, **of)(EPOCHS)
                theirs.append(rmse(model.predict(np.stack([u, i]).T), test))
        row = Row(f"  test RMSE, {EPOCHS} epochs, best of three λ", f"{min(found):.4f}")
        if mf:
            passed = min(found) <= min(theirs)
            row = row._replace(peer=f"{min(theirs):.4f}", bar="no worse", passed=passed)
        rows.append(row)
    return rows


def bpr(repeats: int, quick: bool) -> list[Row]:
    """Pairwise ranking of the better half of two million ratings; peer: implicit, verified."""
    matrix = liked(6040, 3706, 300_000 if quick else 1_000_000)
    train, test = divided(matrix)
    engines = {workers: Ours(matrix, 64, workers, "bpr") for workers in (1, 2)}
    apart = [Ours(matrix, 64, 1, "bpr") for _ in range(2)]
    with opened(matrix, "implicit") as here:
        peers: dict[int, Callable[[int], Any]] = {
            workers: functools.partial(here["implicit"].bpr, 64, 0.05, threads=workers)
            for workers in (1, 2)
            if here
        }
        rows = compared("bpr, 64 factors", engines, apart, peers, 2, repeats)
    found, theirs = [], []
    with opened(train, "implicit") as here:
        for rate in (0.02, 0.05, 0.1):
            w = Ours(train, 64, 2, "bpr").trained(rate, 0.01).weights
            users = np.concatenate([w.user_factors, np.ones((len(w.user_factors), 1))], axis=1)
            items = np.concatenate([w.item_factors, w.item_bias[:, None]], axis=1)
            found.append(ranking(users, items, train, test))
            for other in here.values():
                learnt = other.bpr(64, rate, EPOCHS, 2)
                theirs.append(ranking(learnt.users, learnt.items, train, test))
    for at, name in enumerate(("ndcg@10", "AUC")):
        mine = max(found)[at]
        row = Row(f"  {name}, {EPOCHS} epochs, best of three rates", f"{mine:.4f}")
        if theirs:
            best = max(theirs)[at]
            row = row._replace(peer=f"{best:.4f}", bar="no worse", passed=mine >= best)
        rows.append(row)
    return rows


def large(repeats: int, quick: bool) -> list[Row]:
    """Twenty million ratings: speed, and memory beside the matrix and the factors."""
    matrix = generate(138_000, 27_000, 2_000_000 if quick else 20_000_000)
    matrix.data = matrix.data.astype(np.float32)
    held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    rows = []
    for objective in ("mse", "bpr"):
        million = (
            liked(6040, 3706, 300_000 if quick else 1_000_000)
            if objective == "bpr"
            else generate(6040, 3706, 1_000_000)
        )
        small = Ours(million, 64, 2, objective)
        tracemalloc.start()
        run = Ours(matrix, 64, 2, objective)
        run.epoch(0.01)
        least = held + sum(array.nbytes for array in run.weights)
        peak = tracemalloc.get_traced_memory()[1] + held  # the matrix was there before
        tracemalloc.stop()

        def an_epoch(run: Ours = run) -> float:
            start = time.perf_counter()
            run.epoch(0.01)
            return run.run.ratings / 1e6 / (time.perf_counter() - start)

        speed, beside = alternated([an_epoch, small.speed], repeats)
        what = f"{objective}, {matrix.nnz / 1e6:g} M, 64 factors, 2 workers; peer: ours at 1 M"
        rows.append(against(what, speed, beside, 0.5, "M/s"))
        times = peak / least
        size = f"{peak / 1e6:.0f} MB"
        rows.append(Row("  peak memory over matrix + factors", size, "", times, *at_most(3, times)))
        del run
    return rows


def small(repeats: int, quick: bool) -> list[Row]:  # noqa: ARG001 - it is small
    """Forty epochs at the size of ml-100k, biased, 10 factors, set-up included."""
    matrix = generate(943, 1682, 100_000)

    def seconds(workers: int) -> float:
        start = time.perf_counter()
        run = Ours(matrix, 10, workers, "mse")
        for _ in range(40):
            run.epoch(0.01)
        return time.perf_counter() - start

    found = alternated([lambda: seconds(1), lambda: seconds(2)], repeats)
    return [
        Row(
            f"mse, 10 factors, 100 k, 40 epochs, {workers} worker{'s' * (workers > 1)}",
            shown(times, "s", 3),
            "",
            None,
            *at_most(0.3, statistics.median(times), " s"),
        )
        for workers, times in zip((1, 2), found, strict=True)
    ]


def main() -> None:
    parts = {"explicit": explicit, "bpr": bpr, "large": large, "small": small}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="smaller data")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.parts if name not in parts]:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(parts)}")
    for name in chosen.parts or parts:
        title = f"hogwild, {name}: {machine()}; {versions('numba', 'numpy', 'libmf', 'implicit')}"
        about = parts[name].__doc__ or ""
        table(f"{title}\n  {about}", parts[name](chosen.repeats, chosen.quick))


if __name__ == "__main__":
    main()
