"""The peers of implicit ALS and BPR: implicit, Buffalo and cmfrec, each at its best build.

``make bench`` installs them and pins their versions. One that is not there costs a line and is
left out. All compute in float32, as ours does, with the threads that are asked for; their ALS
takes three steps of conjugate gradients a row, which is their default.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from tests.benchmarks.measuring import BUFFALO_ENVIRONMENT

BUFFALO_PYTHON = BUFFALO_ENVIRONMENT / "bin" / "python"
BUFFALO_SIDE = Path(__file__).with_name("buffalo_side.py")


class Fitted(NamedTuple):
    """What a peer learnt: its seconds of training, users (U, F) and items (I, F)."""

    seconds: float
    users: np.ndarray
    items: np.ndarray


class Weights(NamedTuple):
    """The settings of implicit ALS as the peers call them."""

    alpha: float
    regularization: float


class Peer(Protocol):
    """A library that trains on the matrix that it was opened with."""

    name: str

    def als(self, factors: int, weights: Weights, iterations: int, threads: int) -> Fitted:
        """Train implicit ALS."""
        ...


class Implicit:
    """implicit: AlternatingLeastSquares by conjugate gradients, BPR with verified negatives."""

    name = "implicit"

    def __init__(self, matrix: sp.csr_matrix) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import implicit.als
            import implicit.bpr
        self.als_class = implicit.als.AlternatingLeastSquares
        self.bpr_class = implicit.bpr.BayesianPersonalizedRanking
        self.matrix = matrix

    def als(self, factors: int, weights: Weights, iterations: int, threads: int) -> Fitted:
        return self._fitted(
            self.als_class(
                factors=factors,
                alpha=weights.alpha,
                regularization=weights.regularization,
                iterations=iterations,
                num_threads=threads,
                random_state=1,
                use_gpu=False,
            )
        )

    def bpr(self, factors: int, rate: float, epochs: int, threads: int) -> Fitted:
        return self._fitted(
            self.bpr_class(
                factors=factors,
                learning_rate=rate,
                regularization=0.01,
                iterations=epochs,
                verify_negative_samples=True,
                num_threads=threads,
                random_state=1,
                use_gpu=False,
            )
        )

    def _fitted(self, model: Any) -> Fitted:
        start = time.perf_counter()
        model.fit(self.matrix, show_progress=False)
        return Fitted(time.perf_counter() - start, model.user_factors, model.item_factors)


class Cmfrec:
    """cmfrec: CMF_implicit in float32 by conjugate gradients."""

    name = "cmfrec"

    def __init__(self, matrix: sp.csr_matrix) -> None:
        from cmfrec import CMF_implicit

        self.model_class, self.matrix = CMF_implicit, matrix.tocoo()

    def als(self, factors: int, weights: Weights, iterations: int, threads: int) -> Fitted:
        model = self.model_class(
            k=factors,
            alpha=weights.alpha,
            lambda_=weights.regularization,
            niter=iterations,
            nthreads=threads,
            use_cg=True,
            use_float=True,
            precompute_for_predictions=False,
            verbose=False,
        )
        start = time.perf_counter()
        model.fit(self.matrix)
        return Fitted(time.perf_counter() - start, model.A_, model.B_)


class Buffalo:
    """Buffalo in a process of its own; the laying out of its data is not counted."""

    name = "buffalo"

    def __init__(self, matrix: sp.csr_matrix, folder: Path) -> None:
        sp.save_npz(folder / "matrix.npz", matrix, compressed=False)
        self.out = folder / "factors.npz"
        command = [str(BUFFALO_PYTHON), str(BUFFALO_SIDE), str(folder / "matrix.npz")]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._answer() != "ready":
            raise OSError("its process ended")

    def als(self, factors: int, weights: Weights, iterations: int, threads: int) -> Fitted:
        return self._run(
            "als",
            d=factors,
            alpha=weights.alpha,
            reg_u=weights.regularization,
            reg_i=weights.regularization,
            num_iters=iterations,
            num_workers=threads,
        )

    def bpr(self, factors: int, rate: float, epochs: int, threads: int) -> Fitted:
        return self._run(
            "bpr",
            d=factors,
            lr=rate,
            reg_u=0.01,
            reg_i=0.01,
            reg_j=0.01,
            reg_b=0.01,
            num_iters=epochs,
            num_workers=threads,
        )

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()

    def _run(self, algorithm: str, **options: Any) -> Fitted:
        assert self.process.stdin is not None
        run = {"algorithm": algorithm, "options": options, "out": str(self.out)}
        self.process.stdin.write(json.dumps(run) + "\n")
        self.process.stdin.flush()
        seconds = float(self._answer())
        with np.load(self.out) as found:
            return Fitted(seconds, found["users"], found["items"])

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise OSError("its process ended")
        return line.strip()


@contextlib.contextmanager
def opened(matrix: sp.csr_matrix, *names: str) -> Iterator[dict[str, Any]]:
    """Yield the peers of these names that are here, by name, ready to train on a matrix."""
    makers = {"implicit": Implicit, "cmfrec": Cmfrec}
    with contextlib.ExitStack() as stack:
        found: dict[str, Any] = {}
        for name in names:
            try:
                if name == "buffalo":
                    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                    found[name] = stack.enter_context(contextlib.closing(Buffalo(matrix, folder)))
                else:
                    found[name] = makers[name](matrix)
            except (ImportError, OSError) as error:
                print(f"  {name} is not here ({error}): make bench installs it")  # noqa: T201
        yield found
