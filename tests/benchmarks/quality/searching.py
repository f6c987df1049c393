"""What tune gains over the defaults, near the best so far and at random, with as many trials.

On validation rows out of train, as tune does it; test rows are not read. Large sets are thinned to
a part of their users. Of hogwild only the small sets, where a training takes no time.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from mfcli.artifacts import load_interactions
from mfcli.config import FetchConfig, SplitConfig, TuneConfig
from mfcli.data.building import from_codes
from mfcli.data.interactions import Catalog, Interactions
from mfcli.stages.fetch import fetch
from mfcli.stages.split import split
from mfcli.tuning.tasks import scored
from mfcli.tuning.tuner import find_settings, hold_out, space_of_data
from tests.benchmarks.quality.published import CONSOLE

# The file of the train part, None for a split of ours, and one user in how many is kept.
SETS: dict[str, tuple[str | None, int]] = {
    "lightgcn-lastfm": ("data1.txt", 1),
    "ml-100k": (None, 1),
    "citeulike-a": ("train.txt", 3),
    "douban-book": ("train.txt", 8),
    "amazon-book-kgat": ("train.txt", 10),
    "pinterest": ("train.txt", 10),
}
SMALL = 1  # what keeps all users
WAYS: dict[str, tuple[dict[str, Any], bool]] = {  # and whether large sets are searched too
    "ials": ({"objective": "ials", "factors": 64}, True),
    "bpr": ({"mode": "hogwild", "factors": 64}, False),
}
SEEDS = (0, 1)
DRAWS = {"at random": 10_000, "near the best": 6}


def search(data: Path, work: Path, trials: int) -> None:
    """Print the gains in ndcg@10, in percent, and the seconds of the searches."""
    table = Table(title=f"tune, {trials} trials: gain over the defaults on validation, percent")
    for name in ("data set", "way", "seed", "ndcg@10", *DRAWS, "seconds"):
        table.add_column(name)
    for name, (_, part) in SETS.items():
        matrix = _thinned(_train_part(data, work, name), part)
        for way, (given, large) in WAYS.items():
            for seed in SEEDS if large or part == SMALL else ():
                runs = [_gain(matrix, given, seed, trials, draws) for draws in DRAWS.values()]
                gains = [f"{100 * gain:+.2f}" for _, gain, _ in runs]
                seconds = " ".join(f"{seconds:.0f}" for *_, seconds in runs)
                table.add_row(name, way, str(seed), f"{runs[0][0]:.4f}", *gains, seconds)
                CONSOLE.print(name, way, seed, *gains, highlight=False)
    CONSOLE.print(table)


def _train_part(data: Path, work: Path, name: str) -> Interactions:
    file, _ = SETS[name]
    source = data / name if file is None else data / name / file
    fetch(str(source), work / "all.npz", FetchConfig())
    if file is not None:
        return load_interactions(work / "all.npz")
    split(work / "all.npz", work / name, SplitConfig(threshold=4.0))
    return load_interactions(work / name / "train.npz")


def _thinned(matrix: Interactions, part: int) -> Interactions:
    """Return one user in ``part``, and the items that these have."""
    kept = matrix.users % part == 0
    users, rows = np.unique(matrix.users[kept], return_inverse=True)
    items, columns = np.unique(matrix.indices[kept], return_inverse=True)
    catalog = Catalog(matrix.catalog.user_ids[users], matrix.catalog.item_ids[items])
    return from_codes(rows, columns, matrix.data[kept], None, catalog)[0]


def _gain(
    matrix: Interactions, given: dict[str, Any], seed: int, trials: int, draws: int
) -> tuple[float, float, float]:
    """Return the defaults' score, what the best trial gains as a part of it, and the seconds."""
    asked = {**given, "workers": 1, "jobs": 1, "seed": seed, "trials": trials, "draws": draws}
    config = TuneConfig.merge(("", asked)).ready()
    train, valid, _ = hold_out(matrix, config)
    began = time.perf_counter()
    found = find_settings(train, valid, config, space_of_data(config, train))
    values = {(it.trial, it.rung): it.value or 0.0 for it in scored(found.results)}
    default = values[0, found.plan.rungs - 1]
    return default, max(values.values()) / default - 1.0, time.perf_counter() - began
