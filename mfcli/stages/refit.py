"""After an evaluation: training again on everything, with the settings that were measured."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from mfcli.artifacts import (
    file_sha256,
    lineage_entry,
    lineage_of,
    load_interactions,
    meta_for,
    save_interactions,
)
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import Role, SplitConfig, Strategy, TrainConfig
from mfcli.config.options import names_with
from mfcli.data.splitting import join_parts
from mfcli.results import SplitResult, TrainResult

JOINED = "everything.npz"

# How a training was watched: without held-out rows there is nothing to watch.
_WATCHING = ("valid", "valid_history", "metric", "patience", "time_limit")


def settings_of(config: TrainConfig, measured: Checkpoint, result: TrainResult) -> TrainConfig:
    """Return the options that train a model on more rows as ``measured`` was trained.

    config: what the measured model was trained by. What its data decided is taken from it; each
    stage ends at the epoch whose weights were kept, on the same schedule.
    """
    choices = names_with(TrainConfig, Role.choice)
    decided = {
        name: value
        for name, value in measured.options.items()
        if name not in choices and getattr(config, name, "") is None
    }
    kept = result.best_epoch or len(measured.history)
    ends = Counter(epoch["stage"] for epoch in measured.history[:kept])
    stages = [
        _unwatched(stage) | {"last_epoch": ends[number]}
        for number, stage in enumerate(config.stages, 1)
        if ends[number]
    ]
    config = TrainConfig.merge(("", _unwatched(config.options() | decided) | {"stages": stages}))
    if not stages and config.epochs is not None and kept < config.epochs:
        config = dataclasses.replace(config, last_epoch=kept)
    return config


def _unwatched(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key.replace("-", "_") not in _WATCHING}


def everything(source: Path, rows: int, parts: SplitResult, config: SplitConfig, out: Path) -> Path:
    """Return a matrix of all rows of a split: ``source`` where that is it, else ``out``, written.

    A split that filters, or whose parts were read from files, has others than the ``rows`` of its
    source.
    """
    plain = config.threshold is None and config.chosen is not Strategy.given
    if plain and sum(part.n_ratings for part in parts.parts) == rows:
        out.unlink(missing_ok=True)  # of an earlier run
        return source
    paths = [Path(part.path) for part in parts.parts]
    matrices = [load_interactions(path) for path in paths]
    inputs = [
        {"role": str(matrix.meta.get("part")), "sha256": file_sha256(path)}
        for matrix, path in zip(matrices, paths, strict=True)
    ]
    lineage = [*lineage_of(matrices[0].meta), lineage_entry("join", {}, inputs)]
    joined = join_parts(matrices).with_meta(meta_for("interactions", lineage))
    save_interactions(out, joined)
    return out
