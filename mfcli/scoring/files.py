"""model.pt and the files that the options name → the values that the rest of scoring takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts import file_sha256, load_interactions
from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.artifacts.held import NOTHING, Held
from mfcli.artifacts.meta import are_rated, warnings_of
from mfcli.codes import WarningCode
from mfcli.config import RecommendConfig, SimilarConfig
from mfcli.data.building import from_rows
from mfcli.data.interactions import Ids, Interactions
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Warned, ignore, quietly
from mfcli.models.loading import load_model, scoring_of
from mfcli.scoring.ids import CatalogIndex, IdIndex, IdPairs
from mfcli.scoring.neighbours import NeighbourRanker, make_neighbour_ranker, side_of
from mfcli.scoring.recommender import Recommender
from mfcli.scoring.request import Filters, make_request
from mfcli.system.processors import available_workers
from mfcli.training.fold_in import fold_in
from mfcli.training.guards import check_rated
from mfcli.wording import counted

Inputs = list[dict[str, str]]  # role and SHA-256 of what was read


def load_recommender(
    model: Path, config: RecommendConfig, on_event: OnEvent = ignore, held: Held = NOTHING
) -> tuple[Recommender, Inputs]:
    """Map a model, and read the files that the options name: a recommender, and what was read.

    held: what is in memory of the files. Raises InputError for what cannot be read or used.
    """
    checkpoint = held.checkpoint(model, mapped=True)
    scoring = scoring_of(checkpoint, model)
    for warning in warnings_of(checkpoint.meta):
        on_event(warning)
    everyone, history_inputs = None, Inputs()
    if config.history is not None:
        checkpoint, everyone, history_inputs = fold_history(
            checkpoint, config.history, config, on_event
        )
        scoring = scoring_of(checkpoint, model)
    index = CatalogIndex(checkpoint.catalog)
    inputs, users = Inputs(), None
    if config.users is not None:
        users = _read_ids(config.users, "user", index.users, on_event)
        _refuse_empty(config.users, users, config, "user")
        _refuse_strangers(config.users, users, index, config)
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
    side = side_of(checkpoint, scoring, config, model)
    index = CatalogIndex(checkpoint.catalog)
    filters = read_item_filters(config.items, config.exclude_items, index, Inputs(), on_event)
    asked, n_asked = None, len(side.ids)
    if config.of is not None:
        of_side = index.users if config.users else index.items
        tokens = _read_ids(config.of, "user" if config.users else "item", of_side, on_event)
        rows = of_side.rows(tokens)
        asked, n_asked = np.sort(rows[rows >= 0]), len(tokens)
        if not len(asked):
            word = "user" if config.users else "item"
            raise InputError(f"{config.of}: names no {word} that the model knows")
    ranker = make_neighbour_ranker(
        checkpoint,
        side,
        config,
        asked=asked,
        filters=filters,
        index=index,
        on_event=on_event,
    )
    return ranker, n_asked


def fold_history(
    checkpoint: Checkpoint, source: str, config: RecommendConfig, on_event: OnEvent
) -> tuple[Checkpoint, NDArray[np.int64], Inputs]:
    """Return the model with the users of a history folded in, their rows, and what was read.

    Raises InputError for a history that cannot be read or that holds no item of the model, and for
    one without ratings where the model predicts them: a row of 1 would be the worst of them; and
    for an empty one unless ``config.allow_empty``.
    """
    history, rated, inputs = read_history(source, on_event)
    if not history.n_ratings:
        _refuse_empty(source, (), config, "row")
        on_event(Noted(f"{source}: holds no rows, so nobody is folded in"))
        return checkpoint, np.zeros(0, np.int64), inputs
    check_rated(checkpoint, rated, source)
    folded = fold_in(checkpoint, history, config.workers or available_workers())
    if not len(folded.users):
        raise InputError(
            f"{source}: holds no item that the model knows: give ids as they stand in the "
            "source of its training data"
        )
    if folded.unknown_rows:
        on_event(
            Warned(
                WarningCode.ids,
                f"{source}: {counted(folded.unknown_items, 'item is', 'items are')} not in the "
                f"model: {counted(folded.unknown_rows, 'row is', 'rows are')} left out",
            )
        )
    if folded.untrained_rows:
        on_event(
            Noted(
                f"{source}: {counted(folded.untrained_rows, 'row is', 'rows are')} of items "
                "without a rating in train: they count as seen, and say nothing of a user"
            )
        )
    replaced = len(folded.users) - folded.new_users
    on_event(
        Noted(
            f"folded in {counted(folded.new_users, 'new user')}, and {replaced} that the model "
            "knows"
        )
    )
    return folded.checkpoint, folded.users, inputs


def read_history(source: str, on_event: OnEvent) -> tuple[Interactions, bool, Inputs]:
    """Read an .npz of fetch or split, or any table that fetch reads; the last of doubles counts.

    Returns also whether it has ratings; without them every value is 1.
    """
    if source.endswith(".npz"):
        path = Path(source)
        history = load_interactions(path)
        inputs: Inputs = [{"role": "history", "sha256": file_sha256(path)}]
        return history, are_rated(history.meta), inputs
    from mfcli.sources.reading import read_any  # all readers, where there is something to read

    read = read_any(source, on_event=quietly(on_event), names=False, may_be_empty=True)
    return from_rows(read.rows())[0], read.table.ratings is not None, read.digests("history")


def _read_ids(source: str, role: str, known: IdIndex, on_event: OnEvent) -> list[str]:
    from mfcli.scoring.id_lists import read_ids  # likewise

    return read_ids(source, role, known, on_event)


def read_pairs(source: str, role: str, on_event: OnEvent) -> tuple[IdPairs, Inputs]:
    """Read the users and items of any table that fetch reads."""
    from mfcli.sources.reading import read_any

    read = read_any(source, on_event=quietly(on_event), pairs=True, names=False)
    users, items = read.table.users, read.table.items
    return IdPairs(users.values, users.codes, items.values, items.codes), read.digests(role)


def read_item_filters(
    items: str | None,
    exclude_items: str | None,
    index: CatalogIndex,
    inputs: Inputs,
    on_event: OnEvent = ignore,
) -> Filters:
    """Read --items and --exclude-items, and append what was read to ``inputs``."""
    sources = {"items": items, "exclude_items": exclude_items}
    names = {name: source for name, source in sources.items() if source is not None}
    found = {}
    for name, source in names.items():
        found[name] = _read_ids(source, "item", index.items, on_event)
        if not found[name] and name == "exclude_items":
            on_event(Noted(f"{source}: names no item, so none is left out"))
        inputs.append({"role": name, "sha256": file_sha256(Path(source))})
    return Filters(items=found.get("items"), exclude_items=found.get("exclude_items"), names=names)


def _read_filters(
    config: RecommendConfig, index: CatalogIndex, inputs: Inputs, on_event: OnEvent
) -> Filters:
    of_items = read_item_filters(config.items, config.exclude_items, index, inputs, on_event)
    if config.items is not None and of_items.items is not None:
        _refuse_empty(config.items, of_items.items, config, "item")
    names, seen, exclude = dict(of_items.names), None, None
    if config.seen is not None:
        path = Path(config.seen)
        seen, names["seen"] = IdPairs.of(load_interactions(path)), config.seen
        inputs.append({"role": "seen", "sha256": file_sha256(path)})
    if config.exclude is not None:
        exclude, more = read_pairs(config.exclude, "exclude", on_event)
        names["exclude"] = config.exclude
        if not len(exclude.users):
            on_event(Noted(f"{config.exclude}: holds no pairs, so none is left out"))
        inputs += more
    return Filters(
        items=of_items.items,
        exclude_items=of_items.exclude_items,
        seen=seen,
        exclude=exclude,
        names=names,
    )


def _refuse_empty(
    source: str, ids: Sequence[Any] | Ids, config: RecommendConfig, word: str
) -> None:
    if not len(ids) and not config.allow_empty:
        raise InputError(
            f"{source}: names no {word}, and an empty output would be written: --allow-empty "
            "writes it"
        )


def _refuse_strangers(
    source: str, users: Sequence[str], index: CatalogIndex, config: RecommendConfig
) -> None:
    """Refuse users of whom none is known: ids of another kind look like newcomers."""
    if not users or config.allow_empty or (index.users.rows(users) >= 0).any():
        return
    raise InputError(
        f"{source}: {counted(len(users), 'user id')}, and none is in the model (the first is "
        f"{users[0]!r}, the model's first is {str(index.catalog.user_ids[0])!r}): give ids as they "
        "stand in the "
        "source of the training data; if all of them are newcomers, --allow-empty goes on"
    )


def _digest(tokens: list[str]) -> str:
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()
