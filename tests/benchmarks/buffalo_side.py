"""Buffalo, in an environment of its own: it pins an older NumPy than ours.

    .bench/buffalo-env/bin/python tests/benchmarks/buffalo_side.py MATRIX.npz

The matrix is laid out once. Then each line of standard input is a run, as JSON: ``algorithm`` (als
or bpr), its ``options``, and ``out``, the .npz for the factors. Each gets a line on standard output
with the seconds of training. Nothing of mfcli is imported here.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from buffalo.algo.als import ALS
from buffalo.algo.bpr import BPRMF
from buffalo.algo.options import ALSOption, BPRMFOption
from buffalo.data.mm import MatrixMarket, MatrixMarketOptions
from buffalo.misc import log

ALGORITHMS: dict[str, tuple[Any, Any]] = {"als": (ALS, ALSOption), "bpr": (BPRMF, BPRMFOption)}
QUIET: dict[str, Any] = {
    "evaluation_on_learning": False,
    "compute_loss_on_training": False,
    "validation": {},
    "save_best": False,
}


def laid_out(matrix: Any, folder: str) -> Any:
    """Return Buffalo's data of a matrix, none of it held out."""
    options = MatrixMarketOptions().get_default_option()
    options.input.main = matrix
    options.data.tmp_dir, options.data.path = folder, os.path.join(folder, "data.h5py")
    options.data.validation = {}
    data = MatrixMarket(options)
    data.create()
    return data


def trained(data: Any, algorithm: str, options: dict[str, Any], out: str) -> float:
    """Train, write users and items, of bpr with the item's bias, and return the seconds."""
    model_class, option_class = ALGORITHMS[algorithm]
    chosen = option_class().get_default_option()
    chosen.update({**QUIET, **options})
    model = model_class(chosen, data=data)
    start = time.perf_counter()
    model.initialize()
    model.train()
    seconds = time.perf_counter() - start
    users, items = model.P, model.Q
    if algorithm == "bpr":
        users = np.hstack([users, np.ones((len(users), 1), np.float32)])
        items = np.hstack([items, model.Qb.reshape(-1, 1)])
    np.savez(out, users=users, items=items)
    return seconds


def main() -> None:
    """Serve runs until standard input ends."""
    log.set_log_level(log.WARN)
    answers = os.fdopen(os.dup(1), "w")  # the library itself prints to standard output
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        data = laid_out(sp.csr_matrix(sp.load_npz(Path(sys.argv[1]))), folder)
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            run = json.loads(line)
            seconds = trained(data, run["algorithm"], run["options"], run["out"])
            print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
