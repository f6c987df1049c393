"""The options of recommend and similar that say how a table is written."""

from __future__ import annotations

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
    parquet = "parquet"
    jsonl = "jsonl"


def format_of(name: str) -> TableFormat:
    """Return the format that a file's ending names; standard output and any other ending: csv."""
    ending = name.lower()
    for kind in (TableFormat.csv_gz, TableFormat.parquet, TableFormat.jsonl):
        if ending.endswith(f".{kind}"):
            return kind
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

    def check_format(self, kind: TableFormat) -> None:
        """Refuse --csv-safe where no CSV is written; raises UsageError."""
        if self.csv_safe and kind not in (TableFormat.csv, TableFormat.csv_gz):
            raise UsageError(f"--csv-safe has no meaning in {kind}: it is about CSV")

    def check_files(self) -> None:
        """Refuse "-" for a file that standard input cannot be; raises UsageError."""
        for name in self.given(Role.file):
            may_be = type(self).__dataclass_fields__[name].metadata["role"] & Role.stdin
            if getattr(self, name) == "-" and not may_be:
                raise UsageError(f"{flag(name)} - cannot be used here: name a file")
