"""Several sources as one table: parts of like columns, whatever their formats and order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mfcli.config.fetch import FetchConfig, Format
from mfcli.errors import InputError
from mfcli.events import Noted, OnEvent, Progress, Warned
from mfcli.sources.readers.cells import NoRowsError
from mfcli.sources.readers.formats import read_part
from mfcli.sources.readers.source import Source
from mfcli.sources.readers.table import ParsedTable, TableBuilder
from mfcli.system import capacity
from mfcli.wording import counted


def read_parts(
    parts: Sequence[tuple[Source, FetchConfig]], on_event: OnEvent
) -> tuple[ParsedTable, tuple[Format, ...]]:
    """Read all rows of the parts of a table, in their order: the table, and the formats found.

    A part without rows is passed over. Raises InputError that names file and line for what cannot
    be read, and two files whose columns are not alike.
    """
    reading = _Reading(on_event, tuple(source for source, _ in parts))
    whole, first, formats = TableBuilder(), "", list[Format]()
    for source, config in parts:
        reading.begin(source)
        if whole.n_rows:
            source = replace(source, part=replace(source.part, header=whole.header))
        try:
            builder, kind = read_part(source, config, reading)
        except NoRowsError:
            if len(parts) == 1:
                raise
            continue
        if kind not in formats:
            formats.append(kind)
        if not whole.n_rows:
            whole, first = builder, source.name
        elif builder.n_rows:
            _refuse_unlike(whole, first, builder, source.name)
            whole.extend(builder)
        reading.end(source, whole.n_rows)
    if not formats:
        raise NoRowsError(f"{parts[0][0].name}: holds no rows, and neither does another part")
    return whole.finish(), tuple(formats)


def _refuse_unlike(whole: TableBuilder, first: str, other: TableBuilder, name: str) -> None:
    """Raise InputError where another part has not the columns of the first that has rows."""
    if _compared(whole) == _compared(other):
        return
    raise InputError(
        f"{name}: its columns are not those of {first} ({_shown(other)}; there {_shown(whole)}): "
        "name only files that are parts of one table, or the columns with --columns"
    )


def _compared(builder: TableBuilder) -> dict[str, str]:
    return {
        role: re.sub(r"[\W_]", "", column.lower()) or column
        for role, column in builder.columns.items()
    }


def _shown(builder: TableBuilder) -> str:
    return ", ".join(f"{role}={column}" for role, column in builder.columns.items())


@dataclass
class _Reading:
    """What is told of several parts as of one: progress over all, and each remark once."""

    on_event: OnEvent
    sources: tuple[Source, ...]
    done: int = 0

    def __post_init__(self) -> None:
        sizes = [source.size for source in self.sources]
        self.total = None if None in sizes else sum(filter(None, sizes))
        self.source = self.sources[0]
        self.said: set[str] = set()

    def __call__(self, event: object) -> None:
        source = self.source
        if isinstance(event, Progress) and len(self.sources) > 1:
            part = event.done
            if event.total and source.size:
                part = int(event.done / event.total * source.size)
            event = Progress(self.done + part, self.total)
        elif isinstance(event, Noted | Warned):
            bare = event.message.replace(source.name, "")
            if bare in self.said:
                return
            self.said.add(bare)
        self.on_event(event)  # type: ignore[arg-type]

    def begin(self, source: Source) -> None:
        """Go on to a part."""
        self.source = source

    def end(self, source: Source, n_rows: int) -> None:
        """Count a part as read; memory has to hold as many rows as there seem to be in all."""
        self.done += source.size or 0
        if self.total and self.done and source is not self.sources[-1]:
            rows = int(n_rows / self.done * self.total)
            capacity.require_rows(f"{counted(len(self.sources), 'part')}", rows, self.on_event)
