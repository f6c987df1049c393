"""Compiled SGD passes against LIBMF and implicit: speed and quality, on generated data.

    python tests/benchmarks/bench_hogwild.py [explicit] [bpr] [large] [small] [--repeats 5]

The peers come from PyPI (`pip install libmf implicit`); without one its rows are left out. PyPI's
LIBMF is built without vector instructions unless told otherwise:
`CFLAGS="-O3 -march=native -DUSEAVX" pip install --no-binary :all: libmf`.

Runs alternate, ours and theirs, and medians are compared. An epoch's time of ours includes its
reordering; a peer's is the difference between a long and a short run, so its set-up is left out,
and ours beside it. Quality is that of one run each, both at the better of the rates listed here.
"""

# ruff: noqa: T201 - it is here to print

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from mfcli.engines import kernels
from mfcli.engines.kernels import Weights
from mfcli.engines.passes import Passes, Settings

EPOCHS = 20


def generate(n_users: int, n_items: int, number: int, seed: int = 0) -> sp.csr_matrix:
    """Half stars from biases, eight tastes and noise; activity log-normal, popularity zipfian."""
    rng = np.random.default_rng(seed)
    activity = np.cumsum(rng.lognormal(0, 1, n_users))
    popularity = np.cumsum(rng.permutation((np.arange(n_items) + 20.0) ** -0.9))
    keys = np.empty(0, np.int64)
    while len(keys) < number:
        more = int((number - len(keys)) * 1.3) + 1000
        users = np.searchsorted(activity / activity[-1], rng.random(more))
        items = np.searchsorted(popularity / popularity[-1], rng.random(more))
        keys = np.unique(np.concatenate([keys, users * n_items + items]))
    keys = np.sort(rng.choice(keys, number, replace=False))
    users, items = (keys // n_items).astype(np.int32), (keys % n_items).astype(np.int32)
    tastes = rng.normal(0, 1, (n_users, 8)).astype(np.float32)
    appeal = rng.normal(0, 8**-0.5, (n_items, 8)).astype(np.float32)
    generous, good = rng.normal(0, 0.4, n_users), rng.normal(0, 0.5, n_items)
    values = np.empty(number, np.float32)
    for start in range(0, number, 1 << 20):
        part = slice(start, start + (1 << 20))
        u, i = users[part], items[part]
        taste = 0.5 * (tastes[u] * appeal[i]).sum(axis=1)
        values[part] = 3.5 + generous[u] + good[i] + taste + rng.normal(0, 0.5, len(u))
    values = np.clip(np.round(values * 2) / 2, 0.5, 5)
    matrix = sp.csr_matrix((values, (users, items)), shape=(n_users, n_items))
    matrix.sort_indices()
    return matrix


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
    rng = np.random.default_rng(0)
    users, items = (rng.normal(0, 0.03, (n, factors)).astype(np.float32) for n in shape)
    return Weights(users, items, *(np.zeros(n, np.float32) for n in shape))


class Ours:
    """Our passes, an epoch at a time; the learning rate falls in a line to zero."""

    def __init__(
        self, matrix: sp.csr_matrix, factors: int, workers: int, objective: str, **options: Any
    ) -> None:
        data = matrix.data if objective == "mse" else None
        chosen = Settings(objective, workers=workers, **options)
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
        start = time.perf_counter()
        for _ in range(5):
            self.epoch(0.01)
        return 5 * self.run.ratings / (time.perf_counter() - start)

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
    kernels.topk_block(scores, train.indptr, train.indices, k, best, values)
    auc = kernels.auc_block(scores, train.indptr, train.indices, test.indptr, test.indices)
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


def peer(name: str) -> Any:
    """Import the peer, or return None after a line that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name == "libmf":
                from libmf import mf

                return mf
            import implicit.bpr

            return implicit.bpr
    except (ImportError, OSError) as error:
        print(f"  {name} is not here ({error}); pip install {name}")
        return None


def libmf_run(mf: Any, matrix: sp.csr_matrix, factors: int, threads: int, **options: Any) -> Any:
    table = np.stack([*pairs(matrix), matrix.data], axis=1).astype(np.float32)

    def run(epochs: int) -> Any:
        model = mf.MF(k=factors, nr_threads=threads, nr_iters=epochs, quiet=True, **options)
        model.fit(table)
        return model

    return run


def implicit_run(bpr: Any, matrix: sp.csr_matrix, factors: int, threads: int, rate: float) -> Any:
    def run(epochs: int) -> Any:
        model = bpr.BayesianPersonalizedRanking(
            factors=factors, learning_rate=rate, regularization=0.01, iterations=epochs,
            verify_negative_samples=True, num_threads=threads, random_state=1, use_gpu=False,
        )  # fmt: skip
        model.fit(matrix, show_progress=False)
        return model

    return run


def peer_speed(run: Callable[[int], Any], number: int) -> float:
    times = []
    for epochs in (1, 6):
        start = time.perf_counter()
        run(epochs)
        times.append(time.perf_counter() - start)
    return 5 * number / (times[1] - times[0])


def compare(
    label: str, ours: Callable[[], float], theirs: Callable[[], float] | None, repeats: int
) -> float:
    """Alternate, print medians (and the best) in millions a second and their ratio."""
    mine, other = [], []
    for _ in range(repeats):
        mine.append(ours() / 1e6)
        if theirs:
            other.append(theirs() / 1e6)
    line = f"  {label:<34} ours {statistics.median(mine):6.1f} M/s (best {max(mine):6.1f})"
    if theirs:
        line += f"   peer {statistics.median(other):6.1f} (best {max(other):6.1f})"
        line += f"   ratio {statistics.median(mine) / statistics.median(other):.2f}"
    print(line, flush=True)
    return statistics.median(mine)


def explicit(repeats: int) -> None:
    """Squared errors, biased, against LIBMF; the lock-free order beside the grid."""
    matrix, mf = generate(6040, 3706, 1_000_000), peer("libmf")
    train, test = divided(matrix)
    u, i = pairs(test)
    for factors in (32, 64):
        speeds = {}
        for workers in (1, 2):
            run = libmf_run(mf, matrix, factors, workers) if mf else None
            theirs = (lambda run=run: peer_speed(run, matrix.nnz)) if run else None
            label = f"mse, {factors} factors, {workers} workers"
            speeds[workers] = compare(
                label, Ours(matrix, factors, workers, "mse").speed, theirs, repeats
            )
            free = Ours(matrix, factors, workers, "mse", order="free")
            compare("  the same, order free", free.speed, None, repeats)
        print(f"  two workers over one: {speeds[2] / speeds[1]:.2f}")
        found = []
        for regularization in (0.02, 0.05, 0.1):
            w = Ours(train, factors, 2, "mse").trained(0.03, regularization)
            scores = w.mean + w.weights.user_bias[u] + w.weights.item_bias[i]
            scores += (w.weights.user_factors[u] * w.weights.item_factors[i]).sum(axis=1)
            found.append(rmse(scores, test))
        line = f"  test RMSE after {EPOCHS} epochs, best of three λ: ours {min(found):.4f}"
        if mf:
            table = np.stack([u, i]).T  # predict() reads it column by column
            found = [
                rmse(
                    libmf_run(mf, train, factors, 2, lambda_p2=r, lambda_q2=r)(EPOCHS).predict(
                        table
                    ),
                    test,
                )
                for r in (0.02, 0.05, 0.1)
            ]
            line += f"   peer {min(found):.4f}"
        print(line, flush=True)


def bpr(repeats: int) -> None:
    """Pairwise ranking of the better half of two million ratings, against implicit."""
    matrix = generate(6040, 3706, 2_000_000)
    cells = matrix.tocoo()
    best = np.argsort(-cells.data, kind="stable")[:1_000_000]
    ones = np.ones(len(best), np.float32)
    matrix = sp.csr_matrix((ones, (cells.row[best], cells.col[best])), shape=matrix.shape)
    matrix.sort_indices()
    train, test = divided(matrix)
    module = peer("implicit")
    speeds = {}
    for workers in (1, 2):
        run = implicit_run(module, matrix, 64, workers, 0.05) if module else None
        theirs = (lambda run=run: peer_speed(run, matrix.nnz)) if run else None
        label = f"bpr, 64 factors, {workers} workers"
        speeds[workers] = compare(label, Ours(matrix, 64, workers, "bpr").speed, theirs, repeats)
    print(f"  two workers over one: {speeds[2] / speeds[1]:.2f}")
    quality = []
    for rate in (0.02, 0.05, 0.1):
        w = Ours(train, 64, 2, "bpr").trained(rate, 0.01).weights
        users = np.concatenate([w.user_factors, np.ones((len(w.user_factors), 1))], axis=1)
        items = np.concatenate([w.item_factors, w.item_bias[:, None]], axis=1)
        quality.append(ranking(users, items, train, test))
    print(f"  ndcg@10, AUC after {EPOCHS} epochs, best of three rates: ours {max(quality)}")
    if module:
        models = [implicit_run(module, train, 64, 2, rate)(EPOCHS) for rate in (0.02, 0.05, 0.1)]
        quality = [ranking(m.user_factors, m.item_factors, train, test) for m in models]
        print(f"  {'':<58} peer {max(quality)}", flush=True)


def large(repeats: int) -> None:
    """Twenty million ratings: speed, and what the training adds to the process's memory."""
    small = Ours(generate(6040, 3706, 1_000_000), 64, 2, "mse")
    matrix = generate(138_000, 27_000, 20_000_000)
    matrix.data = matrix.data.astype(np.float32)
    held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    for objective in ("mse", "bpr"):
        tracemalloc.start()
        run = Ours(matrix, 64, 2, objective)
        run.epoch(0.01)
        peak = tracemalloc.get_traced_memory()[1] + held
        tracemalloc.stop()
        least = held + sum(array.nbytes for array in run.weights)
        label = f"{objective}, 20 M, 64 factors, 2 workers"
        speed = compare(label, run.speed, None, max(1, repeats // 2))
        line = f"  memory at its peak {peak / 1e6:.0f} MB = {peak / least:.2f} × (matrix + factors)"
        if objective == "mse":
            million = compare("mse, 1 M, beside it", small.speed, None, repeats)
            line += f"; speed {speed / million:.2f} of the million's"
        print(line, flush=True)
        del run


def small(repeats: int) -> None:
    """Forty epochs at the size of ml-100k, biased, 10 factors: seconds with the set-up."""
    matrix = generate(943, 1682, 100_000)
    for workers in (1, 2):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            run = Ours(matrix, 10, workers, "mse")
            for _ in range(40):
                run.epoch(0.01)
            times.append(time.perf_counter() - start)
        line = f"  mse, 10 factors, 100 k, 40 epochs, {workers} workers: median"
        print(f"{line} {statistics.median(times):.3f} s, best {min(times):.3f}")


def main() -> None:
    parts = {"explicit": explicit, "bpr": bpr, "large": large, "small": small}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", default=list(parts), choices=[*parts, []])
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    versions = []
    for name in ("numba", "numpy", "libmf", "implicit"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, {', '.join(versions)}")
    for name in chosen.parts or parts:
        print(f"{name}: {parts[name].__doc__}")
        parts[name](chosen.repeats)


if __name__ == "__main__":
    main()
