"""A folder of mfcli run or make pipeline → a ``Run``: its files are read, its users chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, lineage_of, open_input
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.matrix import load_interactions
from mfcli.artifacts.metrics import load_metrics
from mfcli.artifacts.records import csv_records
from mfcli.artifacts.tables.reading import RecommendationTable, read_recommendations
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.report.data import EpochPoint, Run
from mfcli.report.examples import Places, choose_examples, finite
from mfcli.report.per_user import PER_USER, read_by_user
from mfcli.report.popularity import measure_popularity

MODEL, HISTORY = "model.pt", "model.history.csv"
METRICS, RECOMMENDATIONS = "metrics.json", "recommendations.csv"
FILES = (MODEL, HISTORY, METRICS, RECOMMENDATIONS)
# Of a run that trains again on everything: the model that was measured, and its history.
EVALUATED, EVALUATED_HISTORY = "evaluated.pt", "evaluated.history.csv"
# Columns of a history that are no metric.
COLUMNS = frozenset(
    {"epoch", "stage", "learning_rate", "train_loss", "valid_loss", "seconds", "ratings_per_second"}
)


def read_run(folder: Path, name: str, users: int, shown: list[str]) -> Run:
    """Read all that a folder holds, with the users ``shown``, else ``users`` users, as examples.

    Raises InputError for a folder that holds no file of a run, or a damaged one.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: is not a folder: name one that mfcli run or make pipeline left"
        )
    there = [file for file in FILES if (folder / file).exists()]
    beside = [file for file in (EVALUATED, EVALUATED_HISTORY) if (folder / file).exists()]
    if not there:
        raise InputError(f"{folder}: holds no run: it should hold one of {', '.join(FILES)}")
    checkpoint = load_checkpoint(folder / MODEL) if MODEL in there else None
    measured = load_metrics(folder / METRICS) if METRICS in there else {}
    listed = read_recommendations(folder / RECOMMENDATIONS) if RECOMMENDATIONS in there else None
    trained, history_file = checkpoint, HISTORY
    if EVALUATED in beside:
        trained, history_file = load_checkpoint(folder / EVALUATED), EVALUATED_HISTORY
    if history_file in there + beside:
        history = _read_history(folder / history_file)
    else:
        history = _take_history(trained.history) if trained else []
    lineage = lineage_of(trained.meta) if trained else []
    behind = lineage_of(measured.get("meta", {}))
    if not trained:
        lineage = behind
    elif behind and behind[-1].get("stage") == "evaluate":
        lineage = [*lineage, behind[-1]]
    if trained is not checkpoint and checkpoint is not None:
        lineage += [step for step in lineage_of(checkpoint.meta) if step not in lineage]
    steps = [step.get("options") for step in lineage if step.get("stage") == "train"]
    options = trained.options if trained else steps[-1] if steps else {}
    popular, examples = None, []
    if checkpoint is not None and listed is not None:
        rows = find_places(checkpoint, listed)
        popular = measure_popularity(checkpoint.item_counts, checkpoint.seen, *rows)
        # Every run shows the users of the first one, whose history is shown.
        read = None if shown else find_matrix(folder, checkpoint)
        examples = choose_examples(checkpoint, listed, *rows, users, shown, read)
    run = Run(
        name=name,
        missing=[file for file in FILES if file not in there],
        files={file: file_sha256(folder / file) for file in there + beside},
        shape=_describe_shape(checkpoint),
        options=options if isinstance(options, dict) else {},
        lineage=lineage,
        history=history,
        measured=measured,
        popularity=popular,
        examples=examples,
    )
    return _with_users(run, folder)


def _with_users(run: Run, folder: Path) -> Run:
    """Return the run with the metrics of its users, where the folder has those of its metrics."""
    if not run.metrics or not (folder / PER_USER).exists():
        return run
    by_user = read_by_user(folder / PER_USER)
    wrong = by_user.differing(run.metrics)
    if wrong is None:
        return replace(run, by_user=by_user)
    return replace(
        run, by_user_problem=f"{PER_USER} of {run.name} gives another {wrong} than metrics.json"
    )


def find_matrix(folder: Path, checkpoint: Checkpoint) -> Interactions | None:
    """Return the matrix that a model was trained on, where it lies in the folder or in split/."""
    steps = [step for step in lineage_of(checkpoint.meta) if step.get("stage") == "train"]
    inputs = steps[-1].get("inputs") or [] if steps else []
    wanted = {entry.get("sha256") for entry in inputs if isinstance(entry, dict)}
    for path in sorted([*folder.glob("*.npz"), *folder.glob("split/train.npz")]):
        if file_sha256(path) in wanted:
            matrix = load_interactions(path)
            return matrix if np.array_equal(matrix.indptr, checkpoint.seen_indptr) else None
    return None


def _describe_shape(checkpoint: Checkpoint | None) -> dict[str, int]:
    if checkpoint is None:
        return {}
    return {
        "users": checkpoint.n_users,
        "items": checkpoint.n_items,
        "ratings": len(checkpoint.seen_indices),
        "users without a rating": int((checkpoint.user_counts == 0).sum()),
        "items without a rating": int((checkpoint.item_counts == 0).sum()),
    }


def _read_text(path: Path) -> str:
    with open_input(path) as stream:
        try:
            return stream.read().decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}: is damaged: it is not UTF-8 text") from None


def _read_history(path: Path) -> list[EpochPoint]:
    """Read a history CSV; the time of an epoch is the sum of the seconds up to its end."""
    made, elapsed = [], 0.0
    try:
        for row in csv_records(_read_text(path)):
            elapsed += float(row["seconds"])
            metrics = {name: row[name] for name in row if name not in COLUMNS}
            made.append(
                EpochPoint(
                    epoch=int(row["epoch"]),
                    elapsed=round(elapsed, 6),
                    train_loss=finite(row["train_loss"]),
                    valid_loss=finite(row["valid_loss"]),
                    metrics=_finite_only(metrics),
                )
            )
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: is damaged, line {len(made) + 2} ({error})") from None
    return made


def _take_history(epochs: Iterable[dict[str, Any]]) -> list[EpochPoint]:
    return [
        EpochPoint(
            epoch=int(epoch["epoch"]),
            elapsed=None,
            train_loss=finite(epoch.get("train_loss")),
            valid_loss=finite(epoch.get("valid_loss")),
            metrics=_finite_only(epoch.get("metrics") or {}),
        )
        for epoch in epochs
    ]


def _finite_only(found: dict[str, Any]) -> dict[str, float]:
    figures = {str(name): finite(value) for name, value in found.items()}
    return {name: value for name, value in figures.items() if value is not None}


def find_places(checkpoint: Checkpoint, listed: RecommendationTable) -> tuple[Places, Places]:
    """Return the matrix's row and column of every recommendation, −1 for what it does not hold."""

    def places(ids: NDArray[Any], tokens: list[str], codes: NDArray[np.int64]) -> Places:
        place = {str(known): at for at, known in enumerate(ids.tolist())}
        return np.array([place.get(token, -1) for token in tokens], np.int64)[codes]

    catalog = checkpoint.catalog
    return (
        places(catalog.user_ids, listed.users, listed.user_codes),
        places(catalog.item_ids, listed.items, listed.item_codes),
    )
