"""Any SOURCE → its rows: located, watched while it is read, and read in whatever format it has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfcli.artifacts import meta_for
from mfcli.artifacts.meta import reading_entry
from mfcli.config import FetchConfig, Role
from mfcli.config.fetch import Format, pairs_only
from mfcli.config.options import flag
from mfcli.data.building import RawRows
from mfcli.data.filtering import apply_threshold, compact, filter_counts
from mfcli.data.interactions import Interactions
from mfcli.errors import InputError, UsageError
from mfcli.events import Noted, OnEvent, Progress, Started, ignore
from mfcli.sources.contents import Located
from mfcli.sources.identity import Inputs, files_of, lists_of_names, watched
from mfcli.sources.locate import expanded, is_demo, locate
from mfcli.sources.naming import names_for
from mfcli.sources.readers.cells import NoRowsError
from mfcli.sources.readers.id_columns import CodedColumn
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import EMPTY_TABLE, ParsedTable
from mfcli.sources.readers.union import read_parts
from mfcli.sources.values import settle_values
from mfcli.system import capacity
from mfcli.wording import counted


@dataclass(frozen=True, kw_only=True)
class ReadTable:
    """A source as it was read.

    table: its rows. names: item id → name. format: what it was read as, "demo" for the built-in
    sample. inputs: name, sha256 and bytes of the files that were read. notice: what to say of the
    licence, if anything.
    """

    table: ParsedTable
    names: dict[Any, str]
    format: str
    inputs: Inputs
    notice: str

    def rows(self) -> RawRows:
        """Return the rows with an id each."""
        return self.table.rows(self.names)

    def digests(self, role: str) -> list[dict[str, str]]:
        """Return ``role`` and SHA-256 of each file, as an artifact of a later stage keeps them."""
        return [{"role": role, "sha256": file["sha256"]} for file in self.inputs]


@dataclass(frozen=True, kw_only=True)
class ReadFacts:
    """How a source became interactions.

    format: what the source was read as, "demo" for the built-in sample. rows_read: its rows.
    without_id, dropped: rows left out by --drop-missing, and by --drop-id. valueless,
    dropped_values: rows left out for a missing rating or time, and by --drop-value.
    duplicates: rows merged into another row of the same user and item. below_threshold, filtered:
    ratings dropped by --threshold, and by the minimum counts. notice: what to say of the source's
    licence, if anything. columns: role → ``column`` of the source and, of ids, ``distinct``.
    """

    format: str
    rows_read: int
    without_id: int
    dropped: int
    valueless: int
    dropped_values: int
    duplicates: int
    below_threshold: int
    filtered: int
    notice: str
    columns: dict[str, dict[str, Any]]


def read_interactions(
    source: str | Sequence[str], config: FetchConfig, on_event: OnEvent = ignore
) -> tuple[Interactions, ReadFacts]:
    """Read SOURCE, merge and filter its rows: ``(interactions, facts)``.

    Several sources are parts of one table.

    The interactions carry ``meta`` with the options and the inputs' SHA-256. Raises InputError for
    a source that cannot be used or of which nothing is left, DownloadError, and UsageError for
    options that do not fit the source.
    """
    read, dropped_values, sources = None, 0, _as_list(source)
    where = sources_name(sources)
    if is_demo(where, on_event):
        interactions, duplicates = make_demo(config, on_event), 0
        rows_read = interactions.n_ratings
    else:
        read = read_any(sources, config, on_event)
        n_rows = len(read.table.users.codes)
        rows_read = n_rows + read.table.missing + read.table.dropped + read.table.valueless
        kept = settle_values(read.table.ratings, config, where, on_event)
        if kept is not None:
            read = replace(read, table=read.table.keep(kept))
        dropped_values = n_rows - len(read.table.users.codes)
        interactions, duplicates = _merge(read, config, where)
    if duplicates:
        on_event(
            Noted(
                f"{counted(duplicates, 'row repeats', 'rows repeat')} a user and item: "
                f"--duplicates {config.duplicates}"
            )
        )
    n_merged = interactions.n_ratings
    interactions, n_above = filter_interactions(interactions, config, where)
    rated = read is None or read.table.ratings is not None
    inputs = read.inputs if read else []
    entry = reading_entry("fetch", _options(config, read), inputs, rated=rated)
    facts = ReadFacts(
        format=read.format if read else "demo",
        rows_read=rows_read,
        without_id=read.table.missing if read else 0,
        dropped=read.table.dropped if read else 0,
        valueless=read.table.valueless if read else 0,
        dropped_values=dropped_values,
        duplicates=duplicates,
        below_threshold=n_merged - n_above,
        filtered=n_above - interactions.n_ratings,
        notice=read.notice if read else "",
        columns=_columns(read.table) if read else {},
    )
    return interactions.with_meta(meta_for("interactions", [entry])), facts


def _columns(table: ParsedTable) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        role: {"column": name} for role, name in table.columns.items()
    }
    for role, ids in (("user", table.users), ("item", table.items)):
        if role in found:
            found[role]["distinct"] = len(ids.values)
    return found


def _merge(read: ReadTable, config: FetchConfig, source: str) -> tuple[Interactions, int]:
    try:
        return read.table.interactions(read.names, config.duplicates)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def filter_interactions(
    interactions: Interactions, config: FetchConfig, source: str
) -> tuple[Interactions, int]:
    """Apply --threshold and the minimum counts: what is left, and how many reached the threshold.

    Raises InputError, which calls the interactions ``source``, where nothing is left.
    """
    above = _above_threshold(interactions, config, source)
    return _with_minimum_counts(above, config, source), above.n_ratings


def _above_threshold(interactions: Interactions, config: FetchConfig, source: str) -> Interactions:
    if config.threshold is None:
        return interactions
    kept = apply_threshold(interactions, config.threshold)
    if not kept.n_ratings:
        raise InputError(
            f"{source}: no rating reaches --threshold {config.threshold:g} (the largest is "
            f"{float(interactions.data.max()):g}): choose a smaller one"
        )
    return compact(kept)


def _with_minimum_counts(
    interactions: Interactions, config: FetchConfig, source: str
) -> Interactions:
    least_user, least_item = config.min_user_ratings, config.min_item_ratings
    if least_user <= 1 and least_item <= 1:
        return compact(interactions)
    kept = filter_counts(interactions, least_user, least_item)
    if not kept.n_ratings:
        raise InputError(
            f"{source}: no rating is left by --min-user-ratings {least_user} --min-item-ratings "
            f"{least_item}: choose smaller ones"
        )
    return compact(kept)


def _options(config: FetchConfig, read: ReadTable | None) -> dict[str, Any]:
    """Return the options that shape the artifact, without where anything is."""
    options = config.stored(
        leave_out=Role.sample | Role.seed if read else Role.source | Role.merging
    )
    return options | {"format": read.format} if read else options | {"sample": True}


def sources_name(sources: Sequence[str]) -> str:
    """Return what one or several sources are called in messages."""
    return sources[0] if len(sources) == 1 else f"{sources[0]} and {len(sources) - 1} more"


def _as_list(source: str | Sequence[str]) -> list[str]:
    sources = [source] if isinstance(source, str) else list(source)
    if not sources:
        raise UsageError("name at least one SOURCE")
    return sources


def read_any(
    source: str | Sequence[str],
    config: FetchConfig | None = None,
    on_event: OnEvent = ignore,
    *,
    pairs: bool = False,
    names: bool = True,
    may_be_empty: bool = False,
) -> ReadTable:
    """Read SOURCE whole, neither merging nor filtering rows: whatever ``mfcli fetch`` takes.

    ``pairs``: the rows are pairs of ids rather than interactions: there may be none, and the
    negatives of a test set will do. ``names=False`` leaves the item names unread.
    ``may_be_empty``: a source without a row or without a byte is a table as well.

    Raises InputError for a source that cannot be read, or that changes meanwhile, DownloadError,
    and UsageError for options that do not fit the source.
    """
    config = config or FetchConfig()
    sources = expanded(_as_list(source))
    if len(sources) == 1 and is_demo(sources[0], on_event):
        return _as_table(make_demo(config, on_event))
    options = pairs_only(config) if pairs else config
    with ExitStack() as stack:
        found = [stack.enter_context(locate(each, config, on_event)) for each in sources]
        where = found[0].name if len(found) == 1 else sources_name(sources)
        parts = [
            (part, located.dataset.complete(options) if located.dataset else options)
            for located in found
            for part in located.data
        ]
        lists, more = lists_of_names(found, config)
        with watched(files_of(found, more)) as inputs:
            _check_digest(found, inputs, config, sources)
            _announce(where, [part for part, _ in parts], on_event)
            read = _read_perhaps_nothing if pairs or may_be_empty else read_parts
            table, kinds = read(parts, on_event)
            table.tell(where, on_event)
            if not pairs and (len(table.users.codes) or not may_be_empty):
                _check_interactions(table, kinds, where)
            named = names_for(lists, table, on_event) if names else {}
    notices = dict.fromkeys(located.dataset.notice for located in found if located.dataset)
    return ReadTable(
        table=table,
        names=named,
        format=", ".join(kinds),
        inputs=inputs,
        notice="\n".join(notices),
    )


def _announce(where: str, parts: Sequence[Source], on_event: OnEvent) -> None:
    if len(parts) > 1:
        shown = ", ".join(part.name for part in parts[:3]) + (", …" if len(parts) > 3 else "")
        on_event(Noted(f"{where}: {counted(len(parts), 'file')} are read as one table ({shown})"))
    sizes = [part.size for part in parts]
    total = None if None in sizes else sum(filter(None, sizes))
    on_event(Started(f"reading {where}", total, "bytes"))


def _read_perhaps_nothing(
    parts: Sequence[tuple[Source, FetchConfig]], on_event: OnEvent
) -> tuple[ParsedTable, tuple[Format, ...]]:
    parts = [(part, own) for part, own in parts if part.head().content.strip()]
    with suppress(NoRowsError):
        if parts:
            return read_parts(parts, on_event)
    return EMPTY_TABLE, (Format.csv,)


def _check_interactions(table: ParsedTable, kinds: Sequence[Format], name: str) -> None:
    if Format.negatives in kinds:
        raise InputError(
            f"{name}: holds the negatives of a test set, not interactions: give it to mfcli "
            "evaluate as --candidates"
        )
    if not len(table.users.codes) and (table.missing or table.dropped or table.valueless):
        raise InputError(f"{name}: no row is left by --drop-missing and --drop-id")
    if not len(table.users.codes):
        raise InputError(f"{name}: holds no rows")


def _as_table(sample: Interactions) -> ReadTable:
    """Return the built-in sample as if it had been read from a file."""
    ids = sample.catalog
    names = (
        {}
        if ids.item_names is None
        else dict(zip(ids.item_ids.tolist(), ids.item_names.tolist(), strict=True))
    )
    table = ParsedTable(
        CodedColumn(sample.users, ids.user_ids),
        CodedColumn(sample.indices.astype(np.int32), ids.item_ids),
        sample.data,
        sample.timestamps,
    )
    return ReadTable(table=table, names=names, format="demo", inputs=[], notice="")


def make_demo(config: FetchConfig, on_event: OnEvent) -> Interactions:
    """Make the built-in sample; raises UsageError for options that it does not have."""
    from mfcli.data.sample import make_sample

    for name in config.given(Role.source):
        raise UsageError(f"{flag(name)} does not apply to the built-in sample")
    capacity.require_memory(
        f"a sample of {counted(config.ratings, 'rating')}",
        capacity.sampling(config.ratings),
        "ask for fewer --ratings",
        on_event,
    )
    on_event(Started("making the sample", config.ratings, "ratings"))
    return make_sample(
        config.users,
        config.items,
        config.ratings,
        config.seed,
        lambda done: on_event(Progress(done, config.ratings)),
    )


def _check_digest(
    found: Sequence[Located], inputs: Inputs, config: FetchConfig, sources: Sequence[str]
) -> None:
    """Hold a single file against --sha256 (a download was held against it before)."""
    if config.sha256 is None:
        return
    if len(found) != 1 or (len(found[0].files) != 1 and not found[0].beside):
        raise UsageError(f"--sha256 is for one file, and {sources_name(sources)} is several")
    if inputs[0]["sha256"] != config.sha256.lower():
        raise InputError(
            f"{sources[0]}: its SHA-256 is {inputs[0]['sha256']}, not the one given as --sha256"
        )
