"""The command of nights: its options → one call of a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfcli.cli.app import command
from mfcli.config.describing import help_of
from mfcli.config.nightly import NightlyConfig, night_configs
from mfcli.errors import UsageError

if TYPE_CHECKING:  # help does without
    from mfcli.events import OnEvent
    from mfcli.results import Result

_THERE = "The generations that are there"


@command()
def nightly(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.toml", help="[nightly] names source and folder.")
    ],
    *,
    rollback: Annotated[
        str | None,
        typer.Option(
            "--rollback",
            metavar="NAME|previous",
            help="Make no night; make this generation current.",
            rich_help_panel=_THERE,
        ),
    ] = None,
    listed: Annotated[
        bool,
        typer.Option("--list", help="Make no night; show the generations.", rich_help_panel=_THERE),
    ] = False,
    forget: Annotated[
        str | None,
        typer.Option(
            "--forget",
            metavar="FILE",
            help="Make no night; remove the users of a file, one id a line, from all generations.",
            rich_help_panel=_THERE,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="NAME|previous",
            help="Make no night; write --changes: whose list is not what this generation has.",
            rich_help_panel=_THERE,
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            "--changes",
            metavar="FILE",
            help="With --since or --rollback: table to write, of the users whose list changes.",
            rich_help_panel=_THERE,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Do all but publish; what was made stays for the night. With --rollback and "
            "--forget: change nothing.",
        ),
    ] = False,
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="N|AGE", help=help_of(NightlyConfig, "keep")),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help=help_of(NightlyConfig, "as_of"))
    ] = None,
    wait: Annotated[
        float | None, typer.Option("--wait", metavar="SECONDS", help=help_of(NightlyConfig, "wait"))
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of all stages.", show_default="0")
    ] = None,
    on_event: OnEvent,
) -> Result:
    """Make tonight's lists and publish them if every gate passes: fetch to recommend in one."""
    others = {
        "--rollback": rollback,
        "--list": listed or None,
        "--forget": forget,
        "--since": since,
    }
    asked = [name for name, value in others.items() if value is not None]
    if len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} are two things: give one of them")
    if asked and (as_of or keep or seed):
        raise UsageError(f"{asked[0]} makes no night: leave out --as-of, --keep and --seed")
    if changes is not None and rollback is None and since is None:
        raise UsageError(
            "--changes needs --since or --rollback, which say between which generations; changes = "
            "true in [nightly] writes those of every night"
        )
    if since is not None and changes is None:
        raise UsageError("--since needs --changes FILE: where to write whose list changed")
    configs = night_configs(file, seed=seed, keep=keep, as_of=as_of, wait=wait)
    if asked:
        from mfcli.stages import generations as there

        if rollback is not None:
            return there.roll_back(configs, rollback, on_event, changes=changes, dry_run=dry_run)
        if since is not None and changes is not None:
            return there.changes_since(configs, since, changes)
        if forget is not None:
            return there.forget_users(configs, forget, on_event, dry_run=dry_run)
        return there.list_generations(configs)

    from mfcli.stages.nightly import nightly as stage

    return stage(configs, on_event, dry_run=dry_run)
