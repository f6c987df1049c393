"""Batch scoring: our scorer against implicit's, and recommend to a CSV against its bare parts.

    python -m tests.benchmarks.bench_recommend [--repeats 5] [--quick] [--parquet]

6,040 × 3,706 × 64 with a million seen, k = 10, in this process; then 138,000 × 27,000 × 64 with 20
million seen, k = 20: the whole stage in a process of its own, without its start-up, against the sum
of the bare product over the same blocks and the writing of the same rows. At last 60,000 × 4,000, k
= 10 to Parquet: the whole process, less that of a model of 60 users, against implicit's recommend
in memory. Two threads.
"""

from __future__ import annotations

# ruff: noqa: T201 - it is here to print
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from mfcli.artifacts import meta_for
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mfcli.artifacts.tables import open_table
from mfcli.config import RecommendConfig, TableFormat, TrainConfig
from mfcli.data.interactions import Catalog
from mfcli.data.rows import CsrRows
from mfcli.models.arrays import Vectors
from mfcli.models.tables import Tables
from mfcli.ranking.catalogue import Block, BlockScorer, best_items
from mfcli.scoring.files import load_recommender
from mfcli.stages.recommend import recommend
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

WORKERS, K = 2, 10
LARGE, LARGE_K = (138_000, 27_000), 20
SMALL = (13_800, 2_700)
PARQUET_ITEMS = 4_000


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


def save_model(path: Path, n_users: int, n_items: int) -> None:
    """Write a model of random factors, whose users have seen 145 random items on average."""
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, n_users * n_items, n_users * 145))
    indptr = np.searchsorted(keys, np.arange(n_users + 1) * n_items).astype(np.int32)
    recipe = TrainConfig(factors=64).recipe()
    args = recipe.model_args(n_users, n_items)
    weights = Tables.zeros(args).weights
    for weight in weights.values():
        weight[...] = rng.normal(0, 0.1, weight.shape)
    catalog = Catalog(np.arange(n_users), np.arange(n_items))
    meta = meta_for("model", [])
    indices = (keys % n_items).astype(np.int32)
    save_checkpoint(
        path,
        Checkpoint(
            options=dict(recipe.options),
            model_args=args,
            weights=weights,
            catalog=catalog,
            seen_indptr=indptr,
            seen_indices=indices,
            rating_range=(1.0, 1.0),
            rating_mean=1.0,
            history=[],
            meta=meta,
        ),
    )


def child(model: Path, out: Path) -> None:
    """Time recommend, then its parts, in this process; print them as JSON."""
    config = RecommendConfig(k=LARGE_K, workers=WORKERS)
    before = peak_bytes()
    warm = out.with_suffix(".warm.csv")
    (out.parent / "few").write_text("0\n")
    recommend(
        model, warm, RecommendConfig(k=LARGE_K, workers=WORKERS, users=str(out.parent / "few"))
    )
    start = time.perf_counter()
    recommend(model, out, config)
    whole, peak = time.perf_counter() - start, peak_bytes()
    recommender, _ = load_recommender(model, config)
    kept = list(recommender.blocks(recommender.rows, recommender.rank))
    start = time.perf_counter()
    with out.with_suffix(".again.csv").open("wb") as stream:
        with open_table(stream, TableFormat.csv, recommender.columns()) as table:
            for lists in kept:
                table.append(table.encode(recommender.cells(lists)))
        stream.flush()
        os.fsync(stream.fileno())
    writing = time.perf_counter() - start
    start = time.perf_counter()
    for _ in recommender.scorer.blocks(recommender.rows, lambda block: block.users, WORKERS):
        pass
    bare = time.perf_counter() - start
    print(
        json.dumps(
            {
                "whole": whole,
                "bare": bare,
                "writing": writing,
                "before": before,
                "peak": peak,
                "rows": table.n_rows,
            }
        )
    )


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def large(shape: tuple[int, int]) -> None:
    """Measure the whole stage in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        model, out = Path(folder) / "model.pt", Path(folder) / "recs.csv"
        save_model(model, *shape)
        command = [sys.executable, "-m", "tests.benchmarks.bench_recommend", "--child"]
        done = subprocess.run([*command, str(model), str(out)], capture_output=True, check=True)
        found = json.loads(done.stdout)
        size = model.stat().st_size
    bound = 2.5 * found["bare"] + found["writing"]
    above = (found["peak"] - size) / 1e9
    times = f"product {found['bare']:.2f} s, writing {found['writing']:.2f} s"
    rows = [
        Row(
            f"{shape[0]:,} × {shape[1]:,}, k = {LARGE_K}, {found['rows']:,} rows to CSV",
            f"{found['whole']:.2f} s",
            times,
            found["whole"] / bound,
            *at_most(1.0, found["whole"] / bound),
        ),
        Row(
            "memory at the peak, above the model's file",
            f"{above:.2f} GB",
            "",
            above,
            *at_most(2.0, above, " GB"),
        ),
    ]
    notes = ["ratio: of 2.5 × the bare product plus the writing, one after the other"]
    table(f"recommend to a CSV: {machine()}; {versions('numpy', 'numba', 'pyarrow')}", rows, notes)


def whole_process(model: Path, out: Path) -> float:
    """Return the seconds of a process that recommends for everybody."""
    command = [sys.executable, "-m", "mfcli", "recommend", str(model), "--out", str(out)]
    command += ["--k", str(K), "--workers", str(WORKERS), "--quiet"]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def to_parquet(n_users: int, repeats: int) -> None:
    """Alternate whole processes, of this model and of one that is nearly nothing, and implicit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, nothing = folder / "model.pt", folder / "nothing.pt"
        save_model(model, n_users, PARQUET_ITEMS)
        save_model(nothing, 60, PARQUET_ITEMS)
        checkpoint = load_checkpoint(model)
        out = folder / "recs.parquet"
        runs: list[Callable[[], float]] = [
            lambda: whole_process(model, out),
            lambda: whole_process(nothing, out),
        ]
        factors = [checkpoint.weights[of] for of in ("user_factors", "item_factors")]
        other = peer(*(np.asarray(part) for part in factors))
        if other is not None:
            ones = np.ones(len(checkpoint.seen_indices), np.float32)
            parts = (ones, checkpoint.seen_indices, checkpoint.seen_indptr)
            seen = sp.csr_matrix(parts, shape=(n_users, PARQUET_ITEMS))

            def theirs(threads: int) -> float:
                start = time.perf_counter()
                with threadpool_limits(threads, user_api="blas"):
                    other.recommend(np.arange(n_users), seen, N=K, filter_already_liked_items=True)
                return time.perf_counter() - start

            # implicit advises one thread a product beside its own: whichever is faster here.
            times_by_threads = {threads: theirs(threads) for threads in (1, WORKERS)}
            fastest = min(times_by_threads, key=lambda threads: times_by_threads[threads])
            runs.append(lambda: theirs(fastest))
        for run in runs:
            run()
        found = alternated(runs, repeats)
    less = [whole - nothing for whole, nothing in zip(found[0], found[1], strict=True)]
    what = f"{n_users:,} × {PARQUET_ITEMS:,}, k = {K}, the process less start-up"
    row = Row(what, shown(less, "s", 2))
    if other is not None:
        times = ratio(found[2], less)
        row = Row(what, shown(less, "s", 2), shown(found[2], "s", 2), times, *at_least(5.0, times))
    notes = [f"start-up {shown(found[1], 's', 2)}"]
    table(f"recommend to Parquet: {machine()}; {versions('implicit', 'pyarrow')}", [row], notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the large one's rows")
    parser.add_argument("--parquet", action="store_true", help="the last part alone")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(*chosen.child)
        return
    if chosen.parquet:
        to_parquet(6_000 if chosen.quick else 60_000, max(chosen.repeats, 5))
        return
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
            return best_items(block, CsrRows(seen.indptr, seen.indices).cut(block.users), K)

        lists[0] = np.concatenate(
            [items for items, _ in BlockScorer(scoring).blocks(everyone, work, 2)]
        )
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
        times = ratio(found[1], found[0])
        ours_text, theirs_text = shown(found[0], "s", 3), shown(found[1], "s", 3)
        rows = [Row(what, ours_text, theirs_text, times, *at_least(5.0, times))]
        notes = [f"lists that are the same: {(lists[0] == lists[1]).all(axis=1).mean():.2%}"]
    table(title, rows, notes)
    large(SMALL if chosen.quick else LARGE)
    to_parquet(6_000 if chosen.quick else 60_000, max(chosen.repeats, 5))


if __name__ == "__main__":
    main()
