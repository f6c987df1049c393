"""``mfcli report``: folders of runs → one HTML page."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli import __version__
from mfcli.artifacts import (
    atomic_file,
    file_sha256,
    lineage_of,
    open_input,
    output_lock,
    real_output,
)
from mfcli.artifacts.checkpoint import Checkpoint, load_checkpoint
from mfcli.artifacts.meta import check_meta
from mfcli.artifacts.tables.reading import RecommendationTable, read_recommendations
from mfcli.errors import InputError, UsageError
from mfcli.report.data import EpochPoint, Example, Recommended, Run
from mfcli.report.page import page
from mfcli.report.popularity import popularity_of
from mfcli.results import OnEvent, ReportResult, Started, ignore
from mfcli.system.streams import printable

MODEL, HISTORY = "model.pt", "model.history.csv"
METRICS, RECOMMENDATIONS = "metrics.json", "recommendations.csv"
FILES = (MODEL, HISTORY, METRICS, RECOMMENDATIONS)
# Columns of a history that are no metric.
COLUMNS = frozenset(
    {"epoch", "stage", "learning_rate", "train_loss", "valid_loss", "seconds", "ratings_per_second"}
)
SEEN_SHOWN, LIST_SHOWN = 12, 10


def report(
    folders: Sequence[Path], out: Path, *, users: int = 5, on_event: OnEvent = ignore
) -> ReportResult:
    """Write one page on the runs in ``folders``, with ``users`` users of each as examples.

    Raises UsageError, LockedError; InputError for a folder without a run, or a damaged file.
    """
    began = time.perf_counter()
    if users < 0:
        raise UsageError(f"--users {users} should be 0 or more")
    real_output(out)
    with output_lock(out):
        on_event(Started("report", len(folders), "runs"))
        names = _names(folders)
        runs: list[Run] = []
        for folder, name in zip(folders, names, strict=True):
            # The users of the first run, so that their lists compare.
            shown = next(
                ([example.user for example in run.examples] for run in runs if run.examples), []
            )
            runs.append(_run(folder, name, users, shown))
        text, found = page(runs, __version__)
        content = printable(text).encode()
        with atomic_file(out) as stream:
            stream.write(content)
    return ReportResult(
        out=str(out),
        runs=names,
        missing={run.name: run.missing for run in runs if run.missing},
        findings=[
            {"level": finding.level, "run": finding.run, "message": finding.message}
            for finding in found
        ],
        n_bytes=len(content),
        seconds=time.perf_counter() - began,
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' base names, numbered where two are the same."""
    names: list[str] = []
    for folder in folders:
        base = folder.resolve().name or "run"
        name, number = base, 2
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names.append(name)
    return names


def _run(folder: Path, name: str, users: int, shown: list[str]) -> Run:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder: name one that mfcli run or make pipeline left")
    there = [file for file in FILES if (folder / file).exists()]
    if not there:
        raise InputError(f"{folder}: holds no run: none of {', '.join(FILES)} is there")
    checkpoint = load_checkpoint(folder / MODEL) if MODEL in there else None
    measured = _measured(folder / METRICS) if METRICS in there else {}
    listed = read_recommendations(folder / RECOMMENDATIONS) if RECOMMENDATIONS in there else None
    if HISTORY in there:
        history = _history(folder / HISTORY)
    else:
        history = _stored_history(checkpoint.history) if checkpoint else []
    lineage = lineage_of(checkpoint.meta) if checkpoint else []
    behind = lineage_of(measured.get("meta", {}))
    if not checkpoint:
        lineage = behind
    elif behind and behind[-1].get("stage") == "evaluate":
        lineage = [*lineage, behind[-1]]
    trained = [step.get("options") for step in lineage if step.get("stage") == "train"]
    options = checkpoint.options if checkpoint else trained[-1] if trained else {}
    popular, examples = None, []
    if checkpoint is not None and listed is not None:
        rows = _rows(checkpoint, listed)
        popular = popularity_of(
            checkpoint.item_counts, checkpoint.seen_indptr, checkpoint.seen_indices, *rows
        )
        examples = _examples(checkpoint, listed, *rows, users, shown)
    return Run(
        name,
        [file for file in FILES if file not in there],
        {file: file_sha256(folder / file) for file in there},
        _shape(checkpoint),
        options if isinstance(options, dict) else {},
        lineage,
        history,
        measured,
        popular,
        examples,
    )


def _shape(checkpoint: Checkpoint | None) -> dict[str, int]:
    if checkpoint is None:
        return {}
    return {
        "users": checkpoint.n_users,
        "items": checkpoint.n_items,
        "ratings": len(checkpoint.seen_indices),
        "users without a rating": int((checkpoint.user_counts == 0).sum()),
        "items without a rating": int((checkpoint.item_counts == 0).sum()),
    }


def _text(path: Path) -> str:
    with open_input(path) as stream:
        try:
            return stream.read().decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}: is damaged: it is not UTF-8 text") from None


def _measured(path: Path) -> dict[str, Any]:
    """Read a metrics.json, of one model or of several."""
    try:
        content = json.loads(_text(path))
    except (ValueError, RecursionError):
        content = None
    whole = isinstance(content, dict) and isinstance(content.get("meta"), dict)
    if not whole or not isinstance(content.get("metrics", {}), dict):
        raise InputError(f"{path}: is no metrics.json of mfcli evaluate: make it anew")
    check_meta(content["meta"], str(path))
    return content


def _history(path: Path) -> list[EpochPoint]:
    """Read a history CSV; the time of an epoch is the sum of the seconds up to its end."""
    made, elapsed = [], 0.0
    try:
        for row in csv.DictReader(io.StringIO(_text(path), newline=""), strict=True):
            elapsed += float(row["seconds"])
            metrics = {name: row[name] for name in row if name not in COLUMNS}
            made.append(
                EpochPoint(
                    int(row["epoch"]),
                    round(elapsed, 6),
                    _finite(row["train_loss"]),
                    _finite(row["valid_loss"]),
                    _finite_only(metrics),
                )
            )
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: is damaged, line {len(made) + 2} ({error})") from None
    return made


def _stored_history(epochs: Iterable[dict[str, Any]]) -> list[EpochPoint]:
    return [
        EpochPoint(
            int(epoch["epoch"]),
            None,
            _finite(epoch.get("train_loss")),
            _finite(epoch.get("valid_loss")),
            _finite_only(epoch.get("metrics") or {}),
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


def _rows(checkpoint: Checkpoint, listed: RecommendationTable) -> tuple[Places, Places]:
    """Return the matrix's row and column of every recommendation, −1 for what it does not hold."""

    def places(ids: NDArray[Any], tokens: list[str], codes: NDArray[np.int64]) -> Places:
        place = {str(known): at for at, known in enumerate(ids.tolist())}
        return np.array([place.get(token, -1) for token in tokens], np.int64)[codes]

    catalog = checkpoint.catalog
    return (
        places(catalog.user_ids, listed.users, listed.user_codes),
        places(catalog.item_ids, listed.items, listed.item_codes),
    )


def _examples(
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
        start, end = checkpoint.seen_indptr[user : user + 2]
        seen = checkpoint.seen_indices[start:end]
        most = seen[np.argsort(-counts[seen], kind="stable")][:SEEN_SHOWN]
        lines = [
            Recommended(
                int(listed.ranks[row]),
                _named(names, catalog.item_ids, item)
                if item >= 0
                else listed.items[listed.item_codes[row]],
                _finite(listed.scores[row]),
                int(counts[item]) if item >= 0 else None,
            )
            for row in np.flatnonzero(users == user)[:LIST_SHOWN].tolist()
            for item in [int(items[row])]
        ]
        named = [_named(names, catalog.item_ids, int(item)) for item in most]
        made.append(Example(str(catalog.user_ids[user]), len(seen), named, lines))
    return made


def _named(names: NDArray[Any], ids: NDArray[Any], item: int) -> str:
    """Return an item's name, its id where the name is empty."""
    return str(names[item]) or str(ids[item])
