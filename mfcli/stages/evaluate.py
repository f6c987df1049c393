"""``mfcli evaluate``: one or more model.pt and test.npz → metrics.json."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mfcli.artifacts import (
    atomic_file,
    lineage_entry,
    lineage_of,
    manifest_of,
    meta_for,
    output_lock,
    real_output,
    refuse_input_as_output,
)
from mfcli.artifacts.checkpoint import Checkpoint, save_checkpoint
from mfcli.artifacts.files import is_manifest
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.manifest import Facts
from mfcli.artifacts.meta import document_text, warnings_of, with_warnings
from mfcli.artifacts.tables import write_columns
from mfcli.codes import WarningCode
from mfcli.config import EvaluateConfig, format_of
from mfcli.data.ids import encode
from mfcli.data.interactions import Interactions
from mfcli.errors import UsageError
from mfcli.evaluation.comparison import check_gates, read_gates, user_columns
from mfcli.evaluation.evaluate import Evaluation, NamedModel
from mfcli.evaluation.evaluate import evaluate as evaluate_models
from mfcli.evaluation.later import ChosenRows, choose_rows
from mfcli.evaluation.protocol import Given, collect_candidates
from mfcli.events import OnEvent, Stage, Started, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.models.loading import scoring_of
from mfcli.results import EvaluateResult
from mfcli.scoring.files import read_history
from mfcli.scoring.memory import require_scoring
from mfcli.scoring.newcomers import History, fold_newcomers, history_for
from mfcli.sources.reading import read_any
from mfcli.stages.telling import begin, end
from mfcli.system.streams import printable


def evaluate(
    model: Path | Sequence[Path],
    test: Path,
    out: Path | None,
    config: EvaluateConfig,
    on_event: OnEvent = ignore,
    *,
    keep: bool = False,
    held: Held = NOTHING,
) -> EvaluateResult:
    """Measure checkpoints on a test set; write metrics.json to ``out`` where one is named.

    With ``keep``, a checkpoint keeps that it is not better than popularity, and recommend says so.
    held: what is in memory of the files.
    Raises UsageError, InputError; GateError after the files are written, if a gate is not met.
    """
    on_event = without(config.ignore, on_event)
    began = begin(Stage.evaluate, on_event)
    read_gates(config)  # what is wrong with them is said before anything is read
    paths = [model] if isinstance(model, Path) else list(model)
    per_user = None if config.per_user is None else Path(config.per_user)
    if per_user is not None:
        format_of(per_user.name, "--per-user")
    outputs = [path for path in (out, per_user) if path is not None]
    config.check_stream(to_stdout=not outputs, where="where no file is written: give --out FILE")
    for path in outputs:
        refuse_input_as_output(path, test, config.history, *paths)
    with _lock_all(outputs, config.wait), compiling(on_event):
        require_scoring(paths, test, config.workers, max(config.k), on_event)
        chosen = choose_rows(
            held.matrix(test),
            _mapped(paths, held),
            config,
            folded=config.history is not None,
            name=str(test),
            on_event=on_event,
        )
        rows = chosen.rows
        given, inputs = _read_candidates(config.candidates, rows, on_event)
        history, more = _read_history(rows, test, config, on_event)
        inputs += more
        evaluation = evaluate_models(
            _load_models(paths, history, chosen, config, on_event, held),
            chosen,
            config,
            given=given,
            test_name=str(test),
            on_event=on_event,
        )
        if keep:
            evaluation = _kept(evaluation, paths[0], held)
        inputs = [{"role": "test", "sha256": held.sha256(test)}, *inputs]
        result = _result(evaluation, inputs, config, began)
        lineage = lineage_of(result.meta)
        if per_user is not None:
            columns = user_columns(evaluation.subjects, rows, config)
            facts = Facts("per-user", {"rows": len(next(iter(columns.values())))}, lineage)
            with atomic_file(per_user, facts.describe if config.manifest else None) as stream:
                write_columns(stream, format_of(per_user.name, "--per-user"), columns)
        if out is not None:
            facts = Facts("metrics", dict(result.counts), lineage)
            with atomic_file(out, facts.describe if config.manifest else None) as stream:
                stream.write(document(result).encode())
    end(Stage.evaluate, began, result, on_event)
    check_gates(evaluation.subjects, evaluation.differences, config, on_event)
    return result


def _kept(evaluation: Evaluation, path: Path, held: Held) -> Evaluation:
    """Store in the measured checkpoint that it is not better, and take its SHA-256 anew."""
    found = [it for it in evaluation.warnings if it.code is WarningCode.popularity]
    checkpoint = held.checkpoint(path)
    if warnings_of(checkpoint.meta) == found:
        return evaluation
    with output_lock(path):
        warned = replace(checkpoint, meta=with_warnings(checkpoint.meta, found))
        save_checkpoint(path, warned, manifest=is_manifest(manifest_of(path)))
    held.keep(path, warned)
    first, *others = evaluation.subjects
    return replace(evaluation, subjects=[replace(first, sha256=held.sha256(path)), *others])


@contextmanager
def _lock_all(paths: list[Path], wait: float) -> Iterator[None]:
    """Hold the locks of all outputs."""
    if len({real_output(path) for path in paths}) < len(paths):
        raise UsageError("--out and --per-user name one file: give each its own")
    if not paths:
        yield
        return
    with output_lock(paths[0], wait), _lock_all(paths[1:], wait):
        yield


def _read_candidates(
    source: str | None, test: Interactions, on_event: OnEvent
) -> tuple[Given | None, list[dict[str, Any]]]:
    """Read the candidate file, where there is one, and describe it as an input."""
    if source is None:
        return None, []
    read = read_any(source, on_event=on_event, pairs=True, names=False)
    table, catalog = read.table, test.catalog
    users = encode(table.users.values, catalog.user_ids)[0][table.users.codes]
    items = encode(table.items.values, catalog.item_ids)[0][table.items.codes]
    return collect_candidates(users, items, test, source), read.digests("candidates")


def _read_history(
    test: Interactions, path: Path, config: EvaluateConfig, on_event: OnEvent
) -> tuple[History | None, list[dict[str, Any]]]:
    """Read what is known of the test set's users, where it is named; describe it as an input."""
    if config.history is None:
        return None, []
    rows, rated, inputs = read_history(config.history, on_event)
    history = history_for(rows, test, name=config.history, test_name=str(path), rated=rated)
    return history, list(inputs)


def _load_models(
    paths: list[Path],
    history: History | None,
    chosen: ChosenRows,
    config: EvaluateConfig,
    on_event: OnEvent,
    held: Held,
) -> Iterator[NamedModel]:
    """Load one model after the other, so that memory holds one at a time."""
    for path, name in zip(paths, _name_models(paths), strict=True):
        on_event(Started(f"evaluate {name}" if len(paths) > 1 else "evaluate"))
        checkpoint, beside = chosen.beside(held.checkpoint(path), name)
        folded = None
        if history is not None:
            checkpoint, folded = fold_newcomers(
                checkpoint, history, chosen.rows, config, on_event=on_event
            )
        yield NamedModel(
            name=name,
            checkpoint=checkpoint,
            scores=scoring_of(checkpoint, path),
            sha256=held.sha256(path),
            folded=folded,
            beside=beside,
        )


def _mapped(paths: list[Path], held: Held) -> Iterator[tuple[str, Checkpoint]]:
    """Map one model after the other, for their ids and what is in their train."""
    for path, name in zip(paths, _name_models(paths), strict=True):
        yield name, held.checkpoint(path, mapped=True)


def _name_models(paths: list[Path]) -> list[str]:
    """Return the files' names, with as many folders as tell them apart."""
    for depth in range(1, 1 + max(len(path.parts) for path in paths)):
        names = [printable("/".join(path.parts[-depth:])) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [printable(f"{number}: {path}") for number, path in enumerate(paths, 1)]


def _result(
    evaluation: Evaluation,
    files: list[dict[str, Any]],
    config: EvaluateConfig,
    began: float,
) -> EvaluateResult:
    first = evaluation.subjects[0]
    inputs = [
        {"role": "model", "sha256": subject.sha256}
        for subject in evaluation.subjects
        if subject.sha256 is not None
    ]
    inputs += files
    options = config.stored()
    lineage = [*lineage_of(first.meta), lineage_entry("evaluate", options, inputs)]
    models = evaluation.tables()
    beside = evaluation.beside.get(first.name)
    return EvaluateResult(
        out=None,
        metrics=first.measured.metrics,
        protocol=first.protocol,
        counts=first.counts,
        user_groups=first.groups,
        meta=meta_for("metrics", lineage),
        seconds=time.perf_counter() - began,
        intervals=evaluation.intervals[0],
        models=models if len(models) > 1 else [],
        differences=evaluation.differences,
        per_user=config.per_user,
        baseline=None if beside is None else beside.table(),
        doubts=[
            {"code": str(warning.code), "text": warning.message} for warning in evaluation.warnings
        ],
    )


def document(result: EvaluateResult) -> str:
    """Return the text of metrics.json."""
    content: dict[str, Any] = {
        "metrics": result.metrics,
        "intervals": result.intervals,
        "protocol": result.protocol,
        "counts": result.counts,
        "user_groups": result.user_groups,
    }
    if result.baseline is not None:
        content["baseline"] = result.baseline
    if result.doubts:
        content["warnings"] = result.doubts
    if result.models:
        content |= {"models": result.models, "differences": result.differences}
    return document_text(content | {"meta": result.meta})
