"""``mfcli evaluate``: model.pt and test.npz → metrics.json."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_entry,
    lineage_of,
    load_interactions,
    meta_for,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.meta import check_meta
from mfcli.config import EvaluateConfig
from mfcli.config.metric_names import LOWER_IS_BETTER, RATING_METRICS, expand_metrics
from mfcli.errors import GateError, InputError, UsageError
from mfcli.evaluation import Ranked, measure, metric_list
from mfcli.interactions import Interactions
from mfcli.ranking import available_workers
from mfcli.results import EvaluateResult, Report, Started, ignore
from mfcli.stages.common import check_held_out, predicts_ratings, scoring_of


def evaluate(
    model: Path, test: Path, out: Path | None, config: EvaluateConfig, report: Report = ignore
) -> EvaluateResult:
    """Measure a checkpoint on a test set; write metrics.json to ``out`` where one is named.

    Raises UsageError, InputError; GateError after the file is written, if a gate is not met.
    """
    began = time.perf_counter()
    gates = [_gate(text, config) for text in config.fail_under]
    if out is None:
        result = _measure(model, test, config, report, began)
    else:
        real_output(out)
        refuse_input_as_output(out, model, test)
        with output_lock(out):
            result = _measure(model, test, config, report, began)
            with atomic_file(out) as stream:
                stream.write(document(result).encode())
    _check_gates(gates, result.metrics)
    return result


def document(result: EvaluateResult) -> str:
    """Return the text of metrics.json."""
    content = {
        "metrics": {
            name: None if math.isnan(value) else value for name, value in result.metrics.items()
        },
        "protocol": result.protocol,
        "counts": result.counts,
        "meta": result.meta,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _measure(
    model: Path, test: Path, config: EvaluateConfig, report: Report, began: float
) -> EvaluateResult:
    report(Started("evaluate"))
    checkpoint, rows = load_checkpoint(model), load_interactions(test)
    seen = (checkpoint.seen_indptr, checkpoint.seen_indices)
    check_held_out(rows, test, checkpoint.meta, checkpoint.catalog, seen, model)
    ratings = predicts_ratings(checkpoint)
    names = metric_list(config.metric, config.k, ratings)
    for name in RATING_METRICS:
        if name in names and not ratings:
            objective = checkpoint.options.get("objective")
            raise UsageError(
                f"--metric {name}: a model of --objective {objective} predicts no ratings"
            )
    clip = checkpoint.rating_range if ratings else None
    metrics, ranked = measure(
        scoring_of(checkpoint, model), seen, rows, names, clip=clip,
        include_seen=config.include_seen, workers=config.workers or available_workers(),
    )  # fmt: skip
    inputs = [
        {"role": "model", "sha256": file_sha256(model)},
        {"role": "test", "sha256": file_sha256(test)},
    ]
    options = config.options(leave_out=("workers",))
    lineage = [*lineage_of(checkpoint.meta), lineage_entry("evaluate", options, inputs)]
    return EvaluateResult(
        None, metrics, _protocol(config, clip), _counts(checkpoint, rows, ranked),
        meta_for("metrics", lineage), time.perf_counter() - began,
    )  # fmt: skip


def _protocol(config: EvaluateConfig, clip: tuple[float, float] | None) -> dict[str, Any]:
    protocol: dict[str, Any] = {
        "candidates": "all items",
        "masked": "nothing" if config.include_seen else "the items that the user has in train",
        "positives": "every test row of the user",
        "averaging": "rmse and mae over test rows; the others over users with a test row",
        "ties": "auc: average rank; ranked lists: the item that stands first in the matrix",
        "auc_left_out": "users without a candidate that is no positive",
        "unknown": "users and items without a train row are scored by the terms that are known",
    }
    if clip is not None:
        protocol["clipped_to"] = list(clip)
    return protocol


def _counts(checkpoint: Checkpoint, test: Interactions, ranked: Ranked | None) -> dict[str, int]:
    unknown_user = checkpoint.user_counts == 0
    unknown_item = checkpoint.item_counts == 0
    counts = {
        "users": test.n_users,
        "items": test.n_items,
        "train_rows": len(checkpoint.seen_indices),
        "test_rows": test.n_ratings,
        "test_rows_unknown_user": int(unknown_user[test.users].sum()),
        "test_rows_unknown_item": int(unknown_item[test.indices].sum()),
        "users_with_test_row": int((test.user_counts > 0).sum()),
        "users_without_test_row": int((test.user_counts == 0).sum()),
    }
    if ranked is not None:
        counts["users_ranked"] = len(ranked.users)
        counts["users_without_auc"] = int(np.isnan(ranked.auc).sum())
    return counts


def _gate(text: str, config: EvaluateConfig) -> tuple[str, float]:
    """Read NAME=VALUE; raises UsageError."""
    name, equals, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        bound = math.nan
    if not equals or math.isnan(bound):
        raise UsageError(f"--fail-under {text!r} should look like ndcg@10=0.2")
    full = expand_metrics([name], config.k[:1])
    if name.partition("@")[0] in LOWER_IS_BETTER:
        raise UsageError(f"--fail-under {text!r}: less is better for {name}")
    return full[0], bound


def _check_gates(gates: list[tuple[str, float]], metrics: dict[str, float]) -> None:
    for name, bound in gates:
        if name not in metrics:
            raise UsageError(f"--fail-under {name}: it is not among the metrics measured")
        if not metrics[name] >= bound:
            raise GateError(f"{name} is {metrics[name]:.6f}, below the gate of {bound:g}")


def load_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics.json back; raises InputError."""
    try:
        content = json.loads(path.read_text("utf-8"))
        tables = [content[name] for name in ("metrics", "protocol", "counts", "meta")]
        if not all(isinstance(each, dict) for each in tables):
            raise TypeError
        values = [*content["metrics"].values(), *content["counts"].values()]
        if not all(each is None or isinstance(each, int | float) for each in values):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: is no metrics.json of mfcli evaluate") from None
    check_meta(content["meta"], str(path))
    return dict(content)
