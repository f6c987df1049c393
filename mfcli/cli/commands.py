"""The commands: options → one call of a stage.

A command imports its stage when it runs, so that help pays for nothing that computes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfcli.cli.app import Out, Wait, command, output_path
from mfcli.config import (
    EvaluateConfig,
    FetchConfig,
    Mode,
    RecommendConfig,
    SimilarConfig,
    SplitConfig,
    TrainConfig,
    TuneConfig,
)
from mfcli.config.run import run_configs
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
    matrix: Annotated[Path | None, typer.Argument(metavar="[FILE.npz]")] = None,
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
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt")],
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
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt")],
    *,
    out: Out,
    config: SimilarConfig,
    on_event: OnEvent,
) -> Result:
    """Write the nearest items of all items, or of some; or the nearest users."""
    from mfcli.stages.similar import similar as stage

    return stage(model, None if out == "-" else Path(out), config, on_event)


@command()
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt")],
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    wait: Wait = 0.0,
    on_event: OnEvent,
) -> Result:
    """Write factors, biases and ids as Parquet."""
    folder = output_path(out, "an export")

    from mfcli.stages.export import export as stage

    return stage(model, folder, on_event, wait=wait)


@command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Any file that mfcli wrote.")],
    *,
    on_event: OnEvent,  # noqa: ARG001 - it is done at once
) -> Result:
    """Show what is in a file: kind, shape, ratings, options, lineage, metrics."""
    from mfcli.stages.inspect import inspect as stage

    return stage(file)


@command()
def warm_up(
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Compile nothing; show what is kept, and where.")
    ] = False,
    on_event: OnEvent,
) -> Result:
    """Compile all kernels now and keep them, for images and read-only installs."""
    from mfcli.stages.warm_up import warm_up as stage

    return stage(listed=listed, on_event=on_event)


@command()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_DIR...",
            help="Folders of mfcli run or make pipeline, or the folder of mfcli nightly.",
        ),
    ],
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Page to write.", metavar="FILE.html")],
    users: Annotated[
        int, typer.Option("--users", help="Users shown with their items, a run.", metavar="N")
    ] = 5,
    wait: Wait = 0.0,
    manifest: Annotated[
        bool,
        typer.Option("--manifest", help="Also write OUT.manifest.json: SHA-256, bytes, lineage."),
    ] = False,
    on_event: OnEvent,
) -> Result:
    """Write one HTML page on one run, on several compared, or on the last nights."""
    path = output_path(out, "a report")

    from mfcli.stages.report import report as stage

    return stage(folders, path, users=users, wait=wait, manifest=manifest, on_event=on_event)


@command()
def run(
    source: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="As for fetch; the preset may name one."),
    ] = None,
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write.", metavar="DIR")],
    mode: Annotated[
        Mode | None,
        typer.Option("--mode", help="As for train.", show_default="explicit; hogwild for clicks"),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            metavar="K",
            help="Cross-validate: train and evaluate over K folds, and recommend nothing.",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats",
            metavar="N",
            min=2,
            max=1000,
            help="Split, train and evaluate N times, the seeds counting up, and recommend nothing.",
        ),
    ] = None,
    refit: Annotated[
        bool | None,
        typer.Option(
            "--refit/--no-refit",
            help="After the evaluation, train on everything with the same settings, for the lists "
            "to come from; the model that was measured stays as evaluated.pt.",
            show_default="refit",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="X", help="As for split: only rows rated so count, as likes."
        ),
    ] = None,
    relevant_from: Annotated[
        float | None,
        typer.Option("--relevant-from", metavar="X", help="As for evaluate: hits are rated so."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="TIME",
            help="As for train: the best model that leaves time for all stages. SECONDS, 2m or 1h.",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            max=1e7,
            help="For another run that holds an output, in each stage.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of all stages.", show_default="0")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="TOML file with a table a stage.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="A configuration that ships with mfcli.")
    ] = None,
    on_event: OnEvent,
) -> Result:
    """Run all stages, fetch to recommend, or several splits; the files are kept in a folder."""
    folder = output_path(out, "a run")
    configs = run_configs(
        (config_file, preset),
        folder,
        mode=mode,
        seed=seed,
        folds=folds,
        repeats=repeats,
        refit=refit,
        relevant_from=relevant_from,
        threshold=threshold,
        budget=budget,
        wait=wait,
    )

    from mfcli.stages.run import run as stage

    return stage(source, folder, configs, on_event, repeats=repeats)
