"""The command of all stages at once: its options → one call of a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfcli.cli.app import command, output_path
from mfcli.cli.options import REST, About, Preset, config_option
from mfcli.config import Mode, Objective
from mfcli.config.describing import choices_of
from mfcli.config.metrics import metric_words
from mfcli.config.run import run_configs

if TYPE_CHECKING:  # help does without
    from mfcli.events import OnEvent
    from mfcli.results import Result


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
        typer.Option(
            "--mode",
            metavar="NAME",
            help="As for train.",
            show_default="explicit; hogwild for clicks",
        ),
        About(words=choices_of(Mode)),
    ] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(
            "--objective",
            metavar="NAME",
            help="As for train: what is minimised.",
            show_default="by --mode",
        ),
        About(words=choices_of(Objective)),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="As for evaluate: only this metric, as name or name@k; repeat for several. The "
            "first one is also what --budget makes best.",
            show_default="all",
        ),
        About(words=dict.fromkeys(metric_words(), "")),
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
            "--threshold",
            metavar="RATING",
            help="As for split: only rows rated so count, as likes.",
        ),
    ] = None,
    relevant_from: Annotated[
        float | None,
        typer.Option(
            "--relevant-from", metavar="RATING", help="As for evaluate: hits are rated so."
        ),
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
            rich_help_panel="Output",
        ),
        REST,
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of all stages.", show_default="0")
    ] = None,
    config_file: Annotated[Path | None, config_option("TOML file with a table a stage.")] = None,
    preset: Preset = None,
    on_event: OnEvent,
) -> Result:
    """Run all stages, fetch to recommend, or several splits; the files are kept in a folder."""
    folder = output_path(out, "a run")
    configs = run_configs(
        (config_file, preset),
        folder,
        mode=mode,
        objective=objective,
        metric=metric,
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
