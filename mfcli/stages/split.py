"""``mfcli split``: interactions.npz → train.npz, test.npz and, when asked, valid.npz; histories."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from mfcli.artifacts import (
    flush,
    matrix_headers,
    move_file,
    output_lock,
    refuse_input_as_output,
    remove_file,
    save_interactions,
    stored_bytes,
    uninterrupted,
)
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.splits import PARTS, SplitIdentity, identify_split
from mfcli.config import SplitConfig, Strategy
from mfcli.data.building import RawRows, from_rows
from mfcli.data.filtering import apply_threshold
from mfcli.data.held_out import count_common
from mfcli.data.interactions import Interactions
from mfcli.data.splitting import (
    Parts,
    complete_split,
    join_catalogs,
    known_rows,
    split_folds,
    split_interactions,
)
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent, Stage, Started, ignore, without
from mfcli.results import SplitPart, SplitResult
from mfcli.sources.reading import read_any
from mfcli.stages.telling import begin, end
from mfcli.system import capacity
from mfcli.wording import counted


def split(
    source: Path | None,
    out: Path,
    config: SplitConfig,
    on_event: OnEvent = ignore,
    *,
    held: Held = NOTHING,
) -> SplitResult:
    """Split ``source`` (or, for ``given``, read the two files) and write the parts below ``out``.

    held: what is in memory of ``source``; takes the parts.

    Raises UsageError, InputError; the folder keeps its earlier split unless all parts are whole.
    """
    on_event = without(config.ignore, on_event)
    began = begin(Stage.split, on_event)
    if source is None and config.chosen is not Strategy.given:
        raise UsageError("name the FILE.npz to split, or give --train-file and --test-file")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    for name in PARTS:
        refuse_input_as_output(out / f"{name}.npz", source, config.train_file, config.test_file)
    with output_lock(out, config.wait):
        on_event(Started("split"))
        folders, inputs = _split_folders(source, config, on_event, held)
        train = next(iter(folders.values()))["train"]
        identity = identify_split({} if source is None else train.meta, config, inputs)
        written = _write(out, folders, identity, config, held)
    result = SplitResult(
        out=str(out),
        strategy=config.named,
        split_id=identity.split_id,
        n_users=train.n_users,
        n_items=train.n_items,
        parts=written,
        seconds=time.perf_counter() - began,
    )
    return end(Stage.split, began, result, on_event)


def _split_folders(
    source: Path | None, config: SplitConfig, on_event: OnEvent, held: Held
) -> tuple[dict[str, Parts], list[dict[str, Any]]]:
    """Return the parts of every folder ("" is DIR itself), and what was read."""
    whole, inputs = None, []
    if source is not None:
        _require_memory(source, config, on_event)
        whole = held.matrix(source)
        inputs.append({"sha256": held.sha256(source)})
    if config.chosen is Strategy.given:
        train, test = _read_given(whole, config, inputs, on_event)
        return {"": complete_split(train, test, config)}, inputs
    assert whole is not None
    try:
        if config.folds:
            return split_folds(whole, config), inputs
        return {"": split_interactions(whole, config, on_event)}, inputs
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _require_memory(source: Path, config: SplitConfig, on_event: OnEvent) -> None:
    """Refuse a split that memory cannot hold, before its matrix is read."""
    headers = matrix_headers(source)
    copies = config.folds or (2 if config.valid else 1)
    ratings = headers["indices"].length if "indices" in headers else 0
    capacity.require_memory(
        f"splitting {counted(ratings, 'rating')}",
        capacity.splitting(ratings, sum(header.n_bytes for header in headers.values()), copies),
        "take fewer --folds" if config.folds else "fetch fewer rows",
        on_event,
    )


def _read_given(
    whole: Interactions | None, config: SplitConfig, inputs: list[dict[str, Any]], on_event: OnEvent
) -> tuple[Interactions, Interactions]:
    """Read the two files of a published split over one catalogue; describe them in ``inputs``."""
    assert config.train_file is not None
    assert config.test_file is not None
    names = (config.train_file, config.test_file)
    tables: list[RawRows] = []
    for name in names:
        read = read_any(name, on_event=on_event)
        tables.append(read.rows())
        inputs.extend(read.inputs)
    catalog = whole.catalog if whole is not None else join_catalogs(*tables)
    meta = None if whole is None else whole.meta
    parts: list[Interactions] = []
    for rows, name in zip(tables, names, strict=True):
        try:
            part, merged = from_rows(rows, catalog=catalog, meta=meta)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        if merged:
            repeated = counted(merged, "row repeats", "rows repeat")
            on_event(Noted(f"{name}: {repeated} a user and item; the last one counts"))
        parts.append(part if config.threshold is None else apply_threshold(part, config.threshold))
    train, test = parts
    if overlap := count_common(train.rows, test):
        raise InputError(
            f"{config.test_file}: {overlap} of its user and item pairs are in "
            f"{config.train_file} as well"
        )
    return train, test


def _write(
    out: Path,
    folders: dict[str, Parts],
    identity: SplitIdentity,
    config: SplitConfig,
    held: Held,
) -> list[SplitPart]:
    """Write all parts beside their targets, then move them all, which is quick."""
    parts_of_all = [part for parts in folders.values() for part in parts.values()]
    capacity.require_disk(out, sum(stored_bytes(part) for part in parts_of_all))
    out.mkdir(parents=True, exist_ok=True)
    staging = out / ".split.tmp"
    shutil.rmtree(staging, ignore_errors=True)
    written: list[SplitPart] = []
    moves: list[tuple[Path, Path]] = []
    saved: list[tuple[Path, Interactions]] = []
    try:
        for folder, parts in folders.items():
            train = parts["train"]
            for name, part in parts.items():
                path = out / folder / f"{name}.npz"
                staged = staging / folder / f"{name}.npz"
                marked = part.with_meta(identity.meta(name, folder))
                save_interactions(staged, marked, manifest=config.manifest)
                saved.append((path, marked))
                path.parent.mkdir(exist_ok=True)
                moves.append((staged, path))
                written.append(_describe(path, part, train, config))
        with uninterrupted():
            for staged, path in moves:
                move_file(staged, path)
            _remove_stale(out, {part.path for part in written})
        for changed in {path.parent for _, path in moves}:
            flush(changed)
        for path, marked in saved:
            held.keep(path, marked)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return written


def _remove_stale(out: Path, kept: set[str]) -> None:
    """Remove the parts of an earlier split, which would be refused beside this one's."""
    for folder in [out, *sorted(out.glob("fold[0-9]*"))]:
        for name in PARTS:
            path = folder / f"{name}.npz"
            if str(path) not in kept:
                remove_file(path)
        if folder != out and not any(folder.iterdir()):
            folder.rmdir()


def _describe(
    path: Path, part: Interactions, train: Interactions, config: SplitConfig
) -> SplitPart:
    if part is train:
        unknown = 0
    elif config.chosen is Strategy.users:  # no row of theirs is of a user of train
        unknown = int((train.item_counts == 0)[part.indices].sum())
    else:
        unknown = int((~known_rows(part, train)).sum())
    return SplitPart(
        path=str(path),
        n_ratings=part.n_ratings,
        n_users=int((part.user_counts > 0).sum()),
        n_items=int((part.item_counts > 0).sum()),
        unknown_rows=unknown,
    )
