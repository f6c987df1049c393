"""The options of recommend and similar that say how a table is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mfcli.config.options import Config, flag, option
from mfcli.config.roles import Role
from mfcli.errors import UsageError

ITEMS = "Which items"  # panels in help
OUTPUT = "Output"


class TableFormat(StrEnum):
    """How a table of results is written."""

    csv = "csv"
    csv_gz = "csv.gz"
    tsv = "tsv"
    parquet = "parquet"
    jsonl = "jsonl"


DELIMITED = frozenset((TableFormat.csv, TableFormat.csv_gz, TableFormat.tsv))
# What a script puts behind the name of a file that it renames itself.
_PASSING = r"\.(tmp|temp|new|next|part|partial|old|bak|previous)$"


def format_of(name: str, option: str = "--out") -> TableFormat:
    """Return the format that a file's ending names; csv for none, as for standard output.

    A number or a date is no ending, and one such as ``.tmp`` stands behind the ending that counts.
    Raises UsageError for any other.
    """
    bare = re.sub(_PASSING, "", name.lower())
    for kind in TableFormat:
        if bare.endswith(f".{kind}"):
            return kind
    ending = re.search(r"(?<=.)\.[a-z]\w*$", bare)
    if ending:
        kinds = ", ".join(f".{kind}" for kind in TableFormat)
        raise UsageError(
            f"{option} {name}: {ending[0]} is the ending of no format that is written: choose one "
            f"of {kinds}"
        )
    return TableFormat.csv


@dataclass(frozen=True, kw_only=True)
class WrittenConfig(Config):
    """How an output takes its place, whatever is in it."""

    wait: float = option(
        0.0,
        "Seconds to wait for another run that holds the output.",
        role=Role.publishing,
        low=0,
        high=1e7,
        panel=OUTPUT,
        metavar="SECONDS",
    )
    manifest: bool = option(
        False,
        "Also write OUT.manifest.json: SHA-256, bytes, counts, options and lineage.",
        role=Role.publishing,
        panel=OUTPUT,
    )

    def check_stream(
        self, *, to_stdout: bool, where: str = "with --out -, which replaces nothing"
    ) -> None:
        """Refuse options about what is replaced where nothing is; raises UsageError."""
        given = self.given(Role.publishing) if to_stdout else []
        asked = [name for name in given if getattr(self, name)]
        if asked:
            raise UsageError(f"{flag(asked[0])} has no meaning {where}")


@dataclass(frozen=True, kw_only=True)
class OutputConfig(WrittenConfig):
    """How a table is written, whatever is in it."""

    csv_safe: bool = option(
        False,
        "In CSV, an apostrophe before ids and names that a spreadsheet takes for a formula.",
        panel=OUTPUT,
    )
    workers: int | None = option(
        None,
        "Threads that score.",
        role=Role.speed | Role.lists,
        low=1,
        high=1024,
        shown="the cores available",
    )

    names: bool | None = option(
        None,
        "Have columns of names, empty where there are none, or have no such columns.",
        role=Role.lists,
        shown="where names are known",
        panel=OUTPUT,
    )

    changes: str | None = option(
        None,
        "Table to write: whose list is not what it was in the output that is replaced.",
        role=Role.publishing | Role.lists | Role.comparing,
        metavar="FILE",
        shown="none",
        panel=OUTPUT,
    )

    def check_changes(self) -> None:
        """Refuse what no table of changes can be called; raises UsageError."""
        if self.changes == "-":
            raise UsageError("--changes - cannot be used here: name a file")
        if self.changes is not None:
            format_of(self.changes, "--changes")

    def check_format(self, kind: TableFormat) -> None:
        """Refuse --csv-safe where no CSV is written; raises UsageError."""
        if self.csv_safe and kind not in DELIMITED:
            raise UsageError(f"--csv-safe has no meaning in {kind}: it is about CSV")

    def check_files(self) -> None:
        """Refuse "-" for a file that standard input cannot be; raises UsageError."""
        for name in self.given(Role.file):
            may_be = type(self).__dataclass_fields__[name].metadata["role"] & Role.stdin
            if getattr(self, name) == "-" and not may_be:
                raise UsageError(f"{flag(name)} - cannot be used here: name a file")
