"""``latest.json``: how the last run ended, for a monitor and for people."""

from __future__ import annotations

import json
from contextlib import suppress
from enum import StrEnum
from typing import Any

from mfcli.artifacts import atomic_file
from mfcli.artifacts.meta import document_text
from mfcli.nights.places import Place

SCHEMA = 1


class Status(StrEnum):
    """How a run stands or ended."""

    running = "running"  # also of a run that was killed: nothing could be said after it
    published = "published"
    unchanged = "unchanged"  # the same night is published already
    refused = "refused"  # by a gate
    failed = "failed"
    interrupted = "interrupted"
    dry_run = "dry run"
    rolled_back = "rolled back"
    forgotten = "forgotten"  # users were removed from all generations


def write_status(place: Place, document: dict[str, Any]) -> None:
    """Write latest.json, whole or not at all."""
    with atomic_file(place.latest) as stream:
        stream.write(document_text({"schema": SCHEMA, **document}).encode())


def read_status(place: Place) -> dict[str, Any]:
    """Return what latest.json says, {} where it says nothing."""
    with suppress(OSError, ValueError):
        document = json.loads(place.latest.read_text("utf-8"))
        if isinstance(document, dict):
            return document
    return {}
