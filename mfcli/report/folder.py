"""A folder of mfcli run or make pipeline → a ``Run``: its files are read, its users chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, lineage_of, open_input
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.metrics import load_metrics
from mfcli.artifacts.records import csv_records
from mfcli.artifacts.tables.reading import RecommendationTable, read_recommendations
from mfcli.errors import InputError
from mfcli.report.data import EpochPoint, Example, Recommended, Run
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
SEEN_SHOWN, LIST_SHOWN = 12, 10


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
        rows = _find_places(checkpoint, listed)
        popular = measure_popularity(checkpoint.item_counts, checkpoint.seen, *rows)
        examples = _choose_examples(checkpoint, listed, *rows, users, shown)
    return Run(
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
                    train_loss=_finite(row["train_loss"]),
                    valid_loss=_finite(row["valid_loss"]),
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
            train_loss=_finite(epoch.get("train_loss")),
            valid_loss=_finite(epoch.get("valid_loss")),
            metrics=_finite_only(epoch.get("metrics") or {}),
        )
        for epoch in epochs
    ]


def _finite(value: Any) -> float | None:
    """Return a figure, None where there is none or it is not finite: it cannot be drawn."""
    if value is None or value == "":
        return None
    figure = float(value)
    return figure if math.isfinite(figure) else None


def _finite_only(found: dict[str, Any]) -> dict[str, float]:
    figures = {str(name): _finite(value) for name, value in found.items()}
    return {name: value for name, value in figures.items() if value is not None}


Places = NDArray[np.int64]


def _find_places(checkpoint: Checkpoint, listed: RecommendationTable) -> tuple[Places, Places]:
    """Return the matrix's row and column of every recommendation, −1 for what it does not hold."""

    def places(ids: NDArray[Any], tokens: list[str], codes: NDArray[np.int64]) -> Places:
        place = {str(known): at for at, known in enumerate(ids.tolist())}
        return np.array([place.get(token, -1) for token in tokens], np.int64)[codes]

    catalog = checkpoint.catalog
    return (
        places(catalog.user_ids, listed.users, listed.user_codes),
        places(catalog.item_ids, listed.items, listed.item_codes),
    )


def _choose_examples(
    checkpoint: Checkpoint,
    listed: RecommendationTable,
    users: Places,
    items: Places,
    wanted: int,
    shown: list[str],
) -> list[Example]:
    """Choose users with recommendations: those ``shown``, else evenly from few to many seen."""
    seen_counts, counts, catalog = (
        checkpoint.user_counts,
        checkpoint.item_counts,
        checkpoint.catalog,
    )
    able = np.unique(users[users >= 0])
    able = able[seen_counts[able] > 0]
    able = able[np.argsort(seen_counts[able], kind="stable")]
    if not len(able) or not wanted:
        return []
    place = {str(catalog.user_ids[user]): user for user in able.tolist()} if shown else {}
    chosen = [place[user] for user in shown if user in place]
    if not chosen:
        at = (np.arange(wanted) + 0.5) * len(able) / wanted
        chosen = list(dict.fromkeys(able[at.astype(np.int64)].tolist()))
    names = catalog.item_ids if catalog.item_names is None else catalog.item_names
    made = []
    for user in chosen:
        seen = checkpoint.seen.of(user)
        most = seen[np.argsort(-counts[seen], kind="stable")][:SEEN_SHOWN]
        lines = [
            Recommended(
                int(listed.ranks[row]),
                _name_item(names, catalog.item_ids, item)
                if item >= 0
                else listed.items[listed.item_codes[row]],
                _finite(listed.scores[row]),
                int(counts[item]) if item >= 0 else None,
            )
            for row in np.flatnonzero(users == user)[:LIST_SHOWN].tolist()
            for item in [int(items[row])]
        ]
        named = [_name_item(names, catalog.item_ids, int(item)) for item in most]
        made.append(Example(str(catalog.user_ids[user]), len(seen), named, lines))
    return made


def _name_item(names: NDArray[Any], ids: NDArray[Any], item: int) -> str:
    """Return an item's name, its id where the name is empty."""
    return str(names[item]) or str(ids[item])
