"""Gates of recommend: what refuses to publish, with exit 6, and leaves the old output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mfcli.artifacts import open_input, seconds_old
from mfcli.artifacts.folders import read_manifest
from mfcli.artifacts.tables.reading import id_types, mean_overlap, read_pairs
from mfcli.codes import WarningCode
from mfcli.config import RecommendConfig
from mfcli.errors import GateError
from mfcli.events import Noted, OnEvent, Warned

DAY = 86_400


@dataclass(frozen=True)
class Figures:
    """What the gates look at: users with a row, coverage, churn (None: not asked for, or first)."""

    users: int
    coverage: float
    churn: float | None


def check_age(model: Path, config: RecommendConfig) -> None:
    """Refuse a model whose file is too old; raises GateError, InputError where there is none."""
    open_input(model).close()
    if config.max_age is None:
        return
    days = seconds_old(model) / DAY
    if days > config.max_age:
        raise GateError(
            f"{model}: was written {days:.2f} days ago, --max-age allows {config.max_age:g}: "
            "nothing is published"
        )


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
    """Measure what is about to be published; ``old`` is a file or a folder, or not there yet."""
    churn = None
    if config.max_churn is not None:
        if old.exists():
            before = files_of(old)
            churn = churn_of(before, new)
            _compare_types(old, before[:1], new[:1], on_event)
        else:
            on_event(Noted("--max-churn: there is no earlier output to compare with, so it passes"))
    return Figures(users, coverage, churn)


def check_figures(found: Figures, config: RecommendConfig) -> None:
    """Refuse what does not pass; raises GateError that names each gate and its figure."""
    unmet = []
    if config.min_users is not None and found.users < config.min_users:
        unmet.append(f"{found.users} users have a row, --min-users asks for {config.min_users}")
    if config.min_coverage is not None and found.coverage < config.min_coverage:
        unmet.append(
            f"the lists cover {found.coverage:.4f} of the items, --min-coverage asks for "
            f"{config.min_coverage:g}"
        )
    if config.max_churn is not None and found.churn is not None and found.churn > config.max_churn:
        unmet.append(
            f"{found.churn:.4f} of the lists changed, --max-churn allows {config.max_churn:g}"
        )
    if unmet:
        raise GateError(f"{'; '.join(unmet)}: nothing is published")


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
