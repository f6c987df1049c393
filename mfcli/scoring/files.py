"""model.pt and the files that the options name → the values that the rest of scoring takes."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, load_interactions, open_input
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.meta import warnings_of
from mfcli.codes import WarningCode
from mfcli.config import RecommendConfig, SimilarConfig
from mfcli.data.building import from_rows
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned, ignore, quietly
from mfcli.models.loading import load_model, scoring_of, vectors_of
from mfcli.scoring.ids import CatalogIndex, IdIndex, IdPairs
from mfcli.scoring.neighbours import NeighbourRanker, make_neighbour_ranker
from mfcli.scoring.recommender import Recommender
from mfcli.scoring.request import Filters, make_request
from mfcli.sources.reading import read_any
from mfcli.system.processors import available_workers
from mfcli.system.streams import standard_input
from mfcli.training.fold_in import fold_in

USER_NAMES = ("user_id", "userid", "user")
ITEM_NAMES = ("item_id", "itemid", "item", "movieid")

Inputs = list[dict[str, str]]  # role and SHA-256 of what was read


def load_recommender(
    model: Path, config: RecommendConfig, on_event: OnEvent = ignore
) -> tuple[Recommender, Inputs]:
    """Map a model, and read the files that the options name: a recommender, and what was read.

    Raises InputError for what cannot be read or used.
    """
    checkpoint, scoring = load_model(model)
    for warning in warnings_of(checkpoint.meta):
        on_event(warning)
    everyone, history_inputs = None, Inputs()
    if config.history is not None:
        checkpoint, everyone, history_inputs = fold_history(
            checkpoint, config.history, config.workers, on_event
        )
        scoring = scoring_of(checkpoint, model)
    index = CatalogIndex(checkpoint.catalog)
    inputs, users = Inputs(), None
    if config.users is not None:
        users = read_ids(config.users, USER_NAMES, index.users)
        inputs.append({"role": "users", "sha256": _digest(users)})
    filters = _read_filters(config, index, inputs, on_event)
    request = make_request(
        checkpoint,
        config,
        users=users,
        everyone=everyone,
        filters=filters,
        index=index,
        on_event=on_event,
    )
    return Recommender(checkpoint, scoring, request, config), inputs + history_inputs


def load_neighbours(
    model: Path, config: SimilarConfig, on_event: OnEvent = ignore
) -> tuple[NeighbourRanker, int]:
    """Map a model, and read the files that the options name; return how many ids were asked for.

    Raises UsageError for a model without vectors, and InputError.
    """
    checkpoint, scoring = load_model(model)
    vectors = vectors_of(checkpoint, scoring, model, "similar")
    index = CatalogIndex(checkpoint.catalog)
    filters = read_item_filters(config.items, config.exclude_items, index, Inputs())
    asked, n_asked = None, len(vectors.users if config.users else vectors.items)
    if config.of is not None:
        of_side, names = (index.users, USER_NAMES) if config.users else (index.items, ITEM_NAMES)
        tokens = read_ids(config.of, names, of_side)
        rows = of_side.rows(tokens)
        asked, n_asked = np.sort(rows[rows >= 0]), len(tokens)
        if not len(asked):
            word = "user" if config.users else "item"
            raise InputError(f"{config.of}: names no {word} that the model knows")
    ranker = make_neighbour_ranker(
        checkpoint,
        vectors,
        config,
        asked=asked,
        filters=filters,
        index=index,
        on_event=on_event,
    )
    return ranker, n_asked


def fold_history(
    checkpoint: Checkpoint, source: str, workers: int | None, on_event: OnEvent
) -> tuple[Checkpoint, NDArray[np.int64], Inputs]:
    """Return the model with the users of a history folded in, their rows, and what was read.

    Raises InputError for a history that cannot be read or that holds no item of the model.
    """
    history, inputs = read_history(source, on_event)
    folded = fold_in(checkpoint, history, workers or available_workers())
    if not len(folded.users):
        raise InputError(
            f"{source}: holds no item that the model knows: give ids as they stand in the "
            "source of its training data"
        )
    if folded.unknown_rows:
        on_event(
            Warned(
                WarningCode.ids,
                f"{source}: {folded.unknown_items} items are not in the model: their "
                f"{folded.unknown_rows} rows are left out",
            )
        )
    replaced = len(folded.users) - folded.new_users
    on_event(Noted(f"folded in {folded.new_users} new users, and {replaced} that the model knows"))
    return folded.checkpoint, folded.users, inputs


def read_history(source: str, on_event: OnEvent) -> tuple[Interactions, Inputs]:
    """Read an .npz of fetch or split, or any table that fetch reads; the last of doubles counts."""
    if source.endswith(".npz"):
        path = Path(source)
        return load_interactions(path), [{"role": "history", "sha256": file_sha256(path)}]
    read = read_any(source, on_event=quietly(on_event), names=False)
    return from_rows(read.rows())[0], read.digests("history")


def read_pairs(source: str, role: str, on_event: OnEvent) -> tuple[IdPairs, Inputs]:
    """Read the users and items of any table that fetch reads."""
    read = read_any(source, on_event=quietly(on_event), pairs=True, names=False)
    users, items = read.table.users, read.table.items
    return IdPairs(users.values, users.codes, items.values, items.codes), read.digests(role)


def read_item_filters(
    items: str | None, exclude_items: str | None, index: CatalogIndex, inputs: Inputs
) -> Filters:
    """Read --items and --exclude-items, and append what was read to ``inputs``."""
    sources = {"items": items, "exclude_items": exclude_items}
    names = {name: source for name, source in sources.items() if source is not None}
    found = {}
    for name, source in names.items():
        found[name] = read_ids(source, ITEM_NAMES, index.items)
        inputs.append({"role": name, "sha256": file_sha256(Path(source))})
    return Filters(items=found.get("items"), exclude_items=found.get("exclude_items"), names=names)


def _read_filters(
    config: RecommendConfig, index: CatalogIndex, inputs: Inputs, on_event: OnEvent
) -> Filters:
    of_items = read_item_filters(config.items, config.exclude_items, index, inputs)
    names, seen, exclude = dict(of_items.names), None, None
    if config.seen is not None:
        path = Path(config.seen)
        seen, names["seen"] = IdPairs.of(load_interactions(path)), config.seen
        inputs.append({"role": "seen", "sha256": file_sha256(path)})
    if config.exclude is not None:
        exclude, more = read_pairs(config.exclude, "exclude", on_event)
        names["exclude"] = config.exclude
        inputs += more
    return Filters(
        items=of_items.items,
        exclude_items=of_items.exclude_items,
        seen=seen,
        exclude=exclude,
        names=names,
    )


def read_ids(source: str, names: tuple[str, ...], known: IdIndex) -> list[str]:
    """Read the distinct ids of a file or of standard input, in the order they come.

    One a line; or the column of a CSV or TSV whose header has one of ``names`` (case aside); fields
    may be quoted (RFC 4180). Raises InputError where it cannot be read, or has no such column.
    """
    text = _text(source)
    first = text.split("\n", 1)[0].strip("\r")
    for delimiter in ("\t", ","):
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        places = [at for at, name in enumerate(header) if name.lower() in names]
        if places and (len(header) > 1 or known.rows(header)[0] < 0):
            return _distinct(source, text, delimiter, places[0], header=True)
    # Lines: a comma may be a part of the id, so there is no delimiter that could cut it.
    return _distinct(source, text, "\0", 0, header=False)


def _text(source: str) -> str:
    try:
        if source == "-":
            return standard_input().read().decode("utf-8-sig")
        with open_input(Path(source)) as stream:
            return stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{source}: the ids are not UTF-8 text") from None


def _distinct(source: str, text: str, delimiter: str, place: int, *, header: bool) -> list[str]:
    found: dict[str, None] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(rows):
            if (header and not number) or not row or row == [""]:
                continue
            if len(row) <= place:
                raise InputError(f"{source}, line {rows.line_num}: has no column {place + 1}")
            if token := row[place].strip():
                found[token] = None
    except csv.Error as error:
        raise InputError(f"{source}, line {rows.line_num}: {error}") from None
    return list(found)


def _digest(tokens: list[str]) -> str:
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()
