"""``mfcli split``: interactions.npz → train.npz, test.npz and, when asked, valid.npz."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from mfcli.artifacts import (
    file_sha256,
    flush,
    lineage_entry,
    lineage_of,
    load_interactions,
    matrix_headers,
    meta_for,
    output_lock,
    refuse_input_as_output,
    save_interactions,
    stored_bytes,
    uninterrupted,
)
from mfcli.artifacts.meta import to_json
from mfcli.config import FetchConfig, SplitConfig, Strategy
from mfcli.data import splitting
from mfcli.data.held_out import count_common
from mfcli.data.interactions import (
    Catalog,
    Interactions,
    RawRows,
    apply_threshold,
    encode,
    filter_counts,
    from_codes,
    from_rows,
    name_items,
)
from mfcli.errors import InputError, UsageError
from mfcli.results import Noted, OnEvent, SplitPart, SplitResult, Started, ignore
from mfcli.sources.reading import read_any
from mfcli.system import capacity

# train.npz, test.npz and valid.npz of one folder.
Parts = dict[str, Interactions]


def split(
    source: Path | None, out: Path, config: SplitConfig, on_event: OnEvent = ignore
) -> SplitResult:
    """Split ``source`` (or, for ``given``, read the two files) and write the parts below ``out``.

    Raises UsageError, InputError; the folder keeps its earlier split unless all parts are whole.
    """
    began = time.perf_counter()
    if source is None and config.chosen is not Strategy.given:
        raise UsageError("name the FILE.npz to split, or give --train-file and --test-file")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file: name a folder")
    for name in ("train", "test", "valid"):
        refuse_input_as_output(out / f"{name}.npz", source, config.train_file, config.test_file)
    with output_lock(out):
        on_event(Started("split"))
        folders, lineage, catalog = _folders(source, config, on_event)
        identity = hashlib.sha256(to_json({"lineage": lineage}).encode()).hexdigest()[:16]
        written = _write(out, folders, lineage, identity)
    return SplitResult(
        str(out),
        "folds" if config.folds else str(config.chosen),
        identity,
        len(catalog.user_ids),
        len(catalog.item_ids),
        written,
        time.perf_counter() - began,
    )


def _folders(
    source: Path | None, config: SplitConfig, on_event: OnEvent
) -> tuple[dict[str, Parts], list[dict[str, Any]], Catalog]:
    """Return the parts of every folder ("" is DIR itself), the lineage, and the catalogue."""
    options = config.options(leave_out=("train_file", "test_file"))
    options["strategy"] = "folds" if config.folds else str(config.chosen)
    whole, lineage, inputs = None, [], []
    if source is not None:
        _require(source, config, on_event)
        whole = load_interactions(source)
        lineage = lineage_of(whole.meta)
        inputs.append({"sha256": file_sha256(source)})
    if config.chosen is Strategy.given:
        train, test = _read_given(whole, config, inputs, on_event)
        folders = {"": _with_valid(train, test, config)}
    else:
        assert whole is not None
        whole = _filtered(whole, config)
        if not whole.n_ratings:
            raise InputError(f"{source}: no rating is left to split")
        folders = _folds(whole, config) if config.folds else {"": _one(whole, config)}
    if config.drop_unknown:
        folders = {name: _drop_unknown(parts) for name, parts in folders.items()}
    for parts in folders.values():
        _check_not_empty(parts, config)
    lineage = [*lineage, lineage_entry("split", options, inputs)]
    return folders, lineage, next(iter(folders.values()))["train"].catalog


def _require(source: Path, config: SplitConfig, on_event: OnEvent) -> None:
    """Say no before a split that memory cannot hold."""
    heads = matrix_headers(source)
    copies = config.folds or (2 if config.valid else 1)
    ratings = heads["indices"].length if "indices" in heads else 0
    capacity.require_memory(
        f"splitting {ratings:,} ratings",
        capacity.splitting(ratings, sum(each.n_bytes for each in heads.values()), copies),
        "take fewer --folds" if config.folds else "fetch fewer rows",
        on_event,
    )


def _filtered(interactions: Interactions, config: SplitConfig) -> Interactions:
    """Apply the filters; unlike in fetch, users and items keep their place in the matrix."""
    if config.threshold is not None:
        interactions = apply_threshold(interactions, config.threshold)
    if config.min_user_ratings or config.min_item_ratings:
        interactions = filter_counts(interactions, config.min_user_ratings, config.min_item_ratings)
    return interactions


def _one(whole: Interactions, config: SplitConfig) -> Parts:
    test = splitting.held_out(whole, config, (config.seed, 0))
    return _with_valid(whole.keep(~test), whole.keep(test), config)


def _with_valid(train: Interactions, test: Interactions, config: SplitConfig) -> Parts:
    if not config.valid:
        return {"train": train, "test": test}
    mask = splitting.validation(train, config, (config.seed, 1), test.n_ratings)
    return {"train": train.keep(~mask), "test": test, "valid": train.keep(mask)}


def _folds(whole: Interactions, config: SplitConfig) -> dict[str, Parts]:
    """Cut into K folds; with --valid, the next fold validates."""
    assert config.folds is not None
    number = splitting.fold_numbers(whole.n_ratings, config.folds, (config.seed, 0))
    folders: dict[str, Parts] = {}
    for fold in range(config.folds):
        test = number == fold
        valid = number == (fold + 1) % config.folds
        parts = {"test": whole.keep(test)}
        if config.valid:
            parts |= {"train": whole.keep(~test & ~valid), "valid": whole.keep(valid)}
        else:
            parts["train"] = whole.keep(~test)
        folders[f"fold{fold + 1}"] = parts
    return folders


def _read_given(
    whole: Interactions | None, config: SplitConfig, inputs: list[dict[str, Any]], on_event: OnEvent
) -> tuple[Interactions, Interactions]:
    """Read the two files of a published split over one catalogue."""
    assert config.train_file is not None
    assert config.test_file is not None
    tables: list[RawRows] = []
    for name in (config.train_file, config.test_file):
        rows, described = read_any(name, FetchConfig(), on_event)
        tables.append(rows)
        inputs.extend(described)
    catalog = whole.catalog if whole is not None else _shared_catalog(*tables)
    parts: list[Interactions] = []
    for rows, name in zip(tables, (config.train_file, config.test_file), strict=True):
        try:
            part, merged = from_rows(rows, catalog=catalog)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        if merged:
            on_event(Noted(f"{name}: {merged} rows repeat a user and item; the last one counts"))
        parts.append(part if config.threshold is None else apply_threshold(part, config.threshold))
    train, test = parts
    if overlap := count_common(train.rows, test):
        raise InputError(
            f"{config.test_file}: {overlap} of its user and item pairs are in "
            f"{config.train_file} as well"
        )
    return _with_minimum_counts(train, test, config)


def _with_minimum_counts(
    train: Interactions, test: Interactions, config: SplitConfig
) -> tuple[Interactions, Interactions]:
    """Count the ratings of users and items over both parts; a part alone says little of them."""
    if not (config.min_user_ratings or config.min_item_ratings):
        return train, test
    users = np.concatenate([train.users, test.users])
    items = np.concatenate([train.indices, test.indices])
    both, _ = from_codes(users, items, None, None, train.catalog)
    kept = filter_counts(both, config.min_user_ratings, config.min_item_ratings)
    # Filtering took whole users and items, so their rows are those whose user and item are left.
    return (
        train.keep(splitting.known_rows(train, kept)),
        test.keep(splitting.known_rows(test, kept)),
    )


def _shared_catalog(train: RawRows, test: RawRows) -> Catalog:
    def joined(a: Any, b: Any) -> Any:
        if a.dtype.kind != b.dtype.kind:
            a, b = a.astype(np.str_), b.astype(np.str_)
        return encode(np.concatenate([a, b]))[1]

    items = joined(train.items, test.items)
    names = train.item_names | test.item_names
    return Catalog(joined(train.users, test.users), items, name_items(items, names))


def _drop_unknown(parts: Parts) -> Parts:
    train = parts["train"]
    return {
        name: part if part is train else part.keep(splitting.known_rows(part, train))
        for name, part in parts.items()
    }


def _check_not_empty(parts: Parts, config: SplitConfig) -> None:
    for name, part in parts.items():
        if part.n_ratings:
            continue
        if config.chosen is Strategy.leave_n_out and not config.folds:
            mend = f"no user has more than {config.n} ratings: choose a smaller --n"
        elif config.cutoff is not None:
            mend = "choose another --cutoff"
        else:
            mend = "choose other split options"
        raise InputError(f"the split would leave {name} without a rating: {mend}")


def _write(
    out: Path, folders: dict[str, Parts], lineage: list[dict[str, Any]], identity: str
) -> list[SplitPart]:
    """Write all parts beside their targets, then move them all: the last step is the quick one."""
    parts_of_all = [part for parts in folders.values() for part in parts.values()]
    capacity.require_disk(out, sum(stored_bytes(each) for each in parts_of_all))
    out.mkdir(parents=True, exist_ok=True)
    staging = out / ".split.tmp"
    shutil.rmtree(staging, ignore_errors=True)
    written: list[SplitPart] = []
    moves: list[tuple[Path, Path]] = []
    try:
        for folder, parts in folders.items():
            train = parts["train"]
            for name, part in parts.items():
                meta = meta_for("interactions", lineage, split_id=identity, part=name)
                if folder:
                    meta["fold"] = folder
                path = out / folder / f"{name}.npz"
                staged = staging / folder / f"{name}.npz"
                save_interactions(staged, part.with_meta(meta))
                path.parent.mkdir(exist_ok=True)
                moves.append((staged, path))
                written.append(_describe(path, part, train))
        with uninterrupted():
            for staged, path in moves:
                staged.replace(path)
            _drop_stale(out, {each.path for each in written})
        for changed in {path.parent for _, path in moves}:
            flush(changed)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return written


def _drop_stale(out: Path, kept: set[str]) -> None:
    """Remove the parts of an earlier split, which would be refused beside this one's."""
    for folder in [out, *sorted(out.glob("fold[0-9]*"))]:
        for name in ("train", "test", "valid"):
            path = folder / f"{name}.npz"
            if str(path) not in kept:
                path.unlink(missing_ok=True)
        if folder != out and not any(folder.iterdir()):
            folder.rmdir()


def _describe(path: Path, part: Interactions, train: Interactions) -> SplitPart:
    unknown = 0 if part is train else int((~splitting.known_rows(part, train)).sum())
    return SplitPart(
        str(path),
        part.n_ratings,
        int((part.user_counts > 0).sum()),
        int((part.item_counts > 0).sum()),
        unknown,
    )
