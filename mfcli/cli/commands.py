"""The commands of single stages: options → one call of a stage.

A command imports its stage when it runs, so that help pays for nothing that computes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfcli.cli.app import Out, command, output_path
from mfcli.cli.options import REST
from mfcli.config import (
    EvaluateConfig,
    FetchConfig,
    RecommendConfig,
    SimilarConfig,
    SplitConfig,
    TrainConfig,
    TuneConfig,
)
from mfcli.errors import UsageError
from mfcli.system.streams import emit

if TYPE_CHECKING:  # help does without
    from mfcli.events import OnEvent
    from mfcli.results import Result


@command(FetchConfig)
def fetch(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="demo, a data set's name, a file, folder, zip, ZIP/MEMBER, URL, or - (stdin); "
            "several are parts of one table.",
        ),
    ],
    *,
    out: Out,
    config: FetchConfig,
    on_event: OnEvent,
) -> Result:
    """Turn a table of ratings or clicks into interactions.npz."""
    path = output_path(out, "a matrix")

    from mfcli.stages.fetch import fetch as stage

    return stage(source, path, config, on_event)


@command(SplitConfig)
def split(
    matrix: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE.npz]", help="Interactions."),
    ] = None,
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    config: SplitConfig,
    on_event: OnEvent,
) -> Result:
    """Split interactions into train.npz, test.npz and, when asked, valid.npz."""
    folder = output_path(out, "a split")

    from mfcli.stages.split import split as stage

    return stage(matrix, folder, config, on_event)


@command(TrainConfig)
def train(
    matrix: Annotated[Path, typer.Argument(metavar="MATRIX.npz", help="Any interactions.")],
    *,
    out: Out,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from OUT.resume of an interrupted run.")
    ] = False,
    resume_if_any: Annotated[
        bool,
        typer.Option(
            "--resume-if-any",
            help="As --resume where there is such a run of the same files and options; else start "
            "anew, which is said.",
        ),
        REST,
    ] = False,
    config: TrainConfig,
    on_event: OnEvent,
) -> Result:
    """Train a factor model: interactions.npz → model.pt."""
    path = output_path(out, "a checkpoint")
    warm = config.init_from or config.init_from_if_any
    if not (resume or resume_if_any or warm):  # what these leave open the model there says
        config.ready()  # refuse what cannot work before anything heavy is imported
    if (resume or resume_if_any) and config.budget is not None:
        raise UsageError(
            "--resume goes on with one training, and --budget makes many: leave one of them out"
        )
    if resume and resume_if_any:
        raise UsageError("--resume and --resume-if-any say different things: give one of them")

    from mfcli.stages.train import resume_or_start
    from mfcli.stages.train import train as stage

    if resume_if_any:
        return resume_or_start(matrix, path, config, on_event)
    return stage(matrix, path, config, on_event, resume=resume)


@command(TuneConfig)
def tune(
    matrix: Annotated[Path, typer.Argument(metavar="TRAIN.npz", help="Any interactions.")],
    *,
    out: Annotated[
        str, typer.Option("--out", "-o", help="Settings to write.", metavar="FILE.toml")
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from OUT.trials.csv of an interrupted search.")
    ] = False,
    resume_if_any: Annotated[
        bool,
        typer.Option(
            "--resume-if-any",
            help="As --resume where there is such a search of the same files and options; else "
            "start anew, which is said.",
        ),
        REST,
    ] = False,
    config: TuneConfig,
    on_event: OnEvent,
) -> Result:
    """Search for the options of train that are best on validation rows taken out of TRAIN.npz."""
    path = output_path(out, "a search")
    config.ready()  # refuse what cannot work before anything heavy is imported
    if resume and resume_if_any:
        raise UsageError("--resume and --resume-if-any say different things: give one of them")

    from mfcli.stages.tune import tune as stage

    return stage(matrix, path, config, on_event, resume=resume, resume_if_any=resume_if_any)


@command(EvaluateConfig)
def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL.pt [MORE.pt …] TEST.npz",
            help="Several models are compared, the first one being the base.",
        ),
    ],
    *,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="metrics.json to write.", metavar="FILE")
    ] = None,
    config: EvaluateConfig,
    on_event: OnEvent,
) -> Result:
    """Measure models on held-out rows."""
    if len(files) < 2:
        raise UsageError(f"name a MODEL.pt and the TEST.npz, not {files[0]} alone")
    if config.per_user == "-":
        raise UsageError("--per-user - cannot be used here: name a file")

    from mfcli.stages.evaluate import document
    from mfcli.stages.evaluate import evaluate as stage

    path = None if out in (None, "-") else Path(str(out))
    result = stage(files[:-1], files[-1], path, config, on_event)
    if out == "-":
        emit(document(result))
    return dataclasses.replace(result, out=out)


@command(RecommendConfig)
def recommend(
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt", help="What train wrote.")],
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|DIR/",
            help="Where to write: .csv, .csv.gz, .tsv, .parquet, .jsonl, a folder of parts with a "
            "slash at its end, or - (CSV).",
        ),
    ],
    config: RecommendConfig,
    on_event: OnEvent,
) -> Result:
    """Write the best items of all users, or of some; or the scores of given pairs."""
    folder = out.endswith("/")

    from mfcli.stages.recommend import recommend as stage

    return stage(model, None if out == "-" else Path(out), config, on_event, folder=folder)


@command(SimilarConfig)
def similar(
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt", help="What train wrote.")],
    *,
    out: Out,
    config: SimilarConfig,
    on_event: OnEvent,
) -> Result:
    """Write the nearest items of all items, or of some; or the nearest users."""
    from mfcli.stages.similar import similar as stage

    return stage(model, None if out == "-" else Path(out), config, on_event)
