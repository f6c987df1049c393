"""``mfcli warm-up``: compile all kernels that the commands use, and keep them on disk.

For images and read-only installs: what is kept is loaded by every later process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import TrainConfig
from mfcli.data.building import from_codes
from mfcli.data.interactions import Catalog, Interactions
from mfcli.errors import SystemRefusedError
from mfcli.evaluation.measuring import measure, measure_common
from mfcli.events import OnEvent, Progress, Stage, Started, ignore
from mfcli.kernels import compilation
from mfcli.models.loading import scoring_of
from mfcli.ranking.serving import Trained
from mfcli.results import WarmUpResult
from mfcli.scoring.recommender import make_recommender
from mfcli.stages.telling import begin, end
from mfcli.training.fit import fit

SMALL = {"epochs": 1, "factors": 4}
METRICS = ("ndcg@5", "auc")  # ranks among the best, and among all


class Group(NamedTuple):
    """Kernels that are used together: their names, and work that uses each in all its versions."""

    kernels: tuple[str, ...]
    work: Callable[[], None]


def warm_up(*, listed: bool = False, on_event: OnEvent = ignore) -> WarmUpResult:
    """Compile what is not kept yet, group by group; ``listed`` only tells what is kept.

    Raises SystemRefusedError where no folder can be written and something is missing.
    """
    start = begin(Stage.warm_up, on_event)
    if not listed:
        _require_folder()
        on_event(Started("warm-up", len(GROUPS), "groups of kernels"))
    seconds: dict[str, float] = {}
    compiled: dict[str, int] = {}
    for number, (name, group) in enumerate(GROUPS.items(), start=1):
        began, before = time.perf_counter(), sum(compilation.kept().values())
        if not listed:
            group.work()
            on_event(Progress(number, len(GROUPS)))
        seconds[name] = time.perf_counter() - began
        compiled[name] = sum(compilation.kept().values()) - before
    if not listed:
        _require_kept()
    kept = compilation.kept()
    result = WarmUpResult(
        folders=compilation.cache_folders(),
        groups=[
            {
                "name": name,
                "kernels": list(group.kernels),
                "kept": all(kept[kernel] for kernel in group.kernels),
                "compiled": compiled[name],
                "seconds": seconds[name],
            }
            for name, group in GROUPS.items()
        ],
        listed=listed,
    )
    return end(Stage.warm_up, start, result, on_event)


def _missing() -> list[str]:
    return [name for name, versions in compilation.kept().items() if not versions]


def _require_folder() -> None:
    if _missing() and not compilation.writable():
        raise SystemRefusedError(
            f"no folder can be written that keeps kernels ({_tried()}): name one with "
            "NUMBA_CACHE_DIR"
        )


def _require_kept() -> None:
    if missing := _missing():
        raise SystemRefusedError(
            f"{', '.join(missing)} could not be kept ({_tried()}): make room there, or name "
            "another folder with NUMBA_CACHE_DIR"
        )


def _tried() -> str:
    return ", ".join(compilation.cache_folders()) or "none was found"


def _matrix() -> Interactions:
    """Return a few hundred ones."""
    random = np.random.default_rng(0)
    users, items = random.integers(0, 40, 600), random.integers(0, 30, 600)
    catalog = Catalog(np.arange(40), np.arange(30))
    return from_codes(users, items, None, None, catalog)[0]


def _trained(**options: Any) -> Checkpoint:
    matrix = _matrix()
    if options.get("objective") == "mse":  # which wants values that differ
        matrix.data[::2] = 2.0
    return fit(matrix, TrainConfig.merge(("", options)).recipe()).checkpoint


def _hogwild() -> None:
    for objective in ("mse", "bpr", "logistic"):
        _trained(**SMALL, engine="hogwild", objective=objective)
    _trained(**SMALL, engine="hogwild", objective="bpr", negative_power=0.5)


def _cosines() -> None:
    _trained(**SMALL, engine="hogwild", objective="softmax")


def _als() -> None:
    for objective in ("mse", "ials"):
        _trained(**SMALL, engine="als", objective=objective)


def _svdpp() -> None:
    _trained(**SMALL, engine="hogwild", objective="mse", model="svdpp")


def _ease() -> None:
    checkpoint = _trained(model="ease")
    scoring = scoring_of(checkpoint)
    rows = np.arange(3)
    scoring.pairs(rows, rows)
    scoring.catalogue()(0, 1)


def _recommend() -> None:
    recommender = make_recommender(_trained(model="popularity"))
    recommender.rank_all()


def _evaluate() -> None:
    checkpoint, test = _trained(model="popularity"), _matrix()
    scoring, nothing = scoring_of(checkpoint), test.keep(np.zeros(test.n_ratings, np.bool_)).rows
    for trained in (None, Trained.of(checkpoint)):
        measure(scoring, nothing, test, METRICS, trained=trained)
    measure_common(np.zeros(test.n_items, np.float32), nothing, test, METRICS)


GROUPS: dict[str, Group] = {
    "train --engine hogwild": Group(
        ("fill_tiles", "fill_filter", "fill_alias", "mse_pass", "pairwise_pass", "logistic_pass"),
        _hogwild,
    ),
    "train --objective softmax": Group(("shared_pass",), _cosines),
    "train --model svdpp": Group(("svdpp_pass", "sum_histories"), _svdpp),
    "train --engine als": Group(("solve_rows",), _als),
    "train --model ease": Group(("count_pairs", "add_rows", "sum_entries"), _ease),
    "recommend": Group(("_topk",), _recommend),
    "evaluate": Group(("_rank", "_common"), _evaluate),
}
