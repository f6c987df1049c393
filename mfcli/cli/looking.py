"""The commands that look at what is there, and at the machine: options → one call of a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfcli.cli.app import Wait, command, commands, help_text, output_path
from mfcli.cli.options import REST

if TYPE_CHECKING:  # help does without
    from mfcli.events import OnEvent
    from mfcli.results import Result


@command()
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL.pt", help="What train wrote.")],
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file that mfcli wrote.")],
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
        typer.Option(
            "--manifest",
            help="Also write OUT.manifest.json: SHA-256, bytes, lineage.",
            rich_help_panel="Output",
        ),
        REST,
    ] = False,
    on_event: OnEvent,
) -> Result:
    """Write one HTML page on one run, on several compared, or on the last nights."""
    path = output_path(out, "a report")

    from mfcli.stages.report import report as stage

    return stage(folders, path, users=users, wait=wait, manifest=manifest, on_event=on_event)


@command()
def doctor(*, on_event: OnEvent) -> Result:  # noqa: ARG001 - it is done in a moment
    """Look at this machine: versions, cores, memory, folders; and say what to do about each."""
    from mfcli.stages.doctor import doctor as stage

    return stage()


@command()
def help(  # noqa: A001 - the command's name
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[TOPIC]", help="A page, or a command; without it, all are listed."),
    ] = None,
    *,
    on_event: OnEvent,  # noqa: ARG001 - it is done at once
) -> Result:
    """Show a page of the documentation, or list them."""
    from mfcli.results import HelpResult
    from mfcli.stages.help import help as stage
    from mfcli.stages.help import topics

    names = commands()
    if topic in names and topic not in topics():
        return HelpResult(topic=topic, text=help_text(topic), markdown=False)
    return stage(topic, names)
