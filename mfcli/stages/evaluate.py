"""``mfcli evaluate``: one or more model.pt and test.npz → metrics.json."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from mfcli.artifacts.tables.text import write_columns
from mfcli.config import EvaluateConfig
from mfcli.config.metrics import is_rating_metric
from mfcli.data.held_out import check_held_out
from mfcli.data.interactions import Interactions
from mfcli.data.rows import CsrRows
from mfcli.errors import InputError, UsageError
from mfcli.evaluation.comparison import Subject, check_gates, compare, read_gate, user_columns
from mfcli.evaluation.measuring import Measured, measure, metric_list
from mfcli.evaluation.protocol import Given, counts_of, pool_of, protocol_of, read_candidates
from mfcli.kernels.announcing import compiling
from mfcli.models.arrays import ScoreArrays, Vectors
from mfcli.models.loading import scoring_of
from mfcli.results import EvaluateResult, OnEvent, Started, Warned, ignore
from mfcli.scoring.memory import require_scoring
from mfcli.system.processors import available_workers
from mfcli.system.streams import printable

# Options that say where something is, or how fast, not what is measured.
_WHERE = ("workers", "candidates", "per_user")


def evaluate(
    model: Path | Sequence[Path],
    test: Path,
    out: Path | None,
    config: EvaluateConfig,
    on_event: OnEvent = ignore,
) -> EvaluateResult:
    """Measure checkpoints on a test set; write metrics.json to ``out`` where one is named.

    Raises UsageError, InputError; GateError after the files are written, if a gate is not met.
    """
    began = time.perf_counter()
    gates = [read_gate(text, config) for text in config.fail_under]
    models = [model] if isinstance(model, Path) else list(model)
    per_user = None if config.per_user is None else Path(config.per_user)
    outputs = [each for each in (out, per_user) if each is not None]
    for each in outputs:
        refuse_input_as_output(each, test, *models)
    with _outputs(outputs), compiling(on_event):
        require_scoring(models, test, config.workers, max(config.k), on_event)
        rows = load_interactions(test)
        given = None
        if config.candidates is not None:
            given = read_candidates(config.candidates, rows, on_event)
        subjects = _subjects(models, test, rows, given, config, on_event)
        result = _result(subjects, test, given, config, began)
        if per_user is not None:
            with atomic_file(per_user) as stream:
                write_columns(stream, user_columns(subjects, rows, config))
        if out is not None:
            with atomic_file(out) as stream:
                stream.write(document(result).encode())
    check_gates(gates, subjects, result.differences, config)
    return result


@contextmanager
def _outputs(paths: list[Path]) -> Iterator[None]:
    """Hold the locks of all outputs."""
    if len({real_output(each) for each in paths}) < len(paths):
        raise UsageError("--out and --per-user name one file: give each its own")
    if not paths:
        yield
        return
    with output_lock(paths[0]), _outputs(paths[1:]):
        yield


def document(result: EvaluateResult) -> str:
    """Return the text of metrics.json."""
    content: dict[str, Any] = {
        "metrics": result.metrics,
        "intervals": result.intervals,
        "protocol": result.protocol,
        "counts": result.counts,
    }
    if result.models:
        content |= {"models": result.models, "differences": result.differences}
    content["meta"] = result.meta
    return json.dumps(without_nan(content), indent=2, ensure_ascii=False) + "\n"


def without_nan(value: Any) -> Any:
    """Replace NaN, which JSON has not, by None."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return value


def _subjects(
    models: list[Path],
    test: Path,
    rows: Interactions,
    given: Given | None,
    config: EvaluateConfig,
    on_event: OnEvent,
) -> list[Subject]:
    """Measure every model, each followed by the baseline that it should beat."""
    found: list[Subject] = []
    first: CsrRows | None = None
    for path, name in zip(models, _names(models), strict=True):
        on_event(Started(f"evaluate {name}" if len(models) > 1 else "evaluate"))
        checkpoint = load_checkpoint(path)
        seen = checkpoint.seen
        check_held_out(rows, test, checkpoint.meta, checkpoint.catalog, seen, path)
        first = first or seen
        if not all(np.array_equal(a, b) for a, b in zip(first, seen, strict=True)):
            on_event(
                Warned(
                    f"{name}: was trained on other rows than the first model; each masks its own"
                )
            )
        subject = _measured(path, name, checkpoint, rows, given, config)
        found.append(subject)
        if config.beat is not None:
            found.append(_baseline(subject, checkpoint, rows, given, config))
    return found


def _names(models: list[Path]) -> list[str]:
    """Return the files' names, with as many folders as tell them apart."""
    for depth in range(1, 1 + max(len(each.parts) for each in models)):
        names = [printable("/".join(each.parts[-depth:])) for each in models]
        if len(set(names)) == len(names):
            return names
    return [printable(f"{number}: {each}") for number, each in enumerate(models, 1)]


def _measured(
    path: Path,
    name: str,
    checkpoint: Checkpoint,
    rows: Interactions,
    given: Given | None,
    config: EvaluateConfig,
) -> Subject:
    ratings = checkpoint.predicts_ratings
    names = metric_list(config.metric, config.k, ratings)
    for metric in names:
        if is_rating_metric(metric) and not ratings:
            objective = checkpoint.options.get("objective")
            raise UsageError(
                f"--metric {metric}: a model of --objective {objective} predicts no ratings"
            )
    gates = [read_gate(text, config)[0] for text in config.fail_under]
    if config.beat is not None:
        gates.append(config.beat_metric)
    names += [name for name in dict.fromkeys(gates) if name not in names]
    clip = checkpoint.rating_range if ratings else None
    found = _measure(scoring_of(checkpoint, path), names, clip, checkpoint, rows, given, config)
    listed = [each for each in names if not is_rating_metric(each)]
    return Subject(
        name,
        file_sha256(path),
        found,
        protocol_of(config, clip, listed),
        counts_of(checkpoint, rows, found, given, config.sampled),
        checkpoint.meta,
    )


def _baseline(
    subject: Subject,
    checkpoint: Checkpoint,
    rows: Interactions,
    given: Given | None,
    config: EvaluateConfig,
) -> Subject:
    """Measure the ranking by number of ratings in the model's own train data."""
    counts = checkpoint.item_counts.astype(np.float32)
    nothing = np.zeros((checkpoint.n_users, 1), np.float32)
    scoring = Vectors(nothing, np.zeros((len(counts), 1), np.float32), nothing[:, 0], counts, 0.0)
    names = [each for each in subject.measured.metrics if not is_rating_metric(each)]
    found = _measure(scoring, names, None, checkpoint, rows, given, config)
    return Subject(
        str(config.beat),
        None,
        found,
        protocol_of(config, None, names),
        subject.counts,
        {},
        base=subject.name,
    )


def _measure(
    scoring: ScoreArrays,
    names: list[str],
    clip: tuple[float, float] | None,
    checkpoint: Checkpoint,
    rows: Interactions,
    given: Given | None,
    config: EvaluateConfig,
) -> Measured:
    seen = checkpoint.seen
    return measure(
        scoring,
        seen,
        rows,
        names,
        clip=clip,
        include_seen=config.include_seen,
        workers=config.workers or available_workers(),
        pool=pool_of(seen, rows, given, config),
    )


def _result(
    subjects: list[Subject], test: Path, given: Given | None, config: EvaluateConfig, began: float
) -> EvaluateResult:
    intervals, differences = compare(subjects, config)
    inputs = [
        {"role": "model", "sha256": each.sha256} for each in subjects if each.sha256 is not None
    ]
    inputs.append({"role": "test", "sha256": file_sha256(test)})
    inputs += [] if given is None else given.inputs
    first = subjects[0]
    options = config.options(leave_out=_WHERE)
    lineage = [*lineage_of(first.meta), lineage_entry("evaluate", options, inputs)]
    models = [
        {
            "name": each.name,
            "sha256": each.sha256,
            "metrics": each.measured.metrics,
            "intervals": spread,
            "protocol": each.protocol,
            "counts": each.counts,
            "baseline_of": each.base,
        }
        for each, spread in zip(subjects, intervals, strict=True)
    ]
    return EvaluateResult(
        out=None,
        metrics=first.measured.metrics,
        protocol=first.protocol,
        counts=first.counts,
        meta=meta_for("metrics", lineage),
        seconds=time.perf_counter() - began,
        intervals=intervals[0],
        models=models if len(models) > 1 else [],
        differences=differences,
        per_user=config.per_user,
    )


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
