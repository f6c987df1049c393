"""``mfcli recommend``: model.pt → recommendations, as a file or a folder of parts."""

from __future__ import annotations

import time
from pathlib import Path

from mfcli.artifacts import file_sha256, lineage_entry, seconds_old
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.manifest import Facts, Manifest
from mfcli.artifacts.meta import lineage_of
from mfcli.config import RecommendConfig, Role, TableFormat, format_of
from mfcli.config.options import flag
from mfcli.errors import UsageError
from mfcli.events import OnEvent, Stage, ignore, without
from mfcli.kernels.announcing import compiling
from mfcli.models.loading import load_model
from mfcli.publishing.ages import check_age
from mfcli.publishing.changes import check_changes
from mfcli.publishing.folders import publish_folder
from mfcli.publishing.lists import WrittenLists, publish_file
from mfcli.publishing.outputs import output_stream
from mfcli.results import PairsResult, RecommendResult
from mfcli.scoring.memory import require_scoring
from mfcli.scoring.pairs import PairScorer
from mfcli.stages.telling import begin, end


def recommend(
    model: Path,
    out: Path | None,
    config: RecommendConfig,
    on_event: OnEvent = ignore,
    *,
    folder: bool = False,
    held: Held = NOTHING,
) -> RecommendResult | PairsResult:
    """Write the best k items of each user to ``out``, or with --pairs the scores of given pairs.

    None stands for standard output; ``folder`` asks for a folder of parts; held: what is
    in memory of the model. Raises UsageError,
    InputError (also for an unknown user with ``--unknown-users error``), LockedError, and GateError
    where a gate is not met; the old output then stays.
    """
    on_event = without(config.ignore, on_event)
    began = begin(Stage.recommend, on_event)
    check_place(out, config, folder=folder)
    check_age(model, config, on_event)
    if config.pairs is not None:
        scored = _score_pairs(model, out, config, config.pairs, on_event)
        return end(Stage.recommend, began, scored, on_event)
    require_scoring([model], None, config.workers, 0, on_event)
    with compiling(on_event):
        if folder and out is not None:
            written = publish_folder(model, out, config, on_event, held)
        else:
            written = publish_file(model, out, config, on_event, held)
    result = result_of(written, out, model, time.perf_counter() - began)
    return end(Stage.recommend, began, result, on_event)


def result_of(
    written: WrittenLists,
    out: Path | None,
    model: Path,
    seconds: float,
    *,
    churn: float | None = None,
) -> RecommendResult:
    """Return what became of the lists of a model; churn: where no gate of recommend measured it."""
    recommender, summary = written.recommender, written.summary
    judged = None if written.figures is None else written.figures.churn
    return RecommendResult(
        out="-" if out is None else str(out),
        n_users=len(recommender.rows),
        n_rows=summary.rows,
        unknown_users=recommender.request.unknown,
        short_users=summary.short,
        model_seconds_old=seconds_old(model),
        seconds=seconds,
        preview=summary.preview,
        users_with_rows=summary.users,
        coverage=written.coverage,
        churn=churn if judged is None else judged,
        counts=recommender.request.counts,
        lineage=lineage_of(recommender.checkpoint.meta),
        parts=written.parts,
        published=written.published,
        changes=written.changes,
    )


def _score_pairs(
    model: Path, out: Path | None, config: RecommendConfig, pairs: str, on_event: OnEvent
) -> PairsResult:
    from mfcli.publishing.pairs import PairSummary, write_pairs  # with the readers of tables

    began = time.perf_counter()
    kind = TableFormat.csv if out is None else format_of(out.name)
    manifest = Manifest(wanted=config.manifest)
    output = output_stream(
        out,
        [model, pairs],
        wait=config.wait,
        keep_previous=config.keep_previous,
        describe=manifest.describe,
    )
    with output as stream:
        checkpoint, scoring = load_model(model)
        scorer = PairScorer(checkpoint, scoring)

        def facts(found: PairSummary) -> Facts:
            inputs = [{"role": "model", "sha256": file_sha256(model)}]
            if pairs != "-":
                inputs.append({"role": "pairs", "sha256": file_sha256(Path(pairs))})
            step = lineage_entry("recommend", config.stored(), inputs)
            return Facts("scores", {"rows": found.rows}, [*lineage_of(checkpoint.meta), step])

        summary = write_pairs(
            scorer,
            pairs,
            stream,
            kind,
            csv_safe=config.csv_safe,
            allow_empty=config.allow_empty,
            facts=facts if config.manifest else None,
            on_event=on_event,
        )
        if config.manifest:
            manifest.facts = facts(summary)
    return PairsResult(
        out="-" if out is None else str(out),
        n_rows=summary.rows,
        unknown_user_rows=summary.unknown_users,
        unknown_item_rows=summary.unknown_items,
        model_seconds_old=seconds_old(model),
        lineage=lineage_of(checkpoint.meta),
        seconds=time.perf_counter() - began,
    )


def check_place(out: Path | None, config: RecommendConfig, *, folder: bool) -> None:
    """Refuse options that mean nothing for this kind of output."""
    kind = format_of("" if out is None or folder else out.name)
    config.check_format((config.format or TableFormat.parquet) if folder else kind)
    if out is not None:
        check_changes(out, config.changes, config.files)
    if folder:
        if config.pairs is not None:
            raise UsageError("--pairs writes a file: name one, not a folder")
        return
    asked = config.given(Role.folder)
    if asked:
        raise UsageError(
            f"{flag(asked[0])} is for a folder of parts: name one with a slash at its end, --out "
            f"{'recs' if out is None else out}/"
        )
    if out is not None and out.is_dir():
        raise UsageError(
            f"--out {out} is a folder: name a file, or end it with a slash for a folder of parts"
        )
    config.check_stream(to_stdout=out is None)
