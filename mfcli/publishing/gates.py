"""Gates of recommend: what refuses to publish, with exit 6, and leaves the old output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mfcli.artifacts import open_input
from mfcli.artifacts.folders import read_manifest
from mfcli.artifacts.tables.reading import id_types, mean_overlap, read_pairs
from mfcli.codes import WarningCode
from mfcli.config import RecommendConfig, Role
from mfcli.config.gates import Gate
from mfcli.config.limits import read_drops
from mfcli.config.options import flag
from mfcli.errors import InputError
from mfcli.events import Judged, Noted, OnEvent, Warned
from mfcli.publishing.drops import judge_drops, require_all
from mfcli.wording import counted


@dataclass(frozen=True)
class Figures:
    """What the gates look at.

    users: with a row; churn: None where it is not asked for, or there is nothing to compare with.
    drops: what --max-drop has to say.
    """

    users: int
    coverage: float
    churn: float | None
    drops: tuple[Judged, ...] = ()


def coverage_of(covered: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> float:
    """Return the share of the allowed items that somebody got; 0 where none is allowed."""
    return float(covered.sum() / max(1, allowed.sum()))


def figures_of(
    users: int,
    coverage: float,
    old: Path,
    new: Sequence[Path],
    config: RecommendConfig,
    on_event: OnEvent,
) -> Figures:
    """Measure what is about to be published as ``new``, the files of a table.

    old: what it replaces, a file or a folder, or not there yet; --against names another one.
    Raises InputError where that is not there, or is no table of recommend.
    """
    limits = read_drops(config.max_drop)
    before = earlier_output(old, config)
    if before is None or not (limits or config.max_churn is not None):
        if before is None and (asked := _comparing(config)):
            what = "there is no earlier output to compare with, so it passes"
            on_event(Noted(f"{' and '.join(asked)}: {what}"))
        return Figures(users, coverage, None)
    tables = [_pairs(files) for files in (files_of(before), new)]
    churn = None
    if config.max_churn is not None:
        churn = 1.0 - mean_overlap(*tables)
        _compare_types(before, files_of(before)[:1], new[:1], on_event)
    numbers = [counts_of(table) for table in tables] if limits else [{}, {}]
    drops = tuple(judge_drops(numbers[0], numbers[1], limits, str(before)))
    return Figures(users, coverage, churn, drops)


def earlier_output(old: Path, config: RecommendConfig) -> Path | None:
    """Return the output to compare with, None where there is none."""
    if config.against is None:
        return old if old.exists() else None
    if not (named := Path(config.against)).is_dir():
        open_input(named).close()
    elif read_manifest(named) is None:
        raise InputError(f"--against {named}: is not a folder that mfcli recommend wrote")
    return named


def _comparing(config: RecommendConfig) -> list[str]:
    """Return the gates that compare with an earlier output."""
    return [flag(name) for name in config.given(Role.comparing) if name != "changes"]


def counts_of(table: pa.Table) -> dict[Gate, int]:
    """Return how many rows, users and items a table of pairs has."""
    users, items = (pc.count_distinct(table[name]).as_py() for name in ("user_id", "item_id"))
    return {Gate.rows: table.num_rows, Gate.users: users, Gate.items: items}


def check_figures(found: Figures, config: RecommendConfig, on_event: OnEvent) -> None:
    """Refuse what does not pass; raises GateError that names each gate and its figure."""
    require_all([*found.drops, *_judge(found, config)], "nothing is published", on_event)


def _judge(found: Figures, config: RecommendConfig) -> Iterator[Judged]:
    """Yield what the other gates have to say, of those that are set."""
    if (least := config.min_users) is not None:
        yield Judged(
            gate="min-users",
            passed=found.users >= least,
            figure=found.users,
            limit=least,
            message=f"{counted(found.users, 'user has', 'users have')} a row, "
            f"--min-users asks for {least}",
        )
    if (share := config.min_coverage) is not None:
        yield Judged(
            gate="min-coverage",
            passed=found.coverage >= share,
            figure=found.coverage,
            limit=share,
            message=f"the lists cover {found.coverage:.4f} of the items, --min-coverage asks for "
            f"{share:g}",
        )
    if (most := config.max_churn) is not None and found.churn is not None:
        yield Judged(
            gate="max-churn",
            passed=found.churn <= most,
            figure=found.churn,
            limit=most,
            message=f"{found.churn:.4f} of the lists changed, --max-churn allows {most:g}",
        )


def _compare_types(
    output: Path, old: Sequence[Path], new: Sequence[Path], on_event: OnEvent
) -> None:
    """Warn of ids in the old output that have another type than those of the new one."""
    types = [id_types(path) for path in (*old, *new)]
    if len(types) < 2:
        return
    for name, before in types[0].items():
        after = types[1].get(name, before)
        if before != after:
            what = name.removesuffix("_id")
            on_event(
                Warned(
                    WarningCode.id_type,
                    f"{output}: its {what} ids are {before}, the new ones are {after}: --max-churn "
                    "matches them as they are written; fetch --id-type "
                    f"{what}=int or {what}=text gives both one type",
                )
            )


def churn_of(old: Sequence[Path], new: Sequence[Path]) -> float:
    """Return 1 − the mean overlap of users' lists in two outputs, each given by its files."""
    return 1.0 - mean_overlap(_pairs(old), _pairs(new))


def files_of(output: Path) -> list[Path]:
    """Return the files of an output: itself, or the parts of a folder."""
    if not output.is_dir():
        return [output]
    manifest = read_manifest(output) or {}
    return [output / part["name"] for part in manifest.get("parts", [])]


def _pairs(files: Sequence[Path]) -> pa.Table:
    return pa.concat_tables([read_pairs(path) for path in files])
