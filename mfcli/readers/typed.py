"""Parquet and JSON lines."""

from __future__ import annotations

from mfcli.config.stages import FetchConfig
from mfcli.readers.source import Source
from mfcli.readers.table import Table
from mfcli.results import Report


def read_parquet(source: Source, config: FetchConfig, report: Report) -> Table:
    raise NotImplementedError


def read_jsonl(source: Source, config: FetchConfig, report: Report) -> Table:
    raise NotImplementedError
